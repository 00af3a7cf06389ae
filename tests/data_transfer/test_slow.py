"""Destinations that take data more slowly than it comes: it waits where people see it, comes once, and holds up nobody else.

The servers are real, a proxy makes them slow. How long a feed waits for one more answer is set so that a whole parcel takes longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

import data_transfer.runner as feed_runner
from data_transfer.influxdb import writer as influx_writer
from data_transfer.influxdb.writer import InfluxDB, InfluxOptions
from data_transfer.mqtt import edge, publisher
from data_transfer.mqtt.edge import SparkplugPublisher
from data_transfer.mqtt.publisher import MqttOptions, MqttPublisher
from domain.feed import Parcel, Refused
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_transfer.plant import directory, kept, runner
from tests.data_transfer.slowness import BLOCKS, Quick, running, slow_then_quick
from tests.data_transfer.test_mqtt import listening
from tests.feed_servers import InfluxServer, influx_server
from tests.mosquitto import PASSWORD, USER, Mosquitto, mosquitto
from tests.slow_way import slow_way

__all__ = ["influx_server", "mosquitto"]
pytestmark = pytest.mark.server

@pytest.mark.parametrize("kind", ["plain", "sparkplug"])
async def test_a_broker_that_acknowledges_slowly_gets_each_message_once(
    kind: str, mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "ACKNOWLEDGED_WITHIN_S", 2.0)
    monkeypatch.setattr(publisher, "CONNECT_S", 5.0)
    monkeypatch.setattr(edge, "CONNECT_S", 5.0)
    monkeypatch.setattr(edge, "AT_ONCE", 50)
    async with slow_way(mosquitto.port) as way, listening(mosquitto, f"slow-{kind}/#") as heard:
        options = MqttOptions("127.0.0.1", way.port, USER, PASSWORD, topic_prefix=f"slow-{kind}", client_id=f"slow-{kind}")
        if kind == "plain":
            await slow_then_quick(runner("mqtt", MqttPublisher(options, directory()).open, tmp_path), way, tmp_path,
                                  answer_s=0.2, answer_bytes=40)  # fmt: skip
            data = [(topic, said["time_us"]) for topic, said, _retained in heard if topic.count("/") == 2]
            assert len(data) == len(set(data)) == (BLOCKS + 2) * 3
        else:
            feed = SparkplugPublisher(options, "g", "n", directory())
            await slow_then_quick(runner("sparkplug", feed.open, tmp_path), way, tmp_path, blocks=800, bytes_s=32_000.0)
            assert feed.answers["lost"] == 0


async def test_a_database_that_answers_slowly_byte_by_byte_and_takes_little_at_once_has_every_point_once(
    influx_server: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx_writer, "ANSWER_S", 3.0)  # without a byte; the whole answer takes longer
    async with slow_way(influx_server.port) as way:
        influx = InfluxDB(InfluxOptions(f"http://127.0.0.1:{way.port}", "slow", version="1"), directory())
        await slow_then_quick(runner("influxdb", influx.open, tmp_path), way, tmp_path, answer_s=0.02, answer_bytes=1, bytes_s=10_000.0)
        rows = influx_server.query("slow", "select count(value) from active_power")
        assert rows[0]["count"] == BLOCKS + 2


async def test_a_slow_destination_is_given_less_at_once_and_more_again_when_it_is_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_runner, "FEWEST_AT_ONCE", 6)
    took_s, sizes = 11.0, list[int]()

    class Clock(SystemClock):
        ahead_s = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead_s

    class Slow(Quick):
        async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
            sizes.append(len(parcel))
            clock.ahead_s += took_s
            return ()

    clock = Clock()
    monkeypatch.setattr("tests.data_transfer.plant.SystemClock", lambda: clock)
    one = runner("slow", Slow().open, tmp_path, most=48)
    await one.open()
    for number in range(1, 81):
        one.take(kept(number))
    await one._flush()  # all of it waits
    async with running(one):
        await eventually(lambda: one.status().book.delivered == 240, 30)
        assert (sizes[:4], set(sizes[3:])) == ([48, 24, 12, 6], {6})
        took_s = 0.0
        for number in range(81, 161):
            one.take(kept(number))
        await eventually(lambda: one.status().book.delivered == 480, 30)
        assert max(sizes[sizes.index(6):]) > 24


async def test_a_destination_is_waited_for_as_long_as_one_more_answer_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "ANSWER_WITHIN_S", 0.6)
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.02)
    answering, tries = True, 0

    class Bit(Quick):
        async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
            nonlocal tries
            tries += 1
            for _ in range(5):
                await asyncio.sleep(0.2)
                self.answers["bit"] += answering
            return ()

    one = runner("bit", Bit().open, tmp_path)
    async with running(one):
        one.take(kept(1))
        await eventually(lambda: one.status().book.delivered == 3, 30)
        assert tries == 1
        answering = False
        one.take(kept(2))
        await eventually(lambda: one.status().state == "away", 30)
        assert "no answer" in (one.status().last_error or "")
