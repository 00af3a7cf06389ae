"""Devices from a spreadsheet: a template, the file judged row by row, and the right rows taken over as one version."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from nicegui import events, ui
from starlette.responses import Response

from domain.access import Role
from domain.device_table import DevicePreview, RowKind, TableRow
from domain.errors import MonitorError
from web_interface.components import (
    Card,
    Confirm,
    DataTable,
    Hub,
    Segmented,
    button,
    el,
    error,
    icon,
    link_button,
    loading,
    notify,
)
from web_interface.locale import has, t
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.plant_diff_view import value_words
from web_interface.services import Services

PATH = "/admin/devices/import"
LARGEST: Final = 5_000_000
_ICONS = {
    RowKind.NEW: ("add_circle_outline", "good"), RowKind.CHANGED: ("edit", "quiet"), RowKind.SAME: ("check", "quiet"),
    RowKind.WRONG: ("error", "alarm"),
}  # fmt: skip
EXPLAINED = (
    "id", "profile", "line", "address", "scan_s", "machine", "machine_name", "section", "ct_ratio", "vt_ratio", "enabled",
    "password_env", "fed_by", "feeds", "meter_class", "ct_class", "calibration_due", "base_address", "address_base", "word_order",
    "table", "order", "timeout_s",
)


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/devices/import."""

    @ui.page("/admin/devices/import", title="")
    async def import_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        title = admin_frame.text_for(services, "import.title")
        with admin_frame.section_page(services, hub, "devices", title=title, parent="/admin/devices") as page:
            ImportPage(page).build()
        return None


class ImportPage:
    """One open import."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._found: DevicePreview | None = None
        self._name = ""

    def build(self) -> None:
        """A template at the left, the file at the right, below what it would do."""
        t = self._page.t
        with el("div", "em-plant-page"):
            with Card(t("import.template"), testid="import-template-card"):
                el("p", "em-plant-words", t("import.template.words"))
                with el("div", "em-import-buttons"):
                    for kind in ("xlsx", "csv"):
                        button(kind.upper(), partial(self._download, kind), icon_name="file_download", testid=f"import-{kind}")
            with Card(t("import.file"), testid="import-file-card"):
                el("p", "em-plant-words", t("import.file.words"))
                self._upload = ui.upload(
                    on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True, max_files=1, max_file_size=LARGEST
                )
                self._upload.props("accept='.xlsx,.csv' flat").classes("em-upload")
                self._upload.props["data-testid"] = "import-upload"
                button(t("admin.plant.choose"), self._pick, kind="primary", icon_name="upload_file", testid="import-choose")
        self._result = el("div", "em-plant-result", testid="import-result", role="status")

    async def _download(self, kind: str) -> None:
        page = self._page

        async def act() -> None:
            words = {name: page.t(f"import.column.{name}") for name in EXPLAINED}
            content = await page.services.device_tables.table(kind, page.actor(), words)
            ui.download.content(content, f"devices.{kind}")

        await admin_frame.attempt(page, act)

    def _pick(self) -> None:
        self._upload.run_method("pickFiles")

    def _rejected(self) -> None:
        notify(self._page.t("import.rejected", n=LARGEST // 1_000_000), good=False)

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        page = self._page
        self._name = event.file.name[:100]
        content = await event.file.read()
        self._upload.reset()
        self._result.clear()
        with self._result:
            loading(4)
        found: list[DevicePreview] = []

        async def look() -> None:
            found.append(await page.services.device_tables.preview(self._name, content, page.actor()))

        if await admin_frame.attempt(page, look, self._refused) and not self._result.is_deleted:
            self._found = found[0]
            self._draw(found[0])

    def _refused(self, exc: MonitorError) -> None:
        page = self._page
        self._result.clear()
        with self._result:
            error(page.lang, page.t("import.refused", name=self._name), admin_words.said(exc, page.lang), testid="import-refused")

    # ---- what it would do --------------------------------------------------------------------------------------------
    def _draw(self, found: DevicePreview) -> None:
        page, t = self._page, self._page.t
        self._result.clear()
        with self._result:
            if found.header:
                words = "; ".join(cell_words(problem, page.lang) for problem in found.header)
                error(page.lang, t("import.header", name=self._name), words, testid="import-header")
                return
            if found.error is not None:
                words = admin_words.said(found.error, page.lang)
                error(page.lang, t("import.plant", name=self._name), words, testid="import-plant")
            counts = {kind: found.count(kind) for kind in RowKind}
            with Card(self._name, note=t("import.rows", n=len(found.rows)), testid="import-card") as card:
                with card.tools:
                    views = {"all": t("import.view.all")} | {
                        kind.value: f"{t(f'import.view.{kind.value}')} {counts[kind]}" for kind in RowKind if counts[kind]
                    }
                    Segmented(views, "all", self._filter, testid="import-view", label=t("import.view"))
                self._table = DataTable(columns(page.lang), rows(found, page.lang), testid="import-table", two_lines=True)
                with el("div", "em-import-foot"):
                    words = t("import.some", n=counts[RowKind.WRONG]) if counts[RowKind.WRONG] else t("import.none_wrong")
                    icon("error" if counts[RowKind.WRONG] else "check_circle", "em-alarm" if counts[RowKind.WRONG] else "em-good")
                    el("span", text=words)
                    with el("div", "em-admin-foot-right"):
                        if found.importable:
                            words = t("import.do", n=found.importable)
                            button(words, self._apply, kind="primary", icon_name="done", testid="import-do")

    def _filter(self, view: str) -> None:
        if self._found is not None:
            kind = None if view == "all" else RowKind(view)
            self._table.show({"rows": rows(self._found, self._page.lang, kind)})

    async def _apply(self) -> None:
        page, found = self._page, self._found
        if found is None:
            return
        words = page.t("import.ask.words", new=found.count(RowKind.NEW), changed=found.count(RowKind.CHANGED))
        title = page.t("import.ask", name=self._name)
        confirm = Confirm(page.lang, title, words, page.t("import.yes"), danger=False, testid="import-ask")
        if not await confirm.ask():
            return
        if await admin_frame.attempt(
            page, lambda: page.services.device_tables.apply(found, self._name, page.actor()), self._refused
        ):
            self._done(found)

    def _done(self, found: DevicePreview) -> None:
        t = self._page.t
        self._result.clear()
        with self._result, el("section", "em-card em-plant-done", testid="import-done"):
            icon("task_alt", "em-good")
            with el("div"):
                el("b", text=t("import.done", n=found.importable))
                el("p", "em-quiet", t("import.done.words"))
                with el("div", "em-import-buttons"):
                    link_button(t("admin.devices"), "/admin/devices", testid="import-devices")
                    link_button(t("admin.history"), "/admin/history", testid="import-history")


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the preview."""
    return [
        {"key": "row", "name": t("import.col.row", lang), "align": "right"},
        {"key": "device", "name": t("status.col.device", lang), "align": "left"},
        {"key": "kind", "name": t("import.col.kind", lang), "align": "left"},
        {"key": "what", "name": t("import.col.what", lang), "align": "left", "grow": True, "sort": False},
    ]


