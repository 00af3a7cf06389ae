"""What the tests of slow destinations share: all of it arrives, the backlog is seen meanwhile, others do not wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from data_transfer.runner import FeedRunner
from domain.feed import Parcel, Refused
from tests.conftest import eventually
from tests.data_transfer.plant import batch, kept, runner
from tests.slow_way import SlowWay

BLOCKS = 40  # of three samples


class Quick:
    """Another destination: takes all at once."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Quick]:
        yield self

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        self.answers["taken"] += len(parcel)
        return ()


@asynccontextmanager
async def running(*feeds: FeedRunner) -> AsyncIterator[None]:
    for one in feeds:
        await one.open()
    tasks = [asyncio.create_task(one.run()) for one in feeds]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in feeds:
            await one.close()


async def slow_then_quick(slow: FeedRunner, way: SlowWay, folder: Path, *, blocks: int = BLOCKS, **how: float) -> None:
    """All of it arrives; meanwhile the backlog is told with size and age, another feed has everything at once."""
    other = runner("other", Quick().open, folder)
    states: set[str] = set()
    told: set[str | None] = set()
    async with running(slow, other):
        slow.take(kept(1))
        await eventually(lambda: slow.status().book.delivered == 3, 30)  # the way is open
        for name, value in how.items():
            setattr(way, name, value)
        connections = way.connections
        much = [batch(number) for number in range(2, blocks + 2)]
        slow.take(kept(2, much))
        other.take(kept(2, much, kept_before=0))
        await eventually(lambda: other.status().book.delivered == blocks * 3, 30)
        book = slow.status().book
        assert book.waiting > 0
        assert book.oldest_waiting_us is not None
        assert book.taken == book.delivered + book.waiting

        def through() -> bool:
            states.add(slow.status().state)
            told.add(slow.status().last_error)
            return slow.status().book.waiting == 0

        await eventually(through, 60)
        way.quick()
        slow.take(kept(3, [batch(blocks + 2)], kept_before=(blocks + 1) * 3))
        await eventually(lambda: slow.status().book.delivered == (blocks + 2) * 3, 30)
        book = slow.status().book
        assert (book.taken, book.waiting, book.quarantined, book.dropped) == ((blocks + 2) * 3, 0, 0, 0)
        assert states <= {"ok", "behind"}, told  # slow is not away
        assert way.connections == connections  # nor was there a second try
