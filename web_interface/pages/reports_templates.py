"""What reports consist of: the list of templates, and the editor with a preview that follows every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import events, ui

from domain.access import Role
from domain.errors import MonitorError
from domain.report import FigureKind, PageFormat, Part, PeriodKind, ReportOutline, WorkbookFile, template_document
from web_interface.components import Card, Confirm, DataTable, button, choice_field, el, icon, notify, text_field
from web_interface.locale import LANGUAGES
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.reports_workbook import XLSX, WorkbookField
from web_interface.services.reports import ReportTemplate

NEW = "new"
LARGEST_LOGO = 1_048_576
PREVIEW_S = 0.7
FIELDS = ("name", "period", "blocks", "figures", "machines", "areas", "language", "page")


async def build(page: shell.Page, asked: Mapping[str, str]) -> None:
    """The list, or the editor of the template that the address names."""
    templates = await page.services.reports.templates()
    chosen = asked["template"]
    if chosen and page.viewer.may(Role.ENGINEER):
        base = next((t for t in templates if t.id == chosen), None)
        if base is not None or chosen == NEW:
            await TemplateEditor(page, base, templates).build()
            return
    _list(page, templates)


def _list(page: shell.Page, templates: Sequence[ReportTemplate]) -> None:
    words = page.t
    may = page.viewer.may(Role.ENGINEER)
    rows: list[dict[str, Any]] = [_row(page, template, may=may) for template in templates]
    with Card(words("reports.templates"), testid="templates-card") as card:
        if may:
            href = f"/reports?tab=templates&template={NEW}"
            with card.tools, el("a", "em-btn em-btn-primary", testid="template-new", href=href):
                icon("add")
                el("span", text=words("reports.template.new"))
        columns: list[dict[str, Any]] = [
            {"key": "name", "name": words("admin.field.name"), "align": "left", "grow": True},
            {"key": "period", "name": words("reports.period"), "align": "left"},
            {"key": "blocks", "name": words("admin.field.blocks"), "align": "left"},
            {"key": "version", "name": words("reports.col.version"), "align": "right"},
        ]
        DataTable(columns, rows, testid="templates-table", two_lines=True)


def _row(page: shell.Page, template: ReportTemplate, *, may: bool) -> dict[str, Any]:
    content = template.content
    name: dict[str, Any] = {"text": template.title[page.lang], "bold": True,
                            "sub": page.t("reports.template.shipped" if content.shipped else "reports.template.own")}
    if may:
        name["href"] = f"/reports?tab=templates&template={template.id}"
    parts = ", ".join(page.t(f"reports.block.{part.value}") for part in content.parts)
    return {
        "id": template.id,
        "cells": {
            "name": name, "period": {"text": page.t(f"reports.period.{content.period.value}")},
            "blocks": {"text": parts, "tone": "quiet"},
            "version": {"text": str(content.version), "sort": content.version},
        },
    }  # fmt: skip


class TemplateEditor:
    """One template being changed, at the right what comes of it."""

    def __init__(self, page: shell.Page, base: ReportTemplate | None, templates: Sequence[ReportTemplate]) -> None:
        self._page, self._base = page, base
        start = base or next(t for t in templates if t.id == "day")
        self._values: dict[str, Any] = {name: value for name, value in template_document(start.content).items() if name in FIELDS}
        self._id = base.id if base is not None else _free_id(templates)
        if base is None:
            self._values["name"] = ""
        self._version = base.content.version if base is not None else 0
        self._logo: bytes | None = None
        self._keep_logo = True
        self._timer: ui.timer | None = None
        self._asked = 0

    async def build(self) -> None:
        """Draw."""
        page, words = self._page, self._page.t
        with el("div", "em-reports-page em-template-page"):
            title = self._base.title[page.lang] if self._base is not None else words("reports.template.new")
            with Card(title, testid="template-card"), el("div", "em-report-form"):
                self._build_form()
                self._trouble = el("div", "em-form-troubles", testid="template-troubles", role="alert")
                with el("div", "em-dialog-actions"):
                    if self._base is not None and not (self._base.content.shipped and self._version == 1):
                        key = "reports.template.restore" if self._base.content.shipped else "reports.action.delete"
                        button(words(key), self._delete, kind="danger", testid="template-delete")
                    button(words("reports.template.pdf"), self._pdf, icon_name="picture_as_pdf", testid="template-pdf")
                    button(words("action.save"), self._save, kind="primary", testid="template-save")
            with Card(words("reports.preview"), note=words("reports.preview.note"), testid="template-preview-card"):
                self._preview = el("div", "em-report-preview", testid="template-preview")
        await self._draw_preview()

    def _build_form(self) -> None:
        page, words = self._page, self._page.t
        shipped = self._base is not None and self._base.content.shipped
        hint = words("reports.hint.shipped_name") if shipped else ""
        name = text_field(words("admin.field.name"), str(self._values["name"]), testid="template-name", hint=hint)
        name.on_value_change(lambda e: self._set("name", e.value))
        self._choice("period", {kind.value: words(f"reports.period.{kind.value}") for kind in PeriodKind})
        self._many("blocks", {part.value: words(f"reports.block.{part.value}") for part in Part})
        self._many("figures", {figure.value: words(f"reports.figure.{figure.value}") for figure in FigureKind})
        plant = page.services.plant.plant
        self._many("machines", {m.id: m.name for m in plant.machines}, words("reports.hint.all"))
        self._many("areas", {m.section: m.section for m in plant.machines if m.section}, words("reports.hint.all"))
        languages = {"": words("reports.language.site"), **{code: words(f"language.{code}") for code in LANGUAGES}}
        self._choice("language", languages)
        self._choice("page", {paper.value: words(f"reports.page.{paper.value}") for paper in PageFormat})
        self._upload = ui.upload(
            on_upload=self._uploaded, on_rejected=lambda: self._say([words("reports.logo.rejected")]), auto_upload=True,
            max_files=1, max_file_size=LARGEST_LOGO,
        )  # fmt: skip
        self._upload.props("accept='.png,.jpg,.jpeg' flat").classes("em-upload")
        self._upload.props["data-testid"] = "template-logo"
        with el("div", "em-template-logo"):
            el("span", "em-field-label", words("admin.field.logo"))
            button(words("reports.logo.choose"), lambda: self._upload.run_method("pickFiles"), icon_name="image", small=True)
            button(words("reports.logo.remove"), self._drop_logo, kind="quiet", small=True)
            self._logo_words = el("span", "em-quiet", words(f"reports.logo.{'own' if self._has_logo() else 'none'}"))
        workbook = self._base.content.workbook if self._base is not None else None
        self._workbook = WorkbookField(page, self._id, workbook, show=self._show, tried=self._fill_workbook)
        self._workbook.build()

    def _has_logo(self) -> bool:
        return self._base is not None and self._base.content.logo is not None

    def _choice(self, name: str, options: Mapping[str, str]) -> None:
        choice_field(
            self._page.t(f"admin.field.{name}"), options, self._values[name] or "", testid=f"template-{name}",
            on_change=lambda value: self._set(name, value or None),
        )  # fmt: skip

    def _many(self, name: str, options: Mapping[str, str], hint: str = "") -> None:
        """Several, in the order in which they were chosen; what no longer exists stays until it is taken away."""
        known = {**options, **{value: str(value) for value in self._values[name] if value not in options}}
        with el("label", "em-field"):
            el("span", "em-field-label", self._page.t(f"admin.field.{name}"))
            made = ui.select(
                known, value=list(self._values[name]), multiple=True, on_change=lambda e: self._set(name, list(e.value or []))
            )
            made.props("outlined dense use-chips").classes("em-input em-many")
            made.props["data-testid"] = f"template-{name}"
            if hint:
                made.props["hint"] = hint

    def _set(self, name: str, value: Any) -> None:
        self._values[name] = value
        if self._timer is not None:
            self._timer.cancel()
        with self._preview:
            self._timer = ui.timer(PREVIEW_S, self._draw_preview, once=True)

    # -- preview ---------------------------------------------------------------------------------------------------

    def _window(self) -> tuple[int, int] | None:
        """The last whole period; without one the running."""
        try:
            kind = PeriodKind(self._values["period"])
        except ValueError:
            return None
        reports = self._page.services.reports
        window = reports.period(kind, 1) or reports.period(kind, 0)
        return None if window is None else (window.from_us, window.to_us)

    def _draft(self) -> dict[str, object]:
        shipped = self._base is not None and self._base.content.shipped
        name = self._values["name"] or ("" if shipped else self._page.t("reports.template.unnamed"))
        return {"id": self._id, **self._values, "name": name}

    async def _draw_preview(self) -> None:
        page, window = self._page, self._window()
        self._asked += 1
        mine = self._asked
        found: ReportOutline | None = None
        try:
            if window is not None:
                found = await page.services.reports.outline(self._draft(), *window, self._values["language"], page.actor())
            self._say([])
        except MonitorError as exc:
            self._say([f"{w.label}. {w.words}" if w.label else w.words for w in admin_words.troubles(exc, page.lang)])
        if self._preview.is_deleted or mine != self._asked:
            return  # a later change is being drawn
        self._preview.clear()
        with self._preview:
            if found is None:
                el("p", "em-quiet", page.t("reports.preview.nothing"))
            else:
                _outline(found)

    async def _pdf(self) -> None:
        page, window = self._page, self._window()
        if window is None:
            return

        async def act() -> None:
            content = await page.services.reports.preview(self._draft(), *window, self._values["language"], page.actor())
            ui.download.content(content, f"{self._id}-preview.pdf", "application/pdf")

        await admin_frame.attempt(page, act, self._show)

    async def _fill_workbook(self, file: WorkbookFile) -> None:
        page, window = self._page, self._window()
        if window is None:
            return

        async def act() -> None:
            language = self._values["language"]
            content = await page.services.reports.preview(self._draft(), *window, language, page.actor(), file)
            ui.download.content(content, file.file_name, XLSX)

        await admin_frame.attempt(page, act, self._show)

    # -- saving ----------------------------------------------------------------------------------------------------

    def _show(self, exc: MonitorError) -> None:
        self._say([f"{w.label}. {w.words}" if w.label else w.words for w in admin_words.troubles(exc, self._page.lang)])

    def _say(self, lines: Sequence[str]) -> None:
        if self._trouble.is_deleted:
            return
        self._trouble.clear()
        with self._trouble:
            for line in lines:
                with el("div", "em-form-trouble"):
                    icon("error", "em-alarm")
                    el("span", text=line)

    async def _save(self) -> None:
        page = self._page
        draft = {"id": self._id, **self._values}

        async def act() -> None:
            await page.services.reports.save_template(
                draft, page.actor(), known_version=self._version, logo=self._logo, keep_logo=self._keep_logo,
                workbook=self._workbook.file, keep_workbook=self._workbook.keep,
            )

        if await admin_frame.attempt(page, act, self._show):
            notify(page.t("reports.template.saved"))
            ui.navigate.to("/reports?tab=templates")

    async def _delete(self) -> None:
        page = self._page
        title, words = page.t("reports.template.delete"), page.t("reports.template.delete.words")
        ask = Confirm(page.lang, title, words, page.t("reports.action.delete"))
        if await ask.ask() and await admin_frame.attempt(
            page, lambda: page.services.reports.delete_template(self._id, page.actor()), self._show
        ):
            ui.navigate.to("/reports?tab=templates")

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        content = await event.file.read()
        self._upload.reset()
        self._logo, self._keep_logo = content, True
        self._logo_words.set_text(self._page.t("reports.logo.chosen", name=event.file.name[:60]))

    def _drop_logo(self) -> None:
        self._logo, self._keep_logo = None, False
        self._logo_words.set_text(self._page.t("reports.logo.none"))


def _outline(found: ReportOutline) -> None:
    """The report in small: title, verdict, figures, the blocks with how much is in them."""
    el("b", "em-preview-title", found.title)
    el("span", "em-quiet", found.subtitle)
    with el("p", "em-preview-verdict"):
        el("b", text=found.verdict[0] + " ")
        el("span", text=found.verdict[1])
    with el("div", "em-preview-tiles"):
        for name, value, unit, notes in found.tiles:
            with el("div", "em-preview-tile"):
                el("span", "em-quiet", name)
                with el("span", "em-preview-value", value):
                    el("small", text=f" {unit}")
                for note in notes:
                    el("small", "em-quiet", note)
    for title, lines in found.blocks:
        with el("section", "em-preview-block"):
            el("b", text=title)
            for line in lines:
                el("span", "em-quiet", line)


def _free_id(templates: Sequence[ReportTemplate]) -> str:
    taken = {template.id for template in templates}
    return next(f"own-{n}" for n in range(1, len(taken) + 2) if f"own-{n}" not in taken)
