"""Baselines and balance findings come back as they were stored, on every database."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from database.open import open_database
from domain.balance import BalanceFinding, BalanceRun, FaultKind
from domain.baseline import Baseline, BaselineDefinition, BaselineFit, Coefficient, Period, Reason, Variable, VariableKind
from tests.conftest import FakeClock

T = 1_763_548_800_000_000
DAY = 86_400_000_000


def baseline(name: str = "Цех по деталям") -> Baseline:
    variables = (
        Variable("parts", VariableKind.PARTS, "lathe-1", unit="1"),
        Variable("hdd", VariableKind.HEATING, "weather.temperature", base_c=18.0, unit="K·d"),
    )
    coefficients = (Coefficient("parts", 0.85, 0.01, 1e-9, 300.0, 520.0, 1.1), Coefficient("hdd", 3.1, None, None, 0.0, 20.0))
    fit = BaselineFit(
        60, 2, 120.0, coefficients, 0.93, 0.92, 0.04, 0.0, 4.1, 1.3, ((1.0, 0.1, 0.2), (0.1, 2.0, 0.3), (0.2, 0.3, 3.0)), 1.67, 480.0,
        (Reason("missing", {"missing": 2.0, "total": 62.0}, blocking=False),),
    )
    return Baseline(0, BaselineDefinition(name, "section:Токарный", Period.DAY, variables, T, T + 62 * DAY), fit, 1, 1, T, "инженер")


async def test_a_baseline_is_stored_in_versions(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        first = await database.baselines.save(baseline())
        second = await database.baselines.save(dataclasses.replace(baseline(), fitted_us=T + 1))
        other = await database.baselines.save(dataclasses.replace(baseline("other"), fitted_us=T + 2))
        assert [(b.version, b.definition.name) for b in (first, second, other)] == [(1, "Цех по деталям"), (2, "Цех по деталям"), (1, "other")]
        assert await database.baselines.get(first.id) == first
        assert [b.id for b in await database.baselines.all()] == [other.id, second.id, first.id]
        await database.baselines.delete(second.id)
        assert await database.baselines.get(second.id) is None
        assert len(await database.baselines.all()) == 2


def run(from_us: int, *findings: BalanceFinding) -> BalanceRun:
    return BalanceRun(from_us, from_us + DAY, from_us + 2 * DAY, 1, findings)


def finding(from_us: int, device: str = "m1") -> BalanceFinding:
    return BalanceFinding(
        0, FaultKind.WRONG_RATIO, device, 0.9, from_us, from_us + DAY, {"factor": 2.0}, {"ratio": "missing"}, 1, from_us + 2 * DAY, from_us
    )


async def test_a_run_of_the_doctor_replaces_that_of_the_same_window(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        assert await database.balance.last_run() is None
        await database.balance.save_run(run(T, finding(T), finding(T, "m2")))
        again = await database.balance.save_run(run(T, finding(T, "m3")))
        assert [f.device_id for f in again.findings] == ["m3"]
        assert await database.balance.last_run() == again
        empty = await database.balance.save_run(run(T + DAY))
        assert await database.balance.last_run() == empty
        assert await database.balance.last_run(T + DAY) == again
        assert await database.balance.between(T + DAY // 2, T + DAY) == list(again.findings)
        assert await database.balance.between(T + DAY, T + 2 * DAY) == []
