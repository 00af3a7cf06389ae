"""The past made anew in another process is what the services make of it."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from analysis.accounting import EnergyAccounting
from analysis.cube import rows_of, slots_of
from application.recompute import Task, jobs_of, run_task
from database.open import open_database
from domain.cube import CubeFilter, Dimension
from domain.sample import Batch
from tests.analysis.fakes import H, S, meter_device, plant_of
from tests.conftest import FakeClock

FIRST, LAST = date(2026, 3, 28), date(2026, 3, 29)  # the clocks change in between
BY = (Dimension.SHIFT, Dimension.SHIFT_DAY, Dimension.STATE)


@pytest.mark.parametrize("states", [False, True])
async def test_cells_of_minutes_equal_those_of_samples(tmp_path: Path, fake_clock: FakeClock, states: bool) -> None:
    plant, tags = plant_of(meter_device("d1", scan_s=20), zone="Europe/Berlin")
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    async with open_database(url, tmp_path, fake_clock) as database:
        tags = list(await database.plants.save({"site": {"name": "s"}}, plant))
        power, energy = (next(tag.id for tag in tags if tag.point == point) for point in ("active_power", "energy_import"))
        energy_now = EnergyAccounting(lambda: plant, lambda: tags, database.samples, database.states, fake_clock)
        begin = energy_now.calendar.day_window(FIRST).from_us
        end = energy_now.calendar.day_window(LAST).to_us
        fake_clock.step_wall((end + 2 * H - fake_clock.now_us()) / 1e6)
        batches, kwh = [], 50.0
        for n, at in enumerate(range(begin - H, end + H, 20 * S)):
            kw = (0.05, 2.0, 6.0)[n // 540 % 3]  # three hours each
            batches.append(Batch("d1", at, (power,), [kw], [0]))
            if n % 3 == 0:
                batches.append(Batch("d1", at, (energy,), [kwh], [0]))
            kwh += kw * 20 / 3600
        await database.writer.put_all(batches)
        await database.rollups.catch_up()
        slots = slots_of(energy_now.calendar, begin, end)
        expected = rows_of(await energy_now.cube("d1-m", slots), BY, lambda _m: "")

        task = Task(url, tuple(jobs_of(plant, tags)), "Europe/Berlin", plant.shifts, plant.calendar, FIRST, LAST, states)
        assert await asyncio.to_thread(run_task, task) > 0
        found = sorted(await database.cube.sums(CubeFilter(begin, end), BY), key=lambda row: tuple(map(str, row.key.values())))
        expected.sort(key=lambda row: tuple(map(str, row.key.values())))
        assert [row.key for row in found] == [row.key for row in expected]
        assert [row.energy_kwh for row in found] == pytest.approx([row.energy_kwh for row in expected], abs=0.15)
        assert [row.duration_us / S for row in found] == pytest.approx([row.duration_us / S for row in expected], abs=240)
        assert sum(row.energy_kwh or 0 for row in found) == pytest.approx(sum(row.energy_kwh or 0 for row in expected), abs=1e-9)
        kept = await database.cube.kept(begin, end, ["d1-m"])
        assert [day.kept_us == day.to_us for day in kept] == [True, True]
        stored = await database.states.states("d1-m", begin, end)
        assert bool(stored) is states
