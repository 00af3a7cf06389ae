"""Minute means of one power tag over the last two days, in memory: sparks and trends cost no query per browser."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

MINUTE_US = 60_000_000
MINUTES = 2 * 24 * 60 + 60


class PowerTrace:
    """A ring of minutes; about 70 kB. Values in kW."""

    def __init__(self) -> None:
        self._minute = array("q", [-1]) * MINUTES
        self._sum = array("d", [0.0]) * MINUTES
        self._count = array("l", [0]) * MINUTES

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
        total, count = 0.0, 0
        for minute in range(-(-from_us // MINUTE_US), -(-to_us // MINUTE_US)):
            slot = minute % MINUTES
            if self._minute[slot] == minute and self._count[slot]:
                total += self._sum[slot] / self._count[slot]
                count += 1
        return total / count if count else None

    def points(self, from_us: int, to_us: int, width_us: int) -> list[tuple[int, float | None]]:
        """(start of bucket, mean kW or None) over [from_us, to_us)."""
        width_us = max(MINUTE_US, width_us // MINUTE_US * MINUTE_US)
        return [(start, self.mean(start, min(start + width_us, to_us))) for start in range(from_us, to_us, width_us)]
