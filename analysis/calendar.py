"""Shifts, days and hours of the site as concrete UTC windows.

Wall-clock borders go through zoneinfo once each, so a night over the change of summer time has 7 or 9 hours and neighbouring
windows share their border exactly. A border that the wall clock shows twice is taken the first time; one that it skips is
moved forward by the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.energy import BreakWindow, ShiftWindow
from domain.plant import Plant, ShiftPattern
from domain.work_calendar import DAY_MIN, WorkCalendar

HOUR_US = 3_600_000_000
REMEMBERED_DAYS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """UTC microseconds of an aware datetime, exact (a float of seconds would round)."""
    return (moment.astimezone(UTC) - _EPOCH) // _US


def to_local(time_us: int, zone: ZoneInfo) -> datetime:
    """Aware datetime in `zone`, exact."""
    return (_EPOCH + time_us * _US).astimezone(zone)


class Calendar:
    """The site's zone, shift patterns, holidays and exceptions. Pure: build a new one when the plant changes."""

    def __init__(self, timezone: str, shifts: Sequence[ShiftPattern] = (), work: WorkCalendar | None = None) -> None:
        """`timezone`: IANA name; raises zoneinfo.ZoneInfoNotFoundError. Without `work` no day is a holiday."""
        self.zone = ZoneInfo(timezone)
        self.shifts = tuple(shifts)
        self.work = WorkCalendar() if work is None else work
        self._days: dict[date, tuple[ShiftWindow, ...]] = {}

    @staticmethod
    def of(plant: Plant) -> Calendar:
        """As the plant has it."""
        return Calendar(plant.site.timezone, plant.shifts, plant.calendar)

    def day_of(self, time_us: int) -> date:
        """The site's calendar day."""
        return to_local(time_us, self.zone).date()

    def local_hour(self, time_us: int) -> int:
        """Hour of the site's wall clock, 0..23."""
        return to_local(time_us, self.zone).hour

    def day_window(self, day: date) -> ShiftWindow:
        """Local midnight to local midnight: 23, 24 or 25 h. Its name is the ISO date."""
        return ShiftWindow(day.isoformat(), day, self._at(day, time()), self._at(day + timedelta(days=1), time()))

    def hours_of_day(self, day: date) -> list[ShiftWindow]:
        """Hours counted from local midnight, so 23, 24 or 25 of them; named by their local begin, e.g. "02:00"."""
        whole = self.day_window(day)
        hours = []
        for begin in range(whole.from_us, whole.to_us, HOUR_US):
            name = to_local(begin, self.zone).strftime("%H:%M")
            hours.append(ShiftWindow(name, day, begin, min(begin + HOUR_US, whole.to_us)))
        return hours

    def shifts_of_day(self, day: date) -> list[ShiftWindow]:
        """Shifts that begin on that day, in order of time; a night shift belongs to the day it began."""
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= REMEMBERED_DAYS:
                self._days.clear()
            found = [self._window(pattern, day) for pattern in self.work.shifts_on(day, self.shifts)]
            known = tuple(sorted((w for w in found if w.to_us > w.from_us), key=lambda w: (w.from_us, w.name)))
            self._days[day] = known
        return list(known)

    def _window(self, pattern: ShiftPattern, day: date) -> ShiftWindow:
        """The pattern on that day; a break that the change of summer time swallows is none."""
        begin_min, end_min = pattern.span_min
        begin, end = self._minute_at(day, begin_min), self._minute_at(day, end_min)
        breaks = []
        for pause in pattern.breaks:
            from_min, to_min = pattern.break_span_min(pause)
            from_us, to_us = max(self._minute_at(day, from_min), begin), min(self._minute_at(day, to_min), end)
            if from_us < to_us:
                breaks.append(BreakWindow(pause.name, from_us, to_us))
        breaks.sort(key=lambda pause: pause.from_us)
        return ShiftWindow(pattern.name, day, begin, end, pattern.crew, tuple(breaks))

    def shift_at(self, time_us: int) -> ShiftWindow | None:
        """The shift that runs at that time, the later begun one where two overlap; None between shifts."""
        running = [w for w in self.overlapping("shift", time_us, time_us + 1) if w.from_us <= time_us < w.to_us]
        return max(running, key=lambda w: w.from_us, default=None)

    def overlapping(self, by: str, from_us: int, to_us: int) -> list[ShiftWindow]:
        """Windows of kind shift | day | hour that overlap [from_us, to_us), in order of time."""
        return [w for w in self._around(by, from_us, to_us) if w.from_us < to_us and w.to_us > from_us]

    def windows(self, by: str, from_us: int, to_us: int) -> list[ShiftWindow]:
        """Windows of kind shift | day | hour that begin in [from_us, to_us), in order of time. ValueError: other kind."""
        return [w for w in self._around(by, from_us, to_us) if from_us <= w.from_us < to_us]

    def _around(self, by: str, from_us: int, to_us: int) -> Iterator[ShiftWindow]:
        if by not in {"shift", "day", "hour"}:
            raise ValueError(f"by {by!r} is none of shift, day, hour")
        if to_us <= from_us:
            return
        last = self.day_of(to_us - 1)
        day = self.day_of(from_us) - timedelta(days=1)
        while day <= last:
            if by == "shift":
                yield from self.shifts_of_day(day)
            elif by == "day":
                yield self.day_window(day)
            else:
                yield from self.hours_of_day(day)
            day += timedelta(days=1)

    def _minute_at(self, day: date, minute: int) -> int:
        """Minutes since local midnight by the wall clock; beyond 1440 on the next day."""
        return self._at(day + timedelta(days=minute // DAY_MIN), time(minute % DAY_MIN // 60, minute % 60))

    def _at(self, day: date, clock: time) -> int:
        return to_us(datetime.combine(day, clock, tzinfo=self.zone))
