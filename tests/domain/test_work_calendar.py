"""Which shifts begin on a day: rotation, holidays and their edits, moved working days, exceptions; and which clash."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from domain.work_calendar import (
    Break,
    DayException,
    DayKind,
    HolidayEdit,
    PublicYear,
    Rotation,
    ShiftPattern,
    WorkCalendar,
    clash_around,
    clash_between,
    meet,
)

ALL, WORKDAYS = frozenset(range(7)), frozenset(range(5))
DAY = ShiftPattern("day", time(8), time(17), WORKDAYS)
MAY_9, MAY_8 = date(2026, 5, 9), date(2026, 5, 8)


def public(year: int) -> PublicYear:
    return PublicYear({date(year, 5, 8): "Victory"}, frozenset({date(year, 5, 16), date(year, 5, 17)}))


def names(calendar: WorkCalendar, day: date, *patterns: ShiftPattern) -> list[str]:
    return [shift.name for shift in calendar.shifts_on(day, patterns or (DAY,))]


def test_rotation_counts_days_from_its_anchor_in_both_directions() -> None:
    crew = Rotation(4, date(2026, 1, 10), frozenset({1, 2}), "A")
    worked = [offset for offset in range(-5, 6) if crew.works(date(2026, 1, 10) + timedelta(days=offset))]
    assert worked == [-4, -3, 0, 1, 4, 5]


def test_four_crews_two_on_two_off_share_every_day_and_night_once() -> None:
    anchor = date(2026, 1, 1)
    patterns = [
        ShiftPattern(name, begin, end, ALL, rotation=Rotation(4, anchor, frozenset({days}), crew), works_holidays=True)
        for name, begin, end, first in (("day", time(8), time(20), 0), ("night", time(20), time(8), 1))
        for crew, days in [(c, (first + i) % 4 + 1) for i, c in enumerate("ABCD")]
    ]
    calendar = WorkCalendar()
    for offset in range(40):
        shifts = calendar.shifts_on(anchor + timedelta(days=offset), patterns)
        assert sorted(shift.name for shift in shifts) == ["day", "night"]
        assert len({shift.crew for shift in shifts}) == 2
    assert all(clash_between(a, b) is None for i, a in enumerate(patterns) for b in patterns[i + 1 :])


def test_holiday_stops_the_shift_unless_it_works_holidays() -> None:
    calendar = WorkCalendar("RU", public=public)
    always = ShiftPattern("always", time(17), time(8), ALL, works_holidays=True)
    assert names(calendar, MAY_8, DAY, always) == ["always"]
    assert calendar.kind(MAY_8) == (DayKind.HOLIDAY, "Victory")


def test_edits_add_rename_and_remove_holidays() -> None:
    edits = (HolidayEdit(MAY_8, None), HolidayEdit(date(2026, 7, 1), "Founders"))
    calendar = WorkCalendar("RU", edits=edits, public=public)
    assert calendar.holidays(2026) == {date(2026, 7, 1): "Founders"}
    assert names(calendar, MAY_8) == ["day"]
    assert names(calendar, date(2026, 7, 1)) == []
    renamed = WorkCalendar("RU", edits=(HolidayEdit(MAY_8, "V-Day"),), public=public)
    assert renamed.holidays(2026) == {MAY_8: "V-Day"}


def test_moved_working_days_work_as_friday_and_monday() -> None:
    friday = ShiftPattern("short", time(8), time(16), frozenset({4}))
    monday = ShiftPattern("long", time(8), time(17), frozenset({0}))
    calendar = WorkCalendar("RU", public=public)
    assert names(calendar, date(2026, 5, 16), friday, monday) == ["short"]
    assert names(calendar, date(2026, 5, 17), friday, monday) == ["long"]
    assert calendar.kind(date(2026, 5, 16))[0] is DayKind.MOVED


def test_exceptions_rule_over_holidays() -> None:
    own = ShiftPattern("stocktaking", time(9), time(13), ALL)
    calendar = WorkCalendar("RU", public=public, exceptions=(
        DayException(MAY_8, works_as=2), DayException(date(2026, 5, 11), "flood", closed=True), DayException(MAY_9, shifts=(own,)),
    ))
    assert names(calendar, MAY_8) == ["day"]
    assert names(calendar, date(2026, 5, 11)) == []
    assert names(calendar, MAY_9) == ["stocktaking"]
    assert [calendar.kind(day)[0] for day in (MAY_8, date(2026, 5, 11), MAY_9)] == [DayKind.MOVED, DayKind.CLOSED, DayKind.SPECIAL]


def test_clash_over_midnight_and_over_the_week() -> None:
    night = ShiftPattern("night", time(22), time(6), frozenset({6}))
    early = ShiftPattern("early", time(5), time(9), frozenset({0}))
    clash = clash_between(night, early)
    assert clash is not None
    assert (clash.to_min - clash.from_min, clash.from_min % 1440) == (60, 300)
    assert clash_between(night, ShiftPattern("early", time(6), time(9), frozenset({0}))) is None


def test_rotations_that_never_meet_do_not_clash_and_those_of_other_length_do() -> None:
    anchor = date(2026, 1, 1)
    a = ShiftPattern("12", time(8), time(20), ALL, rotation=Rotation(4, anchor, frozenset({1})))
    assert clash_between(a, ShiftPattern("12", time(8), time(20), ALL, rotation=Rotation(4, anchor, frozenset({2})))) is None
    assert clash_between(a, ShiftPattern("12", time(8), time(20), ALL, rotation=Rotation(5, anchor, frozenset({2})))) is not None
    assert not meet(a, ShiftPattern("12", time(8), time(20), ALL, rotation=Rotation(4, anchor, frozenset({3}))))


def test_an_exception_may_bring_two_shifts_together() -> None:
    night = ShiftPattern("night", time(20), time(10), frozenset({4}))
    calendar = WorkCalendar(exceptions=(DayException(date(2026, 5, 16), works_as=0),))
    clash = clash_around(date(2026, 5, 16), calendar, (DAY, night))
    assert clash is not None
    assert (clash.from_min, clash.to_min) == (8 * 60, 10 * 60)


@pytest.mark.parametrize(
    ("start", "end", "pause", "span"),
    [
        (time(8), time(17), Break("lunch", time(12), time(12, 45)), (720, 765)),
        (time(22), time(6), Break("night meal", time(2), time(2, 30)), (1560, 1590)),
        (time(22), time(6), Break("over midnight", time(23, 45), time(0, 15)), (1425, 1455)),
    ],
)
def test_breaks_are_counted_from_the_midnight_before_the_shift(start: time, end: time, pause: Break, span: tuple[int, int]) -> None:
    assert ShiftPattern("s", start, end, ALL, (pause,)).break_span_min(pause) == span
