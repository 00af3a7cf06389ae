"""Why a machine idled: each reason of the rule, cuts at borders, energies that add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from analysis.calendar import Calendar
from analysis.idle import clipped, idle_pieces, planned_time
from domain.idle import IdlePiece
from domain.state import MachineState as M
from domain.state import StateInterval
from domain.work_calendar import Break, ShiftPattern

ZONE = ZoneInfo("Europe/Moscow")
MINUTE = 60_000_000
DAYS = frozenset(range(7))
LUNCH = (Break("lunch", time(12), time(12, 30)),)
CALENDAR = Calendar(
    "Europe/Moscow", (ShiftPattern("1", time(7), time(15), DAYS, LUNCH), ShiftPattern("2", time(15), time(23), DAYS))
)


def us(clock: str, day: str = "2026-11-19") -> int:
    return round(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).astimezone(UTC).timestamp() * 1e6)


def states(*marks: tuple[str, M], end: str, kw: float = 2.0) -> list[StateInterval]:
    borders = [us(clock) for clock, _ in marks] + [us(end)]
    return [
        StateInterval("a", state, borders[i], borders[i + 1], kw * (borders[i + 1] - borders[i]) / 3.6e9)
        for i, (_, state) in enumerate(marks)
    ]


def cut(intervals: Sequence[StateInterval], from_us: int, to_us: int) -> list[StateInterval]:
    found = []
    for i in intervals:
        end = i.to_us if i.to_us is not None else to_us
        low, high = max(i.from_us, from_us), min(end, to_us)
        if low < high and i.energy_kwh is not None:
            found.append(StateInterval("a", i.state, low, high, i.energy_kwh * (high - low) / (end - i.from_us)))
    return found


def pieces(
    intervals: list[StateInterval], before: Sequence[StateInterval] = (), names: Sequence[str] = (), next_shift: str | None = None
) -> list[IdlePiece]:
    begin, end = intervals[0].from_us, intervals[-1].to_us
    assert end is not None
    planned = [(p, cut(intervals, p.from_us, p.to_us)) for p in planned_time(CALENDAR, begin, end, names)]
    return idle_pieces("a", before, planned, us(next_shift) if next_shift else None)


def told(found: Sequence[IdlePiece]) -> list[tuple[str, int, str]]:
    return [(p.reason, round((p.to_us - p.from_us) / MINUTE), p.shift) for p in found]


OFF_BEFORE = [StateInterval("a", M.OFF, us("00:00"), us("06:00"), 0.0)]
ON_BEFORE = [StateInterval("a", M.PRODUCTION, us("00:00"), us("06:00"), 0.0)]


def test_planned_time_tiles_the_window_and_names_the_last_shift() -> None:
    found = planned_time(CALENDAR, us("06:00"), us("16:00"))
    assert [(p.kind, p.shift, p.shift_day.day) for p in found] == [
        ("free", "2", 18), ("shift", "1", 19), ("break", "1", 19), ("shift", "1", 19), ("shift", "2", 19),
    ]  # fmt: skip
    assert all(a.to_us == b.from_us for a, b in pairwise(found))


def test_waiting_within_a_shift_and_the_break() -> None:
    found = pieces(states(("08:00", M.PRODUCTION), ("11:30", M.IDLE), ("13:00", M.PRODUCTION), end="14:00"), ON_BEFORE)
    assert told(found) == [("waiting", 30, "1"), ("break", 30, "1"), ("waiting", 30, "1")]
    assert sum(p.energy_kwh or 0.0 for p in found) == pytest.approx(3.0)


def test_left_on_after_the_last_shift_until_the_next() -> None:
    found = pieces(states(("22:00", M.PRODUCTION), ("22:40", M.IDLE), end="23:59"), ON_BEFORE)
    assert told(found) == [("waiting", 20, "2"), ("left_on", 59, "2")]
    assert found[1].shift_day == date(2026, 11, 19)


def test_switched_off_and_on_again_at_night_is_outside_and_not_left_on() -> None:
    intervals = states(("22:50", M.IDLE), ("23:10", M.OFF), ("23:20", M.IDLE), end="23:59")
    assert told(pieces(intervals, ON_BEFORE)) == [("waiting", 10, "2"), ("left_on", 10, "2"), ("outside", 39, "2")]


def test_no_data_does_not_end_what_is_on() -> None:
    intervals = states(("22:50", M.PRODUCTION), ("23:10", M.NO_DATA), ("23:20", M.IDLE), end="23:59")
    assert told(pieces(intervals, ON_BEFORE)) == [("left_on", 39, "2")]


def test_warm_up_before_and_in_a_shift_ends_with_the_work_or_its_time() -> None:
    early = states(("06:00", M.OFF), ("06:40", M.IDLE), ("07:30", M.PRODUCTION), end="08:00")
    assert told(pieces(early, OFF_BEFORE)) == [("warm_up", 20, "2"), ("waiting", 30, "1")]
    quick = states(("07:00", M.OFF), ("07:10", M.IDLE), ("07:18", M.PRODUCTION), ("07:40", M.IDLE), end="08:00")
    assert told(pieces(quick, OFF_BEFORE)) == [("warm_up", 8, "1"), ("waiting", 20, "1")]
    slow = states(("07:00", M.OFF), ("07:10", M.IDLE), end="08:00")
    assert told(pieces(slow, OFF_BEFORE)) == [("warm_up", 15, "1"), ("waiting", 35, "1")]


def test_switched_on_in_the_night_long_before_the_shift_is_outside() -> None:
    intervals = states(("03:00", M.OFF), ("04:00", M.IDLE), end="06:00")
    assert told(pieces(intervals, OFF_BEFORE, next_shift="07:00")) == [("outside", 120, "2")]


def test_a_shift_the_machine_is_not_planned_for_is_free_time() -> None:
    intervals = states(("14:00", M.PRODUCTION), ("14:50", M.IDLE), end="18:00")
    assert told(pieces(intervals, ON_BEFORE, names=["1"])) == [("waiting", 10, "1"), ("left_on", 180, "1")]


def test_on_since_before_all_that_is_known_counts_as_left_on() -> None:
    assert told(pieces(states(("23:30", M.IDLE), end="23:59"))) == [("left_on", 29, "2")]


def test_a_clipped_piece_keeps_its_power() -> None:
    piece = IdlePiece("a", 0, 100 * MINUTE, "waiting", "1", date(2026, 11, 19), 10.0, 1.0)
    part = clipped(piece, 50 * MINUTE, 75 * MINUTE)
    assert part is not None
    assert (part.energy_kwh, part.estimated_kwh) == (2.5, 0.25)
    assert clipped(piece, 100 * MINUTE, 200 * MINUTE) is None
