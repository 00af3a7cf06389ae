"""Which tier of the history a stretch of the past is measured from, and its roll-ups as the columns that measuring takes.

Single samples are deleted first, then minutes, then quarter hours. The tier follows the UTC day in which a stretch lies, never
the window that was asked for: neighbouring windows that share a bucket are cut from the same tier, so they add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.energy import CounterColumns, PowerTrace
from analysis.minute_split import split_by_states
from analysis.states import Timing
from domain.ports import History, RawSeries, RollupRow
from domain.ports import Step as Resolution
from domain.sample import TagId
from domain.state import StateInterval

DAY_US = 86_400_000_000
KEPT_DAYS: Mapping[Resolution, int] = {Resolution.RAW: 90, Resolution.M1: 400, Resolution.M15: 1500}
RELIED_ON = 8 / 9  # of the days that a tier is kept: deletion runs while it is read
TIERS = (Resolution.RAW, Resolution.M1, Resolution.M15)


@dataclass(frozen=True, slots=True)
class Way:
    """`power`: the tier of the power; `samples`: single samples are still there for what needs them."""

    power: Resolution
    samples: bool

    @property
    def width_us(self) -> int:
        """Of a bucket; 0 for samples."""
        return self.power.seconds * 1_000_000

    def timing(self, of_samples: Timing) -> Timing:
        """Of buckets that stand in for samples which come by `of_samples`: the slower of both."""
        return of_samples if of_samples.interval_us > self.width_us else Timing.of(float(self.power.seconds), 0.0)


def way_of(time_us: int, now_us: int, *, long: bool, kept_days: Mapping[Resolution, int] = KEPT_DAYS) -> Way:
    """How the stretch that begins at `time_us` and lies in one UTC day is measured. `long`: part of a long span."""
    age_us = now_us - time_us // DAY_US * DAY_US
    finest = next((t for t in TIERS if t not in kept_days or age_us <= RELIED_ON * kept_days[t] * DAY_US), Resolution.H1)
    if finest is Resolution.RAW:
        return Way(Resolution.M1 if long else Resolution.RAW, samples=True)
    return Way(finest, samples=False)


async def buckets(
    history: History, tag_id: TagId, way: Way, from_us: int, to_us: int, around_us: int = 0
) -> Sequence[RollupRow]:
    """Those that overlap [from_us, to_us), the first may begin before it; and those within `around_us` of it."""
    begin_us = (from_us - around_us) // way.width_us * way.width_us
    return (await history.rollup(tag_id, way.power, begin_us, to_us + around_us)).rows


def counter_of(rows: Sequence[RollupRow], width_us: int) -> CounterColumns:
    """Consumption of buckets as increments. Growth between two readings is stored in every bucket that it crosses, so where
    none is stored between two of them the counter stood still."""
    told = [(row.time_us, row.consumption) for row in rows if row.consumption is not None]
    begin = np.array([time_us for time_us, _ in told], dtype=np.int64)
    growth = np.array([consumption for _, consumption in told], dtype=np.float64)
    end = begin + width_us
    still = np.flatnonzero(begin[1:] > end[:-1]) + 1
    begin, end = np.insert(begin, still, end[still - 1]), np.insert(end, still, begin[still])
    known = np.ones(len(begin), dtype=np.bool_)
    return CounterColumns(begin, end, np.insert(growth, still, 0.0), known, int(end[-1]) if len(end) else None)


def power_of(
    rows: Sequence[RollupRow], width_us: int, of_samples: Timing, intervals: Sequence[StateInterval] = ()
) -> tuple[PowerTrace, int | None]:
    """Mean power of buckets; the end of the last one. `of_samples`: how its samples came; `intervals`: states to tell it to.

    Of a bucket longer than a minute only the covered time is known; of samples slower than buckets each holds until the next.
    """
    known = [row for row in rows if row.mean is not None]
    if of_samples.interval_us > width_us and known:
        times, last_us = [row.time_us for row in known], known[-1].time_us + of_samples.interval_us
        means = [row.mean for row in known]
        trace = PowerTrace.of_samples(times, means, [0] * len(known), of_samples.interval_us, of_samples.hold_us, last_us)
        return trace, last_us
    begin = np.array([row.time_us for row in known], dtype=np.int64)
    covered = np.array([width_us if width_us <= 60_000_000 else min(row.covered_us, width_us) for row in known], dtype=np.int64)
    mean = np.array([row.mean for row in known], dtype=np.float64)
    stretches = split_by_states(begin, begin + covered, mean, intervals)
    return PowerTrace(*stretches), known[-1].time_us + width_us if known else None


def as_samples(tag_id: TagId, rows: Sequence[RollupRow]) -> RawSeries:
    """Mean power of each bucket as if it were a sample: what is left when samples are deleted."""
    known = [row for row in rows if row.mean is not None]
    return RawSeries(tag_id, [row.time_us for row in known], [row.mean for row in known], [0] * len(known))