def rows(found: DevicePreview, lang: str, kind: RowKind | None = None) -> list[dict[str, Any]]:
    """Rows of the preview, of one kind only where asked for."""
    return [_row(row, lang) for row in found.rows if kind in {None, row.kind}]


def _row(row: TableRow, lang: str) -> dict[str, Any]:
    name, tone = _ICONS[row.kind]
    wide: dict[str, Any] = {"text": what_words(row, lang)}
    if row.kind is RowKind.WRONG:
        first, *more = [cell_words(problem, lang) for problem in row.problems] or [""]
        wide = {"text": first, "sub": "; ".join(more)}
    cells: dict[str, Any] = {
        "row": {"text": str(row.number), "sort": row.number},
        "device": {"text": row.device[:80] or "—", "bold": True},
        "kind": {"text": t(f"import.kind.{row.kind.value}", lang), "icon": name, "tone": tone},
        "what": wide,
    }
    return {"id": row.number, "cells": cells}


def what_words(row: TableRow, lang: str) -> str:
    """What a right row brings or changes."""
    if row.kind is RowKind.NEW:
        shown = [str(row.fields[name]) for name in ("profile", "line", "address", "machine_name") if name in row.fields]
        return ", ".join(shown)
    named = [(admin_words.label_of(change.field, lang) or change.field, change) for change in row.changes]
    return ", ".join(f"{name}: {value_words(change.old, lang)} → {value_words(change.new, lang)}" for name, change in named)


def cell_words(problem: Any, lang: str) -> str:
    """"D7. Address. Is 'x'; expected …"."""
    words = admin_words.problem_words(problem.message, problem.expected, lang)
    key = f"import.field.{problem.field}"
    label = t(key, lang) if has(key, lang) else admin_words.label_of(problem.field, lang)
    return ". ".join(part for part in (problem.cell, label, words) if part)
