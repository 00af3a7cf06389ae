"""The tree of a line's server in a dialog: nodes are looked at, chosen, and become points of a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from domain.browse import BrowsedNode
from web_interface.components import DataTable, button, el, loading
from web_interface.pages import admin_frame, shell
from web_interface.pages.node_guess import proposed
from web_interface.pages.point_rows import Point, PointRows


class NodePicker:
    """`await ask()` gives the points of the chosen nodes behind those the device has already; None when the user leaves."""

    def __init__(
        self, page: shell.Page, line: str | Mapping[str, object], points: Sequence[Mapping[str, object]]
    ) -> None:
        """`line`: its id, or the fields of a drafted one."""
        self._page, self._line = page, line
        self._points: list[Point] = [dict(point) for point in points]
        self._path: list[tuple[str | None, str]] = [(None, page.t("nodes.top"))]
        self._shown: Sequence[BrowsedNode] = ()

    async def ask(self) -> list[Point] | None:
        """Show it and wait."""
        page = self._page
        with ui.dialog() as self._dialog, el("div", "em-dialog em-dialog-wide", testid="node-dialog", role="dialog"):
            name = self._line if isinstance(self._line, str) else str(self._line.get("id", ""))
            el("h2", "em-card-title", page.t("nodes.title", line=name))
            el("p", "em-dialog-text", page.t("nodes.words"))
            self._crumbs = el("nav", "em-crumbs", testid="node-crumbs", aria_label=page.t("nodes.way"))
            self._tree = el("div", "em-node-tree", testid="node-tree")
            el("h3", "em-card-title", page.t("nodes.chosen"))
            self._rows = PointRows(page, self._points)
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: self._dialog.submit(None), testid="node-cancel")
                button(page.t("nodes.take"), lambda: self._dialog.submit(True), kind="primary", testid="node-take")
        self._dialog.open()
        await self._open()
        answer = await self._dialog
        if not self._dialog.is_deleted:
            self._dialog.delete()
        return self._points if answer else None

    # ---- the tree ------------------------------------------------------------------------------------------------
    async def _open(self) -> None:
        """Show what lies below the last node of the way."""
        page = self._page
        self._draw_crumbs()
        self._tree.clear()
        with self._tree:
            loading(3)
        found: list[Sequence[BrowsedNode]] = []

        async def act() -> None:
            found.append(await page.services.plant.browse(self._line, self._path[-1][0], page.actor()))

        good = await admin_frame.attempt(page, act)
        if self._tree.is_deleted:
            return
        self._tree.clear()
        self._shown = found[0] if good else ()
        with self._tree:
            DataTable(
                columns(page), [row(page, node) for node in self._shown], testid="node-table", empty=page.t("nodes.none"),
                on_action=self._action,
            )  # fmt: skip

    def _draw_crumbs(self) -> None:
        self._crumbs.clear()
        with self._crumbs:
            for depth, (_, name) in enumerate(self._path):
                button(name, partial(self._back, depth), kind="quiet", small=True, testid=f"node-crumb-{depth}")

    async def _back(self, depth: int) -> None:
        self._path = self._path[: depth + 1]
        await self._open()

    async def _action(self, node_id: Any, what: str) -> None:
        node = next((known for known in self._shown if known.node == node_id), None)
        if node is None:
            return
        if what == "open":
            self._path.append((node.node, node.name))
            await self._open()
            return
        self._rows.add(proposed(node, self._rows.tags))


def columns(page: shell.Page) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "name", "name": page.t("nodes.node"), "align": "left", "grow": True},
        {"key": "value", "name": page.t("nodes.value"), "align": "left", "sort": False},
        {"key": "type", "name": page.t("nodes.type"), "align": "left"},
        {"key": "do", "name": "", "align": "right", "sort": False},
    ]


def row(page: shell.Page, node: BrowsedNode) -> dict[str, Any]:
    """One node: what it is called, what it shows, and what can be done with it."""
    kind = node.type if node.length is None else f"{node.type}[{node.length}]"
    actions = [{"name": "open", "icon": "chevron_right", "label": page.t("nodes.open")}]
    if node.variable:
        actions.insert(0, {"name": "add", "icon": "add", "label": page.t("nodes.add")})
    return {
        "id": node.node,
        "cells": {
            "name": {"text": node.name, "sub": [[node.node, "em-quiet"]]},
            "value": {"text": node.value, "mono": True},
            "type": {"text": kind},
            "do": {"text": "", "actions": actions},
        },
    }
