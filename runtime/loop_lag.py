"""How late the event loop runs its timers: the first sign that something blocks it."""

from __future__ import annotations

import asyncio
import time
from collections import deque

PERIOD_S = 0.25


class LoopLag:
    """Measures lag in ms over the last minute."""

    def __init__(self) -> None:
        self._lags_ms: deque[float] = deque(maxlen=int(60 / PERIOD_S))

    async def run(self) -> None:
        """Sample the lag until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(PERIOD_S)
            self._lags_ms.append(max(0.0, (time.monotonic() - before - PERIOD_S) * 1e3))

    def p99_ms(self) -> float:
        """The 99th percentile of the last minute, ms; 0 before the first measurement."""
        ordered = sorted(self._lags_ms)
        return ordered[int(0.99 * (len(ordered) - 1))] if ordered else 0.0

    def worst_ms(self) -> float:
        return max(self._lags_ms, default=0.0)
