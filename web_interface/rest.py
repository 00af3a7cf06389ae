"""A long background pass leaves most of the event loop to those who ask for something now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

AT_ONCE_S = 0.1  # a pass over a small plant is done before that, without a rest
SHARE = 0.25  # of the time, for what a longer one takes
LONGEST_S = 0.5


class Rest:
    """Of one pass: `breathe` between its steps. Time waited for a store counts as work, so that a slow store is asked less."""

    def __init__(
        self, now: Callable[[], float] = time.perf_counter, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._now, self._sleep = now, sleep
        self._since = now()
        self._free_s = AT_ONCE_S

    async def breathe(self) -> None:
        """Rests as long as the work since the last rest makes due."""
        worked = self._now() - self._since
        if worked <= self._free_s:
            await self._sleep(0)
            return
        await self._sleep(min((worked - self._free_s) * (1 / SHARE - 1), LONGEST_S))
        self._free_s, self._since = 0.0, self._now()
