"""Alert rules: what is watched, and what a changed rule would have done in the last month, before it is saved."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from nicegui import ui
from nicegui.element import Element

from domain.access import Role
from domain.alert_rule import AlertRule
from domain.errors import MonitorError
from domain.rehearsal import JobState, RuleRehearsal
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, el, empty, facts, notify
from web_interface.components.marks import priority_name
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages import alerts_rule_form as rule_form
from web_interface.pages.admin_form import Form
from web_interface.pages.alerts_hygiene import crumbs, draw_bars
from web_interface.pages.table_search import table_search
from web_interface.rule_fields import limit_fields, rule_fields
from web_interface.services import Services

log = logging.getLogger(__name__)

Changes = list[tuple[Element, Mapping[str, Any]]]
DAYS = 30
NEW = ""


def register(services: Services, hub: Hub) -> None:
    """The page at /alerts/rules; `id` of the address opens a rule."""

    @ui.page("/alerts/rules", title="")
    def rules_page(id: str | None = None) -> None:
        with shell.page(services, hub, active="alerts", title_key="alerts.rules", crumbs=crumbs(services)) as page:
            RulesPage(page, id).build()


class RulesPage:
    """One open page of rules."""

    def __init__(self, page: shell.Page, chosen: str | None) -> None:
        self._page = page
        self._chosen = chosen
        self._stored: Mapping[str, object] | None = None
        self._form: Form | None = None
        self._values: dict[str, Any] = {}

    def build(self) -> None:
        """The list at the left, the chosen rule at the right."""
        page = self._page
        self._may = page.viewer.may(Role.ENGINEER)
        with el("div", "em-alerts-page em-rules-page"):
            with Card(page.t("alerts.rules"), note=page.t("rules.note"), testid="rules-card", classes="em-alerts-list") as card:
                if self._may:
                    with card.tools:
                        button(page.t("rules.new"), lambda: self._open(NEW), kind="primary", icon_name="add", testid="rule-new")
                self._table = DataTable(
                    self._columns(),
                    self._rows(),
                    testid="rules-table",
                    empty=page.t("rules.none"),
                    search=table_search(page.lang),
                    two_lines=True,
                    on_row=self._open,
                )
            self._box = el("aside", "em-card em-alert-panel em-rule-panel", testid="rule-panel")
        self._draw()
        page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """What others changed."""
        return [(self._table, self._table.row_changes(self._rows()))] if {"plant", "alert"} & tick.kinds else []

    # ---- list ------------------------------------------------------------------------------------------------------
    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "what", "name": t("rules.col.rule"), "align": "left", "grow": True},
            {"key": "kind", "name": t("rules.col.kind"), "align": "left"},
            {"key": "borders", "name": t("rules.col.borders"), "align": "left", "sort": False},
            {"key": "priority", "name": t("alerts.priority"), "align": "left"},
            {"key": "state", "name": t("alerts.col.state"), "align": "left"},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        plant, held = self._page.services.plant.plant, {hold.key for hold in self._page.services.alerts.holds()}
        rows = [self._row(rule_fields(rule), rule, f"rule:{rule.id}:" in held) for rule in plant.alert_rules]
        return [*rows, *(self._row(limit_fields(limit), None, False) for limit in plant.limits)]

    def _row(self, fields: dict[str, Any], rule: AlertRule | None, out: bool) -> dict[str, Any]:
        page = self._page
        state = "out" if out else "off" if rule is not None and not rule.enabled else "limit" if rule is None else "on"
        own = "" if rule is None or rule.priority is None else priority_name(rule.priority, page.lang)
        cells = {
            "what": {
                "text": rule_form.scope_words(fields, page.services.plant.plant, page.lang),
                "sub": fields["id"],
                "bold": True,
            },
            "kind": page.t(f"rules.kind.{fields['kind']}"),
            "borders": rule_form.border_words(
                fields, page.viewer.fmt, rule_form.watched_unit(fields, page.services.live.tags())
            ),
            "priority": own or page.t("rules.by_kind"),
            "state": {"text": page.t(f"rules.state.{state}"), "tone": "accent" if out else "quiet"},
        }
        return {
            "id": fields["id"],
            "cells": cells,
            "clickable": True,
            "selected": fields["id"] == self._chosen,
            "muted": state == "off",
        }

    def _open(self, rule_id: Any) -> None:
        self._chosen = str(rule_id)
        self._table.show({"rows": self._rows()})
        self._draw()

    # ---- editor ------------------------------------------------------------------------------------------------------
    def _draw(self) -> None:
        page = self._page
        self._box.clear()
        with self._box:
            if self._chosen is None:
                empty("rule", page.t("rules.choose"), page.t("rules.choose.words"), testid="rule-empty")
                return
            rule = next((r for r in page.services.plant.plant.alert_rules if r.id == self._chosen), None)
            self._stored = page.services.plant.entry("alert_rules", rule.id) if rule is not None else None
            if rule is None and self._chosen != NEW:
                self._draw_limit(self._chosen)
                return
            el("h2", "em-alert-subject", self._chosen or page.t("rules.new"), "rule-title")
            self._values = (
                rule_form.form_values(rule_fields(rule)) if rule is not None else {"kind": "level", "scope_kind": "tag"}
            )
            self._form_box = el("div", "em-rule-form")
            self._result = el("div", "em-rehearsal", testid="rehearsal")
            self._draw_form()
            if self._may:
                self._draw_actions(rule)

    def _draw_limit(self, rule_id: str) -> None:
        """A limit is changed in the settings; what it does can be tried here."""
        page = self._page
        self._form = None
        fields = next((f for limit in page.services.plant.plant.limits if (f := limit_fields(limit))["id"] == rule_id), None)
        if fields is None:
            empty("search_off", page.t("rules.gone"), page.t("rules.gone.words", id=rule_id[:60]), testid="rule-gone")
            self._result = el("div", "em-rehearsal", testid="rehearsal")
            return
        empty("tune", rule_id, page.t("rules.is_limit"), page.t("admin.limits"), "/admin/limits", testid="rule-limit")
        self._result = el("div", "em-rehearsal", testid="rehearsal")
        if self._may:
            button(
                page.t("rules.rehearse"), lambda: self._rehearse({**fields, "id": "draft"}), icon_name="history",
                testid="rule-rehearse",
            )  # fmt: skip

    def _draw_form(self) -> None:
        page = self._page
        self._form_box.clear()
        fields = rule_form.fields(page, self._values, new=self._chosen == NEW)
        with self._form_box:
            self._form = Form(fields, self._values, lang=page.lang, testid="rule-form", on_change=self._moved)

    def _moved(self, name: str) -> None:
        """Another kind or scope asks for other fields."""
        if name in rule_form.REDRAWS and self._form is not None:
            self._values = {n: self._form[n] for n in self._form.names if self._form[n] is not None}
            self._draw_form()

    def _draw_actions(self, rule: AlertRule | None) -> None:
        page = self._page
        with el("footer", "em-alert-foot"):
            with el("div", "em-alert-acts"):
                button(page.t("rules.rehearse"), self._rehearse_only, icon_name="history", testid="rule-rehearse")
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="rule-save")
            if rule is None:
                return
            held = f"rule:{rule.id}:" in {hold.key for hold in page.services.alerts.holds()}
            with el("div", "em-alert-acts"):
                if held:
                    button(
                        page.t("rules.in_service"),
                        lambda: self._in_service(rule.id),
                        icon_name="play_circle_outline",
                        testid="rule-in",
                    )
                else:
                    button(
                        page.t("rules.out_of_service"), lambda: self._out(rule.id), icon_name="build_circle", testid="rule-out"
                    )
                button(page.t("action.delete"), lambda: self._delete(rule.id), icon_name="delete_outline", testid="rule-delete")

    def _entry(self) -> dict[str, Any] | None:
        """The fields of the plant file; None when the form is not whole."""
        form = self._form
        if form is None or not form.check():
            return None
        entry = rule_form.entry({name: form[name] for name in form.names})
        return entry if self._chosen == NEW else entry | {"id": self._chosen}

    def _show_troubles(self, exc: MonitorError, entry: Mapping[str, Any]) -> None:
        found = admin_words.troubles(exc, self._page.lang, own=f"alert_rules[{entry.get('id')}]")
        if self._form is not None:
            self._form.show([replace(trouble, field=rule_form.control_of(trouble.field)) for trouble in found])

    async def _rehearse_only(self) -> None:
        await self._rehearse(self._entry())

    async def _rehearse(self, entry: dict[str, Any] | None) -> RuleRehearsal | None:
        """Replay the last month and show it; None when it could not be."""
        page = self._page
        if entry is None:
            return None
        try:
            job = page.services.rehearsals.start_rule(await page.services.plant.draft_alert_rule(entry), DAYS)
        except MonitorError as exc:
            self._show_troubles(exc, entry)
            return None
        self._result.clear()
        with self._result, el("div", "em-rehearsal-head"):
            words = el("span", text=page.t("rehearsal.running", percent=0), testid="rehearsal-progress")
            button(
                page.t("action.cancel"), lambda: page.services.rehearsals.cancel(job.id), small=True, testid="rehearsal-cancel"
            )
        while job.state is JobState.RUNNING and not self._result.is_deleted:
            job = await page.services.rehearsals.wait(job.id, 0.5)
            words.set_text(page.t("rehearsal.running", percent=round(100 * job.progress)))
        if self._result.is_deleted:
            page.services.rehearsals.cancel(job.id)
            return None
        self._result.clear()
        if not isinstance(job.result, RuleRehearsal):
            with self._result:
                el("span", "em-quiet", page.t("rehearsal.cancelled") if not job.error else job.error)
            return None
        with self._result:
            self._draw_result(job.result)
        return job.result

    def _draw_result(self, found: RuleRehearsal) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        now_us = page.hub.shop().now_us
        el("b", text=page.t("rehearsal.title", n=DAYS), testid="rehearsal-title")
        busiest = ""
        if found.busiest_day is not None:
            day, count = found.busiest_day
            busiest = f"{fmt.date(date.fromisoformat(day))}: {count}"
        facts(
            [
                (page.t("rehearsal.alerts"), f"{found.alerts} ({page.t('rehearsal.subjects', n=found.subjects)})"),
                (page.t("rehearsal.standing"), fmt.duration(found.standing_s)),
                *([(page.t("rehearsal.suppressed"), fmt.duration(found.suppressed_s))] if found.suppressed_s else []),
                *([(page.t("rehearsal.busiest"), busiest)] if busiest else []),
            ],
            testid="rehearsal-facts",
        )  # fmt: skip
        draw_bars([count for _, count in found.by_day])
        if not found.fine:
            el("span", "em-quiet", page.t("rehearsal.coarse"))
        if found.examples:
            el("span", "em-field-label", page.t("rehearsal.examples"))
            rows = []
            for occasion in found.examples[:6]:
                lasted = "" if occasion.to_us is None else fmt.duration((occasion.to_us - occasion.from_us) / 1e6)
                what = f"{occasion.subject} · {fmt.significant(occasion.value)}"
                rows.append((fmt.moment(occasion.from_us, now_us), f"{what} · {lasted or page.t('rehearsal.stands')}"))
            facts(rows, testid="rehearsal-examples")

    # ---- acts --------------------------------------------------------------------------------------------------------
    async def _save(self) -> None:
        page, entry = self._page, self._entry()
        found = await self._rehearse(entry)
        if entry is None or found is None:
            return
        words = page.t("rules.save.words", n=found.alerts, days=DAYS)
        confirm = Confirm(page.lang, page.t("rules.save"), words, page.t("action.save"), danger=False, testid="rule-confirm")
        if not await confirm.ask():
            return
        new = self._chosen == NEW
        if await admin_frame.attempt(
            page, lambda: page.services.plant.save_alert_rule(entry, page.actor(), new=new, known=None if new else self._stored),
            lambda exc: self._show_troubles(exc, entry),
        ):  # fmt: skip
            notify(page.t("admin.saved"))
            self._open(entry["id"])

    async def _out(self, rule_id: str) -> None:
        page = self._page
        with ui.dialog() as dialog, el("div", "em-dialog", testid="out-dialog", role="dialog"):
            el("h2", "em-card-title", page.t("rules.out_of_service"))
            el("p", "em-dialog-text", page.t("rules.out.words"))
            reason = rule_form.reason_field(page)
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: dialog.submit(None), testid="out-cancel")
                button(
                    page.t("rules.out_of_service"),
                    lambda: dialog.submit(str(reason.value or "")),
                    kind="primary",
                    testid="out-save",
                )
        words = await dialog
        if words is not None and await admin_frame.attempt(
            page, lambda: page.services.alerts.take_out_of_service(rule_id, words, page.actor())
        ):
            self._open(rule_id)

    async def _in_service(self, rule_id: str) -> None:
        page = self._page
        if await admin_frame.attempt(page, lambda: page.services.alerts.put_in_service(rule_id, page.actor())):
            self._open(rule_id)

    async def _delete(self, rule_id: str) -> None:
        page = self._page
        words = page.t("rules.delete.words", name=rule_id)
        confirm = Confirm(page.lang, page.t("rules.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_alert_rule(rule_id, page.actor())
        ):
            self._chosen = None
            self._table.show({"rows": self._rows()})
            self._draw()
