"""The window that a trend looks at: named periods in the site's zone, or any two times. Pure; the address brings it back.

Kinds: hour, 7d, 30d (they end now and move with it), today, shift, month, year (the present one runs), yesterday, custom.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from web_interface.period import Period, Periods, ShiftsOfDay

KINDS = ("hour", "today", "yesterday", "shift", "7d", "30d", "month", "year", "custom")
ROLLING_S: Mapping[str, int] = {"hour": 3600, "7d": 7 * 86400, "30d": 30 * 86400}
COMPARISONS = ("none", "period", "day", "week", "date")
LEAST_US = 1_000_000
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?")


class BadWindow(ValueError):
    """`args[0]` names the reason: format, backwards, outside."""


@dataclass(frozen=True, slots=True)
class Window:
    """[from_us, to_us). `follows`: it ends now or later, so new samples come into it; `slides`: it moves with the clock."""

    kind: str
    from_us: int
    to_us: int
    follows: bool = False
    slides: bool = False
    period: Period | None = None

    @property
    def length_us(self) -> int:
        return self.to_us - self.from_us


class Windows:
    """Finds and moves windows in the zone of the site."""

    def __init__(self, zone: ZoneInfo, shifts_of_day: ShiftsOfDay, now_us: int) -> None:
        self.zone, self._shifts_of_day, self._now_us = zone, shifts_of_day, now_us
        self._periods = Periods(zone, shifts_of_day, now_us)

    def find(self, kind: str, at: str = "", begin: str = "", end: str = "") -> Window:
        """The window of an address. Raises BadWindow for two times that make none; anything else unknown is today."""
        if kind == "custom":
            return self.between(self.instant(begin), self.instant(end, last=True))
        if kind in ROLLING_S:
            return Window(kind, self._now_us - ROLLING_S[kind] * 1_000_000, self._now_us, follows=True, slides=True)
        if kind == "year":
            return self._year(at)
        return self._of(self._periods.find(kind if kind in KINDS else "today", at))

    def between(self, from_us: int, to_us: int) -> Window:
        """Any two times. Raises BadWindow."""
        if to_us - from_us < LEAST_US:
            raise BadWindow("backwards")
        return Window("custom", from_us, to_us, follows=to_us >= self._now_us > from_us)

    def moved(self, window: Window, steps: int) -> Window | None:
        """The neighbour; None when it would begin in the future or before 1970."""
        if window.kind == "year":
            year = self.local(window.from_us).year + steps
            found: Window | None = self._year(f"{year:04d}") if 1970 < year < 2100 else None
        elif window.period is not None:
            period = self._periods.moved(window.period, steps)
            found = None if period is None else self._of(period)
        else:
            by_us = steps * window.length_us
            if window.from_us + by_us <= 0:
                return None
            found = self.between(window.from_us + by_us, window.to_us + by_us)
        return found if found is not None and found.from_us < self._now_us else None

    def earlier_us(self, window: Window, comparison: str) -> int | None:
        """How much earlier the compared period lies, us: period | day | week | a date. None for none, or a wrong date.

        By the clock of the site: 07:00 is compared with 07:00 also over a change of summer time.
        """
        begin = self.local(window.from_us)
        if comparison == "period":
            before = self.moved(window, -1)
            return window.length_us if before is None else window.from_us - before.from_us
        if comparison in {"day", "week"}:
            other = begin.date() - timedelta(days=1 if comparison == "day" else 7)
        else:
            try:
                other = date.fromisoformat(comparison)
            except ValueError:
                return None
        if not EARLIEST.date() <= other < LATEST.date():
            return None
        by_us = window.from_us - _us(datetime.combine(other, begin.time(), self.zone))
        return by_us or None

    def query(self, window: Window) -> Mapping[str, str]:
        """The part of the address that brings the window back; what is relative to now stays so."""
        if window.kind in ROLLING_S:
            return {"period": window.kind}
        if window.kind == "year":
            return {"period": "year", "at": f"{self.local(window.from_us).year:04d}"}
        if window.period is not None:
            return window.period.query
        return {"period": "custom", "from": self.words(window.from_us), "to": self.words(window.to_us)}

    def instant(self, text: str, *, last: bool = False) -> int:
        """UTC microseconds of a local "2026-11-19" or "2026-11-19T07:00". A date alone is its begin, `last`: its end.

        Raises BadWindow."""
        if not _LOCAL.fullmatch(text):
            raise BadWindow("format")
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=self.zone)
        except ValueError as exc:
            raise BadWindow("format") from exc
        if EARLIEST.year <= moment.year <= LATEST.year and last and "T" not in text:
            moment += timedelta(days=1)
        if not EARLIEST.year <= moment.year <= LATEST.year or not EARLIEST <= moment <= LATEST:
            raise BadWindow("outside")
        return _us(moment)

    def words(self, time_us: int) -> str:
        """The local time of the site as `instant` takes it."""
        return f"{self.local(time_us):%Y-%m-%dT%H:%M:%S}"

    def local(self, time_us: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=time_us)).astimezone(self.zone)

    def _of(self, period: Period) -> Window:
        if period.kind == "custom":  # whole days: an address of ours says them as two times
            return self.between(period.from_us, period.to_us)
        return Window(period.kind, period.from_us, period.to_us, follows=period.running, period=period)

    def _year(self, at: str) -> Window:
        year = int(at[:4]) if re.match(r"\d{4}", at) and 1970 < int(at[:4]) < 2100 else self.local(self._now_us).year
        begin, end = (_us(datetime.combine(date(y, 1, 1), time(), self.zone)) for y in (year, year + 1))
        return replace(Window("year", begin, end), follows=end > self._now_us)


def _us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
