"""A clock that a test moves in jumps, however long, while sockets and disks go on in real time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time


class PlayClock:
    """Implements domain.ports.Clock. Time stands still until `jump`; who sleeps past the target sleeps on.

    After a jump each sleeper that is due wakes once, however many of its periods were jumped over: as on a machine that was
    suspended.
    """

    def __init__(self, now_us: int) -> None:
        self._now_us, self._mono = now_us, 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._mono

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._mono + seconds, next(self._numbers), future))
        await future

    def jump_to(self, time_us: int) -> None:
        """Go to that time and wake who is due by then. Never backwards."""
        assert time_us >= self._now_us, "a recording runs forwards"
        self._mono += (time_us - self._now_us) / 1e6
        self._now_us = time_us
        while self._sleepers and self._sleepers[0][0] <= self._mono + 1e-9:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    def jump(self, seconds: float) -> None:
        self.jump_to(self._now_us + round(seconds * 1e6))


class DeviceClock:
    """What simulated devices live by: the wall clock of the recording, but real time on the wire, where silences count."""

    def __init__(self, play: PlayClock) -> None:
        self._play = play

    def now_us(self) -> int:
        return self._play.now_us()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
