"""The shift report as XLSX: the same figures as the PDF as numbers, with a native chart. Foreign text is only ever text (S18)."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

import xlsxwriter

from domain.state import MachineState
from reports.model import ShiftReport
from reports.verdict import verdict
from reports.wording import Wording

STATES = (MachineState.PRODUCTION, MachineState.IDLE, MachineState.OFF, MachineState.ALARM, MachineState.NO_DATA)


def shift_xlsx(report: ShiftReport, words: Wording) -> bytes:
    """The workbook's bytes. CPU-bound: call it off the event loop."""
    out = BytesIO()
    options = {"in_memory": True, "remove_timezone": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": f"{words.t('report.shift.title')} {report.number}", "author": "Energy Monitoring"})
        styles = _styles(book)
        _summary(book, report, words, styles)
        _machine_sheet(book, report, words, styles)
        _power_sheet(book, report, words, styles)
        _alert_sheet(book, report, words, styles)
    return out.getvalue()


def _styles(book: Any) -> dict[str, Any]:
    base = {"font_name": "Calibri", "font_size": 11, "valign": "vcenter"}
    return {
        "title": book.add_format({**base, "bold": True, "font_size": 16}),
        "note": book.add_format({**base, "font_color": "#46535F", "text_wrap": True, "valign": "top"}),
        "head": book.add_format({**base, "bold": True, "bottom": 2, "text_wrap": True, "bg_color": "#F5F7F9"}),
        "text": book.add_format(base),
        "bold": book.add_format({**base, "bold": True, "top": 1}),
        "one": book.add_format({**base, "num_format": "#,##0.0"}),
        "one_bold": book.add_format({**base, "num_format": "#,##0.0", "bold": True, "top": 1}),
        "two": book.add_format({**base, "num_format": "0.00"}),
        "two_bold": book.add_format({**base, "num_format": "0.00", "bold": True, "top": 1}),
        "percent": book.add_format({**base, "num_format": "0.0%"}),
        "hours": book.add_format({**base, "num_format": "[h]:mm"}),
        "time": book.add_format({**base, "num_format": "dd.mm.yyyy hh:mm", "align": "left"}),
    }


def _clean(text: str) -> str:
    """Control characters removed; Excel's limit of a cell kept."""
    return "".join(c for c in text if c.isprintable() or c == "\n" or category(c) == "Zs")[:32_000]


def _put(sheet: Any, row: int, column: int, value: float | str | None, style: Any) -> None:
    """Numbers as numbers, text as text whatever it begins with, nothing as nothing."""
    if value is None:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, str):
        sheet.write_string(row, column, _clean(value), style)
    else:
        sheet.write_number(row, column, value, style)


def _summary(book: Any, report: ShiftReport, words: Wording, styles: dict[str, Any]) -> None:
    t = words.t
    sheet = book.add_worksheet(t("report.sheet.summary"))
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 2, 46)
    _put(sheet, 0, 0, f"{t('report.shift.title')} {report.number}", styles["title"])
    when = f"{words.weekday(report.day)} {words.date(report.day)}, {words.clock(report.from_us)}–{words.clock(report.to_us)}"
    _put(sheet, 1, 0, f"{report.site} · {t('report.shift.of', name=report.shift)} · {when}", styles["text"])
    sheet.set_row(2, 48)
    sheet.merge_range(2, 0, 2, 2, "", styles["note"])
    _put(sheet, 2, 0, " ".join(verdict(report, words)), styles["note"])
    peak = report.max_half_hour
    rows: list[tuple[str, float | None, str, str]] = [
        (t("report.kpi.energy"), report.total_kwh, "one", words.unit("kWh")),
        (t("report.plan_now" if report.running else "report.plan"), report.plan_kwh, "one", words.unit("kWh")),
        (t("report.kpi.cost"), report.cost, "one", report.currency),
        (t("report.kpi.kef"), report.kef, "two", t("report.footer.k1")),
        (t("report.col.idle_kwh"), report.idle_kwh, "one", words.unit("kWh")),
        (t("report.other"), report.other_kwh, "one", words.unit("kWh")),
        (t("report.kpi.half_hour"), peak[1] if peak else None, "one", words.unit("kW")),
        (t("report.contract"), report.contract_kw, "one", words.unit("kW")),
        (t("report.kpi.tg_phi"), report.tg_phi, "two", ""),
        (t("report.completeness"), report.completeness, "percent", ""),
        (t("report.estimated"), report.estimated_kwh, "one", words.unit("kWh")),
    ]
    for line, (name, value, style, unit) in enumerate(rows, 4):
        _put(sheet, line, 0, name, styles["text"])
        _put(sheet, line, 1, value, styles[style])
        _put(sheet, line, 2, unit, styles["text"])


