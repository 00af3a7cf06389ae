"""Alerts: what must I acknowledge first, and what do I do about it?"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nicegui import background_tasks, ui
from nicegui.element import Element

from domain.access import Role
from domain.alert import Alert, Priority
from domain.errors import MonitorError
from web_interface.components import (
    AlarmMark,
    Card,
    Confirm,
    DataTable,
    Hub,
    Segmented,
    Tick,
    button,
    choice_field,
    el,
    link_button,
    notify,
    priority_name,
    text_field,
)
from web_interface.pages import alerts_view as view
from web_interface.pages import shell
from web_interface.pages.alerts_hygiene import draw_rate
from web_interface.pages.alerts_panel import AlertPanel
from web_interface.services import Services

log = logging.getLogger(__name__)

Changes = list[tuple[Element, Mapping[str, Any]]]
MODES = ("active", "held", "history")
HOUR_US = 3_600_000_000
HISTORY_US = 30 * 24 * HOUR_US
HISTORY_MOST = 500
RATE_HOURS, RATE_PERIOD_S = 8, 60.0
MOST_TAKEN = 500


def register(services: Services, hub: Hub) -> None:
    """The page at /alerts; `mode` and `id` of the address choose the list and the alert."""
    shell.offer("alerts")

    @ui.page("/alerts", title="")
    def alerts_page(mode: str = "active", id: str = "") -> None:
        with shell.page(services, hub, active="alerts", title_key="nav.alerts") as page:
            AlertsPage(page, mode if mode in MODES else "active", int(id) if id.isascii() and id.isdecimal() else None).build()


class AlertsPage:
    """One open page of alerts."""

    def __init__(self, page: shell.Page, mode: str, chosen: int | None) -> None:
        self._page = page
        self._mode = mode
        self._asked = chosen
        self._filter = view.Filter()
        self._past: Sequence[Alert] = ()
        self._rated_s = 0.0
        self._panel = AlertPanel(page, self._chosen, self._changed)
        self._selected: int | None = None

    def build(self) -> None:
        """Counts on top, the list at the left, the chosen one at the right."""
        page = self._page
        listed = self._alerts()
        self._selected = self._asked or (listed[0].id if listed else None)
        with page.actions:
            link_button(page.t("alerts.rules"), "/alerts/rules", icon_name="rule", testid="alerts-rules")
            link_button(page.t("alerts.hygiene"), "/alerts/hygiene", icon_name="monitor_heart", testid="alerts-hygiene")
        with el("div", "em-alerts-page"):
            strip = {"tabindex": "0", "role": "group", "aria_label": page.t("alerts.title")}  # it scrolls on a phone
            with el("section", "em-card em-counts", testid="alert-counts", **strip):
                self._counts = {p: self._count(p) for p in Priority}
                self._held = self._count_held()
                self._waiting = self._count_waiting()
                self._rate_box = el("div", "em-counts-item em-counts-rate em-desk-only", testid="alert-rate")
            with Card(page.t("alerts.title"), testid="alerts-list-card", classes="em-alerts-list") as card:
                with card.tools:
                    self._build_tools()
                self._table = DataTable(
                    view.columns(page.lang),
                    self._rows(),
                    testid="alerts-table",
                    empty=page.t("alertpage.none"),
                    two_lines=True,
                    on_row=self._select,
                    on_action=self._action,
                )
                with el("div", "em-alerts-more"):
                    el("a", "em-link", page.t("alerts.hygiene"), "more-hygiene", href="/alerts/hygiene")
                    el("a", "em-link", page.t("alerts.rules"), "more-rules", href="/alerts/rules")
            self._panel.build()
        self._show_counts()
        page.every(self.live)
        background_tasks.create(self._start(), name="alerts:start")

    def _build_tools(self) -> None:
        page = self._page
        with el("div", "em-alerts-filter"):
            made = text_field(page.t("alerts.search"), testid="alerts-search")
            made.props["placeholder"] = page.t("alerts.search")
            made.on_value_change(lambda e: self._narrow(words=str(e.value or "")))
        priorities = {"": page.t("alerts.any_priority")} | {p.value: priority_name(p, page.lang) for p in Priority}
        with el("div", "em-alerts-filter"):
            choice_field(
                page.t("alerts.priority"), priorities, "", testid="alerts-priority",
                on_change=lambda value: self._narrow(priority=str(value or "")),
            )  # fmt: skip
        modes = {mode: page.t(f"alerts.mode.{mode}") for mode in MODES}
        Segmented(
            modes, self._mode, self._switch, testid="alerts-mode", label=page.t("alerts.title"), address="mode"
        )
        if page.viewer.may(Role.OPERATOR):
            button(page.t("alerts.take_all"), self._take_all, icon_name="done_all", testid="alerts-take-all")

    async def _start(self) -> None:
        """What needs the store: the past of a history that the address names, and the rates."""
        if self._mode == "history":
            await self._read_past()
            self._table.show({"rows": self._rows()})
        await self._show_rate()

    def live(self, _tick: Tick) -> Changes:
        """One second later: durations, states, new ones."""
        self._show_counts()
        self._panel.live()
        if time.monotonic() - self._rated_s > RATE_PERIOD_S:
            self._rated_s = time.monotonic()
            background_tasks.create(self._show_rate(), name="alerts:rate")
        return [(self._table, self._table.row_changes(self._rows()))]

    # ---- list ------------------------------------------------------------------------------------------------------
    def _alerts(self) -> Sequence[Alert]:
        alerts = self._page.services.alerts
        found: Sequence[Alert]
        if self._mode == "active":
            found = view.ordered(alerts.active())
        elif self._mode == "held":
            found = view.ordered(alerts.held())
        else:
            found = self._past
        return [a for a in found if self._filter.takes(a, self._page.services.plant.plant, self._page.viewer.fmt)]

    def _rows(self) -> list[dict[str, Any]]:
        page = self._page
        return view.rows(
            self._alerts(),
            page.services.plant.plant,
            page.hub.shop().now_us,
            page.viewer.fmt,
            selected=self._selected,
            may_acknowledge=page.viewer.may(Role.OPERATOR),
        )

    def _narrow(self, **changes: str) -> None:
        self._filter = replace(self._filter, **changes)
        self._table.show({"rows": self._rows()})

    async def _read_past(self) -> None:
        now_us = self._page.hub.shop().now_us
        try:
            self._past = await self._page.services.alerts.history(now_us - HISTORY_US, now_us + 1, HISTORY_MOST)
        except (MonitorError, OSError) as exc:
            log.warning("the history of alerts cannot be read: %s", exc)
            notify(self._page.t("alerts.failed"), good=False)

    async def _switch(self, mode: str) -> None:
        self._mode = mode
        if mode == "history":
            await self._read_past()
        self._table.show({"rows": self._rows()})

    def _select(self, alert_id: Any) -> None:
        if int(alert_id) == self._selected:
            return  # a panel somebody may be typing in stays as it is
        self._selected = int(alert_id)
        self._table.show({"rows": self._rows()})
        self._panel.draw()

    async def _action(self, alert_id: Any, name: str) -> None:
        if name == "ack":
            await self._panel.act(lambda actor: self._page.services.alerts.acknowledge(int(alert_id), actor))

    async def _take_all(self) -> None:
        page = self._page
        waiting = [alert.id for alert in self._alerts() if alert.waits and alert.id][:MOST_TAKEN]
        if not waiting:
            notify(page.t("alerts.take_all.none"))
            return
        words = page.t("alerts.take_all.words", n=len(waiting))
        confirm = Confirm(
            page.lang, page.t("alerts.take_all"), words, page.t("action.acknowledge"), danger=False, testid="take-all"
        )
        if await confirm.ask():
            await self._panel.act(lambda actor: page.services.alerts.acknowledge_all(waiting, actor))

    def _changed(self) -> None:
        self._table.show({"rows": self._rows()})
        self._show_counts()

    def _chosen(self) -> Alert | None:
        alerts = self._page.services.alerts
        everything = {a.id: a for a in (*self._past, *alerts.held(), *alerts.active())}
        return everything.get(self._selected) if self._selected is not None else None

    # ---- counts ------------------------------------------------------------------------------------------------------
    def _count(self, priority: Priority) -> Any:
        with el("div", "em-counts-item"):
            AlarmMark(priority, self._page.lang)
            with el("div"):
                number = el("b", "em-counts-number", testid=f"count-{priority.value}")
                el("span", "em-quiet", priority_name(priority, self._page.lang))
        return number

    def _count_held(self) -> Any:
        with el("div", "em-counts-item"):
            AlarmMark(None, self._page.lang)
            with el("div"):
                number = el("b", "em-counts-number", testid="count-held")
                el("span", "em-quiet", self._page.t("priority.shelved"))
        return number

    def _count_waiting(self) -> Any:
        with el("div", "em-counts-item em-counts-wait"), el("div"):
            number = el("b", "em-counts-number", testid="count-waiting")
            el("span", "em-quiet", self._page.t("alerts.waiting"))
        return number

    def _show_counts(self) -> None:
        active = self._page.services.alerts.active()
        for priority, label in self._counts.items():
            _say(label, str(sum(a.priority is priority for a in active)))
        _say(self._waiting, str(sum(a.waits for a in active)))
        _say(self._held, str(len(self._page.services.alerts.held())))

    async def _show_rate(self) -> None:
        """Raises per hour of the last eight."""
        page = self._page
        now_us = page.hub.shop().now_us
        try:
            found = await page.services.alerts.hygiene(now_us - RATE_HOURS * HOUR_US, now_us + 1)
        except (MonitorError, OSError) as exc:
            log.warning("no rates of alerts: %s", exc)
            return
        if self._rate_box.is_deleted:
            return
        self._rate_box.clear()
        with self._rate_box:
            draw_rate(page, found)


def _say(label: Any, words: str) -> None:
    if label.text != words:
        label.set_text(words)
