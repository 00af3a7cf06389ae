"""Energy accounts: the worked example, exact sums over nights and summer time, gaps, exchanges, live tail, recordings."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from analysis.accounting import EnergyAccounting
from analysis.calendar import Calendar, to_us
from analysis.efficiency import Inputs, evaluate, together
from analysis.energy import (
    average_kw,
    idle_share,
    load_factor,
    power_factor_of,
    projected_demand_kw,
    tangent_phi,
)
from domain.errors import NotFound
from domain.plant import Device, Plant, Tag
from domain.state import MachineState, StateInterval, StateThresholds
from tests.analysis.fakes import H, MemoryHistory, MemoryStates, S, load, meter_device, plant_of
from tests.conftest import FakeClock

CUT, IDLE, OFF, LOST = MachineState.PRODUCTION, MachineState.IDLE, MachineState.OFF, MachineState.NO_DATA
NINE = ((6.0, 3 * 3600), (2.4, 7 * 1800), (0.1, 3 * 1800))  # formulas.md, worked example of one 8 h shift


class Shop:
    """A plant with its accounting, in memory."""

    def __init__(self, *devices: Device, zone: str = "Europe/Moscow", thresholds: StateThresholds | None = None) -> None:
        thresholds = thresholds or StateThresholds(0.3, 3.0, 10)
        self.plant, self.tags = plant_of(*(devices or (meter_device("d1"),)), zone=zone, thresholds=thresholds)
        self.history, self.states, self.clock = MemoryHistory(), MemoryStates(), FakeClock()
        self.accounting = EnergyAccounting(
            self.plant_now, self.tags_now, self.history, self.states, self.clock, kept_days={}
        )  # nothing is ever deleted from the memory
        self.calendar = Calendar(zone, self.plant.shifts)

    def plant_now(self) -> Plant:
        return self.plant

    def tags_now(self) -> Sequence[Tag]:
        return self.tags

    def id_of(self, name: str) -> int:
        return next(tag.id for tag in self.tags if tag.name == name)

    def at(self, *when: int) -> int:
        return to_us(datetime(*when, tzinfo=self.calendar.zone))  # type: ignore[arg-type, misc]

    def now(self, time_us: int) -> None:
        self.clock.step_wall((time_us - self.clock.now_us()) / 1e6)

    def load(self, start_us: int, parts: Sequence[tuple[float, int]], **more: int) -> float:
        return load(self.history, self.tags, "d1", start_us, parts, **more)


async def test_worked_example_of_one_shift() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    assert shop.load(start, NINE) == pytest.approx(26.55)
    shop.now(start + 24 * H)
    account = await shop.accounting.account("d1-m", start, start + 8 * H)
    assert account.energy_kwh == pytest.approx(26.55, abs=1e-9)
    assert account.by_state_kwh[CUT] == pytest.approx(18.0, abs=0.01)
    assert account.by_state_kwh[IDLE] == pytest.approx(8.4, abs=0.01)
    assert account.by_state_kwh[OFF] == pytest.approx(0.15, abs=0.001)
    assert account.by_state_s == {CUT: 3 * 3600, IDLE: 3.5 * 3600, OFF: 1.5 * 3600}
    assert (account.source, account.estimated_kwh, account.completeness, account.running) == ("counter", 0.0, 1.0, False)
    card = await shop.accounting.efficiency("d1-m", start, start + 8 * H)
    assert card.value == pytest.approx(0.678, abs=5e-4)
    assert (card.card, card.formula, card.complete, card.account) == ("K1", "E_prod / E_total", True, account)
    assert idle_share(account) == pytest.approx(0.316, abs=5e-4)
    average = average_kw(account)
    assert average == pytest.approx(3.319, abs=5e-4)
    assert load_factor(average or 0, 9.0) == pytest.approx(0.369, abs=5e-4)


def test_worked_figures_of_reactive_energy_and_demand() -> None:
    assert tangent_phi(35.0, 100.0) == pytest.approx(0.35)
    assert projected_demand_kw(42, 20 * 60, 110, 30 * 60) == pytest.approx(120.7, abs=0.05)


@pytest.mark.parametrize(("zone", "day"), [
    ("Europe/Berlin", date(2026, 3, 28)), ("Europe/Berlin", date(2026, 10, 24)), ("Europe/Moscow", date(2026, 3, 28)),
])  # fmt: skip
async def test_shifts_days_and_hours_add_up_to_the_counter_over_nights_and_summer_time(zone: str, day: date) -> None:
    shop = Shop(zone=zone)
    start = shop.at(day.year, day.month, day.day, 7)
    # readings 17 s beside the full minute: every border has to be interpolated
    kwh = shop.load(start - 3583 * S, [(4.0 + (i % 7), 1777) for i in range(110)], step_s=10)
    series = shop.history.series[shop.id_of("d1.energy_import")]
    windows = [w for d in range(2) for w in shop.accounting.shifts_of_day(day + timedelta(days=d))]
    shop.now(windows[-1].to_us + 2 * H)

    def count_at(time_us: int) -> float:
        (t0, v0), (t1, v1) = next((a[:2], b[:2]) for a, b in pairwise(series) if a[0] <= time_us < b[0])
        assert v0 is not None
        assert v1 is not None
        return v0 + (v1 - v0) * (time_us - t0) / (t1 - t0)

    accounts = [await shop.accounting.account("d1-m", w.from_us, w.to_us) for w in windows]
    for w, account in zip(windows, accounts, strict=True):
        assert account.energy_kwh == pytest.approx(count_at(w.to_us) - count_at(w.from_us), abs=1e-9)
        assert sum(account.by_state_kwh.values()) == pytest.approx(account.energy_kwh, abs=1e-9)
        assert sum(account.by_state_s.values()) * S == w.to_us - w.from_us
    total = sum(a.energy_kwh or 0 for a in accounts)
    assert total == pytest.approx(count_at(windows[-1].to_us) - count_at(windows[0].from_us), abs=1e-9)
    assert total < kwh
    hours = await shop.accounting.energy("hour", windows[0].from_us, windows[-1].to_us)
    assert len(hours) == {("Europe/Berlin", 3): 47, ("Europe/Berlin", 10): 49}.get((zone, day.month), 48)
    assert sum(a.energy_kwh or 0 for a in hours) == pytest.approx(total, abs=1e-9)
    shifts = await shop.accounting.energy("shift", windows[0].from_us, windows[-1].to_us)
    assert [a.label for a in shifts] == ["1", "2", "3"] * 2
    assert sum(a.energy_kwh or 0 for a in shifts) == pytest.approx(total, abs=1e-9)


async def test_a_minute_is_shared_by_power_not_by_time() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(0.6, 30), (6.0, 30)] * 60)  # every minute half idle, half cutting
    shop.now(start + 2 * H)
    account = await shop.accounting.account("d1-m", start, start + H)
    assert account.by_state_kwh[CUT] == pytest.approx(3.0, rel=0.01)
    assert account.by_state_kwh[IDLE] == pytest.approx(0.3, rel=0.01)


async def test_a_gap_inside_is_measured_and_a_gap_over_the_border_is_estimated() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 4 * 3600)])
    for name in ("d1.energy_import", "d1.active_power"):
        rows = shop.history.series[shop.id_of(name)]
        shop.history.series[shop.id_of(name)] = [r for r in rows if not start + H < r[0] < start + 3 * H]
    shop.now(start + 10 * H)
    whole = await shop.accounting.account("d1-m", start, start + 4 * H)
    assert whole.energy_kwh == pytest.approx(24.0)
    assert whole.estimated_kwh == 0.0
    assert whole.completeness == pytest.approx(0.5, abs=0.01)
    assert whole.by_state_kwh[LOST] == pytest.approx(12.0, abs=0.1)
    half = await shop.accounting.account("d1-m", start, start + 2 * H)
    assert half.energy_kwh == pytest.approx(12.0)
    assert half.estimated_kwh == pytest.approx(6.0)
    card = await shop.accounting.efficiency("d1-m", start, start + 4 * H)
    assert not card.complete


async def test_an_exchanged_meter_adds_nothing_unknown_and_the_total_never_falls() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 3600)], count_from=9000)
    shop.load(start + H + 60 * S, [(6.0, 3600 - 60)], count_from=3)
    shop.now(start + 10 * H)
    account = await shop.accounting.account("d1-m", start, start + 2 * H)
    assert account.energy_kwh == pytest.approx(12.0 - 0.1)
    assert account.completeness == pytest.approx(1 - 60 / 7200, abs=0.002)


async def test_rollover_inside_a_shift_is_right_to_the_last_digit() -> None:
    shop = Shop()
    shop.tags = [t if t.point != "energy_import" else Tag(t.id, t.name, t.device_id, t.point, t.quantity, t.unit, t.group,
                 t.interval_s, wrap_at=1000.0, max_rate=20 / 3600) for t in shop.tags]  # fmt: skip
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 8 * 3600)], count_from=980)
    key = shop.id_of("d1.energy_import")
    shop.history.series[key] = [(t, (v or 0) % 1000, q) for t, v, q in shop.history.series[key]]
    shop.now(start + 10 * H)
    assert (await shop.accounting.account("d1-m", start, start + 8 * H)).energy_kwh == pytest.approx(48.0, abs=1e-6)


async def test_without_a_counter_power_is_integrated_and_says_so() -> None:
    shop = Shop(meter_device("d1", counter=False))
    start = shop.at(2026, 6, 10, 7)
    load(shop.history, shop.tags, "d1", start, NINE)
    shop.now(start + 9 * H)
    account = await shop.accounting.account("d1-m", start, start + 8 * H)
    assert account.energy_kwh == pytest.approx(26.55)
    assert account.source == "integrated_power"
    assert account.estimated_kwh == pytest.approx(26.55)


async def test_the_running_shift_moves_between_counter_readings() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 3600)])
    for after_s, kwh in ((30, 0.05), (45, 0.075), (75, 0.125)):
        now = start + after_s * S
        visible = {key: [r for r in rows if r[0] <= now] for key, rows in shop.history.series.items()}
        live = Shop()
        live.history.series = visible
        live.now(now)
        account = await live.accounting.account("d1-m", start, start + 8 * H)
        assert account.running
        assert account.energy_kwh == pytest.approx(kwh)
        assert account.estimated_kwh == pytest.approx(kwh - (0.1 if after_s >= 60 else 0))
        assert account.completeness == pytest.approx(1.0)
        assert sum(account.by_state_s.values()) == after_s
    stale = Shop()
    stale.history.series = visible
    stale.now(start + 2 * H)  # the meter is dead: no estimate stands in for it
    account = await stale.accounting.account("d1-m", start, start + 8 * H)
    assert account.energy_kwh == pytest.approx(0.1)
    assert account.completeness < 0.02


async def test_nothing_known_is_none_not_zero() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.now(start + 8 * H)
    account = await shop.accounting.account("d1-m", start, start + 8 * H)
    assert (account.energy_kwh, account.completeness) == (None, 0.0)
    assert (await shop.accounting.efficiency("d1-m", start, start + 8 * H)).value is None
    future = await shop.accounting.account("d1-m", start + 20 * H, start + 28 * H)
    assert (future.energy_kwh, future.running) == (None, True)
    assert await shop.accounting.energy("shift", start + 9 * H, start + 48 * H) == []
    with pytest.raises(NotFound):
        await shop.accounting.account("d9-m", start, start + H)


async def test_stored_states_win_over_power_and_carry_their_energy() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 3600)])
    shop.now(start + H)
    await shop.states.save_states([
        StateInterval("d1-m", IDLE, start - H, start + H // 2), StateInterval("d1-m", CUT, start + H // 2, None),
    ])  # fmt: skip
    found = await shop.accounting.states("d1-m", start, start + 8 * H)
    assert [(i.state, i.from_us - start, i.to_us) for i in found] == [(IDLE, 0, start + H // 2), (CUT, H // 2, None)]
    assert [i.energy_kwh for i in found] == [pytest.approx(3.0), pytest.approx(3.0)]


async def test_a_refresh_reads_only_what_can_still_change_and_late_samples_are_taken_in() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 8 * 3600)])
    shop.now(start + 7 * H + 20 * 60 * S)
    await shop.accounting.account("d1-m", start, start + 8 * H)
    shop.history.rows = 0
    shop.now(start + 7 * H + 20 * 60 * S + 5 * S)
    await shop.accounting.account("d1-m", start, start + 8 * H)
    assert shop.history.rows < 3 * 900
    ids = shop.id_of("d1.energy_import")
    shop.history.series[ids] = [(t, (v or 0) + (1.0 if t > start + H else 0.0), q) for t, v, q in shop.history.series[ids]]
    shop.accounting.invalidate(start, start + 8 * H, "d1-m")
    account = await shop.accounting.account("d1-m", start, start + 8 * H)
    assert account.energy_kwh == pytest.approx(6.0 * (7 + 20.0833 / 60) + 1.0, abs=0.01)


async def test_a_reading_that_comes_days_later_still_fills_the_gap() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 3600)])
    shop.now(start + 48 * H)
    before = await shop.accounting.account("d1-m", start, start + 8 * H)
    assert before.energy_kwh == pytest.approx(6.0)
    shop.history.put(shop.id_of("d1.energy_import"), [(start + 48 * H, 100 + 6.0 + 47.0, 0)])
    shop.now(start + 48 * H + 120 * S)
    after = await shop.accounting.account("d1-m", start, start + 8 * H)
    assert after.energy_kwh == pytest.approx(6.0 + 7.0)
    assert after.estimated_kwh == pytest.approx(7.0)


async def test_a_long_span_equals_its_shifts_and_uses_roll_ups() -> None:
    shop = Shop(meter_device("d1", scan_s=5.0))
    start = shop.at(2026, 6, 8, 7)
    shop.load(start, [(0.6, 1800), (6.0, 1800)] * 72, step_s=5)
    shop.now(start + 90 * H)
    whole = await shop.accounting.account("d1-m", start, start + 72 * H)
    parts = [await shop.accounting.account("d1-m", start + i * 8 * H, start + (i + 1) * 8 * H) for i in range(9)]
    assert whole.energy_kwh == pytest.approx(sum(p.energy_kwh or 0 for p in parts), abs=1e-9)
    assert whole.by_state_kwh[CUT] == pytest.approx(sum(p.by_state_kwh[CUT] for p in parts), rel=0.005)
    total = together([evaluate("K1", Inputs(part)) for part in parts])
    assert total.value == pytest.approx(total.numerator_kwh / total.denominator_kwh)
    assert total.denominator_kwh == pytest.approx(whole.energy_kwh)


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


async def test_steel_works_shifts_equal_the_recording(shared_data: Callable[..., Path]) -> None:
    rows = rows_of(shared_data("data", "steel-2018", "steel_2018_01-07.csv.gz"))
    shop = Shop(zone="Asia/Seoul")
    shop.plant = Plant(shop.plant.site, tuple(
        type(s)(name, s.start.replace(hour=b), s.end.replace(hour=e), s.days)
        for s, name, b, e in zip(shop.plant.shifts, ("A", "B", "C"), (6, 14, 22), (14, 22, 6), strict=True)
    ), machines=shop.plant.machines, devices=shop.plant.devices)  # fmt: skip
    begin, count = to_us(datetime(2018, 1, 1, tzinfo=Calendar("Asia/Seoul").zone)), 0.0
    readings: list[tuple[int, float | None, int]] = [(begin, 0.0, 0)]
    for i, row in enumerate(rows, 1):  # rows are in true order, 15 min apart, whatever the midnight stamp says
        count += float(row["Usage_kWh"])
        readings.append((begin + i * 900 * S, count, 0))
    shop.history.put(shop.id_of("d1.energy_import"), readings)
    shop.now(readings[-1][0] + H)
    expected = {5: (1587.02, 1983.38, 190.13), 6: (1677.99, 1890.20, 122.30), 7: (1737.49, 1646.22, 108.24)}
    for day, kwh in expected.items():
        windows = shop.accounting.shifts_of_day(date(2018, 3, day))
        found = [(await shop.accounting.account("d1-m", w.from_us, w.to_us)).energy_kwh for w in windows]
        assert found == [pytest.approx(value, abs=0.005) for value in kwh]
    total = await shop.accounting.account("d1-m", begin, readings[-1][0])
    assert total.energy_kwh == pytest.approx(602874.17, abs=0.01)
    days = await shop.accounting.energy("day", begin, readings[-1][0])
    assert len(days) == 212
    assert sum(a.energy_kwh or 0 for a in days) == pytest.approx(602874.17, abs=0.01)


@pytest.mark.parametrize(("column", "kwh"), [("grid_import", 3228.783), ("grid_export", 6088.229), ("heat_pump", 2222.020)])
async def test_real_counters_give_the_same_energy_with_and_without_gaps(
    shared_data: Callable[..., Path], column: str, kwh: float
) -> None:
    rows = rows_of(shared_data("data", "meter-counters-opsd", "residential4_counters_60min_part1.csv.gz"))
    name = next(key for key in rows[0] if key.endswith(column))
    readings = [
        (to_us(datetime.fromisoformat(row["utc_timestamp"]).replace(tzinfo=UTC)), float(row[name]))
        for row in rows
        if row[name]
    ]
    assert len(readings) > 5000
    found = []
    for drop in (1, 7):  # every reading, then only each seventh: holes of 7 h and more
        shop = Shop(zone="Europe/Berlin")
        kept = [r for i, r in enumerate(readings) if i % drop == 0 or i == len(readings) - 1]
        shop.history.put(shop.id_of("d1.energy_import"), [(t, v, 0) for t, v in kept])
        shop.now(readings[-1][0] + 48 * H)
        accounts = await shop.accounting.energy("day", readings[0][0] - 24 * H, readings[-1][0] + H)
        found.append(sum(a.energy_kwh or 0.0 for a in accounts))
    assert found == [pytest.approx(kwh, abs=1e-3)] * 2


@pytest.mark.parametrize(("name", "wh"), [("three_main", 715.78), ("two_main", 193.06)])
async def test_integrated_power_of_recorded_loads(shared_data: Callable[..., Path], name: str, wh: float) -> None:
    with shared_data("data", "pq-lab-1hz", f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = next(key for key in rows[0] if key.strip().startswith("Active"))
    shop = Shop(meter_device("d1", counter=False))
    start = shop.at(2026, 6, 10, 7)
    samples = [(start + i * S, float(row[column]) / 1000, 0) for i, row in enumerate(rows)]
    shop.history.put(shop.id_of("d1.active_power"), samples)
    shop.now(samples[-1][0] + H)
    account = await shop.accounting.account("d1-m", start, samples[-1][0] + S)
    assert (account.energy_kwh or 0) * 1000 == pytest.approx(wh, abs=0.01)


def test_power_factor_of_the_steel_works_equals_the_meter(shared_data: Callable[..., Path]) -> None:
    rows = rows_of(shared_data("data", "steel-2018", "steel_2018_01-07.csv.gz"))
    checked = 0
    for row in rows:
        found = power_factor_of(float(row["Lagging_Current_Reactive.Power_kVarh"]), float(row["Usage_kWh"]))
        if found is not None:
            assert abs(100 * found - float(row["Lagging_Current_Power_Factor"])) < 0.01
            checked += 1
    assert checked > 20_000
