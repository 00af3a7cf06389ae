"""Limits: above and below which borders a tag raises an alert, and how it is damped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.alert import LimitRule
from domain.plant import Tag
from domain.quantity import Kind
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, notify
from web_interface.pages import admin_frame, shell
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.table_search import table_search
from web_interface.services import Services
from web_interface.texts import point_name

Changes = list[tuple[Element, Mapping[str, Any]]]
BORDERS = ("critical_high", "high", "low", "critical_low")
_DAMPING = ("hysteresis", "on_delay_s", "off_delay_s")


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/limits."""

    @ui.page("/admin/limits", title="")
    async def limits_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "limits") as page:
            LimitsPage(page).build()
        return None


class LimitsPage:
    """One open page of limits."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page

    def build(self) -> None:
        """The table; a click opens the form."""
        page = self._page
        with Card(page.t("admin.limits"), note=page.t("admin.limits.note"), testid="limits-card") as card:
            with card.tools:
                button(page.t("admin.limit.new"), self._new, kind="primary", icon_name="add", testid="limit-new")
            self._table = DataTable(
                self._columns(), self._rows(), testid="limits-table", empty=page.t("admin.limits.none"), two_lines=True,
                search=table_search(self._page.lang),
                on_row=self._edit, on_action=self._action,
            )  # fmt: skip
        page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """What others changed."""
        return [(self._table, self._table.row_changes(self._rows()))] if "plant" in tick.kinds else []

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        numbers = [{"key": name, "name": t(f"admin.col.{name}"), "align": "right"} for name in (*BORDERS, *_DAMPING)]
        return [
            {"key": "what", "name": t("admin.field.tag"), "align": "left", "grow": True},
            {"key": "unit", "name": t("admin.read.unit"), "align": "left", "sort": False},
            *numbers,
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        tags = {tag.name: tag for tag in self._page.services.live.tags()}
        return [self._row(rule, tags.get(rule.tag)) for rule in self._page.services.plant.plant.limits]

    def _row(self, rule: LimitRule, tag: Tag | None) -> dict[str, Any]:
        page = self._page
        remove = {"name": "limit-delete", "icon": "delete_outline", "label": page.t("admin.limit.delete"), "kind": "quiet"}
        cells: dict[str, Any] = {
            "what": {"text": self._tag_words(rule.tag, tag), "sub": rule.tag, "bold": True},
            "unit": "" if tag is None or tag.unit == "1" else page.viewer.fmt.unit(tag.unit),
            **{name: self._number(getattr(rule, name)) for name in BORDERS},
            **{name: self._number(getattr(rule, name) or None) for name in _DAMPING},
            "do": {"text": "", "actions": [remove]},
        }
        return {"id": rule.id, "clickable": True, "cells": cells}

    def _number(self, value: float | None) -> dict[str, Any]:
        if value is None:
            return {"text": "—", "sort": -1e99}
        digits = next((d for d in range(3) if abs(value - round(value, d)) < 1e-9), 3)
        return {"text": self._page.viewer.fmt.number(value, digits), "sort": value}

    def _tag_words(self, name: str, tag: Tag | None) -> str:
        """Machine (else device) and point in words."""
        device_id, _, point = name.partition(".")
        machines = {m.meter: m.name for m in self._page.services.plant.plant.machines if m.meter is not None}
        site = self._page.services.plant.plant.site
        subject = self._page.t("flow.main") if device_id == site.main_meter else machines.get(device_id, device_id)
        return f"{subject}: {point_name(point, self._page.lang, tag.quantity if tag is not None else None)}"

    # ---- form --------------------------------------------------------------------------------------------------------
    def _fields(self, rule: LimitRule | None) -> Sequence[Field]:
        t = self._page.t
        live = {tag.name: tag for tag in self._page.services.live.tags()}
        known = set(self._page.services.plant.plant.tag_devices)
        limited = {known.tag for known in self._page.services.plant.plant.limits}
        tags = {
            name: f"{self._tag_words(name, tag)} · {name}" for name, tag in live.items()
            if tag.device_id in known and tag.kind is not Kind.TEXT and name not in limited
        }  # fmt: skip
        head = [Field("tag", "choice", t("admin.field.tag"), options=tags, required=True, search=True)] if rule is None else []
        unit = ""
        if rule is not None and (tag := live.get(rule.tag)) is not None and tag.unit != "1":
            unit = self._page.viewer.fmt.unit(tag.unit)
        return [
            *head,
            *(Field(name, "number", t(f"admin.field.{name}"), unit=unit) for name in BORDERS),
            Field("hysteresis", "number", t("admin.field.hysteresis"), unit=unit, hint=t("admin.hint.limit_hysteresis")),
            Field("on_delay_s", "number", t("admin.field.on_delay_s"), unit=t("unit.s"), hint=t("admin.hint.on_delay")),
            Field("off_delay_s", "number", t("admin.field.off_delay_s"), unit=t("unit.s"), hint=t("admin.hint.off_delay")),
        ]

    async def _new(self) -> None:
        await self._ask(None)

    async def _edit(self, rule_id: Any) -> None:
        rule = next((rule for rule in self._page.services.plant.plant.limits if rule.id == rule_id), None)
        if rule is not None:
            await self._ask(rule)

    async def _ask(self, rule: LimitRule | None) -> None:
        page = self._page
        values: dict[str, object] = {}
        if rule is not None:
            values = {name: getattr(rule, name) for name in BORDERS} | {name: getattr(rule, name) or None for name in _DAMPING}
        tags = {tag.name: tag for tag in page.services.live.tags()}
        title = page.t("admin.limit.new") if rule is None else self._tag_words(rule.tag, tags.get(rule.tag))
        dialog = FormDialog(page, title, self._fields(rule), values, testid="limit-dialog")

        async def save(found: dict[str, object]) -> None:
            numbers: dict[str, Any] = {name: found.get(name) for name in BORDERS}
            numbers |= {name: found.get(name, 0.0) for name in _DAMPING}
            tag = str(found["tag"]) if rule is None else rule.tag
            wanted = LimitRule(tag, **numbers, id=0 if rule is None else rule.id)
            await page.services.plant.save_limit(wanted, page.actor(), known=rule)

        if await dialog.ask(save, own=lambda _found: "limits["):
            self._table.show({"rows": self._rows()})
            notify(page.t("admin.saved"))

    async def _action(self, rule_id: Any, _name: str) -> None:
        page = self._page
        rule = next((rule for rule in page.services.plant.plant.limits if rule.id == rule_id), None)
        if rule is None:
            return
        words = page.t("admin.limit.delete.words", tag=rule.tag)
        confirm = Confirm(page.lang, page.t("admin.limit.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_limit(rule.id, page.actor(), known=rule)
        ):
            self._table.show({"rows": self._rows()})
