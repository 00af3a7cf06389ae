"""Draws a finished report. What the worker process imports: no analysis, no database."""

from __future__ import annotations

from collections.abc import Callable

from reports.excel import report_xlsx
from reports.model import Report
from reports.pdf import report_pdf
from reports.wording import Wording

WRITERS: dict[str, Callable[[Report, Wording], bytes]] = {"pdf": report_pdf, "xlsx": report_xlsx}


def draw(format: str, report: Report, words: Wording) -> bytes:
    """The file's bytes. CPU-bound; runs in the worker process."""
    return WRITERS[format](report, words)
