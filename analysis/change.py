"""Changes of level: a scorer that follows slow drift, Page-Hinkley's test, and change points of a whole series.

`AdaptiveScorer` needs no training: it compares a fast mean with a slow one that forgets, in units of the slow deviation. What
lies more than three deviations from the slow mean teaches it no more than three, so that an anomaly does not become the norm
at once.

`PageHinkley` (E. S. Page, Biometrika 41 (1954) 100; D. V. Hinkley, Biometrika 58 (1971) 509) tells that the mean has risen or
fallen by more than `drift`; both sides are watched.

`change_points` looks back over a whole series with PELT (R. Killick et al., J. Am. Stat. Assoc. 107 (2012) 1590; library
ruptures) and runs in the worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WARM_UP = 50


@dataclass(slots=True)
class AdaptiveScorer:
    """Deviation of the fast mean from the slow one, in slow standard deviations. Half-lives in rows."""

    fast_half_life: float
    slow_half_life: float
    count: int = 0
    fast: float = 0.0
    slow: float = 0.0
    variance: float = 0.0

    def add(self, value: float) -> float:
        """The score with this value; 0 while there is no deviation to measure with."""
        self.count += 1
        if self.count == 1:
            self.fast = self.slow = value
            return 0.0
        self.fast += (1 - 0.5 ** (1 / self.fast_half_life)) * (value - self.fast)
        deviation = math.sqrt(self.variance)
        score = (self.fast - self.slow) / deviation if self.count > WARM_UP and deviation > 0 else 0.0
        step = value - self.slow
        if self.count > WARM_UP and deviation > 0:
            step = min(max(step, -3 * deviation), 3 * deviation)
        gain = max(1 - 0.5 ** (1 / self.slow_half_life), 1 / self.count)
        self.slow += gain * step
        self.variance += gain * (step * step - self.variance)
        return score

    def memory(self) -> dict[str, Any]:
        """For `restore`."""
        return {"count": self.count, "fast": self.fast, "slow": self.slow, "variance": self.variance}

    def restore(self, memory: dict[str, Any]) -> None:
        """Go on from there."""
        self.count, self.fast = int(memory["count"]), float(memory["fast"])
        self.slow, self.variance = float(memory["slow"]), float(memory["variance"])


def rising_edges(scores: Sequence[float], threshold: float, dead_rows: int) -> list[int]:
    """Where |score| comes to lie above the threshold, at most once in `dead_rows`."""
    found: list[int] = []
    above = False
    for i, score in enumerate(scores):
        now = abs(score) > threshold
        if now and not above and (not found or i - found[-1] >= dead_rows):
            found.append(i)
        above = now
    return found


@dataclass(slots=True)
class PageHinkley:
    """`drift`: change of the mean that is tolerated; `threshold`: sum that signals; both in the unit of the values."""

    drift: float
    threshold: float
    count: int = 0
    mean: float = 0.0
    up: float = 0.0
    down: float = 0.0

    def add(self, value: float) -> int:
        """+1: the mean has risen, -1: it has fallen, 0: neither. It begins anew after a signal."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        self.up = max(0.0, self.up + value - self.mean - self.drift)
        self.down = max(0.0, self.down + self.mean - value - self.drift)
        if max(self.up, self.down) <= self.threshold:
            return 0
        side = 1 if self.up >= self.down else -1
        self.count, self.mean, self.up, self.down = 0, 0.0, 0.0, 0.0
        return side


def change_points(values: Sequence[float], least_rows: int = 12, penalty: float = 10.0) -> list[int]:
    """Indices at which the level changes. Runs in the worker; values are scaled by their median deviation first.

    `penalty`: how much better two levels must explain the values than one, in squared deviations.
    """
    import numpy as np  # noqa: PLC0415
    import ruptures  # noqa: PLC0415 - heavy: only in the worker

    series = np.asarray(values, dtype=np.float64)
    if len(series) < 2 * least_rows:
        return []
    steps = np.diff(series)
    spread = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2) or float(series.std()) or 1.0
    found = (
        ruptures.Pelt(model="l2", min_size=least_rows, jump=1).fit(series / spread).predict(pen=penalty * math.log(len(series)))
    )
    return [int(place) for place in found[:-1]]
