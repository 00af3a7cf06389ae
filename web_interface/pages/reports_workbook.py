"""The own workbook of a report's template: chosen, judged at once, filled as a trial; the names that its cells may have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import events, ui

from domain.errors import MonitorError
from domain.report import ReportWorkbook, WorkbookFile
from web_interface.components import DataTable, button, el, notify
from web_interface.pages import admin_frame, shell

LARGEST_BYTES = 5_000_000
SHOWN = 6
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class WorkbookField:
    """Part of the template's form. `file` and `keep` are what is saved. `show`: says what is wrong; `tried` fills it."""

    def __init__(
        self, page: shell.Page, template_id: str, workbook: ReportWorkbook | None, *,
        show: Callable[[MonitorError], None], tried: Callable[[WorkbookFile], Awaitable[None]],
    ) -> None:
        self._page, self._id, self._known, self._show, self._tried = page, template_id, workbook, show, tried
        self._stored = workbook is not None
        self.file: WorkbookFile | None = None
        self.keep = True

    def build(self) -> None:
        """Draw."""
        words = self._page.t
        self._upload = ui.upload(
            on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True, max_files=1, max_file_size=LARGEST_BYTES
        )
        self._upload.props("accept='.xlsx' flat").classes("em-upload")
        self._upload.props["data-testid"] = "template-workbook"
        with el("div", "em-template-workbook", testid="template-workbook-field"):
            el("span", "em-field-label", words("reports.workbook"))
            self._now = el("span", "em-quiet", testid="template-workbook-now")
            self._cells = el("ul", "em-workbook-cells", testid="template-workbook-cells")
            with el("div", "em-template-logo"):
                button(words("reports.workbook.choose"), lambda: self._upload.run_method("pickFiles"), icon_name="table_view",
                       small=True, testid="template-workbook-choose")
                self._try = button(words("reports.workbook.try"), self._fill, small=True, testid="template-workbook-try")
                self._remove = button(words("reports.workbook.remove"), self._drop, kind="quiet", small=True,
                                      testid="template-workbook-remove")
            el("small", "em-quiet", words("reports.workbook.hint"))
            with el("div", "em-template-logo"):
                button(words("reports.workbook.names"), self._names, kind="quiet", icon_name="list", small=True,
                       testid="template-workbook-names")
                button(words("reports.workbook.example"), self._example, kind="quiet", icon_name="download", small=True,
                       testid="template-workbook-example")
        self._draw()

    def _draw(self) -> None:
        page, book = self._page, self._known
        self._cells.clear()
        self._cells.set_visibility(book is not None)
        for made in (self._try, self._remove):
            made.set_visibility(book is not None)
        if book is None:
            self._now.set_text(page.t("reports.workbook.none"))
            return
        size = page.viewer.fmt.number(book.size_bytes / 1000, 0)
        self._now.set_text(page.t("reports.workbook.now", name=book.file_name, size=size))
        with self._cells:
            for cells in book.cells[:SHOWN]:
                many = f" × {cells.count}" if cells.count > 1 else ""
                with el("li"):
                    el("span", text=page.t(f"workbook.{cells.name}"))
                    el("span", "em-quiet", f"{cells.sheet}!{cells.first}{many}")
            if len(book.cells) > SHOWN:
                el("li", "em-quiet", page.t("reports.workbook.more", n=len(book.cells) - SHOWN))

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        """What is too large is refused before it is read: it lies on the disk."""
        page = self._page
        if event.file.size() > LARGEST_BYTES:
            self._upload.reset()
            self._rejected()
            return
        file = WorkbookFile(event.file.name[:200], await event.file.read())
        self._upload.reset()

        async def act() -> None:
            self._known = await page.services.reports.check_workbook(file, page.actor())
            self.file, self.keep = file, True

        if await admin_frame.attempt(page, act, self._show) and not self._now.is_deleted:
            self._draw()

    def _rejected(self) -> None:
        notify(self._page.t("reports.workbook.rejected"), good=False)

    def _drop(self) -> None:
        self._known, self.file, self.keep = None, None, False
        self._draw()

    async def _fill(self) -> None:
        file = self.file
        if file is None and self._stored:
            file = await self._page.services.reports.workbook(self._id)
        if file is not None:
            await self._tried(file)

    async def _example(self) -> None:
        page = self._page
        ui.download.content(await page.services.reports.example_workbook(page.lang), "example.xlsx", XLSX)

    async def _names(self) -> None:
        page, words = self._page, self._page.t
        columns: list[dict[str, Any]] = [
            {"key": "name", "name": words("workbook.col.name"), "align": "left"},
            {"key": "what", "name": words("workbook.col.what"), "align": "left", "grow": True},
            {"key": "list", "name": "", "align": "left", "sort": False},
        ]
        rows = [
            {"id": n.name, "cells": {"name": {"text": n.name}, "what": {"text": n.words},
                                     "list": {"text": words("reports.workbook.list") if n.listed else ""}}}
            for n in page.services.reports.workbook_names(page.lang)
        ]
        with ui.dialog() as dialog, el("div", "em-dialog em-dialog-wide", testid="workbook-names", role="dialog"):
            el("h2", "em-card-title", words("reports.workbook.names.title"))
            el("p", "em-dialog-text", words("reports.workbook.names.words"))
            DataTable(columns, rows, testid="workbook-names-table")
            with el("div", "em-dialog-actions"):
                button(words("action.close"), lambda: dialog.submit(None), testid="workbook-names-close")
        await dialog
        if not dialog.is_deleted:
            dialog.delete()
