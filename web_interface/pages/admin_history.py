"""History of the configuration: its versions, what each changed, an old one as a file, and the way back to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError, NotFound
from domain.plant_version import PlantDiff, PlantVersion, VersionChanges, VersionFile
from web_interface.components import Card, DataTable, Hub, Segmented, button, el, error, icon, notify
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.later import Later
from web_interface.pages.plant_diff import DiffConfirm, draw_diff
from web_interface.pages.plant_diff_view import summary
from web_interface.services import Services

PAGE = 25
MOST_CHARACTERS = 200_000  # of a plant file shown in the page; the download is whole


def register(services: Services, hub: Hub) -> None:
    """The pages at /admin/history and below it."""

    @ui.page("/admin/history", title="")
    async def history_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "history") as page:
            body = Later(page)
        await body.fill(HistoryPage(page).build)
        return None

    @ui.page("/admin/history/{number}", title="")
    async def version_page(number: str) -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        asked = int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else 0
        title = admin_frame.text_for(services, "history.version").replace("{n}", str(asked))
        with admin_frame.section_page(services, hub, "history", title=title, parent="/admin/history") as page:
            body = Later(page)
        await body.fill(VersionPage(page, asked).build)
        return None


class HistoryPage:
    """The list of versions of one open page."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._running = 0
        self._found: list[VersionChanges] = []

    async def build(self) -> None:
        """The newest first; older ones on demand."""
        page, history = self._page, self._page.services.plant_history
        self._running = await history.running()
        self._found = list(await history.versions(page.actor(), PAGE))
        with Card(page.t("admin.history"), note=page.t("history.note"), testid="history-card"):
            self._table = DataTable(columns(page.lang), self._rows(), testid="history-table", empty=page.t("history.none"))
            with el("div", "em-audit-more") as self._more:
                button(page.t("admin.audit.more"), self._older, testid="history-more")
        self._more.set_visibility(len(self._found) == PAGE)

    async def _older(self) -> None:
        page = self._page

        async def act() -> None:
            more = await page.services.plant_history.versions(page.actor(), PAGE, self._found[-1].version.number)
            self._found += more
            self._table.show({"rows": self._rows()})
            self._more.set_visibility(len(more) == PAGE)

        await admin_frame.attempt(page, act)

    def _rows(self) -> list[dict[str, Any]]:
        return rows(self._found, self._running, self._page.viewer.fmt)


class VersionPage:
    """One version: what it changed, what going back to it would change, its file."""

    def __init__(self, page: shell.Page, number: int) -> None:
        self._page, self._number = page, number

    async def build(self) -> None:
        """Its head, and one of three views."""
        page, history = self._page, self._page.services.plant_history
        try:
            file = await history.version(self._number, page.actor())
        except NotFound:
            error(page.lang, page.t("history.gone"), page.t("history.gone.words"))
            return
        running = await history.running() == self._number
        step = await history.step(self._number, page.actor())
        self._build_head(file.version, running)
        with Card(page.t("history.changes"), testid="version-card") as card:
            with card.tools:
                views = {"step": page.t("history.view.step"), "file": page.t("history.view.file")}
                if not running:
                    views["back"] = page.t("history.view.back")
                Segmented(views, "step", self._switch, testid="version-view", label=page.t("history.changes"))
            self._body = el("div", "em-version-body", testid="version-body")
        self._file, self._step = file, step
        self._draw_step()

    def _build_head(self, version: PlantVersion, running: bool) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        with el("section", "em-card em-version-head", testid="version-head"):
            icon("manage_history", "em-admin-card-icon")
            with el("div", "em-version-words"):
                el("b", text=action_words(version, page.lang))
                el("span", "em-quiet", f"{moment(version, fmt)} · {author(version)}")
            if running:
                with el("span", "em-version-running", testid="version-running"):
                    icon("task_alt", "em-good")
                    el("span", text=page.t("history.running"))
            with el("div", "em-version-tools"):
                button(page.t("history.download"), self._download, icon_name="file_download", testid="version-download")
                if not running and page.viewer.may(Role.ADMIN):
                    button(page.t("history.back"), self._go_back, kind="primary", icon_name="settings_backup_restore",
                           testid="version-back")  # fmt: skip
        self._troubles = el("div", "em-version-troubles", testid="version-troubles", role="status")

    def _download(self) -> None:
        ui.download.content(self._file.yaml, f"plant-{self._number}.yaml", "application/yaml")

    async def _switch(self, view: str) -> None:
        if view == "step":
            self._draw_step()
        elif view == "file":
            self._draw_file(self._file)
        elif (diff := await self._way_back()) is not None:
            self._redraw(lambda: draw_diff(self._page, diff))

    def _draw_step(self) -> None:
        step, words = self._step, first_words(self._number, self._page.lang)
        self._redraw(lambda: draw_diff(self._page, step) if step is not None else el("p", "em-quiet", words))

    def _draw_file(self, file: VersionFile) -> None:
        self._redraw(lambda: el("pre", "em-diff-yaml em-mono", file.yaml[:MOST_CHARACTERS], "version-file"))

    def _redraw(self, draw: Any) -> None:
        self._body.clear()
        with self._body:
            draw()

    async def _way_back(self) -> PlantDiff | None:
        page, found = self._page, list[PlantDiff]()

        async def act() -> None:
            found.append(await page.services.plant_history.way_back(self._number, page.actor()))

        await admin_frame.attempt(page, act)
        return found[0] if found else None

    async def _go_back(self) -> None:
        """Asked once, with what changes; a version that does not fit any more says why and changes nothing."""
        page = self._page
        if (diff := await self._way_back()) is None:
            return
        with self._troubles:
            question = DiffConfirm(
                page, page.t("history.ask", n=self._number), page.t("history.ask.words"), page.t("history.back.yes"), diff,
                testid="rollback",
            )  # fmt: skip
        if not await question.ask():
            return
        self._troubles.clear()
        made: list[int] = []

        async def act() -> None:
            made.append(await page.services.plant_history.roll_back(self._number, page.actor(), diff.base))

        if await admin_frame.attempt(page, act, self._show_refusal):
            notify(page.t("history.done", n=self._number, new=made[0]))
            ui.navigate.to("/admin/history")

    def _show_refusal(self, exc: MonitorError) -> None:
        page = self._page
        self._troubles.clear()
        with self._troubles:
            draw_refusal(page, exc)


