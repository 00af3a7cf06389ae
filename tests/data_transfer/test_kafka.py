"""The Kafka feed against Apache Kafka itself."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import data_transfer.runner as feed_runner
from data_transfer.kafka import producer
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.producer import Kafka
from data_transfer.kafka.protobuf import CONTENT_TYPE, as_protobuf, classes
from data_transfer.runner import FeedRunner
from domain.feed import ALIGNED, DestinationAway, FeedEvent
from domain.sample import Batch, TagId, TextSample
from tests.conftest import eventually
from tests.data_transfer.plant import T, batch, directory, event, kept, runner, value
from tests.data_transfer.plant import running as at_work
from tests.data_transfer.slowness import slow_then_quick
from tests.data_transfer.stranger import everything, samples
from tests.feed_servers import PASSWORD, USER, KafkaServer, kafka_server
from tests.slow_way import slow_way

__all__ = ["kafka_server"]
pytestmark = pytest.mark.server


NOISE = "".join(chr(33 + (n * 7919) % 5000) for n in range(250_000))  # more than the broker takes in one message


def running(server: KafkaServer, folder: Path, prefix: str, **options: Any) -> AbstractAsyncContextManager[FeedRunner]:
    kafka = Kafka(KafkaOptions(server.bootstrap, prefix, partitions=2, **options), directory())
    return at_work(runner("kafka", kafka.open, folder))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(feed_runner, "LONGEST_PAUSE_S", 0.5)
    monkeypatch.setattr(producer, "RECEIPTS_WITHIN_S", 5.0)


async def test_a_stranger_reads_samples_texts_and_events_keyed_by_device(kafka_server: KafkaServer, tmp_path: Path) -> None:
    async with running(kafka_server, tmp_path, "plain") as one:
        one.take(kept(1))
        bad = Batch("m1", T + 2_000_001, (TagId(1),), [None], [65], (TextSample(TagId(4), T, "программа 7"),))
        one.take(kept(2, [bad], 3))
        one.event(event(1))
        one.event(FeedEvent(ALIGNED, "oven", None, T, f"oven:{T}", {"values": {"m1.voltage_l1": 0.0}, "missing": {}}))
        await eventually(lambda: one.status().book.delivered == 6, 40)
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
    (frame,) = await everything(kafka_server, "plain.aligned")
    assert (frame.key, json.loads(frame.value)["time_us"], json.loads(frame.value)["detail"]["values"]) == (
        b"oven", T, {"m1.voltage_l1": 0.0},
    )  # fmt: skip
    (happened,) = await everything(kafka_server, "plain.events")
    assert happened.key == b"m1"
    assert dict(happened.headers)["id"] == b"state:lathe-1:1"
    assert json.loads(happened.value)["detail"]["state"] == "idle"


async def test_the_same_as_protobuf_by_the_shipped_schema(kafka_server: KafkaServer, tmp_path: Path) -> None:
    kafka = Kafka(KafkaOptions(kafka_server.bootstrap, "proto", partitions=1), directory(), as_protobuf, CONTENT_TYPE)
    async with at_work(runner("kafka", kafka.open, tmp_path)) as one:
        one.take(kept(1, [Batch("m1", T, (TagId(1), TagId(2)), [0.0, None], [0, 65], (TextSample(TagId(4), T, "программа 7"),))], 0))
        one.event(event(1))
        await eventually(lambda: one.status().book.delivered == 3, 40)
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
    async with at_work(runner("kafka", Kafka(options, directory()).open, tmp_path)) as one:
        one.take(kept(1))
        await eventually(lambda: one.status().book.delivered == 3, 40)
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
    huge = Batch("hh", T, (TagId(1),), [1.0], [0], (TextSample(TagId(4), T, NOISE),))
    async with running(kafka_server, tmp_path, "huge", compression="none") as one:
        one.take(kept(1))
        one.take(kept(2, [huge], 3))
        one.take(kept(3, None, 4))
        await eventually(lambda: one.status().book.waiting == 0 and one.status().book.delivered, 40)
        refused = await one.quarantine()
        assert [text.text == NOISE for part in refused for text in part.texts] == [True]
        assert one.status().book.delivered == 7
    assert len(samples(await everything(kafka_server, "huge.samples"))) == 7


async def test_messages_over_the_limit_again_and_again_cost_their_neighbours_nothing(kafka_server: KafkaServer, tmp_path: Path) -> None:
    """A refused batch leaves a hole in the numbers by which the broker knows an idempotent producer's batches of one partition."""
    async with running(kafka_server, tmp_path, "holes", compression="none") as one:
        for number in range(1, 31):
            text = NOISE if number % 10 == 0 else "x" * 9_000 + str(number)
            one.take(kept(number, [batch(number, text)]))
            if number == 5:
                await eventually(lambda: one.status().book.delivered >= 3, 40)
        await eventually(lambda: one.status().book.waiting == 0 and one.status().book.taken == 90, 60)
        assert [len(part.texts) for part in await one.quarantine()] == [1, 1, 1]
        assert set(one.status().answers) == {"receipt", "too_large"}
    records = await everything(kafka_server, "holes.samples")
    assert len(samples(records)) == 90 + 27
    texts = [json.loads(record.value)["time_us"] for record in records if record.key == b"hh"]
    assert texts == [T + n * 1_000_000 for n in range(1, 31) if n % 10]  # in order, and none twice


