"""The program's own log: its newest lines with level and search, as they come, and a download of what is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.errors import Forbidden
from domain.log_line import LogLine
from web_interface.components import Card, DataTable, Hub, Segmented, Tick, button, el, icon
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell
from web_interface.services import Services

LEVELS = ("INFO", "WARNING", "ERROR")
SHOWN = 300
TABS = (("status", "/status", "monitor_heart"), ("performance", "/status/performance", "speed"),
        ("log", "/status/log", "subject"))
TAB_NAMES = {"status": "nav.status", "performance": "vitals.title", "log": "log.title"}
TONES = {"WARNING": ("warning_amber", "suspect"), "ERROR": ("error", "alarm"), "CRITICAL": ("error", "alarm")}


def register(services: Services, hub: Hub) -> None:
    """The page at /status/log."""

    @ui.page("/status/log", title="")
    async def log_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        crumbs: list[tuple[str, str | None]] = [(admin_frame.text_for(services, "nav.status"), "/status")]
        with shell.page(services, hub, active="status", title_key="log.title", crumbs=crumbs) as page:
            LogPage(page).build()
        return None


def status_tabs(page: shell.Page, chosen: str) -> None:
    """Status, performance, and the log for those who may read it."""
    with el("nav", "em-tabs em-status-tabs", testid="status-tabs", aria_label=page.t("nav.status")):
        for key, path, name in TABS:
            if key == "log" and not page.viewer.may(Role.ENGINEER):
                continue
            attrs = {"aria_current": "page"} if key == chosen else {}
            with el("a", "em-tab", testid=f"status-tab-{key}", href=path, **attrs):
                icon(name)
                el("span", text=page.t(TAB_NAMES[key]))


class LogPage:
    """One open page of the log."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._level, self._text = "INFO", ""
        self._lines: Sequence[LogLine] = ()

    def build(self) -> None:
        """From memory, at once; new lines come on top."""
        page = self._page
        self._lines = self._found()
        with el("div", "em-log-page"):
            status_tabs(page, "log")
            with Card(page.t("log.title"), note=page.t("log.note"), testid="log-card") as card:
                with card.tools:
                    button(page.t("log.download"), self._download, icon_name="file_download", testid="log-download", small=True)
                with el("div", "em-log-bar"):
                    words = {level: page.t(f"log.from.{level.lower()}") for level in LEVELS}
                    Segmented(words, self._level, self._choose, testid="log-level", label=page.t("log.level"))
                    search = ui.input(placeholder=page.t("log.search"), on_change=lambda e: self._search(str(e.value or "")))
                    search.props("outlined dense clearable debounce=300").classes("em-input em-log-search")
                    search.props["data-testid"] = "log-search"
                    search.props["aria-label"] = page.t("log.search")
                shown = rows(self._lines, page.viewer.fmt)
                self._table = DataTable(columns(page.lang), shown, testid="log-table", dense=True, empty=page.t("log.none"))
        page.every(self.live)

    def live(self, _tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        """What came in the last second; nothing is sent while nothing came."""
        found = self._found()
        if [line.number for line in found] == [line.number for line in self._lines]:
            return []
        self._lines = found
        return [(self._table, self._table.row_changes(rows(found, self._page.viewer.fmt)))]

    def _found(self) -> Sequence[LogLine]:
        """Rights are asked for each time: a page may outlive them, and then shows nothing."""
        page = self._page
        try:
            return page.services.log.lines(page.actor(), level=self._level, text=self._text, limit=SHOWN)
        except Forbidden:
            return ()

    def _choose(self, level: str) -> None:
        self._level = level
        self._draw()

    def _search(self, text: str) -> None:
        self._text = text[:200]
        self._draw()

    def _draw(self) -> None:
        self._lines = self._found()
        self._table.show({"rows": rows(self._lines, self._page.viewer.fmt)})

    def _download(self) -> None:
        """What is shown, oldest first, as lines of JSON like the file itself."""
        ui.download.content(as_file(self._found()), "energy-monitoring-log.jsonl", "application/x-ndjson")


def as_file(lines: Sequence[LogLine]) -> str:
    """Lines of JSON, oldest first; times RFC 3339 UTC."""
    return "".join(
        json.dumps(
            {
                "time": datetime.fromtimestamp(line.time_us / 1e6, UTC).isoformat(timespec="milliseconds"), "level": line.level,
                "logger": line.logger, "message": line.message, **({"error": line.error} if line.error else {}),
            },
            ensure_ascii=False,
        )
        + "\n"
        for line in reversed(lines)
    )


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "time", "name": t("admin.col.time", lang), "align": "left"},
        {"key": "level", "name": t("log.level", lang), "align": "left", "sort": False},
        {"key": "message", "name": t("log.message", lang), "align": "left", "grow": True, "sort": False},
        {"key": "logger", "name": t("log.logger", lang), "align": "left"},
    ]


def rows(lines: Sequence[LogLine], fmt: Format) -> list[dict[str, Any]]:
    """One row a line; colour only for what needs a look. Of an error its last line, which names it."""
    return [_row(line, fmt) for line in lines]


def _row(line: LogLine, fmt: Format) -> dict[str, Any]:
    level: dict[str, Any] = {"text": t(f"log.level.{line.level.lower()}", fmt.lang)}
    if line.level in TONES:
        level["icon"], level["tone"] = TONES[line.level]
    else:
        level["tone"] = "quiet"
    error = line.error.strip().splitlines()
    return {
        "id": line.number,
        "cells": {
            "time": {"text": f"{fmt.day(line.time_us)} {fmt.clock(line.time_us, seconds=True)}", "sort": line.time_us},
            "level": level,
            "message": {"text": line.message, "sub": [[error[-1], "em-mono em-quiet"]] if error else ""},
            "logger": {"text": line.logger, "mono": True, "tone": "quiet"},
        },
    }
