"""Keeping samples where there is no database: batches become blocks, and each block goes to the outboxes of the feeds.

put -> queue (memory, bounded) -> block -> outbox of each feed (synced by it)

The numbers of the blocks go on across restarts from what the outboxes know, so that a hole is noticed and counted there.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from database.columns import PlanCache, encode_sound
from domain.feed import Kept
from domain.ports import Clock
from domain.sample import Batch

log = logging.getLogger(__name__)

FLUSH_S = 0.25
BLOCK_SAMPLES = 50_000
QUEUE_SAMPLES = 500_000
Follower = tuple[Callable[[Kept], None], Callable[[], tuple[int, int] | None]]
"""What takes a block, and (number, samples behind it) of the newest block it has safe."""


class EdgeIntake:
    """`put` is the bus' sink. Run `run`; `flush` at the end. Nothing is lost but what was read in the last FLUSH_S (P1)."""

    def __init__(self, clock: Clock, followers: Sequence[Follower], *, flush_s: float = FLUSH_S) -> None:
        self._clock, self._followers, self._flush_s = clock, followers, flush_s
        self._queue: deque[Batch] = deque()
        self._queued = 0
        self._plans = PlanCache()
        self._number: int | None = None
        self._before = 0
        self.taken = 0
        self._lost: Counter[str] = Counter()

    @property
    def lost(self) -> Mapping[str, int]:
        """Samples that never came to an outbox, by reason."""
        return self._lost

    @property
    def queued(self) -> int:
        return self._queued

    def put(self, batch: Batch) -> None:
        """Take a batch over; never blocks."""
        self._queue.append(batch)
        self._queued += len(batch)
        self.taken += len(batch)
        while self._queued > QUEUE_SAMPLES and len(self._queue) > 1:
            gone = len(self._queue.popleft())
            self._queued -= gone
            self._lost["storage_full"] += gone

    async def run(self) -> None:
        """Until cancelled; the outboxes are open."""
        while True:
            await self._clock.sleep(self._flush_s)
            self.flush()

    def flush(self) -> None:
        """Everything that waits, as blocks."""
        if self._number is None:
            self._go_on()
        while self._queue:
            batches: list[Batch] = []
            count = 0
            while self._queue and count < BLOCK_SAMPLES:
                batch = self._queue.popleft()
                batches.append(batch)
                count += len(batch)
            self._queued -= count
            self._tell(batches)

    def _go_on(self) -> None:
        known = [found for _, newest in self._followers if (found := newest()) is not None]
        self._number, self._before = max(known, default=(0, 0))

    def _tell(self, batches: list[Batch]) -> None:
        _good, columns, block = encode_sound(batches, self._plans)
        if lost := sum(map(len, batches)) - len(columns):
            self._lost["malformed"] += lost
        if not len(columns) and not columns.texts:
            return
        assert self._number is not None  # noqa: S101 - set by flush
        self._number += 1
        oldest, newest = columns.span_us
        kept = Kept(self._number, self._before, len(columns), oldest, newest, block)
        self._before += len(columns)
        for take, _newest in self._followers:
            take(kept)
