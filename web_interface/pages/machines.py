"""/machines: every machine of the shop in one table, for shops where cards no longer fit: search, states, groups, order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from domain.access import Role
from web_interface.components import Card, DataTable, Hub, Segmented, Tick, el, empty, row_difference
from web_interface.components.base import Data, difference
from web_interface.pages import shell
from web_interface.pages.machine_table import (
    GROUPINGS,
    WHOLE,
    machine_columns,
    machine_groups,
    machine_rows,
    machine_search,
    machine_states,
)
from web_interface.services import Services
from web_interface.services.live import ShopNow

USUAL = "section"
Changes = list[tuple[Element, Mapping[str, Any]]]


def register(services: Services, hub: Hub) -> None:
    """The page at /machines; `find`, `kind` (a state) and `by` (a grouping) keep what is chosen in the address."""
    shell.offer("machines")

    @ui.page("/machines", title="")
    def machines_page(by: str = "", find: str = "", kind: str = "") -> None:
        with shell.page(services, hub, active="machines", title_key="nav.machines") as page:
            MachineList(page, by if by in GROUPINGS else USUAL, find, kind).build()


class MachineList:
    """One open list."""

    def __init__(self, page: shell.Page, by: str, find: str, kind: str) -> None:
        self._page, self._by, self._find, self._kind = page, by, find, kind
        self._fmt = page.viewer.fmt
        self._rows: list[Data] = []
        self._heads: Data = {}
        self._table: DataTable | None = None
        self._empty = not self._shop().machines

    def build(self) -> None:
        """From memory, at once."""
        page = self._page
        title, note = page.t("nav.machines"), page.t("machines.list.note")
        page.every(self.live)
        with el("div", "em-machines-page"), Card(title, note=note, testid="machines-list-card") as card:
            if self._empty:
                may = page.viewer.may(Role.ADMIN)
                words, action = page.t("machines.empty.words"), page.t("machines.empty.action") if may else ""
                empty("precision_manufacturing", page.t("machines.empty"), words, action, "/admin/devices/new")
                return
            with card.tools:
                groupings = {by: page.t(f"machines.by.{by}") for by in GROUPINGS}
                label = page.t("machines.by")
                Segmented(groupings, self._by, self._group, testid="machines-by", label=label, address="by")
            self._fill()

    def live(self, _tick: Tick) -> Changes:
        """Cells, sums and counts that changed, machines that came or went."""
        if self._empty != (not self._shop().machines):
            self._empty = not self._empty  # asked for once: a slow load must not be begun anew at each tick
            with self._page.client:
                ui.navigate.reload()
        if self._table is None:
            return []
        rows, heads = self._drawn()
        changes = {
            **self._page.hub.step(("machine-list", self._fmt.lang, self._by), self._rows, rows, row_difference),
            **difference(self._heads, heads),
        }
        self._rows, self._heads = rows, heads
        self._table.take({**self._table.shown, **heads, "rows": rows})
        return [(self._table, changes)]

    def _fill(self) -> None:
        self._rows, self._heads = self._drawn()
        self._table = DataTable(
            machine_columns(self._fmt, WHOLE), self._rows, testid="machines-list", dense=True,
            search=machine_search(self._fmt.lang, 1),
            more={**self._heads, "find": self._find, "only": self._kind, "address": True},
        )  # fmt: skip

    def _drawn(self) -> tuple[list[Data], Data]:
        """Rows and what stands above them, drawn once a tick for all pages of this language and grouping."""
        group, fmt = GROUPINGS[self._by], self._fmt

        def draw(shop: ShopNow) -> tuple[list[Data], Data]:
            heads = {"groups": machine_groups(shop, fmt, group), "kinds": machine_states(shop, fmt)}
            return machine_rows(shop, fmt, WHOLE, group), heads

        return self._page.hub.view(("machine-list", fmt.lang, self._by), draw)

    def _group(self, by: str) -> None:
        """Other heads over the same rows; search, states and order stay."""
        self._by = by
        rows, heads = self._drawn()
        self._rows, self._heads = rows, heads
        if self._table is not None:
            self._table.show({"rows": rows, **heads})

    def _shop(self) -> ShopNow:
        return self._page.hub.shop()
