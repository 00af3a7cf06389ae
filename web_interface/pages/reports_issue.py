"""Issue a report, with progress and cancel, and find what was issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from domain.energy import ShiftWindow
from domain.errors import Forbidden, MonitorError
from domain.report import PeriodKind, ReportJob
from web_interface.components import Card, DataTable, Segmented, button, choice_field, el, notify, text_field
from web_interface.locale import LANGUAGES, t
from web_interface.pages import admin_words, reports_words, shell
from web_interface.services.reports import IssuedReport, ReportTemplate

ROWS = 200
LOOK_S = 0.4
STEPS = ("waiting", "figures", "drawing", "keeping")


async def build(page: shell.Page, asked: Mapping[str, str]) -> None:
    """Into the present slot."""
    await ReportsIssue(page, await page.services.reports.templates(), asked).build()


class ReportsIssue:
    """The form at the left, what was issued at the right."""

    def __init__(self, page: shell.Page, templates: Sequence[ReportTemplate], asked: Mapping[str, str]) -> None:
        self._page, self._templates = page, {template.id: template for template in templates}
        self._titles = reports_words.titles(templates, page.lang)
        self._template = asked["template"] if asked["template"] in self._templates else "shift"
        self._text, self._format, self._language = asked["text"], "pdf", page.lang
        self._windows: dict[int, ShiftWindow] = {}
        self._job: ReportJob | None = None

    async def build(self) -> None:
        """Draw."""
        page = self._page
        rows = await self._rows()
        with el("div", "em-reports-page"):
            with Card(page.t("reports.issue"), testid="report-form-card"), el("div", "em-report-form"):
                self._build_form()
            with Card(page.t("reports.issued"), testid="reports-card"):
                search = text_field(page.t("reports.search"), self._text, testid="reports-search")
                search.on_value_change(self._search)
                self._table = DataTable(self._columns(), rows, testid="reports-table", empty=page.t("reports.empty"))

    def _build_form(self) -> None:
        page = self._page
        choice_field(
            page.t("reports.template"), self._titles, self._template, testid="report-template", on_change=self._choose_template
        )
        options = self._periods()
        self._period = choice_field(page.t("reports.period"), options, next(iter(options), None), testid="report-shift")
        self._none = el("p", "em-quiet", page.t("reports.no_shifts"), "report-no-shifts")
        self._none.set_visibility(not options)
        with el("div", "em-field"):
            el("span", "em-field-label", page.t("reports.format"))
            Segmented({"pdf": "PDF", "xlsx": "Excel"}, self._format, self._set_format, testid="report-format")
        with el("div", "em-field"):
            el("span", "em-field-label", page.t("reports.language"))
            names = {code: page.t(f"language.{code}") for code in LANGUAGES}
            Segmented(names, self._language, self._set_language, testid="report-language")
        self._do = button(page.t("reports.do"), self._issue, kind="primary", icon_name="description", testid="report-issue")
        with el("div", "em-report-progress", testid="report-progress", role="status") as self._progress:
            self._bar = el("progress", "em-progress", max=str(len(STEPS)))
            self._step = el("span", "em-quiet")
            button(page.t("action.cancel"), self._cancel, small=True, testid="report-cancel")
        self._progress.set_visibility(False)

    def _periods(self) -> dict[int, str]:
        """The last ones of the template's kind, newest first."""
        page, kind = self._page, self._templates[self._template].content.period
        now_us = page.hub.shop().now_us
        self._windows = {}
        for back in range(reports_words.SHOWN[kind]):
            window = page.services.reports.period(kind, back)
            if window is None:
                break
            self._windows[window.from_us] = window
        return {at: reports_words.period_words(kind, w, page.viewer.fmt, now_us) for at, w in self._windows.items()}

    def _choose_template(self, value: Any) -> None:
        self._template = str(value)
        options = self._periods()
        self._period.set_options(options, value=self._first_whole(options))
        self._none.set_visibility(not options)

    def _first_whole(self, options: Mapping[int, str]) -> int | None:
        """The last period that is over; of shifts the running one."""
        if self._templates[self._template].content.period is PeriodKind.SHIFT:
            return next(iter(options), None)
        now_us = self._page.hub.shop().now_us
        return next((at for at in options if self._windows[at].to_us <= now_us), next(iter(options), None))

    def _set_format(self, value: str) -> None:
        self._format = value

    def _set_language(self, value: str) -> None:
        self._language = value

    # -- issuing ---------------------------------------------------------------------------------------------------

    async def _issue(self) -> None:
        page, reports = self._page, self._page.services.reports
        window = self._windows.get(self._period.value) if self._period.value is not None else None
        if window is None or self._job is not None:
            return
        try:
            self._job = await reports.start(
                self._template, self._format, window.from_us, window.to_us, self._language, page.actor()
            )
            self._progress.set_visibility(True)
            while self._job.state == "running":
                self._show_step(self._job)
                self._job = await reports.wait(self._job.id, LOOK_S)
            await self._over(self._job)
        except Forbidden:
            notify(page.t("error.forbidden"), good=False)
        except MonitorError as exc:
            notify(admin_words.said(exc, page.lang), good=False)
        finally:
            self._job = None
            if not self._progress.is_deleted:
                self._progress.set_visibility(False)

    def _show_step(self, job: ReportJob) -> None:
        if not self._step.is_deleted:
            self._step.set_text(self._page.t(f"reports.step.{job.step}"))
            self._bar.props["value"] = str(STEPS.index(job.step) + 1)
            self._bar.update()

    async def _over(self, job: ReportJob) -> None:
        page = self._page
        if job.state == "failed":
            notify(page.t("reports.failed", why=admin_words.said(MonitorError(job.error), page.lang)), good=False)
        elif job.state == "cancelled":
            notify(page.t("reports.cancelled"))
        elif job.report_id is not None and not self._table.is_deleted:
            self._table.show({"rows": await self._rows()})
            ui.navigate.to(href(job.report_id))
            notify(page.t("reports.done", name=self._titles[job.template]))

    async def _cancel(self) -> None:
        if self._job is not None:
            self._page.services.reports.cancel(self._job.id, self._page.actor())

    # -- archive ---------------------------------------------------------------------------------------------------

    async def _search(self, event: Any) -> None:
        self._text = str(event.value or "")[:200]
        self._table.show({"rows": await self._rows()})

    async def _rows(self) -> list[dict[str, Any]]:
        return [self._row(report) for report in await self._page.services.reports.issued(ROWS, self._text)]

    def _columns(self) -> list[dict[str, Any]]:
        words = self._page.t
        return [
            {"key": "what", "name": words("reports.col.what"), "align": "left", "grow": True},
            {"key": "issued", "name": words("reports.col.issued"), "align": "left"},
            {"key": "by", "name": words("reports.col.by"), "align": "left"},
            {"key": "size", "name": words("reports.col.size"), "align": "right"},
        ]

    def _row(self, report: IssuedReport) -> dict[str, Any]:
        page, fmt = self._page, self._page.viewer.fmt
        name = self._titles.get(report.template, report.file_name)
        icon = "table_view" if report.format == "xlsx" else "description"
        what: dict[str, Any] = {
            "text": f"{name}, {reports_words.span_words(report.from_us, report.to_us, fmt)}", "href": href(report.id),
            "icon": icon, "tone": "quiet", "sort": report.from_us,
        }  # fmt: skip
        if report.template_version is not None:
            what["sub"] = page.t("reports.version", version=report.template_version)
        cells: dict[str, Any] = {
            "what": what,
            "issued": {"text": f"{fmt.day(report.issued_us)} {fmt.clock(report.issued_us)}", "sort": report.issued_us},
            "by": {"text": t("reports.by_itself", page.lang) if report.scheduled else report.issued_by},
            "size": {"text": f"{fmt.number(report.size_bytes / 1000, 0)}\u00a0{page.t('unit.kB')}", "sort": report.size_bytes},
        }
        return {"id": report.id, "cells": cells}


def href(report_id: int) -> str:
    """The stable link of an issued report."""
    return f"/api/reports/{report_id}/file"
