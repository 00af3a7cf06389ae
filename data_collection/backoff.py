"""When to try again: doubling from 1 s to a limit, with jitter so that nobody comes back in step with the others."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 1.0
LIMIT_S: Final = 50.0  # leaves 10 s of the promised 60 to wait for a quiet moment on a shared line


class Backoff:
    """Back-off of one device or one line, on monotonic seconds. `next_at` is when the next attempt may start."""

    __slots__ = ("_first_s", "_limit_s", "_random", "failures", "next_at")

    def __init__(
        self, first_s: float = FIRST_S, limit_s: float = LIMIT_S, uniform: Callable[[], float] = random.random
    ) -> None:
        self._first_s, self._limit_s, self._random = first_s, limit_s, uniform
        self.failures = 0
        self.next_at = 0.0

    def failed(self, now_s: float) -> float:
        """Count a failure; returns the seconds until the next attempt (80 to 100 % of the nominal period)."""
        delay = min(self._limit_s, self._first_s * 2.0 ** min(self.failures, 16)) * (0.8 + 0.2 * self._random())
        self.failures += 1
        self.next_at = now_s + delay
        return delay

    def hold(self, now_s: float) -> float:
        """The longest period at once: for what trying soon can only make worse (a refused password)."""
        self.failures = max(self.failures, 16)
        return self.failed(now_s)

    def succeeded(self) -> None:
        self.failures = 0
        self.next_at = 0.0
