"""The audit: who did what, when and from where, and what it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import AuditEntry, AuditQuery, Role
from domain.plant_changes import document_changes, field_changes
from domain.plant_version import ChangeKind, EntryChange
from web_interface.api.audit import FILE_TYPES, MOST_ROWS, file_content
from web_interface.components import Card, DataTable, Hub, Segmented, button, el
from web_interface.format import Format
from web_interface.locale import catalogue, has, t
from web_interface.pages import admin_frame, shell
from web_interface.pages.later import Later
from web_interface.pages.plant_diff import draw_entries
from web_interface.pages.plant_diff_view import field_parts, summary
from web_interface.services import Services

PAGE = 200
DAY_US = 86_400_000_000
PERIODS: dict[str, int | None] = {"day": 1, "week": 7, "month": 30, "all": None}  # days
_LONGEST = 90


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/audit."""

    @ui.page("/admin/audit", title="")
    async def audit_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "audit") as page:
            body = Later(page)
        await body.fill(AuditPage(page).build)
        return None


class AuditPage:
    """One open page of the audit."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._entries: list[AuditEntry] = []
        self._text, self._period, self._show = "", "all", "all"

    async def build(self) -> None:
        """The newest first; older ones on demand."""
        page = self._page
        self._entries = list(await page.services.access.audit(PAGE))
        with Card(page.t("admin.audit"), note=page.t("admin.audit.note"), testid="audit-card") as card:
            with card.tools:
                for kind in ("xlsx", "csv"):
                    button(
                        page.t(f"admin.audit.{kind}"), partial(self._download, kind), icon_name="file_download",
                        testid=f"audit-{kind}", small=True,
                    )  # fmt: skip
            self._bar()
            self._table = DataTable(
                columns(page.lang), self._rows(), testid="audit-table", dense=True, empty=page.t("admin.audit.none"),
                on_row=self._open,
            )  # fmt: skip
            with el("div", "em-audit-more") as self._more:
                button(page.t("admin.audit.more"), self._older, testid="audit-more")
        self._more.set_visibility(len(self._entries) == PAGE)

    def _bar(self) -> None:
        page = self._page
        with el("div", "em-log-bar"):
            shown = {name: page.t(f"admin.audit.show.{name}") for name in ("all", "failed")}
            Segmented(shown, self._show, self._choose_show, testid="audit-show", label=page.t("admin.audit.show"))
            periods = {name: page.t(f"admin.audit.period.{name}") for name in PERIODS}
            Segmented(periods, self._period, self._choose_period, testid="audit-period", label=page.t("admin.audit.period"))
            search = ui.input(placeholder=page.t("admin.audit.search"), on_change=lambda e: self._search(str(e.value or "")))
            search.props("outlined dense clearable debounce=300").classes("em-input em-log-search")
            search.props["data-testid"] = "audit-search"
            search.props["aria-label"] = page.t("admin.audit.search")

    async def _choose_show(self, name: str) -> None:
        self._show = name
        await self._look()

    async def _choose_period(self, name: str) -> None:
        self._period = name
        await self._look()

    async def _search(self, text: str) -> None:
        self._text = text.strip()[:200]
        await self._look()

    def _query(self) -> AuditQuery:
        """What the bar above the table asks for."""
        days = PERIODS[self._period]
        since = None if days is None else self._page.hub.shop().now_us - days * DAY_US
        return AuditQuery(self._text, actions_called(self._text, self._page.lang), since, None, self._show == "failed")

    async def _look(self) -> None:
        """The newest of what is asked for now; an answer that another question has overtaken is not shown."""
        chosen = (self._text, self._period, self._show)
        found = list(await self._page.services.access.audit(PAGE, None, self._query()))
        if chosen != (self._text, self._period, self._show):
            return
        self._entries = found
        self._table.show({"rows": self._rows()})
        self._more.set_visibility(len(found) == PAGE)

    async def _download(self, kind: str) -> None:
        """What is asked for, with all its pages."""
        page = self._page

        async def export() -> None:
            found = await page.services.access.export_audit(page.actor(), self._query(), MOST_ROWS)
            ui.download.content(await file_content(page.services, found, kind, page.lang), f"audit.{kind}", FILE_TYPES[kind])

        await admin_frame.attempt(page, export)

    async def _open(self, number: Any) -> None:
        """All that one entry changed."""
        page = self._page
        entry = next((known for known in self._entries if known.number == number), None)
        if entry is None:
            return
        fmt = page.viewer.fmt
        with ui.dialog() as dialog, el("div", "em-dialog em-dialog-wide em-diff-dialog", testid="audit-entry", role="dialog"):
            el("h2", "em-card-title", f"№ {entry.number}. {action_words(entry, page.lang)}")
            when = f"{fmt.day(entry.time_us)} {fmt.clock(entry.time_us, seconds=True)}"
            said = (when, entry.actor, entry.source, subject_words(entry, page.lang))
            el("p", "em-dialog-text", " · ".join(filter(None, said)))
            with el("div", "em-diff-scroll"), el("div", "em-diff"):
                draw_entries(changes_of(entry), page.lang)
            with el("div", "em-dialog-actions"):
                button(page.t("action.close"), lambda: dialog.submit(None), testid="audit-entry-close")
        await dialog
        if not dialog.is_deleted:
            dialog.delete()

    async def _older(self) -> None:
        shown = self._entries
        more = await self._page.services.access.audit(PAGE, shown[-1].number, self._query())
        if shown is not self._entries:  # another question, or another press of the button, has been answered meanwhile
            return
        self._entries = [*shown, *more]
        self._table.show({"rows": self._rows()})
        self._more.set_visibility(len(more) == PAGE)

    def _rows(self) -> list[dict[str, Any]]:
        return rows(self._entries, self._page.viewer.fmt)


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "number", "name": t("admin.col.number", lang), "align": "right"},
        {"key": "time", "name": t("admin.col.time", lang), "align": "left"},
        {"key": "actor", "name": t("admin.col.actor", lang), "align": "left"},
        {"key": "source", "name": t("admin.col.source", lang), "align": "left"},
        {"key": "action", "name": t("admin.col.action", lang), "align": "left"},
        {"key": "subject", "name": t("admin.col.subject", lang), "align": "left"},
        {"key": "change", "name": t("admin.col.change", lang), "align": "left", "grow": True, "sort": False},
    ]


def rows(entries: Sequence[AuditEntry], fmt: Format) -> list[dict[str, Any]]:
    """One row an entry; only what failed has colour."""
    return [_row(entry, fmt) for entry in entries]


def _row(entry: AuditEntry, fmt: Format) -> dict[str, Any]:
    failed = entry.result != "ok"
    action: dict[str, Any] = {"text": action_words(entry, fmt.lang)}
    if failed:
        action |= {"icon": "error", "tone": "alarm"}
    cells: dict[str, Any] = {
        "number": {"text": str(entry.number), "sort": entry.number},
        "time": {"text": f"{fmt.day(entry.time_us)} {fmt.clock(entry.time_us, seconds=True)}", "sort": entry.time_us},
        "actor": entry.actor or "—",
        "source": {"text": entry.source or "—", "tone": "quiet"},
        "action": action,
        "subject": {"text": shortened(subject_words(entry, fmt.lang)), "bold": True},
        "change": {"parts": change_parts(entry, fmt.lang)},
    }
    return {"id": entry.number, "clickable": bool(entry.old or entry.new), "cells": cells}


def action_words(entry: AuditEntry, lang: str) -> str:
    """What was done; the service's own word where the catalogues have none."""
    key = f"audit.{entry.action}"
    return t(key, lang) if has(key, lang) else entry.action


