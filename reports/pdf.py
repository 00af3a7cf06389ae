"""The shift report as PDF (A4, printable in grey). Figures come finished; here they are only set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any
from unicodedata import category
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from domain.alert import Alert
from domain.state import MachineState
from reports.charts import BLUE, INK, INK2, LINE, PowerChart, StateBar, draw_state
from reports.fonts import BOLD, MEDIUM, REGULAR, register
from reports.model import TEMPLATE_VERSION, MachineRow, ShiftReport
from reports.verdict import deviation, verdict
from reports.wording import Wording, hours

MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
NAME_CHARS = 60


def shift_pdf(report: ShiftReport, words: Wording) -> bytes:
    """The PDF's bytes. CPU-bound: call it off the event loop."""
    register()
    out = BytesIO()
    title = f"{words.t('report.shift.title')} {report.number}"
    document = BaseDocTemplate(
        out, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=14 * mm, bottomMargin=18 * mm,
        title=title, author="Energy Monitoring", subject=report.site, lang=words.lang,
    )
    frame = Frame(MARGIN, 18 * mm, WIDTH, A4[1] - 32 * mm, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    document.addPageTemplates([PageTemplate("page", [frame])])
    story = [
        _Header(report, words), Spacer(1, 10), _Banner(report, words), Spacer(1, 10), _Kpis(report, words), Spacer(1, 8),
        *_power(report, words), Spacer(1, 12), *_machines(report, words), Spacer(1, 6),
        KeepTogether([_findings(report, words)]), *_alerts(report, words), *_appendix(words),
    ]
    document.build(story, canvasmaker=lambda *a, **k: _NumberedCanvas(report, words, *a, **k))
    return out.getvalue()


def _style(size: float, font: str = REGULAR, leading: float | None = None, **more: Any) -> ParagraphStyle:
    more.setdefault("textColor", INK)
    return ParagraphStyle("s", fontName=font, fontSize=size, leading=leading or size * 1.35, **more)


def _text(text: str) -> str:
    """Foreign text as text: markup signs escaped, control characters gone, length bounded."""
    clean = "".join(c if c.isprintable() or category(c) == "Zs" else " " for c in text)
    return escape(clean if len(clean) <= NAME_CHARS else clean[: NAME_CHARS - 1] + "…")


class _Drawn(Flowable):  # type: ignore[misc]  # reportlab has no types
    """A block of fixed height over the whole width."""

    def __init__(self, report: ShiftReport, words: Wording, height: float) -> None:
        super().__init__()
        self.report, self.words, self.width, self.height = report, words, WIDTH, height

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        return self.width, self.height

    def paragraph(self, markup: str, style: ParagraphStyle, x: float, top: float, width: float) -> None:
        block = Paragraph(markup, style)
        _, height = block.wrap(width, 1000)
        block.drawOn(self.canv, x, top - height)


class _Header(_Drawn):
    """Logo, title, shift and dates left; number, issue, template right."""

    def __init__(self, report: ShiftReport, words: Wording) -> None:
        super().__init__(report, words, 44)

    def draw(self) -> None:
        report, t = self.report, self.words.t
        _logo(self.canv, 0, 14, 32)
        self.paragraph(escape(t("report.shift.title")), _style(20, BOLD, 22), 44, self.height, WIDTH - 200)
        times = f"{self.words.clock(report.from_us)}–{self.words.clock(report.to_us)}"
        when = f"{self.words.weekday(report.day)} {self.words.date(report.day)}, {times}"
        line = f"{_text(report.site)} · {t('report.shift.of', name=_text(report.shift))} · {when}"
        self.paragraph(line, _style(9.5, textColor=INK2), 44, 20, WIDTH - 44)
        issued = f"{self.words.day(report.issued_us)} {self.words.clock(report.issued_us)}"
        template = t("report.template", version=TEMPLATE_VERSION)
        right = [t("report.number", number=_text(report.number)), t("report.issued", when=issued), template]
        self.paragraph("<br/>".join(right), _style(8, alignment=TA_RIGHT, textColor=INK2), WIDTH - 180, self.height, 180)


class _Banner(_Drawn):
    """Was the shift good, in one or two sentences."""

    def __init__(self, report: ShiftReport, words: Wording) -> None:
        head, body = verdict(report, words)
        self._block = Paragraph(f"<font name='{BOLD}'>{escape(head)}</font> {escape(body)}", _style(11, leading=16))
        _, height = self._block.wrap(WIDTH - 30, 1000)
        super().__init__(report, words, height + 18)

    def draw(self) -> None:
        self.canv.setFillColor("#F1F3F5")
        self.canv.rect(0, 0, WIDTH, self.height, stroke=0, fill=1)
        self.canv.setFillColor(INK)
        self.canv.rect(0, 0, 3.5, self.height, stroke=0, fill=1)
        self._block.drawOn(self.canv, 16, 9)


class _Kpis(_Drawn):
    """Five figures with plan or limit and what the difference means."""

    def __init__(self, report: ShiftReport, words: Wording) -> None:
        super().__init__(report, words, 74)

    def draw(self) -> None:
        tiles = self._tiles()
        gap = 12.0
        width = (WIDTH - gap * (len(tiles) - 1)) / len(tiles)
        for index, (name, value, unit, notes) in enumerate(tiles):
            x = index * (width + gap)
            self.canv.setStrokeColor(INK)
            self.canv.setLineWidth(1.4)
            self.canv.line(x, self.height - 1, x + width, self.height - 1)
            self.paragraph(escape(name), _style(9), x, self.height - 6, width)
            figure = f"{escape(value)} <font size='10' name='{REGULAR}'>{escape(unit)}</font>"
            self.paragraph(figure, _style(19, BOLD, 24), x, self.height - 19, width + gap)
            self.paragraph("<br/>".join(escape(n) for n in notes), _style(8, leading=11), x, self.height - 46, width + gap)

    def _tiles(self) -> list[tuple[str, str, str, list[str]]]:
        report, words, t = self.report, self.words, self.words.t
        tiles = [(t("report.kpi.energy"), words.number(report.total_kwh, _digits(report.total_kwh)), words.unit("kWh"),
                  _plan_notes(report, words))]
        cost = words.number(report.cost, 0)
        rate = [t("report.kpi.tariff", value=words.number(report.tariff_per_kwh, 2), currency=report.currency)]
        tiles.append((t("report.kpi.cost"), cost, report.currency if report.cost is not None else "",
                      rate if report.tariff_per_kwh is not None else [t("report.kpi.no_tariff")]))
        tiles.append((t("report.kpi.kef"), words.number(report.kef, 2), "", _kef_notes(report, words)))
        peak = report.max_half_hour
        notes = []
        if report.contract_kw is not None:
            notes.append(t("report.kpi.contract", value=words.number(report.contract_kw, 0)))
            if peak is not None:
                notes.append(t("report.kpi.reserve", value=words.number(report.contract_kw - peak[1], 0)))
        tiles.append((t("report.kpi.half_hour"), words.number(peak[1] if peak else None, 0), words.unit("kW"), notes))
        if report.tg_phi is not None:
            tiles.append((t("report.kpi.tg_phi"), words.number(report.tg_phi, 2), "", [t("report.kpi.tg_phi_note")]))
        return tiles


def _digits(kwh: float | None) -> int:
    return 1 if kwh is not None and kwh < 100 else 0


def _plan_notes(report: ShiftReport, words: Wording) -> list[str]:
    delta = deviation(report.total_kwh, report.plan_kwh)
    if delta is None or report.plan_kwh is None:
        return [words.t("report.kpi.mean", value=words.number(report.mean_kw, 1))]
    word = words.t("report.saving" if delta <= 0 else "report.overrun")
    return [words.t("report.kpi.plan_now" if report.running else "report.kpi.plan", value=words.number(report.plan_kwh, 0)),
            f"{'▼' if delta <= 0 else '▲'} {words.percent(abs(delta))}: {word}"]


def _kef_notes(report: ShiftReport, words: Wording) -> list[str]:
    if report.kef is None or report.kef_target is None:
        return [words.t("report.kpi.kef_note")]
    delta = report.kef - report.kef_target
    word = words.t("report.better" if delta >= 0 else "report.worse")
    return [words.t("report.kpi.target", value=words.number(report.kef_target, 2)),
            f"{'▲' if delta >= 0 else '▼'} {words.number(abs(delta), 2)}: {word}"]


def _power(report: ShiftReport, words: Wording) -> list[Any]:
    t = words.t
    peak = report.max_half_hour
    labels = {
        "mean": t("report.chart.mean", value=words.number(report.mean_kw, 0)),
        "contract": t("report.chart.contract", value=words.number(report.contract_kw, 0)),
        "peak": t("report.chart.half_hour", when=words.clock(peak[0]), value=words.number(peak[1], 0)) if peak else "",
    }
    chart = PowerChart(
        report.power_kw, report.from_us, report.to_us, width=WIDTH, height=118, contract_kw=report.contract_kw, labels=labels,
        clock=words.clock, number=lambda kw: words.number(kw, 0 if kw == int(kw) else 1), mean_kw=report.mean_kw, peak=peak,
    )
    small = f"<font name='{REGULAR}' size='9' color='#46535F'>{escape(t('report.chart.quarter'))}</font>"
    return [Paragraph(f"{escape(t('report.chart.title'))} {small}", _style(12, BOLD)), Spacer(1, 8), chart]


def _machines(report: ShiftReport, words: Wording) -> list[Any]:
    t = words.t
    left, right = _style(9), _style(9, alignment=TA_RIGHT)
    head = _style(8.5, textColor=INK2)
    head_right = _style(8.5, textColor=INK2, alignment=TA_RIGHT)
    columns = ["report.col.machine", "report.col.time", "report.col.production", "report.col.idle", "report.col.energy",
               "report.col.idle_kwh", "report.col.kef", "report.col.cost"]
    rows: list[list[Any]] = [[Paragraph(escape(t(key, currency=report.currency)), head if i < 2 else head_right)
                              for i, key in enumerate(columns)]]
    total_s = max(((min(report.to_us, report.issued_us) - report.from_us) / 1e6), 1.0)
    rows += [_machine_row(row, words, total_s, left, right) for row in report.machines]
    if report.other_kwh is not None:
        other_cost = None if report.tariff_per_kwh is None else report.other_kwh * report.tariff_per_kwh
        rows.append([Paragraph(escape(t("report.other")), _style(9, textColor=INK2)), "", "", "",
                     Paragraph(words.number(report.other_kwh), right), "", Paragraph("—", right),
                     Paragraph(words.number(other_cost, 0), right)])
    bold = _style(9, BOLD, alignment=TA_RIGHT)
    rows.append([Paragraph(escape(t("report.shop")), _style(9, BOLD)), "", "", "",
                 Paragraph(words.number(report.total_kwh), bold), Paragraph(words.number(report.idle_kwh), bold),
                 Paragraph(words.number(report.kef, 2), bold),
                 Paragraph(words.number(report.cost, 0), bold)])
    table = Table(rows, colWidths=[WIDTH * w for w in (0.21, 0.235, 0.085, 0.085, 0.115, 0.11, 0.07, 0.09)], repeatRows=1)
    table.setStyle(TableStyle([
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 2), ("LEFTPADDING", (1, 0), (1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1.9), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.1),
        ("LINEBELOW", (0, 0), (-1, 0), 1, INK), ("LINEBELOW", (0, 1), (-1, -2), 0.4, LINE),
        ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK),
    ]))
    return [_MachinesHead(report, words), Spacer(1, 4), table]


