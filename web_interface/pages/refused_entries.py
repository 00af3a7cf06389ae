"""Entries that somebody refused, leaf by leaf: chosen, looked at, acted upon. A subclass says what they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from nicegui import ui

from web_interface.components import Confirm, DataTable, button, el, link_button, notify
from web_interface.locale import t
from web_interface.pages import admin_frame, shell

PAGE: Final = 50
WORDS: Final = 80


class Numbered(Protocol):
    """An entry with a number that is its name for as long as it is there."""

    @property
    def number(self) -> int: ...


_E = TypeVar("_E", bound=Numbered)


class EntriesDialog(Generic[_E]):
    """Over the page it belongs to; `changed` is called after each act. Test ids and words begin with `name` and `key`."""

    name: str
    key: str
    question: str  # before entries are thrown away

    def __init__(self, page: shell.Page, changed: Callable[[], object]) -> None:
        self._page, self._changed = page, changed
        self._entries: list[_E] = []
        self._skip = 0
        self._chosen: set[int] = set()

    # ---- what a subclass says ------------------------------------------------------------------------------------------
    def title(self) -> str:
        raise NotImplementedError

    def file(self) -> str | None:
        """Address of all of it as a file."""
        return None

    def whole(self) -> int:
        """How many there are on all leaves, as far as it is known."""
        raise NotImplementedError

    def columns(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def row(self, one: _E, chosen: bool) -> dict[str, Any]:
        raise NotImplementedError

    async def read(self, most: int, skip: int) -> Sequence[_E]:
        raise NotImplementedError

    async def discard(self, numbers: Collection[int]) -> int:
        """How many entries that were."""
        raise NotImplementedError

    async def retry(self, numbers: Collection[int]) -> int:
        raise NotImplementedError

    @property
    def can_retry(self) -> bool:
        return False

    async def look(self, one: _E) -> None:
        """At one of them, whole."""

    # ---- life ----------------------------------------------------------------------------------------------------------
    async def show(self) -> None:
        """Until it is closed."""
        page, name = self._page, self.name
        if not await self._read():
            return
        with ui.dialog() as dialog, el("div", "em-dialog em-dialog-wide em-feed-refused", testid=name, role="dialog"):
            el("h2", "em-card-title", self.title())
            self._told = el("p", "em-dialog-text", testid=f"{name}-told", role="status")
            self._table = DataTable(
                self.columns(), [], testid=f"{name}-table", empty=page.t(f"{self.key}.none"), two_lines=True,
                on_action=self._on_action,
            )  # fmt: skip
            self._buttons()
            with el("div", "em-dialog-actions"):
                if (address := self.file()) is not None:
                    link_button(page.t(f"{self.key}.file"), address, icon_name="download", testid=f"{name}-file")
                button(page.t("action.close"), dialog.close, testid=f"{name}-close")
        self._draw()
        await dialog
        dialog.delete()

    def _buttons(self) -> None:
        page, name = self._page, self.name
        with el("div", "em-import-buttons"):
            self._all = button("", self._choose_all, small=True, icon_name="check", label=page.t("feeds.refused.all"),
                               testid=f"{name}-all")  # fmt: skip
            with el("div", "em-import-buttons", testid=f"{name}-chosen") as self._acts:
                self._count = el("span", "em-quiet", testid=f"{name}-count")
                if self.can_retry:
                    button(page.t("feeds.retry"), lambda: self._retry(self._chosen), small=True, testid=f"{name}-retry")
                button(page.t("feeds.discard"), lambda: self._discard(self._chosen), small=True, kind="danger",
                       testid=f"{name}-discard")  # fmt: skip
            with el("div", "em-import-buttons") as self._pages:
                for label, step in (("before", -PAGE), ("after", PAGE)):
                    turn = partial(self._turn, step)
                    button(page.t(f"{self.key}.{label}"), turn, small=True, testid=f"{self.key.replace('.', '-')}-{label}")

    # ---- what is shown -------------------------------------------------------------------------------------------------
    async def _read(self) -> bool:
        """The entries of this leaf; the one before where nothing is left here."""

        async def act() -> None:
            while True:
                self._entries = [*await self.read(PAGE, self._skip)]
                if self._entries or not self._skip:
                    return
                self._skip = max(0, self._skip - PAGE)

        self._chosen.clear()
        return await admin_frame.attempt(self._page, act)

    def _draw(self) -> None:
        page, count = self._page, self._whole()
        last = self._skip + len(self._entries)
        words = page.t(f"{self.key}.shown", begin=self._skip + 1, end=last, n=count) if self._entries else ""
        self._told.text = words
        self._told.set_visibility(bool(words))
        self._count.text = page.t("feeds.refused.chosen", n=len(self._chosen))
        self._acts.set_visibility(bool(self._chosen))
        self._all.set_visibility(len(self._entries) > 1)
        self._pages.set_visibility(count > PAGE)
        self._table.show({"rows": [self.row(one, one.number in self._chosen) for one in self._entries]})

    def _whole(self) -> int:
        return max(self.whole(), self._skip + len(self._entries))

    async def _turn(self, step: int) -> None:
        if 0 <= self._skip + step < self._whole():
            self._skip += step
            if await self._read():
                self._draw()

    def _choose_all(self) -> None:
        every = {one.number for one in self._entries}
        self._chosen = set() if self._chosen == every else every
        self._draw()

    # ---- what is done --------------------------------------------------------------------------------------------------
    async def _on_action(self, number: Any, action: str) -> None:
        if action == "pick":
            self._chosen ^= {int(number)}
            self._draw()
        elif action == "retry":
            await self._retry({int(number)})
        elif action == "discard":
            await self._discard({int(number)})
        elif action == "look":
            for one in self._entries:
                if one.number == int(number):
                    await self.look(one)

    async def _retry(self, numbers: Collection[int]) -> None:
        await self._do(self.retry, numbers, "feeds.refused.retried")

    async def _discard(self, numbers: Collection[int]) -> None:
        page, wanted = self._page, frozenset(numbers)
        words, title = page.t(self.question, n=len(wanted)), page.t("feeds.discard")
        if await Confirm(page.lang, title, words, title, testid="feed-entry-discard").ask():
            await self._do(self.discard, wanted, "feeds.refused.discarded")

    async def _do(self, act: Callable[[Collection[int]], Awaitable[int]], numbers: Collection[int], words: str) -> None:
        """What is left is shown also where it failed: another may have been quicker."""
        counted, wanted = list[int](), frozenset(numbers)

        async def once() -> None:
            counted.append(await act(wanted))

        if await admin_frame.attempt(self._page, once) and counted:
            notify(self._page.t(words, n=counted[0]))
        if await self._read():
            self._draw()
        self._changed()


def choice(lang: str, chosen: bool) -> dict[str, str]:
    """The box before an entry, as an action of its row."""
    return {
        "name": "pick", "icon": "check_box" if chosen else "check_box_outline_blank",
        "label": t("feeds.refused.unpick" if chosen else "feeds.refused.pick", lang),
    }  # fmt: skip


def giving_up(lang: str) -> dict[str, str]:
    """The action of a row that throws its entry away."""
    return {"name": "discard", "icon": "delete_outline", "label": t("feeds.refused.discard", lang), "kind": "danger"}


def shortened(words: str, most: int = 2 * WORDS) -> str:
    """A destination's answer or a text may be as long as it likes; a cell is not."""
    return words if len(words) <= most else words[: most - 1] + "…"
