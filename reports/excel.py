"""A report as XLSX: the same figures as the PDF as numbers, with native charts. Foreign text is only ever text (S18)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from domain.report import PageFormat, Part
from reports.loops import loop_words
from reports.model import Report
from reports.names import alert_subject, meter_name
from reports.texts import (
    STATES,
    findings,
    known,
    peak_name,
    quality,
    span,
    subtitle,
    template_line,
    title,
    zone_name,
)
from reports.verdict import verdict
from reports.wording import Wording

PAPER = {PageFormat.A4: 9, PageFormat.A4_LANDSCAPE: 9, PageFormat.A3: 8, PageFormat.LETTER: 1}  # numbers of the format
Cell = tuple[float | str | datetime | None, str]


@dataclass(frozen=True, slots=True)
class Formula:
    """What Excel computes itself, and the value that stands until it does."""

    text: str
    value: float | None


_NUMBERS = frozenset({"one", "two", "whole", "percent", "hours"})  # styles of columns whose head stands over the right end


@dataclass(frozen=True, slots=True)
class _Book:
    """A workbook in the making."""

    book: Any
    report: Report
    words: Wording
    styles: dict[str, Any]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.report.timezone)

    def sheet(self, name: str) -> Any:
        """A new sheet, set up for printing: landscape, one page wide, page numbers, the first row on every page."""
        sheet = self.book.add_worksheet(_clean(name)[:31])
        sheet.set_landscape()
        sheet.set_paper(PAPER[self.report.template.page])
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&LEnergy Monitoring&R{self.words.t('report.footer.page', number='&P', count='&N')}")
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        return sheet

    def listed(self, name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], *, wide: int = 1, frozen: int = 1) -> Any:
        """A sheet that is one table: head frozen, repeated in print, filtered; the first `wide` columns are broad."""
        sheet = self.sheet(name)
        for column, head in enumerate(heads):
            numbers = bool(rows) and rows[0][column][1] in _NUMBERS
            _put(sheet, 0, column, head, self.styles["head_number" if numbers else "head"])
        sheet.set_row(0, 34)
        sheet.set_column(0, wide - 1, 26)
        sheet.set_column(wide, max(len(heads) - 1, wide), 14)
        sheet.freeze_panes(1, frozen)
        sheet.repeat_rows(0)
        for line, row in enumerate(rows, 1):
            for column, (value, style) in enumerate(row):
                _put(sheet, line, column, value, self.styles[style])
        if rows:
            sheet.autofilter(0, 0, len(rows), len(heads) - 1)
        return sheet

    def time(self, time_us: int) -> datetime:
        """As the site's clock shows it."""
        return datetime.fromtimestamp(time_us / 1e6, self.zone)


