"""Alerts: what must I acknowledge first, and what do I do about it?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import background_tasks, ui
from nicegui.element import Element

from domain.access import Role
from domain.alert import Alert, AlertState, Priority
from domain.errors import MonitorError
from web_interface.components import (
    AlarmMark,
    Card,
    DataTable,
    Hub,
    LiveChart,
    Segmented,
    Tick,
    button,
    el,
    empty,
    facts,
    link_button,
    notify,
    priority_name,
    text_field,
)
from web_interface.pages import alerts_view as view
from web_interface.pages import shell
from web_interface.services import Forbidden, Services

log = logging.getLogger(__name__)

Changes = list[tuple[Element, Mapping[str, Any]]]
HISTORY_US = 7 * 86_400_000_000
HISTORY_MOST = 500


def register(services: Services, hub: Hub) -> None:
    """The page at /alerts."""
    shell.offer("alerts")

    @ui.page("/alerts", title="")
    def alerts_page() -> None:
        with shell.page(services, hub, active="alerts", title_key="nav.alerts") as page:
            AlertsPage(page).build()


class AlertsPage:
    """One open page of alerts."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._mode = "active"
        self._past: Sequence[Alert] = ()
        self._selected: int | None = None
        self._drawn: Alert | None = None

    def build(self) -> None:
        """Counts on top, the list at the left, the chosen one at the right."""
        page = self._page
        active = self._alerts()
        self._selected = active[0].id if active else None
        with el("div", "em-alerts-page"):
            with el("section", "em-card em-counts", testid="alert-counts"):
                self._counts = {p: self._count(p) for p in Priority}
                self._rate = self._count_rate()
            with Card(page.t("alerts.title"), testid="alerts-list-card", classes="em-alerts-list") as card:
                with card.tools:
                    modes = {"active": page.t("alerts.mode.active"), "history": page.t("alerts.mode.history")}
                    Segmented(modes, self._mode, self._switch, testid="alerts-mode", label=page.t("alerts.title"))
                self._table = DataTable(
                    view.columns(page.lang),
                    self._rows(),
                    testid="alerts-table",
                    empty=page.t("alertpage.none"),
                    two_lines=True,
                    on_row=self._select,
                    on_action=self._action,
                )
            self._panel = el("aside", "em-card em-alert-panel", testid="alert-panel")
        self._show_counts()
        self._draw_panel()
        page.every(self.live)

    def live(self, _tick: Tick) -> Changes:
        """One second later: durations, states, new ones."""
        self._show_counts()
        chosen = self._chosen()
        if chosen != self._drawn and (chosen is None or self._drawn is None or _moved(chosen, self._drawn)):
            self._draw_panel()
        return [(self._table, self._table.row_changes(self._rows()))]

    # ---- list ------------------------------------------------------------------------------------------------------
    def _alerts(self) -> Sequence[Alert]:
        return view.ordered(self._page.services.alerts.active()) if self._mode == "active" else self._past

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

    async def _switch(self, mode: str) -> None:
        self._mode = mode
        if mode == "history":
            now_us = self._page.hub.shop().now_us
            self._past = await self._page.services.alerts.history(now_us - HISTORY_US, now_us + 1, HISTORY_MOST)
        self._table.show({"rows": self._rows()})

    def _select(self, alert_id: Any) -> None:
        if int(alert_id) == self._selected:
            return  # a panel somebody may be typing in stays as it is
        self._selected = int(alert_id)
        self._table.show({"rows": self._rows()})
        self._draw_panel()

    async def _action(self, alert_id: Any, name: str) -> None:
        if name == "ack":
            await self._acknowledge(int(alert_id), None)

    async def _acknowledge(self, alert_id: int, note: str | None) -> None:
        page = self._page
        try:
            await page.services.alerts.acknowledge(alert_id, page.actor(), note or None)
        except Forbidden:
            notify(page.t("error.forbidden"), good=False)
        except MonitorError as exc:
            notify(str(exc), good=False)
        self._table.show({"rows": self._rows()})
        self._show_counts()
        self._draw_panel()

    # ---- counts ------------------------------------------------------------------------------------------------------
    def _count(self, priority: Priority) -> Any:
        with el("div", "em-counts-item"):
            AlarmMark(priority, self._page.lang)
            with el("div"):
                number = el("b", "em-counts-number", testid=f"count-{priority.value}")
                el("span", "em-quiet", priority_name(priority, self._page.lang))
        return number

    def _count_rate(self) -> Any:
        with el("div", "em-counts-item em-counts-wait"), el("div"):
            number = el("b", "em-counts-number", testid="count-waiting")
            el("span", "em-quiet", self._page.t("alerts.waiting"))
        return number

    def _show_counts(self) -> None:
        active = self._page.services.alerts.active()
        for priority, label in self._counts.items():
            _say(label, str(sum(a.priority is priority for a in active)))
        _say(self._rate, str(sum(a.state in {AlertState.UNACKNOWLEDGED, AlertState.RETURNED} for a in active)))

    # ---- panel -------------------------------------------------------------------------------------------------------
    def _chosen(self) -> Alert | None:
        everything = {a.id: a for a in (*self._past, *self._page.services.alerts.active())}
        return everything.get(self._selected) if self._selected is not None else None

    def _draw_panel(self) -> None:
        page, alert = self._page, self._chosen()
        self._drawn = alert
        self._panel.clear()
        with self._panel:
            if alert is None:
                empty("task_alt", page.t("alertpage.none"), page.t("alertpage.none.words"), testid="alert-empty")
                return
            self._draw_head(alert)
            chart_box = el("div", "em-alert-chart")
            self._draw_facts(alert)
            self._draw_actions(alert)
        if alert.tag is not None:
            background_tasks.create(self._draw_chart(alert, chart_box), name="alerts:trend")

    def _draw_head(self, alert: Alert) -> None:
        head = view.head(alert, self._page.services.plant.plant, self._page.viewer.fmt)
        with el("header", "em-alert-head"):
            AlarmMark(alert.priority, self._page.lang)
            with el("div"):
                el("h2", "em-alert-subject", head["subject"], "alert-subject")
                el("span", "em-alert-sentence", head["sentence"], "alert-sentence")
        if head["value"]:
            with el("div", "em-alert-value"):
                with el("b", testid="alert-value"):
                    el("span", text=head["value"])
                    el("span", "em-unit", head["unit"])
                el("span", "em-quiet", head["limit"])

    def _draw_facts(self, alert: Alert) -> None:
        page = self._page
        facts(view.fact_rows(alert, page.hub.shop().now_us, page.viewer.fmt), testid="alert-facts")

    def _draw_actions(self, alert: Alert) -> None:
        page = self._page
        with el("footer", "em-alert-foot"):
            waits = alert.state in {AlertState.UNACKNOWLEDGED, AlertState.RETURNED}
            if waits and page.viewer.may(Role.OPERATOR):
                note = text_field(page.t("alerts.note"), testid="alert-note", hint=page.t("alerts.note.hint"))
                button(
                    page.t("action.acknowledge"),
                    lambda: self._acknowledge(alert.id, str(note.value or "")),
                    kind="primary",
                    icon_name="done",
                    testid="alert-acknowledge",
                )
            if alert.machine_id is not None:
                link_button(
                    page.t("alerts.machine"), f"/machines/{alert.machine_id}", icon_name="show_chart", testid="alert-machine"
                )

    async def _draw_chart(self, alert: Alert, box: Element) -> None:
        page = self._page
        try:
            made = await view.chart(alert, page.services, page.hub.shop().now_us, page.viewer.fmt)
        except (MonitorError, OSError) as exc:  # the trend is a comfort; the alert itself must stay readable
            log.warning("no trend for alert %s: %s", alert.id, exc)
            return
        if made is not None and not box.is_deleted:
            with box:
                LiveChart(*made, testid="alert-chart")


def _moved(now: Alert, before: Alert) -> bool:
    return (now.id, now.state, now.acknowledged_by) != (before.id, before.state, before.acknowledged_by)


def _say(label: Any, words: str) -> None:
    if label.text != words:
        label.set_text(words)
