"""The Kafka feed against Apache Kafka itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

import data_transfer.runner as feed_runner
from data_transfer.kafka import producer
from data_transfer.kafka.producer import Kafka, KafkaOptions
from data_transfer.kafka.protobuf import CONTENT_TYPE, as_protobuf, classes
from data_transfer.runner import FeedRunner
from domain.feed import DestinationAway
from domain.sample import Batch, TagId, TextSample
from tests.conftest import eventually
from tests.data_transfer.plant import T, directory, event, kept, runner, value
from tests.feed_servers import PASSWORD, USER, KafkaServer, kafka_server

__all__ = ["kafka_server"]
pytestmark = pytest.mark.server


@asynccontextmanager
async def running(server: KafkaServer, folder: Path, prefix: str, **options: Any) -> AsyncIterator[FeedRunner]:
    kafka = Kafka(KafkaOptions(server.bootstrap, prefix, partitions=2, **options), directory())
    one = runner("kafka", kafka.open, folder)
    await one.open()
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await one.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(feed_runner, "LONGEST_PAUSE_S", 0.5)
    monkeypatch.setattr(producer, "RECEIPTS_WITHIN_S", 5.0)


async def everything(server: KafkaServer, topic: str) -> list[Any]:
    """All messages of a topic, by a client that knows nothing of us."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=server.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = list(await eventually(consumer.assignment))  # type: ignore[call-overload]
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