def report_xlsx(report: Report, words: Wording) -> bytes:
    """The workbook's bytes. CPU-bound: call it off the event loop."""
    out = BytesIO()
    options = {"in_memory": True, "remove_timezone": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": f"{title(report, words)} {report.number}", "author": "Energy Monitoring"})
        made = _Book(book, report, words, text_styles(book))
        _summary(made)
        for part in report.template.parts:
            if part in SHEETS:
                SHEETS[part](made)
    return out.getvalue()


def text_styles(book: Any) -> dict[str, Any]:
    """Formats of cells by name: text, head, note, one, two, whole, percent, hours, day, time, and the bold ones of sums."""
    base: dict[str, object] = {"font_name": "Calibri", "font_size": 11, "valign": "vcenter"}
    styles: dict[str, dict[str, object]] = {
        "title": {"bold": True, "font_size": 16}, "part": {"bold": True, "top": 1},
        "note": {"font_color": "#46535F", "text_wrap": True, "valign": "top"},
        "head": {"bold": True, "bottom": 2, "text_wrap": True, "bg_color": "#F5F7F9"}, "text": {},
        "head_number": {"bold": True, "bottom": 2, "text_wrap": True, "bg_color": "#F5F7F9", "align": "right"},
        "one": {"num_format": "#,##0.0"}, "two": {"num_format": "0.00"}, "whole": {"num_format": "#,##0"},
        "percent": {"num_format": "0.0%"}, "hours": {"num_format": "[h]:mm"},
        "day": {"num_format": "dd.mm.yyyy", "align": "left"},
        "time": {"num_format": "dd.mm.yyyy hh:mm", "align": "left"},
        "after": {"align": "left", "indent": 1},  # words that follow a number: they do not touch it
        "time_after": {"num_format": "dd.mm.yyyy hh:mm", "align": "left", "indent": 1},
    }
    made = {name: book.add_format({**base, **style}) for name, style in styles.items()}
    for name in ("text", "one", "two", "whole"):
        made[f"{name}_bold"] = book.add_format({**base, **styles[name], "bold": True, "top": 1})
    made["bold"] = made["text_bold"]
    return made


def _clean(text: str) -> str:
    """Control characters removed; Excel's limit of a cell kept."""
    return "".join(c for c in text if c.isprintable() or c == "\n" or category(c) == "Zs")[:32_000]


def _put(sheet: Any, row: int, column: int, value: float | str | datetime | Formula | None, style: Any) -> None:
    """Numbers as numbers, times as times, text as text whatever it begins with, nothing as nothing."""
    if value is None:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, Formula):
        sheet.write_formula(row, column, value.text, style, "" if value.value is None else value.value)
    elif isinstance(value, str):
        sheet.write_string(row, column, _clean(value), style)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value, style)
    else:
        sheet.write_number(row, column, value, style)


def _sum_row(made: _Book, sheet: Any, line: int, columns: int, name: str) -> None:
    """The line under a table, all its width, with the name of the sum; what is summed is put in after."""
    for column in range(columns):
        _put(sheet, line, column, name if column == 0 else None, made.styles["bold"])


def _sum(column: int, first: int, last: int, value: float | None) -> Formula:
    """Of the rows `first` to `last` of a column, counted from 0."""
    letter = xl_col_to_name(column)
    return Formula(f"=SUM({letter}{first + 1}:{letter}{last + 1})", value)


def _summary(made: _Book) -> None:
    report, words, styles, t = made.report, made.words, made.styles, made.words.t
    sheet = made.sheet(t("report.sheet.summary"))
    sheet.set_portrait()
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 38)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 2, 46)
    _put(sheet, 0, 0, f"{title(report, words)} {report.number}", styles["title"])
    _put(sheet, 1, 0, subtitle(report, words), styles["text"])
    sheet.set_row(2, 48)
    sheet.merge_range(2, 0, 2, 2, "", styles["note"])
    _put(sheet, 2, 0, " ".join(verdict(report, words)), styles["note"])
    line = 4
    for name, value, style, unit in _figures(report, words):
        if value is None and style not in {"one", "two"}:
            continue
        for column, (what, how) in enumerate(((name, "text"), (value, style), (unit, "after"))):
            _put(sheet, line, column, what, styles[how])
        line += 1
    for head, sentences in ((t("report.findings"), findings(report, words)), (t("report.quality"), quality(report, words))):
        line += 1
        _put(sheet, line, 0, head, styles["part"])
        for sentence in sentences:
            line += 1
            _put(sheet, line, 0, sentence, styles["text"])
        line += 1
    issued = f"{words.day(report.issued_us)} {words.clock(report.issued_us)}"
    for said in (t("report.issued", when=issued), template_line(report, words), span(report, words)):
        line += 1
        _put(sheet, line, 0, said, styles["text"])


def _without_unit(head: str) -> str:
    """The head of a column where the unit has a cell of its own."""
    return head.partition(",")[0]


