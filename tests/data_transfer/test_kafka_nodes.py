"""Three nodes of Apache Kafka, one of them killed while data flows: what was acknowledged is there, in order."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from data_transfer.kafka.consumer import alone
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.producer import Kafka
from tests.conftest import eventually
from tests.data_transfer.plant import T, directory, kept, runner, value
from tests.feed_servers import KafkaCluster, kafka_cluster

__all__ = ["kafka_cluster"]
pytestmark = pytest.mark.server
BLOCKS = 300


async def leader_of(cluster: KafkaCluster, topic: str) -> int:
    """Number of the node that leads partition 0, asked by a client that knows nothing of us."""
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap)
    await consumer.start()
    try:
        await consumer._client.set_topics([topic])

        def known() -> Any:
            return consumer._client.cluster.leader_for_partition(TopicPartition(topic, 0))

        leader = await eventually(known, 30)
        assert isinstance(leader, int)
        return leader
    finally:
        await consumer.stop()


@pytest.mark.timeout(240)
async def test_the_leader_killed_loses_nothing(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    options = KafkaOptions(kafka_cluster.bootstrap, "nodes", partitions=1)
    one = runner("kafka", Kafka(options, directory()).open, tmp_path)
    await one.open()
    task = asyncio.create_task(one.run())
    try:
        for number in range(1, BLOCKS + 1):
            one.take(kept(number))
            if number == 50:
                await eventually(lambda: one.status().book.delivered > 0, 60)
                leader = await leader_of(kafka_cluster, options.samples)
                kafka_cluster.nodes[leader - 1].kill()
            await asyncio.sleep(0.002)
        await eventually(lambda: one.status().book.delivered == BLOCKS * 3, 120)
        book = one.status().book
        assert (book.taken, book.waiting, book.quarantined, book.dropped) == (BLOCKS * 3, 0, 0, 0)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await one.close()
    found: dict[int, list[float]] = {}
    async with alone(options, [options.samples], "reader", {(options.samples, 0): 0}) as reader:
        end = await reader.end_of((options.samples, 0))
        position = 0
        while position < end:
            for records in (await reader.take(1.0, 500)).values():
                for record in records:
                    message = json.loads(record.value)
                    found.setdefault(message["time_us"], [sample["value"] for sample in message["samples"]])
                    position = record.offset + 1
    assert found == {T + n * 1_000_000: [value(tag, n) for tag in (1, 2, 3)] for n in range(1, BLOCKS + 1)}
    assert list(found) == sorted(found)
