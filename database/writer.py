"""Keeping samples: the bus hands batches in, the journal makes them safe, the database gets them in order.

put -> queue (memory, bounded) -> journal (synced: kept, acknowledged) -> tables (one commit a second, in order of time)

When the queue is full (journal and database both refuse for minutes) its oldest batches go; when the journal is at its limit its
oldest segment goes. Both are counted in the books and leave events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from database.columns import Columns, PlanCache, decode, encode_sound
from database.delivery import Delivery, DiskFull
from database.followers import Followers, OnRecord
from database.gaps import Gaps
from database.handover import Handover, Mark, Waiting, nothing_left
from database.journal import Journal, Record
from database.ledger import Ledger, ReadCounts, ledger_of_row
from database.space import DiskSpace, no_room
from database.waiting import WaitingRecords
from domain.errors import StorageError
from domain.health import Books, DestinationBook, StorageStatus
from domain.ports import Clock
from domain.sample import Batch

log = logging.getLogger(__name__)

_R = TypeVar("_R")
OnKept = Callable[[Sequence[Mark]], None]

QUEUE_SAMPLES = 500_000
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
LATE_S = 10.0  # kept longer ago than that and not in the tables: shown as "journal"
SPACE_EVERY_S = 5.0


class SampleWriter:
    """`put` is the bus' sink. `run` keeps until cancelled; `close` afterwards keeps what is left (P20)."""

    def __init__(
        self, delivery: Delivery, journal: Journal, clock: Clock, space: DiskSpace, *, kind: str = "sqlite",
        flush_s: float = 0.25, commit_s: float = 1.0, max_batch: int = 50_000, warnings: Sequence[str] = (),
    ) -> None:
        """Samples are on the disk `flush_s` after they came, in the tables about `commit_s` later, `max_batch` at once."""
        self._delivery, self._journal, self._clock, self._space, self._kind = delivery, journal, clock, space, kind
        self._flush_s, self._commit_s, self._max_batch, self._warnings = flush_s, commit_s, max_batch, tuple(warnings)
        self._gaps = Gaps()
        self._handover = Handover(delivery, clock, self._gaps)
        self._disk = ThreadPoolExecutor(1, "journal")
        self._plans = PlanCache()
        self._queue: deque[Batch] = deque()
        self._queued = 0
        self._flushing = 0  # samples on their way into the journal
        self._flushing_us: int | None = None  # time of the oldest of them
        self._memory = WaitingRecords()
        self._kept_number = 0  # newest record whose samples count as kept
        self._dropped: deque[Columns] = deque()  # by the journal's limit; filled in the journal's thread
        self.ledger = Ledger(clock.now_us())
        self._opened = False
        self._flush_lock, self._deliver_lock = asyncio.Lock(), asyncio.Lock()
        self._work: set[asyncio.Task[Any]] = set()
        self._news = asyncio.Event()
        self._callbacks: list[OnKept] = []
        self._followers = Followers()
        self._intake_error: str | None = None
        self._table_error: str | None = None
        self._intake_full = self._table_full = False
        self._latency_ms: float | None = None
        self._written_us: int | None = None
        self._oldest_us: int | None = None

    # -- what others call ---------------------------------------------------------------------------------------

    def put(self, batch: Batch) -> None:
        """Take a batch over; never blocks. Raises ValueError when its columns differ in length."""
        count = len(batch.tag_ids)
        self.ledger.put += count
        if len(batch.values) != count or len(batch.qualities) != count:
            self.ledger.lost["malformed"] += count
            lengths = f"{count} tags, {len(batch.values)} values, {len(batch.qualities)} qualities"
            raise ValueError(f"batch of {batch.device_id}: {lengths}")
        self._queue.append(batch)
        self._queued += count
        while self._queued > QUEUE_SAMPLES and len(self._queue) > 1:
            self._lose(self._queue.popleft())

    async def put_all(self, batches: Iterable[Batch]) -> None:
        """Many at once, as fast as the disk takes them: for importing history. Returns when all are in the tables."""
        await self._unbroken(self._open)
        for batch in batches:
            self.put(batch)
            if self._queued >= self._max_batch:
                await self._settle_once()
        await self.settled()

    async def settled(self, timeout_s: float = 60.0) -> None:
        """Wait until all that was put is in the tables. Raises TimeoutError when nothing moves for that long."""
        await self._unbroken(self._open)
        while self._queue or self._flushing or self._pending():
            async with asyncio.timeout(timeout_s):
                await self._settle_once()

    def attach_counts(self, source: ReadCounts) -> None:
        """Processing's counts since start, for the books. Without it, read is what was put."""
        self.ledger.source = source

    def set_destinations(self, destinations: Iterable[DestinationBook]) -> None:
        """Books of the feeds, kept with ours."""
        self.ledger.other = tuple(destinations)

    def on_kept(self, callback: OnKept) -> None:
        """Called after a commit with the (tag_id, begin of minute) whose roll-ups became outdated by it."""
        self._callbacks.append(callback)

    def follow(self, callback: OnRecord, after: Callable[[], int | None]) -> None:
        """Tell `callback` of every record that was kept, in order; it must return at once.

        `after`: number of the newest record it has safe, asked when the journal is opened: what the journal still holds beyond
        it is told first, so that a killed process leaves no hole between the two.
        """
        self._followers.add(callback, after)

    async def forget_marks(self, marks: Sequence[Mark]) -> None:
        """See Handover."""
        await self._handover.forget_marks(marks)

    def books(self) -> Books:
        """The counts as they are now, in balance."""
        return self.ledger.books(self._queued + self._flushing, self._dropped_unsettled(), self._table_error, self._oldest_us)

    def storage_status(self) -> StorageStatus:
        backlog = self.ledger.kept - self.ledger.settled - self._dropped_unsettled() + self._queued + self._flushing
        free = self._space.free_bytes()
        state, cause = self._state(backlog)
        return StorageStatus(
            state, cause, backlog, self._waiting_since_us() if backlog else None,
            self._journal.size_bytes, self._journal.limit_bytes, self._latency_ms,
            free, self._kind, (*self._warnings, *self._current_warnings(free)), self._written_us,
        )

    # -- running ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep until cancelled. May be started again after an error."""
        await self._unbroken(self._open)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flush_loop(), name="writer:journal")
            tasks.create_task(self._deliver_loop(), name="writer:tables")
            tasks.create_task(self._space_loop(), name="writer:space")

    async def close(self, patience_s: float = 5.0) -> None:
        """Keep what is still in memory; bring it to the tables if they take it within `patience_s`, else at the next start."""
        if self._opened or self._queue:
            with contextlib.suppress(StorageError):
                await self._unbroken(self._open)
        while self._work:
            await asyncio.gather(*self._work, return_exceptions=True)
        if self._opened:
            flushed = True
            while self._queue and flushed:
                flushed = await self._unbroken(self._flush)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    while self._pending() and await self._unbroken(self._deliver):
                        pass
            while self._work:
                await asyncio.gather(*self._work, return_exceptions=True)
            await self._on_disk(self._journal.close)
            self._opened = False
        if self._queued:
            log.error("%d samples could not be kept at the end", self._queued)
        self._disk.shutdown(wait=True)

    async def _settle_once(self) -> None:
        flushed = not self._queue or await self._unbroken(self._flush)
        if not (await self._unbroken(self._deliver) and flushed):
            await self._clock.sleep(FIRST_PAUSE_S)

    async def _flush_loop(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            await self._clock.sleep(self._flush_s)
            if self._queue and not await self._unbroken(self._flush):
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S / 5)
            else:
                pause = FIRST_PAUSE_S

    async def _deliver_loop(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            if not self._pending():
                self._news.clear()
                await self._news.wait()
            if self.ledger.kept - self.ledger.settled < self._max_batch:
                await self._clock.sleep(self._commit_s)
            if await self._unbroken(self._deliver):
                pause = FIRST_PAUSE_S
                continue
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _space_loop(self) -> None:
        """Have the reserve back once there is room again."""
        while True:
            if not (self._intake_full or self._table_full):
                await self._on_disk(self._space.hold_reserve)
            await self._clock.sleep(SPACE_EVERY_S)

    async def _unbroken(self, job: Callable[[], Awaitable[_R]]) -> _R:
        """Run `job` to its end even when the caller is cancelled: half of a flush must not be forgotten."""

        async def whole() -> _R:
            return await job()

        task = asyncio.create_task(whole())
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return await asyncio.shield(task)

    async def _on_disk(self, work: Callable[[], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    # -- opening ------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Go on with the books the database has (enough for showing them)."""
        row = await self._delivery.book()
        if row is not None and not self._opened:
            old = self.ledger
            self.ledger = ledger_of_row(row, self._clock.now_us())
            self.ledger.put, self.ledger.lost, self.ledger.source = old.put, old.lost, old.source
            self._handover.last_seen_us = int(row["last_seen_us"])
            self._kept_number = self.ledger.settled_number

    async def _open(self) -> None:
        """Join what the database says with what the journal holds beyond it."""
        async with self._flush_lock:
            if self._opened:
                return
            await self.load()
            self._journal.on_drop = self._note_dropped
            try:
                await self._on_disk(self._journal.open)
            except OSError as exc:
                raise StorageError(f"journal cannot be opened: {exc}") from exc
            last, ledger = self._journal.last, self.ledger
            if last is not None and last.number > ledger.settled_number:
                counts = json.loads(last.counts)
                ledger.since_us, ledger.base_read, ledger.base_filtered = counts["since"], counts["read"], counts["filtered"]
                ledger.base_rejected = Counter(counts["rejected"])
                ledger.kept = last.kept_before + last.samples
                ledger.last_number = self._kept_number = last.number
                self._memory.whole = False
                self._oldest_us = await self._on_disk(partial(self._journal.oldest_us, ledger.settled_number))
                log.info("the journal holds %d samples that the database does not have yet", ledger.kept - ledger.settled)
            await self._followers.catch_up(self._after)
            self._opened = True
            self._news.set()

    async def _after(self, number: int) -> Sequence[Record]:
        return await self._on_disk(partial(self._journal.read, number, self._max_batch))

    # -- intake -------------------------------------------------------------------------------------------------

    async def _flush(self) -> bool:
        """Queue to journal: after it these samples are kept. False when neither journal nor database took them."""
        async with self._flush_lock:
            batches = self._take_queue()
            if not batches:
                return True
            started = self._clock.monotonic()
            batches, columns, block = encode_sound(batches, self._plans)
            if len(columns) < self._flushing:
                self.ledger.lost["malformed"] += self._flushing - len(columns)
                self._flushing = len(columns)
            kept = await self._keep(columns, block)
            if not kept:
                self._queue.extendleft(reversed(batches))
                self._queued += len(columns)
            self._flushing = 0
            self._latency_ms = (self._clock.monotonic() - started) * 1e3
            return kept

    def _take_queue(self) -> list[Batch]:
        """At most `max_batch` samples, so that a long queue makes no giant record."""
        batches: list[Batch] = []
        while self._queue and self._flushing < self._max_batch:
            batch = self._queue.popleft()
            batches.append(batch)
            self._flushing += len(batch)
            self._queued -= len(batch)
        self._flushing_us = min((batch.time_us for batch in batches), default=None)
        return batches

    def _record(self, columns: Columns, block: bytes) -> Record:
        """A number is used once, also when its record could not be written."""
        self.ledger.last_number += 1
        oldest, newest = columns.span_us
        counts = self.ledger.intake_json(self._queued)
        return Record(self.ledger.last_number, self.ledger.kept, oldest, newest, len(columns), counts, block)

    async def _keep(self, columns: Columns, block: bytes) -> bool:
        for _attempt in range(2):
            record = self._record(columns, block)
            try:
                await self._on_disk(partial(self._journal.append, record))
            except OSError as exc:
                self._note_intake(exc)
                if no_room(exc) and self._space.free_reserve():
                    continue
                return await self._keep_directly(Waiting(record, columns))
            self._note_intake(None)
            self._count_kept(record)
            self._memory.remember(Waiting(record, columns))
            self._news.set()
            self._followers.tell(record)
            return True
        return await self._keep_directly(Waiting(record, columns))

    async def _keep_directly(self, waiting: Waiting) -> bool:
        """Past a journal that cannot be written, when nothing older waits in it."""
        async with self._deliver_lock:
            if self._pending():
                return False
            self._count_kept(waiting.record)
            if await self._commit([waiting]):
                self._followers.tell(waiting.record)
                return True
            self.ledger.kept -= len(waiting.columns)
            self._kept_number = self.ledger.settled_number
            return False

    def _count_kept(self, record: Record) -> None:
        self.ledger.kept += record.samples
        self._flushing = 0
        self._kept_number = record.number
        if self._oldest_us is None:
            self._oldest_us = record.from_us
        while self._dropped:
            self._gaps.add_columns(self._dropped.popleft(), "journal_full")

    def _lose(self, batch: Batch) -> None:
        self._queued -= len(batch)
        self.ledger.lost["storage_full"] += len(batch)
        for tag_id in batch.tag_ids:
            self._gaps.add(tag_id, "storage_full", batch.time_us, batch.time_us, 1)

    # -- to the tables ------------------------------------------------------------------------------------------

    def _pending(self) -> bool:
        return self.ledger.settled_number < self._kept_number

    async def _deliver(self) -> bool:
        """The oldest records to the tables in one commit; False when they were not taken."""
        async with self._deliver_lock:
            if not self._pending():
                return True
            try:
                waiting = await self._next_records()
            except OSError as exc:
                self._table_error = f"journal cannot be read: {exc.strerror or exc}"
                return False
            if not waiting:  # what is left of the journal cannot be read: count it as lost and go on
                waiting = [nothing_left(self._kept_number, self.ledger, self.ledger.intake_json(self._queued + self._flushing))]
            if not await self._commit(waiting):
                return False
            self._memory.settle(self.ledger.settled_number)
            self._memory.whole = self._memory.whole or not self._pending()
            await self._on_disk(partial(self._journal.settle, self.ledger.settled_number))
            await self._look_at_rest()
            return True

    async def _next_records(self) -> list[Waiting]:
        if self._memory.whole:
            return self._memory.oldest(self._max_batch)
        return await self._on_disk(partial(self._read_journal, self.ledger.settled_number, self._kept_number))

    def _read_journal(self, after: int, newest: int) -> list[Waiting]:
        found = []
        for record in self._journal.read(after, self._max_batch):
            if record.number > newest:  # synced just now, not yet counted as kept
                break
            try:
                found.append(Waiting(record, decode(record.block)))
            except ValueError as exc:  # whole by its checksum, so written like that; its samples are counted as lost
                log.error("journal record %d cannot be understood: %s", record.number, exc)
        return found

    async def _commit(self, waiting: list[Waiting]) -> bool:
        try:
            dirty = await self._handover.commit(waiting, self.ledger)
        except StorageError as exc:
            self._note_trouble(exc)
            return False
        if self._table_error is not None:
            log.warning("the database takes samples again")
        self._table_error, self._table_full, self._written_us = None, False, self._clock.now_us()
        if dirty:
            for callback in self._callbacks:
                callback(dirty)
        return True

    def _waiting_since_us(self) -> int | None:
        """Time of the oldest sample that is not in the tables, whether it is kept already or not: who measures only what is over
        must not take minutes for empty whose samples wait for the journal."""
        queued_us = self._queue[0].time_us if self._queue else None
        flushing_us = self._flushing_us if self._flushing else None
        return min((us for us in (self._oldest_us, flushing_us, queued_us) if us is not None), default=None)

    async def _look_at_rest(self) -> None:
        if not self._pending():
            self._oldest_us = None
        elif self._memory.oldest_us is not None:
            self._oldest_us = self._memory.oldest_us
        else:
            self._oldest_us = await self._on_disk(partial(self._journal.oldest_us, self.ledger.settled_number))

    # -- trouble ------------------------------------------------------------------------------------------------

    def _note_intake(self, exc: OSError | None) -> None:
        if exc is None:
            if self._intake_error is not None:
                log.warning("samples are journalled again")
            self._intake_error, self._intake_full = None, False
            return
        if self._intake_error is None:
            log.error("samples cannot be journalled: %s", exc)
        self._intake_error = f"journal: {exc.strerror or exc}"
        self._intake_full = no_room(exc)

    def _note_trouble(self, exc: StorageError) -> None:
        if self._table_error is None:
            log.error("the database does not take samples, they wait in the journal: %s", exc)
        self._table_error = str(exc)
        self._table_full = isinstance(exc, DiskFull)
        if self._table_full:
            self._space.free_reserve()

    def _note_dropped(self, records: list[Record]) -> None:
        """The journal's limit throws these away (called in the journal's thread)."""
        for record in records:
            if record.number > self.ledger.settled_number:
                with contextlib.suppress(ValueError):
                    self._dropped.append(decode(record.block))

    def _dropped_unsettled(self) -> int:
        """Dropped by the journal's limit, and not yet passed by the reader."""
        first = self._journal.kept_before
        return 0 if first is None or not self._opened else max(0, min(first, self.ledger.kept) - self.ledger.settled)

    def _state(self, backlog: int) -> tuple[str, str | None]:
        if self._intake_full or self._table_full:
            return "full", self._intake_error or self._table_error
        if self._intake_error is not None:
            return "failed", self._intake_error
        late = self._oldest_us is not None and self._clock.now_us() - self._oldest_us > LATE_S * 1e6
        if self._table_error is not None or (late and backlog > self._max_batch):
            return "journal", self._table_error or "the backlog of an outage is being worked off"
        return "ok", None

    def _current_warnings(self, free: int) -> list[str]:
        found = []
        share = self._journal.size_bytes / max(1, self._journal.limit_bytes)
        if share >= 0.7:
            found.append(f"the journal is {share:.0%} full: more than {90 if share >= 0.9 else 70} %")
        disk = self._space.share_free()
        if disk < 0.1:
            found.append(f"less than {5 if disk < 0.05 else 10} % of the disk is free ({free // 1_048_576} MiB)")
        found.extend(f"the journal was damaged, {d.length} bytes are lost; the file is {d.file}" for d in self._journal.damages)
        return found