async def test_a_stranger_reads_samples_texts_and_events_keyed_by_device(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async with running(kafka_server, tmp_path, "plain") as one:
        one.take(kept(1))
        bad = Batch("m1", T + 2_000_001, (TagId(1),), [None], [65], (TextSample(TagId(4), T, "программа 7"),))
        one.take(kept(2, [bad], 3))
        one.event(event(1))
        await eventually(lambda: one.status().book.delivered == 5, 40)
        assert one.status().state == "ok"
    first, second, text = await everything(kafka_server, "plain.samples")
    by_time = {json.loads(record.value)["time_us"]: record for record in (first, second, text)}
    record = by_time[T + 1_000_000]
    assert record.key == b"m1"
    assert dict(record.headers) == {"content-type": b"application/json", "schema": b"1", "time_us": str(T + 1_000_000).encode()}
    assert record.timestamp == (T + 1_000_000) // 1000
    message = json.loads(record.value)
    assert (message["device"], message["machine"], message["section"]) == ("m1", "lathe-1", "Токарный участок, A=B")
    assert message["time"] == "2025-11-19T10:40:01.000000Z"
    assert [(s["tag"], s["unit"], s["value"], s["quality"]) for s in message["samples"]] == [
        ("active_power", "kW", value(1, 1), "good"), ("energy_import", "kWh", value(2, 1), "good"), ("voltage_l1", "V", value(3, 1), "good"),
    ]  # fmt: skip
    (lost,) = json.loads(by_time[T + 2_000_001].value)["samples"]
    assert (lost["value"], lost["quality"], lost["reason"]) == (None, "bad", "timeout")
    assert (by_time[T].key, json.loads(by_time[T].value)["samples"][0]["text"]) == (b"hh", "программа 7")
    (happened,) = await everything(kafka_server, "plain.events")
    assert happened.key == b"m1"
    assert dict(happened.headers)["id"] == b"state:lathe-1:1"
    assert json.loads(happened.value)["detail"]["state"] == "idle"


async def test_the_same_as_protobuf_by_the_shipped_schema(kafka_server: KafkaServer, tmp_path: Path) -> None:
    kafka = Kafka(KafkaOptions(kafka_server.bootstrap, "proto", partitions=1), directory(), as_protobuf, CONTENT_TYPE)
    one = runner("kafka", kafka.open, tmp_path)
    await one.open()
    one.take(kept(1, [Batch("m1", T, (TagId(1), TagId(2)), [0.0, None], [0, 65], (TextSample(TagId(4), T, "программа 7"),))], 0))
    one.event(event(1))
    task = asyncio.create_task(one.run())
    await eventually(lambda: one.status().book.delivered == 3, 40)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await one.close()
    power, text = [classes()["Samples"].FromString(record.value) for record in await everything(kafka_server, "proto.samples")]
    assert (power.schema, power.device, power.machine, power.time_us) == (1, "m1", "lathe-1", T)
    zero, lost = power.samples
    assert (zero.tag, zero.unit, zero.HasField("value"), zero.value, zero.quality) == ("active_power", "kW", True, 0.0, "good")
    assert (lost.HasField("value"), lost.quality, lost.reason) == (False, "bad", "timeout")
    assert text.samples[0].text == "программа 7"
    (record,) = await everything(kafka_server, "proto.events")
    happened = classes()["Event"].FromString(record.value)
    assert (happened.kind, happened.id, json.loads(happened.detail_json)["state"]) == ("state", "lathe-1:1", "idle")
    assert dict(record.headers)["content-type"] == b"application/x-protobuf"


@pytest.mark.parametrize("mechanism", ["scram-sha-512", "plain"])
async def test_over_tls_with_a_login(kafka_server: KafkaServer, tmp_path: Path, mechanism: str) -> None:
    secure = f"localhost:{kafka_server.secure_port}"
    options = KafkaOptions(secure, f"tls-{mechanism}", USER, PASSWORD, mechanism, True, str(kafka_server.ca_file), partitions=1)
    one = runner("kafka", Kafka(options, directory()).open, tmp_path)
    await one.open()
    one.take(kept(1))
    task = asyncio.create_task(one.run())
    await eventually(lambda: one.status().book.delivered == 3, 40)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await one.close()
    assert len(await everything(kafka_server, f"tls-{mechanism}.samples")) == 1


async def test_a_wrong_password_and_an_unknown_certificate_send_nothing(kafka_server: KafkaServer) -> None:
    secure = f"localhost:{kafka_server.secure_port}"
    for options in (
        KafkaOptions(secure, "x", USER, "wrong", "plain", True, str(kafka_server.ca_file)),
        KafkaOptions(secure, "x", USER, PASSWORD, "plain", True),
    ):
        with pytest.raises(DestinationAway):
            async with Kafka(options, directory()).open():
                pass


async def test_a_message_over_the_brokers_limit_is_quarantined_and_the_rest_arrives(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    noise = "".join(chr(33 + (n * 7919) % 5000) for n in range(250_000))
    huge = Batch("hh", T, (TagId(1),), [1.0], [0], (TextSample(TagId(4), T, noise),))
    async with running(kafka_server, tmp_path, "huge", compression="none") as one:
        one.take(kept(1))
        one.take(kept(2, [huge], 3))
        one.take(kept(3, None, 4))
        await eventually(lambda: one.status().book.waiting == 0 and one.status().book.delivered, 40)
        refused = await one.quarantine()
        assert [text.text == noise for part in refused for text in part.texts] == [True]
        assert one.status().book.delivered == 7
    assert len(samples(await everything(kafka_server, "huge.samples"))) == 7


async def test_a_broker_killed_and_started_again_has_everything_under_its_identity(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    async with running(kafka_server, tmp_path, "killed") as one:
        for number in range(1, 201):
            one.take(kept(number))
            if number == 60:
                await eventually(lambda: one.status().book.delivered > 0, 40)
                kafka_server.kill()
            await asyncio.sleep(0.002)
        await eventually(lambda: one.status().state == "away", 60)
        assert one.status().book.waiting > 0
        await asyncio.to_thread(kafka_server.start)
        await eventually(lambda: one.status().book.delivered == 600, 90)
        book = one.status().book
        assert (book.taken, book.waiting, book.quarantined, book.dropped) == (600, 0, 0, 0)
    records = await everything(kafka_server, "killed.samples")
    names = {1: "active_power", 2: "energy_import", 3: "voltage_l1"}
    assert samples(records) == {(names[tag], T + n * 1_000_000): value(tag, n) for n in range(1, 201) for tag in names}
    first_times = list(dict.fromkeys(json.loads(record.value)["time_us"] for record in records))
    assert first_times == sorted(first_times)  # all of one device: one partition, in order


async def test_no_broker_is_told_in_plain_words() -> None:
    for bootstrap, words in (("127.0.0.1:1", "127.0.0.1"), ("169.254.1.1:9092", "link-local"), ("no.such.host.invalid:9092", "no such host")):
        with pytest.raises(DestinationAway, match=words):
            async with Kafka(KafkaOptions(bootstrap), directory()).open():
                pass
