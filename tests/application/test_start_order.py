"""What looks at weeks of the past waits for their roll-ups, but not for ever."""

from __future__ import annotations

import asyncio

from application.start_order import LONGEST_S, MANY, after_rollups
from tests.conftest import FakeClock


class Rollups:
    def __init__(self, waiting: int) -> None:
        self.waiting = waiting

    async def backlog(self) -> int:
        return self.waiting


async def test_a_job_begins_when_the_backlog_is_small(fake_clock: FakeClock) -> None:
    rollups, begun = Rollups(MANY + 1), asyncio.Event()

    async def job() -> None:
        begun.set()

    running = asyncio.create_task(after_rollups(rollups, fake_clock, job)())
    await fake_clock.advance(60.0)
    assert not begun.is_set()
    rollups.waiting = 10
    await fake_clock.advance(6.0)
    assert begun.is_set()
    await running


async def test_a_job_begins_in_the_end(fake_clock: FakeClock) -> None:
    begun = asyncio.Event()

    async def job() -> None:
        begun.set()

    running = asyncio.create_task(after_rollups(Rollups(MANY * 9), fake_clock, job)())
    await fake_clock.advance(LONGEST_S + 6.0)
    assert begun.is_set()
    await running
