"""Feeds and servers: which are on, how they do, with what settings they run, and how to set one up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.feed import FeedStatus, Refused
from domain.feed_setting import FeedSetting, SettingValue
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, el, icon, notify
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell
from web_interface.services import Services

Changes = list[tuple[Element, Mapping[str, Any]]]
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

    def build(self) -> None:
        """A card each: those that are on first, whole; the others folded with what switches them on."""
        page = self._page
        with el("div", "em-admin-note"):
            icon("lightbulb")
            el("p", text=page.t("feeds.note"))
        found = page.services.feed_settings.settings(page.actor())
        for feed in sorted(found, key=lambda one: not one.on):
            self._card(feed)
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
            with card.tools, el("span", "em-feed-state", testid=f"feed-{feed.name}-state"):
                mark, words = icon("pause_circle", "em-quiet"), el("b", text=t("feed.state.off"))
            told = el("p", "em-feed-words", testid=f"feed-{feed.name}-words", role="status")
            self._heads[feed.name] = (mark, words, told)
            if self._status(feed.name) is not None:
                self._refused[feed.name] = self._refused_buttons(feed.name)
            if feed.on:
                DataTable(columns(page.lang), rows(feed, page.lang), testid=f"feed-{feed.name}-settings")
                return
            with el("details", "em-more", testid=f"feed-{feed.name}-more"):
                el("summary", text=t("feeds.how"))
                el("p", "em-plant-words", t("feeds.how.words", name=switch_of(feed).name))
                el("pre", "em-diff-yaml em-mono", example(feed), f"feed-{feed.name}-example")
                DataTable(columns(page.lang), rows(feed, page.lang), testid=f"feed-{feed.name}-settings")

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

    def _refresh(self) -> None:
        page, now_us = self._page, self._page.hub.shop().now_us
        on = {feed.name: feed.on for feed in page.services.feed_settings.settings(page.actor())}
        for name, (mark, words, told) in self._heads.items():
            status = self._status(name)
            state = status.state if status is not None else "on" if on[name] else "off"
            symbol, tone = _ICONS.get(state, ("check_circle", "quiet"))
            told_now = told_words(status, page.viewer.fmt, now_us)
            for element, text in ((words, page.t(f"feed.state.{state}")), (mark, symbol), (told, told_now)):
                if element.text != text:
                    element.text = text
            if name in self._refused:
                self._refused[name].set_visibility(status is not None and status.book.quarantined > 0)
            mark.classes(remove="em-good em-alarm em-quiet", add=f"em-{tone}")

    # ---- what was refused --------------------------------------------------------------------------------------------
    async def _show_refused(self, name: str) -> None:
        page, found = self._page, list[Refused]()

        async def act() -> None:
            found.extend(await page.services.feeds.quarantine(name, page.actor()))

        if not await admin_frame.attempt(page, act):
            return
        with ui.dialog() as dialog, el("div", "em-dialog em-dialog-wide", testid="feed-refused", role="dialog"):
            el("h2", "em-card-title", page.t("feeds.refused"))
            if not found:
                el("p", "em-dialog-text", page.t("feeds.refused.none"))
            for refused in found[:50]:
                el("p", "em-feed-refused", page.t("feeds.refused.one", n=len(refused), reason=refused.reason))
            with el("div", "em-dialog-actions"):
                button(page.t("action.close"), dialog.close, testid="feed-refused-close")
        await dialog
        dialog.delete()

    async def _retry(self, name: str) -> None:
        page, counted = self._page, list[int]()

        async def act() -> None:
            counted.append(await page.services.feeds.retry_quarantine(name, page.actor()))

        if await admin_frame.attempt(page, act):
            notify(page.t("feeds.retried", n=counted[0]))

    async def _discard(self, name: str) -> None:
        page, counted = self._page, list[int]()

        async def act() -> None:
            counted.append(await page.services.feeds.discard_quarantine(name, page.actor()))

        words = page.t("feeds.discard.words")
        if await Confirm(page.lang, page.t("feeds.discard"), words, page.t("feeds.discard"), testid="feed-discard").ask():
            await admin_frame.attempt(page, act)
            if counted:
                notify(page.t("feeds.discarded", n=counted[0]))


def told_words(status: FeedStatus | None, fmt: Format, now_us: int) -> str:
    """Since when, what waits, what went wrong."""
    if status is None:
        return ""
    book = status.book
    parts = [t("feeds.since", fmt.lang, target=status.target or "—", when=fmt.moment(status.since_us, now_us))]
    parts.append(t("feeds.book", fmt.lang, delivered=fmt.number(book.delivered, 0), waiting=fmt.number(book.waiting, 0),
                   quarantined=fmt.number(book.quarantined, 0), dropped=fmt.number(book.dropped, 0)))  # fmt: skip
    if status.last_error and status.state != "ok":
        parts.append(status.last_error)
    return " · ".join(parts)


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