@cache
def actions(lang: str) -> tuple[str, ...]:
    """Every action that has words."""
    return tuple(key.removeprefix("audit.") for key in catalogue(lang) if key.startswith("audit.") and key.count(".") == 1)


def actions_called(text: str, lang: str) -> tuple[str, ...]:
    """Actions whose words hold `text`: who searches for "logged in" does not know the code."""
    wanted = text.casefold()
    return tuple(a for a in actions(lang) if wanted in t(f"audit.{a}", lang).casefold()) if wanted else ()


def subject_words(entry: AuditEntry, lang: str) -> str:
    """On what; a section of the plant by its name."""
    key = f"history.section.{entry.subject}"
    return t(key, lang) if entry.action == f"{entry.subject}_update" and has(key, lang) else entry.subject


def change_parts(entry: AuditEntry, lang: str) -> list[list[str]]:
    """What differs, in one line: "Scan interval 1 → 5"; of a section the entry that changed first."""
    changes = changes_of(entry)
    if not changes:
        return []
    return field_parts(changes[0], lang) if changes[0].entry == entry.subject and len(changes) == 1 else summary(changes, lang)


def changes_of(entry: AuditEntry) -> tuple[EntryChange, ...]:
    """What an entry of the audit tells of as changed: entries of a section, or the fields of the one it is about."""
    before, after = _read(entry.old), _read(entry.new)
    what, _, done = entry.action.rpartition("_")
    if done == "update" and all(isinstance(side, Mapping) and set(side) == {what} for side in (before, after)):
        return document_changes(before, after)
    fields = field_changes(before, after)
    if not fields:
        return ()
    kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED if after is None else ChangeKind.CHANGED
    named = next((side for side in (after, before) if isinstance(side, Mapping)), {})
    return (EntryChange(f"{what}s", entry.subject, str(named.get("name") or ""), kind, fields),)


def shortened(text: str) -> str:
    """At most one line of a table."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _read(text: str | None) -> Any:
    """What is stored as JSON; anything else as it is."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
