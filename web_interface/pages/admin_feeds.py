"""Feeds and servers: which are on, how they do, with what settings they run, and how to set one up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.feed import FeedStatus
from domain.feed_setting import FeedSetting, SettingValue
from domain.served import ServedClient, ServerStatus
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, el, icon, link_button, notify
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import admin_frame, shell
from web_interface.pages.device_patterns import technical_words
from web_interface.pages.feed_give_up import GiveUpPartDialog
from web_interface.pages.feed_refused import RefusedDialog
from web_interface.services import Services

Changes = list[tuple[Element, Mapping[str, Any]]]
GAPS_TOLD: Final = 3
_ICONS: Final = {
    "ok": ("check_circle", "good"), "starting": ("schedule", "quiet"), "behind": ("schedule", "quiet"),
    "away": ("error", "alarm"), "failed": ("error", "alarm"), "off": ("pause_circle", "quiet"),
}  # fmt: skip


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/feeds."""

    @ui.page("/admin/feeds", title="")
    async def feeds_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "feeds") as page:
            FeedsPage(page).build()
        return None


class FeedsPage:
    """One open page of feeds."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._heads: dict[str, tuple[Any, Any, Any]] = {}
        self._refused: dict[str, Element] = {}
        self._waiting: dict[str, Element] = {}
        self._parts: dict[str, Element] = {}
        self._lost: dict[str, Any] = {}

    def build(self) -> None:
        """A card each: those that are on first, whole; the others folded with what switches them on."""
        page = self._page
        with el("div", "em-admin-note"):
            icon("lightbulb")
            el("p", text=page.t("feeds.note"))
        found = page.services.feed_settings.settings(page.actor())
        for feed in sorted(found, key=lambda one: not one.on):
            self._card(feed)
        known = {feed.name for feed in found}
        for status in page.services.feeds.feeds():
            if status.name not in known:  # settings of its own it has none: they stand with another's
                self._bare_card(status.name)
        self._refresh()
        page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """How they do, once a second."""
        if tick.number % 4 == 0:
            self._refresh()
        return []

    def _card(self, feed: FeedSetting) -> None:
        page, t = self._page, self._page.t
        with Card(t(f"destination.{feed.name}"), note=t(f"feeds.about.{feed.name}"), testid=f"feed-{feed.name}") as card:
            self._head(card, feed.name)
            if feed.on and feed.name == "modbus_server":
                self._registers()
            if feed.on:
                DataTable(columns(page.lang), rows(feed, page.lang), testid=f"feed-{feed.name}-settings")
                return
            with el("details", "em-more", testid=f"feed-{feed.name}-more"):
                el("summary", text=t("feeds.how"))
                el("p", "em-plant-words", t("feeds.how.words", name=switch_of(feed).name))
                el("pre", "em-diff-yaml em-mono", example(feed), f"feed-{feed.name}-example")
                DataTable(columns(page.lang), rows(feed, page.lang), testid=f"feed-{feed.name}-settings")

    def _head(self, card: Card, name: str) -> None:
        """How it does, what was lost, what can be done about what was refused and what waits."""
        with card.tools, el("span", "em-feed-state", testid=f"feed-{name}-state"):
            mark, words = icon("pause_circle", "em-quiet"), el("b", text=self._page.t("feed.state.off"))
        told = el("p", "em-feed-words", testid=f"feed-{name}-words", role="status")
        self._heads[name] = (mark, words, told)
        if self._status(name) is not None:
            self._lost[name] = el("p", "em-feed-words", testid=f"feed-{name}-gaps")
            with el("div", "em-import-buttons"):
                self._refused[name] = self._refused_buttons(name)
                label, testid = self._page.t("feeds.give_up"), f"feed-{name}-give-up"
                self._waiting[name] = button(label, lambda: self._give_up(name), small=True, kind="danger", testid=testid)
                part = GiveUpPartDialog(self._page, name)
                label = self._page.t("feeds.give_up.part")
                self._parts[name] = button(label, part.show, small=True, testid=f"feed-{name}-give-up-part")

    def _bare_card(self, name: str) -> None:
        with Card(self._page.t(f"destination.{name}"), testid=f"feed-{name}") as card:
            self._head(card, name)

    def _registers(self) -> None:
        """The map of registers as files."""
        with el("div", "em-import-buttons", testid="modbus-registers"):
            for kind in ("xlsx", "csv"):
                address = f"/api/feeds/modbus/registers?format={kind}&language={self._page.lang}"
                words = self._page.t("feeds.registers.get", kind=kind.upper())
                link_button(words, address, icon_name="download", testid=f"modbus-registers-{kind}")

    def _refused_buttons(self, name: str) -> Element:
        """What can be done about what the destination refused; shown while there is such."""
        t = self._page.t
        with el("div", "em-import-buttons", testid=f"feed-{name}-quarantine") as box:
            button(t("feeds.refused"), lambda: self._show_refused(name), small=True, testid=f"feed-{name}-refused")
            button(t("feeds.retry"), lambda: self._retry(name), small=True, testid=f"feed-{name}-retry")
            button(t("feeds.discard"), lambda: self._discard(name), small=True, kind="danger", testid=f"feed-{name}-discard")
        return box

    # ---- how they do -------------------------------------------------------------------------------------------------
    def _status(self, name: str) -> FeedStatus | None:
        return next((status for status in self._page.services.status.feeds() if status.name == name), None)

    def _served(self, name: str) -> ServerStatus | None:
        services = self._page.services
        if name == "modbus_server":
            return services.modbus.status()
        return services.opcua_server.status() if name == "opcua_server" else None

    def _refresh(self) -> None:
        page, now_us = self._page, self._page.hub.shop().now_us
        on: dict[str, bool] = {feed.name: feed.on for feed in page.services.feed_settings.settings(page.actor())}
        for name, (mark, words, told) in self._heads.items():
            status = self._status(name)
            served = self._served(name)
            known = served or status
            state = known.state if known is not None else "on" if on.get(name) else "off"
            symbol, tone = _ICONS.get(state, ("check_circle", "quiet"))
            told_now = told_words(status, page.viewer.fmt, now_us)
            if served is not None:
                state, told_now = server_state(served), server_words(served, page.viewer.fmt, now_us)
            for element, text in ((words, page.t(f"feed.state.{state}")), (mark, symbol), (told, told_now)):
                if element.text != text:
                    element.text = text
            if name in self._refused:
                self._refused[name].set_visibility(status is not None and status.state != "off" and refusals(status) > 0)
                self._waiting[name].set_visibility(can_give_up(status))
                self._parts[name].set_visibility(can_give_up(status) and status is not None and status.book.waiting > 0)
                lost = "" if status is None else gap_words(status, page.viewer.fmt)
                self._lost[name].set_visibility(bool(lost))
                self._lost[name].text = lost
            mark.classes(remove="em-good em-alarm em-quiet", add=f"em-{tone}")

    # ---- what was refused --------------------------------------------------------------------------------------------
    async def _show_refused(self, name: str) -> None:
        await RefusedDialog(self._page, name, self._refresh).show()

    async def _retry(self, name: str) -> None:
        page, counted = self._page, list[int]()

        async def act() -> None:
            moved = await page.services.feeds.retry_quarantine(name, page.actor())
            counted.append(moved.items or moved.entries)

        if await admin_frame.attempt(page, act):
            notify(page.t("feeds.retried", n=counted[0]))

    async def _discard(self, name: str) -> None:
        page, counted = self._page, list[int]()

        async def act() -> None:
            moved = await page.services.feeds.discard_quarantine(name, page.actor())
            counted.append(moved.items or moved.entries)

        status = self._status(name)
        words = page.t("feeds.discard.words", n=refusals(status))
        if await Confirm(page.lang, page.t("feeds.discard"), words, page.t("feeds.discard"), testid="feed-discard").ask():
            await admin_frame.attempt(page, act)
            if counted:
                notify(page.t("feeds.discarded", n=counted[0]))

    async def _give_up(self, name: str) -> None:
        """Asks with how much and from when."""
        page, counted, status = self._page, list[int](), self._status(name)
        if status is None:
            return

        async def act() -> None:
            counted.append(await page.services.feeds.discard_backlog(name, page.actor()))

        words = give_up_words(status, page.viewer.fmt, page.hub.shop().now_us)
        if await Confirm(page.lang, page.t("feeds.give_up"), words, page.t("feeds.give_up.yes"), testid="feed-give-up").ask():
            await admin_frame.attempt(page, act)
            if counted:
                notify(page.t("feeds.discarded", n=counted[0]))


def refusals(status: FeedStatus | None) -> int:
    """How many items were refused; entries where there is no item in them, as in texts."""
    return 0 if status is None else status.book.quarantined or status.book.refusals


def can_give_up(status: FeedStatus | None) -> bool:
    """Is there a backlog that nobody takes just now?"""
    if status is None:
        return False
    if status.state == "off":
        return status.book.waiting + refusals(status) > 0
    return status.state in {"away", "failed"} and status.book.waiting > 0


def give_up_words(status: FeedStatus, fmt: Format, now_us: int) -> str:
    """The question before a backlog is thrown away."""
    book = status.book
    count = book.waiting + (refusals(status) if status.state == "off" else 0)
    if book.oldest_waiting_us is None:
        return t("feeds.give_up.refused", fmt.lang, n=count)
    return t("feeds.give_up.words", fmt.lang, n=count, when=fmt.moment(book.oldest_waiting_us, now_us))


def gap_words(status: FeedStatus, fmt: Format) -> str:
    """What was lost to the destination, the newest first."""
    lang = fmt.lang
    told = [
        t("feeds.gap", lang, n=gap.items, begin=fmt.clock(gap.from_us, seconds=True), day=fmt.day(gap.from_us),
          end=fmt.clock(gap.to_us, seconds=True), reason=t(f"feeds.gap.{gap.reason}", lang))
        for gap in reversed(status.gaps[-GAPS_TOLD:])
    ]  # fmt: skip
    return " · ".join(told)


def told_words(status: FeedStatus | None, fmt: Format, now_us: int) -> str:
    """Since when, what waits, what went wrong."""
    if status is None:
        return ""
    book = status.book
    parts = [t("feeds.since", fmt.lang, target=status.target or "—", when=fmt.moment(status.since_us, now_us))]
    parts.append(t("feeds.book", fmt.lang, delivered=fmt.number(book.delivered, 0), waiting=fmt.number(book.waiting, 0),
                   quarantined=fmt.number(book.quarantined, 0), dropped=fmt.number(book.dropped, 0)))  # fmt: skip
    if status.last_error and status.state != "ok":
        parts.append(technical_words(status.last_error, fmt.lang))
    return " · ".join(parts)


def server_state(status: ServerStatus) -> str:
    """Key of the word: a server is asked, it takes nothing."""
    return {"ok": "listening", "failed": "unserved"}.get(status.state, status.state)


def server_words(status: ServerStatus, fmt: Format, now_us: int) -> str:
    """Since when, who is connected, what was asked and refused, what went wrong."""
    lang = fmt.lang
    parts = [t("feeds.since", lang, target=status.target, when=fmt.moment(status.since_us, now_us))]
    clients = ", ".join(sorted({client_words(client, lang) for client in status.clients}))
    parts.append(t("feeds.clients", lang, n=len(status.clients)) + (f" ({clients})" if clients else ""))
    parts.append(t("feeds.requests", lang, value=fmt.number(status.requests, 0)))
    if status.refused:
        parts.append(t("feeds.refusals", lang, words=refusal_words(status, fmt)))
    if status.valid_until_us is not None:
        parts.append(t("feeds.certificate_until", lang, day=fmt.day(status.valid_until_us)))
    if status.waiting:
        parts.append(t("feeds.waiting", lang, n=status.waiting))
    if status.left_out:
        parts.append(t("feeds.left_out", lang, n=status.left_out))
    if status.last_error:
        parts.append(technical_words(status.last_error, fmt.lang))
    return " · ".join(parts)


def client_words(client: ServedClient, lang: str) -> str:
    """Its address; where clients sign in, who it is and how much it watches."""
    if not client.user:
        return client.address
    watched = t("feeds.items", lang, n=client.items)
    return " ".join(part for part in (client.address, client.user, client.application, watched) if part)


def refusal_words(status: ServerStatus, fmt: Format) -> str:
    """Each kind with its number, the most frequent first."""
    found = sorted(status.refused.items(), key=lambda one: (-one[1], one[0]))
    own = {kind: f"feeds.refusal.{status.name}.{kind}" for kind, _ in found}
    keys = {kind: key if has(key, fmt.lang) else f"feeds.refusal.{kind}" for kind, key in own.items()}
    return ", ".join(f"{t(keys[kind], fmt.lang) if has(keys[kind], fmt.lang) else kind} {fmt.number(n, 0)}" for kind, n in found)


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table of settings."""
    return [
        {"key": "name", "name": t("feeds.col.name", lang), "align": "left"},
        {"key": "value", "name": t("feeds.col.value", lang), "align": "left", "grow": True, "sort": False},
    ]