class _MachinesHead(_Drawn):
    """Title of the table with the legend of the states at its right."""

    def __init__(self, report: ShiftReport, words: Wording) -> None:
        super().__init__(report, words, 16)

    def draw(self) -> None:
        self.paragraph(escape(self.words.t("report.machines")), _style(12, BOLD), 0, 16, 200)
        seen = {state for row in self.report.machines for state, seconds in row.seconds.items() if seconds >= 1}
        x = WIDTH
        for state in (MachineState.NO_DATA, MachineState.ALARM, MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION):
            if state not in seen:
                continue
            text = self.words.t(f"report.state.{state.value}")
            self.canv.setFont(REGULAR, 8.5)
            x -= self.canv.stringWidth(text, REGULAR, 8.5)
            self.canv.setFillColor(INK)
            self.canv.drawString(x, 4, text)
            x -= 22
            draw_state(self.canv, state, x, 3, 18, 8)
            x -= 12


def _machine_row(row: MachineRow, words: Wording, total_s: float, left: ParagraphStyle, right: ParagraphStyle) -> list[Any]:
    complete = row.completeness >= 0.95
    kef = words.number(row.kef, 2) if complete else f"≈ {words.number(row.kef, 2)}"
    return [
        Paragraph(_text(row.name), left),
        StateBar(row.seconds, total_s, WIDTH * 0.215),
        Paragraph(hours(row.seconds.get(MachineState.PRODUCTION, 0.0)), right),
        Paragraph(hours(row.seconds.get(MachineState.IDLE, 0.0)), right),
        Paragraph(words.number(row.energy_kwh), right),
        Paragraph(words.number(row.idle_kwh), right),
        Paragraph(kef if row.kef is not None else "—", right),
        Paragraph(words.number(row.cost, 0), right),
    ]


