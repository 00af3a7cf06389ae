"""When the site works: shift patterns with breaks and rotation, public holidays as edited, exceptional days.

By the site's wall clock and calendar days only; analysis/calendar.py makes UTC windows of it. What rules a day, in this order:
its exception, the edited holiday, the country's holiday or moved working day, the weekday.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import Enum
from math import lcm

DAY_MIN = 1440
WEEK = 7
FRIDAY, SATURDAY = 4, 5
_ANY_MONDAY = date(2024, 1, 1)


@dataclass(frozen=True, slots=True)
class Break:
    """Planned down time inside a shift, by wall clock. `end <= start` or a start before the shift's means after midnight."""

    name: str
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Rotation:
    """The shift takes place on some days of a cycle: day 1 is `anchor` and every `cycle_days` after and before it."""

    cycle_days: int
    anchor: date
    on: frozenset[int]
    crew: str = ""

    def works(self, day: date) -> bool:
        """Does the shift begin on that day?"""
        return (day - self.anchor).days % self.cycle_days + 1 in self.on


@dataclass(frozen=True, slots=True)
class ShiftPattern:
    """A shift by wall clock of the site. `end <= start` means it ends on the next day; it belongs to the day it began.

    `days`: Monday is 0. `works_holidays`: it takes place on public holidays too.
    """

    name: str
    start: time
    end: time
    days: frozenset[int]
    breaks: tuple[Break, ...] = ()
    rotation: Rotation | None = None
    works_holidays: bool = False

    @property
    def crew(self) -> str:
        return "" if self.rotation is None else self.rotation.crew

    @property
    def span_min(self) -> tuple[int, int]:
        """Begin and end in minutes since the midnight before; the end may lie beyond 1440."""
        start = _minute(self.start)
        return start, start + (_minute(self.end) - start - 1) % DAY_MIN + 1

    def break_span_min(self, pause: Break) -> tuple[int, int]:
        """Begin and end of one of its breaks, counted as in `span_min`."""
        begin = _minute(pause.start)
        if begin < self.span_min[0]:
            begin += DAY_MIN
        return begin, begin + (_minute(pause.end) - begin - 1) % DAY_MIN + 1

    def begins_on(self, day: date, weekday: int | None = None) -> bool:
        """By weekday and rotation alone. `weekday`: the one that the day stands for, when it is not its own."""
        if (day.weekday() if weekday is None else weekday) not in self.days:
            return False
        return self.rotation is None or self.rotation.works(day)


@dataclass(frozen=True, slots=True)
class PublicYear:
    """Public holidays of a country in one year by their names, and weekend days that it works instead (moved working days)."""

    holidays: Mapping[date, str] = field(default_factory=dict)
    workdays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class HolidayEdit:
    """What the site changes in the country's holidays: a name adds or renames one, None removes it."""

    day: date
    name: str | None


@dataclass(frozen=True, slots=True)
class DayException:
    """One date that is unlike the others: closed, worked as another weekday (Monday is 0), or with shifts of its own."""

    day: date
    name: str = ""
    closed: bool = False
    works_as: int | None = None
    shifts: tuple[ShiftPattern, ...] = ()


class DayKind(Enum):
    """Why a day is as it is."""

    ORDINARY = "ordinary"
    HOLIDAY = "holiday"
    MOVED = "moved"  # a weekend day that works, by the country's order or the site's
    CLOSED = "closed"
    SPECIAL = "special"  # shifts of its own


