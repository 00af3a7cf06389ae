"""The period that a page looks at: a pure value made from the address and the site's calendar, so that a link brings it back.

Kinds: today (from local midnight, still running), yesterday, night, shift, week (Monday on), month, custom (whole days).
The night of a day is the time without planned work before its first shift: from the end of the last shift that began the day
before to the begin of the first one, at least 18:00 and at most 10:00; where the shifts leave no such time, 22:00 to 06:00.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.energy import ShiftWindow

KINDS = ("today", "yesterday", "night", "shift", "week", "month", "custom")
LONGEST_DAYS = 400
FIRST_YEAR, LAST_YEAR = 1970, 2200
DUSK, DAWN = time(18), time(10)
NIGHT_BEGIN, NIGHT_END = time(22), time(6)
LEAST_NIGHT_US = 3_600_000_000
DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ShiftsOfDay = Callable[[date], Sequence[ShiftWindow]]


@dataclass(frozen=True, slots=True)
class Period:
    """[from_us, to_us) with the days it spans; `shift` is set for the kind shift. `running`: its end is still to come.

    `told`: why it is another than was asked for: "" | cut (longer than `LONGEST_DAYS`) | unread (no such day) | future.
    """

    kind: str
    from_us: int
    to_us: int
    first: date
    last: date
    running: bool = False
    shift: ShiftWindow | None = None
    told: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        """The part of the address that brings the period back. Today and yesterday stay relative, a link to them moves on."""
        if self.kind in {"today", "yesterday"}:
            return {"period": self.kind}
        if self.kind == "custom":
            return {"period": self.kind, "at": self.first.isoformat(), "to": self.last.isoformat()}
        if self.shift is not None:
            return {"period": self.kind, "at": f"{self.shift.day.isoformat()}/{self.shift.name}"}
        return {"period": self.kind, "at": self.first.isoformat()}


class Periods:
    """Finds and moves periods in the zone of the site."""

    def __init__(self, zone: ZoneInfo, shifts_of_day: ShiftsOfDay, now_us: int) -> None:
        self._zone, self._shifts_of_day, self._now_us = zone, shifts_of_day, now_us
        self.today = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(zone).date()

    def find(self, kind: str, at: str = "", to: str = "") -> Period:
        """The period of an address; what it does not say, or says wrong, is taken from now and told. Never raises."""
        asked = (at.partition("/")[0], to if kind == "custom" else "")
        found = self._found(kind, at, to)
        told = "unread" if kind in KINDS[2:] and any(text and _day(text) is None for text in asked) else ""
        if not told and found.from_us > self._now_us:
            told = "future"
        return replace(found, told=told) if told else found

    def _found(self, kind: str, at: str, to: str) -> Period:
        day = _day(at.partition("/")[0])
        if kind == "yesterday":
            return self._days("yesterday", self.today - timedelta(days=1), self.today - timedelta(days=1))
        if kind == "night":
            return self._night(day or self._last_night_day())
        if kind == "shift" and (found := self._shift(day, at.partition("/")[2])) is not None:
            return found
        if kind == "week":
            first = day or self.today
            first -= timedelta(days=first.weekday())
            return self._days("week", first, first + timedelta(days=6))
        if kind == "month":
            first = (day or self.today).replace(day=1)
            return self._days("month", first, _next_month(first) - timedelta(days=1))
        if kind == "custom":
            first, last = sorted((day or self.today - timedelta(days=6), _day(to) or self.today))
            longest = first + timedelta(days=LONGEST_DAYS - 1)
            found = self._days("custom", first, min(last, longest))
            return replace(found, told="cut") if last > longest else found
        return self._days("today", self.today, self.today)

    def moved(self, period: Period, steps: int) -> Period | None:
        """The neighbour `steps` later (or earlier); None when it has not begun yet."""
        if period.kind == "shift" and period.shift is not None:
            near = self._shifts_around(period.shift.day, 10)
            index = next((i for i, w in enumerate(near) if w.from_us == period.shift.from_us), None)
            if index is None or not 0 <= index + steps < len(near):
                return None
            found = self._of_shift(near[index + steps])
        elif period.kind == "month":
            first = _next_month(period.first) if steps > 0 else (period.first - timedelta(days=1)).replace(day=1)
            found = self.find("month", first.isoformat())
        elif period.kind == "night":
            found = self._night(period.first + timedelta(days=steps))
        elif period.kind == "week":
            found = self.find("week", (period.first + timedelta(days=7 * steps)).isoformat())
        else:
            length = (period.last - period.first).days + 1
            first = period.first + timedelta(days=steps * length)
            found = self._whole(first, first + timedelta(days=length - 1))
        return found if found.from_us < self._now_us and found.first.year >= FIRST_YEAR and not found.told else None

    def before(self, period: Period) -> Period | None:
        """The period to compare with: the one just before."""
        return self.moved(period, -1)

    def _whole(self, first: date, last: date) -> Period:
        """Whole days under their own name where they have one."""
        if first == last == self.today:
            return self._days("today", first, last)
        if first == last == self.today - timedelta(days=1):
            return self._days("yesterday", first, last)
        return self._days("custom", first, last)

    def _days(self, kind: str, first: date, last: date) -> Period:
        begin, end = self._at(first, time()), self._at(last + timedelta(days=1), time())
        return Period(kind, begin, end, first, last, running=end > self._now_us)

    def _night(self, day: date) -> Period:
        eve = day - timedelta(days=1)
        begin = max([self._at(eve, DUSK), *(w.to_us for w in self._shifts_of_day(eve))])
        end = min([self._at(day, DAWN), *(w.from_us for w in self._shifts_of_day(day))])
        if end - begin < LEAST_NIGHT_US or not self._shifts_of_day(eve):
            begin, end = self._at(eve, NIGHT_BEGIN), self._at(day, NIGHT_END)
        return Period("night", begin, end, day, day, running=end > self._now_us)

    def _last_night_day(self) -> date:
        """The newest night that is over; before the first shift of the day that is the one before."""
        return self.today if self._night(self.today).to_us <= self._now_us else self.today - timedelta(days=1)

    def _shift(self, day: date | None, name: str) -> Period | None:
        if day is not None:
            own = [w for w in self._shifts_of_day(day) if not name or w.name == name]
            return self._of_shift(own[0]) if own else None
        begun = [w for w in self._shifts_around(self.today, 8) if w.from_us <= self._now_us]
        return self._of_shift(begun[-1]) if begun else None

    def _of_shift(self, window: ShiftWindow) -> Period:
        return Period("shift", window.from_us, window.to_us, window.day, window.day, window.to_us > self._now_us, window)

    def _shifts_around(self, day: date, days: int) -> list[ShiftWindow]:
        spread = (day + timedelta(days=n) for n in range(-days, days + 1))
        return sorted((w for d in spread for w in self._shifts_of_day(d)), key=lambda w: w.from_us)

    def _at(self, day: date, clock: time) -> int:
        return (datetime.combine(day, clock, tzinfo=self._zone).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def _day(text: str) -> date | None:
    """None too for days so far away that reckoning with them would leave the calendar."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def _next_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
