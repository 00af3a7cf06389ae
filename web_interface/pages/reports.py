"""Reports: choose a shift, issue its report, fetch what was issued."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from domain.energy import ShiftWindow
from domain.errors import MonitorError
from web_interface.components import Card, DataTable, Hub, Segmented, button, choice_field, el, notify
from web_interface.locale import LANGUAGES
from web_interface.pages import admin_words, shell
from web_interface.services import Forbidden, IssuedReport, Services

DAYS_BACK = 8
DAY_US = 86_400_000_000


def register(services: Services, hub: Hub) -> None:
    """The page at /reports."""
    shell.offer("reports")

    @ui.page("/reports", title="")
    async def reports_page() -> None:
        with shell.page(services, hub, active="reports", title_key="nav.reports") as page:
            await ReportsPage(page).build()


class ReportsPage:
    """One open page of reports."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._format = "pdf"
        self._language = page.lang
        self._shifts: dict[int, ShiftWindow] = {}
        self._chosen: int | None = None

    async def build(self) -> None:
        """The form at the left, what was issued at the right."""
        page = self._page
        columns = self._columns()
        rows = self._rows(await page.services.reports.issued())
        with el("div", "em-reports-page"):
            with Card(page.t("reports.issue"), testid="report-form-card"), el("div", "em-report-form"):
                self._build_form()
            with Card(page.t("reports.issued"), testid="reports-card"):
                self._table = DataTable(columns, rows, testid="reports-table", empty=page.t("reports.empty"))

    def _build_form(self) -> None:
        page = self._page
        self._shifts = self._recent()
        options = {from_us: self._shift_words(window) for from_us, window in self._shifts.items()}
        self._chosen = next(iter(options), None)
        if self._chosen is None:
            el("p", "em-quiet", page.t("reports.no_shifts"), "report-no-shifts")
            return
        choice_field(page.t("reports.shift"), options, self._chosen, testid="report-shift", on_change=self._choose)
        el("span", "em-field-label", page.t("reports.format"))
        Segmented({"pdf": "PDF", "xlsx": "Excel"}, self._format, self._set_format, testid="report-format")
        el("span", "em-field-label", page.t("reports.language"))
        names = {code: page.t(f"language.{code}") for code in LANGUAGES}
        Segmented(names, self._language, self._set_language, testid="report-language")
        button(page.t("reports.do"), self._issue, kind="primary", icon_name="description", testid="report-issue")

    def _recent(self) -> dict[int, ShiftWindow]:
        """Shifts that have begun, newest first."""
        now_us = self._page.hub.shop().now_us
        windows = self._page.services.energy.shifts(now_us - DAYS_BACK * DAY_US, now_us)
        return {w.from_us: w for w in sorted(windows, key=lambda w: -w.from_us) if w.from_us < now_us}

    def _shift_words(self, window: ShiftWindow) -> str:
        fmt, now_us = self._page.viewer.fmt, self._page.hub.shop().now_us
        hours = f"{fmt.clock(window.from_us)}–{fmt.clock(window.to_us)}"
        words = self._page.t("reports.shift_words", day=fmt.date(window.day), name=window.name, hours=hours)
        return words + (self._page.t("reports.running") if window.to_us > now_us else "")

    def _choose(self, from_us: Any) -> None:
        self._chosen = int(from_us)

    def _set_format(self, value: str) -> None:
        self._format = value

    def _set_language(self, value: str) -> None:
        self._language = value

    async def _issue(self) -> None:
        page = self._page
        window = self._shifts.get(self._chosen) if self._chosen is not None else None
        if window is None:
            return
        try:
            issued = await page.services.reports.issue(
                "shift", self._format, window.from_us, window.to_us, self._language, page.actor()
            )
        except Forbidden:
            notify(page.t("error.forbidden"), good=False)
            return
        except MonitorError as exc:
            notify(admin_words.said(exc, page.lang), good=False)
            return
        self._table.show({"rows": self._rows(await page.services.reports.issued())})
        ui.navigate.to(_href(issued.id))
        notify(page.t("reports.done", name=issued.file_name))

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "what", "name": t("reports.col.what"), "align": "left", "grow": True},
            {"key": "issued", "name": t("reports.col.issued"), "align": "left"},
            {"key": "by", "name": t("reports.col.by"), "align": "left"},
            {"key": "size", "name": t("reports.col.size"), "align": "right"},
        ]

    def _rows(self, issued: Any) -> list[dict[str, Any]]:
        return [self._row(report) for report in issued]

    def _row(self, report: IssuedReport) -> dict[str, Any]:
        page, fmt = self._page, self._page.viewer.fmt
        span = f"{fmt.day(report.from_us)} {fmt.clock(report.from_us)}–{fmt.clock(report.to_us)}"
        icon = "table_view" if report.format == "xlsx" else "description"
        cells: dict[str, Any] = {
            "what": {"text": f"{page.t(f'report.{report.template}.title')}, {span}", "href": _href(report.id), "icon": icon,
                     "tone": "quiet", "sort": report.from_us},
            "issued": {"text": f"{fmt.day(report.issued_us)} {fmt.clock(report.issued_us)}", "sort": report.issued_us},
            "by": report.issued_by,
            "size": {"text": f"{fmt.number(report.size_bytes / 1000, 0)}\u00a0{page.t('unit.kB')}", "sort": report.size_bytes},
        }
        return {"id": report.id, "cells": cells}


def _href(report_id: int) -> str:
    return f"/api/reports/{report_id}/file"