def _no_public_days(_year: int) -> PublicYear:
    return PublicYear()


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Holidays and exceptions of the site. `public` gives the country's year; it must always answer the same."""

    country: str = ""
    subdivision: str = ""
    edits: tuple[HolidayEdit, ...] = ()
    exceptions: tuple[DayException, ...] = ()
    public: Callable[[int], PublicYear] = field(default=_no_public_days, compare=False, repr=False)

    def holiday(self, day: date) -> str | None:
        """Name of the holiday on that day, None on others."""
        for edit in self.edits:
            if edit.day == day:
                return edit.name
        return self.public(day.year).holidays.get(day)

    def holidays(self, year: int) -> Mapping[date, str]:
        """All of a year as edited, in order of time."""
        found = dict(self.public(year).holidays)
        for edit in self.edits:
            if edit.day.year == year:
                found.pop(edit.day, None)
                if edit.name is not None:
                    found[edit.day] = edit.name
        return dict(sorted(found.items()))

    def exception(self, day: date) -> DayException | None:
        """Of that date, None where there is none."""
        return next((found for found in self.exceptions if found.day == day), None)

    def kind(self, day: date) -> tuple[DayKind, str]:
        """What rules the day, and its name ("" where it has none)."""
        found = self.exception(day)
        if found is not None:
            if found.closed:
                return DayKind.CLOSED, found.name
            return (DayKind.SPECIAL if found.shifts else DayKind.MOVED), found.name
        name = self.holiday(day)
        if name is not None:
            return DayKind.HOLIDAY, name
        return (DayKind.MOVED if day in self.public(day.year).workdays else DayKind.ORDINARY), ""

    def shifts_on(self, day: date, patterns: Sequence[ShiftPattern]) -> Sequence[ShiftPattern]:
        """Those of `patterns` that begin on that day, or the day's own."""
        kind, _ = self.kind(day)
        if kind is DayKind.CLOSED:
            return ()
        if kind is DayKind.HOLIDAY:
            return [p for p in patterns if p.works_holidays and p.begins_on(day)]
        if kind is DayKind.ORDINARY:
            return [p for p in patterns if p.begins_on(day)]
        found = self.exception(day)
        if found is None:  # the country's moved working day: a Saturday works as a Friday, a Sunday as a Monday
            weekday = FRIDAY if day.weekday() == SATURDAY else 0
            return [p for p in patterns if p.begins_on(day, weekday)]
        return found.shifts or [p for p in patterns if p.begins_on(day, found.works_as)]


@dataclass(frozen=True, slots=True)
class Clash:
    """Two shifts at one time: the first day it happens, from and to in minutes since its midnight."""

    first: ShiftPattern
    second: ShiftPattern
    day: date
    from_min: int
    to_min: int


def clash_between(a: ShiftPattern, b: ShiftPattern) -> Clash | None:
    """The first day (of any Monday on) when both run at once by their weekdays and rotations; None when never."""
    begin, end = a.span_min
    for offset in (-1, 0, 1):
        other_begin, other_end = (minute + offset * DAY_MIN for minute in b.span_min)
        from_min, to_min = max(begin, other_begin), min(end, other_end)
        if from_min < to_min:
            for day in _days_of_both(a, b):
                if a.begins_on(day) and b.begins_on(day + timedelta(days=offset)):
                    return Clash(a, b, day, from_min, to_min)
    return None


def meet(a: ShiftPattern, b: ShiftPattern) -> bool:
    """Is there a day on which both begin?"""
    return any(a.begins_on(day) and b.begins_on(day) for day in _days_of_both(a, b))


def clash_around(day: date, calendar: WorkCalendar, patterns: Sequence[ShiftPattern]) -> Clash | None:
    """Two shifts at one time on that date or at its borders, as the calendar rules it."""
    spans = [
        (pattern, (day - day_of).days, *pattern.span_min)
        for day_of in (day - timedelta(days=1), day, day + timedelta(days=1))
        for pattern in calendar.shifts_on(day_of, patterns)
    ]
    for index, (a, a_ago, a_begin, a_end) in enumerate(spans):
        for b, b_ago, b_begin, b_end in spans[index + 1 :]:
            from_min = max(a_begin - a_ago * DAY_MIN, b_begin - b_ago * DAY_MIN)
            to_min = min(a_end - a_ago * DAY_MIN, b_end - b_ago * DAY_MIN)
            if from_min < to_min:
                return Clash(a, b, day, from_min, to_min)
    return None


def _days_of_both(a: ShiftPattern, b: ShiftPattern) -> Iterator[date]:
    """One whole period of both: after it everything repeats."""
    cycles = [pattern.rotation.cycle_days for pattern in (a, b) if pattern.rotation is not None]
    for offset in range(lcm(WEEK, *cycles)):
        yield _ANY_MONDAY + timedelta(days=offset)


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute
