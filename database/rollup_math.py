"""What a bucket of samples amounts to. Pure; the definitions are in domain.ports.RollupRow and docs/database.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from database.columns import MINUTE_US, Columns
from domain.counter import CounterSpec, increments
from domain.ports import RollupRow, Step

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bucket = tuple[int, int]  # tag_id, begin

STEPS = (Step.M1, Step.M15, Step.H1, Step.D1)
HOLD_INTERVALS = 3  # a value is taken to hold for that many scan intervals ...
SHORTEST_HOLD_US = 10_000_000  # ... and that long at least
LOWER = {Step.M15: Step.M1, Step.H1: Step.M15, Step.D1: Step.M15}  # days from quarters: zones with 30 and 45 min exist


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What roll-ups need to know of a tag. `interval_us`: expected time between samples."""

    tag_id: int
    is_counter: bool
    interval_us: int
    spec: CounterSpec = field(default_factory=CounterSpec)

    @property
    def hold_us(self) -> int:
        """How long a sample stands for what follows it."""
        return max(HOLD_INTERVALS * self.interval_us, SHORTEST_HOLD_US)

    @property
    def longest_normal_us(self) -> int:
        """Increments of a counter over more than that lie in a gap."""
        return HOLD_INTERVALS * self.interval_us


@dataclass(frozen=True, slots=True)
class Calendar:
    """Begin and end of buckets; days are those of the site's zone."""

    zone: ZoneInfo

    def begin(self, step: Step, time_us: int) -> int:
        """Begin of the bucket that holds the time."""
        if step is Step.D1:
            return _day(self.zone, time_us // 3_600_000_000 * 3_600_000_000, time_us)[0]
        width = step.seconds * 1_000_000
        return time_us // width * width

    def end(self, step: Step, begin_us: int) -> int:
        """End of the bucket that begins there."""
        if step is Step.D1:
            return _day(self.zone, begin_us // 3_600_000_000 * 3_600_000_000, begin_us)[1]
        return begin_us + step.seconds * 1_000_000

    def begins(self, step: Step, times_us: Ints) -> Ints:
        """`begin` of each."""
        if step is not Step.D1:
            width = step.seconds * 1_000_000
            found: Ints = times_us // width * width
            return found
        unique, inverse = np.unique(times_us, return_inverse=True)
        return np.array([self.begin(step, int(t)) for t in unique], np.int64)[inverse]


def _day(zone: ZoneInfo, hour_us: int, time_us: int) -> tuple[int, int]:
    """Borders of the zone's day around the time. The hour is only there to find it in the cache."""
    for begin, end in _days_of_hour(zone, hour_us):
        if begin <= time_us < end:
            return begin, end
    raise AssertionError("an hour lies in one or two days")


@lru_cache(maxsize=10_000)
def _days_of_hour(zone: ZoneInfo, hour_us: int) -> tuple[tuple[int, int], ...]:
    found = []
    for us in (hour_us, hour_us + 3_599_999_999):
        local = datetime.fromtimestamp(us // 1_000_000, UTC).astimezone(zone)
        midnights = [_midnight(zone, local, days) for days in (0, 1)]
        found.append((midnights[0], midnights[1]))
    return tuple(dict.fromkeys(found))


def _midnight(zone: ZoneInfo, local: datetime, days: int) -> int:
    """The instant at which the local day (some days later) begins, also where clocks change at midnight."""
    day = local.date() + timedelta(days=days)
    instant = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    while instant.astimezone(zone).date() < day:  # midnight does not exist: the day begins when the clocks go forward
        instant += timedelta(minutes=15)
    return int(instant.timestamp()) * 1_000_000


# -- gauges ------------------------------------------------------------------------------------------------------------------


def minute_rows(columns: Columns, facts: Mapping[int, TagFacts]) -> dict[Bucket, RollupRow]:
    """1-min statistics of samples sorted by tag and time. Every minute that is touched must be there as a whole."""
    if not len(columns):
        return {}
    tags, times = columns.tag_ids, columns.times_us
    begins = times // MINUTE_US * MINUTE_US
    starts = np.flatnonzero(np.r_[True, (tags[1:] != tags[:-1]) | (begins[1:] != begins[:-1])])
    ends = np.r_[starts[1:], len(tags)]
    good = (columns.qualities == 0) & np.isfinite(columns.values)
    following = np.r_[times[1:], times[-1]]
    following[ends - 1] = begins[ends - 1] + MINUTE_US
    unique, inverse = np.unique(tags, return_inverse=True)
    holds = np.array([facts[int(t)].hold_us if int(t) in facts else SHORTEST_HOLD_US for t in unique], np.int64)[inverse]
    weights = np.where(good, np.minimum(following - times, holds), 0)
    covered = np.add.reduceat(weights, starts)
    values = np.where(good, columns.values, 0.0)
    share = weights / np.repeat(np.maximum(covered, 1), ends - starts)
    mean = np.add.reduceat(values * share, starts)
    low = np.minimum.reduceat(np.where(good, columns.values, np.inf), starts)
    high = np.maximum.reduceat(np.where(good, columns.values, -np.inf), starts)
    good_counts = np.add.reduceat(good.astype(np.int64), starts)
    index = np.arange(len(tags))
    first = np.minimum.reduceat(np.where(good, index, len(tags)), starts)
    last = np.maximum.reduceat(np.where(good, index, -1), starts)
    found: dict[Bucket, RollupRow] = {}
    columns_of = (tags[starts], begins[starts], ends - starts, good_counts, low, high, mean, first, last, covered)
    for tag, begin, count, n, lo, hi, average, i, j, us in zip(*(c.tolist() for c in columns_of), strict=True):
        if n:
            mean_value = min(max(average, lo), hi)  # rounding must not carry a mean past its own extremes
            found[tag, begin] = RollupRow(begin, count, n, lo, hi, mean_value, float(values[i]), float(values[j]), us)
        else:
            found[tag, begin] = RollupRow(begin, count, 0, None, None, None, None, None, 0)
    return found


def combine(begin_us: int, rows: Sequence[RollupRow]) -> RollupRow | None:
    """The row of a longer bucket from those of the shorter ones, in time order; `estimated` is left open. None without rows."""
    if not rows:
        return None
    good = [row for row in rows if row.good_count and row.mean is not None]
    covered = sum(row.covered_us for row in good)
    grown = [row.consumption for row in rows if row.consumption is not None]
    low = min((row.min for row in good if row.min is not None), default=None)
    high = max((row.max for row in good if row.max is not None), default=None)
    mean = None
    if good and covered and low is not None and high is not None:
        mean = min(max(sum((row.mean or 0.0) * (row.covered_us / covered) for row in good), low), high)
    return RollupRow(
        begin_us, sum(row.count for row in rows), sum(row.good_count for row in rows), low, high, mean,
        good[0].first if good else None, good[-1].last if good else None, covered, sum(grown) if grown else None, None,
    )


# -- counters ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Growth:
    """A counter's growth as a curve: `total[i]` at `times_us[i]`, straight in between.

    `gaps`: (from, to, growth) of increments over more than the longest normal time.
    """

    times_us: Ints
    total: Floats
    gaps: Sequence[tuple[int, int, float]]

    @classmethod
    def of(cls, times_us: Sequence[int], values: Sequence[float], facts: TagFacts) -> Growth:
        """From good readings in time order."""
        found = increments(times_us, values, facts.spec)
        if not found:
            return cls(np.empty(0, np.int64), np.empty(0), ())
        times = np.array([found[0].from_us, *(inc.to_us for inc in found)], np.int64)
        total = np.concatenate(([0.0], np.cumsum([inc.growth for inc in found])))
        longest = facts.longest_normal_us
        return cls(times, total, [(i.from_us, i.to_us, i.growth) for i in found if i.to_us - i.from_us > longest and i.growth])

    def within(self, borders_us: Ints) -> list[tuple[float | None, float | None]]:
        """(consumption, estimated) between each two neighbouring borders; (None, None) where nothing is known."""
        if not len(self.times_us):
            return [(None, None)] * (len(borders_us) - 1)
        at = np.interp(borders_us, self.times_us, self.total)
        grown = np.diff(at)
        known = (borders_us[1:] > self.times_us[0]) & (borders_us[:-1] < self.times_us[-1])
        estimated = np.zeros(len(grown))
        for from_us, to_us, growth in self.gaps:
            inside = np.minimum(borders_us[1:], to_us) - np.maximum(borders_us[:-1], from_us)
            cut = (inside > 0) & (inside < to_us - from_us)
            estimated[cut] += growth * inside[cut] / (to_us - from_us)
        return [
            (max(g, 0.0), e) if k else (None, None)
            for g, e, k in zip(grown.tolist(), estimated.tolist(), known.tolist(), strict=True)
        ]


def settled_start(newest_first: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The readings to start counting from, oldest first, of the last (at most two) good ones before a window.

    After a reading above zero, or a second zero, what came before no longer matters (domain.counter.advance); after a first
    zero it does: it may have been a reboot.
    """
    if len(newest_first) == 2 and newest_first[0][1] == 0.0 and newest_first[1][1] != 0.0:
        return [newest_first[1], newest_first[0]]
    return list(newest_first[:1])


def settled_end(oldest_first: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The readings after a window up to which it can matter what is in it (of the first two good ones)."""
    if len(oldest_first) == 2 and oldest_first[0][1] == 0.0:
        return list(oldest_first)
    return list(oldest_first[:1])


def reach(readings: Sequence[tuple[int, float]], times_us: Ints, from_us: int, to_us: int) -> tuple[int, int]:
    """Whole minutes whose consumption depends on readings in [from_us, to_us): up to the neighbours on both sides.

    `readings`: good ones in order of time, at least the two before and the two after; `times_us`: their times.
    """
    low, high = int(np.searchsorted(times_us, from_us)), int(np.searchsorted(times_us, to_us))
    start = settled_start(readings[max(low - 2, 0) : low][::-1])
    end = settled_end(readings[high : high + 2])
    first = start[0][0] if start else from_us
    last = end[-1][0] if end else to_us
    return first // MINUTE_US * MINUTE_US, -(-last // MINUTE_US) * MINUTE_US


def joined(begins_us: Ints, width_us: int) -> list[tuple[int, int]]:
    """The same as `runs` over a column in order, each begin once."""
    if not len(begins_us):
        return []
    first = np.flatnonzero(np.diff(begins_us, prepend=begins_us[0] - 2 * width_us) != width_us)
    last = np.append(first[1:], len(begins_us)) - 1
    return list(zip(begins_us[first].tolist(), (begins_us[last] + width_us).tolist(), strict=True))


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """[from, to) in time order, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def runs(times_us: Iterable[int], width_us: int) -> list[tuple[int, int]]:
    """Neighbouring buckets joined: [from, to) in time order."""
    found: list[tuple[int, int]] = []
    for begin in sorted(set(times_us)):
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], begin + width_us)
        else:
            found.append((begin, begin + width_us))
    return found
