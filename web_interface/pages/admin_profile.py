"""One profile: its head, its points in a table or as YAML, checked as one types and tried on a device before it is saved."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

from nicegui import events, ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError, NotFound
from domain.profile_file import ProfileDraft, ProfileFile
from web_interface.components import Card, Confirm, Hub, Part, Segmented, button, el, icon, link_button, notify, text_field
from web_interface.pages import admin_frame, admin_profiles, admin_words, shell
from web_interface.pages import profile_table as table
from web_interface.pages.admin_form import Field, Form
from web_interface.pages.admin_import import LARGEST
from web_interface.pages.admin_profiles import LIST
from web_interface.pages.admin_words import Trouble
from web_interface.pages.later import Later
from web_interface.pages.profile_filters import FilterDialog, changes
from web_interface.pages.profile_try import TryBar
from web_interface.services import Services

_LONGEST_TYPED = 48_000  # bytes of YAML that are edited in the page: a message of the browser holds 64 KiB


class PointTable(Part, component="../components/point_table.js"):
    """Points with a control in each cell; what is typed comes as `on_edit(row, key, text)`."""

    def __init__(self, data: dict[str, Any], on_edit: Any, on_remove: Any) -> None:
        super().__init__(data, "points-table")
        self.on("edit", lambda e: on_edit(int(e.args[0]), str(e.args[1]), str(e.args[2])))
        self.on("remove", lambda e: on_remove(int(e.args)))


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/profiles/NAME."""

    @ui.page(f"{LIST}/{{name}}", title="")
    async def profile_page(name: str) -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "profiles", title=name[:80], parent=LIST) as page:
            body = Later(page)
        await body.fill(lambda: _build(page, name))
        return None


async def _build(page: shell.Page, name: str) -> None:
    try:
        file = await page.services.profiles.file(name)
    except NotFound as exc:
        el("p", "em-quiet", admin_words.said(exc, page.lang), "profile-unknown")
        return
    ProfilePage(page, file).build()


