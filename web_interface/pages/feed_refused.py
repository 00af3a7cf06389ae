"""What a destination refused, entry by entry: why, what is in it, and the choice to send it again or to give it up."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

from nicegui import ui

from domain.feed import Moved, Quarantined
from domain.sample import TextSample
from web_interface.api.destinations import device_of
from web_interface.components import Confirm, DataTable, button, el, notify
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell
from web_interface.services import Services

PAGE: Final = 50
WORDS: Final = 80
ITEMS_TOLD: Final = 3


class RefusedDialog:
    """The quarantine of one feed over the page of feeds; `changed` is called after each act."""

    def __init__(self, page: shell.Page, name: str, changed: Callable[[], object]) -> None:
        self._page, self._name, self._changed = page, name, changed
        self._entries: list[Quarantined] = []
        self._skip = 0
        self._chosen: set[int] = set()

    async def show(self) -> None:
        """Until it is closed."""
        page = self._page
        if not await self._read():
            return
        with ui.dialog() as dialog, el("div", "em-dialog em-dialog-wide em-feed-refused", testid="feed-refused", role="dialog"):
            el("h2", "em-card-title", f"{page.t('feeds.refused')}: {page.t(f'destination.{self._name}')}")
            self._told = el("p", "em-dialog-text", testid="feed-refused-told", role="status")
            self._table = DataTable(
                columns(page.lang), [], testid="feed-refused-table", empty=page.t("feeds.refused.none"), two_lines=True,
                on_action=self._on_action,
            )  # fmt: skip
            self._buttons()
            with el("div", "em-dialog-actions"):
                button(page.t("action.close"), dialog.close, testid="feed-refused-close")
        self._draw()
        await dialog
        dialog.delete()

    def _buttons(self) -> None:
        page = self._page
        with el("div", "em-import-buttons"):
            self._all = button("", self._choose_all, small=True, icon_name="check", label=page.t("feeds.refused.all"),
                               testid="feed-refused-all")  # fmt: skip
            with el("div", "em-import-buttons", testid="feed-refused-chosen") as self._acts:
                self._count = el("span", "em-quiet", testid="feed-refused-count")
                button(page.t("feeds.retry"), lambda: self._retry(self._chosen), small=True, testid="feed-refused-retry")
                button(page.t("feeds.discard"), lambda: self._discard(self._chosen), small=True, kind="danger",
                       testid="feed-refused-discard")  # fmt: skip
            with el("div", "em-import-buttons") as self._pages:
                for label, step in (("feeds.refused.before", -PAGE), ("feeds.refused.after", PAGE)):
                    button(page.t(label), partial(self._turn, step), small=True, testid=label.replace(".", "-"))

    # ---- what is shown -----------------------------------------------------------------------------------------------
    async def _read(self) -> bool:
        """The entries of this leaf; the one before where nothing is left here."""
        page = self._page

        async def act() -> None:
            while True:
                self._entries = [*await page.services.feeds.quarantine(self._name, page.actor(), PAGE, self._skip)]
                if self._entries or not self._skip:
                    return
                self._skip = max(0, self._skip - PAGE)

        self._chosen.clear()
        return await admin_frame.attempt(page, act)

    def _draw(self) -> None:
        page, count = self._page, self._whole()
        last = self._skip + len(self._entries)
        words = page.t("feeds.refused.shown", begin=self._skip + 1, end=last, n=count) if self._entries else ""
        self._told.text = words
        self._told.set_visibility(bool(words))
        self._count.text = page.t("feeds.refused.chosen", n=len(self._chosen))
        self._acts.set_visibility(bool(self._chosen))
        self._all.set_visibility(len(self._entries) > 1)
        self._pages.set_visibility(count > PAGE)
        rows = [row(page.services, one, page.viewer.fmt, one.number in self._chosen) for one in self._entries]
        self._table.show({"rows": rows})

    def _whole(self) -> int:
        found = next((status for status in self._page.services.feeds.feeds() if status.name == self._name), None)
        return max(0 if found is None else found.book.refusals, self._skip + len(self._entries))

    async def _turn(self, step: int) -> None:
        if 0 <= self._skip + step < self._whole():
            self._skip += step
            if await self._read():
                self._draw()

    def _choose_all(self) -> None:
        every = {one.number for one in self._entries}
        self._chosen = set() if self._chosen == every else every
        self._draw()

    # ---- what is done ------------------------------------------------------------------------------------------------
    async def _on_action(self, number: Any, action: str) -> None:
        if action == "pick":
            self._chosen ^= {int(number)}
            self._draw()
        elif action == "retry":
            await self._retry({int(number)})
        elif action == "discard":
            await self._discard({int(number)})

    async def _retry(self, numbers: Collection[int]) -> None:
        page, wanted, moved = self._page, frozenset(numbers), list[Moved]()

        async def act() -> None:
            moved.append(await page.services.feeds.retry_quarantine(self._name, page.actor(), wanted))

        await admin_frame.attempt(page, act)
        await self._after("feeds.refused.retried", moved)

    async def _discard(self, numbers: Collection[int]) -> None:
        page, wanted, moved = self._page, frozenset(numbers), list[Moved]()

        async def act() -> None:
            moved.append(await page.services.feeds.discard_quarantine(self._name, page.actor(), wanted))

        words = page.t("feeds.discard.words", n=len(wanted))
        if await Confirm(page.lang, page.t("feeds.discard"), words, page.t("feeds.discard"), testid="feed-entry-discard").ask():
            await admin_frame.attempt(page, act)
            await self._after("feeds.refused.discarded", moved)

    async def _after(self, words: str, moved: list[Moved]) -> None:
        """Also where it failed: another may have been quicker."""
        if moved:
            notify(self._page.t(words, n=moved[0].entries))
        if await self._read():
            self._draw()
        self._changed()


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
    box = {"name": "pick", "icon": "check_box" if chosen else "check_box_outline_blank",
           "label": t("feeds.refused.unpick" if chosen else "feeds.refused.pick", lang)}  # fmt: skip
    acts = [
        {"name": "retry", "icon": "replay", "label": t("feeds.retry", lang)},
        {"name": "discard", "icon": "delete_outline", "label": t("feeds.refused.discard", lang), "kind": "danger"},
    ]
    cells: dict[str, Any] = {
        "acts": {"text": "", "actions": [box, *acts]},
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


def shortened(words: str, most: int = 2 * WORDS) -> str:
    """A destination's answer or a text may be as long as it likes; a cell is not."""
    return words if len(words) <= most else words[: most - 1] + "…"


def _times(one: Quarantined) -> list[int]:
    found = [row[1] for row in one.samples] + [text.time_us for text in one.texts] + [event.time_us for event in one.events]
    return sorted(found)[:1]
