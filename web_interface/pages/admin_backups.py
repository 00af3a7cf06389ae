"""Backups: made now, listed, fetched, deleted; and how one is brought back."""

from __future__ import annotations

import shlex
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.backup import BackupFile, BackupJob, BackupState
from web_interface.components import Card, Confirm, DataTable, Hub, button, el, icon, notify
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell
from web_interface.pages.admin_read import CopyButton
from web_interface.pages.later import Later
from web_interface.services import Services

LOOK_S = 0.7
NEW_FOLDER = "/path/to/new-data"


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/backups."""

    @ui.page("/admin/backups", title="")
    async def backups_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "backups") as page:
            body = Later(page)
        await body.fill(BackupsPage(page).build)
        return None


class BackupsPage:
    """One open page of backups."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._files: list[BackupFile] = []

    async def build(self) -> None:
        """What lies there, what can be done, and what restoring means."""
        page = self._page
        self._files = list(await page.services.backups.files(page.actor()))
        with Card(page.t("admin.backups"), note=page.t("backups.note"), testid="backups-card") as card:
            with card.tools:
                self._button = button(page.t("backups.make"), self._make, kind="primary", icon_name="save", testid="backup-make")
            with el("div", "em-backup-job", testid="backup-job", role="status") as self._job_box:
                self._job_icon = icon("hourglass_top")
                self._job_words = el("span", "", "", "backup-words")
                label = page.t("backups.make")
                self._bar = el("progress", "em-backup-bar", testid="backup-bar", max="1", value="0", aria_label=label)
            self._table = DataTable(
                columns(page.lang), rows(self._files, page.viewer.fmt), testid="backups-table",
                empty=page.t("backups.none"), on_action=self._action,
            )  # fmt: skip
        with Card(page.t("backups.restore"), testid="restore-card"):
            el("p", "em-plant-words", page.t("backups.restore.words"))
            with el("div", "em-backup-command"):
                self._command = el("code", "em-mono", self._restore_command(), "restore-command")
                CopyButton(self._restore_command(), page.t("admin.copy"), page.t("admin.copied"), "restore-copy")
            el("p", "em-quiet", page.t("backups.restore.keys"))
        self._was: BackupJob | None = None
        self._show(await page.services.backups.job(page.actor()))
        self._timer = ui.timer(LOOK_S, self._look, active=self._running())

    def _restore_command(self) -> str:
        fitting = next((file.name for file in self._files if file.fits), "FILE")
        path = shlex.quote(str(self._page.services.backups.folder / fitting))
        return f"ENERGY_DATA_DIR={NEW_FOLDER} .venv/bin/python main.py restore {path}"

    def _running(self) -> bool:
        return self._was is not None and self._was.state is BackupState.RUNNING

    async def _make(self) -> None:
        page = self._page

        async def act() -> None:
            self._show(await page.services.backups.start(page.actor()))
            self._timer.activate()

        await admin_frame.attempt(page, act)

    async def _look(self) -> None:
        """How far it is; the list again when it is over. Rights are asked for each time: a page may outlive them."""
        page, was = self._page, self._running()

        async def act() -> None:
            self._show(await page.services.backups.job(page.actor()))
            if was and not self._running():
                await self._refresh()

        if not await admin_frame.attempt(page, act) or not self._running():
            self._timer.deactivate()

    async def _refresh(self) -> None:
        page = self._page
        self._files = list(await page.services.backups.files(page.actor()))
        self._table.show({"rows": rows(self._files, page.viewer.fmt)})
        self._command.set_text(self._restore_command())

    def _show(self, job: BackupJob | None) -> None:
        self._was = job
        self._job_box.set_visibility(job is not None)
        self._bar.set_visibility(self._running())
        self._button.props["disabled"] = self._running()
        self._button.update()
        if job is None:
            return
        self._job_words.set_text(job_words(job, self._page.viewer.fmt))
        name, tone = {BackupState.RUNNING: ("hourglass_top", ""), BackupState.DONE: ("task_alt", " em-good"),
                      BackupState.FAILED: ("error", " em-alarm")}[job.state]  # fmt: skip
        self._job_icon.text = name  # type: ignore[attr-defined]
        self._job_icon.classes(replace=f"em-icon material-icons-outlined{tone}")
        self._bar.props["value"] = str(job.tables_done / job.tables if job.tables else 0)
        self._bar.update()

    async def _action(self, name: Any, what: str) -> None:
        page = self._page
        if not any(file.name == name for file in self._files):
            return
        if what == "download":
            ui.download.from_url(f"/api/backups/{name}/file")
            return
        question = Confirm(
            page.lang, page.t("backups.delete.ask", name=name), page.t("backups.delete.words"), page.t("backups.delete"),
            testid="backup-delete-confirm",
        )  # fmt: skip
        if not await question.ask():
            return

        async def act() -> None:
            await page.services.backups.delete(str(name), page.actor())
            await self._refresh()
            notify(page.t("backups.deleted"))

        await admin_frame.attempt(page, act)


def job_words(job: BackupJob, fmt: Format) -> str:
    """How far a backup is, or how it ended."""
    if job.state is BackupState.DONE:
        return t("backups.done", fmt.lang, name=job.name)
    if job.state is BackupState.FAILED:
        return t("backups.failed", fmt.lang, why=t(f"backups.why.{job.reason}", fmt.lang))
    if job.tables and job.tables_done >= job.tables:
        return t("backups.checking", fmt.lang)
    return t("backups.running", fmt.lang, done=job.tables_done, tables=job.tables or "…", rows=fmt.number(job.rows, 0))


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "time", "name": t("admin.col.time", lang), "align": "left"},
        {"key": "name", "name": t("backups.file", lang), "align": "left", "grow": True},
        {"key": "size", "name": t("backups.size", lang), "align": "right"},
        {"key": "schema", "name": t("backups.schema", lang), "align": "left"},
        {"key": "actions", "name": "", "align": "right", "sort": False},
    ]


def rows(files: list[BackupFile], fmt: Format) -> list[dict[str, Any]]:
    """One row a file."""
    return [_row(file, fmt) for file in files]


def _row(file: BackupFile, fmt: Format) -> dict[str, Any]:
    lang = fmt.lang
    if not file.schema:
        version: dict[str, Any] = {"text": t("backups.unreadable", lang), "icon": "error", "tone": "alarm"}
    elif file.fits:
        version = {"text": file.schema}
    else:
        version = {"text": file.schema, "sub": [[t("backups.older", lang), "em-quiet"]]}
    return {
        "id": file.name,
        "cells": {
            "time": {"text": f"{fmt.day(file.time_us)} {fmt.clock(file.time_us)}", "sort": file.time_us},
            "name": {"text": file.name, "mono": True},
            "size": {"text": size_words(file.size_bytes, fmt), "sort": file.size_bytes},
            "schema": version,
            "actions": {
                "actions": [
                    {"name": "download", "icon": "file_download", "label": t("backups.download", lang)},
                    {"name": "delete", "icon": "delete_outline", "label": t("backups.delete", lang), "kind": "quiet"},
                ]
            },
        },
    }


def size_words(count: int, fmt: Format) -> str:
    """Bytes with three figures: "412 kB", "3.4 GB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{fmt.significant(count / size, 3, 1)}\u00a0{t(f'unit.{unit}', fmt.lang)}"
    return f"{fmt.number(max(1, count / 1000), 0)}\u00a0{t('unit.kB', fmt.lang)}"
