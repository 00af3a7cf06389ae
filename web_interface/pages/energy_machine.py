"""Tab "Machine": one machine in the chosen period: its power over its states, its idling, its cost."""

from __future__ import annotations

from typing import Any

from domain.errors import NotFound
from domain.plant import Machine
from domain.state import MachineState
from web_interface.components import Card, DataTable, LiveChart, banner, choice_field, el, empty, link_button
from web_interface.pages import energy_view as view
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.trend import axis, trend_points

COLOURS = {"idle": "hatch(--st-idle)", "no_data": "hatch(--st-nodata)"}


async def build(at: EnergyView) -> None:
    """The chosen machine, the first one without a choice."""
    machines = at.page.services.plant.plant.machines
    if not machines:
        empty("precision_manufacturing", at.page.t("energy.no_machines"), "", testid="machine-none")
        return
    wanted = at.options.get("machine")
    chosen = next((m for m in machines if m.id == wanted), machines[0])
    if wanted and chosen.id != wanted:  # an old link: what is shown instead is not to be taken for it
        words = at.page.t("energy.machine_gone", id=wanted[:60], name=chosen.name)
        banner(words, tone="quiet", icon_name="info", testid="machine-gone")
    await MachineTab(at, chosen).build()


class MachineTab:
    """One open tab."""

    def __init__(self, at: EnergyView, machine: Machine) -> None:
        self._at, self._page, self._machine, self._fmt = at, at.page, machine, at.page.viewer.fmt
        self._end_us = min(at.period.to_us, at.page.hub.shop().now_us)

    async def build(self) -> None:
        """Choice, chart, list of idling."""
        page = self._page
        with el("div", "em-machine-choice"):
            names = {machine.id: machine.name for machine in page.services.plant.plant.machines}
            choice_field(page.t("energy.col.machine"), names, self._machine.id, testid="energy-machine", on_change=self._go)
            link_button(page.t("energy.worst.machine"), f"/machines/{self._machine.id}", testid="energy-machine-page")
        await self._build_chart()
        await self._build_idling()

    def _go(self, machine_id: Any) -> None:
        self._page.client.open(self._at.href(machine=str(machine_id)))

    async def _build_chart(self) -> None:
        page, period = self._page, self._at.period
        cost = await page.services.money.cost(self._machine.id, period.from_us, period.to_us)
        note = f"{self._fmt.unit('kW')} · {view.energy(cost.energy_kwh, self._fmt)}, {view.money(cost.cost, self._fmt)}"
        with Card(page.t("energy.machine.power"), note=note, testid="machine-power"):
            try:
                tag = page.services.live.tag(f"{self._machine.meter}.active_power")
            except NotFound:
                empty("bolt", page.t("energy.no_data"), page.t("energy.no_data.words"), testid="machine-no-meter")
                return
            points = await trend_points(page.services.history, tag, period.from_us, self._end_us)
            areas = await self._areas()
            scale = axis([value for _, value in points], zero=True, marks=(self._machine.rated_kw,))
            line = {
                "name": page.t("energy.machine.power"),
                "type": "line",
                "data": points,
                "symbol": "none",
                "connectNulls": False,
                "sampling": "lttb",
                "z": 4,
                "lineStyle": {"color": "var(--s1)", "width": 2.2},
                "itemStyle": {"color": "var(--s1)"},
                "areaStyle": {"color": "var(--s1)", "opacity": "var(--area)"},
                "markArea": {"silent": True, "label": {"show": False}, "data": areas},
            }
            shown = {
                "ticks": view.day_ticks(period.from_us, period.to_us, self._fmt),
                "range": [period.from_us // 1000, period.to_us // 1000],
                "compact": None,
                "unit": self._fmt.unit("kW"),
                "digits": 1,
                "lang": page.lang,
                "zone": page.services.plant.plant.site.timezone,
                "label": page.t("energy.machine.power"),
            }
            with el("div", "em-money-chart"):
                grid = {"left": 52, "right": 14, "top": 14, "bottom": 24}
                LiveChart({"grid": grid, "xAxis": {}, "yAxis": scale, "series": [line]}, shown, testid="machine-chart")
            el("p", "em-quiet em-zones-note", page.t("energy.machine.hatch"))

    async def _areas(self) -> list[list[dict[str, Any]]]:
        """Idling and missing data, as the hatches of the states behind the line."""
        period = self._at.period
        intervals = await self._page.services.energy.states(self._machine.id, period.from_us, period.to_us)
        return [
            [
                {"xAxis": i.from_us // 1000, "itemStyle": {"color": COLOURS[i.state.value]}},
                {"xAxis": (i.to_us or self._end_us) // 1000},
            ]
            for i in intervals
            if i.state in {MachineState.IDLE, MachineState.NO_DATA} and (i.to_us or self._end_us) - i.from_us >= 60_000_000
        ]

    async def _build_idling(self) -> None:
        page, period = self._page, self._at.period
        ledger = await page.services.money.idle_ledger(period.from_us, period.to_us)
        mine = [entry for entry in ledger.entries if entry.machine_id == self._machine.id]
        rows = view.idle_rows(mine, lambda _id: self._machine.name, self._fmt, may_note=False)
        columns = view.idle_columns(page.lang, page.services.plant.plant.site.currency)
        with Card(page.t("energy.ledger"), note=page.t("energy.ledger.note"), testid="machine-idle", classes="em-table-card"):
            DataTable(columns, rows, testid="machine-idle-table", empty=page.t("energy.ledger.none"), two_lines=True)


TAB = Tab("machine", build)
