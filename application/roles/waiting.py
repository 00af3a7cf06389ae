"""A role that has nothing to work with yet is alive all the same: it says what it waits for, so that nobody starts it again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from application.roles.common import Reporter, here
from config.settings import Settings
from data_transfer.kafka.options import KafkaOptions
from domain.ports import Clock
from domain.role import RoleStatus
from runtime.supervisor import Supervisor

log = logging.getLogger(__name__)


class Waiting:
    """`because` as often as one looks, `status` from memory."""

    def __init__(self, name: str, role: str, clock: Clock) -> None:
        self._name, self._role, self._clock = name, role, clock
        self._started_us = clock.now_us()
        self._reason: str | None = None

    def because(self, reason: str) -> None:
        """Logged when it is another than before."""
        if reason != self._reason:
            log.warning("waiting for %s", reason)
            self._reason = reason

    def status(self) -> RoleStatus:
        """As one that starts, with what it waits for."""
        return RoleStatus(
            self._name, self._role, *here(), self._started_us, self._clock.now_us(), "starting", self._reason,
            taken=0, delivered=0, refused=0, waiting=0,
        )  # fmt: skip


@contextlib.asynccontextmanager
async def waiting(settings: Settings, options: KafkaOptions, name: str, role: str, clock: Clock) -> AsyncIterator[Waiting]:
    """Told in the file and to the other roles until the block ends."""
    made = Waiting(name, role, clock)
    reporter = Reporter(settings, options, name, lambda: [made.status()], clock)
    jobs: dict[str, Callable[[], Awaitable[None]]] = {"announce": reporter.announce, "status-file": reporter.write}
    telling = asyncio.create_task(Supervisor(clock).run(jobs), name=f"{name}:waiting")
    try:
        yield made
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
