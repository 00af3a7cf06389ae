"""Days of the site and the shifts in them, in seconds since local midnight; summer time included."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.plant import ShiftPattern

FIRST_DAY = date(2025, 1, 1)
"""The simulated meters were installed on this day; earlier times have no values."""

US = 1_000_000
_EVERY_DAY = frozenset(range(7))
_AROUND_THE_CLOCK = (ShiftPattern("1", time(7), time(19), _EVERY_DAY), ShiftPattern("2", time(19), time(7), _EVERY_DAY))


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one shift within one day, [start_s, end_s) since local midnight. `part`: day | evening | night.

    `continues`: it began yesterday; `goes_on`: it ends tomorrow;
    """

    start_s: int
    end_s: int
    part: str
    continues: bool = False
    goes_on: bool = False


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
    """Local days from FIRST_DAY on, built as far as asked for. Without shifts the shop works around the clock."""

    def __init__(self, timezone: str, shifts: Sequence[ShiftPattern] = ()) -> None:
        self.zone = ZoneInfo(timezone)
        self.shifts = tuple(shifts) or _AROUND_THE_CLOCK
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

    def _build(self, number: int) -> Day:
        start_us, end_us = self.starts_us[number], self.starts_us[number + 1]
        day = FIRST_DAY + timedelta(days=number)
        windows = []
        for began in (day - timedelta(days=1), day):
            for shift in self.shifts:
                if began.weekday() not in shift.days:
                    continue
                ends = began + timedelta(days=1) if shift.end <= shift.start else began
                from_us, to_us = self._at_us(began, shift.start), self._at_us(ends, shift.end)
                low, high = max(from_us, start_us), min(to_us, end_us)
                if low < high:
                    windows.append(
                        Window((low - start_us) // US, (high - start_us) // US, part_of(shift.start), from_us < low, to_us > high)
                    )
        windows.sort(key=lambda w: w.start_s)
        seven, eleven = self._at_us(day, time(7)), self._at_us(day, time(23))
        return Day((end_us - start_us) // US, (seven - start_us) // US, (eleven - start_us) // US, tuple(windows))
