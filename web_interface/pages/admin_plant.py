"""The plant file: the whole configuration out, and in again; a wrong file changes nothing and says all that is wrong."""

from __future__ import annotations

from typing import Any

from nicegui import events, ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError
from domain.plant_version import PlantDiff
from web_interface.components import Card, DataTable, Hub, button, el, icon, notify
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.plant_diff import DiffConfirm
from web_interface.services import Services

LARGEST = 1_000_000  # bytes; a request takes 1 MiB with its frame
_FILE_NAME = "plant.yaml"


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/plant."""

    @ui.page("/admin/plant", title="")
    async def plant_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "plant") as page:
            PlantPage(page).build()
        return None


class PlantPage:
    """One open page of the plant file."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page

    def build(self) -> None:
        """Out at the left, in at the right, below what came of it."""
        t = self._page.t
        with el("div", "em-plant-page"):
            with Card(t("admin.plant.export"), testid="plant-export-card"):
                el("p", "em-plant-words", t("admin.plant.export.words"))
                button(t("admin.plant.download"), self._export, kind="primary", icon_name="file_download", testid="plant-export")
            with Card(t("admin.plant.import"), testid="plant-import-card"):
                el("p", "em-plant-words", t("admin.plant.import.words"))
                self._upload = ui.upload(
                    on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True, max_files=1, max_file_size=LARGEST
                )
                self._upload.props("accept='.yaml,.yml' flat").classes("em-upload")
                self._upload.props["data-testid"] = "plant-upload"
                button(t("admin.plant.choose"), self._pick, icon_name="upload_file", testid="plant-import")
        self._result = el("div", "em-plant-result", testid="plant-result", role="status")

    async def _export(self) -> None:
        page = self._page

        async def act() -> None:
            ui.download.content(page.services.plant.export_yaml(page.actor()), _FILE_NAME, "application/yaml")

        await admin_frame.attempt(page, act)

    def _pick(self) -> None:
        self._upload.run_method("pickFiles")

    def _rejected(self) -> None:
        notify(self._page.t("admin.plant.rejected"), good=False)

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        """Asked first: the file takes the place of all that is configured."""
        page, name = self._page, event.file.name
        data = await event.file.read()
        self._upload.reset()
        self._result.clear()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._show_problems(name, [admin_words.Trouble("", page.t("admin.plant.encoding"))])
            return

        def show(exc: MonitorError) -> None:
            self._result.clear()
            self._show_problems(name, list(admin_words.troubles(exc, page.lang)))

        found: list[PlantDiff] = []

        async def look() -> None:
            found.append(await page.services.plant_history.preview(text, page.actor()))

        if not await admin_frame.attempt(page, look, show):
            return
        if not found[0].changes:
            notify(page.t("admin.plant.same", name=name))
            return
        if not await self._agreed(name, found[0]):
            return

        async def act() -> None:
            await page.services.plant.import_yaml(text, page.actor(), found[0].base)

        if await admin_frame.attempt(page, act, show):
            self._show_done(name)

    async def _agreed(self, name: str, diff: PlantDiff) -> bool:
        """Asked with what will change."""
        page = self._page
        plant = page.services.plant.plant
        with self._result:
            question = DiffConfirm(
                page, page.t("admin.plant.confirm", name=name),
                page.t("admin.plant.confirm.words", devices=len(plant.devices), machines=len(plant.machines)),
                page.t("admin.plant.replace"), diff, testid="plant-confirm",
            )  # fmt: skip
        return await question.ask()

    def _show_done(self, name: str) -> None:
        page = self._page
        plant = page.services.plant.plant
        self._result.clear()
        with self._result, el("section", "em-card em-plant-done", testid="plant-done"):
            icon("task_alt", "em-good")
            with el("div"):
                el("b", text=page.t("admin.plant.done", name=name))
                counts = [page.t(f"admin.count.{key}", n=len(found)) for key, found in (
                    ("lines", plant.lines), ("devices", plant.devices), ("machines", plant.machines), ("limits", plant.limits),
                )]  # fmt: skip
                el("p", "em-quiet", ", ".join(counts))

    def _show_problems(self, name: str, found: list[admin_words.Trouble]) -> None:
        page, t = self._page, self._page.t
        columns: list[dict[str, Any]] = [
            {"key": "line", "name": t("admin.plant.line"), "align": "right"},
            {"key": "place", "name": t("admin.plant.place"), "align": "left"},
            {"key": "words", "name": t("admin.plant.wrong"), "align": "left", "grow": True, "sort": False},
        ]
        rows: list[dict[str, Any]] = [
            {
                "id": number,
                "cells": {
                    "line": {"text": "—" if trouble.line is None else str(trouble.line), "sort": trouble.line or 0},
                    "place": {"text": trouble.place or trouble.field, "mono": True, "sub": trouble.label},
                    "words": {"text": trouble.words},
                },
            }
            for number, trouble in enumerate(found)
        ]
        self._result.clear()
        with self._result, el("section", "em-card em-plant-problems", testid="plant-problems"):
            with el("div", "em-error-head"):
                icon("error", "em-alarm")
                el("b", text=page.t("admin.plant.failed", name=name, n=len(found)))
            el("p", "em-error-text", t("admin.plant.unchanged"))
            DataTable(columns, rows, testid="plant-problems-table")
