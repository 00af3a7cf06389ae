"""Which table answers a window: the finest that gives a bounded number of points. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.plant import Tag
from domain.ports import Step

MOST_POINTS = 2_000  # of one curve: more than a wide screen has columns
TIERS = (Step.RAW, Step.M1, Step.M15, Step.H1, Step.D1)
LEAST_INTERVAL_S = 0.05


DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """Days that a tier is kept before it is deleted; one that is not named stays for good."""

    days: Mapping[Step, int] = field(default_factory=dict)

    def reaches(self, step: Step, from_us: int, now_us: int) -> bool:
        """Does the tier still hold what was at `from_us`?"""
        return step not in self.days or from_us >= now_us - self.days[step] * DAY_US


def width_s(step: Step, interval_s: float) -> float:
    """Time between two points, s; of raw samples the tag's nominal interval."""
    return float(step.seconds) if step is not Step.RAW else max(interval_s, LEAST_INTERVAL_S)


def tier_for(tag: Tag, from_us: int, to_us: int, most: int = MOST_POINTS) -> Step:
    """The finest tier with at most `most` points expected in [from_us, to_us); the day when even days are more."""
    seconds = (to_us - from_us) / 1e6
    fitting = (step for step in TIERS if seconds / width_s(step, tag.interval_s) <= most)
    return next(fitting, Step.D1)


def coarser(step: Step) -> Step | None:
    """The next tier; None after the day."""
    place = TIERS.index(step) + 1
    return TIERS[place] if place < len(TIERS) else None