def _findings(report: ShiftReport, words: Wording) -> Table:
    t = words.t
    lines = [f"{n}. {escape(_finding(finding.key, finding.values, words))}" for n, finding in enumerate(report.findings, 1)]
    quality = [t("report.quality.complete", value=words.percent(report.completeness)),
               t("report.quality.estimated", value=words.number(report.estimated_kwh)),
               t("report.quality.balanced" if report.books_balanced else "report.quality.unbalanced")]
    if report.running:
        quality.insert(0, t("report.quality.running"))
    body, head = _style(8.8, leading=12.4), _style(12, BOLD)
    left = [Paragraph(escape(t("report.findings")), head), Spacer(1, 4), *(Paragraph(line, body) for line in lines)]
    right = [Paragraph(escape(t("report.quality")), head), Spacer(1, 4), *(Paragraph(escape(line), body) for line in quality)]
    table = Table([[left, right]], colWidths=[WIDTH * 0.64, WIDTH * 0.36])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _finding(key: str, values: Any, words: Wording) -> str:
    shown = dict(values)
    written: dict[str, Callable[[Any], str]] = {
        "kwh": words.number, "kef": lambda v: words.number(v, 2), "share": words.percent, "idle_s": words.duration,
    }
    for name, write in written.items():
        if name in shown:
            shown[name] = write(shown[name])
    return words.t(key, **shown)


