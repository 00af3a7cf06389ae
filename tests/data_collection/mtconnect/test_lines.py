"""MTConnect lines over real sockets: recorded adapters played to the product, an agent that restarts and forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.registry import connects
from domain.errors import DeviceUnreachable, LineDown
from domain.plant import Device, Line, Plant, Site
from domain.quality import Quality
from domain.sample import Reading
from runtime.clock import SystemClock
from simulator.mtconnect_servers import AgentServer, Told
from tests.data_collection.mtconnect.recordings import adapter, recording

CATALOG = ProfileCatalog.shipped()


def line(port: int, endpoint: str = "adapter") -> Line:
    return Line("mt", "mtconnect", {"host": "127.0.0.1", "port": port, "endpoint": endpoint})


def device(profile: str, device_id: str = "m", **options: object) -> Device:
    return Device(device_id, "mt", CATALOG.get(profile), scan_s=0.5, options=options)


@dataclass
class Shop:
    collector: Collector
    readings: list[Reading] = field(default_factory=list)

    def values(self, tag: str, device_id: str = "m") -> list[tuple[int, float | None, int]]:
        found = [
            (r.time_us, v, q) for r in self.readings if r.device_id == device_id
            for p, v, q in zip(r.points, r.values, r.qualities, strict=True) if p == tag
        ]
        return sorted(set(found), key=lambda entry: entry[0])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def shop(place: Line, *devices: Device, beside: tuple[Line, ...] = ()) -> AsyncIterator[Shop]:
    readings: list[Reading] = []
    collector = Collector(SystemClock(), readings.append, connects())
    collector.apply(Plant(Site("s"), lines=(place, *beside), devices=devices))
    task = asyncio.create_task(collector.run())
    try:
        yield Shop(collector, readings)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("profile", ["mtconnect-hurco", "mtconnect-machine"])
async def test_a_recorded_machine_day_is_read_from_its_adapter(profile: str) -> None:
    data = recording("mtconnect-nist", "Hurco01-20170809-20170810.txt.gz")
    year_2017 = 1_514_764_800_000_000
    async with adapter(data) as port, shop(line(port), device(profile)) as found:
        await found.until(lambda: any(v == 3767 for _, v, _ in found.values("part_count")))
        parts = [v for t, v, _ in found.values("part_count") if t < year_2017 and v is not None]
        assert list(dict.fromkeys(parts)) == [0, 3763, 3766, 3767]
        lost = [q for t, v, q in found.values("part_count") if t < year_2017 and v is None]
        assert set(lost) == {int(Quality.NO_VALUE)}
        assert "AVAILABLE" in {r.texts.get("available") for r in found.readings}
        assert found.collector.devices()[0].state == "online"


async def test_a_recorded_lathe_is_read_with_its_assets_and_the_rest_goes_on_after_rubbish() -> None:
    data = b"nonsense without bars\r\n" + b"x" * 200_000 + b"\r\n" + recording("mtconnect-okuma", "okuma.txt.gz")
    async with adapter(data) as port, shop(line(port), device("mtconnect-okuma")) as found:
        await found.until(lambda: len({v for _, v, _ in found.values("part_count")} - {None}) >= 4)
        assert {v for _, v, _ in found.values("part_count")} >= {0, 1, 2, 3}
        assert "shape" in str(found.collector.lines()[0].last_error)


async def test_an_adapter_that_goes_away_turns_the_points_bad_and_comes_back_by_itself() -> None:
    data = b"2026-01-02T03:04:05Z|Part_Count|7\r\n"
    async with adapter(data, then_close=True) as port, shop(line(port), device("mtconnect-hurco")) as found:
        await found.until(lambda: [v for _, v, _ in found.values("part_count")].count(7) >= 1)
        await found.until(lambda: int(Quality.LINE_DOWN) in [q for _, _, q in found.values("part_count")])
        assert found.values("part_count")[0][:2] == (1_767_323_045_000_000, 7)


async def test_an_adapter_that_answers_no_more_pings_is_lost() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* PONG 100\r\n2026-01-02T03:04:05Z|Part_Count|7\r\n")
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = line(server.sockets[0].getsockname()[1])
    place = Line(place.id, place.transport, {**place.options, "connect_timeout_s": 0.3})
    try:
        async with shop(place, device("mtconnect-hurco")) as found:
            await found.until(lambda: "does not answer its pings" in str(found.collector.lines()[0].last_error))
    finally:
        server.close()


def told(value: str, item: str = "Part_Count", level: str | None = None) -> Told:
    return Told(item, value, SystemClock().now_us(), level)


@asynccontextmanager
async def agent(buffer: int = 10_000) -> AsyncIterator[AgentServer]:
    server = AgentServer(buffer)
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.stop()


async def test_an_agent_serves_several_machines_and_every_change_arrives() -> None:
    async with agent() as server:
        server.tell("A", [told("1"), told("AVAILABLE", "avail"), told("", "system", "NORMAL")])
        server.tell("B", [told("UNAVAILABLE")])
        machines = [device("mtconnect-hurco", name, agent_device=name) for name in ("A", "B")]
        async with shop(line(server.port, "agent"), *machines) as found:
            await found.until(lambda: bool(found.values("part_count", "A")))
            for n in range(2, 40):
                server.tell("A", [told(str(n))])
                server.tell("B", [told(str(100 + n))])
            server.tell("A", [told("axis X", "system", "FAULT")])
            await found.until(lambda: any(v == 139 for _, v, _ in found.values("part_count", "B")))
            await found.until(lambda: any(v == 2 for _, v, _ in found.values("alarm", "A")))
            assert {v for _, v, _ in found.values("part_count", "A")} >= set(range(1, 40))
            assert {v for _, v, _ in found.values("part_count", "B")} >= set(range(102, 140))
            assert "axis X" in {r.texts.get("alarm_text") for r in found.readings}


async def test_an_agent_that_restarts_or_forgets_is_asked_for_all_anew() -> None:
    async with agent(buffer=5) as server:
        server.tell("A", [told("1")])
        async with shop(line(server.port, "agent"), device("mtconnect-hurco")) as found:
            await found.until(lambda: any(v == 1 for _, v, _ in found.values("part_count")))
            server.restart()
            server.tell("A", [told("2")])
            await found.until(lambda: any(v == 2 for _, v, _ in found.values("part_count")))


async def test_read_by_hand_and_survey() -> None:
    collector = Collector(SystemClock(), lambda _: None, connects())
    async with agent() as server:
        server.tell("A", [told("5"), told("FAULT text", "system", "FAULT")])
        (reading,) = await collector.read_once(device("mtconnect-hurco"), line(server.port, "agent"))
        assert dict(zip(reading.points, reading.values, strict=True))["part_count"] == 5
        found = await collector.survey(line(server.port, "agent"), 0.5)
        assert {f.where: f.answer for f in found or ()} == {"A/Part_Count": "5", "A/system": "FAULT"}
        with pytest.raises(DeviceUnreachable, match="told nothing"):
            await collector.read_once(device("mtconnect-hurco", agent_device="C"), line(server.port, "agent"))
    with pytest.raises(LineDown):
        await collector.survey(line(1), 0.5)
