"""The balance doctor as a service: yesterday once, findings that last raise an alert, healthy meters return it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any

import numpy as np
import pytest

from analysis.alerts import AlertEngine
from analysis.balance_doctor import BalanceDoctor, digit_of
from analysis.calendar import Calendar
from domain.balance import BalanceFinding, BalanceRun, FaultKind, Metering
from domain.errors import ConfigError, NotFound
from domain.plant import Plant, ShiftPattern, Site, tags_of
from domain.ports import RollupRow, RollupSeries, Step
from domain.sample import TagId
from tests.analysis.fakes import MemoryAlerts, MemoryAudit, MemoryStates, meter_device, plant_of
from tests.conftest import FakeClock

DAY = 86_400_000_000
QUARTER = 900_000_000
START = Calendar("Europe/Moscow").day_window(date(2026, 3, 2)).from_us


class QuarterHistory:
    """Roll-ups of meters whose load is a function of time; `factor` of a meter's reading, by device."""

    def __init__(self, tags: list[Any]) -> None:
        self.tags = {tag.id: tag for tag in tags}
        self.factor: dict[str, float] = {}
        self.silent: set[str] = set()

    def kw(self, device_id: str, at: int) -> float:
        if device_id == "main":
            return sum(self.kw(d, at) for d in ("m1", "m2", "m3"))
        n = int(device_id[1:])
        rng = np.random.default_rng(at // QUARTER * 7 + n)
        return n * 2.0 * (1 if (at // (QUARTER * (n + 2))) % 3 else 0.2) + float(rng.uniform(0, 0.5))

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        tag, rows, count = self.tags[tag_id], [], 1000.0
        width = step.seconds * 1_000_000
        for at in range(-(-from_us // width) * width, to_us, width):
            if tag.device_id in self.silent:
                continue
            kw = self.kw(tag.device_id, at) * self.factor.get(tag.device_id, 1.0)
            if tag.point == "active_power":
                rows.append(RollupRow(at, 900, 900, kw, kw, kw, kw, kw, width))
            else:
                grown = kw * width / 3.6e9
                rows.append(RollupRow(at, 15, 15, count, count, None, round(count, 2), round(count + grown, 2), width, grown, 0.0))
                count += grown
        return RollupSeries(tag_id, step, rows)


class MemoryRuns:
    def __init__(self) -> None:
        self.held: dict[int, BalanceRun] = {}

    async def save_run(self, run: BalanceRun) -> BalanceRun:
        assert all(f.from_us == run.from_us for f in run.findings)
        self.held[run.from_us] = replace(run, findings=tuple(replace(f, id=n) for n, f in enumerate(run.findings, 1)))
        return self.held[run.from_us]

    async def between(self, from_us: int, to_us: int, limit: int = 1000) -> list[BalanceFinding]:
        return [f for run in self.held.values() for f in run.findings if f.from_us < to_us and f.to_us > from_us]

    async def last_run(self, before_us: int | None = None) -> BalanceRun | None:
        known = [at for at in self.held if before_us is None or at < before_us]
        return self.held[max(known)] if known else None


class Rig:
    def __init__(self) -> None:
        devices = [meter_device("main"), *(meter_device(f"m{n}") for n in (1, 2, 3))]
        plant, _ = plant_of(*devices)
        self.plant = Plant(
            Site("s", "Europe/Moscow", main_meter="main"), (ShiftPattern("1", time(7), time(15), frozenset(range(7))),),
            plant.lines, plant.devices, plant.machines[1:],
        )  # fmt: skip
        tags = [replace(tag, id=TagId(n)) for n, tag in enumerate((t for d in devices for t in tags_of(d)), 1)]
        self.history, self.runs, self.store = QuarterHistory(tags), MemoryRuns(), MemoryAlerts()
        self.clock = FakeClock(START + 10 * DAY + 3600 * 1_000_000)
        self.alerts = AlertEngine(self.store, MemoryAudit(), self.clock)
        calendar = Calendar.of(self.plant)
        self.doctor = BalanceDoctor(
            lambda: self.plant, lambda: tags, self.history, MemoryStates(), lambda: calendar, self.runs, self.alerts, self.clock  # type: ignore[arg-type]
        )

    async def next_day(self) -> BalanceRun | None:
        await self.clock.advance(86400)
        return await self.doctor.look()


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_healthy_meters_balance(rig: Rig) -> None:
    report = await rig.doctor.report(START, START + DAY)
    (node,) = report.nodes
    assert (node.device_id, node.children, node.status) == ("main", ("m1", "m2", "m3"), "within")
    assert node.main_kwh == pytest.approx(node.sum_kwh)
    assert len(node.intervals) == 96
    assert [m.status for m in report.meters] == ["within"] * 4
    assert report.findings == ()


async def test_long_windows_are_taken_by_the_hour(rig: Rig) -> None:
    assert (await rig.doctor.report(START, START + 9 * DAY)).interval_s == 3600
    with pytest.raises(ConfigError, match="62 days"):
        await rig.doctor.report(START - 60 * DAY, START + 9 * DAY)


async def test_a_wrong_ratio_is_found_and_told_after_two_days(rig: Rig) -> None:
    await rig.doctor.look()
    assert await rig.doctor.look() is None  # each day once
    rig.history.factor["m3"] = 0.5
    first = await rig.next_day()
    assert first is not None
    assert [(f.kind, f.device_id) for f in first.findings] == [(FaultKind.WRONG_RATIO, "m3")]
    assert first.findings[0].figures["factor"] == pytest.approx(2.0, rel=0.02)
    assert rig.alerts.active() == []
    second = await rig.next_day()
    assert second is not None
    assert second.findings[0].since_us == first.from_us
    (alert,) = rig.alerts.active()
    assert (alert.key, alert.rule, alert.device_id, alert.detail) == ("balance:m3:wrong_ratio", "balance", "m3", "wrong_ratio")
    del rig.history.factor["m3"]
    await rig.next_day()
    assert not rig.alerts.standing("balance:m3:wrong_ratio")


async def test_a_report_is_remembered_for_a_minute(rig: Rig) -> None:
    first = await rig.doctor.report(START, START + DAY)
    rig.history.factor["m3"] = 0.5
    assert await rig.doctor.report(START, START + DAY) is first
    await rig.clock.advance(61)
    assert (await rig.doctor.report(START, START + DAY)).findings[0].device_id == "m3"


async def test_silent_meters_are_unknown_not_zero(rig: Rig) -> None:
    rig.history.silent.add("m2")
    report = await rig.doctor.report(START, START + DAY)
    assert report.nodes[0].status == "unknown"
    assert report.nodes[0].main_kwh is None
    assert report.findings == ()


async def test_a_meter_behind_a_board_is_not_counted_twice(rig: Rig) -> None:
    """m1 and m2 behind m3, which is the board's meter here."""
    moved = [replace(d, metering=Metering(fed_by="m3")) if d.id in {"m1", "m2"} else d for d in rig.plant.devices]
    rig.plant = replace(rig.plant, devices=tuple(moved))
    report = await rig.doctor.report(START, START + DAY)
    assert [(n.device_id, n.children) for n in report.nodes] == [("main", ("m3",)), ("m3", ("m1", "m2"))]


async def test_the_difference_can_be_opened(rig: Rig) -> None:
    found = await rig.doctor.explain("balance.difference", "site", START, START + DAY, {})
    assert found.value == pytest.approx(0.0, abs=1e-6)
    assert found.filters == ("meter=main", "sub-meter=m1", "sub-meter=m2", "sub-meter=m3")
    with pytest.raises(NotFound):
        await rig.doctor.explain("balance.difference", "site", START, START + DAY, {"meter": "m1"})


def test_the_last_digit_of_a_counter() -> None:
    assert digit_of([1204.0, 1209.0, 1300.0]) == 1.0
    assert digit_of([1204.25, 1204.5]) == 0.01
    assert digit_of([20 * 12.34, 20 * 12.35, 20 * 13.01], 20.0) == pytest.approx(0.2)
    assert digit_of([1 / 3, 2 / 7]) == 0.001
