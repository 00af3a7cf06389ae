"""Alignments: tags of different rates on one time grid; the list, and the editor of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.alignment import AlignMode
from domain.errors import Conflict, MonitorError
from domain.quantity import Kind
from web_interface.components import Card, Confirm, DataTable, Hub, button, el, empty, link_button, notify
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import Field, Form, id_field
from web_interface.services import Services

LIST = "/admin/alignments"
SHORTEST_MS, LONGEST_MS, LONGEST_NAME = 10, 3_600_000, 100
GRID_MS = 1000
Entry = dict[str, Any]


def register(services: Services, hub: Hub) -> None:
    """The pages at /admin/alignments, .../new and .../{id}/edit."""

    @ui.page(LIST, title="")
    async def list_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "alignments") as page:
            AlignmentsPage(page).build()
        return None

    @ui.page(f"{LIST}/new", title="")
    async def new_page() -> Response | None:
        return await _show(services, hub, None)

    @ui.page(f"{LIST}/{{alignment}}/edit", title="")
    async def edit_page(alignment: str) -> Response | None:
        return await _show(services, hub, alignment)


async def _show(services: Services, hub: Hub, wanted: str | None) -> Response | None:
    if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
        return answer
    title = admin_frame.text_for(services, "align.new" if wanted is None else "align.edit")
    with admin_frame.section_page(services, hub, "alignments", title=title, parent=LIST) as page:
        found = next((entry for entry in entries(page) if entry.get("id") == wanted), None)
        if wanted is not None and found is None:
            el("p", "em-quiet", page.t("align.unknown", id=wanted[:64]), "align-unknown")
            return None
        AlignmentEditor(page, found).build()
    return None


def entries(page: shell.Page) -> list[Entry]:
    """What is stored, as entries that may be changed."""
    listed = page.services.plant.section("alignments")
    return [dict(entry) for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []


class AlignmentsPage:
    """The list of one open page."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._known = entries(page)

    def build(self) -> None:
        """A row an alignment; a click opens it."""
        page, t = self._page, self._page.t
        admin_frame.tell_of_others(page, lambda: entries(page) != self._known)
        columns: list[dict[str, Any]] = [
            {"key": "name", "name": t("admin.field.name"), "align": "left"},
            {"key": "grid", "name": t("align.grid"), "align": "right"},
            {"key": "deadline", "name": t("align.deadline"), "align": "right"},
            {"key": "series", "name": t("align.series"), "align": "left", "grow": True, "sort": False},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        with Card(t("admin.alignments"), note=t("align.note"), testid="alignments-card") as card:
            with card.tools:
                link_button(t("align.new"), f"{LIST}/new", kind="primary", icon_name="add", testid="alignment-new")
            if not self._known:
                empty("align_horizontal_left", t("align.none"), t("align.none.words"), testid="alignments-empty")
                return
            DataTable(columns, [self._row(entry) for entry in self._known], testid="alignments-table", two_lines=True,
                      on_row=self._open, on_action=self._delete)  # fmt: skip

    def _row(self, entry: Entry) -> dict[str, Any]:
        page = self._page
        remove = {"name": "alignment-delete", "icon": "delete_outline", "label": page.t("action.delete"), "kind": "quiet"}
        grid = entry.get("grid_ms") or GRID_MS
        tags = [str(one.get("tag")) for one in entry.get("series") or () if isinstance(one, Mapping)]
        cells: dict[str, Any] = {
            "name": {"text": str(entry.get("name") or entry.get("id")), "bold": True,
                     "sub": str(entry.get("id")) if entry.get("name") else ""},
            "grid": self._ms(grid),
            "deadline": self._ms(entry.get("deadline_ms") or 2 * grid),
            "series": {"text": page.t("align.tags", n=len(tags)), "sub": ", ".join(tags)[:120]},
            "do": {"text": "", "actions": [remove]},
        }  # fmt: skip
        return {"id": str(entry.get("id")), "clickable": True, "cells": cells}

    def _ms(self, value: float) -> dict[str, Any]:
        return {"text": self._page.t("status.ms", value=self._page.viewer.fmt.number(value, 0)), "sort": value}

    def _open(self, alignment_id: Any) -> None:
        ui.navigate.to(f"{LIST}/{quote(str(alignment_id), safe='')}/edit")

    async def _delete(self, alignment_id: Any, _name: str) -> None:
        if await delete(self._page, str(alignment_id), self._known):
            ui.navigate.to(LIST)


async def delete(page: shell.Page, alignment_id: str, known: list[Entry]) -> bool:
    """After a question; True when it is gone."""
    name = next((entry.get("name") for entry in known if entry.get("id") == alignment_id), None) or alignment_id
    words = page.t("align.delete.words", name=name)
    if not await Confirm(page.lang, page.t("align.delete"), words, page.t("action.delete"), testid="delete").ask():
        return False
    left = [entry for entry in known if entry.get("id") != alignment_id]
    saved = await admin_frame.attempt(
        page, lambda: page.services.plant.save_section("alignments", left, page.actor(), known=known)
    )
    if saved:
        notify(page.t("admin.saved"))
    return saved


class AlignmentEditor:
    """One open editor. `stored`: the entry that is changed; None: a new one."""

    def __init__(self, page: shell.Page, stored: Entry | None) -> None:
        self._page, self._stored = page, stored
        self._known = entries(page)
        self._series: list[Form] = []
        self._form: Form
        self._list: Element
        tags = page.services.live.tags()
        self._tags = {tag.name: tag.name for tag in tags if tag.quantity.kind is not Kind.TEXT}

    def build(self) -> None:
        """Grid and deadline; the tags; the foot."""
        page, stored = self._page, self._stored or {}
        admin_frame.tell_of_others(page, lambda: entries(page) != self._known)
        with Card(page.t("align.frames"), testid="alignment-card"):
            self._form = Form(self._head(), stored, lang=page.lang, testid="alignment-form")
        with Card(page.t("align.series"), note=page.t("align.series.note"), testid="series-card"):
            self._list = el("div", "em-align-list")
            listed: Sequence[Mapping[str, object]] = stored.get("series") or ({},)
            for one in listed:
                self._add(one)
            button(page.t("align.series.add"), lambda: self._add({}), icon_name="add", testid="series-add")
        with el("footer", "em-card em-admin-foot", testid="alignment-foot"):
            link_button(page.t("action.cancel"), LIST, testid="alignment-cancel")
            if self._stored is not None:
                button(page.t("action.delete"), self._delete, kind="danger", testid="alignment-delete")
            el("span", "em-quiet em-admin-foot-words", page.t("money.tariff.foot"))
            with el("div", "em-admin-foot-right"):
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="alignment-save")

    def _head(self) -> Sequence[Field]:
        t, ms = self._page.t, self._page.t("align.ms")
        return [
            *id_field(self._page.lang, new=self._stored is None),
            Field("name", "text", t("admin.field.name"), longest=LONGEST_NAME, hint=t("align.hint.name")),
            Field("grid_ms", "whole", t("align.grid"), unit=ms, default=GRID_MS, low=SHORTEST_MS, high=LONGEST_MS,
                  hint=t("align.hint.grid")),
            Field("deadline_ms", "whole", t("align.deadline"), unit=ms, low=SHORTEST_MS, high=LONGEST_MS,
                  hint=t("align.hint.deadline")),
        ]  # fmt: skip

    def _add(self, values: Mapping[str, object]) -> None:
        page, t, number = self._page, self._page.t, len(self._series)
        modes = {mode.value: t(f"alignments.mode.{mode.value}") for mode in AlignMode}
        fields = [
            Field("tag", "choice", t("alignments.col.tag"), options=self._tags, required=True, search=True),
            Field("mode", "choice", t("alignments.col.mode"), options=modes, default=AlignMode.HOLD.value),
            Field("tolerance_ms", "whole", t("align.tolerance"), unit=t("align.ms"), low=0, high=LONGEST_MS,
                  hint=t("align.hint.tolerance")),
        ]  # fmt: skip
        with self._list, el("section", "em-align-row", testid=f"series-{number}") as row:
            form = Form(fields, values, lang=page.lang, testid=f"series-{number}-form", classes="em-form em-align-fields")
            button(icon_name="delete_outline", label=t("align.series.remove"), kind="quiet", testid=f"series-{number}-remove",
                   on_click=lambda: self._remove(form, row))  # fmt: skip
        self._series.append(form)

    def _remove(self, form: Form, row: Element) -> None:
        self._series.remove(form)
        row.delete()

    # ---- saving ------------------------------------------------------------------------------------------------------
    async def _save(self) -> None:
        page = self._page
        right = [form.check() for form in (self._form, *self._series)]
        if not all(right):
            notify(page.t("detector.wrong"), good=False)
            return
        entry = self._form.values() | {"series": [form.values() for form in self._series]}
        if self._stored is not None:
            entry = {"id": self._stored["id"], **entry}
        if await admin_frame.attempt(page, lambda: self._store(entry), lambda exc: self._show_troubles(exc, str(entry["id"]))):
            notify(page.t("admin.saved"))
            ui.navigate.to(LIST)

    async def _store(self, entry: Entry) -> None:
        if self._stored is None and any(known.get("id") == entry["id"] for known in entries(self._page)):
            raise Conflict(f"alignment {entry['id']!r} exists already")
        listed = [entry if known.get("id") == entry["id"] else known for known in self._known]
        wanted = listed if self._stored is not None else [*listed, entry]
        await self._page.services.plant.save_section("alignments", wanted, self._page.actor(), known=self._known)

    def _show_troubles(self, exc: MonitorError, alignment_id: str) -> None:
        """Each at its field, of the head or of a tag."""
        place = next((n for n, known in enumerate(self._known) if known.get("id") == alignment_id), len(self._known))
        found = admin_words.troubles(exc, self._page.lang, own=f"alignments[{place}]")
        rest = []
        for trouble in found:
            steps = trouble.path[2:] if trouble.path[:2] == ("alignments", place) else ()
            number = steps[1] if len(steps) > 2 and steps[0] == "series" else None
            if isinstance(number, int) and number < len(self._series):
                self._series[number].point_out(str(steps[2]), trouble.words)
            else:
                rest.append(trouble)
        self._form.show(rest)

    async def _delete(self) -> None:
        if self._stored is not None and await delete(self._page, str(self._stored["id"]), self._known):
            ui.navigate.to(LIST)
