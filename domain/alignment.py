"""Sources of different rates on one time grid: what is aligned and how, the frames that come of it, how well it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class AlignMode(Enum):
    """How a series gets its value at a grid time t.

    hold: the newest sample at or before t. interpolate: on the line between the neighbours of t. wait: the first sample at or
    after t. nearest: the good sample closest to t, of two equally close ones the earlier.
    """

    HOLD = "hold"
    INTERPOLATE = "interpolate"
    WAIT = "wait"
    NEAREST = "nearest"


@dataclass(frozen=True, slots=True)
class AlignedSeries:
    """A tag of an alignment. No sample further than `tolerance_ms` from the grid time is used."""

    tag: str
    mode: AlignMode = AlignMode.HOLD
    tolerance_ms: int = 1000

    @property
    def tolerance_us(self) -> int:
        return self.tolerance_ms * 1000


@dataclass(frozen=True, slots=True)
class Alignment:
    """Frames at the multiples of `grid_ms` since 1970, each said at the latest `deadline_ms` after its time."""

    id: str
    name: str
    grid_ms: int
    deadline_ms: int
    series: tuple[AlignedSeries, ...]

    @property
    def grid_us(self) -> int:
        return self.grid_ms * 1000

    @property
    def deadline_us(self) -> int:
        return self.deadline_ms * 1000

    def names(self, *tags: str | None) -> bool:
        """Does it align all of these tags?"""
        own = {series.tag for series in self.series}
        return all(tag in own for tag in tags if tag is not None)


@dataclass(frozen=True, slots=True)
class FrameValue:
    """Of one series. `value` None exactly when there is a `reason`: none | stale | bad | late.

    none: nothing was known before; stale: the newest was older than the tolerance; bad: its quality was bad; late: what should
    have come after the grid time had not come in time. `sample_us`: time of the sample used, of two the closer one.
    """

    value: float | None
    sample_us: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """All series of an alignment at one grid time, UTC microseconds; `values` in the alignment's order."""

    alignment_id: str
    time_us: int
    values: tuple[FrameValue, ...]

    @property
    def complete(self) -> bool:
        return all(value.reason is None for value in self.values)


@dataclass(frozen=True, slots=True)
class SeriesError:
    """Distance of the samples used from the grid times, ms, over the last frames (None: none was used); counts since the start.

    `missing`: frames without a value, by reason; `late`: samples whose frame was already out; `ahead`: samples of a clock so far
    ahead that they could not be used.
    """

    series: AlignedSeries
    mean_ms: float | None
    p95_ms: float | None
    max_ms: float | None
    used: int
    missing: Mapping[str, int]
    late: int
    ahead: int


@dataclass(frozen=True, slots=True)
class AlignmentStatus:
    """`delay_p99_ms`: from the grid time to the frame, over the last frames. `skipped`: grid times left out when a clock jumped.

    `last`: the newest frame.
    """

    alignment: Alignment
    frames: int
    complete: int
    skipped: int
    clock_jumps: int
    delay_p99_ms: float | None
    last: Frame | None
    series: Sequence[SeriesError]


class AlignmentService(Protocol):
    """The alignments of the plant, from memory."""

    def statuses(self) -> Sequence[AlignmentStatus]: ...