async def test_a_message_the_broker_refuses_for_its_time_is_quarantined_and_the_rest_arrives(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    """A topic that takes nothing from the future refuses the whole batch in which a device with a wrong clock speaks."""
    await make_topics(kafka_server, "clock", {"message.timestamp.after.max.ms": "3600000"})
    tomorrow = time.time_ns() // 1000 + 86_400_000_000
    async with running(kafka_server, tmp_path, "clock") as one:
        wrong = Batch("m2", tomorrow, (TagId(3),), [1.0], [0])
        one.take(kept(1, [batch(1), batch(2), wrong, batch(3)], 0))
        one.event(event(1))
        await eventually(lambda: one.status().book.waiting == 0 and one.status().book.taken, 60)
        book = one.status().book
        assert (book.taken, book.delivered, book.quarantined) == (11, 10, 1)
        (refused,) = await one.quarantine()
        assert refused.samples[0][1] == tomorrow
        assert "timestamp" in refused.reason.lower()
    assert len(samples(await everything(kafka_server, "clock.samples"))) == 9


async def test_a_topic_that_is_deleted_is_made_again_and_nothing_after_that_is_missing(
    kafka_server: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "RECEIPTS_WITHIN_S", 1.0)
    async with running(kafka_server, tmp_path, "gone") as one:
        one.take(kept(1))
        await eventually(lambda: one.status().book.delivered == 3, 40)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
        await admin.start()
        await admin.delete_topics(["gone.samples"])
        await admin.close()
        for number in range(2, 6):
            one.take(kept(number))
        await eventually(lambda: one.status().book.delivered == 15, 60)
        assert one.status().book.quarantined == 0
    assert {us for _tag, us in samples(await everything(kafka_server, "gone.samples"))} == {T + n * 1_000_000 for n in range(2, 6)}


async def make_topics(server: KafkaServer, prefix: str, settings: dict[str, str]) -> None:
    """The feed's topics, made by an administrator with settings of his own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)
    await admin.start()
    try:
        names = [f"{prefix}.{name}" for name in ("samples", "events", "aligned")]
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=settings) for name in names])
    finally:
        await admin.close()


async def test_a_broker_killed_and_started_again_has_everything_under_its_identity(
    kafka_server: KafkaServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
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
    gc.collect()
    assert [r.getMessage() for r in caplog.records if r.name == "asyncio"] == []  # of what nobody waits for any more


async def test_no_broker_is_told_in_plain_words() -> None:
    for bootstrap, words in (("127.0.0.1:1", "^no broker answers at 127.0.0.1:1$"), ("169.254.1.1:9092", "link-local"), ("no.such.host.invalid:9092", "no such host")):
        with pytest.raises(DestinationAway, match=words):
            async with Kafka(KafkaOptions(bootstrap), directory()).open():
                pass


async def test_a_broker_that_gives_its_receipts_slowly_has_each_message_once(
    kafka_server: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "RECEIPTS_WITHIN_S", 1.5)  # for the next; all of them take longer
    async with slow_way(kafka_server.far_port, kafka_server.way_port) as way:
        kafka = Kafka(KafkaOptions(f"127.0.0.1:{way.port}", "slow", partitions=1, compression="none"), directory())
        await slow_then_quick(runner("kafka", kafka.open, tmp_path), way, tmp_path, blocks=450, answer_s=0.25)
    found = await everything(kafka_server, "slow.samples")
    assert len(found) == len({(record.key, json.loads(record.value)["time_us"]) for record in found}) == 452
