"""The five ways of giving data on, from the one settings file of docs/feeds.md, read by programs that know nothing of ours."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from application.build import Application, open_application
from application.certificates import CLIENTS
from config.settings import load_settings
from data_collection.opcua.trust import fingerprint
from domain.access import Actor, Role
from domain.sample import Batch
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.e2e.running import ONE_LATHE, at_work
from tests.feed_servers import InfluxServer, KafkaServer, influx_server, kafka_server
from tests.mosquitto import PASSWORD, USER, Mosquitto, mosquitto
from tests.node_opcua import CLIENT_URI, NodeOpcUa, make_identity, node_opcua
from tests.ports import free_port
from tests.servers import find_program

__all__ = ["influx_server", "kafka_server", "mosquitto", "node_opcua"]
ADMIN = Actor("root", Role.ADMIN, "test")
WORD = "a quite long pass word"
GUIDE = Path(__file__).parents[2] / "docs" / "feeds.md"
FEEDS = ("kafka", "influxdb", "mqtt")


def settings_file(influx: str, kafka: str, broker: int, opcua: int, modbus: int) -> str:
    """That of the guide, with the addresses of here."""
    found = re.search(r"```toml\n(.*?)```", GUIDE.read_text().split("## All of them from one file")[1], re.DOTALL)
    assert found is not None
    text = found.group(1)
    for old, new in (
        ("192.168.10.5", "127.0.0.1"), ("192.168.10.0/24", "127.0.0.0/8"), ("port = 4840", f"port = {opcua}"),
        ("port = 1502", f"port = {modbus}"), ("kafka-1:9092", kafka), ("http://influx:8086", influx), ('"broker"', '"127.0.0.1"'),
        ("port = 1883", f"port = {broker}"), ('user = "energy"', f'user = "{USER}"'),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    return text


@asynccontextmanager
async def product(folder: Path) -> AsyncIterator[Application]:
    settings = load_settings({"ENERGY_DATA_DIR": str(folder), "ENERGY_MQTT__PASSWORD": PASSWORD})
    async with open_application(settings, SystemClock(), {}) as app:
        await app.plant.load()
        await app.plant.import_yaml(ONE_LATHE, ADMIN)
        names = {"writer", "feed-watch", "feed:opcua_server", "feed:modbus_server", *(f"feed:{name}" for name in FEEDS)}
        assert names <= set(app.jobs)
        async with at_work(app, names):
            yield app


def program(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.server
@pytest.mark.timeout(300)  # jars and packages are fetched at the first run
async def test_strangers_read_right_values_from_each(
    influx_server: InfluxServer, kafka_server: KafkaServer, mosquitto: Mosquitto, node_opcua: NodeOpcUa, tmp_path: Path
) -> None:
    opcua, modbus, folder = free_port(), free_port(), tmp_path / "data"
    folder.mkdir()
    text = settings_file(influx_server.base, kafka_server.bootstrap, mosquitto.port, opcua, modbus)
    (folder / "settings.toml").write_text(text)
    who = make_identity(tmp_path / "node", CLIENT_URI)
    trusted = folder / "opcua" / CLIENTS / "trusted"
    trusted.mkdir(parents=True)
    (trusted / f"{fingerprint(who.der)}.der").write_bytes(who.der)
    async with product(folder) as app:
        await app.accounts.create_user("scada", Role.VIEWER, WORD, ADMIN)
        tags = [app.live.tag(f"m1.{point}") for point in ("active_power", "energy_import")]
        now_us = time.time_ns() // 1_000_000_000 * 1_000_000
        servers = (app.services.opcua_server, app.services.modbus)
        await eventually(lambda: all((told := one.status()) is not None and told.state == "ok" for one in servers), 60)
        for n in range(3):
            values = [11.5 + n, 98_765.25 + n]
            app.bus.publish(Batch("m1", now_us - (2 - n) * 1_000_000, tuple(tag.id for tag in tags), values, (0, 0)))
        await eventually(lambda: all(feed.book.delivered >= 6 for feed in app.services.feeds.feeds()), 60)

        login = {"user": "scada", "password": WORD}
        node = "nsu=urn:energy-monitoring:plant;s=m1.active_power"
        address = next(r.address for r in app.services.modbus.registers() or () if r.subject == "m1.energy_import")
        asked, polled, consumed, selected, heard = await asyncio.gather(
            asyncio.to_thread(node_opcua.ask, f"opc.tcp://127.0.0.1:{opcua}", who, read=[node], **login),
            asyncio.to_thread(
                program, find_program("mbpoll"), "-m", "tcp", "-p", str(modbus), "-a", "1", "-0", "-1", "-t", "4:float", "-B", "-r",
                str(address), "-c", "1", "127.0.0.1",
            ),
            asyncio.to_thread(kafka_server.console_consumer, "energy.samples", 3),
            asyncio.to_thread(influx_server.shell, "energy", "select value, machine from active_power"),
            asyncio.to_thread(
                program, find_program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(mosquitto.port), "-u", USER, "-P", PASSWORD,
                "-t", "energy/m1/#", "-C", "2", "-W", "30", "-v",
            ),
        )  # fmt: skip
        assert (asked["read"][node]["value"], asked["read"][node]["status"]) == (13.5, "Good")
        assert asked["read"][node]["source"] == now_us // 1000
        assert f"[{address}]: \t98767.2" in polled
        messages = {(said := json.loads(line.split("\t")[1]))["time_us"]: said for line in consumed}
        assert {line.split("\t")[0] for line in consumed} == {"m1"}
        assert [[one["value"] for one in messages[us]["samples"]] for us in sorted(messages)] == [
            [11.5, 98_765.25], [12.5, 98_766.25], [13.5, 98_767.25],
        ]  # fmt: skip
        assert max(messages) == now_us
        assert [(row["time"], row["value"], row["machine"]) for row in selected] == [
            (now_us - (2 - n) * 1_000_000, 11.5 + n, "lathe-1") for n in range(3)
        ]
        newest = {line.split(" ", 1)[0]: json.loads(line.split(" ", 1)[1]) for line in heard.splitlines()}
        assert {topic: (said["value"], said["time_us"]) for topic, said in newest.items()} == {
            "energy/m1/active_power": (13.5, now_us), "energy/m1/energy_import": (98_767.25, now_us),
        }  # fmt: skip
        for feed in app.services.feeds.feeds():
            book = feed.book
            assert (book.taken, book.quarantined, book.dropped) == (book.delivered + book.waiting, 0, 0), feed.name
