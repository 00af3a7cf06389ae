"""What a destination refused, entry by entry: why, what is in it, and the choice to send it again or to give it up."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from domain.feed import Quarantined
from domain.sample import TextSample
from web_interface.api.destinations import device_of
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.refused_entries import WORDS, EntriesDialog, choice, giving_up, shortened
from web_interface.services import Services

ITEMS_TOLD: Final = 3


class RefusedDialog(EntriesDialog[Quarantined]):
    """The quarantine of one feed over the page of feeds."""

    name, key, question = "feed-refused", "feeds.refused", "feeds.discard.words"

    def __init__(self, page: shell.Page, feed: str, changed: Callable[[], object]) -> None:
        super().__init__(page, changed)
        self._feed = feed

    def title(self) -> str:
        return f"{self._page.t('feeds.refused')}: {self._page.t(f'destination.{self._feed}')}"

    def whole(self) -> int:
        found = next((status for status in self._page.services.feeds.feeds() if status.name == self._feed), None)
        return 0 if found is None else found.book.refusals

    def columns(self) -> list[dict[str, Any]]:
        return columns(self._page.lang)

    def row(self, one: Quarantined, chosen: bool) -> dict[str, Any]:
        return row(self._page.services, one, self._page.viewer.fmt, chosen)

    async def read(self, most: int, skip: int) -> Sequence[Quarantined]:
        return await self._page.services.feeds.quarantine(self._feed, self._page.actor(), most, skip)

    @property
    def can_retry(self) -> bool:
        return True

    async def retry(self, numbers: Collection[int]) -> int:
        return (await self._page.services.feeds.retry_quarantine(self._feed, self._page.actor(), numbers)).entries

    async def discard(self, numbers: Collection[int]) -> int:
        return (await self._page.services.feeds.discard_quarantine(self._feed, self._page.actor(), numbers)).entries


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    heads = ("content", "time", "device")
    return [
        {"key": "acts", "name": "", "align": "left", "sort": False},
        *({"key": key, "name": t(f"feeds.refused.{key}", lang), "align": "left", "grow": key == "content"} for key in heads),
    ]


def row(services: Services, one: Quarantined, fmt: Format, chosen: bool) -> dict[str, Any]:
    """One entry; `chosen` by the box before it."""
    lang, times = fmt.lang, _times(one)
    when = f"{fmt.day(times[0])} {fmt.clock(times[0], seconds=True)}" if times else "—"
    refused = t("feeds.refused.at", lang, when=f"{fmt.day(one.refused_us)} {fmt.clock(one.refused_us, seconds=True)}")
    retry = {"name": "retry", "icon": "replay", "label": t("feeds.retry", lang)}
    cells: dict[str, Any] = {
        "acts": {"text": "", "actions": [choice(lang, chosen), retry, giving_up(lang)]},
        "time": {"text": when, "sub": refused if one.refused_us else "", "sort": times[0] if times else 0},
        "device": device_of(services, one) or "—",
        "content": {"text": shortened(content(services, one, fmt)), "sub": shortened(one.reason, 4 * WORDS)},
    }
    return {"id": one.number, "selected": chosen, "cells": cells}


def content(services: Services, one: Quarantined, fmt: Format) -> str:
    """The first items of it, and how many more there are."""
    name = services.feeds.tag_name
    told = [f"{name(tag)} = {'—' if value is None else fmt.number(value, 3)}" for tag, _us, value, _ in one.samples[:ITEMS_TOLD]]
    told += [f"{name(text.tag_id)} = {_text(text)}" for text in one.texts[: ITEMS_TOLD - len(told)]]
    told += [
        f"{event.kind} {event.subject} {shortened(json.dumps(event.body, ensure_ascii=False), WORDS // 2)}"
        for event in one.events[: ITEMS_TOLD - len(told)]
    ]
    more = len(one.samples) + len(one.texts) + len(one.events) - len(told)
    return "; ".join(told) + (t("feeds.refused.more", fmt.lang, n=more) if more else "")


def _text(text: TextSample) -> str:
    return f"«{shortened(text.text, WORDS // 2)}»"


def _times(one: Quarantined) -> list[int]:
    found = [row[1] for row in one.samples] + [text.time_us for text in one.texts] + [event.time_us for event in one.events]
    return sorted(found)[:1]
