"""The price of the running shift: each quarter hour's energy by its own price, and the prices of the hours ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from analysis.accounting import EnergyAccounting
from analysis.prices import Prices
from analysis.shift_price import ShiftPrices
from domain.tariff import MoneyTerms, Tariff, Zone, ZoneSpan
from tests.analysis.fakes import MemoryHistory, MemoryPrices, MemoryStates, meter_device, plant_of
from tests.conftest import FakeClock

S = 1_000_000
HOUR = 3600 * S
SHIFT = 1_763_539_200_000_000  # 2025-11-19 08:00 UTC
TWO_ZONES = Tariff(
    date(2025, 1, 1), 2, zones=(Zone("low", 4.0, (ZoneSpan(0, 570),)), Zone("high", 10.0, (ZoneSpan(570, 0),)))
)  # the price rises at 09:30


def prices_at(clock: FakeClock, *tariffs: Tariff, single: float | None = None) -> ShiftPrices:
    """Two machines: 6 kW in the first hour, 2 kW after it."""
    plant, tags = plant_of(meter_device("m1", counter=False, scan_s=60.0), meter_device("m2", counter=False, scan_s=60.0), zone="UTC")
    plant = replace(plant, site=replace(plant.site, tariff_per_kwh=single), money=MoneyTerms(tariffs=tariffs))
    history = MemoryHistory()
    for tag in tags:
        history.put(tag.id, [(at, 6.0 if at < SHIFT + HOUR else 2.0, 0) for at in range(SHIFT, SHIFT + 8 * HOUR, 60 * S)])
    accounting = EnergyAccounting(lambda: plant, lambda: tags, history, MemoryStates(), clock)
    return ShiftPrices(lambda: plant, accounting, Prices(lambda: plant, MemoryPrices()))


async def test_energy_is_priced_by_the_zone_in_which_it_was_used() -> None:
    now = SHIFT + 2 * HOUR
    found = await prices_at(FakeClock(now), TWO_ZONES, single=99.0).of(SHIFT, now, SHIFT + 8 * HOUR)
    # 12 kWh and 2 kWh at 4, 2 kWh at 10; all six hours ahead at 10; 1.5 h of 8 at 4
    assert found.so_far == pytest.approx((14 * 4 + 2 * 10) / 16, rel=0.01)
    assert found.ahead == pytest.approx(10.0)
    assert found.whole == pytest.approx((1.5 * 4 + 6.5 * 10) / 8)


async def test_the_same_window_asked_again_follows_the_time() -> None:
    clock = FakeClock(SHIFT + HOUR)
    prices = prices_at(clock, TWO_ZONES)
    early = await prices.of(SHIFT, clock.now_us(), SHIFT + 8 * HOUR)
    assert early.so_far == pytest.approx(4.0)
    await clock.advance(3600 * 2)
    later = await prices.of(SHIFT, clock.now_us(), SHIFT + 8 * HOUR)
    assert later.so_far == pytest.approx((14 * 4 + 6 * 10) / 20, rel=0.01)


async def test_without_a_dated_tariff_the_sites_price_holds_and_without_any_there_is_none() -> None:
    now = SHIFT + HOUR
    only = await prices_at(FakeClock(now), single=8.0).of(SHIFT, now, SHIFT + 8 * HOUR)
    assert (only.so_far, only.ahead, only.whole) == pytest.approx((8.0, 8.0, 8.0))
    none = await prices_at(FakeClock(now)).of(SHIFT, now, SHIFT + 8 * HOUR)
    assert (none.so_far, none.ahead, none.whole) == (None, None, None)
    ended = replace(TWO_ZONES, valid_to=date(2025, 1, 2))
    assert (await prices_at(FakeClock(now), ended).of(SHIFT, now, SHIFT + 8 * HOUR)).so_far is None
