"""Virtual tags: the list of what is computed, with its value now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.errors import NotFound
from domain.quality import FIRST_BAD, Quality
from domain.virtual import VirtualTagNow
from web_interface.components import Card, Confirm, DataTable, Hub, Tick, button, notify
from web_interface.pages import admin_frame, explain, shell
from web_interface.pages.table_search import table_search
from web_interface.services import Services
from web_interface.texts import point_name

Changes = list[tuple[Element, Mapping[str, Any]]]
LIST = "/admin/virtual"
EVERY_TICKS = 4
LOOK_BACK_US = 120_000_000


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/virtual."""

    @ui.page(LIST, title="")
    async def virtual_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "virtual") as page:
            VirtualPage(page).build()
        return None


class VirtualPage:
    """One open list of virtual tags."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page

    def build(self) -> None:
        """The table; a click opens the editor."""
        page = self._page
        rows = self._rows()
        with Card(page.t("admin.virtual"), note=page.t("virtual.note"), testid="virtual-card") as card:
            with card.tools:
                button(
                    page.t("virtual.new"), lambda: ui.navigate.to(f"{LIST}/new"), kind="primary", icon_name="add",
                    testid="virtual-new",
                )  # fmt: skip
            self._table = DataTable(
                self._columns(), rows, testid="virtual-table", empty=page.t("virtual.none.words"), two_lines=True,
                search=table_search(self._page.lang),
                on_row=self._edit, on_action=self._action, on_explain=self._explain,
            )  # fmt: skip
        page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """New values, and what others changed."""
        if "plant" not in tick.kinds and tick.number % EVERY_TICKS:
            return []
        return [(self._table, self._table.row_changes(self._rows()))]

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "what", "name": t("admin.field.tag"), "align": "left"},
            {"key": "formula", "name": t("virtual.formula"), "align": "left", "grow": True, "sort": False},
            {"key": "value", "name": t("virtual.now"), "align": "right"},
            {"key": "every", "name": t("virtual.every"), "align": "right"},
            {"key": "version", "name": t("virtual.version"), "align": "right"},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(now) for now in self._page.services.virtual_tags.list()]

    def _row(self, now: VirtualTagNow) -> dict[str, Any]:
        page, tag = self._page, now.virtual
        remove = {"name": "virtual-delete", "icon": "delete_outline", "label": page.t("virtual.delete"), "kind": "quiet"}
        share = now.history_share
        about = page.t("virtual.inputs", n=len(now.inputs))
        if share is not None:
            about = page.t("virtual.history", share=page.viewer.fmt.percent(share, 0))
        cells: dict[str, Any] = {
            "what": {"text": point_name(tag.point, page.lang, tag.quantity), "sub": tag.tag, "bold": True},
            "formula": {"text": tag.formula, "sub": about},
            "value": self._value(now),
            "every": {"text": page.viewer.fmt.duration(now.interval_s), "sort": now.interval_s},
            "version": {"text": str(tag.version), "sort": tag.version},
            "do": {"text": "", "actions": [remove]},
        }
        return {"id": tag.tag, "clickable": True, "cells": cells}

    def _value(self, now: VirtualTagNow) -> dict[str, Any]:
        page = self._page
        try:
            found = page.services.live.latest(tag=now.virtual.tag)
        except NotFound:
            found = ()
        if not found:
            return {"text": "—", "sort": -1e99}
        value, quality = found[0].value, found[0].quality
        words = page.viewer.fmt.value(value, now.unit, page.viewer.fmt.decimals(value)) if value is not None else "—"
        cell: dict[str, Any] = {"text": words, "sort": -1e99 if value is None else value}
        if "virtual" in page.services.explain.figures():
            cell["explains"] = page.t("explain.open", name=now.virtual.tag)
        return cell | ({"sub": quality_words(quality, page)} if quality else {})

    async def _explain(self, tag: Any, _key: str) -> None:
        """How the value of this moment came about."""
        now_us = self._page.hub.shop().now_us
        await explain.show(self._page, "virtual", "site", (now_us - LOOK_BACK_US, now_us + 1), {"tag": str(tag)})

    def _edit(self, tag: Any) -> None:
        ui.navigate.to(f"{LIST}/{quote(str(tag), safe='')}/edit")

    async def _action(self, tag: Any, _name: str) -> None:
        if await delete(self._page, str(tag)):
            self._table.show({"rows": self._rows()})
            notify(self._page.t("virtual.deleted"))


def quality_words(quality: int, page: shell.Page) -> str:
    """The reason; empty when it is good."""
    reason = Quality(quality).reason
    return page.t(f"quality.{reason}") if reason else ""


def is_bad(quality: int) -> bool:
    """Has it no value?"""
    return quality >= FIRST_BAD


async def delete(page: shell.Page, tag: str) -> bool:
    """After a question; True when it is gone."""
    words = page.t("virtual.delete.words", tag=tag)
    confirm = Confirm(page.lang, page.t("virtual.delete"), words, page.t("action.delete"), testid="delete")
    return bool(await confirm.ask()) and await admin_frame.attempt(
        page, lambda: page.services.virtual_tags.delete(tag, page.actor())
    )
