"""Small figures that the poller keeps about itself: lateness, load, errors of the last hour. Bounded memory, cheap to feed."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

_STEP: Final = 1.2
_EDGES_S: Final = tuple(1e-4 * _STEP**i for i in range(80))  # 0.1 ms to about 180 s, each 20 % above the last


@dataclass(frozen=True, slots=True)
class LatenessStats:
    """How late polls started behind their grid point, ms (percentiles rounded up by at most 20 %); `skipped` overdue points."""

    polls: int
    skipped: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Lateness:
    """A histogram of seconds with buckets of constant relative width."""

    __slots__ = ("_counts", "count", "max_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(_EDGES_S) + 1)
        self.count = 0
        self.max_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_EDGES_S, seconds)] += 1
        self.count += 1
        self.max_s = max(self.max_s, seconds)

    def merge(self, other: Lateness) -> None:
        self._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.max_s = max(self.max_s, other.max_s)

    def since(self, before: Lateness) -> Lateness:
        """What came after `before`, a state of the same histogram; the largest value is the upper edge of its bucket."""
        found = Lateness()
        found._counts = [max(0, now - then) for now, then in zip(self._counts, before._counts, strict=True)]
        found.count = sum(found._counts)
        found.max_s = self.max_s
        return found

    def quantile(self, share: float) -> float:
        """Upper edge of the bucket that holds the quantile, s; 0.0 without polls."""
        wanted, seen = share * self.count, 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(self.max_s, _EDGES_S[index]) if index < len(_EDGES_S) else self.max_s
        return 0.0

    def stats(self, skipped: int) -> LatenessStats:
        return LatenessStats(
            self.count, skipped, 1e3 * self.quantile(0.5), 1e3 * self.quantile(0.99), 1e3 * self.max_s
        )


class RollingSum:
    """Sum over about the last `window_s` seconds, kept in buckets."""

    __slots__ = ("_bucket_s", "_buckets", "_first_s", "_newest", "_window_s")

    def __init__(self, window_s: float, buckets: int, now_s: float) -> None:
        self._window_s, self._bucket_s = window_s, window_s / buckets
        self._buckets = [0.0] * buckets
        self._newest = int(now_s / self._bucket_s)
        self._first_s = now_s

    def _forward(self, now_s: float) -> None:
        wanted = int(now_s / self._bucket_s)
        for index in range(self._newest + 1, min(wanted, self._newest + len(self._buckets)) + 1):
            self._buckets[index % len(self._buckets)] = 0.0
        self._newest = max(self._newest, wanted)

    def add(self, now_s: float, amount: float) -> None:
        self._forward(now_s)
        self._buckets[self._newest % len(self._buckets)] += amount

    def total(self, now_s: float) -> float:
        self._forward(now_s)
        return sum(self._buckets)

    def share(self, now_s: float) -> float | None:
        """Total per second of the window (or of the time since start), None in the first second."""
        running = now_s - self._first_s
        return None if running < 1.0 else self.total(now_s) / min(running, self._window_s)
