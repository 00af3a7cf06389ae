"""Shifts, days, hours over midnight and over both changes of summer time."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.calendar import HOUR_US, Calendar, to_local, to_us
from domain.plant import ShiftPattern
from domain.work_calendar import Break, HolidayEdit, Rotation, WorkCalendar

DAILY = frozenset(range(7))
THREE = (
    ShiftPattern("1", time(7), time(15), DAILY),
    ShiftPattern("2", time(15), time(23), DAILY),
    ShiftPattern("3", time(23), time(7), DAILY),
)
BERLIN = Calendar("Europe/Berlin", THREE)
SPRING, AUTUMN = date(2026, 3, 28), date(2026, 10, 24)  # Saturdays; the clocks change in the night to Sunday


def local(calendar: Calendar, *when: int) -> int:
    return to_us(datetime(*when, tzinfo=calendar.zone))  # type: ignore[arg-type, misc]


def test_night_shift_belongs_to_the_day_it_began() -> None:
    window = BERLIN.shift_at(local(BERLIN, 2026, 6, 11, 3))
    assert window is not None
    assert (window.name, window.day) == ("3", date(2026, 6, 10))
    assert window.from_us == local(BERLIN, 2026, 6, 10, 23)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 7), (AUTUMN, 9), (date(2026, 6, 10), 8)])
def test_nights_over_the_change_have_7_and_9_hours(day: date, hours: int) -> None:
    night = BERLIN.shifts_of_day(day)[-1]
    assert night.to_us - night.from_us == hours * HOUR_US


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 10), 24)])
def test_days_have_23_24_25_hours_and_hours_tile_them(day: date, hours: int) -> None:
    whole, parts = BERLIN.day_window(day), BERLIN.hours_of_day(day)
    assert whole.to_us - whole.from_us == hours * HOUR_US
    assert len(parts) == hours
    assert parts[0].from_us == whole.from_us
    assert parts[-1].to_us == whole.to_us
    assert all(a.to_us == b.from_us for a, b in itertools.pairwise(parts))


def test_moscow_has_no_summer_time() -> None:
    moscow = Calendar("Europe/Moscow", THREE)
    for day in (SPRING, date(2026, 3, 29), AUTUMN, date(2026, 10, 25)):
        assert moscow.day_window(day).to_us - moscow.day_window(day).from_us == 24 * HOUR_US


ZONES = ["Europe/Berlin", "Europe/Moscow", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]


@given(st.sampled_from(ZONES), st.dates(date(2010, 1, 3), date(2030, 1, 1)))
@settings(max_examples=150, deadline=None)
def test_windows_tile_the_week_whatever_the_zone(zone: str, day: date) -> None:
    calendar = Calendar(zone, THREE)
    from_us, to_ = calendar.day_window(day).from_us, calendar.day_window(day + timedelta(days=7)).from_us
    for by in ("shift", "day", "hour"):
        windows = calendar.overlapping(by, from_us, to_)
        assert windows[0].from_us <= from_us
        assert windows[-1].to_us >= to_
        assert all(a.to_us == b.from_us for a, b in itertools.pairwise(windows))
        begin = calendar.windows(by, from_us, to_)
        assert all(from_us <= w.from_us < to_ for w in begin)
        assert len({(w.name, w.day, w.from_us) for w in begin}) == len(begin)


def test_only_days_of_the_pattern_and_nothing_between_shifts() -> None:
    calendar = Calendar("Europe/Moscow", [ShiftPattern("1", time(8), time(17), frozenset({0, 1, 2, 3, 4}))])
    assert calendar.shifts_of_day(date(2026, 6, 13)) == []  # a Saturday
    assert calendar.shift_at(local(calendar, 2026, 6, 12, 17)) is None  # the end does not belong to it
    assert calendar.shift_at(local(calendar, 2026, 6, 12, 8)) is not None


def test_day_shift_of_24_hours_and_unknown_kind() -> None:
    calendar = Calendar("Europe/Berlin", [ShiftPattern("24", time(8), time(8), DAILY)])
    (window,) = calendar.shifts_of_day(SPRING)
    assert window.to_us - window.from_us == 23 * HOUR_US
    with pytest.raises(ValueError, match="week"):
        calendar.windows("week", 0, 1)


def test_conversion_is_exact_to_the_microsecond() -> None:
    moment = datetime(2026, 6, 10, 12, 0, 0, 123457, tzinfo=UTC)
    assert to_us(moment) % 1_000_000 == 123457
    assert to_local(to_us(moment), ZoneInfo("Europe/Berlin")) == moment


def test_breaks_lie_in_their_shift_and_follow_the_wall_clock() -> None:
    pauses = (Break("meal", time(3), time(3, 30)), Break("tea", time(1, 30), time(1, 45)))
    calendar = Calendar("Europe/Berlin", [ShiftPattern("3", time(23), time(7), DAILY, pauses)])
    night = calendar.shifts_of_day(date(2026, 6, 10))[0]
    assert [(p.name, p.to_us - p.from_us) for p in night.breaks] == [("tea", HOUR_US // 4), ("meal", HOUR_US // 2)]
    assert night.breaks[1].from_us == local(calendar, 2026, 6, 11, 3)
    assert night.planned_us == 8 * HOUR_US - 3 * HOUR_US // 4


def test_a_break_that_summer_time_swallows_is_none_and_one_shown_twice_counts_once() -> None:
    pause = Break("meal", time(2, 15), time(2, 45))
    calendar = Calendar("Europe/Berlin", [ShiftPattern("3", time(23), time(7), DAILY, (pause,))])
    spring, autumn = calendar.shifts_of_day(SPRING)[0], calendar.shifts_of_day(AUTUMN)[0]
    # 02:15 and 02:45 do not exist in spring: both are moved forward by the change and the break keeps its length
    assert [p.to_us - p.from_us for p in spring.breaks] == [HOUR_US // 2]
    assert [p.to_us - p.from_us for p in autumn.breaks] == [HOUR_US // 2]
    assert all(w.from_us <= p.from_us < p.to_us <= w.to_us for w in (spring, autumn) for p in w.breaks)


def test_holidays_and_rotation_reach_the_windows() -> None:
    crew = Rotation(2, date(2026, 6, 1), frozenset({1}), "A")
    work = WorkCalendar(edits=(HolidayEdit(date(2026, 6, 3), "Founders"),))
    calendar = Calendar("Europe/Moscow", [ShiftPattern("1", time(8), time(20), DAILY, rotation=crew)], work)
    found = calendar.windows("shift", local(calendar, 2026, 6, 1), local(calendar, 2026, 6, 8))
    assert [(w.day.day, w.crew) for w in found] == [(1, "A"), (5, "A"), (7, "A")]
