"""A plausible range or spike filter replayed over the good samples of one tag: which of them it would have refused. Pure.

Samples an earlier filter refused are not kept with their value, so only what a narrower filter takes away can be told.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from analysis.calendar import Calendar
from domain.plant import Tag
from domain.ports import RollupRow
from domain.quantity import Quantity
from domain.rehearsal import FilterRehearsal

MINUTE_US = 60_000_000
MOST_EXAMPLES = 20


class SampleFilter(Protocol):
    """The filter that runs live. Feed in order of time."""

    def judge(self, time_us: int, value: float) -> int:
        """The quality; 0 keeps the sample."""
        ...


class FilterReplay:
    """`low`, `high` in the canonical unit; None: no border. `spike`: the spike filter, for samples within the range."""

    def __init__(
        self, tag: Tag, low: float | None, high: float | None, spike: SampleFilter | None, calendar: Calendar
    ) -> None:
        self.tag = tag
        self._low = float("-inf") if low is None else low
        self._high = float("inf") if high is None else high
        self._spike, self._calendar = spike, calendar
        self._samples = self._changed = 0
        self._kwh = 0.0
        self._days: Counter[str] = Counter()
        self._farthest: list[tuple[float, int, float]] = []
        self._previous: tuple[int, float] | None = None  # the last sample the filter keeps

    def count(self, rows: Iterable[RollupRow]) -> None:
        """Good samples there are."""
        self._samples += sum(row.good_count for row in rows)

    def spans(self, rows: Sequence[RollupRow]) -> list[tuple[int, int]]:
        """Stretches of minutes that must be read: all for a spike filter, else those with a value out of range."""
        if self._spike is not None:
            return [(rows[0].time_us, rows[-1].time_us + MINUTE_US)] if rows else []
        outside = [r for r in rows if r.max is not None and r.min is not None and (r.max > self._high or r.min < self._low)]
        return [(row.time_us, row.time_us + MINUTE_US) for row in outside]

    def feed(self, times_us: Sequence[int], values: Sequence[float | None]) -> None:
        """Samples of one stretch."""
        step_us = round(self.tag.interval_s * 1e6)
        for time_us, value in zip(times_us, values, strict=True):
            if value is None:
                continue
            inside = self._low <= value <= self._high
            if inside and (self._spike is None or self._spike.judge(time_us, value) == 0):
                self._previous = (time_us, value)
                continue
            self._changed += 1
            self._days[self._calendar.day_of(time_us).isoformat()] += 1
            kept = self._previous[1] if self._previous is not None and time_us - self._previous[0] < MINUTE_US else 0.0
            self._kwh += (kept - value) * step_us / 3.6e9
            away = max(self._low - value, value - self._high, abs(value - kept) if inside else 0.0)
            heapq.heappush(self._farthest, (away, time_us, value))
            if len(self._farthest) > MOST_EXAMPLES:
                heapq.heappop(self._farthest)

    def result(self, from_us: int, to_us: int) -> FilterRehearsal:
        """`changed_kwh`: what the energy of a power changes by when the last kept value stands in for a refused one."""
        power = self.tag.quantity is Quantity.ACTIVE_POWER
        examples = [(time_us, value) for _, time_us, value in sorted(self._farthest, reverse=True)]
        return FilterRehearsal(
            self.tag.name, from_us, to_us, self._samples, self._changed, self._kwh if power else None, examples,
            sorted(self._days.items()),
        )  # fmt: skip
