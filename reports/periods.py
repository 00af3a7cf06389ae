"""Shifts, days, weeks and months of the site as windows: of a report that is asked for, and of a schedule that is due. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

from domain.energy import ShiftWindow
from domain.errors import ConfigError
from domain.report import PeriodKind

DAY_US = 86_400_000_000


class Days(Protocol):
    """What is asked of the site's calendar."""

    def overlapping(self, by: str, from_us: int, to_us: int) -> Sequence[ShiftWindow]: ...
    def day_of(self, time_us: int) -> date: ...


def periods(calendar: Days, kind: PeriodKind, from_us: int, to_us: int) -> list[ShiftWindow]:
    """Periods of that kind that overlap [from_us, to_us), in order of time. Weeks begin on Monday. Named by shift, ISO date,
    "2026-W47", "2026-11"; a day of 23 or 25 hours is one day."""
    if to_us <= from_us:
        return []
    if kind is PeriodKind.SHIFT:
        return list(calendar.overlapping("shift", from_us, to_us))
    if kind is PeriodKind.DAY:
        return list(calendar.overlapping("day", from_us, to_us))
    found: list[ShiftWindow] = []
    day, last = calendar.day_of(from_us), calendar.day_of(to_us - 1)
    while day <= last:
        first, after, name = _week(day) if kind is PeriodKind.WEEK else _month(day)
        begin, end = midnight(calendar, first, from_us), midnight(calendar, after, to_us)
        found.append(ShiftWindow(name, first, begin, end))
        day = after
    return found


def window_of(calendar: Days, kind: PeriodKind, from_us: int, to_us: int) -> ShiftWindow:
    """The period that lies exactly there, else a window of its own. Raises ConfigError: no shift lies in the window of one."""
    touched = periods(calendar, kind, from_us, to_us)
    for period in touched:
        if (period.from_us, period.to_us) == (from_us, to_us):
            return period
    if kind is PeriodKind.SHIFT:
        best = max(touched, key=lambda s: min(s.to_us, to_us) - max(s.from_us, from_us), default=None)
        if best is None:
            raise ConfigError("no shift lies in this window; see the shifts of the plant")
        return ShiftWindow(best.name, best.day, from_us, to_us)
    first, last = calendar.day_of(from_us), calendar.day_of(to_us - 1)
    name = first.isoformat() if first == last else f"{first.isoformat()}--{last.isoformat()}"
    return ShiftWindow(name, first, from_us, to_us)


def midnight(calendar: Days, day: date, near_us: int) -> int:
    """Begin of that day of the site."""
    guess = near_us + (day - calendar.day_of(near_us)).days * DAY_US
    for window in calendar.overlapping("day", guess - 2 * DAY_US, guess + 2 * DAY_US):
        if window.day == day:
            return window.from_us
    raise ConfigError(f"{day.isoformat()} is no day of the site's calendar")


def _week(day: date) -> tuple[date, date, str]:
    first = day - timedelta(days=day.weekday())
    year, number, _ = first.isocalendar()
    return first, first + timedelta(days=7), f"{year}-W{number:02d}"


def _month(day: date) -> tuple[date, date, str]:
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1), f"{first:%Y-%m}"
