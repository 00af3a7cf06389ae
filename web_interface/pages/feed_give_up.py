"""Giving up a part of what waits for a destination: older than some hours, or all but the newest; its cost is told before."""

from __future__ import annotations

from typing import Final

from nicegui import ui

from domain.feed import BacklogCost, BacklogPart
from web_interface.components import Segmented, button, el, notify, number_field
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell

HOUR_US: Final = 3_600_000_000
MOST_HOURS: Final = 100_000.0
WAYS: Final = ("older", "newest")


class GiveUpPartDialog:
    """One feed's; throws nothing away that was not counted just before."""

    def __init__(self, page: shell.Page, feed: str) -> None:
        self._page, self._feed = page, feed
        self._way = WAYS[0]
        self._part: BacklogPart | None = None

    async def show(self) -> None:
        """Until it is closed."""
        page = self._page
        with ui.dialog() as dialog, el("div", "em-dialog", testid="give-up-part", role="dialog"):
            el("h2", "em-card-title", page.t("feeds.give_up.part"))
            el("p", "em-dialog-text", page.t("feeds.give_up.part.words"))
            ways = {way: page.t(f"feeds.give_up.part.{way}") for way in WAYS}
            Segmented(ways, self._way, self._choose, testid="give-up-way", label=page.t("feeds.give_up.part"))
            label = page.t("feeds.give_up.part.count")
            self._count = number_field(label, 24, testid="give-up-count", lang=page.lang, above=0)
            self._count.on_value_change(self._forget)
            self._told = el("p", "em-dialog-text", testid="give-up-cost", role="status")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), dialog.close, testid="give-up-part-no")
                button(page.t("feeds.give_up.part.ask"), self._ask, testid="give-up-part-ask")
                throw = page.t("feeds.give_up.yes")
                self._yes = button(throw, lambda: self._do(dialog), kind="danger", testid="give-up-part-yes")
        self._forget()
        await dialog
        dialog.delete()

    def _choose(self, way: str) -> None:
        self._way = way
        self._forget()

    def _forget(self, _event: object = None) -> None:
        """What was counted is not what is meant any more."""
        self._part, self._told.text = None, ""
        self._yes.set_visibility(False)

    async def _ask(self) -> None:
        page, found, part = self._page, list[BacklogCost](), self._wanted()
        if part is None:
            self._told.text = page.t("feeds.give_up.part.number")
            return

        async def act() -> None:
            found.append(await page.services.feeds.backlog_cost(self._feed, page.actor(), part))

        if await admin_frame.attempt(page, act) and found:
            self._part = part
            self._told.text = cost_words(found[0], page.viewer.fmt, page.hub.shop().now_us)
            self._yes.set_visibility(found[0].items > 0)

    def _wanted(self) -> BacklogPart | None:
        """None where the number makes no sense."""
        return part_of(self._way, self._count.value, self._page.hub.shop().now_us)

    async def _do(self, dialog: ui.dialog) -> None:
        page, part, counted = self._page, self._part, list[int]()
        if part is None:
            return

        async def act() -> None:
            counted.append(await page.services.feeds.discard_backlog(self._feed, page.actor(), part))

        if await admin_frame.attempt(page, act) and counted:
            notify(page.t("feeds.discarded", n=counted[0]))
            dialog.close()


def part_of(way: str, number: object, now_us: int) -> BacklogPart | None:
    """Hours back from now, or how many items stay; None for what is no such number."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= MOST_HOURS * 1000:
        return None
    if way == "older":
        return BacklogPart(before_us=now_us - int(number * HOUR_US)) if number <= MOST_HOURS else None
    return BacklogPart(keep=int(number)) if number >= 1 else None


def cost_words(cost: BacklogCost, fmt: Format, now_us: int) -> str:
    """What would be lost to the destination."""
    if not cost.items or cost.from_us is None or cost.to_us is None:
        return t("feeds.give_up.part.nothing", fmt.lang)
    begin, end = fmt.moment(cost.from_us, now_us), fmt.moment(cost.to_us, now_us)
    return t("feeds.give_up.part.cost", fmt.lang, n=cost.items, begin=begin, end=end)
