"""A report as PDF, printable in grey. Figures come finished; here they are only set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer

from domain.report import Part, PeriodKind
from reports.charts import BLUE, INK, INK2, PowerChart
from reports.fonts import BOLD, MEDIUM, REGULAR, register
from reports.model import Report
from reports.pdf_base import MARGIN, Drawn, heading, paper_of, part, style, text, width_of
from reports.pdf_loops import loops
from reports.pdf_machines import machines
from reports.pdf_parts import alerts, areas, balance, days, findings, formulas, money, peaks, reactive
from reports.texts import DAY_US, moment, short_day, subtitle, template_line, tiles, title
from reports.verdict import verdict
from reports.wording import Wording

_NOTE = 8.0  # size of the notes under a figure, points
Setter = Callable[[Report, Wording], list[Flowable]]


def report_pdf(report: Report, words: Wording) -> bytes:
    """The PDF's bytes. CPU-bound: call it off the event loop."""
    register()
    out = BytesIO()
    width, height = paper_of(report)
    document = BaseDocTemplate(
        out, pagesize=(width, height), leftMargin=MARGIN, rightMargin=MARGIN, topMargin=14 * mm, bottomMargin=18 * mm,
        title=f"{title(report, words)} {report.number}", author="Energy Monitoring", subject=report.site, lang=words.lang,
    )
    frame = Frame(
        MARGIN, 18 * mm, width_of(report), height - 32 * mm, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )
    document.addPageTemplates([PageTemplate("page", [frame])])
    story: list[Flowable] = [_Header(report, words)]
    for one in report.template.parts:
        story += SETTERS[one](report, words)
    document.build(story, canvasmaker=lambda *a, **k: _NumberedCanvas(report, words, *a, **k))
    return out.getvalue()


class _Header(Drawn):
    """Logo, title, whom and when left; number, issue, template right."""

    def __init__(self, report: Report, words: Wording) -> None:
        super().__init__(report, words, 44)

    def draw(self) -> None:
        """Draw on the canvas reportlab has set."""
        report, t = self.report, self.words.t
        left = _own_logo(self.canv, report.template.logo, self.height) if report.template.logo else _logo(self.canv, 0, 14, 32)
        wide = self.width - 190 - left
        called, size = _fitting(title(report, self.words), wide)
        self.paragraph(escape(called), style(size, BOLD, 22), left, self.height, wide)
        self.paragraph(escape(subtitle(report, self.words)), style(9.5, textColor=INK2), left, 20, self.width - left)
        issued = f"{self.words.day(report.issued_us)} {self.words.clock(report.issued_us)}"
        right = [t("report.number", number=text(report.number)), t("report.issued", when=issued),
                 escape(template_line(report, self.words))]
        self.paragraph("<br/>".join(right), style(8, alignment=TA_RIGHT, textColor=INK2), self.width - 180, self.height, 180)


def _fitting(words: str, width: float) -> tuple[str, float]:
    """The title and the size in which it fits into one line, points; cut where even the smallest does not."""
    size = 20.0
    while size > 11 and stringWidth(words, BOLD, size) > width:
        size -= 1
    while len(words) > 2 and stringWidth(words, BOLD, size) > width:
        words = words[:-2] + "…"
    return words, size


class _Banner(Drawn):
    """Was it good, in one or two sentences."""

    def __init__(self, report: Report, words: Wording) -> None:
        head, body = verdict(report, words)
        self._block = Paragraph(f"<font name='{BOLD}'>{escape(head)}</font> {escape(body)}", style(11, leading=16))
        _, height = self._block.wrap(width_of(report) - 30, 1000)
        super().__init__(report, words, height + 18)

    def draw(self) -> None:
        """Draw on the canvas reportlab has set."""
        self.canv.setFillColor("#F1F3F5")
        self.canv.rect(0, 0, self.width, self.height, stroke=0, fill=1)
        self.canv.setFillColor(INK)
        self.canv.rect(0, 0, 3.5, self.height, stroke=0, fill=1)
        self._block.drawOn(self.canv, 16, 9)


def _one_line(note: str, width: float) -> float:
    """Size, points, at which a note keeps to its own column."""
    taken = stringWidth(note, REGULAR, _NOTE)
    return _NOTE if taken <= width else max(_NOTE * width / taken, 6.5)


