"""Curves as a workbook: one table, numbers as numbers, times as dates of the site's clock. Foreign text stays text (S18)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from reports.excel import _clean

MOST_ROWS = 1_048_000  # of a sheet
WIDTHS = {"text": 26, "time": 21, "number": 13}
Cell = str | float | int | datetime | None


def series_xlsx(title: str, note: str, heads: Sequence[str], columns: Sequence[Sequence[Cell]]) -> bytes:
    """The workbook's bytes. `columns` are equally long, a datetime is naive. CPU-bound: call it off the event loop.

    Raises ValueError for more rows than a sheet holds."""
    count = len(columns[0]) if columns else 0
    if count > MOST_ROWS:
        raise ValueError(f"{count} rows; a sheet holds {MOST_ROWS}")
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": _clean(title), "author": "Energy Monitoring"})
        bold = book.add_format({"bold": True, "bottom": 2, "text_wrap": True, "valign": "vcenter", "bg_color": "#F5F7F9"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000", "align": "left"})
        sheet = book.add_worksheet("trends")
        sheet.write_string(0, 0, _clean(title), book.add_format({"bold": True, "font_size": 14}))
        sheet.write_string(1, 0, _clean(note), book.add_format({"font_color": "#46535F"}))
        for column, (head, values) in enumerate(zip(heads, columns, strict=True)):
            sheet.write_string(3, column, _clean(head), bold)
            sheet.set_column(column, column, WIDTHS[_kind(values)])
            _column(sheet, column, values, moment)
        sheet.freeze_panes(4, 0)
        if count:
            sheet.autofilter(3, 0, 3 + count, len(heads) - 1)
    return out.getvalue()


def _column(sheet: Any, column: int, values: Sequence[Cell], moment: Any) -> None:
    for row, value in enumerate(values, 4):
        if value is None:
            continue
        if isinstance(value, datetime):
            sheet.write_datetime(row, column, value, moment)
        elif isinstance(value, str):
            sheet.write_string(row, column, _clean(value))
        else:
            sheet.write_number(row, column, value)


def _kind(values: Sequence[Cell]) -> str:
    first = next((value for value in values if value is not None), 0.0)
    return "time" if isinstance(first, datetime) else "text" if isinstance(first, str) else "number"
