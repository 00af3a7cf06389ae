"""What all parts of a PDF are set with: paper, styles, foreign text, tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A3, A4, LETTER, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
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


def fitted(words: str, width: float, size: float, font: str = REGULAR) -> float:
    """The size, points, at which the longest word of `words` is not broken over lines `width` wide; `size` where it fits."""
    longest = max((stringWidth(word, font, size) for word in words.split(" ")), default=0.0)
    return size if longest <= width else size * width / longest


def column_heads(names: Sequence[str], widths: Sequence[float], left: int) -> list[Paragraph]:
    """Heads of a table, safe markup; the first `left` are set at the left, those of numbers at the right."""
    pad = 4.0
    return [
        Paragraph(
            escape(name),
            style(fitted(name, width - pad, 8.5), textColor=INK2, **({} if at < left else {"alignment": TA_RIGHT})),
        )
        for at, (name, width) in enumerate(zip(names, widths, strict=True))
    ]


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float], width: float,
    *, left: int = 1, total: bool = False,
) -> Table:
    """A table that repeats its head on every page. `shares` of the width; the first `left` columns are text, the others numbers;
    the last row is a sum with `total`. Cells come as safe markup."""
    cell, number = style(8.8), style(8.8, alignment=TA_RIGHT)
    bold, bold_number = style(8.8, BOLD), style(8.8, BOLD, alignment=TA_RIGHT)
    widths = [width * share for share in shares]
    last = len(rows) - 1
    set_rows = [column_heads(heads, widths, left)]
    for line, row in enumerate(rows):
        pair = (bold, bold_number) if total and line == last else (cell, number)
        set_rows.append([Paragraph(value, pair[0] if at < left else pair[1]) for at, value in enumerate(row)])
    made = Table(set_rows, colWidths=widths, repeatRows=1)
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
