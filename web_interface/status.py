"""StatusService: what the product knows about itself, gathered from those who know."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.feed import FeedStatus
from domain.health import Books, DeviceStatus, LineStatus, StorageStatus, TaskStatus
from domain.plugin import PluginStatus
from domain.ports import Clock
from domain.role import RoleStatus

RATE_WINDOW_S = 10.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Calls that answer from memory."""

    lines: Callable[[], Sequence[LineStatus]]
    devices: Callable[[], Sequence[DeviceStatus]]
    tasks: Callable[[], Sequence[TaskStatus]]
    storage: Callable[[], StorageStatus]
    books: Callable[[], Books]
    loop_lag_ms: Callable[[], float]
    samples_taken: Callable[[], int]
    feeds: Callable[[], Sequence[FeedStatus]] = tuple
    plugins: Callable[[], Sequence[PluginStatus]] = tuple
    roles: Callable[[], Sequence[RoleStatus]] = tuple


class Status:
    """See services.StatusService. `run` measures the rate of values."""

    def __init__(self, clock: Clock, sources: Sources) -> None:
        self._clock, self._sources = clock, sources
        self._started_us = clock.now_us()
        self._marks: deque[tuple[float, int]] = deque()

    async def run(self) -> None:
        """Note the count of values each second until cancelled."""
        while True:
            now = self._clock.monotonic()
            self._marks.append((now, self._sources.samples_taken()))
            while now - self._marks[0][0] > RATE_WINDOW_S:
                self._marks.popleft()
            await self._clock.sleep(1.0)

    def lines(self) -> Sequence[LineStatus]:
        return self._sources.lines()

    def devices(self) -> Sequence[DeviceStatus]:
        return self._sources.devices()

    def tasks(self) -> Sequence[TaskStatus]:
        return self._sources.tasks()

    def plugins(self) -> Sequence[PluginStatus]:
        return self._sources.plugins()

    def storage(self) -> StorageStatus:
        return self._sources.storage()

    def books(self) -> Books:
        return self._sources.books()

    def feeds(self) -> Sequence[FeedStatus]:
        return self._sources.feeds()

    def roles(self) -> Sequence[RoleStatus]:
        return self._sources.roles()

    def started_us(self) -> int:
        return self._started_us

    def samples_per_second(self) -> float:
        """Mean over the last ten seconds, values/s."""
        if len(self._marks) < 2:
            return 0.0
        (t0, n0), (t1, n1) = self._marks[0], self._marks[-1]
        return (n1 - n0) / (t1 - t0) if t1 > t0 else 0.0

    def loop_lag_ms(self) -> float:
        return self._sources.loop_lag_ms()

    def keeping(self) -> bool:
        """Readiness: what is read is being kept, in the database or the journal."""
        return self._sources.storage().state in {"ok", "journal"}
