"""`ingest`: one of a group that brings messages into the tables. Kafka is its journal: it keeps nothing on its own disk."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence

from application.roles.common import here
from application.roles.tag_plans import TagPlans
from data_transfer.kafka.consumer import Got, Part, Reader, in_group
from data_transfer.kafka.decode import Decoder, event_of, item_of
from data_transfer.kafka.options import KafkaOptions
from database.delivery import Overtaken
from database.ingest import IngestStore, Taken
from domain.errors import StorageError
from domain.feed import ITEM, DestinationAway
from domain.inspection import InspectedItem
from domain.ports import Clock
from domain.role import Refusals, RoleStatus, Share
from domain.sample import Batch, TagEvent

log = logging.getLogger(__name__)

MESSAGES_AT_ONCE = 2000
WAIT_S = 0.5
GATHER_S = 0.25  # between commits while little waits: a commit costs the same for one row and for a thousand
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
STRANGERS_AGAIN_S = 30.0  # a tag that nobody has registered is asked for again after that
TELL_KAFKA_S = 1.0
BROKEN_HEAD = 60


class TagBook(TagPlans):
    """Looked up again when a name is new."""

    def __init__(self, store: IngestStore) -> None:
        super().__init__()
        self._store = store
        self._strangers: dict[str, float] = {}

    async def learn(self, names: set[str]) -> None:
        """Ask the store when one of `names` is new. Raises StorageError."""
        now = time.monotonic()
        new = {name for name in names if now - self._strangers.get(name, -STRANGERS_AGAIN_S) >= STRANGERS_AGAIN_S}
        if not new:
            return
        self.replace(await self._store.tag_ids())
        still = [name for name in new if self.number(name) is None]
        if still:
            log.error(
                "%d tags come from collectors that nobody has registered, the first is %s: their values are counted and left out",
                len(still), still[0],
            )  # fmt: skip
        kept = {name: at for name, at in self._strangers.items() if self.number(name) is None}
        self._strangers = {**kept, **dict.fromkeys(still, now)}


class Ingester:
    """`run` until cancelled; `status` from memory."""

    def __init__(self, name: str, options: KafkaOptions, store: IngestStore, clock: Clock, *, group: str = "ingest") -> None:
        self._name, self._options, self._store, self._clock = name, options, store, clock
        self._group = f"{options.topic_prefix}-{group}"
        self._decoder, self._tags = Decoder(), TagBook(store)
        self._positions: dict[Part, int] = {}
        self._reader: Reader | None = None
        self._started_us = clock.now_us()
        self._state = "starting"
        self._detail: str | None = None
        self._taken = self._delivered = self._refused = 0
        self._newest_us: dict[Part, int] = {}
        self._told_at = 0.0

    async def run(self) -> None:
        """Read, commit, and again; away brokers and databases are waited for."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                topics = [self._options.samples, self._options.events]
                async with in_group(self._options, self._group, topics, self._name) as reader:
                    self._reader = reader
                    pause_s = FIRST_PAUSE_S
                    await self._read(reader)
            except DestinationAway as exc:
                self._note(f"Kafka: {exc}")
            finally:
                self._reader, self._positions = None, {}
            await self._clock.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _read(self, reader: Reader) -> None:
        share = -1
        while True:
            if share != reader.changes:
                share, self._positions = reader.changes, {}
            try:
                await self._find_places(reader, share)
                got = await reader.take(WAIT_S, MESSAGES_AT_ONCE)
                if share != reader.changes:
                    continue  # these are read again by whoever has them now
                if not got:
                    self._note(None)
                    continue
                await self._keep(reader, got, share)
            except Overtaken as exc:
                log.warning("%s", exc)
                self._positions = {}
            except StorageError as exc:
                self._note(str(exc))
                await self._clock.sleep(FIRST_PAUSE_S)
            await self._tell_kafka(reader)
            if self._waiting(reader) < MESSAGES_AT_ONCE // 2:
                await self._clock.sleep(GATHER_S)

    def _waiting(self, reader: Reader) -> int:
        """Messages of the share behind what is kept. What one fetch brings says little: with a backlog too it may be few."""
        return sum(share.lag or 0 for share in self._shares(reader))

    def _shares(self, reader: Reader | None) -> tuple[Share, ...]:
        return tuple(
            Share(*part, None if reader is None else reader.lag(part, offset)) for part, offset in sorted(self._positions.items())
        )

    async def _find_places(self, reader: Reader, share: int) -> None:
        """Each partition goes on where the tables end. Raises StorageError."""
        for part in sorted(reader.assigned - self._positions.keys()):
            position, begin, end = await self._store.position(*part), await reader.begin_of(part), await reader.end_of(part)
            if position is None:
                await self._store.begin(*part, begin)
                position = await self._store.position(*part) or begin
            where = position
            if position < begin:
                log.error("%s partition %d: %d messages were deleted by Kafka before they were read", *part, begin - position)
                where = begin
            elif position > end:
                log.error("%s partition %d begins anew: it was at %d, now it ends at %d", *part, position, end)
                where = begin
            if share != reader.changes:
                return
            reader.seek(part, where)
            self._positions[part] = position

    async def _keep(self, reader: Reader, got: Mapping[Part, Sequence[Got]], share: int) -> None:
        """Until it is in the tables, or the share has changed. Raises Overtaken."""
        pause_s = FIRST_PAUSE_S
        mine = {part: records for part, records in got.items() if part in self._positions and records}
        while mine and share == reader.changes:
            try:
                taken = await self._decoded(mine)
                count = await self._store.commit(taken)
            except Overtaken:
                raise
            except StorageError as exc:
                self._note(str(exc))
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            for one in taken:
                part = one.topic, one.partition
                self._positions[part] = one.to_offset
                self._newest_us[part] = mine[part][-1].time_ms * 1000
                self._refused += one.rejected + len(one.broken)
            self._taken += sum(len(batch) for one in taken for batch in one.batches)
            self._delivered += count
            self._note(None)
            return

    async def _decoded(self, got: Mapping[Part, Sequence[Got]]) -> list[Taken]:
        """Raises StorageError when the tags cannot be asked for."""
        names: set[str] = set()
        taken = await asyncio.to_thread(self._decode, got, names.add)
        if names:
            await self._tags.learn(names)
            taken = await asyncio.to_thread(self._decode, got, names.add)
        return taken

    def _decode(self, got: Mapping[Part, Sequence[Got]], missing: Callable[[str], None]) -> list[Taken]:
        return [self._decode_part(part, records, missing) for part, records in got.items()]

    def _decode_part(self, part: Part, records: Sequence[Got], missing: Callable[[str], None]) -> Taken:
        batches: list[Batch] = []
        events: list[TagEvent] = []
        items: list[InspectedItem] = []
        broken: list[tuple[str, str]] = []
        rejected = 0
        samples = part[0] == self._options.samples
        for record in records:
            try:
                if samples:
                    reading = self._decoder.samples(record.value, record.content_type)
                    batch, strangers = self._tags.batch(reading, missing)
                    batches.append(batch)
                    rejected += strangers
                else:
                    self._take_event(record, missing, events, items)
            except ValueError as exc:
                head = record.value[:BROKEN_HEAD].decode("utf-8", "replace").replace("\0", "")
                broken.append((f"partition {part[1]}, offset {record.offset}: {exc}"[:500], head))
        return Taken(*part, self._positions[part], records[-1].offset + 1, batches, events, rejected, broken, items)

    def _take_event(
        self, record: Got, missing: Callable[[str], None], events: list[TagEvent], items: list[InspectedItem]
    ) -> None:
        event = event_of(record.value, record.content_type)
        if event.kind == ITEM:
            items.append(item_of(event))
        if event.kind != "tag":
            return  # states and alerts come from web, which has stored them
        number = self._tags.number(str(event.body.get("tag")))
        if number is None:
            missing(str(event.body.get("tag")))
            return
        events.append(TagEvent(number, event.time_us, str(event.body["event"])[:40], str(event.body["detail"])))

    # -- state ------------------------------------------------------------------------------------------------------

    async def _tell_kafka(self, reader: Reader) -> None:
        now = self._clock.monotonic()
        if self._positions and now - self._told_at >= TELL_KAFKA_S:
            self._told_at = now
            await reader.done(self._positions)

    def _note(self, detail: str | None) -> None:
        if detail is not None and detail != self._detail:
            log.error("ingest waits: %s", detail)
        elif detail is None and self._state == "away":
            log.warning("ingest goes on")
        self._state, self._detail = ("ok" if detail is None else "away"), detail

    def _refusals(self) -> tuple[Refusals, ...]:
        newest = self._store.newest_refusal
        return () if newest is None else (Refusals("tables", self._store.refused_entries, *newest),)

    def status(self) -> RoleStatus:
        shares = self._shares(self._reader)
        behind = {(share.topic, share.partition): share.lag or 0 for share in shares}
        oldest = min((us for part, us in self._newest_us.items() if behind.get(part)), default=None)
        return RoleStatus(
            self._name, "ingest", *here(), self._started_us, self._clock.now_us(), self._state, self._detail, self._taken,
            self._delivered, self._refused, sum(behind.values()), oldest, shares, refusals=self._refusals(),
        )  # fmt: skip
