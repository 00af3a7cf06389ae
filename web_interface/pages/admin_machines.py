"""Machines: name, place, meter, rated power, and the borders of their states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.efficiency import DEFAULT_CARD
from domain.plant import Machine
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, link_button, notify
from web_interface.pages import admin_detectors, admin_frame, shell
from web_interface.pages.admin_device_fields import border_field
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import NONE, Field, id_field
from web_interface.pages.admin_kef_fields import for_form, kef_fields, with_rest
from web_interface.pages.admin_site import meter_options
from web_interface.pages.admin_states import path_of
from web_interface.pages.table_search import table_search
from web_interface.services import Services

Changes = list[tuple[Element, Mapping[str, Any]]]


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/machines."""

    @ui.page("/admin/machines", title="")
    async def machines_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "machines") as page:
            MachinesPage(page).build()
        return None


class MachinesPage:
    """One open page of machines."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page

    def build(self) -> None:
        """The table; a click opens the form."""
        page = self._page
        with Card(page.t("admin.machines"), note=page.t("admin.machines.note"), testid="machines-card") as card:
            with card.tools:
                link_button(page.t("detector.link"), admin_detectors.ALL, testid="detectors-link", kind="quiet")
                button(page.t("admin.machine.new"), self._new, kind="primary", icon_name="add", testid="machine-new")
            self._table = DataTable(
                self._columns(), self._rows(), testid="machines-table", empty=page.t("admin.machines.none"),
                search=table_search(self._page.lang),
                on_row=self._edit, on_action=self._action,
            )  # fmt: skip
        page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """What others changed."""
        return [(self._table, self._table.row_changes(self._rows()))] if "plant" in tick.kinds else []

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "name", "name": t("admin.field.name"), "align": "left", "grow": True},
            {"key": "section", "name": t("admin.field.section"), "align": "left"},
            {"key": "board", "name": t("admin.field.board"), "align": "left"},
            {"key": "meter", "name": t("admin.field.meter"), "align": "left"},
            {"key": "rated", "name": t("admin.col.rated"), "align": "right"},
            {"key": "idle", "name": t("admin.col.idle"), "align": "right"},
            {"key": "production", "name": t("admin.col.production"), "align": "right"},
            {"key": "kef", "name": t("admin.col.kef"), "align": "right"},
            {"key": "card", "name": t("admin.col.card"), "align": "left"},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(machine) for machine in self._page.services.plant.plant.machines]

    def _row(self, machine: Machine) -> dict[str, Any]:
        states = machine.states
        label = self._page.t("admin.machine.delete")
        borders = {"name": "machine-states", "icon": "tune", "label": self._page.t("borders.title"), "kind": "quiet"}
        watched = self._page.t("detector.title")
        detectors = {"name": "machine-detectors", "icon": "troubleshoot", "label": watched, "kind": "quiet"}
        remove = {"name": "machine-delete", "icon": "delete_outline", "label": label, "kind": "quiet"}
        cells: dict[str, Any] = {
            "name": {"text": machine.name, "bold": True},
            "section": machine.section or "—",
            "board": machine.board or "—",
            "meter": machine.meter or "—",
            "rated": self._number(machine.rated_kw),
            "idle": self._number(states.idle_above_kw if states is not None else None),
            "production": self._number(states.production_above_kw if states is not None else None),
            "kef": self._number(machine.kef_target),
            "card": machine.kef.card if machine.kef is not None else DEFAULT_CARD,
            "do": {"text": "", "actions": [borders, detectors, remove]},
        }
        return {"id": machine.id, "clickable": True, "cells": cells}

    def _number(self, value: float | None) -> dict[str, Any]:
        if value is None:
            return {"text": "—", "sort": -1}
        digits = next((d for d in range(3) if abs(value - round(value, d)) < 1e-9), 3)
        return {"text": self._page.viewer.fmt.number(value, digits), "sort": value}

    # ---- form --------------------------------------------------------------------------------------------------------
    def _fields(self, *, new: bool) -> Sequence[Field]:
        t, plant = self._page.t, self._page.services.plant.plant
        kw, seconds, dwell = t("unit.kW"), t("unit.s"), t("admin.hint.dwell")
        meters = meter_options(plant, self._page.lang, "admin.machine.no_meter")
        return [
            Field("name", "text", t("admin.field.name"), required=True),
            *id_field(self._page.lang, new=new),
            Field("section", "text", t("admin.field.section")),
            Field("board", "text", t("admin.field.board"), hint=t("admin.hint.board")),
            Field("meter", "choice", t("admin.field.meter"), options=meters, default=NONE, search=len(meters) > 12),
            Field("rated_kw", "number", t("admin.field.rated_kw"), unit=kw),
            border_field("idle_above_kw", "idle", self._page.lang),
            border_field("production_above_kw", "production", self._page.lang),
            Field("states.min_dwell_s", "number", t("admin.field.min_dwell_s"), unit=seconds, default=10.0, hint=dwell),
            border_field("hysteresis_kw", "hysteresis", self._page.lang),
            Field("kef_target", "number", t("admin.field.kef_target"), hint=t("admin.hint.kef")),
            *kef_fields(self._page.services.live.tags(), self._page.lang),
        ]

    async def _new(self) -> None:
        await self._ask(None, {"id": self._free_id()}, self._page.t("admin.machine.new"))

    async def _edit(self, machine_id: Any) -> None:
        machine = next((m for m in self._page.services.plant.plant.machines if m.id == machine_id), None)
        if machine is not None:
            await self._ask(machine.id, self._page.services.plant.entry("machines", machine.id), machine.name)

    async def _ask(self, machine_id: str | None, values: Mapping[str, object], title: str) -> None:
        page = self._page
        fields = self._fields(new=machine_id is None)
        dialog = FormDialog(page, title, fields, for_form(values), testid="machine-dialog")

        async def save(found: dict[str, object]) -> None:
            entry = found if machine_id is None else {**with_rest(values, fields, found), "id": machine_id}
            known = None if machine_id is None else values
            await page.services.plant.save_machine(entry, page.actor(), new=machine_id is None, known=known)

        if await dialog.ask(save, own=lambda found: f"machines[{machine_id or found['id']}]"):
            self._table.show({"rows": self._rows()})
            notify(page.t("admin.saved"))

    def _free_id(self) -> str:
        taken = {machine.id for machine in self._page.services.plant.plant.machines}
        numbers = [int(found[1]) for known in taken if (found := re.fullmatch(r"machine-(\d+)", known))]
        return f"machine-{max(numbers, default=len(taken)) + 1}"

    async def _action(self, machine_id: Any, name: str) -> None:
        page = self._page
        if name == "machine-states":
            ui.navigate.to(path_of(str(machine_id)))
            return
        if name == "machine-detectors":
            ui.navigate.to(admin_detectors.path_of(str(machine_id)))
            return
        machine = next((m for m in page.services.plant.plant.machines if m.id == machine_id), None)
        if machine is None:
            return
        wanted, words = machine.id, page.t("admin.machine.delete.words", name=machine.name)
        confirm = Confirm(page.lang, page.t("admin.machine.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_machine(wanted, page.actor())
        ):
            self._table.show({"rows": self._rows()})
