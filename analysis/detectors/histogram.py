"""Quantiles of a stream in bounded memory: counts in bins 2 % wide."""

from __future__ import annotations

import math
from collections.abc import Mapping

WIDTH = math.log(1.02)
LOWEST = 1e-6
FORGET_FROM = 20_000  # counts; from there on all are halved, so that older habits fade


class LogHistogram:
    """Counts of positive numbers by their logarithm; quantiles are right within 1 %."""

    __slots__ = ("_bins", "total")

    def __init__(self, bins: Mapping[str, float] | None = None) -> None:
        self._bins: dict[int, float] = {int(name): float(count) for name, count in (bins or {}).items()}
        self.total = sum(self._bins.values())

    def add(self, value: float) -> None:
        """One number; what is not positive is not counted."""
        if value < LOWEST:
            return
        place = math.floor(math.log(value) / WIDTH)
        self._bins[place] = self._bins.get(place, 0.0) + 1.0
        self.total += 1.0
        if self.total >= FORGET_FROM:
            self._bins = {place: count / 2 for place, count in self._bins.items() if count >= 1.0}
            self.total = sum(self._bins.values())

    def quantile(self, q: float) -> float | None:
        """The middle of the bin that holds it; None while empty."""
        wanted, seen = q * self.total, 0.0
        for place in sorted(self._bins):
            seen += self._bins[place]
            if seen >= wanted:
                return math.exp((place + 0.5) * WIDTH)
        return None

    def memory(self) -> dict[str, float]:
        """For `LogHistogram(...)`."""
        return {str(place): count for place, count in sorted(self._bins.items())}
