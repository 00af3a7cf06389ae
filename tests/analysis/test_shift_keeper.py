"""A shift's last word in the store: not before its last samples are in the tables, however late they come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.accounting import EnergyAccounting
from analysis.shift_keeper import ShiftKeeper
from domain.energy import ShiftWindow
from domain.plant import Plant, Tag
from tests.analysis.fakes import MemoryEnergy, MemoryHistory, MemoryStates, S, meter_device, plant_of
from tests.conftest import FakeClock

MINUTE = 60 * S


class Shop:
    """One machine whose counter grows by 0.1 kWh a minute, and a writer that says what it still holds back."""

    def __init__(self, reading_s: float = 60.0) -> None:
        self.clock, self.history, self.energy = FakeClock(), MemoryHistory(), MemoryEnergy()
        plant, tags = plant_of(meter_device("a"), thresholds=None)
        tags = [replace(tag, interval_s=reading_s) if tag.point == "energy_import" else tag for tag in tags]
        self.plant, self.tags = plant, tags
        self.counter = next(tag.id for tag in tags if tag.point == "energy_import")
        self.waiting_since_us: int | None = None

        def current_plant() -> Plant:
            return plant

        def current_tags() -> list[Tag]:
            return tags

        self.accounting = EnergyAccounting(current_plant, current_tags, self.history, MemoryStates(), self.clock)
        self.keeper = ShiftKeeper(self.accounting, self.energy, self.clock, lambda: self.waiting_since_us)
        window = self.accounting.shift_at(self.clock.now_us())
        assert window is not None
        self.shift: ShiftWindow = window

    def read(self, from_us: int, to_us: int, every_us: int) -> None:
        times = range(from_us, to_us + 1, every_us)
        self.history.put(self.counter, [(t, 100 + 0.1 * (t - self.shift.from_us) / MINUTE, 0) for t in times])

    async def keep_at(self, time_us: int) -> float | None:
        self.clock.step_wall((time_us - self.clock.now_us()) / 1e6)
        await self.keeper.keep()
        return self.energy.held["a-m", self.shift.name, self.shift.day][1].energy_kwh


async def test_a_shift_whose_samples_still_wait_in_the_journal_is_not_over() -> None:
    """The database was away over the end of the shift and is back: the backlog needs a while."""
    shop = Shop()
    shift = shop.shift
    away_us = shift.to_us - 30 * MINUTE
    shop.read(shift.from_us, away_us, MINUTE)
    shop.waiting_since_us = away_us
    assert await shop.keep_at(shift.to_us + 20 * MINUTE) == pytest.approx(45.0)
    shop.read(away_us, shift.to_us + 22 * MINUTE, MINUTE)
    shop.waiting_since_us = None
    assert await shop.keep_at(shift.to_us + 22 * MINUTE) == pytest.approx(48.0)
    saves = shop.energy.saves
    await shop.keep_at(shift.to_us + 24 * MINUTE)
    assert shop.energy.saves == saves + 1  # only the running shift is open now


async def test_samples_of_just_now_do_not_keep_a_shift_open() -> None:
    shop = Shop()
    end_us = shop.shift.to_us + 20 * MINUTE
    shop.read(shop.shift.from_us, end_us, MINUTE)
    shop.waiting_since_us = end_us - S
    await shop.keep_at(end_us)
    saves = shop.energy.saves
    await shop.keep_at(end_us + 2 * MINUTE)
    assert shop.energy.saves == saves + 1


async def test_a_meter_that_is_read_each_hour_has_its_reading_behind_the_border_counted() -> None:
    shop = Shop(reading_s=3600.0)
    shift = shop.shift
    first_us = shift.from_us - 30 * MINUTE
    shop.read(first_us, shift.to_us, 60 * MINUTE)
    assert await shop.keep_at(shift.to_us + 20 * MINUTE) == pytest.approx(45.0)
    shop.read(first_us, shift.to_us + 30 * MINUTE, 60 * MINUTE)
    assert await shop.keep_at(shift.to_us + 31 * MINUTE) == pytest.approx(48.0)


async def test_a_first_start_over_samples_of_weeks_keeps_their_shifts_too() -> None:
    """An imported past (the demonstration's, a restore) has its shifts; later starts look two days back."""
    shop = Shop()
    first_us = shop.clock.now_us() - 10 * 1440 * MINUTE

    async def first_sample() -> int:
        return first_us

    shop.keeper = ShiftKeeper(shop.accounting, shop.energy, shop.clock, first_sample=first_sample)
    shop.read(first_us, shop.clock.now_us(), MINUTE)
    await shop.keeper.keep()
    kept = {day for _machine, _shift, day in shop.energy.held}
    assert min(kept) <= shop.accounting.calendar.day_of(first_us + 1440 * MINUTE)
    saves = shop.energy.saves
    again = ShiftKeeper(shop.accounting, shop.energy, shop.clock, first_sample=first_sample)
    await again.keep()
    assert shop.energy.saves - saves < 10
