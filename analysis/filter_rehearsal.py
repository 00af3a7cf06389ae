"""A plausible range or spike filter replayed over the samples of one tag: which of them it would have judged otherwise. Pure.

A sample out of range or taken for a spike keeps its value, so a wider filter tells what it would have taken, too.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from analysis.calendar import Calendar
from analysis.meter import Meter
from analysis.state_review import judge, moved_s
from analysis.thin import filled
from domain.plant import Tag
from domain.ports import RawSeries, RollupRow
from domain.quality import Quality
from domain.quantity import Quantity
from domain.rehearsal import FilterRehearsal

MINUTE_US = 60_000_000
MOST_EXAMPLES = 20
FILTERED = frozenset({int(Quality.OUT_OF_RANGE), int(Quality.SPIKE)})  # refused by such a filter, their value kept


class SampleFilter(Protocol):
    """The filter that runs live. Feed in order of time."""

    def judge(self, time_us: int, value: float) -> int:
        """The quality; 0 keeps the sample."""
        ...


class FilterReplay:
    """`low`, `high` in the canonical unit; None: no border. `spike`: the spike filter, for samples within the range.

    `judged`: time -> quality of the samples that would be judged otherwise, for the last days.
    """

    def __init__(
        self, tag: Tag, low: float | None, high: float | None, spike: SampleFilter | None, calendar: Calendar
    ) -> None:
        self.tag = tag
        self._low = float("-inf") if low is None else low
        self._high = float("inf") if high is None else high
        self._spike, self._calendar = spike, calendar
        self._samples = self._changed = self._restored = 0
        self._kwh = 0.0
        self._days: Counter[str] = Counter()
        self._farthest: list[tuple[float, int, float]] = []
        self._before: list[tuple[int, float] | None] = [None, None]  # last sample taken as it was, and as it would be
        self.judged: dict[int, int] = {}

    def count(self, rows: Iterable[RollupRow]) -> None:
        """Good samples there are."""
        self._samples += sum(row.good_count for row in rows)

    def spans(self, rows: Sequence[RollupRow]) -> list[tuple[int, int]]:
        """Stretches of minutes to be read: all for a spike filter, else those with a value out of range or one refused before."""
        if self._spike is not None:
            return [(rows[0].time_us, rows[-1].time_us + MINUTE_US)] if rows else []
        spans: list[tuple[int, int]] = []
        for row in rows:
            outside = row.max is not None and row.min is not None and (row.max > self._high or row.min < self._low)
            if not outside and row.count == row.good_count:
                continue
            if spans and spans[-1][1] == row.time_us:
                spans[-1] = (spans[-1][0], row.time_us + MINUTE_US)
            else:
                spans.append((row.time_us, row.time_us + MINUTE_US))
        return spans

    def forget(self, before_us: int) -> None:
        """Judgements that no later stretch needs."""
        self.judged = {time_us: quality for time_us, quality in self.judged.items() if time_us >= before_us}

    def feed(self, times_us: Sequence[int], values: Sequence[float | None], qualities: Sequence[int]) -> None:
        """Samples of one stretch."""
        for time_us, value, quality in zip(times_us, values, qualities, strict=True):
            if value is None or (quality and quality not in FILTERED):
                continue
            then = self._quality(time_us, value)
            was_kept, is_kept = not quality, not then
            if was_kept is is_kept:
                self._keep(time_us, value, taken=(was_kept, is_kept))
                continue
            self.judged[time_us] = then
            self._tell(time_us, value, refused=was_kept)
            self._keep(time_us, value, taken=(was_kept, is_kept))

    def _quality(self, time_us: int, value: float) -> int:
        if not self._low <= value <= self._high:
            return int(Quality.OUT_OF_RANGE)
        return self._spike.judge(time_us, value) if self._spike is not None else 0

    def _keep(self, time_us: int, value: float, *, taken: tuple[bool, bool]) -> None:
        for place, is_taken in enumerate(taken):
            if is_taken:
                self._before[place] = (time_us, value)

    def _tell(self, time_us: int, value: float, *, refused: bool) -> None:
        """The last sample that was taken stands in for one that is not, for a minute."""
        last = self._before[1 if refused else 0]
        instead = last[1] if last is not None and time_us - last[0] < MINUTE_US else 0.0
        step_us = round(self.tag.interval_s * 1e6)
        self._kwh += (instead - value if refused else value - instead) * step_us / 3.6e9
        if not refused:
            self._restored += 1
            return
        self._changed += 1
        self._days[self._calendar.day_of(time_us).isoformat()] += 1
        inside = self._low <= value <= self._high
        away = max(self._low - value, value - self._high, abs(value - instead) if inside else 0.0)
        heapq.heappush(self._farthest, (away, time_us, value))
        if len(self._farthest) > MOST_EXAMPLES:
            heapq.heappop(self._farthest)

    def result(self, from_us: int, to_us: int, *, state_s: float | None = None, fine: bool = True) -> FilterRehearsal:
        """`changed_kwh`: what the energy of a power changes by when the last kept value stands in for a refused one."""
        power = self.tag.quantity is Quantity.ACTIVE_POWER
        examples = [(time_us, value) for _, time_us, value in sorted(self._farthest, reverse=True)]
        return FilterRehearsal(
            self.tag.name, from_us, to_us, self._samples, self._changed, self._kwh if power else None, examples,
            sorted(self._days.items()), self._restored, state_s, fine,
        )  # fmt: skip


def changed_state_s(
    meter: Meter, series: RawSeries, judged: Mapping[int, int], from_us: int, to_us: int
) -> float:
    """How long in [from_us, to_us) the machine's state would have been another, with these samples judged otherwise, s.

    By the code that judges the past; `series` begins some time before, so that the window begins in the right state.
    """
    thresholds = meter.machine.states
    made = []
    for told in ({}, judged):
        qualities = [told.get(at, quality) for at, quality in zip(series.times_us, series.qualities, strict=True)]
        columns = filled(series.times_us, series.values, qualities, meter.timing)
        made.append(judge(meter, columns, thresholds, from_us, to_us))
    return moved_s(made[0], made[1], to_us)