def draw_refusal(page: shell.Page, exc: MonitorError) -> Element:
    """Why the version cannot run today, place by place."""
    with el("section", "em-card em-plant-problems em-version-refused", testid="version-refused") as block:
        with el("div", "em-error-head"):
            icon("error", "em-alarm")
            el("b", text=page.t("history.refused"))
        el("p", "em-error-text", page.t("history.refused.words"))
        with el("ul", "em-version-why"):
            for trouble in admin_words.troubles(exc, page.lang)[:20]:
                with el("li"):
                    if trouble.place:
                        el("span", "em-mono em-quiet", trouble.place + " ")
                    el("span", text=f"{trouble.label}. {trouble.words}" if trouble.label else trouble.words)
    return block


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "number", "name": t("admin.col.number", lang), "align": "right"},
        {"key": "time", "name": t("admin.col.time", lang), "align": "left"},
        {"key": "actor", "name": t("admin.col.actor", lang), "align": "left"},
        {"key": "action", "name": t("admin.col.action", lang), "align": "left"},
        {"key": "change", "name": t("admin.col.change", lang), "align": "left", "grow": True, "sort": False},
    ]


def rows(found: Sequence[VersionChanges], running: int, fmt: Format) -> list[dict[str, Any]]:
    """One row a version; it leads to its page."""
    return [_row(entry, entry.version.number == running, fmt) for entry in found]


def _row(entry: VersionChanges, running: bool, fmt: Format) -> dict[str, Any]:
    number, by = entry.version.number, entry.version.by
    first = [[first_words(number, fmt.lang), "em-quiet"]]
    shown: dict[str, Any] = {"text": str(number), "sort": number}
    runs = [[t("history.running", fmt.lang), "em-good"]] if running else ""
    cells: dict[str, Any] = {
        "number": shown | ({"icon": "task_alt", "tone": "good", "bold": True} if running else {}),
        "time": {"text": moment(entry.version, fmt), "sort": by.time_us},
        "actor": {"text": author(entry.version)},
        "action": {"text": action_words(entry.version, fmt.lang), "sub": runs},
        "change": {"parts": first if entry.changes is None else summary(entry.changes, fmt.lang)},
    }
    return {"id": number, "href": f"/admin/history/{number}", "cells": cells}


def first_words(number: int, lang: str) -> str:
    """Why a version is compared with nothing."""
    return t("history.very_first" if number == 1 else "history.first", lang)


def moment(version: PlantVersion, fmt: Format) -> str:
    """Day and time of the site, to the second."""
    return f"{fmt.day(version.by.time_us)} {fmt.clock(version.by.time_us, seconds=True)}"


def author(version: PlantVersion) -> str:
    """Who, and with which way in when it was not a page."""
    by = version.by
    return f"{by.author} ({by.source})" if by.source == "cli" else by.author or "—"


def action_words(version: PlantVersion, lang: str) -> str:
    """What was done, as the audit says it."""
    by = version.by
    key = f"audit.{by.action}"
    words = t(key, lang) if has(key, lang) else by.action
    if by.action == "plant_rollback":
        return f"{words} № {by.subject.removeprefix('version ')}"
    return words
