"""What all parts of a PDF are set with: paper, styles, foreign text, tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A3, A4, LETTER, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Spacer, Table, TableStyle

from domain.report import PageFormat
from reports.charts import INK, INK2, LINE
from reports.fonts import BOLD, REGULAR
from reports.model import Report
from reports.texts import NAME_CHARS, clean
from reports.wording import Wording

MARGIN = 16 * mm
PAPER = {PageFormat.A4: A4, PageFormat.A4_LANDSCAPE: landscape(A4), PageFormat.A3: A3, PageFormat.LETTER: LETTER}


def paper_of(report: Report) -> tuple[float, float]:
    """Width and height of the page, points."""
    width, height = PAPER[report.template.page]
    return float(width), float(height)


def width_of(report: Report) -> float:
    """Between the margins, points."""
    return paper_of(report)[0] - 2 * float(MARGIN)


def style(size: float, font: str = REGULAR, leading: float | None = None, **more: Any) -> ParagraphStyle:
    """Of a paragraph; ink black unless told otherwise."""
    more.setdefault("textColor", INK)
    return ParagraphStyle("s", fontName=font, fontSize=size, leading=leading or size * 1.35, **more)


def text(foreign: str, most: int = NAME_CHARS) -> str:
    """Foreign text as text: markup signs escaped, control characters gone, length bounded."""
    return escape(clean(foreign, most))


def heading(words: str, note: str = "") -> Paragraph:
    """Of a part."""
    small = f" <font name='{REGULAR}' size='9' color='#46535F'>{escape(note)}</font>" if note else ""
    return Paragraph(f"{escape(words)}{small}", style(12, BOLD, keepWithNext=1))


class Drawn(Flowable):  # type: ignore[misc]  # reportlab has no types
    """A block of fixed height over the whole width."""

    def __init__(self, report: Report, words: Wording, height: float) -> None:
        super().__init__()
        self.report, self.words, self.width, self.height = report, words, width_of(report), height

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Own size, points."""
        return self.width, self.height

    def paragraph(self, markup: str, how: ParagraphStyle, x: float, top: float, width: float) -> float:
        """Set at that place; its height."""
        block = Paragraph(markup, how)
        _, height = block.wrap(width, 1000)
        block.drawOn(self.canv, x, top - height)
        return float(height)


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float], width: float,
    *, left: int = 1, total: bool = False,
) -> Table:
    """A table that repeats its head on every page. `shares` of the width; the first `left` columns are text, the others numbers;
    the last row is a sum with `total`. Cells come as safe markup."""
    cell, number = style(8.8), style(8.8, alignment=TA_RIGHT)
    bold, bold_number = style(8.8, BOLD), style(8.8, BOLD, alignment=TA_RIGHT)
    head, head_number = style(8.5, textColor=INK2), style(8.5, textColor=INK2, alignment=TA_RIGHT)
    last = len(rows) - 1
    set_rows = [[Paragraph(escape(name), head if at < left else head_number) for at, name in enumerate(heads)]]
    for line, row in enumerate(rows):
        pair = (bold, bold_number) if total and line == last else (cell, number)
        set_rows.append([Paragraph(value, pair[0] if at < left else pair[1]) for at, value in enumerate(row)])
    made = Table(set_rows, colWidths=[width * share for share in shares], repeatRows=1)
    lines = [
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("VALIGN", (0, 0), (-1, 0), "BOTTOM"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4), ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2),
        ("LINEBELOW", (0, 0), (-1, 0), 1, INK), ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
    ]
    if total:
        lines.append(("LINEABOVE", (0, -1), (-1, -1), 0.8, INK))
    made.setStyle(TableStyle(lines))
    return made


def part(title: Flowable, *blocks: Flowable) -> list[Flowable]:
    """A part of the report: its heading never stands alone at the foot of a page."""
    return [CondPageBreak(110), Spacer(1, 11), title, Spacer(1, 5), *blocks]
