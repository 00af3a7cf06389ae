"""The MQTT feed against Mosquitto."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

import data_transfer.runner as feed_runner
from data_transfer.messages import Message
from data_transfer.mqtt.publisher import MqttOptions, MqttPublisher
from data_transfer.mqtt.topics import discovery, level, publications
from data_transfer.runner import FeedRunner
from domain.feed import DestinationAway
from domain.sample import Batch, TagId, TextSample
from tests.conftest import eventually
from tests.data_transfer.plant import TAGS, T, batch, directory, event, kept, runner, value
from tests.data_transfer.plant import running as at_work
from tests.mosquitto import PASSWORD, USER, Mosquitto, mosquitto

__all__ = ["mosquitto"]


def running(broker: Mosquitto, folder: Path, prefix: str, **options: Any) -> AbstractAsyncContextManager[FeedRunner]:
    made = MqttOptions("127.0.0.1", broker.port, USER, PASSWORD, topic_prefix=prefix, client_id=prefix, **options)
    return at_work(runner("mqtt", MqttPublisher(made, directory()).open, folder))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(feed_runner, "LONGEST_PAUSE_S", 0.3)


@asynccontextmanager
async def listening(broker: Mosquitto, topic: str) -> AsyncIterator[list[tuple[str, Any, bool]]]:
    """What a stranger hears: (topic, payload, retained)."""
    heard: list[tuple[str, Any, bool]] = []
    async with aiomqtt.Client("127.0.0.1", broker.port, username=USER, password=PASSWORD) as client:
        await client.subscribe(topic, qos=1)

        async def listen() -> None:
            async for message in client.messages:
                payload = bytes(message.payload)  # type: ignore[arg-type]
                heard.append((str(message.topic), json.loads(payload) if payload[:1] == b"{" else payload.decode(), message.retain))

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.server
async def test_a_stranger_hears_each_tag_with_its_time_and_sees_us_come_and_go(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with listening(mosquitto, "tags/#") as heard:
        async with running(mosquitto, tmp_path, "tags") as one:
            bad = Batch("m1", T + 2_000_001, (TagId(1),), [None], [65], (TextSample(TagId(4), T, "программа 7"),))
            one.take(kept(1))
            one.take(kept(2, [bad], 3))
            one.event(event(1))
            await eventually(lambda: one.status().book.delivered == 5, 30)
            assert one.status().state == "ok"
        await eventually(lambda: len(heard) == 8)
    assert heard[0] == ("tags/status", "online", False)
    assert heard[-1] == ("tags/status", "offline", False)
    said: dict[str, list[Any]] = {}
    for topic, payload, _retained in heard:
        said.setdefault(topic, []).append(payload)
    good, lost = said["tags/m1/active_power"]
    assert good == {
        "value": value(1, 1), "unit": "kW", "quality": "good", "reason": None, "time": "2025-11-19T10:40:01.000000Z",
        "time_us": T + 1_000_000,
    }  # fmt: skip
    assert (lost["value"], lost["quality"], lost["reason"]) == (None, "bad", "timeout")
    assert said["tags/hh/program"] == [{"text": "программа 7", "time": "2025-11-19T10:40:00.000000Z", "time_us": T}]
    assert said["tags/events/state"][0]["detail"]["state"] == "idle"
    async with listening(mosquitto, "tags/#") as later:  # who comes later finds the newest of each, with its own time
        await eventually(lambda: len(later) == 5)
        assert all(retained for _topic, _payload, retained in later)
        assert ("tags/status", "offline", True) in later


@pytest.mark.server
async def test_a_broker_killed_and_started_again_gets_everything_in_order(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with running(mosquitto, tmp_path, "killed", per_tag=False, retain=False) as one:
        one.take(kept(1))
        await eventually(lambda: one.status().book.delivered == 3, 30)
        mosquitto.kill()
        for number in range(2, 101):
            one.take(kept(number))
        await eventually(lambda: one.status().state == "away", 30)
        assert one.status().book.waiting > 0
        await asyncio.to_thread(mosquitto.start)
        async with listening(mosquitto, "killed/m1") as heard:
            for number in range(101, 111):  # the listener has certainly come before these
                one.take(kept(number))
            await eventually(lambda: one.status().book.delivered == 330, 30)
            book = one.status().book
            assert (book.taken, book.quarantined, book.dropped) == (330, 0, 0)
            await eventually(lambda: heard and heard[-1][1]["time_us"] == T + 110_000_000)
            times = [payload["time_us"] for _topic, payload, _retained in heard]
            assert times == sorted(times)
            assert len(heard[-1][1]["samples"]) == 3


@pytest.mark.server
async def test_a_payload_no_broker_takes_is_quarantined_and_the_rest_arrives(mosquitto: Mosquitto, tmp_path: Path) -> None:
    huge = Batch("hh", T, (TagId(1),), [1.0], [0], (TextSample(TagId(4), T, "x" * 300_000),))
    async with running(mosquitto, tmp_path, "huge") as one:
        one.take(kept(1, [huge, batch(2)], 0))
        await eventually(lambda: one.status().book.delivered == 4, 30)
        assert [len(text.text) for part in await one.quarantine() for text in part.texts] == [300_000]


@pytest.mark.server
async def test_a_message_upon_which_the_broker_cuts_the_connection_is_quarantined_and_the_rest_arrives(tmp_path: Path) -> None:
    """A broker whose limit is below ours says nothing: it hangs up."""
    broker = Mosquitto("max_packet_size 5000")
    try:
        await asyncio.to_thread(broker.start)
        large = Batch("hh", T + 1, (TagId(2),), [1.0], [0], (TextSample(TagId(4), T, "x" * 10_000),))
        async with listening(broker, "cut/m1/#") as heard, running(broker, tmp_path, "cut") as one:
            one.take(kept(1, [batch(1), large, batch(2)], 0))
            await eventually(lambda: one.status().book.delivered == 7, 60)
            assert [len(text.text) for part in await one.quarantine() for text in part.texts] == [10_000]
            one.take(kept(2, [batch(3)], 7))
            await eventually(lambda: one.status().book.delivered == 10, 30)
            await eventually(lambda: len({(topic, said["time_us"]) for topic, said, _retained in heard}) == 10)
    finally:
        broker.close()


@pytest.mark.server
async def test_a_killed_program_is_shown_as_offline_by_its_last_will(mosquitto: Mosquitto) -> None:
    options = MqttOptions("127.0.0.1", mosquitto.port, USER, PASSWORD, topic_prefix="will", client_id="will")
    async with listening(mosquitto, "will/status") as heard:
        with suppress(DestinationAway):
            async with MqttPublisher(options, directory()).open() as publisher:
                await eventually(lambda: [payload for _t, payload, _r in heard] == ["online"])
                client = publisher._client
                assert client is not None
                client._client.socket().shutdown(2)  # type: ignore[union-attr]  # as when the process is gone
                await eventually(lambda: [payload for _t, payload, _r in heard] == ["online", "offline"])


@pytest.mark.server
async def test_home_assistant_finds_every_tag(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with running(mosquitto, tmp_path, "ha", home_assistant="homeassistant") as one:
        one.take(kept(1))
        await eventually(lambda: one.status().book.delivered == 3, 30)
    async with listening(mosquitto, "homeassistant/#") as heard:
        await eventually(lambda: len(heard) == len(TAGS))
    found = {payload["unique_id"]: payload for _topic, payload, _retained in heard}
    energy = found["ha_m1_energy_import"]
    assert (energy["device_class"], energy["state_class"], energy["unit_of_measurement"]) == ("energy", "total_increasing", "kWh")
    assert energy["state_topic"] == "ha/m1/energy_import"
    assert energy["device"]["suggested_area"] == "Токарный участок, A=B"


@pytest.mark.server
async def test_a_wrong_password_and_no_broker_are_told(mosquitto: Mosquitto) -> None:
    for options in (
        MqttOptions("127.0.0.1", mosquitto.port, USER, "wrong"), MqttOptions("127.0.0.1", 1),
        MqttOptions("169.254.3.4"), MqttOptions("localhost", mosquitto.tls_port, USER, PASSWORD, tls=True),
    ):  # fmt: skip
        with pytest.raises(DestinationAway):
            async with MqttPublisher(options, directory()).open():
                pass
    trusted = MqttOptions("localhost", mosquitto.tls_port, USER, PASSWORD, tls=True, ca_file=str(mosquitto.ca_file))
    async with asyncio.timeout(20):
        with pytest.raises(RuntimeError, match="connected"):
            async with MqttPublisher(trusted, directory()).open():
                raise RuntimeError("connected")


def test_names_are_one_level_of_a_topic() -> None:
    assert level("a/b+c#d\0") == "a_b_c_d"
    assert level(" ") == "_"


def test_discovery_topics_hold_only_what_home_assistant_takes() -> None:
    names = directory()
    for one in discovery(names.faces(), "цех/1", "homeassistant"):
        assert one.topic.split("/")[2].replace("_", "").replace("-", "").isalnum()
        assert one.topic.isascii()
        assert one.retain


def test_an_infinite_value_never_becomes_json() -> None:
    face = directory().face(1)
    assert face is not None
    (one,) = publications(Message("m1", T, face, rows=[(face, (1, T, math.inf, 65))]), "p", "s", per_tag=True, retain=True)
    assert json.loads(one.payload)["value"] is None
