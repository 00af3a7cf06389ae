"""What looks at weeks of the past begins when their roll-ups are there.

After an import, a restore or a long outage hundreds of thousands of roll-ups are to be made. Until then every question about
the past is answered right, from samples, and slowly; keepers and learners that ask thousands of such questions would hold up the
pages.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from domain.ports import Clock

log = logging.getLogger(__name__)

MANY = 20_000  # buckets; live operation leaves some thousands for a moment
LOOK_S = 5.0
LONGEST_S = 1800.0
Job = Callable[[], Awaitable[None]]


class Rollups(Protocol):
    """What is asked of the keeper of roll-ups."""

    async def backlog(self) -> int: ...


def after_rollups(rollups: Rollups, clock: Clock, job: Job) -> Job:
    """The job, begun when no large backlog of roll-ups waits; after half an hour in any case."""

    async def run() -> None:
        until = clock.monotonic() + LONGEST_S
        while clock.monotonic() < until and await rollups.backlog() > MANY:
            await clock.sleep(LOOK_S)
        await job()

    return run
