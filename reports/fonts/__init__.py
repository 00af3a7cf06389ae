"""The embedded typeface of the reports: Inter (SIL Open Font License 1.1, see LICENSE-OFL.txt), Latin, Cyrillic and Greek,
with tabular figures as the default ones, since reportlab applies no OpenType features."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, MEDIUM, BOLD = "Inter", "Inter-Medium", "Inter-SemiBold"
_FOLDER = Path(__file__).parent


@cache
def register() -> None:
    """Make the faces known to reportlab, once a process."""
    for name, file in ((REGULAR, "Inter-Regular.ttf"), (MEDIUM, "Inter-Medium.ttf"), (BOLD, "Inter-SemiBold.ttf")):
        pdfmetrics.registerFont(TTFont(name, str(_FOLDER / file)))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