def _alerts(report: ShiftReport, words: Wording) -> list[Any]:
    if not report.alerts:
        return []
    t = words.t
    cell, right = _style(8.6), _style(8.6, alignment=TA_RIGHT)
    head = _style(8.5, textColor=INK2)
    names = ["report.alert.raised", "report.alert.priority", "report.alert.where", "report.alert.value", "report.alert.lasted",
             "report.alert.taken"]
    names_by_machine = {row.machine_id: row.name for row in report.machines}
    rows: list[list[Any]] = [[Paragraph(escape(t(name)), head) for name in names]]
    for alert in report.alerts[:60]:
        rows.append(_alert_row(alert, report, words, names_by_machine, (cell, right)))
    table = Table(rows, colWidths=[WIDTH * w for w in (0.1, 0.13, 0.37, 0.16, 0.1, 0.14)], repeatRows=1)
    table.setStyle(TableStyle([
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("LINEBELOW", (0, 0), (-1, 0), 1, INK), ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("TOPPADDING", (0, 0), (-1, -1), 3), ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]))
    return [CondPageBreak(120), Spacer(1, 10), Paragraph(escape(t("report.alerts")), _style(12, BOLD)), Spacer(1, 4), table]


def _alert_row(
    alert: Alert, report: ShiftReport, words: Wording, names: dict[str, str], styles: tuple[ParagraphStyle, ParagraphStyle]
) -> list[Any]:
    cell, _ = styles
    ended = alert.returned_us or min(report.to_us, report.issued_us)
    where = names.get(alert.machine_id or "", alert.device_id or alert.tag or "")
    value = "" if alert.value is None else f"{words.number(alert.value)} {words.unit(alert.unit)}"
    return [
        Paragraph(words.clock(alert.raised_us), cell),
        Paragraph(escape(words.t(f"report.priority.{alert.priority.value}")), cell),
        Paragraph(f"{_text(where)}: {escape(words.t(f'report.rule.{alert.rule}'))}", cell),
        Paragraph(escape(value), cell),
        Paragraph(escape(words.duration((ended - alert.raised_us) / 1e6)), cell),
        Paragraph(_text(alert.acknowledged_by or "—"), cell),
    ]


