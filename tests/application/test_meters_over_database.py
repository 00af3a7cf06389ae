"""Baselines and the balance over samples that really lie in a database: gaps, a first half day, a meter that reads half."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analysis.alerts import AlertEngine
from analysis.balance_doctor import BalanceDoctor
from analysis.baseline_data import BaselineData
from analysis.calendar import Calendar
from database.open import Database, open_database
from domain.balance import FaultKind
from domain.baseline import BaselineDefinition, Period, Variable, VariableKind
from domain.plant import Plant, Tag
from domain.production import PartCount
from domain.sample import Batch
from tests.analysis.fakes import meter_device, plant_of
from tests.conftest import FakeClock

MIN, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
DAY_1 = Calendar("Europe/Moscow").day_window(date(2026, 3, 3)).from_us
BEGIN = DAY_1 - 12 * HOUR  # samples begin at noon of the day before
METERS = ("main", "m1", "m2")
STEP_S = 300


def kw(device: str, at: int) -> float:
    """m2 swings, m1 works by the hour; main is their sum."""
    if device == "main":
        return kw("m1", at) + kw("m2", at)
    hour = at / HOUR
    return 6.0 + 3.0 * math.sin(hour * 1.3) if device == "m2" else (8.0 if int(hour) % 5 < 3 else 1.0)


def batches(tags: list[Tag], factor: dict[str, float], lost: tuple[int, int]) -> Iterator[Batch]:
    """Power and counter each five minutes up to an hour after day 2; all meters silent in `lost`."""
    count = dict.fromkeys(METERS, 1000.0)
    for at in range(BEGIN, DAY_1 + 2 * DAY + HOUR, STEP_S * 1_000_000):
        for device in METERS:
            shown = kw(device, at) * factor.get(device, 1.0)
            if not lost[0] <= at < lost[1]:
                mine = {tag.point: tag.id for tag in tags if tag.device_id == device}
                yield Batch(device, at, (mine["active_power"], mine["energy_import"]), [shown, round(count[device], 4)], [0, 0])
            count[device] += shown * STEP_S / 3600


async def filled(database: Database, factor: dict[str, float], lost: tuple[int, int] = (0, 0)) -> tuple[Plant, list[Tag]]:
    devices = [meter_device(name, scan_s=float(STEP_S)) for name in METERS]
    plant, _ = plant_of(*devices)
    plant = replace(plant, site=replace(plant.site, main_meter="main"), machines=plant.machines[1:])
    document: dict[str, Any] = {"site": {"name": "s", "timezone": "Europe/Moscow"}}
    tags = list(await database.plants.save(document, plant))
    await database.writer.put_all(batches(tags, factor, lost))
    return plant, tags


class NoParts:
    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        return PartCount(machine_id, from_us, to_us, None, 0.0)


def doctor_of(database: Database, plant: Plant, tags: list[Tag], clock: FakeClock) -> BalanceDoctor:
    calendar = Calendar.of(plant)
    alerts = AlertEngine(database.alerts, database.audit, clock)
    return BalanceDoctor(
        lambda: plant, lambda: tags, database.samples, database.states, lambda: calendar, database.balance, alerts, clock
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(DAY_1 + 2 * DAY + HOUR)


async def test_the_days_energy_is_that_of_the_counter_and_the_first_half_day_is_unknown(tmp_path: Path, clock: FakeClock) -> None:
    """Three silent hours inside day 2 lose nothing of it; hours cut by that gap are not taken for measured."""
    lost = (DAY_1 + DAY + 5 * HOUR + 7 * MIN, DAY_1 + DAY + 8 * HOUR + 7 * MIN)
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/e.db", tmp_path / "data", clock) as database:
        plant, tags = await filled(database, {}, lost)
        data = BaselineData(lambda: plant, lambda: tags, database.samples, database.states, NoParts(), lambda: Calendar.of(plant), clock)
        variable = Variable("u", VariableKind.TAG, "m2.active_power")
        definition = BaselineDefinition("b", "site", Period.DAY, (variable,), BEGIN, DAY_1 + 2 * DAY)
        rows = await data.rows(definition, DAY_1 - DAY, DAY_1 + 2 * DAY)
        truth = [sum(kw("main", at) for at in range(DAY_1 + n * DAY, DAY_1 + (n + 1) * DAY, STEP_S * 1_000_000)) / 12 for n in (0, 1)]
        assert rows[0].energy_kwh is None
        assert [row.energy_kwh for row in rows[1:]] == pytest.approx(truth, abs=0.02)
        assert rows[1].values[0] == pytest.approx(6.0, abs=0.2)
        hours = await data.rows(replace(definition, period=Period.HOUR), DAY_1 + DAY, DAY_1 + 2 * DAY)
        assert [n for n, row in enumerate(hours) if row.energy_kwh is None] == [5, 6, 7, 8]


async def test_the_doctor_over_a_database(tmp_path: Path, clock: FakeClock) -> None:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/e.db", tmp_path / "data", clock) as database:
        plant, tags = await filled(database, {})
        report = await doctor_of(database, plant, tags, clock).report(DAY_1, DAY_1 + DAY)
        (node,) = report.nodes
        assert (node.device_id, node.children, node.status, node.completeness) == ("main", ("m1", "m2"), "within", 1.0)
        assert [m.status for m in report.meters] == ["within"] * 3
        assert report.findings == ()


async def test_a_meter_that_reads_half_is_found_and_stored(tmp_path: Path, clock: FakeClock) -> None:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/e.db", tmp_path / "data", clock) as database:
        plant, tags = await filled(database, {"m2": 0.5})
        run = await doctor_of(database, plant, tags, clock).look()
        assert run is not None
        assert run.from_us == DAY_1 + DAY
        (found,) = run.findings
        assert (found.kind, found.device_id) == (FaultKind.WRONG_RATIO, "m2")
        assert found.figures["factor"] == pytest.approx(2.0, rel=0.01)
        assert await database.balance.last_run() == run
