"""Reports that make themselves: which, when, where to, and what came of the last periods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.access import Role
from domain.errors import MonitorError
from domain.notification import ChannelKind
from domain.report import ReportRun, RunState, ScheduleNow
from web_interface.components import Card, Confirm, DataTable, button, el, notify
from web_interface.pages import admin_frame, admin_words, reports_words, shell
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.reports_issue import href

DEFAULT: Mapping[str, object] = {"template": "shift", "format": "pdf", "delay_min": 15, "enabled": True}


async def build(page: shell.Page, _asked: Mapping[str, str]) -> None:
    """Into the present slot."""
    await ReportSchedules(page).build()


class ReportSchedules:
    """A table of schedules and one of their last periods."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._known: dict[int, ScheduleNow] = {}
        self._titles: dict[str, str] = {}
        self._changes = page.viewer.may(Role.ENGINEER)

    async def build(self) -> None:
        """Draw."""
        words = self._page.t
        await self._load()
        with Card(words("reports.schedule"), note=words("reports.schedule.note"), testid="schedules-card") as card:
            if self._changes:
                with card.tools:
                    button(words("reports.schedule.new"), self._new, kind="primary", icon_name="add", testid="schedule-new")
            self._table = DataTable(
                [self._column("what", grow=True), self._column("when"), self._column("where"), self._column("last"),
                 {"key": "do", "name": "", "align": "right", "sort": False}],
                self._rows(), testid="schedules-table", empty=words("reports.schedule.empty"), two_lines=True,
                on_action=self._act,
            )  # fmt: skip
        with Card(words("reports.runs"), testid="runs-card"):
            self._runs = DataTable(
                [self._column("what", grow=True), self._column("period"), self._column("state"),
                 {"key": "do", "name": "", "align": "right", "sort": False}],
                self._run_rows(), testid="runs-table", empty=words("reports.runs.empty"), on_action=self._run_act,
            )  # fmt: skip
        el("p", "em-quiet", words("reports.schedule.words"))

    async def _load(self) -> None:
        reports = self._page.services.reports
        self._titles = reports_words.titles(await reports.templates(), self._page.lang)
        self._known = {now.schedule.id: now for now in await reports.schedules()}

    async def _show(self) -> None:
        await self._load()
        if not self._table.is_deleted:
            self._table.show({"rows": self._rows()})
            self._runs.show({"rows": self._run_rows()})

    def _column(self, key: str, *, grow: bool = False) -> dict[str, Any]:
        return {"key": key, "name": self._page.t(f"reports.col.{key}"), "align": "left", "grow": grow}

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(now) for now in self._known.values()]

    def _row(self, now: ScheduleNow) -> dict[str, Any]:
        page, fmt, schedule = self._page, self._page.viewer.fmt, now.schedule
        last = now.runs[0] if now.runs else None
        next_words = page.t("reports.schedule.off") if now.next_us is None else f"{fmt.day(now.next_us)} {fmt.clock(now.next_us)}"
        places = [page.t("reports.to.archive")]
        if page.viewer.may(Role.ADMIN):
            places += ([schedule.folder] if schedule.folder else []) + list(schedule.mail_to)
        names = ("edit", "delete") if self._changes else ()
        actions = [{"name": name, "text": page.t(f"reports.action.{name}")} for name in names]
        delay = page.t("reports.schedule.delay", n=schedule.delay_min)
        called = self._titles.get(schedule.template, schedule.template)
        return {
            "id": schedule.id, "muted": not schedule.enabled,
            "cells": {
                "what": {"text": called, "bold": True, "sub": schedule.format.upper()},
                "when": {"text": next_words, "sub": delay, "sort": now.next_us or 0},
                "where": {"text": ", ".join(places)},
                "last": self._state(last) if last is not None else {"text": "—"},
                "do": {"text": "", "actions": actions},
            },
        }  # fmt: skip

    def _state(self, run: ReportRun) -> dict[str, Any]:
        icon, tone = {
            RunState.DONE: ("check_circle", "quiet"), RunState.WAITING: ("schedule", "quiet"),
            RunState.FAILED: ("error", "alarm"),
        }[run.state]  # fmt: skip
        if run.state is RunState.WAITING and run.error:
            icon, tone = "error", "alarm"
        words = self._page.t(f"reports.run.{run.state.value}" if not (run.error and run.state is RunState.WAITING) else
                             "reports.run.again")  # fmt: skip
        why = admin_words.said(MonitorError(run.error), self._page.lang) if run.error else ""
        return {"text": words, "icon": icon, "tone": tone, "sub": why}

    def _run_rows(self) -> list[dict[str, Any]]:
        runs = [(now, run) for now in self._known.values() for run in now.runs]
        return [self._run_row(now, run) for now, run in sorted(runs, key=lambda pair: -pair[1].to_us)[:100]]

    def _run_row(self, now: ScheduleNow, run: ReportRun) -> dict[str, Any]:
        what: dict[str, Any] = {"text": self._titles.get(now.schedule.template, now.schedule.template)}
        if run.report_id is not None:
            what["href"] = href(run.report_id)
        retry = [{"name": "retry", "text": self._page.t("reports.action.retry")}]
        return {
            "id": f"{run.schedule_id}/{run.from_us}",
            "cells": {
                "what": what,
                "period": {"text": reports_words.span_words(run.from_us, run.to_us, self._page.viewer.fmt), "sort": run.from_us},
                "state": self._state(run),
                "do": {"text": "", "actions": retry if self._changes and run.state is not RunState.DONE else []},
            },
        }  # fmt: skip

    # -- changing --------------------------------------------------------------------------------------------------

    async def _new(self) -> None:
        await self._edit(0)

    async def _act(self, row_id: Any, action: str) -> None:
        schedule_id = int(row_id)
        if action == "edit":
            await self._edit(schedule_id)
            return
        page = self._page
        title = page.t("reports.schedule.delete")
        if await Confirm(page.lang, title, page.t("reports.schedule.delete.words"), page.t("reports.action.delete")).ask():
            await admin_frame.attempt(page, lambda: page.services.reports.delete_schedule(schedule_id, page.actor()))
            await self._show()

    async def _run_act(self, row_id: Any, _action: str) -> None:
        page = self._page
        schedule_id, _, from_us = str(row_id).partition("/")
        again = page.services.reports.try_again
        if await admin_frame.attempt(page, lambda: again(int(schedule_id), int(from_us), page.actor())):
            notify(page.t("reports.run.asked"))
        await self._show()

    async def _edit(self, schedule_id: int) -> None:
        page, now = self._page, self._known.get(schedule_id)
        values: dict[str, object] = dict(DEFAULT)
        if now is not None:
            s = now.schedule
            values = {"template": s.template, "format": s.format, "delay_min": s.delay_min, "enabled": s.enabled,
                      "folder": s.folder, "channel_id": s.channel_id, "mail_to": list(s.mail_to)}  # fmt: skip
        version = now.schedule.version if now is not None else 0
        title = page.t("reports.schedule.new" if now is None else "reports.schedule.edit")
        dialog = FormDialog(page, title, await self._fields(), values, testid="schedule-dialog")

        def save(found: dict[str, object]) -> Any:
            whole: dict[str, object] = {"delay_min": 0, "enabled": False, **found}
            if page.viewer.may(Role.ADMIN):
                whole = {"folder": "", "mail_to": [], "channel_id": None, **whole}
            return page.services.reports.save_schedule(whole, page.actor(), schedule_id=schedule_id, known_version=version)

        if await dialog.ask(save):
            await self._show()

    async def _fields(self) -> list[Field]:
        page, words = self._page, self._page.t
        fields = [
            Field("template", "choice", words("admin.field.template"), options=self._titles, required=True),
            Field("format", "choice", words("reports.format"), options={"pdf": "PDF", "xlsx": "Excel"}, required=True),
            Field("delay_min", "whole", words("admin.field.delay_min"), hint=words("reports.hint.delay"), required=True),
            Field("enabled", "switch", words("reports.schedule.on"), required=True),
        ]
        if page.viewer.may(Role.ADMIN):
            channels = [c for c in await page.services.notifications.channels() if c.kind is ChannelKind.EMAIL]
            fields += [
                Field("folder", "text", words("admin.field.folder"), hint=words("reports.hint.folder"), mono=True),
                Field("channel_id", "choice", words("admin.field.channel_id"),
                      options={"": "—", **{c.id: c.name for c in channels}}),
                Field("mail_to", "list", words("admin.field.mail_to"), hint=words("reports.hint.mail")),
            ]  # fmt: skip
        return fields
