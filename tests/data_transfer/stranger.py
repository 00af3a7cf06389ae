"""Reads Kafka's topics as a client that knows nothing of us."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer

from tests.conftest import eventually
from tests.feed_servers import KafkaServer


async def everything(server: KafkaServer, topic: str) -> list[Any]:
    """All messages of a topic, by a client that knows nothing of us."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=server.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = list(await eventually(consumer.assignment, 30.0))  # type: ignore[call-overload]
        ends = await consumer.end_offsets(partitions)
        found: list[Any] = []
        while any([await consumer.position(part) < ends[part] for part in partitions]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()


def samples(records: Sequence[Any]) -> dict[tuple[str, int], float]:
    """(tag, time) -> value over all messages."""
    found = {}
    for record in records:
        message = json.loads(record.value)
        for sample in message["samples"]:
            found[sample["tag"], message["time_us"]] = sample.get("value", sample.get("text"))
    return found