class ProfilePage:
    """One open profile. The document is what the table shows; the YAML is its text, as typed while that view is open."""

    def __init__(self, page: shell.Page, file: ProfileFile) -> None:
        self._page, self._file = page, file
        self._document: dict[str, Any] = dict(file.document)
        self._text, self._typed = file.text, False  # `_typed`: the text leads, not the document
        self._view = "table" if table.points_of(file.document) or not file.own else "yaml"
        self._draft: ProfileDraft
        self._answers: dict[str, Any] | None = None
        self._table: PointTable | None = None

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def build(self) -> None:
        """What it is, who is read by it, its points, and at the foot what can be done."""
        page, t = self._page, self._page.t
        self._draw_about()
        if self._file.own:
            with Card(t("profile.head"), testid="profile-head"):
                self._form_box = el("div", "em-admin-form-box")
            self._draw_head()
        with Card(t("admin.field.points"), testid="points-card") as card:
            with card.tools:
                if self._file.own:
                    self._upload = ui.upload(
                        on_upload=self._points_uploaded, on_rejected=self._points_rejected, auto_upload=True, max_files=1,
                        max_file_size=LARGEST,
                    )  # fmt: skip
                    self._upload.props("accept='.xlsx,.csv' flat").classes("em-upload")
                    self._upload.props["data-testid"] = "points-upload"
                    button(t("profile.points.in"), self._pick, icon_name="upload_file", small=True, testid="points-in")
                    button(t("profile.points.out"), self._points_out, icon_name="file_download", small=True, testid="points-out")
                    self._add = button(t("profile.point.new"), self._add_point, icon_name="add", small=True, testid="point-add")
                views = {"table": t("profile.view.table"), "yaml": "YAML"}
                self._switch_view = Segmented(
                    views, self._view, self._switch, testid="profile-view", label=t("profile.view")
                )
            self._try = TryBar(page, self._file.name, lambda: self._document, self._protocol, self._answered, self._refused)
            self._points_box = el("div", "em-points-box", testid="points-box")
        self._draw_foot()
        self._draw_points()
        self._check()

    def _draw_about(self) -> None:
        page, t, users = self._page, self._page.t, self._page.services.profiles.users(self._file.name)
        words = [] if self._file.own else [t("profile.shipped.words")]
        words += [t("profile.used", n=len(users), devices=admin_profiles.shortened(users, page.lang, t, 12))] if users else []
        note = self._document.get("notes")
        own_note = str(note.get(page.lang) or "") if isinstance(note, Mapping) and not self._file.own else ""
        source = str(self._document.get("source") or "") if not self._file.own else ""
        if not (words or own_note or source):
            return
        with el("div", "em-admin-note em-profile-about", testid="profile-about"):
            icon("cable" if users else "lightbulb")
            with el("div"):
                for line in (*words, own_note, source and t("profile.source", source=source)):
                    if line:
                        el("p", text=line)

    def _draw_head(self) -> None:
        page, t = self._page, self._page.t
        sure = {level: t(f"profile.sure.{level}") for level in "HML"}
        fields = [
            *(Field(f"title.{lang}", "text", t(f"profile.title.{lang}"), required=True) for lang in ("ru", "en")),
            Field("vendor", "text", t("admin.field.vendor"), required=True),
            Field("confidence", "choice", t("admin.field.confidence"), options=sure, required=True, hint=t("profile.sure.hint")),
            Field("source", "text", t("admin.field.source"), required=True, hint=t("profile.source.hint")),
        ]
        if self._protocol() == "modbus":
            base = {0: t("profile.base.0"), 1: t("profile.base.1")}
            fields += [
                Field("address_base", "choice", t("profile.base"), options=base, default=0, hint=t("profile.base.hint")),
                Field("quirks.max_registers", "whole", t("profile.max_registers"), default=125),
                Field("quirks.pause_between_reads_s", "number", t("profile.pause"), unit=t("unit.s"), default=0),
            ]
        fields += [Field(f"notes.{lang}", "text", t(f"profile.notes.{lang}")) for lang in ("ru", "en")]
        self._form_box.clear()
        with self._form_box:
            self._form = Form(fields, self._document, lang=page.lang, testid="profile-form", on_change=self._head_changed)

    def _draw_foot(self) -> None:
        t = self._page.t
        with el("footer", "em-card em-admin-foot", testid="profile-foot"):
            link_button(t("action.cancel") if self._file.own else t("profile.back"), LIST, testid="profile-cancel")
            if self._file.own:
                button(t("action.delete"), self._delete, kind="danger", testid="profile-delete")
                if self._file.earlier:
                    button(t("profile.earlier"), self._earlier, kind="quiet", testid="profile-earlier")
            self._verdict = el("span", "em-admin-foot-words", testid="profile-verdict", role="status")
            with el("div", "em-admin-foot-right"):
                button(t("profile.copy"), self._copy, icon_name="content_copy", kind="plain" if self._file.own else "primary",
                       testid="profile-copy-this")  # fmt: skip
                if self._file.own:
                    button(t("action.save"), self._save, kind="primary", icon_name="done", testid="profile-save")

    def _draw_points(self) -> None:
        self._points_box.clear()
        self._table = None
        if self._file.own:
            self._add.set_visibility(self._view == "table")
        with self._points_box:
            if self._view == "table":
                self._table = PointTable(self._table_data(), self._edited, self._removed)
            elif self._file.own and len(self._text.encode()) <= _LONGEST_TYPED:
                area = text_field("YAML", self._text, testid="profile-yaml", mono=True, area=True)
                area.props("autogrow debounce=500 spellcheck=false").classes("em-profile-yaml")
                area.on_value_change(lambda e: self._text_typed(str(e.value or "")))
            else:
                el("pre", "em-diff-yaml em-mono", self._text, "profile-text")
            self._trouble_box = el("div", "em-form-troubles", testid="profile-troubles", role="alert")

    def _table_data(self) -> dict[str, Any]:
        t = self._page.t
        keys = ("raw", "value", "remove", "rare", "row", "empty", "region")
        return {
            "columns": table.columns(self._document, self._page.lang), "rows": table.rows(self._document), "marks": {},
            "answers": self._answers, "editable": self._file.own, "words": {key: t(f"profile.table.{key}") for key in keys},
        }  # fmt: skip

    # ---- what stands in it -------------------------------------------------------------------------------------------
    def _protocol(self) -> str:
        return str(self._document.get("protocol") or "")

    def _head_changed(self, _name: str) -> None:
        made = copy.deepcopy(self._document)
        for name in self._form.names:
            _take_out(made, name)
        _merge(made, self._form.values())
        self._become(made)

    def _edited(self, row: int, key: str, typed: str) -> None:
        before = table.rows(self._document)
        self._become(table.edited(self._document, row, key, typed))
        after = table.rows(self._document)
        if self._table is not None and key == "quantity" and [r["units"] for r in before] != [r["units"] for r in after]:
            self._table.show({"rows": after})

    def _removed(self, row: int) -> None:
        self._answers = None
        self._become(table.removed(self._document, row))
        self._redraw_rows()

    def _add_point(self) -> None:
        self._become(table.added(self._document))
        self._redraw_rows()

    # ---- a spreadsheet -----------------------------------------------------------------------------------------------
    def _pick(self) -> None:
        self._upload.run_method("pickFiles")

    def _points_rejected(self) -> None:
        notify(self._page.t("import.rejected", n=LARGEST // 1_000_000), good=False)

    async def _points_uploaded(self, event: events.UploadEventArguments) -> None:
        """The points of the file take the place of these, unsaved: what is wrong stands in its cell."""
        page, name = self._page, event.file.name
        content = await event.file.read()
        self._upload.reset()
        found: list[Any] = []

        async def act() -> None:
            found.extend(await page.services.device_tables.points(name, content, page.actor()))

        if await admin_frame.attempt(page, act):
            self._answers, self._view = None, "table"
            self._switch_view.choose("table")
            self._become({**self._document, "points": [dict(point) for point in found]})
            self._draw_points()
            self._show(self._draft)
            notify(page.t("profile.points.came", n=len(found)))

    def _points_out(self) -> None:
        ui.download.content(table.as_csv(self._document), f"{self._file.name}.csv", "text/csv")

    def _redraw_rows(self) -> None:
        if self._table is not None:
            data = self._table_data()
            self._table.show({key: data[key] for key in ("columns", "rows", "answers")})
            self._show(self._draft)

    def _become(self, document: dict[str, Any]) -> None:
        self._document, self._typed = document, False
        self._check()

    def _text_typed(self, text: str) -> None:
        self._text, self._typed = text, True
        self._check()

    def _check(self) -> None:
        profiles, name = self._page.services.profiles, self._file.name
        if self._typed or (self._view == "yaml" and not self._document):
            self._draft = profiles.check_text(name, self._text)
            self._document = dict(self._draft.document) or self._document
        else:
            self._draft = profiles.check(name, self._document)
        self._show(self._draft)

    def _show(self, draft: ProfileDraft) -> None:
        """Each fault at its cell or field; the rest below the points; at the foot how many there are."""
        page = self._page
        found = [] if draft.error is None else list(admin_words.troubles(draft.error, page.lang))
        if self._table is not None:
            self._table.show({"marks": table.marks(found)})
        rest = table.elsewhere(found) if self._view == "table" else found
        if self._file.own:
            own = [trouble for trouble in rest if self._field_of(trouble) in self._form]
            self._form.show([Trouble(self._field_of(x), x.words) for x in own])
            rest = [trouble for trouble in rest if trouble not in own or self._view == "yaml"]
        self._trouble_box.clear()
        with self._trouble_box:
            for trouble in rest[:30]:
                _trouble_line(page, trouble)
        self._say_verdict(len(found))

    @staticmethod
    def _field_of(trouble: Trouble) -> str:
        return ".".join(str(step) for step in trouble.path)

    def _say_verdict(self, wrong: int) -> None:
        page = self._page
        changed = self._text_now() != self._file.text if self._file.own else False
        words = page.t("profile.wrong", n=wrong) if wrong else page.t("profile.changed") if changed else ""
        self._verdict.text = words
        self._verdict.classes(add="em-alarm" if wrong else "em-quiet", remove="em-quiet" if wrong else "em-alarm")

    def _text_now(self) -> str:
        """What would be saved: the text as it is while only the text was edited, and while nothing was."""
        if self._typed or self._document == dict(self._file.document):
            return self._text if self._typed else self._file.text
        return self._page.services.profiles.text_of(self._document)

    async def _switch(self, view: str) -> None:
        if view == "yaml":
            self._text = self._text_now()
        elif self._typed and not self._draft.document:
            notify(self._page.t("profile.yaml.first"), good=False)
            self._switch_view.choose("yaml")
            return
        self._view = view
        if self._file.own and self._typed:
            self._draw_head()
        self._draw_points()
        self._show(self._draft)

    # ---- trying ------------------------------------------------------------------------------------------------------
    def _answered(self, answers: Any) -> None:
        self._answers = answers
        if self._view != "table":
            self._view = "table"
            self._switch_view.choose("table")
            self._draw_points()
            self._show(self._draft)
        elif self._table is not None:
            self._table.show({"answers": answers})

    def _refused(self, exc: MonitorError) -> None:
        """What is wrong with the draft stands at its cells already; the rest is said."""
        found = [trouble for trouble in admin_words.troubles(exc, self._page.lang) if trouble.path[:1] != ("points",)]
        words = "; ".join(f"{x.label}. {x.words}" if x.label else x.words for x in found)
        notify(words or self._page.t("profile.try.none"), good=False)

    # ---- changing ----------------------------------------------------------------------------------------------------
    async def _save(self) -> None:
        """Whoever is read by it is named and asked for first."""
        page, profiles, name = self._page, self._page.services.profiles, self._file.name
        self._check()
        if self._draft.error is not None:
            notify(page.t("admin.errors", n=len(admin_words.troubles(self._draft.error, page.lang))), good=False)
            return
        users = profiles.users(name)
        draft, tags = self._draft.readable, page.services.live.tags()
        filtered = changes(page.services.plant.plant, tags, users, draft) if draft is not None else []
        if filtered and not await FilterDialog(page, filtered).ask():
            return
        if users:
            words = page.t("profile.touches.words", devices=admin_profiles.shortened(users, page.lang, page.t, 40))
            confirm = Confirm(
                page.lang, page.t("profile.touches", n=len(users)), words, page.t("action.save"), danger=False, testid="touches"
            )
            if not await confirm.ask():
                return
        text = self._text_now()
        if await admin_frame.attempt(page, lambda: profiles.save(name, text, page.actor(), self._file.known), self._save_refused):
            notify(page.t("profile.saved", name=name))
            ui.navigate.to(f"{LIST}/{name}")

    def _save_refused(self, exc: MonitorError) -> None:
        """The profile is right, but the plant cannot live with it, or somebody else was faster."""
        found = admin_words.troubles(exc, self._page.lang)
        self._trouble_box.clear()
        with self._trouble_box:
            for trouble in found[:30]:
                _trouble_line(self._page, trouble)
        notify(found[0].words if len(found) == 1 else self._page.t("admin.errors", n=len(found)), good=False)

    async def _copy(self) -> None:
        page = self._page
        entries = [entry for entry in page.services.profiles.entries() if entry.profile is not None]
        await admin_profiles.copy_dialog(page, entries, self._file.name)

    async def _delete(self) -> None:
        if await admin_profiles.delete(self._page, self._file.name):
            ui.navigate.to(LIST)

    async def _earlier(self) -> None:
        """A text that was replaced comes into the YAML; saving it makes it the present one."""
        page, fmt, file = self._page, self._page.viewer.fmt, self._file
        with ui.dialog() as dialog, el("div", "em-dialog", testid="earlier", role="dialog"):
            el("h2", "em-card-title", page.t("profile.earlier"))
            el("p", "em-dialog-text", page.t("profile.earlier.words"))
            with el("div", "em-earlier"):
                for number, time_us in file.earlier:
                    words = f"№ {number} · {fmt.day(time_us)} {fmt.clock(time_us, seconds=True)}"
                    button(words, partial(dialog.submit, number), testid=f"earlier-{number}")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: dialog.submit(None), testid="earlier-no")
        chosen = await dialog
        if chosen is not None:
            self._text, self._typed, self._view = await page.services.profiles.earlier(file.name, int(chosen)), True, "yaml"
            self._switch_view.choose("yaml")
            self._draw_points()
            self._check()
            self._draw_head()
            self._check()


def _trouble_line(page: shell.Page, trouble: Trouble) -> None:
    where = page.t("profile.line", n=trouble.line) if trouble.line is not None else ""
    with el("div", "em-form-trouble"):
        icon("error", "em-alarm")
        words = f"{trouble.label}. {trouble.words}" if trouble.label else trouble.words
        place = trouble.place if trouble.place and trouble.path[:1] == ("points",) else ""
        el("span", text=": ".join(part for part in (where, place, words) if part))


def _take_out(document: dict[str, Any], name: str) -> None:
    group, _, last = name.rpartition(".")
    here = document if not group else document.get(group)
    if isinstance(here, dict):
        here.pop(last, None)
        if group and not here:
            document.pop(group)


def _merge(document: dict[str, Any], values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            old = document.get(name)
            document[name] = {**(old if isinstance(old, Mapping) else {}), **value}
        else:
            document[name] = value


__all__ = ["PointTable", "ProfilePage", "register"]
