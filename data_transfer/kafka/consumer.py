"""Reading topics: as one of a group that shares the partitions, or alone all of them.

Nothing is acknowledged by reading: who reads says where to begin in each partition (`seek`) and when it is done with something
(`done`), which Kafka is told only so that its own tools can show the lag.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from data_transfer.kafka.decode import JSON
from data_transfer.kafka.options import KafkaOptions, connection, judge_brokers, plain
from domain.feed import DestinationAway

log = logging.getLogger(__name__)

START_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0
SESSION_MS, HEARTBEAT_MS = 6_000, 1_500  # a killed reader's share moves on after the first
PATIENCE_MS = 600_000  # a reader may wait for its database that long before its share goes to another

Part = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Got:
    """A message as it lies there."""

    offset: int
    key: str
    time_ms: int
    content_type: str
    value: bytes


class Reader:
    """An open consumer. Every call raises DestinationAway when no broker answers."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.assigned: frozenset[Part] = frozenset()
        self.changes = 0  # grows when the share changes

    def hold(self, parts: Collection[Part]) -> None:
        self.assigned, self.changes = frozenset(parts), self.changes + 1

    def seek(self, part: Part, offset: int) -> None:
        """Read on from there."""
        with _translated():
            self._consumer.seek(_topic_partition(part), offset)

    async def begin_of(self, part: Part) -> int:
        """Offset of the oldest message that is still there."""
        found = await _answered(self._consumer.beginning_offsets([_topic_partition(part)]))
        return int(next(iter(found.values())))

    async def end_of(self, part: Part) -> int:
        """Offset that the next message will get."""
        found = await _answered(self._consumer.end_offsets([_topic_partition(part)]))
        return int(next(iter(found.values())))

    async def offset_at(self, part: Part, time_ms: int) -> int | None:
        """Offset of the first message of that time or later; None when there is none."""
        found = await _answered(self._consumer.offsets_for_times({_topic_partition(part): time_ms}))
        entry = next(iter(found.values()))
        return None if entry is None else int(entry.offset)

    async def take(self, wait_s: float, most: int) -> Mapping[Part, Sequence[Got]]:
        """What has come, in order within each partition; empty after `wait_s`."""
        with _translated():
            found = await self._consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=most)
        return {(where.topic, where.partition): [_got(record) for record in records] for where, records in found.items()}

    def lag(self, part: Part, next_offset: int) -> int | None:
        """Messages behind `next_offset`, as the broker told last."""
        with contextlib.suppress(Exception):
            end = self._consumer.highwater(_topic_partition(part))
            return None if end is None else max(0, int(end) - next_offset)
        return None

    async def done(self, offsets: Mapping[Part, int]) -> None:
        """For Kafka's tools; an error costs nothing, the positions are kept elsewhere."""
        from aiokafka.errors import KafkaError  # noqa: PLC0415

        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(5.0):
                await self._consumer.commit({_topic_partition(part): offset for part, offset in offsets.items()})


@asynccontextmanager
async def in_group(options: KafkaOptions, group: str, topics: Sequence[str], client: str) -> AsyncIterator[Reader]:
    """A member of `group`: the partitions of each of `topics` are shared evenly among those alive. Raises DestinationAway."""
    from aiokafka.coordinator.assignors.range import RangePartitionAssignor  # noqa: PLC0415

    consumer = await _made(
        options, client, group_id=group, session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_interval_ms=PATIENCE_MS, partition_assignment_strategy=(RangePartitionAssignor,),
    )  # fmt: skip
    reader = Reader(consumer)
    consumer.subscribe(list(topics), listener=_listener(reader))
    async with _running(consumer):
        yield reader


@asynccontextmanager
async def alone(
    options: KafkaOptions, topics: Sequence[str], client: str, begin: Mapping[Part, int] | None = None
) -> AsyncIterator[Reader]:
    """All partitions of `topics`, whoever else reads them; each from `begin`, else from its end. Raises DestinationAway."""
    consumer = await _made(options, client)
    reader = Reader(consumer)
    async with _running(consumer):
        parts = await asyncio.wait_for(_parts(consumer, topics), START_WITHIN_S)
        consumer.assign([_topic_partition(part) for part in parts])
        reader.hold(parts)
        for part in parts:
            known = (begin or {}).get(part)
            end = await reader.end_of(part)
            reader.seek(part, end if known is None else min(known, end))
        yield reader


async def _parts(consumer: Any, topics: Sequence[str]) -> list[Part]:
    """Of topics that may just be being made."""
    found: list[Part] = []
    for topic in topics:
        while True:
            partitions = consumer.partitions_for_topic(topic)
            if partitions:
                break
            consumer._client.add_topic(topic)
            await consumer._client.force_metadata_update()  # what is asked for already is looked at every half minute only
            await asyncio.sleep(0.25)
        found += [(topic, number) for number in sorted(partitions)]
    return found


async def _made(options: KafkaOptions, client: str, **more: Any) -> Any:
    from aiokafka import AIOKafkaConsumer  # noqa: PLC0415

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    await judge_brokers(options)
    return AIOKafkaConsumer(
        **connection(options), client_id=client, enable_auto_commit=False, auto_offset_reset="earliest",
        request_timeout_ms=10_000, metadata_max_age_ms=30_000, fetch_max_wait_ms=100,
        max_partition_fetch_bytes=4 * 1024**2, **more,
    )  # fmt: skip


@asynccontextmanager
async def _running(consumer: Any) -> AsyncIterator[None]:
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    try:
        try:
            async with asyncio.timeout(START_WITHIN_S):
                await consumer.start()
        except (KafkaError, OSError, TimeoutError, AssertionError) as exc:
            raise DestinationAway(plain(exc)) from exc
        with _translated():
            yield
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(STOP_WITHIN_S):
                await consumer.stop()


def _listener(reader: Reader) -> Any:
    from aiokafka import ConsumerRebalanceListener  # noqa: PLC0415

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
            reader.hold(())

        async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
            reader.hold([(where.topic, where.partition) for where in assigned])

    return Listener()


async def _answered(question: Any) -> Any:
    with _translated():
        async with asyncio.timeout(START_WITHIN_S):
            return await question


@contextlib.contextmanager
def _translated() -> Any:
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    try:
        yield
    except (KafkaError, TimeoutError) as exc:
        raise DestinationAway(plain(exc)) from exc


def _topic_partition(part: Part) -> Any:
    from aiokafka import TopicPartition  # noqa: PLC0415

    return TopicPartition(*part)


def _got(record: Any) -> Got:
    headers = dict(record.headers)
    kind = headers.get("content-type", b"").decode("ascii", "replace") or JSON
    key = (record.key or b"").decode("utf-8", "replace")
    return Got(record.offset, key, record.timestamp, kind, record.value or b"")