def _figures(report: Report, words: Wording) -> list[tuple[str, float | None, str, str]]:
    t, kwh, kw, peak = words.t, words.unit("kWh"), words.unit("kW"), report.max_half_hour
    return [
        (t("report.kpi.energy"), report.total_kwh, "one", kwh),
        (t("report.plan_now" if report.running else "report.plan"), report.plan_kwh, "one", kwh),
        (t("report.kpi.cost"), report.cost, "one", report.currency),
        (t("report.kpi.kef"), report.kef, "two", t("report.footer.k1")),
        (_without_unit(t("report.col.idle_kwh")), report.idle_kwh, "one", kwh),
        (t("report.other"), report.other_kwh, "one", kwh),
        (peak_name(report, words), peak[1] if peak else None, "one", kw),
        (_without_unit(t("report.contract")), report.contract_kw, "one", kw),
        (t("report.kpi.tg_phi"), report.tg_phi, "two", ""),
        (t("report.alerts"), float(len(report.alerts)), "whole", ""),
        (t("report.completeness"), report.completeness, "percent", ""),
        (t("report.estimated"), report.estimated_kwh, "one", kwh),
    ]


def _machine_sheet(made: _Book) -> None:
    report, words, t = made.report, made.words, made.words.t
    heads = [t("report.col.machine"), t("report.col.section"),
             *(f"{t(f'report.state.{s.value}')}, {words.unit('h')}" for s in STATES),
             t("report.col.energy"), t("report.col.production_kwh"), t("report.col.idle_kwh"), t("report.col.kef"),
             t("report.col.cost", currency=report.currency), t("report.completeness"), t("report.col.estimated")]
    rows: list[list[Cell]] = []
    for row in report.machines:
        values: list[Cell] = [(row.name, "text"), (row.section, "text")]
        values += [(row.seconds.get(state, 0.0) / 86400 if row.seconds else None, "hours") for state in STATES]
        values += [(row.energy_kwh, "one"), (known(row.production_kwh, row.energy_kwh), "one"),
                   (known(row.idle_kwh, row.energy_kwh), "one"), (row.kef, "two"),
                   (row.cost, "one"), (row.completeness, "percent"), (row.estimated_kwh, "one")]
        rows.append(values)
    sheet = made.listed(t("report.sheet.machines"), heads, rows, wide=2)
    last, styles = len(rows), made.styles
    line = last + 1
    if report.other_kwh is not None:
        _put(sheet, line, 0, t("report.other"), styles["text"])
        others = f"={xl_rowcol_to_cell(line + 1, 7)}-SUM(H2:H{last + 1})"
        _put(sheet, line, 7, Formula(others, report.other_kwh), styles["one"])
        line += 1
    whole = report.other_kwh is not None or not rows
    _sum_row(made, sheet, line, len(heads), t("report.shop" if whole else "report.total"))
    produced = sum(row.production_kwh for row in report.machines)
    sums: list[tuple[int, float | Formula | None, str]] = [
        (7, report.total_kwh if whole else _sum(7, 1, last, report.total_kwh), "one_bold"),
        (8, _sum(8, 1, last, produced), "one_bold"), (9, _sum(9, 1, last, report.idle_kwh), "one_bold"),
        (10, Formula(f"=IF(SUM(H2:H{last + 1})>0,SUM(I2:I{last + 1})/SUM(H2:H{last + 1}),\"\")", report.kef), "two_bold"),
        (11, report.cost, "one_bold"),
    ]
    for column, value, style in sums if rows else []:
        _put(sheet, line, column, value, styles[style])
    if rows:
        _bars(made, sheet, t("report.sheet.machines"), (7, 9), last, xl_rowcol_to_cell(line + 2, 0), t("report.col.energy"))


def _bars(made: _Book, sheet: Any, name: str, columns: Sequence[int], last: int, at: str, called: str) -> None:
    """A native chart of columns over the first one."""
    chart = made.book.add_chart({"type": "column"})
    for column, color in zip(columns, ("#1B3A57", "#C9A15A", "#848F58"), strict=False):
        chart.add_series({
            "name": [name, 0, column], "categories": [name, 1, 0, last, 0], "values": [name, 1, column, last, column],
            "fill": {"color": color}, "gap": 60,
        })  # fmt: skip
    chart.set_title({"name": called})
    chart.set_y_axis({"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#DCE2E7"}}})
    chart.set_legend({"position": "bottom"})
    sheet.insert_chart(at, chart, {"x_scale": 2.0, "y_scale": 1.2})