class _Kpis(Drawn):
    """The figures with plan or limit and what the difference means."""

    ROW = 74.0
    MOST = 5  # in a row

    def __init__(self, report: Report, words: Wording) -> None:
        self._tiles = tiles(report, words)
        super().__init__(report, words, self.ROW * max(1, -(-len(self._tiles) // self.MOST)))

    def draw(self) -> None:
        """Draw on the canvas reportlab has set."""
        gap, across = 12.0, min(max(len(self._tiles), 3), self.MOST)
        width = (self.width - gap * (across - 1)) / across
        for index, (name, value, unit, notes) in enumerate(self._tiles):
            x, top = index % across * (width + gap), self.height - index // across * self.ROW
            self.canv.setStrokeColor(INK)
            self.canv.setLineWidth(1.4)
            self.canv.line(x, top - 1, x + width, top - 1)
            self.paragraph(escape(name), style(9), x, top - 6, width)
            size = min(19.0, 1.6 * width / max(len(value) + len(unit) * 0.6, 1))
            figure = f"{escape(value)} <font size='{size * 0.53:.1f}' name='{REGULAR}'>{escape(unit)}</font>"
            self.paragraph(figure, style(size, BOLD, 24), x, top - 19, width + gap)
            lines = [f"<font size='{_one_line(note, width):.2f}'>{escape(note)}</font>" for note in notes]
            self.paragraph("<br/>".join(lines), style(_NOTE, leading=11), x, top - 46, width + gap)


def _summary(report: Report, words: Wording) -> list[Flowable]:
    return [Spacer(1, 10), _Banner(report, words), Spacer(1, 10), *([_Kpis(report, words)] if tiles(report, words) else [])]


def _power(report: Report, words: Wording) -> list[Flowable]:
    t = words.t
    peak = report.max_half_hour
    called = peak and t("report.chart.half_hour" if report.demand_min == 30 else "report.chart.demand", n=report.demand_min,
                        when=moment(peak[0], report, words), value=words.number(peak[1], 0))
    labels = {
        "mean": t("report.chart.mean", value=words.number(report.mean_kw, 0)),
        "contract": t("report.chart.contract", value=words.number(report.contract_kw, 0)),
        "peak": called or "",
    }
    end = min(report.to_us, report.issued_us) if report.template.period is not PeriodKind.SHIFT else report.to_us
    days_long = end - report.from_us > 2 * DAY_US
    chart = PowerChart(
        report.power_kw, report.from_us, max(end, report.from_us + 1), width=width_of(report), height=118,
        contract_kw=report.contract_kw, labels=labels,
        clock=(lambda us: short_day(words.local(us).date(), words)) if days_long else words.clock,
        number=lambda kw: words.number(kw, 0 if kw == int(kw) else 1), mean_kw=report.mean_kw, peak=peak,
        peak_min=report.demand_min,
    )
    name = "report.chart.title" if report.other_kwh is not None or not report.template.machines else "report.chart.chosen"
    return part(heading(t(name), t("report.chart.quarter")), chart)


SETTERS: Mapping[Part, Setter] = {
    Part.SUMMARY: _summary, Part.POWER: _power, Part.DAYS: days, Part.AREAS: areas, Part.MACHINES: machines, Part.MONEY: money,
    Part.PEAKS: peaks, Part.REACTIVE: reactive, Part.BALANCE: balance, Part.LOOPS: loops, Part.FINDINGS: findings,
    Part.ALERTS: alerts,
    Part.FORMULAS: formulas,
}


def _own_logo(canvas: Any, content: bytes, height: float) -> float:
    """The customer's picture within 120 x 34 points; where the text begins."""
    picture = ImageReader(BytesIO(content))
    wide, tall = picture.getSize()
    scale = min(120 / wide, 34 / tall)
    canvas.drawImage(picture, 0, height - 34, wide * scale, tall * scale, mask="auto")
    return float(wide * scale + 12)


def _logo(canvas: Any, x: float, y: float, size: float) -> float:
    """The product's mark: a pulse on a rounded square; where the text begins."""
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
    return x + size + 12


class _NumberedCanvas(Canvas):  # type: ignore[misc]
    """Writes the footer when the number of pages is known."""

    def __init__(self, report: Report, words: Wording, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._report, self._words = report, words
        self._right = paper_of(report)[0] - MARGIN
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
        self.line(MARGIN, 15 * mm, self._right, 15 * mm)
        self.setFillColor(INK)
        self.setFont(MEDIUM, 8)
        self.drawString(MARGIN, 11 * mm, f"Energy Monitoring · {t('report.footer.k1')}")
        self.drawRightString(self._right, 11 * mm, t("report.footer.page", number=number, count=count))
