"""Tab "Energy and money": which machine wasted most, why and what it cost; then cost by hour, by machine, idling, advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from domain.access import Role
from domain.figures import Cost, IdleEntry, IdleLedger, LeftOn
from domain.note import LONGEST_NOTE
from web_interface.components import (
    Card,
    DataTable,
    KpiTile,
    LiveChart,
    el,
    empty,
    facts,
    icon,
    link_button,
    text_field,
)
from web_interface.pages import energy_view as view
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.explain import explainable
from web_interface.pages.note_dialog import Act, note_dialog
from web_interface.pages.typed_checks import length_check

FIGURES = {"energy": "energy", "cost": "cost", "idle": "idle_ledger", "co2": "co2"}


async def build(view_of: EnergyView) -> None:
    """The whole tab."""
    await MoneyTab(view_of).build()


class MoneyTab:
    """One open tab."""

    def __init__(self, at: EnergyView) -> None:
        self._at, self._page, self._fmt = at, at.page, at.page.viewer.fmt
        plant = at.page.services.plant.plant
        self._currency = plant.site.currency
        self._names: Mapping[str, str] = {machine.id: machine.name for machine in plant.machines}
        self._sections: Mapping[str, str] = {machine.id: machine.section for machine in plant.machines}
        self._window = (at.period.from_us, at.period.to_us)
        self._entries: dict[str, IdleEntry] = {}
        self._table: DataTable | None = None

    async def build(self) -> None:
        """Answer first: who wasted most; then the figures it is made of."""
        money, before = self._page.services.money, self._at.periods.before(self._at.period)
        ledger = await money.idle_ledger(*self._window)
        site = await money.cost("site", *self._window)
        earlier = None if before is None or self._at.period.running else await money.cost("site", before.from_us, before.to_us)
        with el("div", "em-money-top"):
            self._build_worst(ledger, known=not view.unmeasured(site, ledger))
            self._build_left(await money.left_on())
        self._build_tiles(site, earlier, ledger)
        with el("div", "em-money-cost"):
            await self._build_chart()
            self._build_zones(site)
        costs = await money.costs("machine", *self._window)
        self._build_machines(costs, ledger)
        self._build_ledger(ledger)
        await self._build_standby()

    # -- who wasted most -------------------------------------------------------------------------------------------

    def _build_worst(self, ledger: IdleLedger, *, known: bool) -> None:
        page, worst = self._page, ledger.worst
        with el("section", "em-card em-worst", testid="worst"):
            el("span", "em-worst-kicker", page.t(f"energy.worst.title.{self._at.period.kind}"))
            if not known:
                empty("bolt", page.t("energy.no_data"), page.t("energy.no_data.words"), testid="worst-unknown")
                return
            if worst is None:
                empty("task_alt", page.t("energy.worst.none"), page.t("energy.worst.none.words"), testid="worst-none")
                return
            sentence = el("p", "em-worst-sentence", view.worst_sentence(worst, self._name, self._fmt), "worst-sentence")
            explainable(page, sentence, "idle_ledger", worst.machine_id, self._window)
            facts(view.worst_facts(worst, ledger, self._fmt), testid="worst-facts")
            with el("div", "em-worst-actions"):
                href = self._at.href(tab="machine", machine=worst.machine_id)
                link_button(page.t("energy.worst.open"), href, kind="primary", icon_name="show_chart", testid="worst-open")
                link_button(page.t("energy.worst.machine"), f"/machines/{worst.machine_id}", testid="worst-machine")

    def _build_left(self, left: Sequence[LeftOn]) -> None:
        page, now_us = self._page, self._page.hub.shop().now_us
        with Card(page.t("energy.left"), testid="left-on"):
            if not left:
                empty("task_alt", page.t("energy.left.none"), page.t("energy.left.none.words"), testid="left-on-none")
                return
            with el("ul", "em-lefton"):
                for item in left[:6]:
                    since, rate = view.left_words(item, self._fmt, now_us)
                    link = {"testid": f"left-{item.machine_id}", "href": f"/machines/{item.machine_id}"}
                    with el("li"), el("a", "em-lefton-item", **link):
                        with el("span", "em-lefton-what"):
                            el("b", text=self._name(item.machine_id))
                            el("span", "em-quiet", since)
                        el("span", "em-lefton-rate", rate)

    # -- figures ---------------------------------------------------------------------------------------------------

    def _build_tiles(self, site: Cost, earlier: Cost | None, ledger: IdleLedger) -> None:
        with el("div", "em-money-tiles"):
            for key, data in view.tiles(site, earlier, ledger, self._fmt).items():
                tile = KpiTile({"bar": None, "aside": [], "stale": None, **data}, f"tile-{key}")
                explainable(self._page, tile, FIGURES[key], "site", self._window)

    async def _build_chart(self) -> None:
        page = self._page
        hours = await page.services.money.cost_hours("site", *self._window)
        options, shown = view.cost_chart(hours, *self._window, self._fmt, page.services.plant.plant.site.timezone)
        with Card(page.t("energy.chart"), note=page.t("energy.chart.note", unit=shown["unit"]), testid="cost-chart-card"):
            if not hours:
                empty("bolt", page.t("energy.no_data"), page.t("energy.no_data.words"), testid="cost-none")
                return
            with el("div", "em-money-chart"):
                LiveChart(options, shown, testid="cost-chart")

    def _build_zones(self, site: Cost) -> None:
        page, fmt = self._page, self._fmt
        with Card(page.t("energy.zones"), testid="zones"):
            with el("div", "em-zones"):
                for place, zone in enumerate(site.zones):
                    with el("div", "em-zone"):
                        el("i", "em-zone-mark", style=f"background: {view.ZONE_COLOURS[place % 5]}")
                        with el("span", "em-zone-name"):
                            el("b", text=view.zone_name(zone.zone, page.lang))
                            price = zone.price_per_kwh
                            per = (
                                page.t("energy.price_varies")
                                if price is None
                                else page.t("energy.price", price=fmt.number(price, 2), currency=self._currency)
                            )
                            el("span", "em-quiet", per)
                        with el("span", "em-zone-sum"):
                            el("b", text=view.money(zone.cost, fmt))
                            el("span", "em-quiet", view.energy(zone.energy_kwh, fmt))
                for power in site.power:
                    with el("div", "em-zone"):
                        icon("bolt", "em-zone-mark-icon")
                        with el("span", "em-zone-name"):
                            el("b", text=page.t(f"energy.power.{power.kind}"))
                            el("span", "em-quiet", fmt.value(power.power_kw, "kW"))
                        with el("span", "em-zone-sum"):
                            el("b", text=view.money(power.cost, fmt))
            el(
                "p",
                "em-quiet em-zones-note",
                page.t(
                    "energy.trust",
                    complete=fmt.percent(site.trust.completeness),
                    estimated=fmt.percent(site.trust.estimated_share),
                ),
            )

    def _build_machines(self, costs: Sequence[Cost], ledger: IdleLedger) -> None:
        page = self._page
        rows = view.machine_rows(costs, ledger, self._name, self._section, self._machine_href, self._fmt)
        with Card(page.t("energy.by_machine"), testid="energy-machines", classes="em-table-card"):
            columns = view.machine_columns(page.lang, self._currency)
            DataTable(columns, rows, testid="energy-machines-table", empty=page.t("energy.no_machines"), two_lines=True)

    # -- idling ----------------------------------------------------------------------------------------------------

    def _build_ledger(self, ledger: IdleLedger) -> None:
        page = self._page
        with Card(page.t("energy.ledger"), note=page.t("energy.ledger.note"), testid="idle-ledger", classes="em-table-card"):
            self._table = DataTable(
                view.idle_columns(page.lang, self._currency),
                self._idle_rows(ledger),
                testid="idle-table",
                empty=page.t("energy.ledger.none"),
                two_lines=True,
                on_action=self._note,
            )

    def _idle_rows(self, ledger: IdleLedger) -> list[dict[str, Any]]:
        self._entries = {f"{entry.machine_id}@{entry.from_us}": entry for entry in ledger.entries}
        return view.idle_rows(ledger.entries, self._name, self._fmt, may_note=self._page.viewer.may(Role.OPERATOR))

    def _note(self, row_id: Any, _name: str) -> None:
        entry, page = self._entries.get(str(row_id)), self._page
        if entry is None:
            return

        def fields() -> Callable[[], Act]:
            hint, check = page.t("energy.note.hint"), length_check(page.lang, LONGEST_NOTE)
            field = text_field(page.t("energy.note.field"), entry.note, testid="note-text", hint=hint, validation=check)
            return lambda: partial(self._add_note, entry, str(field.value or ""))

        span = f"{self._fmt.clock(entry.from_us)}–{self._fmt.clock(entry.to_us)}"
        words = page.t("energy.note.words", span=span, duration=self._fmt.duration(entry.seconds))
        title = page.t("energy.note.title", machine=self._name(entry.machine_id))
        note_dialog(page, title, fields, saved=page.t("energy.note.saved"), testid="note", words=words)

    async def _add_note(self, entry: IdleEntry, text: str) -> None:
        page = self._page
        await page.services.money.add_idle_note(entry.machine_id, entry.from_us, entry.to_us, text, page.actor())
        if self._table is not None:
            self._table.show({"rows": self._idle_rows(await page.services.money.idle_ledger(*self._window))})

    async def _build_standby(self) -> None:
        page = self._page
        found = await page.services.money.standby()
        rows = view.standby_rows(found, self._name, lambda m: f"/machines/{m}", self._fmt, page.hub.shop().now_us)
        with Card(page.t("energy.standby"), note=page.t("energy.standby.note"), testid="standby", classes="em-table-card"):
            DataTable(view.standby_columns(page.lang), rows, testid="standby-table", empty=page.t("energy.no_machines"))

    # -- names -----------------------------------------------------------------------------------------------------

    def _name(self, machine_id: str) -> str:
        return self._names.get(machine_id, machine_id)

    def _section(self, machine_id: str) -> str:
        return self._sections.get(machine_id, "")

    def _machine_href(self, machine_id: str) -> str:
        return self._at.href(tab="machine", machine=machine_id)


TAB = Tab("money", build)
