"""Values in flight. They travel in batches: one device, one instant, parallel columns.

Per-sample objects exist only at the edges; on the hot path a batch is three shared or flat sequences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType

from domain.quality import Quality

TagId = NewType("TagId", int)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one tag, in the canonical unit of its quantity. `value` is None exactly when `quality` is bad."""

    tag_id: TagId
    time_us: int  # UTC, microseconds since 1970
    value: float | None
    quality: Quality


@dataclass(frozen=True, slots=True)
class Reading:
    """What a driver returned for one device in one poll, in canonical units, before any judgement.

    `points`, `values`, `qualities` are parallel; `points` is the plan's own tuple (same object each poll), so that
    what is compiled per plan can be found by identity. `values[i]` is None when `qualities[i]` is bad.
    `texts` are text points (program name, serial number). `raw` maps a point to its bytes or words as hex and is
    filled only when a trace was asked for.
    """

    device_id: str
    time_us: int
    points: tuple[str, ...]
    values: Sequence[float | None]
    qualities: Sequence[int]
    texts: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one device at one instant: `tag_ids[i]` has `values[i]` with `qualities[i]`.

    `tag_ids` is shared between batches of the same plan. Qualities are ints of `Quality`. Identity of a sample is
    (tag_id, time_us): writing a batch twice changes nothing.
    """

    device_id: str
    time_us: int
    tag_ids: tuple[TagId, ...]
    values: Sequence[float | None]
    qualities: Sequence[int]
    texts: tuple[TextSample, ...] = ()

    def __len__(self) -> int:
        return len(self.tag_ids)

    def samples(self) -> Iterator[Sample]:
        """One object per sample: for the edges and tests, not for the hot path."""
        for tag_id, value, quality in zip(self.tag_ids, self.values, self.qualities, strict=True):
            yield Sample(tag_id, self.time_us, value, Quality(quality))


@dataclass(frozen=True, slots=True)
class TextSample:
    """A text (program name, operating mode, serial number); stored on change."""

    tag_id: TagId
    time_us: int
    text: str


@dataclass(frozen=True, slots=True)
class TagEvent:
    """Something a tag went through that a person must be able to see: counter rollover, reset, exchange, spike, clock step."""

    tag_id: TagId
    time_us: int
    kind: str  # counter_wrap | counter_reset | counter_jump | counter_zero | clock_drift | inconsistent ...
    detail: str
