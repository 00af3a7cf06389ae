"""The money of the running shift on the overview: by the prices of the hours, never by one price for all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from analysis.accounting import EnergyAccounting
from analysis.prices import Prices
from analysis.shift_price import ShiftPrices
from domain.energy import Efficiency
from domain.plant import Plant
from domain.state import StateInterval
from domain.tariff import MoneyTerms, Tariff, Zone, ZoneSpan
from tests.analysis.fakes import MemoryHistory, MemoryPrices, MemoryStates, meter_device, plant_of
from tests.conftest import FakeClock, eventually
from web_interface.live import LiveView

S = 1_000_000
HOUR = 3600 * S
SHIFT = 1_763_535_600_000_000  # 2025-11-19 07:00 UTC, the first shift begins
CHEAPER_LATER = Tariff(date(2025, 1, 1), 2, zones=(Zone("peak", 12.0, (ZoneSpan(0, 480),)), Zone("low", 3.0, (ZoneSpan(480, 0),))))


class Cards:
    def __init__(self, accounting: EnergyAccounting) -> None:
        self.accounting = accounting

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        found = await self.accounting.efficiency(machine_id, from_us, to_us)
        return replace(found, account=await self.accounting.account(machine_id, from_us, to_us))


class NoStates:
    def current(self, machine_id: str) -> StateInterval | None:
        return None


async def test_the_shift_costs_what_its_hours_cost() -> None:
    clock = FakeClock(SHIFT + 2 * HOUR)
    plant, tags = plant_of(meter_device("m1", counter=False, scan_s=60.0), zone="UTC")
    held: list[Plant] = [
        replace(plant, site=replace(plant.site, tariff_per_kwh=99.0), money=MoneyTerms(tariffs=(CHEAPER_LATER,)))
    ]
    history = MemoryHistory()
    history.put(tags[0].id, [(at, 5.0, 0) for at in range(SHIFT, SHIFT + 8 * HOUR, 60 * S)])
    accounting = EnergyAccounting(lambda: held[0], lambda: tags, history, MemoryStates(), clock)
    prices = ShiftPrices(lambda: held[0], accounting, Prices(lambda: held[0], MemoryPrices()))
    live = LiveView(clock, history, accounting, Cards(accounting), NoStates(), lambda: (1, 1), prices.of)  # type: ignore[arg-type]
    live.apply(held[0], tags)
    task = asyncio.create_task(live.run())
    try:
        await eventually(lambda: live.shop().shift_cost is not None)
        assert live.shop().shift_energy_kwh == pytest.approx(10.0, rel=0.01)
        assert live.shop().shift_cost == pytest.approx(5 * 12 + 5 * 3, rel=0.01)
        held[0] = replace(held[0], money=MoneyTerms())
        live.apply(held[0], tags)
        await eventually(lambda: live.shop().shift_cost == pytest.approx(10.0 * 99.0, rel=0.01))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class HeldCards(Cards):
    """Answers of a shift's second machine wait from `hold` on."""

    def __init__(self, accounting: EnergyAccounting) -> None:
        super().__init__(accounting)
        self.free, self.waiting = asyncio.Event(), asyncio.Event()
        self.free.set()

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        if machine_id.startswith("m2") and not self.free.is_set():
            self.waiting.set()
            await self.free.wait()
        return await super().efficiency(machine_id, from_us, to_us, card)


async def test_when_a_shift_begins_its_figures_come_together_and_never_summed_with_those_of_the_last() -> None:
    clock = FakeClock(SHIFT + 7 * HOUR)
    plant, tags = plant_of(meter_device("m1", counter=False, scan_s=60.0), meter_device("m2", counter=False, scan_s=60.0), zone="UTC")
    history = MemoryHistory()
    for tag in tags:
        history.put(tag.id, [(at, 5.0, 0) for at in range(SHIFT, SHIFT + 9 * HOUR, 60 * S)])
    accounting = EnergyAccounting(lambda: plant, lambda: tags, history, MemoryStates(), clock)
    prices, cards = ShiftPrices(lambda: plant, accounting, Prices(lambda: plant, MemoryPrices())), HeldCards(accounting)
    live = LiveView(clock, history, accounting, cards, NoStates(), lambda: (2, 2), prices.of)  # type: ignore[arg-type]
    live.apply(plant, tags)
    task = asyncio.create_task(live.run())
    try:
        await eventually(lambda: live.shop().shift_energy_kwh == pytest.approx(70.0, rel=0.01))
        first = live.shop().shift
        clock.step_wall(2 * 3600)  # an hour into the second
        cards.free.clear()
        live.apply(plant, tags)
        await eventually(cards.waiting.is_set)  # the first machine has its figures of the second shift
        assert (live.shop().shift, live.shop().shift_energy_kwh) == (first, pytest.approx(70.0, rel=0.01))
        cards.free.set()
        await eventually(lambda: live.shop().shift != first)
        assert live.shop().shift_energy_kwh == pytest.approx(10.0, rel=0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
