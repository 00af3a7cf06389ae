"""The example workbook: every name there is, on cells that a customer may move, format and build formulas over."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from domain.report import Part
from reports.excel import text_styles
from reports.wording import Wording
from reports.workbook_names import MANY, ONES, PREFIX, Many

ROOM = {Part.MACHINES: 50, Part.AREAS: 20, Part.DAYS: 31, Part.POWER: 2976, Part.FINDINGS: 6, Part.ALERTS: 200}


def name_words(name: str, words: Wording) -> str:
    """What a name is filled with, with its unit."""
    return words.t(f"workbook.{name}")


def example_workbook(words: Wording) -> bytes:
    """Its bytes: one sheet of figures, one of each list."""
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        styles = text_styles(book)
        _figures(book, styles, words)
        for part in ROOM:
            _lists(book, styles, words, [entry for entry in MANY if entry.part is part])
    return out.getvalue()


def _figures(book: Any, styles: dict[str, Any], words: Wording) -> None:
    name = words.t("report.sheet.summary")
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 1, 34)
    sheet.set_column(2, 2, 26)
    for column, key in enumerate(("workbook.col.what", "workbook.col.value", "workbook.col.name")):
        sheet.write_string(0, column, words.t(key), styles["head"])
    for row, entry in enumerate(ONES, 1):
        sheet.write_string(row, 0, name_words(entry.name, words), styles["text"])
        sheet.write_blank(row, 1, None, styles[entry.style])
        sheet.write_string(row, 2, f"{PREFIX}{entry.name}", styles["note"])
        book.define_name(f"{PREFIX}{entry.name}", f"='{name}'!$B${row + 1}")
    sheet.freeze_panes(1, 0)


def _lists(book: Any, styles: dict[str, Any], words: Wording, entries: list[Many]) -> None:
    """Names in the second row, so that they can be read; below them the cells."""
    part = entries[0].part
    name = words.t(f"workbook.sheet.{part.value}")[:31]
    sheet = book.add_worksheet(name)
    for column, entry in enumerate(entries):
        sheet.set_column(column, column, 26)
        sheet.write_string(0, column, name_words(entry.name, words), styles["head"])
        sheet.write_string(1, column, f"{PREFIX}{entry.name}", styles["note"])
        for row in range(2, 2 + ROOM[part]):
            sheet.write_blank(row, column, None, styles[entry.style])
        letter = xl_col_to_name(column)
        book.define_name(f"{PREFIX}{entry.name}", f"='{name}'!${letter}$3:${letter}${2 + ROOM[part]}")
    sheet.freeze_panes(2, 0)