def rows(feed: FeedSetting, lang: str) -> list[dict[str, Any]]:
    """One row a setting; a secret is set or not, never shown."""
    return [_row(value, lang) for value in feed.values]


def _row(value: SettingValue, lang: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"text": value.value or "—", "bold": value.is_set, "mono": bool(value.value)}
    if value.secret:
        words = t("feeds.secret.set" if value.is_set else "feeds.secret.unset", lang)
        shown = {"text": words, "icon": "lock" if value.is_set else "lock_open", "tone": "quiet"}
    elif not value.is_set and value.value:
        shown = {"text": t("feeds.default", lang, value=value.value), "tone": "quiet"}
    return {"id": value.name, "cells": {"name": {"text": value.name, "mono": True}, "value": shown}}


def switch_of(feed: FeedSetting) -> SettingValue:
    """The setting that switches it on."""
    return next(value for value in feed.values if value.switch)


_EXAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "kafka": ("[kafka]", 'bootstrap = "kafka-1:9092,kafka-2:9092"'),
    "influxdb": ("[influxdb]", 'url = "https://influx:8086"', 'bucket = "energy"', '# ENERGY_INFLUXDB__TOKEN=…'),
    "mqtt": ("[mqtt]", 'host = "broker.local"', "# ENERGY_MQTT__USER=…, ENERGY_MQTT__PASSWORD=…"),
    "opcua_server": ("[opcua_server]", 'host = "192.168.10.5"', "port = 4840"),
    "modbus_server": ("[modbus_server]", 'host = "192.168.10.5"', 'clients = ["192.168.10.20"]'),
    "smtp": ("[smtp]", 'host = "mail.local"', 'sender = "energy@plant.local"', "# ENERGY_SMTP__USER=…, ENERGY_SMTP__PASSWORD=…"),
}  # fmt: skip


def example(feed: FeedSetting) -> str:
    """Lines for settings.toml; secrets belong in the environment."""
    return "\n".join(_EXAMPLES[feed.name])