def _day_sheet(made: _Book) -> None:
    report, t, name = made.report, made.words.t, made.words.t("report.sheet.days")
    heads = [t("report.col.day"), t("report.col.energy"), t("report.col.production_kwh"), t("report.col.idle_kwh"),
             t("report.col.kef"), t("report.col.site_kwh"), t("report.col.cost", currency=report.currency),
             t("report.completeness")]
    rows: list[list[Any]] = []
    for line, day in enumerate(report.days, 2):
        kef = Formula(f"=IF(B{line}>0,C{line}/B{line},\"\")", day.kef)
        rows.append([(datetime(day.day.year, day.day.month, day.day.day), "day"), (day.energy_kwh, "one"),  # noqa: DTZ001 - a date
                     (known(day.production_kwh, day.energy_kwh), "one"), (known(day.idle_kwh, day.energy_kwh), "one"),
                     (kef, "two"), (day.site_kwh, "one"), (day.cost, "one"), (day.completeness, "percent")])  # fmt: skip
    sheet = made.listed(name, heads, rows)
    last = len(rows)
    if not rows:
        return
    _sum_row(made, sheet, last + 1, len(heads), t("report.total"))
    columns: dict[int, list[float | None]] = {
        1: [d.energy_kwh for d in report.days], 2: [d.production_kwh for d in report.days], 3: [d.idle_kwh for d in report.days],
        5: [d.site_kwh for d in report.days], 6: [d.cost for d in report.days],
    }
    for column, values in columns.items():
        there = [value for value in values if value is not None]
        if there:
            _put(sheet, last + 1, column, _sum(column, 1, last, sum(there)), made.styles["one_bold"])
    _bars(made, sheet, name, (1, 3), last, "J2", t("report.days"))


def _area_sheet(made: _Book) -> None:
    report, t = made.report, made.words.t
    heads = [t("report.col.section"), t("report.col.count"), t("report.col.energy"), t("report.col.production_kwh"),
             t("report.col.idle_kwh"), t("report.col.kef"), t("report.col.cost", currency=report.currency)]
    rows: list[list[Any]] = [
        [(a.name or t("report.no_area"), "text"), (a.machines, "whole"), (a.energy_kwh, "one"),
         (known(a.production_kwh, a.energy_kwh), "one"), (known(a.idle_kwh, a.energy_kwh), "one"),
         (Formula(f"=IF(C{line}>0,D{line}/C{line},\"\")", a.kef), "two"), (a.cost, "one")]
        for line, a in enumerate(report.areas, 2)
    ]
    made.listed(t("report.areas"), heads, rows)


def _money_sheet(made: _Book) -> None:
    report, t = made.report, made.words.t
    if report.money is None:
        return
    heads = [t("report.col.zone"), t("report.col.hours"), t("report.col.energy"),
             t("report.col.price", currency=report.currency), t("report.col.cost", currency=report.currency)]
    rows: list[list[Cell]] = [
        [(zone_name(z.zone, made.words), "text"), (z.hours, "one"), (z.energy_kwh, "one"), (z.price_per_kwh, "two"),
         (z.cost, "two")]
        for z in report.money.zones
    ]
    for charge in report.money.power:
        rows.append([(t(f"report.charge.{charge.kind}", kw=made.words.number(charge.power_kw)), "text"), (None, "text"),
                     (None, "text"), (charge.per_kw_month, "two"), (charge.cost, "two")])
    made.listed(t("report.money"), heads, rows)