def _appendix(words: Wording) -> list[Any]:
    t = words.t
    keys: Sequence[str] = ("report.formula.k1", "report.formula.energy", "report.formula.states", "report.formula.half_hour",
                           "report.formula.completeness")
    body = _style(9, leading=13)
    return [KeepTogether([Spacer(1, 12), Paragraph(escape(t("report.formulas")), _style(12, BOLD)), Spacer(1, 4),
                          *(Paragraph(escape(t(key)), body) for key in keys)])]


def _logo(canvas: Any, x: float, y: float, size: float) -> None:
    """The product's mark: a pulse on a rounded square."""
    canvas.saveState()
    canvas.setFillColor(BLUE)
    canvas.roundRect(x, y, size, size, size * 0.2, stroke=0, fill=1)
    canvas.setStrokeColor("#FFFFFF")
    canvas.setLineWidth(size * 0.07)
    canvas.setLineJoin(1)
    canvas.setLineCap(1)
    path = canvas.beginPath()
    points = [(0.2, 0.5), (0.36, 0.5), (0.44, 0.72), (0.56, 0.28), (0.64, 0.5), (0.8, 0.5)]
    path.moveTo(x + points[0][0] * size, y + points[0][1] * size)
    for px, py in points[1:]:
        path.lineTo(x + px * size, y + py * size)
    canvas.drawPath(path, stroke=1, fill=0)
    canvas.restoreState()


class _NumberedCanvas(Canvas):  # type: ignore[misc]
    """Writes the footer when the number of pages is known."""

    def __init__(self, report: ShiftReport, words: Wording, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._report, self._words = report, words
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Keep the page until all are there."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all pages with "page n of m"."""
        for number, state in enumerate(self._pages, 1):
            self.__dict__.update(state)
            self._footer(number, len(self._pages))
            super().showPage()
        super().save()

    def _footer(self, number: int, count: int) -> None:
        t = self._words.t
        self.setStrokeColor(INK)
        self.setLineWidth(0.6)
        self.line(MARGIN, 15 * mm, A4[0] - MARGIN, 15 * mm)
        self.setFillColor(INK)
        self.setFont(MEDIUM, 8)
        self.drawString(MARGIN, 11 * mm, f"Energy Monitoring · {t('report.footer.k1')}")
        self.drawRightString(A4[0] - MARGIN, 11 * mm, t("report.footer.page", number=number, count=count))
