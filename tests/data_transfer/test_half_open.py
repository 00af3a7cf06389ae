"""A destination that takes the connection and then says nothing, or hangs up: each feed is away in plain words and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import data_transfer.runner as feed_runner
from data_transfer.influxdb import writer as influx_writer
from data_transfer.influxdb.writer import InfluxDB, InfluxOptions
from data_transfer.kafka import producer
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.producer import Kafka
from data_transfer.mqtt import edge, publisher
from data_transfer.mqtt.edge import SparkplugPublisher
from data_transfer.mqtt.publisher import MqttOptions, MqttPublisher
from tests.conftest import eventually
from tests.data_transfer.plant import directory, kept, runner

WAYS: dict[str, Callable[[int], Any]] = {
    "influxdb": lambda port: InfluxDB(InfluxOptions(f"http://127.0.0.1:{port}", version="1"), directory()).open,
    "kafka": lambda port: Kafka(KafkaOptions(f"127.0.0.1:{port}"), directory()).open,
    "mqtt": lambda port: MqttPublisher(MqttOptions("127.0.0.1", port), directory()).open,
    "sparkplug": lambda port: SparkplugPublisher(MqttOptions("127.0.0.1", port), "plant", "node", directory()).open,
}


@asynccontextmanager
async def far_side(*, hangs_up: bool) -> AsyncIterator[tuple[int, list[int]]]:
    """A port that says nothing, or hangs up at once; how many came."""
    over, came = asyncio.Event(), list[int]()

    async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(1)
        if not hangs_up:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        over.set()
        server.close()


@pytest.mark.parametrize("hangs_up", [False, True], ids=["silent", "hangs up"])
@pytest.mark.parametrize("name", list(WAYS))
async def test_it_is_away_keeps_all_and_is_tried_again(
    name: str, hangs_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, setting, seconds in (
        (feed_runner, "FIRST_PAUSE_S", 0.05), (feed_runner, "LONGEST_PAUSE_S", 0.1), (influx_writer, "ANSWER_S", 0.3),
        (producer, "START_WITHIN_S", 0.5), (producer, "STOP_WITHIN_S", 0.2), (publisher, "CONNECT_S", 0.5), (edge, "CONNECT_S", 0.5),
    ):  # fmt: skip
        monkeypatch.setattr(module, setting, seconds)
    async with far_side(hangs_up=hangs_up) as (port, came):
        one = runner(name, WAYS[name](port), tmp_path)
        await one.open()
        task = asyncio.create_task(one.run())
        one.take(kept(1))
        await eventually(lambda: one.status().state == "away" and len(came) >= 2, 30)
        status = one.status()
        assert status.last_error
        assert status.next_attempt_us is not None
        book = status.book
        assert (book.taken, book.waiting, book.quarantined, book.dropped) == (3, 3, 0, 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.close()
