"""One feed: from the writer's blocks and the events into its outbox, from there to the destination, for as long as it takes.

take -> queue (memory, bounded) -> outbox (synced) -> destination -> position

A destination that is away, slow or mad costs its own feed only: each feed has its queue, its outbox, its thread for the disk and
its task. When the outbox cannot be written the queue waits in memory; over its bound the oldest go and are counted as dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from data_transfer.destination import Connect, Destination
from domain.feed import DestinationAway, FeedEvent, FeedStatus, Kept, Outbox, Parcel, Refused
from domain.ports import Clock

log = logging.getLogger(__name__)

_R = TypeVar("_R")

GATHER_S = 0.5  # blocks come four times a second: two of them travel together
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
LONGEST_WISH_S = 300.0  # a destination may ask for more time than our longest pause, but not for a day
ANSWER_WITHIN_S = 120.0
MOST_AT_ONCE = 10_000
QUEUE_SAMPLES = 200_000
BEHIND_S = 30.0
TRIES_OF_A_MAD_PARCEL = 3


class FeedRunner:
    """`take` and `event` return at once; `run` is the feed's long-lived task; `close` keeps what is in memory."""

    def __init__(
        self, name: str, target: str, outbox: Outbox, connect: Connect, clock: Clock, *, gather_s: float = GATHER_S,
        most_at_once: int = MOST_AT_ONCE, with_events: bool = True,
    ) -> None:  # fmt: skip
        self.name, self._target, self._outbox, self._connect, self._clock = name, target, outbox, connect, clock
        self._gather_s, self._most, self._with_events = gather_s, most_at_once, with_events
        self._disk = ThreadPoolExecutor(1, f"feed-{name}")
        self._queue: deque[Kept | FeedEvent] = deque()
        self._queued = 0
        self._lost = 0  # dropped from the queue, not yet in the outbox's books
        self._news, self._waiting = asyncio.Event(), asyncio.Event()
        self._flushing = asyncio.Lock()
        self._state, self._since_us = "starting", clock.now_us()
        self._last_success_us: int | None = None
        self._last_error: str | None = None
        self._disk_error: str | None = None
        self._next_attempt_us: int | None = None
        self._answers: dict[str, int] = {}
        self._parcel: Parcel | None = None  # being delivered: a second try is the very same one
        self._tries = 0
        self._book = outbox.book()
        self._retry_now = asyncio.Event()
        self._opened = False

    # -- intake ---------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Find what an earlier run left, once. Raises OSError."""
        if not self._opened:
            await self._on_disk(self._outbox.open)
            self._opened = True
            await self._look()
            self._waiting.set()

    @property
    def source_number(self) -> int | None:
        return self._outbox.source_number

    def take(self, kept: Kept) -> None:
        """A block that the writer has just kept."""
        self._queue.append(kept)
        self._queued += kept.samples
        self._bound()
        self._news.set()

    def event(self, event: FeedEvent) -> None:
        """Something happened; nothing for a destination that has no place for events."""
        if not self._with_events:
            return
        self._queue.append(event)
        self._queued += 1
        self._bound()
        self._news.set()

    def _bound(self) -> None:
        while self._queued > QUEUE_SAMPLES and len(self._queue) > 1:
            oldest = self._queue.popleft()
            items = _items(oldest)
            self._queued -= items
            if isinstance(oldest, FeedEvent):  # a dropped block is noticed by its number
                self._lost += items

    # -- running --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. Raises OSError when the outbox cannot be opened."""
        await self.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_loop(), name=f"feed:{self.name}:outbox")
            tasks.create_task(self._deliver_loop(), name=f"feed:{self.name}:deliver")

    async def close(self) -> None:
        """Keep what is still in memory; what waits goes out after the next start."""
        if self._opened:
            with contextlib.suppress(OSError):
                while self._queue:
                    await self._flush()
            await self._on_disk(self._outbox.close)
        self._disk.shutdown(wait=True)

    async def _keep_loop(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._flush()
            except OSError as exc:
                if self._disk_error is None:
                    log.error("feed %s: its outbox cannot be written: %s", self.name, exc)
                self._disk_error = f"outbox: {exc.strerror or exc}"
                self._news.set()
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, 10.0)
            else:
                self._disk_error, pause_s = None, FIRST_PAUSE_S

    async def _flush(self) -> None:
        """Queue to outbox. Raises OSError; what was not written is still in the queue.

        Goes on when the caller is cancelled: half of it must not be forgotten.
        """
        await asyncio.shield(asyncio.create_task(self._flush_whole()))

    async def _flush_whole(self) -> None:
        async with self._flushing:
            while self._queue:
                events: list[FeedEvent] = []
                kept: Kept | None = None
                for item in self._queue:
                    if isinstance(item, FeedEvent):
                        events.append(item)
                    elif kept is None:
                        kept = item
                    else:
                        break
                await self._on_disk(partial(self._write, kept, events, self._lost))
                self._lost = 0
                for _ in range(len(events) + (kept is not None)):
                    self._queued -= _items(self._queue.popleft())
                await self._look()
                self._waiting.set()

    def _write(self, kept: Kept | None, events: Sequence[FeedEvent], lost: int) -> None:
        if lost:
            self._outbox.miss(lost)
        self._outbox.append(kept, events)

    async def _deliver_loop(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._connect() as destination:
                    while True:
                        await self._deliver_next(destination)
                        pause_s = FIRST_PAUSE_S
            except DestinationAway as exc:
                wait_s = pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
                if exc.retry_after_s is not None:
                    wait_s = min(max(wait_s, exc.retry_after_s), LONGEST_WISH_S)
                self._note_away(str(exc), wait_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                await self._sleep(wait_s)
            except OSError as exc:  # of the outbox: the ways out translate theirs
                self._note_away(f"outbox: {exc.strerror or exc}", pause_s)
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _sleep(self, seconds: float) -> None:
        """A back-off that a person can cut short."""
        self._retry_now.clear()
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        asked = asyncio.ensure_future(self._retry_now.wait())
        try:
            await asyncio.wait({sleeping, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, asked):
                task.cancel()

    async def _deliver_next(self, destination: Destination) -> None:
        parcel = self._parcel or await self._on_disk(partial(self._outbox.next, self._most))
        if parcel is None:
            self._waiting.clear()
            if (await self._on_disk(self._outbox.book)).waiting == 0:
                await self._waiting.wait()
            await self._clock.sleep(self._gather_s)
            return
        self._parcel = parcel
        refused = await self._delivered(destination, parcel)
        await self._on_disk(partial(self._outbox.settle, parcel, refused))
        self._parcel, self._tries = None, 0
        await self._look()
        self._note_success()
        if refused:
            log.warning("feed %s: %d items refused for good: %s", self.name, sum(map(len, refused)), refused[0].reason)
        if len(parcel) < self._most // 2:
            await self._clock.sleep(self._gather_s)

    async def _delivered(self, destination: Destination, parcel: Parcel) -> Sequence[Refused]:
        """A parcel that crashed the feed again and again must not hold up the others (P7)."""
        self._tries += 1
        if self._tries > TRIES_OF_A_MAD_PARCEL:
            return [Refused("the feed cannot handle these", parcel.samples, parcel.texts, parcel.events)]
        if not len(parcel) and not parcel.texts:
            return ()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                refused = await destination.deliver(parcel)
        except TimeoutError as exc:
            self._tries -= 1
            raise DestinationAway(f"no answer within {ANSWER_WITHIN_S:.0f} s") from exc
        except DestinationAway:
            self._tries -= 1
            raise
        finally:
            self._answers = dict(destination.answers)
        return refused

    # -- state ----------------------------------------------------------------------------------------------------

    def _note_success(self) -> None:
        now = self._clock.now_us()
        self._last_success_us = now
        self._next_attempt_us = None
        oldest = self._book.oldest_waiting_us
        state = "behind" if oldest is not None and now - oldest > BEHIND_S * 1e6 else "ok"
        if self._state == "away":
            log.warning("feed %s: the destination takes data again", self.name)
        if state != self._state:
            self._state, self._since_us = state, now

    def _note_away(self, reason: str, wait_s: float) -> None:
        now = self._clock.now_us()
        if self._state != "away":
            log.error("feed %s: the destination takes nothing, data waits on the disk: %s", self.name, reason)
            self._state, self._since_us = "away", now
        self._last_error = reason
        self._next_attempt_us = now + int(wait_s * 1e6)

    def status(self) -> FeedStatus:
        """From memory."""
        state = "failed" if self._disk_error is not None else self._state
        error = self._disk_error or (self._last_error if self._state == "away" else None)
        return FeedStatus(
            self.name, state, self._target, self._since_us, self._last_success_us, error, self._next_attempt_us, self._book,
            self._answers,
        )  # fmt: skip

    # -- quarantine -----------------------------------------------------------------------------------------------

    async def quarantine(self, most: int = 100) -> Sequence[Refused]:
        return await self._on_disk(partial(self._outbox.quarantine, most))

    async def retry_quarantine(self) -> int:
        """Queue everything refused once more; how many items. Raises OSError."""
        count = await self._on_disk(self._outbox.retry_quarantine)
        await self._look()
        self._waiting.set()
        self._retry_now.set()
        return count

    async def discard_quarantine(self) -> int:
        """Give up everything refused; how many items. Raises OSError."""
        count = await self._on_disk(self._outbox.discard_quarantine)
        await self._look()
        return count

    async def _look(self) -> None:
        self._book = await self._on_disk(self._outbox.book)

    async def _on_disk(self, work: Callable[[], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)


def _items(item: Kept | FeedEvent) -> int:
    return 1 if isinstance(item, FeedEvent) else item.samples
