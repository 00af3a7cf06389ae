"""From messages to the tables: what an ingester does with the database.

The position of each partition stands in the database and moves in the transaction of the samples themselves, and only from
where this process believes it to be: samples and position are both there or neither is, whoever is killed when, and a process
whose share went to another while it slept writes nothing. Rows are identified by (tag_id, time_us) besides.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from sqlalchemy import func, select

from database import tables
from database.columns import MINUTE_US, Columns, PlanCache, encode, join, minutes_touched, refuse, settle
from database.delivery import Move, Parcel, RefusedForGood, ServerDelivery
from database.engine import Store
from database.handover import EventRow, Mark, Others, Refused, among, find_others, find_refused, quarantine_row
from database.migrate import current_revision, head_revision
from database.repositories.inspection import InspectionRepository
from domain.errors import ConfigError, StorageError
from domain.inspection import InspectedItem
from domain.ports import Clock
from domain.sample import Batch, TagEvent, TagId

log = logging.getLogger(__name__)

COMMIT_WITHIN_S = 20.0  # together with ROLLUP_GRACE_S it keeps roll-ups true: see MinuteMarks
ROLLUP_GRACE_S = 30.0
NEXT_LOOK_S = 2.0
_POSITION = tables.tables_roles.ingest_position


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read of one partition: messages [from_offset, to_offset); `broken`: (reason, beginning of the message)."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int
    batches: Sequence[Batch]
    events: Sequence[TagEvent] = ()
    rejected: int = 0
    broken: Sequence[tuple[str, str]] = ()
    items: Sequence[InspectedItem] = ()


class MinuteMarks:
    """Which minutes are marked for the roll-ups already.

    The keeper of roll-ups is another process: it takes a minute's mark away ROLLUP_GRACE_S after the minute's end at the
    earliest. So a mark of ours surely stands while its minute runs, and a commit that leaves it out is over COMMIT_WITHIN_S later
    at the latest.
    """

    def __init__(self) -> None:
        self._by_minute: dict[int, set[int]] = defaultdict(set)

    def missing(self, touched: Sequence[Mark], now_us: int) -> list[Mark]:
        """Those to be marked now."""
        for minute in [minute for minute in self._by_minute if minute + MINUTE_US <= now_us]:
            del self._by_minute[minute]
        known = self._by_minute
        return [(tag, minute) for tag, minute in touched if minute not in known or tag not in known[minute]]

    def remember(self, marks: Sequence[Mark], now_us: int) -> None:
        """They are committed."""
        for tag, minute in marks:
            if minute + MINUTE_US > now_us:
                self._by_minute[minute].add(tag)

    def forget(self) -> None:
        self._by_minute.clear()


class IngestStore:
    """`commit` is all or nothing; everything raises StorageError when the database is away."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._delivery, self._inspected = ServerDelivery(store), InspectionRepository(store)
        self._marks = MinuteMarks()
        self._plans = PlanCache()
        self._mark = 0
        self.refused_entries = 0  # since the start
        self.newest_refusal: tuple[int, str] | None = None  # when and why

    async def position(self, topic: str, partition: int) -> int | None:
        """Offset of the first message that is not in the tables; None when this partition was never read."""
        here = (_POSITION.c.topic == topic) & (_POSITION.c.partition_number == partition)
        async with self._store.read() as connection:
            found = await connection.scalar(select(_POSITION.c.next_offset).where(here))
        return None if found is None else int(found)

    async def begin(self, topic: str, partition: int, offset: int) -> None:
        """A partition is read for the first time."""
        row = {"topic": topic, "partition_number": partition, "next_offset": offset, "committed_us": self._clock.now_us()}
        counts = dict.fromkeys(("delivered_count", "refused_count", "rejected_count"), 0)
        async with self._store.write() as connection:
            await connection.execute(self._store.insert_missing(_POSITION, ["topic", "partition_number"]), {**row, **counts})

    async def tag_ids(self) -> Mapping[str, TagId]:
        """All registered tags by name."""
        async with self._store.read() as connection:
            rows = (await connection.execute(select(tables.tag.c.name, tables.tag.c.id))).all()
        return {str(name): TagId(number) for name, number in rows}

    async def commit(self, taken: Sequence[Taken]) -> int:
        """Samples, texts, events, marks and positions in one transaction, inspected items just before; how many samples came in.

        Raises StorageError: nothing of it is there; Overtaken: another process reads one of the partitions.
        """
        parts = [await asyncio.to_thread(self._columns, one) for one in taken]
        refused: list[Refused] = []
        try:
            async with asyncio.timeout(COMMIT_WITHIN_S):
                # before the positions move: brought again after a failure they are the same rows
                await self._inspected.add_items([item for one in taken for item in one.items])
                await self._deliver(taken, parts, refused)
        except TimeoutError as exc:
            self._marks.forget()
            raise StorageError(f"the database did not commit within {COMMIT_WITHIN_S:.0f} s") from exc
        except StorageError:
            self._marks.forget()
            raise
        return sum(len(columns) for columns, _ in parts) - len(refused)

    def _columns(self, taken: Taken) -> tuple[Columns, list[Refused]]:
        return refuse(encode(taken.batches, self._plans)[0])

    async def _deliver(
        self, taken: Sequence[Taken], parts: Sequence[tuple[Columns, list[Refused]]], found: list[Refused]
    ) -> None:
        """`found`: filled with what the database itself refuses."""
        columns = settle(join(columns for columns, _ in parts))
        texts = tuple(text for part, _ in parts for text in part.texts)
        events: list[EventRow] = [
            {"tag_id": event.tag_id, "time_us": event.time_us, "kind": event.kind, "detail": event.detail}
            for one in taken for event in one.events
        ]  # fmt: skip
        others = Others()
        while True:
            now_us = self._clock.now_us()
            dirty = self._marks.missing(minutes_touched(columns), now_us)
            moves = [self._move_of(one, part, found, others, now_us) for one, part in zip(taken, parts, strict=True)]
            rows = [*self._quarantined(taken, parts, found, now_us), *others.rows(now_us)]
            moves.sort(key=lambda move: (move.topic, move.partition))
            parcel = Parcel(replace(columns, texts=texts), self._next_mark(now_us), None, dirty, rows, events, moves)
            try:
                await self._delivery.deliver(parcel)
            except RefusedForGood:
                more = await find_refused(self._delivery, columns)
                if more:
                    found += more
                    columns = columns.take(~among(columns, more))
                    continue
                left_out = await find_others(self._delivery, texts, events)
                if not left_out:
                    raise
                texts, events = left_out.left(texts, events)
                others = others.joined(left_out)
                continue
            self._marks.remember(dirty, now_us)
            if rows:
                self.refused_entries += len(rows)
                self.newest_refusal = (now_us, str(rows[-1]["reason"])[:300])
            return

    def _move_of(
        self, one: Taken, part: tuple[Columns, list[Refused]], found: Sequence[Refused], others: Others, now_us: int
    ) -> Move:
        columns, refused = part
        own = set(columns.tag_ids.tolist())
        here = sum(1 for tag_id, *_ in found if tag_id in own)
        texts, events = {id(text) for text in columns.texts}, {(event.tag_id, event.time_us) for event in one.events}
        beside = sum(1 for text, _ in others.texts if id(text) in texts)
        beside += sum(1 for event, _ in others.events if (event["tag_id"], event["time_us"]) in events)
        return Move(
            one.topic, one.partition, one.from_offset, one.to_offset, len(columns) - here,
            len(refused) + here + len(one.broken) + beside, one.rejected, now_us,
        )  # fmt: skip

    def _quarantined(
        self, taken: Sequence[Taken], parts: Sequence[tuple[Columns, list[Refused]]], found: Sequence[Refused], now_us: int
    ) -> list[Mapping[str, object]]:
        rows = [quarantine_row(one, now_us) for _, refused in parts for one in refused]
        rows += [quarantine_row(one, now_us) for one in found]
        rows += [
            quarantine_row((0, now_us, head, 0, f"{one.topic}: {reason}"), now_us, "message")
            for one in taken for reason, head in one.broken
        ]
        return [*rows]

    def _next_mark(self, now_us: int) -> int:
        """Grows, and no two reasons for one minute have the same: a tag is read by one process at a time."""
        self._mark = max(self._mark + 1, now_us)
        return self._mark


