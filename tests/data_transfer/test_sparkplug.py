"""The Sparkplug B edge node, heard by the listener that reads other makers' nodes, and over Mosquitto."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import aiomqtt
import pytest

import data_transfer.runner as feed_runner
from data_collection.mqtt.sparkplug import Listener, Metric
from data_transfer.messages import messages_of
from data_transfer.mqtt.edge import SparkplugPublisher
from data_transfer.mqtt.publisher import MqttOptions
from data_transfer.mqtt.sparkplug import EdgeNode
from data_transfer.runner import FeedRunner
from domain.feed import Parcel
from domain.sample import Batch, TagId, TextSample
from domain.sparkplug import payload_class
from tests.conftest import eventually
from tests.data_transfer.plant import T, directory, kept, runner, running, value
from tests.mosquitto import PASSWORD, USER, Mosquitto, mosquitto

__all__ = ["mosquitto"]


def rebirth() -> bytes:
    command = payload_class()()
    command.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=True)
    return bytes(command.SerializeToString())


def test_a_listener_follows_births_data_and_death() -> None:
    names, edge, listener = directory(), EdgeNode("plant", "node", 7), Listener()
    edge.begin()
    births = [listener.take(one.topic, one.payload) for one in edge.births(names.faces(), T)]
    assert [(told.address.device, told.faults) for told in births if told] == [("", ()), ("m1", ()), ("hh", ())]
    parcel = Parcel(1, [(1, T, 11.5, 0), (2, T, None, 65)], [TextSample(TagId(4), T + 1_500_000, "O7")])
    messages, refused = messages_of(parcel, names)
    assert refused == []
    made = [edge.data(message, T) for message in messages]
    told = [listener.take(one.topic, one.payload) for one in made if one is not None]
    assert [(one.address.device, one.metrics, one.faults) for one in told if one] == [
        ("m1", (Metric("active_power", 11.5, T), Metric("energy_import", None, T)), ()),
        ("hh", (Metric("program", "O7", T + 1_500_000),), ()),
    ]
    old = edge.data(messages[0], T + 3_600_000_000)
    assert old is not None
    late = listener.take(old.topic, old.payload)
    assert late is not None
    assert late.metrics[0].historical
    again = [listener.take(one.topic, one.payload) for one in edge.births(names.faces(), T + 9_000_000)]
    newest = again[1]
    assert newest is not None
    assert newest.metrics[0] == Metric("active_power", 11.5, T)  # a birth brings the newest value with its own time
    death = listener.take(edge.death().topic, edge.death().payload)
    assert death is not None
    assert death.dead


def test_units_and_bad_quality_are_properties() -> None:
    names, edge = directory(), EdgeNode("g", "n")
    birth = payload_class().FromString(list(edge.births(names.faces(), T))[1].payload)
    power = birth.metrics[0]
    assert dict(zip(power.properties.keys, [v.string_value or v.int_value for v in power.properties.values], strict=True)) == {
        "Quality": 0, "engUnit": "kW",
    }  # fmt: skip
    assert power.is_null  # nothing was read yet: not 0


def test_only_a_host_that_asks_for_a_rebirth_is_obeyed() -> None:
    edge = EdgeNode("g", "n")
    assert edge.asks_rebirth("spBv1.0/g/NCMD/n", rebirth())
    assert not edge.asks_rebirth("spBv1.0/g/NCMD/other", rebirth())
    assert not edge.asks_rebirth("spBv1.0/g/NCMD/n", b"\xff\xff\xff")
    assert not edge.asks_rebirth("spBv1.0/g/NCMD/n", b"")


@asynccontextmanager
async def listening(broker: Mosquitto) -> AsyncIterator[list[tuple[str, bytes]]]:
    """What a stranger hears, over deaths of the broker: (topic, payload), and ("subscribed", b"") each time it is there."""
    heard: list[tuple[str, bytes]] = []

    async def listen() -> None:
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", broker.port, username=USER, password=PASSWORD) as client:
                    await client.subscribe("spBv1.0/#")
                    heard.append(("subscribed", b""))
                    async for message in client.messages:
                        heard.append((str(message.topic), bytes(message.payload)))  # type: ignore[arg-type]
            await asyncio.sleep(0.02)

    task = asyncio.create_task(listen())
    try:
        await eventually(lambda: heard)
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def times(heard: list[tuple[str, bytes]], word: str) -> int:
    """How often a topic with `word` came."""
    return sum(word in topic for topic, _ in heard)


@pytest.mark.server
async def test_over_a_broker_that_is_killed_everything_arrives_after_a_new_birth(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.3)
    monkeypatch.setattr(feed_runner, "LONGEST_PAUSE_S", 0.5)
    options = MqttOptions("127.0.0.1", mosquitto.port, USER, PASSWORD)
    async with listening(mosquitto) as heard:
        async with running(runner("sparkplug", SparkplugPublisher(options, "plant", "node", directory()).open, tmp_path)) as one:
            one.take(kept(1))
            await eventually(lambda: one.status().book.delivered == 3, 30)
            mosquitto.kill()
            one.take(kept(2))
            await eventually(lambda: one.status().state == "away", 30)
            await asyncio.to_thread(mosquitto.start)
            await eventually(lambda: times(heard, "subscribed") > 1, 30)
            one.take(kept(3, [Batch("m1", T + 3_000_000, (TagId(1),), [None], [64])], 6))
            await eventually(lambda: one.status().book.delivered == 7, 30)
            await _born_again_when_asked(mosquitto, one, heard)
        await eventually(lambda: heard[-1][0] == "spBv1.0/plant/NDEATH/node", 10)
    listener = Listener()
    told = [found for topic, payload in heard if topic != "subscribed" and (found := listener.take(topic, payload)) is not None]
    assert told[-1].dead
    seen = {
        (metric.name, metric.time_us, metric.value) for found in told for metric in found.metrics if found.address.device == "m1"
    }
    assert ("active_power", T + 1_000_000, value(1, 1)) in seen
    assert ("active_power", T + 3_000_000, None) in seen


async def _born_again_when_asked(broker: Mosquitto, one: FeedRunner, heard: list[tuple[str, bytes]]) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port, username=USER, password=PASSWORD) as host:
        births, numbers = times(heard, "/NBIRTH/"), count(4)
        await host.publish("spBv1.0/plant/NCMD/node", rebirth(), qos=1)

        def born_again() -> bool:
            number = next(numbers)
            one.take(kept(number, None, 7 + (number - 4) * 3))
            return times(heard, "/NBIRTH/") > births

        await eventually(born_again, 30)
