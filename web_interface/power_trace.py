"""Minute means of one power tag over the last two days, in memory: sparks and trends cost no query per browser."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MINUTE_US = 60_000_000
MINUTES = 2 * 24 * 60 + 60


class PowerTrace:
    """A ring of minutes; about 70 kB. Values in kW."""

    def __init__(self) -> None:
        self._minute = array("q", [-1]) * MINUTES
        self._sum = array("d", [0.0]) * MINUTES
        self._count = array("q", [0]) * MINUTES
        # Arrays take single values at a third of numpy's cost; these are views of the same memory for whole stretches.
        self._minutes = np.frombuffer(self._minute, np.int64)
        self._sums, self._counts = np.frombuffer(self._sum, np.float64), np.frombuffer(self._count, np.int64)

    def add(self, time_us: int, power_kw: float, weight: int = 1) -> None:
        """Take one value in; older than two days is ignored."""
        minute = time_us // MINUTE_US
        slot = minute % MINUTES
        held = self._minute[slot]
        if held != minute:
            if held > minute:
                return
            self._minute[slot], self._sum[slot], self._count[slot] = minute, 0.0, 0
        self._sum[slot] += power_kw * weight
        self._count[slot] += weight

    def preload(self, means: Iterable[tuple[int, float | None, int]]) -> None:
        """Minute means from the database: (time_us, kW, samples)."""
        for time_us, mean_kw, count in means:
            if mean_kw is not None:
                self.add(time_us, mean_kw, max(1, count))

    def mean(self, from_us: int, to_us: int) -> float | None:
        """Mean over minutes that begin in [from_us, to_us), kW; None without data."""
        found = self.means(from_us, to_us, max(MINUTE_US, to_us - from_us))
        return None if not len(found) or np.isnan(found[0]) else float(found[0])

    def means(self, from_us: int, to_us: int, width_us: int) -> Floats:
        """Means of buckets of whole minutes that begin at `from_us` and every `width_us` after it, NaN where there is nothing."""
        first, end = -(-from_us // MINUTE_US), -(-to_us // MINUTE_US)
        size = max(1, -(-width_us // MINUTE_US))
        buckets = max(0, -(-(to_us - from_us) // width_us))
        minutes = np.arange(first, first + buckets * size)
        slots = minutes % MINUTES
        counts = self._counts[slots]
        known = (self._minutes[slots] == minutes) & (counts > 0) & (minutes < end)
        of_minute = np.where(known, self._sums[slots] / np.maximum(counts, 1), 0.0)
        number = known.reshape(buckets, size).sum(axis=1)
        found: Floats = np.where(number > 0, of_minute.reshape(buckets, size).sum(axis=1) / np.maximum(number, 1), np.nan)
        return found

    def points(self, from_us: int, to_us: int, width_us: int) -> list[tuple[int, float | None]]:
        """(start of bucket, mean kW or None) over [from_us, to_us)."""
        width_us = max(MINUTE_US, width_us // MINUTE_US * MINUTE_US)
        means: list[float] = self.means(from_us, to_us, width_us).tolist()
        return [(at, None if mean != mean else mean) for at, mean in zip(range(from_us, to_us, width_us), means, strict=True)]  # noqa: PLR0124 (NaN)
