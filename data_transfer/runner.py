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
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from data_transfer.destination import Connect, Destination
from data_transfer.events import of_gap
from data_transfer.sieve import Sieve
from domain.feed import (
    ALIGNED,
    EVERYTHING,
    BacklogCost,
    BacklogPart,
    DestinationAway,
    FeedEvent,
    FeedGap,
    FeedStatus,
    Kept,
    Moved,
    Outbox,
    OutboxBook,
    Parcel,
    Quarantined,
    Refused,
)  # fmt: skip
from domain.ports import Clock

log = logging.getLogger(__name__)

_R = TypeVar("_R")

GATHER_S = 0.5  # blocks come four times a second: two of them travel together
GATHER_EVENTS_S = 0.05  # where many machines change at once their events share a write and its sync
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
LONGEST_WISH_S = 300.0  # a destination may ask for more time than our longest pause, but not for a day
ANSWER_WITHIN_S = 120.0  # the next one
MOST_AT_ONCE, FEWEST_AT_ONCE = 10_000, 100
LONGEST_DELIVERY_S = 10.0  # a slow destination is given less at once: what it has taken is settled and shown that often
QUEUE_SAMPLES = 200_000
BEHIND_S = 30.0
TRIES_OF_A_STUBBORN_PARCEL = 2  # whole; then it is sifted
MOST_PATIENCE = 8
GAPS_SHOWN = 20
SIFT_AT_ONCE_S = 600.0  # where one value stopped a parcel the next that fails is sifted without waiting


