"""The wizard's step for a line whose devices have no numbers: what is on it, and which of it become points of the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.commissioning import Found
from domain.errors import MonitorError
from web_interface.components import Card, DataTable, banner, button, el, icon, loading
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.node_guess import heard_points
from web_interface.pages.node_picker import NodePicker
from web_interface.pages.point_rows import Point, PointRows

TREES: Final = frozenset({"opcua"})  # transports whose servers show what they have
MOST_SHOWN: Final = 300


class PointsPanel:
    """`line`: its id, or the fields of a drafted one. `draft`: the wizard's device; its `points` are what is chosen here.

    `found`: what the line told last, kept by the wizard while one goes back and forth.
    """

    def __init__(
        self, page: shell.Page, line: str | Mapping[str, object], transport: str, draft: dict[str, Any], found: list[Found]
    ) -> None:
        self._page, self._line, self._transport, self._draft, self._found = page, line, transport, draft, found
        self._points: list[Point] = draft.setdefault("points", [])
        self._rows: PointRows | None = None
        self._busy = False

    @property
    def takes(self) -> bool:
        """Can something that was found become a point by itself?"""
        return self._transport in TREES or bool(heard_points(self._transport, Found("a", "1"), ()))

    def build(self) -> None:
        """What is there, and what was chosen of it."""
        _page, t = self._page, self._page.t
        with Card(t("wizard.points.title"), testid="wizard-points") as card:
            with card.tools:
                if self._transport in TREES:
                    button(t("nodes.button"), self._browse, icon_name="account_tree", small=True, testid="wizard-nodes")
                else:
                    button(t("wizard.survey"), self._survey, icon_name="hearing", small=True, testid="wizard-survey")
            el("p", "em-quiet", t(f"wizard.points.{self._transport}"))
            self._told = el("div", "em-survey", testid="survey", role="status")
            if self._found:
                self._show()
        if self.takes:
            with Card(t("nodes.chosen"), note=t("wizard.points.note"), testid="wizard-chosen"):
                self._box = el("div")
                self._draw_rows()

    def _draw_rows(self) -> None:
        self._box.clear()
        with self._box:
            self._rows = PointRows(self._page, self._points)

    async def _browse(self) -> None:
        points = await NodePicker(self._page, self._line, self._points).ask()
        if points is not None:
            self._points[:] = points
            self._draw_rows()

    # ---- looking around ----------------------------------------------------------------------------------------------
    async def _survey(self) -> None:
        page = self._page
        if self._busy:
            return
        self._busy = True
        self._told.clear()
        with self._told:
            el("p", "em-quiet", page.t("wizard.survey.wait"))
            loading(3)
        heard: list[Sequence[Found]] = []

        async def act() -> None:
            heard.append(await page.services.plant.survey(self._line, page.actor()) or ())

        def failed(exc: MonitorError) -> None:
            if not self._told.is_deleted:
                self._told.clear()
                with self._told:
                    banner(admin_words.said(exc, page.lang), testid="survey-failed")

        try:
            good = await admin_frame.attempt(page, act, failed)
        finally:
            self._busy = False
        if good and not self._told.is_deleted:
            self._found[:] = heard[0][:MOST_SHOWN]
            self._show()

    def _show(self) -> None:
        _page, t = self._page, self._page.t
        self._told.clear()
        with self._told:
            if not self._found:
                with el("p", "em-quiet em-survey-none", testid="survey-none"):
                    icon("hearing_disabled")
                    el("span", text=t(f"wizard.survey.none.{self._transport}"))
                return
            columns: list[dict[str, Any]] = [
                {"key": "where", "name": t("wizard.survey.where"), "align": "left", "grow": True},
                {"key": "answer", "name": t("wizard.survey.answer"), "align": "left", "sort": False},
                {"key": "do", "name": "", "align": "right", "sort": False},
            ]
            DataTable(columns, [self._row(n, item) for n, item in enumerate(self._found)], testid="survey-table",
                      on_action=self._take)  # fmt: skip

    def _row(self, number: int, item: Found) -> dict[str, Any]:
        add = {"name": "add", "icon": "add", "label": self._page.t("nodes.add"), "kind": "plain"}
        taken = [add] if heard_points(self._transport, item, ()) else []
        cells = {"where": {"text": item.where, "mono": True}, "answer": {"text": item.answer, "mono": True}}
        return {"id": number, "cells": {**cells, "do": {"text": "", "actions": taken}}}

    def _take(self, number: Any, _name: str) -> None:
        item = self._found[int(number)]
        if self._rows is None:
            return
        for point in heard_points(self._transport, item, self._rows.tags):
            self._rows.add(point)
        device, slash, _item = item.where.partition("/")
        if self._transport == "mtconnect" and slash:
            self._draft["agent_device"] = device
