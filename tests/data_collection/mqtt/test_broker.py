"""The MQTT line against a real broker: versions, login, TLS, retained values, nothing lost at QoS 1 over a restart."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from data_collection.collector import Collector
from data_collection.mqtt import connect
from data_collection.registry import connects
from data_collection.workspace import Workspace
from domain.errors import DeviceUnreachable, LineDown
from domain.places.mqtt import MqttPlace
from domain.plant import Device, Line, Plant, Site
from domain.profile import Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from tests.mosquitto import PASSWORD, USER, Mosquitto
from tests.mosquitto import mosquitto as mosquitto

pytestmark = pytest.mark.server
POINTS = (
    Point("part_count", Quantity.COUNT, "1", MqttPlace("payload.n")),
    Point("program", Quantity.TEXT, "", MqttPlace("part_program")),
)
PARAMETERS = {"cnc_id": "", "topic": "sensor/CNC/#", "id_path": "cnc_id", "time_path": "timestamp"}
PROFILE = Profile("cnc", {}, "", "mqtt", "", "M", POINTS, parameters=PARAMETERS)


def line(broker: Mosquitto, **options: object) -> Line:
    password = options.pop("password", PASSWORD)
    given = {"host": "127.0.0.1", "port": broker.port, "topic": "sensor/CNC/#", "user": USER, "qos": 1, **options}
    return Line("bus", "mqtt", given, password=str(password))


def device(cnc_id: str = "DMG-1", device_id: str = "dmg", **options: object) -> Device:
    return Device(device_id, "bus", PROFILE, scan_s=3600, options={"cnc_id": cnc_id, **options})


@dataclass
class Shop:
    collector: Collector
    readings: list[Reading] = field(default_factory=list)

    def values(self, tag: str) -> list[float | None]:
        return [v for r in self.readings for p, v in zip(r.points, r.values, strict=True) if p == tag]

    def numbers(self) -> list[int]:
        return [round(v) for v in self.values("part_count") if v is not None]

    async def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def shop(place: Line, *devices: Device, folder: Path | None = None) -> AsyncIterator[Shop]:
    readings: list[Reading] = []
    collector = Collector(SystemClock(), readings.append, connects(Workspace(folder)))
    collector.apply(Plant(Site("s"), lines=(place,), devices=devices))
    task = asyncio.create_task(collector.run())
    try:
        yield Shop(collector, readings)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def publisher(broker: Mosquitto, **more: Any) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", broker.port, username=USER, password=PASSWORD, **more) as client:
        client.pending_calls_threshold = 10_000
        yield client


def payload(n: object, cnc_id: str = "DMG-1", **more: object) -> bytes:
    return json.dumps({"cnc_id": cnc_id, "part_program": "VAL.NC", "payload": {"n": n}, **more}).encode()


async def listening(found: Shop, broker: Mosquitto, cnc_id: str = "DMG-1") -> None:
    """Until a first message got through."""
    async with publisher(broker) as client:
        async with asyncio.timeout(60):
            while not found.numbers():
                await client.publish("sensor/CNC/x", payload(0, cnc_id), qos=1)
                await asyncio.sleep(0.05)
    found.readings.clear()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_messages_become_readings_and_bad_ones_are_counted(mosquitto: Mosquitto, version: str, tmp_path: Path) -> None:
    async with shop(line(mosquitto, version=version), device(), device("H-2", "hermle"), folder=tmp_path) as found:
        await listening(found, mosquitto)
        async with publisher(mosquitto) as client:
            for data in (b"{broken", b"[" * 50_000, b"x" * 3_000_000, payload("many"), payload(10**400), payload(7, "nobody")):
                await client.publish("sensor/CNC/DMG-1", data, qos=1)
            await client.publish("sensor/CNC/H-2", payload(41, "H-2"), qos=1)
        await found.until(lambda: 41 in found.numbers())
        status = {s.device_id: s for s in found.collector.devices()}
        assert status["hermle"].state == "online"
        assert status["dmg"].errors["json"] == 2
        assert status["dmg"].errors["too_large"] == 1
        assert status["dmg"].errors["decode"] == 2
        assert "names a machine that no device describes" in str(found.collector.lines()[0].last_error)
        assert [r.texts["program"] for r in found.readings if r.texts][-1] == "VAL.NC"


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_nothing_is_lost_at_qos_1_over_a_restart_of_the_broker(mosquitto: Mosquitto, version: str, tmp_path: Path) -> None:
    total, waiting = 1500, {"sent": 0}
    sent_all = asyncio.Event()

    async def publish() -> None:
        """A sender that keeps what the broker did not acknowledge, as the standard asks of QoS 1."""
        while waiting["sent"] < total:
            try:
                async with publisher(mosquitto, identifier=f"sender-{version}", clean_session=False) as client:
                    while waiting["sent"] < total:
                        await client.publish("sensor/CNC/DMG-1", payload(waiting["sent"] + 1), qos=1)
                        waiting["sent"] += 1
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)
        sent_all.set()

    async with shop(line(mosquitto, version=version), device(), folder=tmp_path) as found:
        await listening(found, mosquitto)
        task = asyncio.create_task(publish())
        await found.until(lambda: waiting["sent"] > total / 3)
        await asyncio.to_thread(mosquitto.stop)
        await asyncio.to_thread(mosquitto.start)
        await asyncio.wait_for(sent_all.wait(), 60)
        await task
        await found.until(lambda: len(set(found.numbers())) >= total)
        assert set(found.numbers()) - {0} == set(range(1, total + 1))


async def test_what_came_while_we_were_away_is_there_when_we_are_back(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with shop(line(mosquitto), device(), folder=tmp_path) as found:
        await listening(found, mosquitto)
    async with publisher(mosquitto) as client:
        for n in range(100, 120):
            await client.publish("sensor/CNC/DMG-1", payload(n), qos=1)
    async with shop(line(mosquitto), device(), folder=tmp_path) as found:
        await found.until(lambda: set(range(100, 120)) <= set(found.numbers()))


async def test_a_retained_value_has_its_own_time_and_is_not_taken_for_fresh(mosquitto: Mosquitto) -> None:
    async with publisher(mosquitto) as client:
        await client.publish("kept/old", payload(5, timestamp="2026-01-02T03:04:05Z"), qos=1, retain=True)
        await client.publish("kept/ageless", payload(6), qos=1, retain=True)
    one = [device(name, name, topic=f"kept/{name}", id_path="cnc_id") for name in ("old", "ageless")]
    one = [Device(d.id, "bus", PROFILE, scan_s=3600, options={**d.options, "cnc_id": "DMG-1"}) for d in one]
    try:
        async with shop(line(mosquitto, qos=0), *one) as found:
            await found.until(lambda: {5, 6} <= set(found.numbers()))
            by_id = {r.device_id: r for r in found.readings if r.values and r.values[0] is not None}
            assert by_id["old"].time_us == 1_767_323_045_000_000
            assert list(by_id["ageless"].qualities) == [int(Quality.HELD)]
    finally:
        async with publisher(mosquitto) as client:
            for name in ("old", "ageless"):
                await client.publish(f"kept/{name}", b"", qos=1, retain=True)


async def test_a_wrong_password_is_told_and_the_right_one_over_tls_works(mosquitto: Mosquitto) -> None:
    async with shop(line(mosquitto, password="wrong"), device()) as found:
        await found.until(lambda: "refuses user or password" in str(found.collector.lines()[0].last_error))
    async with shop(line(mosquitto, port=mosquitto.tls_port, tls=True, qos=0), device()) as found:
        await found.until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(found.collector.lines()[0].last_error))
    secure = line(mosquitto, port=mosquitto.tls_port, host="localhost", tls=True, ca_file=str(mosquitto.ca_file), qos=2)
    async with shop(secure, device()) as found:
        await listening(found, mosquitto)
        context = ssl.create_default_context(cafile=str(mosquitto.ca_file))
        async with aiomqtt.Client("localhost", mosquitto.tls_port, username=USER, password=PASSWORD, tls_context=context) as client:
            await client.publish("sensor/CNC/DMG-1", payload(77), qos=2)
        await found.until(lambda: 77 in found.numbers())


async def test_a_broker_that_wants_a_certificate_of_ours_gets_it(mosquitto: Mosquitto, tmp_path: Path) -> None:
    def mutual(**more: object) -> Line:
        return line(mosquitto, host="localhost", port=mosquitto.mutual_port, tls=True, ca_file=str(mosquitto.ca_file), **more)

    def given(pair: tuple[Path, Path]) -> dict[str, object]:
        return {"cert_file": str(pair[0]), "key_file": str(pair[1])}

    async def error_of(place: Line) -> str:
        async with shop(place, device()) as found:
            await found.until(lambda: found.collector.lines()[0].last_error is not None)
            assert found.collector.lines()[0].state == "down"
            return str(found.collector.lines()[0].last_error)

    assert "wants a certificate of this program: set cert_file and key_file" in await error_of(mutual())
    assert "does not trust the certificate in cert_file" in await error_of(mutual(**given(mosquitto.stranger)))
    missing = await error_of(mutual(cert_file=str(tmp_path / "none.pem"), key_file=str(mosquitto.client[1])))
    assert "none.pem" in missing
    mixed = await error_of(mutual(**given((mosquitto.client[0], mosquitto.stranger[1]))))
    assert "do not belong together" in mixed
    async with shop(mutual(**given(mosquitto.client)), device()) as found:
        await listening(found, mosquitto)


async def test_a_device_is_read_by_hand_and_topics_are_surveyed(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "READ_S", 1.5)
    collector = Collector(SystemClock(), lambda _: None, connects())
    with pytest.raises(DeviceUnreachable, match="no message about dmg"):
        await collector.read_once(Device("dmg", "bus", PROFILE, scan_s=0.1, options={"cnc_id": "none"}), line(mosquitto))
    with pytest.raises(LineDown):
        await collector.survey(Line("gone", "mqtt", {"host": "127.0.0.1", "port": 1, "topic": "#"}))

    async def speak() -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with publisher(mosquitto) as client:
                    while True:
                        await client.publish("sensor/CNC/DMG-1", payload(12))
                        await asyncio.sleep(0.05)

    task = asyncio.create_task(speak())
    try:
        (reading,) = await collector.read_once(device(), line(mosquitto))
        assert (list(reading.values), reading.texts) == ([12], {"program": "VAL.NC"})
        (heard,) = [f for f in await collector.survey(line(mosquitto), 0.5) or () if f.where == "sensor/CNC/DMG-1"]
        assert '"cnc_id": "DMG-1"' in heard.answer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_plug_in_reads_its_machines(mosquitto: Mosquitto, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "count.py").write_text(
        "from data_collection.mqtt.plugin import CncPlugin, CncReading\n"
        "class Count(CncPlugin):\n    cnc_ids = ('PLUG-*',)\n"
        "    def readings(self, message):\n        yield CncReading('part_count', message.payload['n'] * 10)\n"
        "        yield CncReading('nothing', 1)\n"
    )
    async with shop(line(mosquitto), device("PLUG-1", payload="plugin"), folder=tmp_path) as found:
        await listening(found, mosquitto, "PLUG-1")
        async with publisher(mosquitto) as client:
            await client.publish("sensor/CNC/p", payload("three", "PLUG-1"), qos=1)
            await client.publish("sensor/CNC/p", payload(3.5, "PLUG-1"), qos=1)
        await found.until(lambda: 35 in found.numbers())
        assert found.collector.devices()[0].errors["tag"] >= 1