@dataclass(frozen=True, slots=True)
class IngestBook:
    """Sums over all partitions."""

    delivered: int
    refused: int
    rejected: int
    committed_us: int | None = None


async def ingest_book(store: Store) -> IngestBook:
    """What all ingesters together have brought into the tables."""
    sums = [func.coalesce(func.sum(_POSITION.c[f"{name}_count"]), 0) for name in ("delivered", "refused", "rejected")]
    async with store.read() as connection:
        row = (await connection.execute(select(*sums, func.max(_POSITION.c.committed_us)))).one()
    return IngestBook(int(row[0]), int(row[1]), int(row[2]), None if row[3] is None else int(row[3]))


@asynccontextmanager
async def open_ingest(url: str, clock: Clock, waits: Callable[[str], None]) -> AsyncIterator[IngestStore]:
    """The database with the schema it has: `web` brings that up to date, this waits for it and says to `waits` why.

    Raises ConfigError (URL; SQLite; a newer schema).
    """
    store = shared_store(url)
    try:
        await schema_ready(store, clock, waits)
        yield IngestStore(store, clock)
    finally:
        await store.close()


def shared_store(url: str) -> Store:
    """Raises ConfigError for a file of one machine."""
    store = Store(url)
    if store.kind == "sqlite":
        raise ConfigError(
            "collect, ingest and web share a database server: set ENERGY_DATABASE__URL to mysql+aiomysql://… or "
            "postgresql+asyncpg://… (SQLite is for serve, in one process)"
        )
    return store


async def schema_ready(store: Store, clock: Clock, waits: Callable[[str], None]) -> None:
    """Wait until the database answers and has this program's schema; `waits` is told for what.

    Raises ConfigError when the schema is newer.
    """
    while True:
        try:
            found = await current_revision(store)
            if found == head_revision():
                return
            reason = f"its schema is {found or 'not made yet'}; main.py web or main.py prepare brings it up to date"
        except StorageError as exc:
            reason = str(exc)
        waits(f"the database: {reason}")
        await clock.sleep(NEXT_LOOK_S)
