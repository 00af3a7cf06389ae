"""Draws a finished report. What the worker process imports: no analysis, no database."""

from __future__ import annotations

from collections.abc import Callable

from reports.excel import report_xlsx
from reports.model import Report
from reports.pdf import report_pdf
from reports.wording import Wording
from reports.workbook import fill_workbook

WRITERS: dict[str, Callable[[Report, Wording], bytes]] = {"pdf": report_pdf, "xlsx": report_xlsx}


def draw(format: str, report: Report, words: Wording, workbook: bytes | None = None) -> bytes:
    """The file's bytes; `workbook`: the customer's own that is filled as XLSX. CPU-bound; runs in the worker process."""
    if format == "xlsx" and workbook is not None:
        return fill_workbook(workbook, report, words)
    return WRITERS[format](report, words)
