"""How well an alarm system serves its operators: the figures of ISA-18.2 and EEMUA 191."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from domain.alert import Alert, Priority


class Band(Enum):
    """EEMUA 191, average raises per 10 min and operator position: below 1, 2, 5, 10, and more."""

    ACCEPTABLE = "acceptable"
    MANAGEABLE = "manageable"
    DEMANDING = "demanding"
    OVER_DEMANDING = "over_demanding"
    UNACCEPTABLE = "unacceptable"


TOP = 10  # conditions that come most
FEWEST_RAISES = 50  # of fewer raises the share of the ten that come most tells nothing: they are nearly all there is


@dataclass(frozen=True, slots=True)
class Flood:
    """More than 10 raises within 10 min, until fewer than 5."""

    from_us: int
    to_us: int
    raises: int


@dataclass(frozen=True, slots=True)
class Noisy:
    """One condition and its part of all raises, 0..1."""

    alert: Alert
    raises: int
    share: float


@dataclass(frozen=True, slots=True)
class Hygiene:
    """Figures of [from_us, to_us). Rates are per operator position; None when the window is too short to tell."""

    from_us: int
    to_us: int
    positions: int
    raises: int
    per_day: float | None
    per_hour: float | None
    per_10_min: float | None
    peak_per_10_min: int
    band: Band | None
    flood_share: float  # of the 10-min intervals, those with more than 10 raises, 0..1
    floods: Sequence[Flood]
    by_hour: Sequence[tuple[int, int]]  # (begin of the hour, raises)
    top: Sequence[Noisy]
    top_share: float | None  # of the ten that come most in all raises; None of few raises, or when there are no others
    chattering: Sequence[Noisy]
    stale: Sequence[Alert]
    by_priority: Mapping[Priority, float]
    truncated: bool = False  # there were more raises than were looked at
    kinds: int = 0  # different conditions among the raises
