"""The cameras of inspected devices: what each has done since the start; an administrator adds, changes, tries, removes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui.element import Element

from domain.access import Role
from web_interface.components import Card, Confirm, DataTable, Tick, button, notify
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.camera_dialog import CameraDialog
from web_interface.pages.camera_fields import free_devices
from web_interface.pages.camera_rows import Rows, camera_columns, camera_rows
from web_interface.pages.camera_shot import ShotDialog

Changes = list[tuple[Element, Mapping[str, Any]]]
FIGURES_EVERY = 4  # ticks


class CamerasCard:
    """The card; drawn into the present slot."""

    def __init__(self, page: shell.Page) -> None:
        self._page, self._mine = page, page.viewer.user.role.allows(Role.ADMIN)
        t = page.t
        with Card(t("camera.cameras"), note=t("camera.cameras.note"), testid="cameras-card") as card:
            if self._mine:
                with card.tools:
                    button(t("camera.new"), self._new, kind="primary", icon_name="add", testid="camera-new")
            self._table = DataTable(
                camera_columns(page.lang, tools=self._mine), self._rows(), testid="cameras-table", empty=t("camera.none"),
                two_lines=True, on_row=self._edit, on_action=self._action,
            )  # fmt: skip
        page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """What others changed, and the counts."""
        if "plant" not in tick.kinds and tick.number % FIGURES_EVERY:
            return []
        return [(self._table, self._table.row_changes(self._rows()))]

    def _rows(self) -> Rows:
        page = self._page
        return camera_rows(
            page.services.plant.plant.cameras, page.services.inspection.cameras(), page.viewer.fmt, page.hub.shop().now_us,
            tools=self._mine,
        )  # fmt: skip

    def _show(self) -> None:
        self._table.show({"rows": self._rows()})

    async def _new(self) -> None:
        devices = free_devices(self._page.services.plant.plant)
        if not devices:
            notify(self._page.t("camera.no_device"), good=False)
            return
        if await CameraDialog(self._page, None, devices).ask():
            self._show()

    async def _edit(self, device_id: Any) -> None:
        if self._mine and self._there(str(device_id)) and await CameraDialog(self._page, str(device_id)).ask():
            self._show()

    async def _action(self, device_id: Any, name: str) -> None:
        page, wanted = self._page, str(device_id)
        if not self._there(wanted):
            return
        if name == "camera-shoot":
            await self._shoot(wanted)
            return
        words = page.t("camera.delete.words", device=wanted)
        confirm = Confirm(page.lang, page.t("camera.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_camera(wanted, page.actor())
        ):
            self._show()
            notify(page.t("camera.deleted", device=wanted))

    async def _shoot(self, device_id: str) -> None:
        page = self._page
        entry = page.services.plant.entry("inspections", device_id)
        camera = next(camera for camera in page.services.plant.plant.cameras if camera.device_id == device_id)
        await ShotDialog(page, device_id, camera.comparing.area).show(
            lambda: page.services.plant.try_camera(entry, page.actor(), new=False),
            lambda exc: notify(admin_words.said(exc, page.lang), good=False),
        )

    def _there(self, device_id: str) -> bool:
        return any(camera.device_id == device_id for camera in self._page.services.plant.plant.cameras)