class FeedRunner:
    """`take` and `event` return at once; `run` is the feed's long-lived task; `close` keeps what is in memory."""

    def __init__(
        self, name: str, target: str, outbox: Outbox, connect: Connect, clock: Clock, *, gather_s: float = GATHER_S,
        most_at_once: int = MOST_AT_ONCE, with_events: bool = True, with_frames: bool = True,
    ) -> None:  # fmt: skip
        self.name, self._target, self._outbox, self._connect, self._clock = name, target, outbox, connect, clock
        self._gather_s, self._most, self._with_events, self._with_frames = gather_s, most_at_once, with_events, with_frames
        self._disk = ThreadPoolExecutor(1, f"feed-{name}")
        self._queue: deque[Kept | FeedEvent] = deque()
        self._queued = 0
        self._lost: list[FeedEvent] = []  # dropped from the queue, not yet in the outbox's books
        self._news, self._waiting = asyncio.Event(), asyncio.Event()
        self._flushing = asyncio.Lock()
        self._state, self._since_us = "starting", clock.now_us()
        self._last_success_us: int | None = None
        self._last_error: str | None = None
        self._disk_error: str | None = None
        self._next_attempt_us: int | None = None
        self._answers: dict[str, int] = {}
        self._parcel: Parcel | None = None  # being delivered: a second try is the very same one
        self._stumbles = 0  # of the parcel as a whole, where the destination failed upon it
        self._sieve: Sieve | None = None
        self._patience = 1
        self._at_once = most_at_once
        self._sifted_at: float | None = None
        self._book = outbox.book()
        self._gaps: Sequence[FeedGap] = ()
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

    @property
    def source(self) -> tuple[int, int] | None:
        """The same with how many samples were kept up to its end."""
        return self._outbox.source

    def take(self, kept: Kept) -> None:
        """A block that the writer has just kept."""
        self._queue.append(kept)
        self._queued += kept.samples
        self._bound()
        self._news.set()

    def event(self, event: FeedEvent) -> None:
        """Something happened; nothing for a destination that has no place for events."""
        if not self._with_events or (event.kind == ALIGNED and not self._with_frames):
            return
        self._queue.append(event)
        self._queued += 1
        self._bound()
        self._news.set()

    def _bound(self) -> None:
        while self._queued > QUEUE_SAMPLES and len(self._queue) > 1:
            oldest = self._queue.popleft()
            self._queued -= _items(oldest)
            if isinstance(oldest, FeedEvent):  # a dropped block is noticed by its number
                self._lost.append(oldest)

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
            if all(isinstance(item, FeedEvent) for item in self._queue):
                await self._clock.sleep(GATHER_EVENTS_S)
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
                lost = len(self._lost)
                await self._on_disk(partial(self._outbox.append, kept, events, self._lost[:lost]))
                del self._lost[:lost]
                for _ in range(len(events) + (kept is not None)):
                    self._queued -= _items(self._queue.popleft())
                await self._look()
                self._waiting.set()

    async def _deliver_loop(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._connect() as destination:
                    while True:
                        await self._deliver_next(destination)
                        pause_s = FIRST_PAUSE_S
            except DestinationAway as exc:
                wait_s = (FIRST_PAUSE_S if self._sieve is not None and exc.at_parcel else pause_s) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
                if exc.retry_after_s is not None:
                    wait_s = min(max(wait_s, exc.retry_after_s), LONGEST_WISH_S)
                self._note_away(str(exc), wait_s)
                if self._sieve is None or not exc.at_parcel:
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
        parcel = self._parcel or await self._on_disk(partial(self._outbox.next, self._at_once * self._patience))
        if parcel is None:
            self._waiting.clear()
            if (await self._on_disk(self._outbox.book)).waiting == 0:
                await self._waiting.wait()
            await self._clock.sleep(self._gather_s)
            return
        self._parcel = parcel
        begin = self._clock.monotonic()
        refused = await (self._delivered(destination, parcel) if self._sieve is None else self._sifted(destination, self._sieve))
        if refused is None or self._parcel is not parcel:  # or it was given up meanwhile
            return
        await self._on_disk(partial(self._outbox.settle, parcel, refused))
        self._parcel, self._sieve, self._stumbles, self._patience = None, None, 0, 1
        await self._look()
        self._note_success()
        self._note_pace(self._clock.monotonic() - begin)
        if refused:
            log.warning("feed %s: %d items refused for good: %s", self.name, sum(map(len, refused)), refused[0].reason)
        if len(parcel) < self._at_once // 2:
            await self._clock.sleep(self._gather_s)

    async def _delivered(self, destination: Destination, parcel: Parcel) -> Sequence[Refused]:
        """Raises DestinationAway; whatever else the feed's own code raises is remembered against the parcel."""
        if not len(parcel) and not parcel.texts:
            return ()
        try:
            return await _as_long_as_it_answers(destination, parcel)
        except DestinationAway as exc:
            if exc.at_parcel:
                self._stumbled()
            raise
        except Exception as exc:  # a parcel that crashes the feed again and again must not hold up the others (P7)
            if self._sieve is None:
                self._stumbled()
                raise
            log.exception("feed %s cannot handle what it was given", self.name)
            reason = f"the feed cannot handle it: {type(exc).__name__}: {exc}"
            raise DestinationAway(reason, at_parcel=True, way_open=True) from exc
        finally:
            self._answers = dict(destination.answers)

    # -- a parcel the destination fails upon ----------------------------------------------------------------------------

    def _stumbled(self) -> None:
        """The destination failed upon the parcel as a whole: twice, and it is sifted; at once where that has helped lately."""
        if self._sieve is not None or self._parcel is None:
            return
        self._stumbles += 1
        lately = self._sifted_at is not None and self._clock.monotonic() - self._sifted_at < SIFT_AT_ONCE_S
        if lately or self._stumbles >= TRIES_OF_A_STUBBORN_PARCEL:
            self._sieve = Sieve(self._parcel, self._patience)

    async def _sifted(self, destination: Destination, sieve: Sieve) -> Sequence[Refused] | None:
        """Deliver the next part; what was refused when that was the last, else None. Raises DestinationAway."""
        if not sieve.over:
            await self._sift(destination, sieve)
        if sieve.again:
            self._sieve, self._stumbles = None, 0
        if sieve.again or not sieve.over:
            return None
        if sieve.refused:
            self._sifted_at = self._clock.monotonic()
        return sieve.refused

    async def _sift(self, destination: Destination, sieve: Sieve) -> None:
        try:
            sieve.took(await self._delivered(destination, sieve.part()))
            self._last_success_us = self._clock.now_us()
        except DestinationAway as exc:
            if not exc.at_parcel:
                raise
            sieve.failed(str(exc))
            if sieve.hopeless:  # from the front again, with what has come meanwhile
                self._parcel, self._sieve, self._stumbles = None, None, 0
                self._patience = min(self._patience * 2, MOST_PATIENCE)
                raise
            if not (exc.way_open and sieve.eager):
                raise

    # -- state ----------------------------------------------------------------------------------------------------

    def _note_success(self) -> None:
        self._last_success_us = self._clock.now_us()
        self._next_attempt_us = None
        if self._state == "away":
            log.warning("feed %s: the destination takes data again", self.name)
        self._note_age()

    def _note_age(self) -> None:
        now, oldest = self._clock.now_us(), self._book.oldest_waiting_us
        state = "behind" if oldest is not None and now - oldest > BEHIND_S * 1e6 else "ok"
        if state != self._state:
            self._state, self._since_us = state, now

    def _note_pace(self, took_s: float) -> None:
        if took_s > LONGEST_DELIVERY_S:
            self._at_once = max(min(FEWEST_AT_ONCE, self._most), self._at_once // 2)
        elif took_s < LONGEST_DELIVERY_S / 4:
            self._at_once = min(self._most, self._at_once * 2)

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
            self._answers, self._gaps[-GAPS_SHOWN:],
        )  # fmt: skip

    # -- quarantine -----------------------------------------------------------------------------------------------

    async def quarantine(self, most: int = 100, skip: int = 0, numbers: Collection[int] | None = None) -> Sequence[Quarantined]:
        return await self._on_disk(partial(self._outbox.quarantine, most, skip, numbers))

    async def retry_quarantine(self, numbers: Collection[int] | None = None) -> Moved:
        """Queue what was refused once more, everything or those entries. Raises OSError."""
        moved = await self._on_disk(partial(self._outbox.retry_quarantine, numbers))
        await self._look()
        self._waiting.set()
        self._retry_now.set()
        return moved

    async def discard_quarantine(self, numbers: Collection[int] | None = None) -> Moved:
        """Give up what was refused, everything or those entries. Raises OSError."""
        moved = await self._on_disk(partial(self._outbox.discard_quarantine, numbers))
        await self._look()
        return moved

    async def backlog_cost(self, part: BacklogPart) -> BacklogCost:
        """Raises OSError."""
        return await self._on_disk(partial(self._outbox.backlog_cost, part))

    async def discard_backlog(self, part: BacklogPart = EVERYTHING) -> int:
        """Give up what waits, or that part of it; how many items. Raises OSError."""
        self._parcel, self._sieve, self._stumbles, self._patience = None, None, 0, 1
        count = await self._on_disk(partial(self._outbox.discard_backlog, part))
        await self._look()
        self._retry_now.set()
        return count

    async def _look(self) -> None:
        self._book, self._gaps, news = await self._on_disk(self._see)
        for gap in news:  # the destination is told what it does not get
            self.event(of_gap(self.name, gap))
        if self._state == "ok":  # more comes than a slow destination has taken yet
            self._note_age()

    def _see(self) -> tuple[OutboxBook, Sequence[FeedGap], Sequence[FeedGap]]:
        return self._outbox.book(), self._outbox.gaps(), self._outbox.new_gaps()

    async def _on_disk(self, work: Callable[[], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)


async def _as_long_as_it_answers(destination: Destination, parcel: Parcel) -> Sequence[Refused]:
    """A slow destination is waited for while there is ever one more answer. Raises DestinationAway and what the feed raises."""
    task, seen = asyncio.ensure_future(destination.deliver(parcel)), sum(destination.answers.values())
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=ANSWER_WITHIN_S)
            before, seen = seen, sum(destination.answers.values())
            if not task.done() and seen == before:
                raise DestinationAway(f"no answer within {ANSWER_WITHIN_S:.0f} s", at_parcel=True)
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _items(item: Kept | FeedEvent) -> int:
    return 1 if isinstance(item, FeedEvent) else item.samples
