"""Features of one item: what its readings come to, one number a tag and statistic. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

STATISTICS: Final = ("mean", "min", "max", "std", "last")


class Running:
    """Count, mean, spread, least, greatest and last of one tag's values; Welford's method, so that large offsets do no harm."""

    __slots__ = ("_m2", "count", "greatest", "last", "least", "mean")

    def __init__(self) -> None:
        self.count, self.mean, self._m2 = 0, 0.0, 0.0
        self.least, self.greatest, self.last = math.inf, -math.inf, 0.0

    def add(self, value: float) -> None:
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self._m2 += step * (value - self.mean)
        self.least, self.greatest, self.last = min(self.least, value), max(self.greatest, value), value

    @property
    def std(self) -> float:
        """Of the population; 0 for a single value."""
        return math.sqrt(max(self._m2, 0.0) / self.count) if self.count else 0.0


class Gathering:
    """The readings of one item while it is made."""

    def __init__(self, opened_us: int) -> None:
        self.opened_us = opened_us
        self._tags: dict[str, Running] = {}

    def add(self, tag: str, value: float) -> None:
        """One good value in its canonical unit."""
        running = self._tags.get(tag)
        if running is None:
            running = self._tags[tag] = Running()
        running.add(value)

    @property
    def empty(self) -> bool:
        return not self._tags

    def features(self) -> dict[str, float]:
        """`<tag>.<statistic>`, units of the tag."""
        found: dict[str, float] = {}
        for tag, running in sorted(self._tags.items()):
            row = (running.mean, running.least, running.greatest, running.std, running.last)
            found |= {f"{tag}.{name}": value for name, value in zip(STATISTICS, row, strict=True)}
        return found


def features_of(columns: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The features of whole columns by tag, as if their values had come one after the other."""
    gathering = Gathering(0)
    for tag, values in columns.items():
        for value in values:
            gathering.add(tag, value)
    return gathering.features()
