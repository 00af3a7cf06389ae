"""Accounts of a time whose single samples are deleted: roll-ups stand in, and windows still add up to the counter's difference."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from analysis.accounting import EnergyAccounting
from database import Database, open_database, tables
from domain.plant import Tag
from domain.sample import Batch
from tests.analysis.fakes import meter_device, plant_of
from tests.conftest import FakeClock

S = 1_000_000
HOUR, DAY = 3600 * S, 86_400 * S
BEGIN = 1_763_510_400_000_000  # 2025-11-19 00:00 UTC
HOURS = 50
M = "m1-m"


def kw(at: int) -> float:
    """Off at night, work by day, idling between."""
    hour = at // HOUR % 24
    return 0.0 if hour < 4 else 7.0 if hour % 3 else 1.5


def batches(tags: Sequence[Tag], scan_s: int, reading_s: int) -> Iterator[Batch]:
    """Power each `scan_s`, the counter each `reading_s`."""
    power, energy = (next(t.id for t in tags if t.point == point) for point in ("active_power", "energy_import"))
    count = 1000.0
    for at in range(BEGIN, BEGIN + HOURS * HOUR + S, scan_s * S):
        if (at - BEGIN) % (reading_s * S) == 0:
            yield Batch("m1", at, (power, energy), [kw(at), count], [0, 0])
        else:
            yield Batch("m1", at, (power,), [kw(at)], [0])
        count += kw(at) * scan_s / 3600


def truth(from_us: int, to_us: int, scan_s: int) -> float:
    """kWh of the counter; borders on its readings."""
    return sum(kw(at) * scan_s / 3600 for at in range(from_us, to_us, scan_s * S))


@dataclass
class Kept:
    database: Database
    accounting: EnergyAccounting
    clock: FakeClock

    async def kwh(self, from_us: int, to_us: int) -> float:
        found = (await self.accounting.account(M, from_us, to_us)).energy_kwh
        assert found is not None, "the account came back empty"
        return found

    async def age(self, days: int) -> None:
        """Time passes, and what the policy no longer keeps is deleted."""
        await self.clock.advance(days * 86_400)
        await self.database.retention.work()
        self.accounting.invalidate(0, 2**60)


@asynccontextmanager
async def kept(tmp_path: Path, scan_s: int, reading_s: int) -> AsyncIterator[Kept]:
    clock = FakeClock(BEGIN + (HOURS + 1) * HOUR)
    plant, _ = plant_of(meter_device("m1", scan_s=float(scan_s)), zone="UTC")
    document: dict[str, Any] = {"site": {"name": "s", "timezone": "UTC"}}
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/e.db", tmp_path, clock) as database:
        tags = list(await database.plants.save(document, plant))
        await database.writer.put_all(batches(tags, scan_s, reading_s))
        await database.rollups.catch_up()
        await database.retention.work()
        accounting = EnergyAccounting(lambda: plant, lambda: tags, database.samples, database.states, clock)
        yield Kept(database, accounting, clock)


async def rows_left(database: Database) -> dict[str, int]:
    found = {}
    for table in (tables.sample, tables.rollup_1m, tables.rollup_15m, tables.rollup_1h):
        async with database.plants._store.read() as connection:
            found[table.name] = len((await connection.execute(table.select())).all())
    return found


@pytest.mark.parametrize(("scan_s", "reading_s"), [(60, 60), (300, 300), (10, 60)])
async def test_windows_older_than_the_samples_keep_their_energy(tmp_path: Path, scan_s: int, reading_s: int) -> None:
    async with kept(tmp_path, scan_s, reading_s) as shop:
        windows = [(BEGIN, BEGIN + 48 * HOUR), (BEGIN + 8 * HOUR, BEGIN + 16 * HOUR), (BEGIN + HOUR, BEGIN + 2 * HOUR)]
        fresh = [await shop.accounting.account(M, *window) for window in windows]
        assert [a.energy_kwh for a in fresh] == pytest.approx([truth(*w, scan_s) for w in windows])
        await shop.age(100)
        assert (await rows_left(shop.database))["sample"] == 0
        old = [await shop.accounting.account(M, *window) for window in windows]
        assert [a.energy_kwh for a in old] == pytest.approx([a.energy_kwh for a in fresh], rel=1e-9)
        for before, after in zip(fresh, old, strict=True):
            assert after.completeness == pytest.approx(1.0, abs=0.01)
            assert after.by_state_kwh == pytest.approx(before.by_state_kwh, abs=0.15)


@pytest.mark.parametrize(("days", "gone"), [(100, ["sample"]), (450, ["sample", "rollup_1m"]), (1600, ["sample", "rollup_1m", "rollup_15m"])])
async def test_neighbouring_old_windows_add_up_to_the_counters_difference(tmp_path: Path, days: int, gone: list[str]) -> None:
    """Borders at odd seconds too: whatever tier is left, nothing is counted twice and nothing is lost."""
    random.seed(7)
    async with kept(tmp_path, 60, 300) as shop:
        await shop.age(days)
        left = await rows_left(shop.database)
        assert [name for name, count in left.items() if count == 0] == gone
        begin, end = BEGIN + HOUR, BEGIN + 49 * HOUR
        whole = await shop.kwh(begin, end)
        assert whole == pytest.approx(truth(begin, end, 60), rel=1e-9)
        for _ in range(4):
            borders = [begin, *sorted(random.randrange(begin + 1, end) for _ in range(6)), end]
            parts = [await shop.kwh(a, b) for a, b in pairwise(borders)]
            assert sum(parts) == pytest.approx(whole, rel=1e-9)


async def test_windows_on_both_sides_of_what_is_kept_add_up(tmp_path: Path) -> None:
    """The first day is older than samples are relied on, the second is not."""
    async with kept(tmp_path, 60, 300) as shop:
        await shop.age(78)
        assert [shop.accounting.has_samples(BEGIN + day * DAY) for day in (0, 1)] == [False, True]
        begin, end = BEGIN + HOUR, BEGIN + 49 * HOUR
        whole = await shop.kwh(begin, end)
        assert whole == pytest.approx(truth(begin, end, 60), rel=1e-9)
        borders = [begin, BEGIN + 7 * HOUR + 61 * S, BEGIN + 23 * HOUR + 3 * S, BEGIN + 24 * HOUR + 777 * S, BEGIN + 31 * HOUR, end]
        parts = [await shop.kwh(a, b) for a, b in pairwise(borders)]
        assert sum(parts) == pytest.approx(whole, rel=1e-9)


async def test_states_of_an_old_window_carry_its_energy(tmp_path: Path) -> None:
    async with kept(tmp_path, 60, 300) as shop:
        await shop.age(100)
        found = await shop.accounting.states(M, BEGIN + 8 * HOUR, BEGIN + 16 * HOUR)
        assert sum(i.energy_kwh or 0.0 for i in found) == pytest.approx(truth(BEGIN + 8 * HOUR, BEGIN + 16 * HOUR, 60), rel=1e-9)
        assert len({i.state for i in found}) == 2, "idling and work are still told apart"
