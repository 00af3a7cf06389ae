"""Days of the site and the shifts in them, in seconds since local midnight; summer time included."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.work_calendar import DAY_MIN, ShiftPattern, WorkCalendar

FIRST_DAY = date(2025, 1, 1)
"""The simulated meters were installed on this day; earlier times have no values."""

US = 1_000_000
_EVERY_DAY = frozenset(range(7))
_AROUND_THE_CLOCK = (ShiftPattern("1", time(7), time(19), _EVERY_DAY), ShiftPattern("2", time(19), time(7), _EVERY_DAY))


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one shift within one day, [start_s, end_s) since local midnight. `part`: day | evening | night.

    `continues`: it began yesterday; `goes_on`: it ends tomorrow; `breaks`: its planned ones, [from s, to s) of the same day.
    """

    start_s: int
    end_s: int
    part: str
    continues: bool = False
    goes_on: bool = False
    breaks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. `night_end_s`, `night_start_s`: borders of the night tariff (07:00 and 23:00)."""

    length_s: int
    night_end_s: int
    night_start_s: int
    windows: tuple[Window, ...]


def part_of(start: time) -> str:
    """Which part of the day a shift is, by its start."""
    if 5 <= start.hour < 13:
        return "day"
    return "evening" if 13 <= start.hour < 21 else "night"


class ShopCalendar:
    """Local days from FIRST_DAY on, built as far as asked for; `work` says which shifts a day has.

    Without shifts the shop works around the clock.
    """

    def __init__(self, timezone: str, shifts: Sequence[ShiftPattern] = (), work: WorkCalendar | None = None) -> None:
        self.zone = ZoneInfo(timezone)
        self.shifts = tuple(shifts) or _AROUND_THE_CLOCK
        self._work = work if work is not None and shifts else WorkCalendar()
        self.starts_us: list[int] = [self._midnight_us(0)]
        self.days: list[Day] = []

    def extend_to(self, time_us: int) -> None:
        """Make sure that the day of that time is there."""
        while self.starts_us[-1] <= time_us:
            number = len(self.days)
            self.starts_us.append(self._midnight_us(number + 1))
            self.days.append(self._build(number))

    def number_of(self, time_us: int) -> int:
        """Number of the day that holds the time, 0 is FIRST_DAY. Raises ValueError for earlier times."""
        if time_us < self.starts_us[0]:
            raise ValueError(f"simulated meters have values from {FIRST_DAY} on only")
        self.extend_to(time_us)
        return bisect.bisect_right(self.starts_us, time_us) - 1

    def _at_us(self, day: date, at: time) -> int:
        return round(datetime.combine(day, at, self.zone).astimezone(UTC).timestamp()) * US

    def _midnight_us(self, number: int) -> int:
        return self._at_us(FIRST_DAY + timedelta(days=number), time(0))

    def _minute_us(self, day: date, minute: int) -> int:
        """A minute by wall clock since the midnight of `day`; beyond 1440 it lies on the next one."""
        days, minute = divmod(minute, DAY_MIN)
        return self._at_us(day + timedelta(days=days), time(*divmod(minute, 60)))

    def _breaks(self, began: date, shift: ShiftPattern, low: int, high: int) -> list[tuple[int, int]]:
        """The shift's breaks inside [low, high), UTC us."""
        spans = sorted(shift.break_span_min(pause) for pause in shift.breaks)
        found = [(self._minute_us(began, begin), self._minute_us(began, end)) for begin, end in spans]
        return [(max(begin, low), min(end, high)) for begin, end in found if begin < high and end > low]

    def _build(self, number: int) -> Day:
        start_us, end_us = self.starts_us[number], self.starts_us[number + 1]
        day = FIRST_DAY + timedelta(days=number)
        windows = []
        for began in (day - timedelta(days=1), day):
            for shift in self._work.shifts_on(began, self.shifts):
                from_us, to_us = (self._minute_us(began, minute) for minute in shift.span_min)
                low, high = max(from_us, start_us), min(to_us, end_us)
                if low < high:
                    pauses = self._breaks(began, shift, low, high)
                    windows.append(Window(
                        (low - start_us) // US, (high - start_us) // US, part_of(shift.start), from_us < low, to_us > high,
                        tuple(((begin - start_us) // US, (end - start_us) // US) for begin, end in pauses),
                    ))
        windows.sort(key=lambda w: w.start_s)
        seven, eleven = self._at_us(day, time(7)), self._at_us(day, time(23))
        return Day((end_us - start_us) // US, (seven - start_us) // US, (eleven - start_us) // US, tuple(windows))
