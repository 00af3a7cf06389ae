"""Owners of long-lived tasks: restart with back-off, show it, never lose an exception.

Holds the only broad `except Exception` of the product besides the bus: whatever a part raises, the others go on (P19).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from domain.health import TaskStatus
from domain.ports import Clock

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 60.0
STORM_RESTARTS = 5
STORM_WINDOW_S = 600.0


@dataclass(slots=True)
class _Owned:
    name: str
    state: str
    since_us: int
    restarts: int = 0
    last_error: str | None = None
    tried: float | None = None  # monotonic time at which the present try began; None between two
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=STORM_RESTARTS))


class Supervisor:
    """Runs named jobs until cancelled. A job that raises is restarted after 1 s, 2 s ... 60 s; a job that returns is done.

    Five restarts within 10 min mark the job `failed` on the status page; it is still tried once a minute, and is `running` again
    when it has gone on for a minute.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owned: dict[str, _Owned] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self, jobs: dict[str, Callable[[], Awaitable[None]]]) -> None:
        """Run all `jobs` until this call is cancelled; leaving means every job has ended. Jobs end in reverse order of start."""
        tasks: list[asyncio.Task[None]] = []
        try:
            for name, job in jobs.items():
                tasks.append(asyncio.create_task(self.supervised(name, job), name=name))
            if tasks:
                await asyncio.wait(tasks)  # unlike gather it leaves the jobs alone when we are cancelled: they end one by one
        finally:
            for task in reversed(tasks):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def supervised(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Run one job, restarting it as the class says, until it returns or is cancelled."""
        owned = self._owned.setdefault(name, _Owned(name, "running", self._clock.now_us()))
        backoff_s = FIRST_BACKOFF_S
        while True:
            started = owned.tried = self._clock.monotonic()
            try:
                await job()
            except Exception as exc:  # noqa: BLE001 - the one owner of whatever a job raises
                backoff_s = self._note_failure(owned, exc, started, backoff_s)
            else:
                owned.state, owned.since_us = "done", self._clock.now_us()
                return
            await self._clock.sleep(backoff_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            if owned.state != "failed":
                owned.state = "running"

    def _note_failure(self, owned: _Owned, exc: Exception, started: float, backoff_s: float) -> float:
        now = self._clock.monotonic()
        owned.restarts, owned.tried = owned.restarts + 1, None
        error = f"{type(exc).__name__}: {exc}"
        lately = bool(owned.recent) and now - owned.recent[-1] < STORM_WINDOW_S
        known, owned.last_error = lately and error == owned.last_error, error
        owned.recent.append(now)
        storm = len(owned.recent) == STORM_RESTARTS and now - owned.recent[0] < STORM_WINDOW_S
        owned.state, owned.since_us = ("failed" if storm else "restarting"), self._clock.now_us()
        if known:  # an outage of half an hour is not told by the same traceback again and again
            log.error("task %s failed (restart %d): %s", owned.name, owned.restarts, error)
        else:
            log.error("task %s failed (restart %d)", owned.name, owned.restarts, exc_info=exc)
        if storm:
            return LONGEST_BACKOFF_S
        return FIRST_BACKOFF_S if now - started > LONGEST_BACKOFF_S else min(backoff_s * 2, LONGEST_BACKOFF_S)

    def statuses(self) -> tuple[TaskStatus, ...]:
        """Every job with its state, for the status page."""
        now = self._clock.monotonic()
        for one in self._owned.values():
            if one.state == "failed" and one.tried is not None and now - one.tried >= LONGEST_BACKOFF_S:
                one.state, one.since_us = "running", self._clock.now_us()
        return tuple(TaskStatus(o.name, o.state, o.restarts, o.since_us, o.last_error) for o in self._owned.values())
