"""The table of machines of a PDF."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph, Table, TableStyle

from domain.state import MachineState
from reports.charts import INK, INK2, LINE, StateBar, draw_state
from reports.fonts import BOLD, REGULAR
from reports.model import MachineRow, Report
from reports.pdf_base import Drawn, column_heads, part, style, text, width_of
from reports.texts import known
from reports.wording import Wording, hours

LEAST_REST = 0.01
"""Of the period: below it the rest is the seconds between the last figure and the issue."""


def machines(report: Report, words: Wording) -> list[Any]:
    """The table of machines with their time by state, the rest of the shop, and the sum."""
    t, width = words.t, width_of(report)
    left, right = style(9), style(9, alignment=TA_RIGHT)
    columns = ["report.col.machine", "report.col.time", "report.col.production", "report.col.idle", "report.col.energy",
               "report.col.idle_kwh", "report.col.kef", "report.col.cost"]
    widths = [width * share for share in (0.21, 0.235, 0.085, 0.085, 0.115, 0.11, 0.07, 0.09)]
    rows: list[list[Any]] = [column_heads([t(key, currency=report.currency) for key in columns], widths, 2)]
    total_s = reported_s(report)
    rows += [_machine_row(row, words, (total_s, width * 0.215), left, right) for row in report.machines]
    if report.other_kwh is not None:
        theirs = sum(row.cost for row in report.machines if row.cost is not None)
        other_cost = None if report.cost is None else report.cost - theirs
        rows.append([Paragraph(escape(t("report.other")), style(9, textColor=INK2)), "", "", "",
                     Paragraph(words.number(report.other_kwh), right), "", Paragraph("—", right),
                     Paragraph(words.number(other_cost, 0), right)])
    bold = style(9, BOLD, alignment=TA_RIGHT)
    whole = t("report.shop" if report.other_kwh is not None else "report.total")
    rows.append([Paragraph(escape(whole), style(9, BOLD)), "", "", "",
                 Paragraph(words.number(report.total_kwh), bold), Paragraph(words.number(report.idle_kwh), bold),
                 Paragraph(words.number(report.kef, 2), bold),
                 Paragraph(words.number(report.cost, 0), bold)])
    table = Table(rows, colWidths=widths, repeatRows=1)
    table.setStyle(TableStyle([
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 2), ("LEFTPADDING", (1, 0), (1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1.9), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.1),
        ("LINEBELOW", (0, 0), (-1, 0), 1, INK), ("LINEBELOW", (0, 1), (-1, -2), 0.4, LINE),
        ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK),
    ]))
    return part(MachinesHead(report, words), table)


def reported_s(report: Report) -> float:
    """Length of what is reported, seconds."""
    return max((min(report.to_us, report.issued_us) - report.from_us) / 1e6, 1.0)


def told(row: MachineRow, total_s: float) -> dict[MachineState, float]:
    """Time by state that fills the bar: days of which nothing was kept are without data, whether or not an account says so."""
    rest = total_s - sum(row.seconds.values())
    if rest < total_s * LEAST_REST:
        return dict(row.seconds)
    return {**row.seconds, MachineState.NO_DATA: row.seconds.get(MachineState.NO_DATA, 0.0) + rest}


class MachinesHead(Drawn):
    """Title of the table with the legend of the states at its right."""

    def __init__(self, report: Report, words: Wording) -> None:
        super().__init__(report, words, 16)

    def draw(self) -> None:
        self.paragraph(escape(self.words.t("report.machines")), style(12, BOLD), 0, 16, 200)
        seen = {state for row in self.report.machines for state, s in told(row, reported_s(self.report)).items() if s >= 1}
        x = self.width
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


def _machine_row(
    row: MachineRow, words: Wording, scale: tuple[float, float], left: ParagraphStyle, right: ParagraphStyle
) -> list[Any]:
    complete = row.completeness >= 0.95
    seconds = row.seconds

    def spent(state: MachineState) -> str:
        return hours(seconds.get(state, 0.0)) if seconds else "—"

    kef = words.number(row.kef, 2) if complete else f"≈ {words.number(row.kef, 2)}"
    return [
        Paragraph(text(row.name), left),
        StateBar(told(row, scale[0]), *scale),
        Paragraph(spent(MachineState.PRODUCTION), right),
        Paragraph(spent(MachineState.IDLE), right),
        Paragraph(words.number(row.energy_kwh), right),
        Paragraph(words.number(known(row.idle_kwh, row.energy_kwh)), right),
        Paragraph(kef if row.kef is not None else "—", right),
        Paragraph(words.number(row.cost, 0), right),
    ]
