"""What no table of the database can hold, entry by entry: look at it, take it away as a file, discard it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from nicegui import ui

from domain.refused import RefusedRow, RefusedSummary
from web_interface.api.quarantine import LATEST_US
from web_interface.components import button, el, facts
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages.refused_entries import WORDS, EntriesDialog, choice, giving_up, shortened
from web_interface.services import Services

FILE: Final = "/api/quarantine?format=csv"


class TableRefusedDialog(EntriesDialog[RefusedRow]):
    """Over the status page, for administrators."""

    name, key, question = "table-refused", "status.refused", "status.refused.question"

    def title(self) -> str:
        return self._page.t("status.refused")

    def file(self) -> str | None:
        return FILE

    def whole(self) -> int:
        summary = self._page.services.status.storage().refused
        return 0 if summary is None else summary.entries

    def columns(self) -> list[dict[str, Any]]:
        heads = [{"key": "acts", "name": "", "align": "left", "sort": False}]
        return heads + [
            {"key": key, "name": self._page.t(f"status.refused.{key}"), "align": "left", "grow": key == "content"}
            for key in ("content", "time", "noted")
        ]

    def row(self, one: RefusedRow, chosen: bool) -> dict[str, Any]:
        return row(self._page.services, one, self._page.viewer.fmt, chosen)

    async def read(self, most: int, skip: int) -> Sequence[RefusedRow]:
        return await self._page.services.refused.rows(self._page.actor(), most, skip)

    async def discard(self, numbers: Collection[int]) -> int:
        return await self._page.services.refused.discard(self._page.actor(), numbers)

    async def look(self, one: RefusedRow) -> None:
        page = self._page
        with ui.dialog() as dialog, el("div", "em-dialog", testid="table-refused-one", role="dialog"):
            el("h2", "em-card-title", page.t(f"status.refused.kind.{one.kind}"))
            facts(whole(page.services, one, page.viewer.fmt))
            with el("div", "em-dialog-actions"):
                button(page.t("action.close"), dialog.close, testid="table-refused-one-close")
        await dialog
        dialog.delete()


def row(services: Services, one: RefusedRow, fmt: Format, chosen: bool) -> dict[str, Any]:
    """One entry; `chosen` by the box before it."""
    look = {"name": "look", "icon": "visibility", "label": t("status.refused.look", fmt.lang)}
    cells: dict[str, Any] = {
        "acts": {"text": "", "actions": [choice(fmt.lang, chosen), look, giving_up(fmt.lang)]},
        "content": {"text": content(services, one, fmt.lang), "sub": shortened(one.reason, 4 * WORDS)},
        "time": {"text": _moment(one.time_us, fmt), "sort": one.time_us},
        "noted": {"text": _moment(one.noted_us, fmt), "sort": one.noted_us},
    }
    return {"id": one.id, "selected": chosen, "cells": cells}


def content(services: Services, one: RefusedRow, lang: str) -> str:
    """What it is, and its value."""
    if one.kind == "message":
        return f"{t('status.refused.kind.message', lang)}: {shortened(one.value, WORDS)}"
    return f"{services.feeds.tag_name(one.tag_id)} = {shortened(one.value, WORDS)}"


def whole(services: Services, one: RefusedRow, fmt: Format) -> list[tuple[str, str]]:
    """All that is known of it: (name, value)."""
    tag = "" if one.kind == "message" else services.feeds.tag_name(one.tag_id)
    found = {
        "tag": tag, "time": _moment(one.time_us, fmt), "value": one.value,
        "quality": str(one.quality) if one.kind == "sample" else "", "reason": one.reason, "noted": _moment(one.noted_us, fmt),
    }  # fmt: skip
    return [(t(f"status.refused.{key}", fmt.lang), value) for key, value in found.items() if value]


def newest_words(summary: RefusedSummary, fmt: Format, now_us: int) -> str:
    """The one noted last, in a sentence."""
    newest, lang = summary.newest, fmt.lang
    if newest is None:
        return ""
    what = summary.newest_tag or t(f"status.refused.kind.{newest.kind}", lang)
    when = fmt.moment(newest.noted_us, now_us)
    return t("status.refused.newest", lang, when=when, what=what, reason=shortened(newest.reason, WORDS))


def _moment(time_us: int, fmt: Format) -> str:
    """A time beyond the calendar is one of the reasons to be refused."""
    return f"{fmt.day(time_us)} {fmt.clock(time_us, seconds=True)}" if 0 <= time_us <= LATEST_US else MISSING
