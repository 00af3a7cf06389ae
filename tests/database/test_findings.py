"""Findings, detectors' memory and anomaly models on every database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from database.open import open_database
from domain.errors import StorageError
from domain.finding import AnomalyModel, Contribution, Evidence, Finding, Severity
from tests.conftest import FakeClock

T = 1_763_548_800_000_000
MIN = 60_000_000
FINDING = Finding(
    "long_idle", 1, "lathe", T, None, Severity.LOW, (Evidence("duration", 31.0, "min", 30.0), Evidence("power_mean", 2.4, "kW")),
    1.24, 10.2, (Contribution("power", 0.75), Contribution("current_l1", 0.25)), "Деталь «А»",
)  # fmt: skip


async def test_findings_are_updated_in_place_and_found_by_overlap(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        store = database.findings
        await store.save_findings(
            [FINDING, replace(FINDING, rule="dry_run"), replace(FINDING, subject="mill", from_us=T - 90 * MIN, to_us=T)]
        )
        await store.save_findings([replace(FINDING, to_us=T + 40 * MIN, waste_kwh=1.6, severity=Severity.MEDIUM)])
        await store.save_findings([])
        window = await store.findings(T, T + MIN)
        assert [(f.rule, f.subject) for f in window] == [("dry_run", "lathe"), ("long_idle", "lathe")]
        assert window[1] == replace(FINDING, to_us=T + 40 * MIN, waste_kwh=1.6, severity=Severity.MEDIUM)
        assert [f.rule for f in await store.findings(T + 50 * MIN, T + 60 * MIN)] == ["dry_run"]  # it still lasts
        assert [f.subject for f in await store.findings(T - MIN, T)] == ["mill"]
        assert [f.subject for f in await store.findings(0, T + MIN, subject="mill")] == ["mill"]
        assert [f.rule for f in await store.findings(0, T + MIN, rule="dry_run")] == ["dry_run"]
        assert len(await store.findings(0, T + MIN, limit=1)) == 1


async def test_memory_of_detectors_is_replaced(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        await database.findings.save_memory({"long_idle:lathe": "{}", "dry_run:lathe": '{"a": 1}'})
        await database.findings.save_memory({"long_idle:lathe": '{"b": 2}'})
        assert await database.findings.memory() == {"long_idle:lathe": '{"b": 2}', "dry_run:lathe": '{"a": 1}'}


async def test_models_keep_their_versions_and_hold_numbers_only(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        model = AnomalyModel("lathe", 1, T, T - 10 * MIN, T, 10, "petrov", {"centre": [1.0, 2.5], "channels": ["power"]})
        await database.findings.save_model(model)
        await database.findings.save_model(replace(model, version=2))
        assert [m.version for m in await database.findings.models("lathe")] == [2, 1]
        assert (await database.findings.models())[1] == model
        assert await database.findings.models("mill") == []
        with pytest.raises(StorageError):
            await database.findings.save_model(model)
        with pytest.raises(ValueError, match="JSON"):
            await database.findings.save_model(replace(model, version=3, numbers={"centre": [float("nan")]}))
