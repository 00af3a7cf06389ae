"""Tab "Cube": where the energy went, by two dimensions of one's choice, and plan against fact."""

from __future__ import annotations

from datetime import date
from typing import Any

from nicegui import ui

from domain.access import Role
from domain.cube import CubeAnswer, Dimension
from domain.plan import PlanFact, PlanInterval, PlanScope
from domain.state import MachineState
from web_interface.api.cube import cube_csv
from web_interface.components import Card, DataTable, button, el, icon, state_name
from web_interface.format import Format
from web_interface.pages import explain
from web_interface.pages.cube_view import COLUMNS, ROWS, Pivot, Value, axes, cell_of, pivot, pivot_rows, plan_rows
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.explain_view import figure_name

MOST_ROWS = 400
_INTERVALS = {"month": (PlanInterval.MONTH,), "shift": (PlanInterval.SHIFT,)}


async def build(view: EnergyView) -> None:
    """The plans of the period, then the cube of it."""
    await _Plans(view).build()
    await _Cube(view).build()


def _signed(share: float, fmt: Format) -> str:
    """▲ 3,4 %"""
    return f"{'▲' if share > 0 else '▼'}\u00a0{fmt.percent(abs(share))}" if round(abs(share), 3) else fmt.percent(0.0)


class _Cube:
    """One drawn cube."""

    def __init__(self, view: EnergyView) -> None:
        self._view, self._page = view, view.page
        self._row, self._column = axes(view.options.get("by", ""))
        self._names = {machine.id: machine.name for machine in view.page.services.plant.plant.machines}

    async def build(self) -> None:
        page, period = self._page, self._view.period
        by = (self._row, self._column)
        answer = await page.services.cube.ask(period.from_us, period.to_us, by)
        found = pivot(answer, *by)
        with Card(page.t("cube.title"), note=page.t("cube.note"), testid="cube-card") as card:
            with card.tools:
                button(page.t("cube.csv"), lambda: self._download(answer), icon_name="file_download", testid="cube-csv")
            with el("div", "em-cube-axes"):
                self._choice("rows", ROWS, self._row)
                self._choice("columns", COLUMNS, self._column)
            if answer.pending_us:
                hours = page.viewer.fmt.duration(answer.pending_us / 1e6, coarse=True)
                el("p", "em-quiet", page.t("cube.pending", hours=hours), testid="cube-pending")
            fmt = page.viewer.fmt
            known = "cube" in page.services.explain.figures()
            opens = page.t("explain.open", name=figure_name("cube", page.lang)) if known else ""
            rows = pivot_rows(found, self._row, self._words, fmt.number, fmt.percent, page.t("cube.total"), opens)
            DataTable(
                self._columns(found.columns), rows[:MOST_ROWS], testid="cube-table", empty=page.t("cube.empty"), dense=True,
                on_explain=lambda row_id, key: self._explain(found, str(row_id), key),
            )  # fmt: skip
            if len(rows) > MOST_ROWS:
                el("p", "em-quiet", page.t("cube.more", n=len(rows) - MOST_ROWS))

    def _choice(self, what: str, dimensions: tuple[Dimension, ...], chosen: Dimension) -> None:
        """Rows or columns, as links: the choice stays in the address."""
        page = self._page
        with el("div", "em-cube-axis"):
            el("span", "em-quiet", page.t(f"cube.{what}"))
            with el("nav", "em-seg em-period", testid=f"cube-{what}", aria_label=page.t(f"cube.{what}")):
                for dimension in dimensions:
                    row, column = (dimension, self._column) if what == "rows" else (self._row, dimension)
                    if row is column:  # the other one makes room
                        row, column = (row, self._row) if what == "rows" else (self._column, column)
                        if row not in ROWS or column not in COLUMNS:
                            continue
                    attrs = {"aria_current": "true"} if dimension is chosen else {}
                    href, testid = self._view.href(by=f"{row.value}-{column.value}"), f"cube-{what}-{dimension.value}"
                    el("a", "em-seg-item", page.t(f"cube.by.{dimension.value}"), testid, href=href, **attrs)

    def _columns(self, values: Any) -> list[dict[str, Any]]:
        page = self._page
        inner = [
            {"key": f"c{n}", "name": self._words(self._column, value), "align": "right", "sort": False}
            for n, value in enumerate(values)
        ]
        return [
            {"key": "what", "name": page.t(f"cube.by.{self._row.value}"), "align": "left", "grow": True, "sort": False},
            *inner,
            {"key": "total", "name": page.t("cube.total_kwh"), "align": "right", "sort": False},
            {"key": "share", "name": page.t("cube.share"), "align": "right", "sort": False},
            {"key": "complete", "name": page.t("energy.col.complete"), "align": "right", "sort": False},
        ]

    def _words(self, dimension: Dimension, value: Value) -> str:
        """A value as people say it."""
        page = self._page
        if dimension is Dimension.MACHINE:
            return self._names.get(str(value), str(value))
        if dimension is Dimension.STATE:
            return state_name(MachineState(str(value)), page.lang)
        if dimension is Dimension.BREAK:
            return page.t("cube.break.in" if value else "cube.break.out")
        if isinstance(value, date):
            return page.viewer.fmt.date(value)
        if dimension is Dimension.HOUR:
            return f"{int(value):02d}:00"
        empty = {Dimension.SHIFT: "cube.between", Dimension.CREW: "cube.no_crew", Dimension.SECTION: "cube.no_section"}
        return str(value) if value != "" else page.t(empty[dimension])

    async def _explain(self, found: Pivot, row_id: str, key: str) -> None:
        """Open a cell: its machines, states and hours."""
        subject, options = cell_of(found, self._row, self._column, row_id, key)
        await explain.show(self._page, "cube", subject, (self._view.period.from_us, self._view.period.to_us), options)

    def _download(self, answer: CubeAnswer) -> None:
        """The same as GET /api/energy/cube?format=csv."""
        name = f"energy-{self._view.period.first}-{self._row.value}-{self._column.value}.csv"
        ui.download.content(cube_csv(answer).encode("utf-8-sig"), name, "text/csv")


