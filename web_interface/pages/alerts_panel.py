"""The chosen alert: what it is, what was done, and what can be done about it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element

from domain.access import Actor, Role
from domain.alert import LONGEST_TEXT, Alert, HoldKind
from domain.errors import Forbidden, MonitorError
from web_interface.components import (
    AlarmMark,
    LiveChart,
    Segmented,
    button,
    el,
    empty,
    facts,
    link_button,
    notify,
    rename,
    text_field,
)
from web_interface.pages import admin_words, shell
from web_interface.pages import alerts_view as view
from web_interface.pages.typed_checks import length_check

log = logging.getLogger(__name__)

MINUTE_US = 60_000_000
SHELVES = ("15", "60", "240", "shift")
LONGEST_US = 24 * 60 * MINUTE_US


class AlertPanel:
    """`chosen` tells which alert; `changed` is called after an act."""

    def __init__(self, page: shell.Page, chosen: Callable[[], Alert | None], changed: Callable[[], None]) -> None:
        self._page, self._chosen, self._changed = page, chosen, changed
        self._drawn: Alert | None = None
        self._shelving = False
        self._shelf = "60"

    def build(self) -> None:
        """Into the present slot."""
        self._box = el("aside", "em-card em-alert-panel", testid="alert-panel")
        self.draw()

    def live(self) -> None:
        """Drawn anew only when something moved: somebody may be typing."""
        chosen = self._chosen()
        if chosen != self._drawn and (chosen is None or self._drawn is None or _moved(chosen, self._drawn)):
            self.draw()

    def draw(self) -> None:
        """The chosen alert as it is now."""
        page, alert = self._page, self._chosen()
        if self._drawn is None or alert is None or alert.id != self._drawn.id:
            self._shelving = False
        self._drawn = alert
        self._box.clear()
        with self._box:
            if alert is None:
                empty("task_alt", page.t("alertpage.none"), page.t("alertpage.none.words"), testid="alert-empty")
                return
            self._draw_head(alert)
            chart_box = el("div", "em-alert-chart")
            facts(view.fact_rows(alert, page.hub.shop().now_us, page.viewer.fmt), testid="alert-facts")
            changes_box = el("div", "em-alert-changes", testid="alert-changes")
            self._draw_actions(alert)
        background_tasks.create(self._draw_rest(alert, chart_box, changes_box), name="alerts:panel")

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
                if head["worst"]:
                    el("span", "em-quiet", head["worst"], "alert-worst")

    # ---- acts --------------------------------------------------------------------------------------------------------
    def _draw_actions(self, alert: Alert) -> None:
        page = self._page
        with el("footer", "em-alert-foot"):
            if page.viewer.may(Role.OPERATOR) and alert.state.is_active:
                if self._shelving:
                    self._draw_shelf(alert)
                else:
                    self._draw_note(alert)
            if alert.machine_id is not None:
                link_button(
                    page.t("alerts.machine"), f"/machines/{alert.machine_id}", icon_name="show_chart", testid="alert-machine"
                )

    def _draw_note(self, alert: Alert) -> None:
        page, alerts = self._page, self._page.services.alerts
        check = length_check(page.lang, LONGEST_TEXT)
        note = text_field(page.t("alerts.note"), testid="alert-note", hint=page.t("alerts.note.hint"), validation=check)

        def words() -> str:
            return str(note.value or "").strip()

        if alert.waits or (alert.hold is not None and alert.acknowledged_us is None):
            button(
                page.t("action.acknowledge"),
                lambda: self.act(lambda actor: alerts.acknowledge(alert.id, actor, words() or None)),
                kind="primary", icon_name="done", testid="alert-acknowledge",
            )  # fmt: skip
        with el("div", "em-alert-acts"):
            button(
                page.t("alerts.comment"), lambda: self._comment(alert, words()), icon_name="chat_bubble_outline",
                testid="alert-comment",
            )  # fmt: skip
            if alert.hold is None:
                button(page.t("alerts.shelve"), self._open_shelf, icon_name="pause_circle_outline", testid="alert-shelve")
            elif alert.hold.kind is HoldKind.SHELVED:
                button(
                    page.t("alerts.unshelve"), lambda: self.act(lambda actor: alerts.unshelve(alert.id, actor)),
                    icon_name="play_circle_outline", testid="alert-unshelve",
                )  # fmt: skip

    async def _comment(self, alert: Alert, words: str) -> None:
        if not words:
            notify(self._page.t("alerts.comment.empty"), good=False)
            return
        await self.act(lambda actor: self._page.services.alerts.comment(alert.id, words, actor))

    def _open_shelf(self) -> None:
        self._shelving = True
        self.draw()

    def _close_shelf(self) -> None:
        self._shelving = False
        self.draw()

    def _draw_shelf(self, alert: Alert) -> None:
        page = self._page
        with el("div", "em-alert-shelf", testid="shelf"):
            with el("div", "em-alert-shelf-head"):
                el("b", text=page.t("alerts.shelve.for"))
                el("span", "em-quiet", page.t("alerts.shelve.note"))
            options = {key: page.t(f"alerts.shelve.{key}") for key in SHELVES if key != "shift" or self._shift_end() is not None}

            def choose(key: str) -> None:
                self._shelf = key
                rename(save, self._until_words())

            Segmented(options, self._shelf if self._shelf in options else "60", choose, testid="shelf-for")
            check = length_check(page.lang, LONGEST_TEXT)
            reason = text_field(page.t("alerts.shelve.reason"), testid="shelf-reason", validation=check)
            with el("div", "em-alert-shelf-foot"):
                button(page.t("action.cancel"), self._close_shelf, testid="shelf-cancel")
                save = button(
                    self._until_words(), lambda: self._shelve(alert, str(reason.value or "")), kind="primary", testid="shelf-save"
                )

    def _until_words(self) -> str:
        until = self._page.viewer.fmt.moment(self._until_us(), self._page.hub.shop().now_us)
        return self._page.t("alerts.shelve.until", time=until)

    def _shift_end(self) -> int | None:
        now_us = self._page.hub.shop().now_us
        shift = self._page.hub.shop().shift
        return shift.to_us if shift is not None and now_us < shift.to_us <= now_us + LONGEST_US else None

    def _until_us(self) -> int:
        end_us = self._shift_end()
        if self._shelf == "shift" and end_us is not None:
            return end_us
        return self._page.hub.shop().now_us + (int(self._shelf) if self._shelf != "shift" else 60) * MINUTE_US

    async def _shelve(self, alert: Alert, reason: str) -> None:
        if not reason.strip():
            notify(self._page.t("alerts.shelve.why"), good=False)
            return
        until_us = self._until_us()
        if await self.act(lambda actor: self._page.services.alerts.shelve(alert.id, until_us, reason, actor)):
            self._shelving = False
            self.draw()

    async def act(self, what: Callable[[Actor], Awaitable[object]]) -> bool:
        """Do it as the user of the page; what went wrong is said. True when it was done."""
        page, done = self._page, False
        try:
            await what(page.actor())
            done = True
        except Forbidden:
            notify(page.t("error.forbidden"), good=False)
        except MonitorError as exc:
            notify(admin_words.said(exc, page.lang), good=False)
        self._changed()
        self.draw()
        return done

    # ---- what needs the store ------------------------------------------------------------------------------------------
    async def _draw_rest(self, alert: Alert, chart_box: Element, changes_box: Element) -> None:
        page = self._page
        made: Any = None
        try:
            changes = await page.services.alerts.changes(alert.id)
            if alert.tag is not None:
                made = await view.chart(alert, page.services, page.hub.shop().now_us, page.viewer.fmt)
        except (MonitorError, OSError) as exc:  # a comfort; the alert itself must stay readable
            log.warning("no trend or transitions for alert %s: %s", alert.id, exc)
            return
        if made is not None and not chart_box.is_deleted:
            with chart_box:
                LiveChart(*made, testid="alert-chart")
        if len(changes) > 1 and not changes_box.is_deleted:
            with changes_box, el("details"):
                el("summary", text=page.t("alerts.changes", n=len(changes)))
                facts(view.change_rows(changes, page.hub.shop().now_us, page.viewer.fmt), testid="alert-change-list")


def _moved(now: Alert, before: Alert) -> bool:
    def seen(alert: Alert) -> tuple[object, ...]:
        return alert.id, alert.state, alert.acknowledged_by, alert.hold, alert.note, alert.repeats, alert.escalation

    return seen(now) != seen(before)