def _machine_sheet(book: Any, report: ShiftReport, words: Wording, styles: dict[str, Any]) -> None:
    t = words.t
    sheet = book.add_worksheet(t("report.sheet.machines"))
    heads = [t("report.col.machine"), t("report.col.section"),
             *(f"{t(f'report.state.{s.value}')}, {words.unit('h')}" for s in STATES),
             t("report.col.energy"), t("report.col.production_kwh"), t("report.col.idle_kwh"), t("report.col.kef"),
             t("report.col.cost", currency=report.currency), t("report.completeness"), t("report.col.estimated")]
    for column, head in enumerate(heads):
        _put(sheet, 0, column, head, styles["head"])
    sheet.set_row(0, 34)
    sheet.set_column(0, 1, 26)
    sheet.set_column(2, len(heads) - 1, 13)
    sheet.freeze_panes(1, 1)
    for line, row in enumerate(report.machines, 1):
        values: list[tuple[float | str | None, str]] = [(row.name, "text"), (row.section, "text")]
        values += [(row.seconds.get(state, 0.0) / 86400, "hours") for state in STATES]
        values += [(row.energy_kwh, "one"), (row.production_kwh, "one"), (row.idle_kwh, "one"), (row.kef, "two"),
                   (row.cost, "one"), (row.completeness, "percent"), (row.estimated_kwh, "one")]
        for column, (value, style) in enumerate(values):
            _put(sheet, line, column, value, styles[style])
    line = len(report.machines) + 1
    if report.other_kwh is not None:
        _put(sheet, line, 0, t("report.other"), styles["text"])
        _put(sheet, line, 7, report.other_kwh, styles["one"])
        line += 1
    _put(sheet, line, 0, t("report.shop"), styles["bold"])
    sums = ((7, report.total_kwh, "one_bold"), (9, report.idle_kwh, "one_bold"), (10, report.kef, "two_bold"),
            (11, report.cost, "one_bold"))
    for column, value, style in sums:
        _put(sheet, line, column, value, styles[style])
    sheet.autofilter(0, 0, max(len(report.machines), 1), len(heads) - 1)


def _power_sheet(book: Any, report: ShiftReport, words: Wording, styles: dict[str, Any]) -> None:
    t, zone = words.t, ZoneInfo(report.timezone)
    name = t("report.sheet.power")
    sheet = book.add_worksheet(name)
    for column, head in enumerate((t("report.col.interval"), f"{t('report.chart.title')}", t("report.contract"))):
        _put(sheet, 0, column, head, styles["head"])
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 2, 22)
    for line, (time_us, kw) in enumerate(report.power_kw, 1):
        sheet.write_datetime(line, 0, datetime.fromtimestamp(time_us / 1e6, zone), styles["time"])
        _put(sheet, line, 1, kw, styles["one"])
        _put(sheet, line, 2, report.contract_kw, styles["one"])
    count = len(report.power_kw)
    if count:
        chart = book.add_chart({"type": "column"})
        chart.add_series({"name": [name, 0, 1], "categories": [name, 1, 0, count, 0], "values": [name, 1, 1, count, 1],
                          "fill": {"color": "#1469AD"}, "gap": 10})
        if report.contract_kw is not None:
            line_chart = book.add_chart({"type": "line"})
            line_chart.add_series({"name": [name, 0, 2], "categories": [name, 1, 0, count, 0], "values": [name, 1, 2, count, 2],
                                   "line": {"color": "#17202A", "width": 1.5}})
            chart.combine(line_chart)
        chart.set_title({"name": t("report.chart.title")})
        chart.set_y_axis({"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#DCE2E7"}}})
        chart.set_x_axis({"num_format": "hh:mm"})
        chart.set_legend({"position": "bottom"})
        sheet.insert_chart("E2", chart, {"x_scale": 1.6, "y_scale": 1.3})


def _alert_sheet(book: Any, report: ShiftReport, words: Wording, styles: dict[str, Any]) -> None:
    t, zone = words.t, ZoneInfo(report.timezone)
    sheet = book.add_worksheet(t("report.alerts"))
    heads = ("report.alert.raised", "report.alert.priority", "report.col.machine", "report.alert.where", "report.alert.value",
             "report.alert.limit", "report.alert.returned", "report.alert.taken")
    for column, key in enumerate(heads):
        _put(sheet, 0, column, t(key), styles["head"])
    sheet.set_column(0, 7, 20)
    sheet.freeze_panes(1, 0)
    names = {row.machine_id: row.name for row in report.machines}
    for line, alert in enumerate(report.alerts, 1):
        sheet.write_datetime(line, 0, datetime.fromtimestamp(alert.raised_us / 1e6, zone), styles["time"])
        _put(sheet, line, 1, t(f"report.priority.{alert.priority.value}"), styles["text"])
        _put(sheet, line, 2, names.get(alert.machine_id or "", alert.device_id or ""), styles["text"])
        _put(sheet, line, 3, t(f"report.rule.{alert.rule}"), styles["text"])
        _put(sheet, line, 4, alert.value, styles["one"])
        _put(sheet, line, 5, alert.limit, styles["one"])
        if alert.returned_us is not None:
            sheet.write_datetime(line, 6, datetime.fromtimestamp(alert.returned_us / 1e6, zone), styles["time"])
        _put(sheet, line, 7, alert.acknowledged_by, styles["text"])