class _Plans:
    """Plan against fact in the period."""

    def __init__(self, view: EnergyView) -> None:
        self._view, self._page = view, view.page

    async def build(self) -> None:
        page, period = self._page, self._view.period
        facts: list[PlanFact] = []
        for interval in _INTERVALS.get(period.kind, (PlanInterval.SHIFT, PlanInterval.DAY)):
            facts += await page.services.plan_facts.facts(interval, period.from_us, period.to_us)
        if not facts and not page.viewer.may(Role.ENGINEER):
            return
        with Card(page.t("plan.title"), note=page.t("plan.note"), testid="plan-card"):
            if not facts:
                with el("p", "em-quiet em-plan-none", testid="plan-none"):
                    el("span", text=page.t("plan.none"))
                    with el("a", href="/admin/calendar"):
                        el("span", text=page.t("plan.make"))
                        icon("chevron_right")
                return
            fmt = page.viewer.fmt
            rows = plan_rows(facts, self._whom, self._when, fmt.number, lambda share: _signed(share, fmt))
            for row in rows:
                cells = row["cells"]
                if tone := cells["deviation"]["tone"]:  # red and green alone tell nobody what is meant
                    cells["deviation"]["sub"] = page.t(f"plan.deviation.{cells['unit']}.{tone}")
                cells["unit"] = page.t(f"plan.unit.{cells['unit']}")
            DataTable(self._columns(), rows, testid="plan-table", two_lines=True)

    def _columns(self) -> list[dict[str, Any]]:
        page = self._page
        numbers = ("planned", "expected", "actual", "deviation", "projection")
        return [
            {"key": "whom", "name": page.t("plan.col.whom"), "align": "left", "grow": True},
            *({"key": name, "name": page.t(f"plan.col.{name}"), "align": "right", "sort": False} for name in numbers),
            {"key": "unit", "name": page.t("plan.col.unit"), "align": "left", "sort": False},
        ]

    def _whom(self, fact: PlanFact) -> str:
        plan = fact.plan
        if plan.scope is PlanScope.SITE:
            return self._page.t("plan.site")
        machines = {machine.id: machine.name for machine in self._page.services.plant.plant.machines}
        return machines.get(plan.subject, plan.subject) if plan.scope is PlanScope.MACHINE else plan.subject

    def _when(self, fact: PlanFact) -> str:
        page, fmt = self._page, self._page.viewer.fmt
        running = f", {page.t('plan.running')}" if fact.running else ""
        if fact.plan.interval is PlanInterval.MONTH:
            return f"{page.t(f'energy.month.{fact.day.month}')} {fact.day.year}{running}"
        day = fmt.date(fact.day)
        words = day if fact.plan.interval is PlanInterval.DAY else page.t("cube.shift_of", name=fact.label, day=day)
        return words + running


TAB = Tab("cube", build)
