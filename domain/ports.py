"""The small protocols that join the rooms. Implementations live in the rooms; only main.py connects them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from domain.sample import Batch, TagId


class Clock(Protocol):
    """Time, so that tests can own it. Timers run on the monotonic clock; stamps are UTC."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Sink(Protocol):
    """Takes batches. Never blocks the caller on I/O; what happens when it is full is written where it is made."""

    def __call__(self, batch: Batch) -> None: ...


class Step(Enum):
    """Resolution of a history query; the value is the name in the API."""

    RAW = "raw"
    M1 = "1m"
    M15 = "15m"
    H1 = "1h"
    D1 = "1d"

    @property
    def seconds(self) -> int:
        """Width in seconds; 0 for raw. 1d is a day of the site's zone, so its width is nominal."""
        return {"raw": 0, "1m": 60, "15m": 900, "1h": 3600, "1d": 86400}[self.value]


@dataclass(frozen=True, slots=True)
class RawSeries:
    """Samples of one tag in time order: parallel columns, `values[i]` None when bad."""

    tag_id: TagId
    times_us: Sequence[int]
    values: Sequence[float | None]
    qualities: Sequence[int]


@dataclass(frozen=True, slots=True)
class RollupRow:
    """One bucket [time_us, time_us + width). Gauge statistics are over good samples; the mean is time-weighted.

    `consumption` (counters only): what the counter grew by within the bucket, the increments between neighbouring good
    readings being split at the borders by interpolation; `estimated`: the part of it that lies in a gap.
    """

    time_us: int
    count: int
    good_count: int
    min: float | None
    max: float | None
    mean: float | None
    first: float | None
    last: float | None
    covered_us: int
    consumption: float | None = None
    estimated: float | None = None


@dataclass(frozen=True, slots=True)
class RollupSeries:
    tag_id: TagId
    step: Step
    rows: Sequence[RollupRow]


class History(Protocol):
    """Bounded windows of what was kept. Times are UTC microseconds, windows are [from_us, to_us)."""

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        """Samples of the window; with `edges` also the last good one before and the first good one at or after its end."""
        ...

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        """Closed and running buckets that begin in the window. `step` is not RAW."""
        ...


class Bus(Protocol):
    """Carries batches from processing to everyone interested, in order per device."""

    def publish(self, batch: Batch) -> None: ...

    def subscribe(self, name: str, sink: Sink) -> None: ...
