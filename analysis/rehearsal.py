"""A rule replayed over the past, one subject after the other, in day slices: pure, no I/O.

Only minutes in which a border could be crossed are worth their raw samples: in all others the minute's mean stands for them, as
no sample of such a minute can raise or keep an alert. The result is the same as with every sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from analysis.calendar import Calendar
from analysis.rules import EventKind, RuleEvent, RuleWatch
from domain.alert_rule import AlertRule, RuleKind
from domain.ports import RollupRow
from domain.rehearsal import Occasion, RuleRehearsal
from domain.state import StateInterval

MINUTE_US = 60_000_000
MOST_EXAMPLES = 20
_ABOVE = ("critical_high", "high")

Point = tuple[int, float | None, int]  # time, value, quality


def worth_a_look(rule: AlertRule, row: RollupRow) -> bool:
    """Could a sample of that minute raise an alert of a level rule, or keep one standing?"""
    if row.max is None or row.min is None:
        return False
    for side, border in rule.borders.items():
        if side in _ABOVE and row.max > border - rule.hysteresis:
            return True
        if side not in _ABOVE and row.min < border + rule.hysteresis:
            return True
    return False


def spans_worth_a_look(rule: AlertRule, rows: Iterable[RollupRow]) -> list[tuple[int, int]]:
    """Stretches of minutes whose raw samples matter, joined; a level rule only."""
    spans: list[tuple[int, int]] = []
    for row in rows:
        if worth_a_look(rule, row):
            if spans and spans[-1][1] == row.time_us:
                spans[-1] = (spans[-1][0], row.time_us + MINUTE_US)
            else:
                spans.append((row.time_us, row.time_us + MINUTE_US))
    return spans


def points_of(rows: Iterable[RollupRow], raw: Sequence[Point]) -> list[Point]:
    """Raw samples where there are any, the minutes' means elsewhere, in order of time."""
    covered = {time_us // MINUTE_US for time_us, _, _ in raw}
    means = [(row.time_us, row.mean, 0) for row in rows if row.mean is not None and row.time_us // MINUTE_US not in covered]
    return sorted([*raw, *means], key=lambda point: point[0])


@dataclass(slots=True)
class _Standing:
    event: RuleEvent
    suppressed_us: int | None = None


@dataclass(slots=True)
class Replay:
    """One subject's rule on its way through the past. Feed slices in order, then `finish`."""

    watch: RuleWatch
    occasions: list[Occasion] = field(default_factory=list)
    suppressed_us: int = 0
    _standing: dict[str, _Standing] = field(default_factory=dict)
    _last_us: int = 0

    def feed(self, points: Sequence[Point], states: Sequence[StateInterval]) -> None:
        """Samples of a slice and the states that began in it (with `from_us` not before the slice), merged by time."""
        pending = iter(states)
        state = next(pending, None)
        for time_us, value, quality in points:
            while state is not None and state.from_us <= time_us:
                self._take(self.watch.feed_state(state.from_us, state.state, state.from_us))
                state = next(pending, None)
            self._take(self.watch.feed(time_us, value, quality))
            self._take(self.watch.tick(time_us))
        while state is not None:
            self._take(self.watch.feed_state(state.from_us, state.state, state.from_us))
            state = next(pending, None)

    def feed_states(self, states: Sequence[StateInterval], to_us: int) -> None:
        """For rules that watch how long a state lasts: intervals clipped to the slice, one after the other."""
        rule, watch = self.watch.rule, self.watch
        wait_us = round(((rule.longer_than_s or 0.0) + rule.on_delay_s) * 1e6) + 1
        for interval in states:
            end_us = min(to_us if interval.to_us is None else interval.to_us, to_us)
            self._take(watch.feed_state(interval.from_us, interval.state, interval.from_us))
            if rule.only_in_shifts is not None or rule.only_while:
                for at_us in range(interval.from_us + MINUTE_US, end_us, MINUTE_US):
                    self._take(watch.tick(at_us))
            elif watch.since_us is not None:
                for at_us in (watch.since_us + wait_us - round(rule.on_delay_s * 1e6), watch.since_us + wait_us):
                    if interval.from_us <= at_us < end_us:
                        self._take(watch.tick(at_us))

    def feed_silence(self, heard_us: Sequence[int], to_us: int) -> None:
        """For rules that watch how long nothing usable came: the minutes with data, to the end of the slice."""
        no_data = self.watch.rule.kind is RuleKind.NO_DATA
        for time_us in heard_us:
            self._tick_until(time_us)
            self._take(self.watch.feed(time_us, 0.0, 0) if no_data else self.watch.heard(time_us, time_us))
            self._last_us = time_us
        self._tick_until(to_us)
        self._last_us = max(self._last_us, to_us - MINUTE_US)

    def _tick_until(self, to_us: int) -> None:
        for at_us in range(self._last_us + MINUTE_US, to_us, MINUTE_US) if self._last_us else ():
            self._take(self.watch.tick(at_us))

    def _take(self, events: Iterable[RuleEvent]) -> None:
        for event in events:
            if event.kind is EventKind.RAISE:
                self._standing[event.side] = _Standing(event)
                continue
            standing = self._standing.get(event.side)
            if standing is None:
                continue
            if event.kind is EventKind.SUPPRESS:
                standing.suppressed_us = event.time_us
                continue
            if standing.suppressed_us is not None:
                self.suppressed_us += event.time_us - standing.suppressed_us
                standing.suppressed_us = None
            if event.kind is EventKind.RETURN:
                del self._standing[event.side]
                self.occasions.append(self._occasion(standing.event, event.time_us))

    def _occasion(self, event: RuleEvent, to_us: int | None) -> Occasion:
        return Occasion(self.watch.subject.name, event.side, event.time_us, to_us, event.value, event.limit)

    def finish(self, to_us: int) -> None:
        """What still stands at the end."""
        for standing in self._standing.values():
            if standing.suppressed_us is not None:
                self.suppressed_us += to_us - standing.suppressed_us
            self.occasions.append(self._occasion(standing.event, None))
        self._standing = {}


def summary(
    rule: AlertRule, replays: Sequence[Replay], calendar: Calendar, from_us: int, to_us: int, *, fine: bool
) -> RuleRehearsal:
    """All subjects together."""
    occasions = [occasion for replay in replays for occasion in replay.occasions]
    suppressed_us = sum(replay.suppressed_us for replay in replays)
    counts = Counter(calendar.day_of(occasion.from_us) for occasion in occasions)
    days = list(_days(calendar, from_us, to_us))
    by_day = [(day.isoformat(), counts[day]) for day in days]
    busiest = max(by_day, key=lambda entry: entry[1], default=None)
    longest = sorted(occasions, key=lambda o: o.from_us - (to_us if o.to_us is None else o.to_us))[:MOST_EXAMPLES]
    stood_us = sum((to_us if o.to_us is None else o.to_us) - o.from_us for o in occasions) - suppressed_us
    return RuleRehearsal(
        rule.version, from_us, to_us, len(replays), len(occasions), stood_us / 1e6, suppressed_us / 1e6, by_day,
        busiest if busiest is not None and busiest[1] else None, sorted(longest, key=lambda o: -o.from_us), fine,
    )  # fmt: skip


def _days(calendar: Calendar, from_us: int, to_us: int) -> Iterator[date]:
    day, last = calendar.day_of(from_us), calendar.day_of(max(from_us, to_us - 1))
    while day <= last:
        yield day
        day += timedelta(days=1)
