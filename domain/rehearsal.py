"""What a rule or a filter would have done in the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Occasion:
    """One alert that would have been. `to_us` None: it would stand still. `value`: the one that raised it."""

    subject: str
    side: str
    from_us: int
    to_us: int | None
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class RuleRehearsal:
    """A rule replayed over [from_us, to_us) by the code that runs live.

    `fine`: every sample counted; else minute means stand for what raw samples would be too many of, or are no longer kept.
    """

    rule_version: str
    from_us: int
    to_us: int
    subjects: int
    alerts: int
    standing_s: float
    suppressed_s: float
    by_day: Sequence[tuple[str, int]]  # (ISO date of the site, alerts), every day
    busiest_day: tuple[str, int] | None
    examples: Sequence[Occasion]  # the longest ones, newest first
    fine: bool


@dataclass(frozen=True, slots=True)
class FilterRehearsal:
    """A plausible range or a spike filter on one tag: the samples whose judgement it would have changed.

    `changed`: good samples it would have refused; `restored`: refused ones it would have taken. `changed_kwh`: energy those
    samples stand for, of a power; None for other quantities. `changed_state_s`: how long the machine would have been in another
    state; None when its states do not come from this tag. `fine`: all samples of the window were heard; else only the newest.
    """

    tag: str
    from_us: int
    to_us: int
    samples: int
    changed: int
    changed_kwh: float | None
    examples: Sequence[tuple[int, float]]  # (time, value), the farthest ones
    by_day: Sequence[tuple[str, int]]
    restored: int = 0
    changed_state_s: float | None = None
    fine: bool = True


class JobState(Enum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RehearsalJob:
    """`progress` 0..1; `result` when done; `error` when failed."""

    id: str
    state: JobState
    progress: float
    result: RuleRehearsal | FilterRehearsal | None = None
    error: str = ""
