"""Performance: how the process does, and which errors the talk with devices had, with a day's course and advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from web_interface.components import Card, DataTable, Hub, KpiTile, Tick, el
from web_interface.pages import admin_frame, shell
from web_interface.pages import status_vitals_view as view
from web_interface.pages.status_log import status_tabs
from web_interface.services import Services

Changes = list[tuple[Element, Mapping[str, Any]]]
EVERY_TICKS = 5  # readings come every half minute


def register(services: Services, hub: Hub) -> None:
    """The page at /status/performance."""

    @ui.page("/status/performance", title="")
    def performance_page() -> None:
        crumbs: list[tuple[str, str | None]] = [(admin_frame.text_for(services, "nav.status"), "/status")]
        with shell.page(services, hub, active="status", title_key="vitals.title", crumbs=crumbs) as page:
            PerformancePage(page).build()


class PerformancePage:
    """One open page."""

    def __init__(self, page: shell.Page) -> None:
        self._page, self._ticks = page, 0

    def build(self) -> None:
        """Everything from memory, at once."""
        page = self._page
        with el("div", "em-vitals-page"):
            status_tabs(page, "performance")
            with el("div", "em-money-tiles em-vitals-tiles", testid="vitals"):
                self._tiles = {name: KpiTile(data, f"tile-{name}") for name, data in self._tile_data().items()}
            with Card(page.t("vitals.errors.card"), note=page.t("vitals.errors.note"), testid="errors-card"):
                self._table = DataTable(
                    view.columns(page.lang), self._rows(), testid="errors-table", two_lines=True,
                    empty=page.t("vitals.errors.empty"),
                )
            el("p", "em-quiet", page.t("vitals.words"))
        page.every(self.live)

    def live(self, _tick: Tick) -> Changes:
        """What changed."""
        self._ticks += 1
        if self._ticks % EVERY_TICKS:
            return []
        changes: Changes = [(self._tiles[name], self._tiles[name].change(data)) for name, data in self._tile_data().items()]
        return [*changes, (self._table, self._table.row_changes(self._rows()))]

    def _tile_data(self) -> dict[str, view.Data]:
        vitals, fmt = self._page.services.vitals, self._page.viewer.fmt
        return {**view.tiles(vitals.readings(), fmt), "errors": view.errors_tile(vitals.errors(), fmt)}

    def _rows(self) -> list[view.Data]:
        page = self._page
        return view.rows(page.services.vitals.errors(), page.services.plant.plant, page.viewer.fmt)
