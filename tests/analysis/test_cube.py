"""The cube: slots tile any window, cells add up to the counter, breaks and nights fall where they belong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.calendar import HOUR_US, Calendar, to_us
from analysis.cube import merged, rows_of, rule_of, slots_of, total_of
from domain.cube import CubeCell, Dimension
from domain.plant import ShiftPattern
from domain.state import MachineState
from domain.work_calendar import Break
from tests.analysis.fakes import DAILY, H, S, meter_device
from tests.analysis.test_accounting import CUT, IDLE, LOST, OFF, Shop

MEAL = Break("meal", time(3), time(3, 30))
SHIFTS = (
    ShiftPattern("1", time(7), time(15), DAILY, (Break("lunch", time(11), time(11, 45)),)),
    ShiftPattern("3", time(23), time(7), DAILY, (MEAL,)),
)
ZONES = ["Europe/Berlin", "Europe/Moscow", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 366), st.integers(0, 86_399), st.integers(1, 3 * 86_400))
def test_slots_tile_every_window(zone: str, day: int, second: int, length_s: int) -> None:
    calendar = Calendar(zone, SHIFTS)
    begin = to_us(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second))
    slots = slots_of(calendar, begin, begin + length_s * S)
    assert (slots[0].from_us, slots[-1].to_us) == (begin, begin + length_s * S)
    assert all(a.to_us == b.from_us for a, b in pairwise(slots))
    assert all(0 < slot.to_us - slot.from_us <= HOUR_US for slot in slots)
    shift_us = sum(min(w.to_us, slots[-1].to_us) - max(w.from_us, begin) for w in calendar.overlapping("shift", begin, slots[-1].to_us))
    assert sum(slot.to_us - slot.from_us for slot in slots if slot.shift) == shift_us


def test_night_and_its_break_belong_to_the_day_the_shift_began() -> None:
    calendar = Calendar("Europe/Moscow", SHIFTS)
    window = calendar.day_window(date(2026, 6, 11))
    meal = [slot for slot in slots_of(calendar, window.from_us, window.to_us) if slot.in_break and slot.shift == "3"]
    assert [(s.day, s.shift_day, s.hour, s.to_us - s.from_us) for s in meal] == [(date(2026, 6, 11), date(2026, 6, 10), 3, HOUR_US // 2)]


def test_the_rule_follows_the_calendar_of_its_own_day_only() -> None:
    day, other = date(2026, 6, 11), date(2026, 6, 20)

    def rule(calendar: Calendar, of: date) -> str:
        window = calendar.day_window(of)
        return rule_of(slots_of(calendar, window.from_us, window.to_us))

    plain, changed = Calendar("Europe/Moscow", SHIFTS), Calendar("Europe/Moscow", SHIFTS[:1])
    assert rule(plain, day) != rule(changed, day)
    assert rule(plain, other) == rule(Calendar("Europe/Moscow", SHIFTS), other)


async def cells(shop: Shop, from_us: int, to_us: int) -> Sequence[CubeCell]:
    return await shop.accounting.cube("d1-m", slots_of(shop.accounting.calendar, from_us, to_us))


def rows(found: Sequence[CubeCell], *by: Dimension) -> dict[object, float | None]:
    return {tuple(row.key.values()) if len(by) > 1 else row.key[by[0]]: row.energy_kwh for row in rows_of(found, by, lambda _m: "")}


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 10, 24), date(2026, 6, 10)])
async def test_cells_of_two_days_over_both_changes_of_summer_time_add_up_to_the_counter(day: date) -> None:
    """Two days around the change, power changing within minutes, borders that no reading hits."""
    shop = Shop(meter_device("d1", scan_s=10), zone="Europe/Berlin")
    start = shop.calendar.day_window(day).from_us
    end = shop.calendar.day_window(day + timedelta(days=2)).from_us
    seconds = (end - start) // S + 3600
    parts = [(kw, 97 + i % 7) for i in range(seconds // 100 + 40) for kw in ((0.05, 2.0, 6.5)[i % 3],)]
    shop.load(start - 37 * S, parts, step_s=10)
    shop.now(end + 2 * H)
    found = await cells(shop, start, end)
    exact, second = 0.0, -37
    for kw, length in parts:  # the truth from the parts, cut at the window
        low, high = max(second, 0), min(second + length, (end - start) // S)
        exact += kw * max(0, high - low) / 3600
        second += length
    total = total_of(rows_of(found, [Dimension.SHIFT], lambda _m: ""))
    assert total.energy_kwh == pytest.approx(exact, abs=0.12)  # borders cut a minute at both ends by time
    days = [await shop.accounting.account("d1-m", w.from_us, w.to_us) for w in shop.calendar.overlapping("day", start, end)]
    assert total.energy_kwh == pytest.approx(sum(account.energy_kwh or 0.0 for account in days), abs=1e-9)
    assert total.duration_us == end - start
    assert total.completeness == pytest.approx(1.0)
    for shift in ("1", "2", "3"):
        windows = [w for w in shop.calendar.overlapping("shift", start, end) if w.name == shift and start <= w.from_us and w.to_us <= end]
        accounts = [await shop.accounting.account("d1-m", w.from_us, w.to_us) for w in windows]
        mine = [c for c in found if c.slot.shift == shift and any(w.from_us <= c.slot.from_us < w.to_us for w in windows)]
        for state in (CUT, IDLE, OFF):
            by_state = math.fsum(c.energy_kwh or 0.0 for c in mine if c.state is state)
            assert by_state == pytest.approx(sum(a.by_state_kwh.get(state, 0.0) for a in accounts), abs=1e-9)
            seconds_in = sum(c.duration_us for c in mine if c.state is state) / 1e6
            assert seconds_in == pytest.approx(sum(a.by_state_s.get(state, 0.0) for a in accounts), abs=1e-6)


async def test_a_gap_is_shared_by_time_and_marked_uncertain() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 1800)])
    shop.load(start + 2 * H, [(6.0, 3600)], count_from=112.0)  # 3 kWh before, 9 kWh in the gap of 1.5 h
    shop.now(start + 24 * H)
    found = await cells(shop, start, start + 3 * H)
    assert rows(found, Dimension.HOUR) == {7: pytest.approx(6.0), 8: pytest.approx(6.0), 9: pytest.approx(6.0)}
    whole = total_of(rows_of(found, [Dimension.STATE], lambda _m: ""))
    assert whole.energy_kwh == pytest.approx(18.0, abs=1e-9)
    assert whole.uncertain_kwh == pytest.approx(9.0, abs=1e-6)
    assert whole.completeness == pytest.approx(0.5, abs=0.01)
    assert rows(found, Dimension.STATE)[LOST.value] == pytest.approx(9.0, abs=0.05)


async def test_without_a_counter_power_is_integrated_and_said_to_be() -> None:
    shop = Shop(meter_device("d1", counter=False))
    start = shop.at(2026, 6, 10, 7)
    shop.load(start, [(6.0, 3600)])
    shop.now(start + 24 * H)
    (row,) = rows_of(await cells(shop, start, start + H), [], lambda _m: "")
    assert row.energy_kwh == pytest.approx(6.0, abs=0.01)
    assert row.estimated_share == pytest.approx(1.0)


async def test_what_is_not_known_is_none_and_not_zero() -> None:
    shop = Shop()
    start = shop.at(2026, 6, 10, 7)
    shop.now(start + 24 * H)
    (row,) = rows_of(await cells(shop, start, start + 2 * H), [Dimension.STATE], lambda _m: "")
    assert (row.key[Dimension.STATE], row.energy_kwh, row.completeness) == (MachineState.NO_DATA.value, None, 0.0)


def test_rows_merge_by_sums_and_keep_unknown_apart_from_zero() -> None:
    calendar = Calendar("Europe/Moscow", SHIFTS)
    begin = calendar.day_window(date(2026, 6, 10)).from_us
    slots = slots_of(calendar, begin, begin + 2 * HOUR_US)
    found = [
        CubeCell("a", slots[0], IDLE, 0.1, 0.0, HOUR_US, HOUR_US), CubeCell("b", slots[0], IDLE, 0.2, 0.1, HOUR_US, HOUR_US),
        CubeCell("c", slots[1], LOST, None, 0.0, HOUR_US, 0),
    ]
    by_section = rows_of(found, [Dimension.SECTION], {"a": "X", "b": "X", "c": "Y"}.__getitem__)
    assert [(r.key[Dimension.SECTION], r.energy_kwh) for r in by_section] == [("X", pytest.approx(0.3)), ("Y", None)]
    by_both = rows_of(found, [Dimension.SECTION, Dimension.STATE], {"a": "X", "b": "X", "c": "Y"}.__getitem__)
    assert merged(by_both, [Dimension.SECTION]) == by_section
