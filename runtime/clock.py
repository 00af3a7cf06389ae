"""The real clock. Stamps come from the wall clock; timers from the monotonic one."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Implements domain.ports.Clock."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never step."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