def _power_sheet(made: _Book) -> None:
    report, t = made.report, made.words.t
    name = t("report.sheet.power")
    heads = (t("report.col.interval"), t("report.chart.title"), t("report.contract"))
    rows: list[list[Cell]] = [
        [(made.time(time_us), "time"), (kw, "one"), (report.contract_kw, "one")] for time_us, kw in report.power_kw
    ]
    sheet = made.listed(name, heads, rows)
    sheet.set_column(1, 2, 22)
    count = len(rows)
    if not count:
        return
    chart = made.book.add_chart({"type": "column"})
    chart.add_series({"name": [name, 0, 1], "categories": [name, 1, 0, count, 0], "values": [name, 1, 1, count, 1],
                      "fill": {"color": "#1469AD"}, "gap": 10})
    if report.contract_kw is not None:
        line_chart = made.book.add_chart({"type": "line"})
        line_chart.add_series({"name": [name, 0, 2], "categories": [name, 1, 0, count, 0], "values": [name, 1, 2, count, 2],
                               "line": {"color": "#17202A", "width": 1.5}})
        chart.combine(line_chart)
    chart.set_title({"name": t("report.chart.title")})
    chart.set_y_axis({"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#DCE2E7"}}})
    step = max(1, count // 8)  # labels; as an axis of dates all that lies within a day would fall on one place
    chart.set_x_axis({"num_format": "hh:mm" if count <= 200 else "dd.mm", "text_axis": True, "interval_unit": step,
                      "interval_tick": step})  # fmt: skip
    chart.set_legend({"position": "bottom"})
    sheet.insert_chart("E2", chart, {"x_scale": 1.6, "y_scale": 1.3})


def _peak_sheet(made: _Book) -> None:
    report, words, t = made.report, made.words, made.words.t
    if report.demand is None:
        return
    names = {row.machine_id: row.name for row in report.machines}
    heads = [t("report.col.when"), t("report.col.makers"), f"{peak_name(report, words)}, {words.unit('kW')}",
             t("report.contract")]
    rows: list[list[Cell]] = [
        [(made.time(p.window.from_us), "time"),
         (", ".join(f"{names.get(m, m)} {words.number(kw, 0)}" for m, kw in p.machines), "text"),
         (p.window.demand_kw, "one"), (report.demand.contract_kw, "one")]
        for p in report.demand.peaks
    ]
    made.listed(t("report.peaks"), heads, rows, wide=2)


def _reactive_sheet(made: _Book) -> None:
    report, words, t = made.report, made.words, made.words.t
    factor = report.factor
    if factor is None:
        return
    heads = [t("report.col.figure"), t("report.col.value"), t("report.col.unit")]
    rows: list[list[Cell]] = [
        [(t(key), "text"), (value, style), (unit, "text")]
        for key, value, style, unit in (
            ("report.reactive.active", factor.active_kwh, "one", words.unit("kWh")),
            ("report.reactive.energy", factor.reactive_kvarh, "one", words.unit("kvarh")),
            ("report.kpi.tg_phi", factor.tg_phi, "two", ""), ("report.reactive.cos", factor.cos_phi, "two", ""),
            ("report.reactive.high", factor.high_tg_phi, "two", ""), ("report.reactive.limit", factor.tg_limit, "two", ""),
            ("report.reactive.required", factor.required_kvar, "one", words.unit("kvar")),
            ("report.reactive.surcharge", factor.surcharge, "two", report.currency),
        )
    ]
    made.listed(t("report.reactive"), heads, rows)


def _balance_sheet(made: _Book) -> None:
    report, t = made.report, made.words.t
    if report.balance is None:
        return
    heads = [t("report.col.meter"), t("report.col.feeding"), t("report.col.behind"), t("report.col.counter"),
             t("report.col.integrated"), t("report.col.difference"), t("report.col.tolerance"), t("report.col.verdict")]
    rows: list[list[Any]] = []
    for node in report.balance.nodes:
        line = len(rows) + 2
        gap = node.difference_kwh
        rows.append([(meter_name(node.device_id, report, made.words), "text"), (node.main_kwh, "one"), (node.sum_kwh, "one"),
                     (None, "text"), (None, "text"),
                     (None if gap is None else Formula(f"=B{line}-C{line}", gap), "one"), (node.tolerance_kwh, "one"),
                     (t(f"report.balance.{node.status}"), "text")])
    for meter in report.balance.meters:
        line = len(rows) + 2
        both = meter.counter_kwh is not None and meter.integrated_kwh is not None
        gap = (meter.counter_kwh or 0.0) - (meter.integrated_kwh or 0.0)
        rows.append([(meter_name(meter.device_id, report, made.words), "text"), (None, "text"), (None, "text"),
                     (meter.counter_kwh, "one"),
                     (meter.integrated_kwh, "one"), (Formula(f"=D{line}-E{line}", gap) if both else None, "one"),
                     (meter.tolerance_kwh, "one"), (t(f"report.balance.{meter.status}"), "text")])
    made.listed(t("report.sheet.balance"), heads, rows)


def _loop_sheet(made: _Book) -> None:
    report, words, t = made.report, made.words, made.words.t
    keys = ("loop", "verdict", "mean_error", "unit", "iae", "ise", "itae", "itse", "harris", "period", "amplitude",
            "variation")
    heads = [*(t(f"report.loop.{key}") for key in keys), t("report.completeness")]
    rows: list[list[Cell]] = [
        [(r.loop.name, "text"), (loop_words(r, words), "text"), (r.mean_abs_error, "two"), (r.unit, "text"),
         (r.errors.iae, "one"), (r.errors.ise, "one"), (r.errors.itae, "one"), (r.errors.itse, "one"), (r.harris, "two"),
         (r.period_s if r.oscillates else None, "one"), (r.amplitude if r.oscillates else None, "two"),
         (r.errors.output_variation, "one"), (r.errors.completeness, "percent")]
        for r in report.loops
    ]
    made.listed(t("reports.block.loops"), heads, rows, wide=2)
    steps = ("loop", "begin", "before", "after", "unit", "overshoot", "rise", "settling", "steady", "iae")
    answers: list[list[Cell]] = [
        [(r.loop.name, "text"), (made.time(e.from_us), "time"), (e.before, "two"), (e.after, "two"), (r.unit, "text"),
         (e.overshoot, "percent"), (e.rise_s, "one"), (e.settling_s, "one"), (e.steady_error, "two"), (e.errors.iae, "one")]
        for r in report.loops for e in r.episodes
    ]
    made.listed(t("report.loop.steps"), [t(f"report.loop.{key}") for key in steps], answers)


def _alert_sheet(made: _Book) -> None:
    report, words, t = made.report, made.words, made.words.t
    keys = ("report.alert.raised", "report.alert.priority", "report.col.machine", "report.alert.where", "report.alert.value",
            "report.alert.limit", "report.alert.returned", "report.alert.taken")
    rows: list[list[Cell]] = []
    for alert in report.alerts:
        back = alert.returned_us
        rows.append([
            (made.time(alert.raised_us), "time"), (t(f"report.priority.{alert.priority.value}"), "text"),
            (alert_subject(alert, report, words), "text"), (words.alert(alert), "text"),
            (alert.value, "two"), (alert.limit, "two"), (None if back is None else made.time(back), "time_after"),
            (alert.acknowledged_by, "text"),
        ])  # fmt: skip
    sheet = made.listed(t("report.alerts"), [t(key) for key in keys], rows)
    sheet.set_column(0, 7, 20)
    sheet.set_column(3, 3, 46)


SHEETS: dict[Part, Callable[[_Book], None]] = {
    Part.POWER: _power_sheet, Part.DAYS: _day_sheet, Part.AREAS: _area_sheet, Part.MACHINES: _machine_sheet,
    Part.MONEY: _money_sheet, Part.PEAKS: _peak_sheet, Part.REACTIVE: _reactive_sheet, Part.BALANCE: _balance_sheet,
    Part.LOOPS: _loop_sheet,
    Part.ALERTS: _alert_sheet,
}
