"""Lines and devices: what is connected, whether it answers, and the way to change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.health import DeviceStatus, LineStatus
from domain.plant import Device, Line
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, empty, link_button, notify
from web_interface.pages import admin_device, admin_frame, admin_import, admin_wizard, shell
from web_interface.pages.admin_line_dialog import LineDialog
from web_interface.pages.table_search import table_search
from web_interface.services import Services

Changes = list[tuple[Element, Mapping[str, Any]]]
_ICON = {"online": ("check_circle", "quiet"), "partial": ("error", "alarm"), "down": ("error", "alarm"),
         "offline": ("error", "alarm"), "disabled": ("pause_circle", "quiet"), "waiting": ("schedule", "quiet")}  # fmt: skip


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/devices."""

    @ui.page(admin_device.LIST, title="")
    async def devices_page(saved: str = "") -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "devices") as page:
            DevicesPage(page, saved).build()
        return None


class DevicesPage:
    """One open page of lines and devices."""

    def __init__(self, page: shell.Page, saved: str) -> None:
        self._page, self._saved = page, saved

    def build(self) -> None:
        """Lines first: without one there is no device."""
        page, t = self._page, self._page.t
        with Card(t("admin.lines"), testid="lines-card") as card:
            with card.tools:
                button(t("admin.line.new"), self._new_line, icon_name="add", testid="line-new")
            self._lines = DataTable(
                self._line_columns(), self._line_rows(), testid="lines-table", empty=t("admin.lines.none"),
                search=table_search(self._page.lang),
                on_row=self._edit_line, on_action=self._line_action,
            )  # fmt: skip
        with Card(t("admin.devices"), testid="devices-card") as card:
            with card.tools:
                link_button(t("import.open"), admin_import.PATH, icon_name="table_view", testid="device-import")
                link_button(t("wizard.form"), admin_device.FORM, testid="device-form-new")
                link_button(t("wizard.open"), admin_wizard.PATH, icon_name="add", kind="primary", testid="device-new")
            rows = self._device_rows()
            self._devices = DataTable(
                self._device_columns(), rows, testid="devices-table", empty=t("admin.devices.none") if rows else "",
                search=table_search(self._page.lang),
                on_action=self._device_action,
            )
            if not rows:
                first = (t("wizard.first"), admin_wizard.PATH)
                empty("cable", t("admin.devices.none"), t("admin.devices.none.words"), *first, testid="devices-empty")
        if self._saved and any(device.id == self._saved for device in page.services.plant.plant.devices):
            notify(t("admin.device.saved", id=self._saved))
        page.every(self.live)

    def live(self, _tick: Tick) -> Changes:
        """States of a second later, and what others changed."""
        return [
            (self._lines, self._lines.row_changes(self._line_rows())),
            (self._devices, self._devices.row_changes(self._device_rows())),
        ]

    # ---- lines -------------------------------------------------------------------------------------------------------
    def _line_columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "line", "name": t("status.col.line"), "align": "left"},
            {"key": "link", "name": t("status.col.link"), "align": "left"},
            {"key": "target", "name": t("admin.col.target"), "align": "left", "grow": True},
            {"key": "state", "name": t("status.col.state"), "align": "left"},
            {"key": "devices", "name": t("status.col.devices"), "align": "right"},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _line_rows(self) -> list[dict[str, Any]]:
        states = {status.line_id: status for status in self._page.services.status.lines()}
        plant = self._page.services.plant.plant
        counts = {line.id: sum(device.line == line.id for device in plant.devices) for line in plant.lines}
        return [self._line_row(line, states.get(line.id), counts[line.id]) for line in plant.lines]

    def _line_row(self, line: Line, status: LineStatus | None, devices: int) -> dict[str, Any]:
        t = self._page.t
        state = "disabled" if not line.enabled else status.state if status is not None else "waiting"
        remove = {"name": "line-delete", "icon": "delete_outline", "label": t("admin.line.delete"), "kind": "quiet"}
        watch = {"name": "line-watch", "icon": "monitor_heart", "label": t("line.open"), "kind": "quiet"}
        cells: dict[str, Any] = {
            "line": {"text": line.id, "bold": True},
            "link": t(f"transport.{line.transport}"),
            "target": line.target,
            "state": self._state(state),
            "devices": {"text": str(devices), "sort": devices},
            "do": {"text": "", "actions": [watch, remove]},
        }
        return {"id": line.id, "clickable": True, "cells": cells}

    async def _new_line(self) -> None:
        if (line_id := await LineDialog(self._page).ask()) is not None:
            self._lines.show({"rows": self._line_rows()})
            notify(self._page.t("admin.line.saved", id=line_id))

    async def _edit_line(self, line_id: Any) -> None:
        if any(line.id == line_id for line in self._page.services.plant.plant.lines):
            if (saved := await LineDialog(self._page, str(line_id)).ask()) is None:
                return
            self._lines.show({"rows": self._line_rows()})
            notify(self._page.t("admin.line.saved", id=saved))

    async def _line_action(self, line_id: Any, name: str) -> None:
        page, wanted = self._page, str(line_id)
        if name == "line-watch":
            ui.navigate.to(f"/admin/lines/{quote(wanted, safe='')}")
            return
        words = page.t("admin.line.delete.words", id=wanted)
        confirm = Confirm(page.lang, page.t("admin.line.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_line(wanted, page.actor())
        ):
            self._lines.show({"rows": self._line_rows()})

    # ---- devices -----------------------------------------------------------------------------------------------------
    def _device_columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "device", "name": t("status.col.device"), "align": "left"},
            {"key": "machine", "name": t("status.col.machine"), "align": "left"},
            {"key": "profile", "name": t("status.col.profile"), "align": "left", "grow": True},
            {"key": "line", "name": t("status.col.line"), "align": "left"},
            {"key": "address", "name": t("admin.field.address"), "align": "right"},
            {"key": "scan", "name": t("admin.col.scan"), "align": "right"},
            {"key": "state", "name": t("status.col.state"), "align": "left"},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _device_rows(self) -> list[dict[str, Any]]:
        plant = self._page.services.plant.plant
        states = {status.device_id: status for status in self._page.services.status.devices()}
        machines = {machine.meter: machine.name for machine in plant.machines if machine.meter is not None}
        return [self._device_row(device, states.get(device.id), machines.get(device.id, "")) for device in plant.devices]

    def _device_row(self, device: Device, status: DeviceStatus | None, machine: str) -> dict[str, Any]:
        page, fmt = self._page, self._page.viewer.fmt
        state = "disabled" if not device.enabled else status.state if status is not None else "waiting"
        title = device.profile.title.get(page.lang) or device.profile.name
        main = page.services.plant.plant.site.main_meter == device.id
        cells: dict[str, Any] = {
            "device": {"text": device.id, "bold": True},
            "machine": machine or (page.t("admin.device.main_meter") if main else "—"),
            "profile": page.t("admin.device.own_points", n=len(device.profile.points)) if device.in_place else title,
            "line": device.line,
            "address": {"text": "—" if device.address is None else str(device.address), "sort": device.address or 0},
            "scan": {"text": fmt.number(device.scan_s, 0 if device.scan_s == round(device.scan_s) else 1), "sort": device.scan_s},
            "state": self._state(state),
            "do": {
                "text": "",
                "actions": [
                    {"name": "device-clone", "icon": "content_copy", "label": page.t("admin.device.clone"), "kind": "quiet"},
                    {"name": "device-delete", "icon": "delete_outline", "label": page.t("admin.device.delete"), "kind": "quiet"}
                ],
            },
        }
        href = f"{admin_device.LIST}/{device.id}/edit"
        return {"id": device.id, "href": href, "cells": cells, "selected": device.id == self._saved}

    async def _device_action(self, device_id: Any, name: str) -> None:
        page, wanted = self._page, str(device_id)
        if name == "device-clone":
            ui.navigate.to(f"{admin_device.FORM}?like={quote(wanted, safe='')}")
            return
        words = page.t("admin.device.delete.words", id=wanted)
        confirm = Confirm(page.lang, page.t("admin.device.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_device(wanted, page.actor())
        ):
            self._devices.show({"rows": self._device_rows()})
            self._lines.show({"rows": self._line_rows()})

    def _state(self, state: str) -> dict[str, Any]:
        name, tone = _ICON.get(state, ("schedule", "quiet"))
        return {"text": self._page.t(f"status.state.{state}"), "icon": name, "tone": tone}
