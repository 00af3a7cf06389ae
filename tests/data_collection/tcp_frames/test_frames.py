"""Frames: cut from a stream, read by a layout, sent at a pace the peer can take, with bit 0 on its own."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.registry import connects
from data_collection.tcp_frames.layout import BINARY, Layout, frame_out
from data_collection.tcp_frames.pace import Pace
from data_collection.tcp_frames.splitter import FrameSplitter
from data_collection.workspace import Workspace
from domain.errors import ConfigError
from domain.inspection import Outcome, Verdict, VerdictDesk
from domain.plant import Device, Line, Plant, Site
from domain.quality import Quality
from domain.sample import Reading
from runtime.clock import SystemClock

CATALOG = ProfileCatalog.shipped()
PROFILE = CATALOG.get("plc-frames")


def frame(bit: int = 0, parts: int = 7, load: float = 41.5, program: bytes = b"VAL.NC") -> bytes:
    return struct.pack(">BBHffff12s", bit | 2, 0, parts, 3200.0, load, 21.5, 6.25, program.ljust(12))


def values(layout: Layout, data: bytes) -> dict[str, object]:
    return {f.tag: f.value if f.error is None else f.error[0] for f in layout.decode(data)}


def text_device(*points: str) -> Device:
    text = "site: {name: X}\nlines: [{id: l, transport: tcp-frames, host: h}]\ndevices: [{id: d, line: l, points: [" + ", ".join(points) + "]}]\n"
    return parse_plant(text, catalog=CATALOG, environ={}).plant.devices[0]


def test_a_binary_layout() -> None:
    layout = Layout(Device("d", "l", PROFILE), 32, BINARY)
    assert values(layout, frame()) == {
        "trigger": 0, "running": 1, "part_count": 7, "spindle_speed": 3200.0, "spindle_load": 41.5, "temperature": 21.5,
        "pressure": 6.25, "program": "VAL.NC",
    }
    assert [values(layout, frame(bit))["trigger"] for bit in (0, 1, 1, 0)] == [0, 1, 1, 2]
    assert values(layout, frame()[:18])["pressure"] == "too_short"
    assert values(layout, frame(program="Вал".encode("cp1251")))["program"] == "encoding"


def test_a_parted_text_and_digits_at_their_place() -> None:
    device = text_device(
        "{tag: t, quantity: temperature, unit: °C, field: 2}", "{tag: p, quantity: text, field: 3}",
        "{tag: n, quantity: count, byte: 0, length: 2, type: number}",
    )
    layout = Layout(device, None)
    assert values(layout, "17;21.5;Вал-7  ".encode()) == {"t": 21.5, "p": "Вал-7", "n": 17}
    assert values(layout, b"ab;x") == {"t": "number", "p": "too_short", "n": "number"}
    assert values(Layout(device, None, "cp1251"), "17;1;Вал".encode("cp1251"))["p"] == "Вал"
    with pytest.raises(ConfigError, match="no encoding"):
        Layout(device, None, "klingon")
    with pytest.raises(ConfigError, match="ends at byte 32"):
        Layout(Device("d", "l", PROFILE), 31, BINARY)


@pytest.mark.parametrize(("point", "expected"), [
    ("quantity: count", "nothing says where"), ("quantity: count, byte: 0, type: bit", "bit is missing"),
    ("quantity: count, byte: 0, type: number", "length is missing"), ("quantity: text, byte: 0, type: uint8", "does not suit text"),
    ("quantity: count, field: 1, type: int16", "is no part of a text"), ("quantity: count, byte: 0", "one of"),
])
def test_a_wrong_place_is_named(point: str, expected: str) -> None:
    with pytest.raises(PlantFileError) as failure:
        text_device(f"{{tag: v, {point}}}")
    assert expected.rsplit(maxsplit=1)[-1] in str(failure.value)
    assert "points[v]" in str(failure.value)


def test_frames_of_a_stream_and_the_way_back_after_bytes_that_are_none() -> None:
    splitter = FrameSplitter(4)
    assert splitter.feed(b"abcdefg") == [b"abcd"]
    assert splitter.feed(b"hijkl") == [b"efgh", b"ijkl"]
    splitter.feed(b"mnopq")
    splitter.paused()
    assert splitter.feed(b"rst") == []
    splitter.paused()
    assert splitter.feed(b"uvwx") == [b"uvwx"]
    assert splitter.faults == {"too_long": 1, "too_short": 1}
    ended = FrameSplitter(delimiter=b"\r\n")
    assert ended.feed(b"a;b\r\nc") == [b"a;b"]
    assert ended.feed(b"\r") == []
    assert ended.feed(b"\n") == [b"c"]


def test_the_pace_follows_the_peer_down_and_back() -> None:
    pace = Pace(0.1)
    for took in (0.001, 0.2, 0.4):
        pace.frame_sent(took)
    assert pace.interval_s == pytest.approx(0.8)
    assert "0.1" in str(pace.text)
    for _ in range(40):
        pace.frame_sent(0.001)
    assert pace.interval_s == 0.1
    assert pace.text is None


def test_what_we_send() -> None:
    assert frame_out(8, BINARY, bit=True) == b"\1" + bytes(7)
    assert frame_out(8, BINARY, bit=False, verdict="reject", item=258, score=0.5) == b"\0\2\1\2\x13\x88\0\0"
    assert frame_out(24, "utf-8", bit=True, verdict="good", item=7, score=0.25) == b"1;good;7;0.2500         "
    with pytest.raises(ValueError, match="no room"):
        frame_out(4, "utf-8", bit=True, verdict="good")


# ---- over a real socket ----


@dataclass
class Controller:
    """The far side: `send` writes, `received` is what the product wrote."""

    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)
    reading: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        await self.reading.wait()
        while data := await reader.read(4096):
            self.received += data

    def send(self, data: bytes) -> None:
        self.writers[-1].write(data)


@dataclass
class Shop:
    collector: Collector
    controller: Controller
    desk: VerdictDesk
    readings: list[Reading] = field(default_factory=list)

    def values(self, tag: str) -> list[tuple[float | None, int]]:
        return [(v, q) for r in self.readings for p, v, q in zip(r.points, r.values, r.qualities, strict=True) if p == tag]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def shop(**options: object) -> AsyncIterator[Shop]:
    controller, readings, desk = Controller(), [], VerdictDesk()
    controller.reading.set()
    server = await asyncio.start_server(controller.serve, "127.0.0.1", 0)
    controller.port = server.sockets[0].getsockname()[1]
    collector = Collector(SystemClock(), readings.append, connects(Workspace(verdicts=desk)))
    line = Line("qc", "tcp-frames", {"host": "127.0.0.1", "port": controller.port, "length": 32, "encoding": "binary", **options})
    collector.apply(Plant(Site("s"), lines=(line,), devices=(Device("cell", "qc", PROFILE, scan_s=0.2),)))
    task = asyncio.create_task(collector.run())
    found = Shop(collector, controller, desk, readings)
    try:
        await found.until(lambda: bool(controller.writers))
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        for writer in controller.writers:
            writer.close()


async def test_frames_are_read_and_bad_ones_counted_without_losing_step() -> None:
    async with shop() as s:
        s.controller.send(frame(parts=1)[:10])
        await s.until(lambda: "too_short: 1" in str(s.collector.lines()[0].last_error))
        s.controller.send(frame(parts=2) + b"xyz")
        await s.until(lambda: "too_long: 1" in str(s.collector.lines()[0].last_error))
        s.controller.send(frame(parts=3, program="Вал".encode("cp1251")))
        await s.until(lambda: (3.0, 0) in s.values("part_count"))
        assert [v for v, _ in s.values("part_count") if v is not None] == [2, 3]
        assert s.collector.devices()[0].errors["encoding"] == 1
        assert s.controller.received == b"", "nothing is sent unless it is switched on"


async def test_silence_and_a_standing_heartbeat_turn_the_points_bad() -> None:
    async with shop(peer_heartbeat_s=0.4) as s:
        s.controller.send(frame(0))
        await s.until(lambda: s.collector.devices()[0].state == "online")
        for _ in range(12):
            s.controller.send(frame(0))
            await asyncio.sleep(0.1)
        await s.until(lambda: "has not changed for 0.4 s" in str(s.collector.devices()[0].last_error))
        assert int(Quality.TIMEOUT) in [q for _, q in s.values("part_count")]
        s.controller.send(frame(1))
        await s.until(lambda: s.collector.devices()[0].state == "online")


async def test_the_cyclic_flow_and_the_heartbeat_run_on_their_own() -> None:
    async with shop(transmit_s=0.05, heartbeat_s=0.3) as s:
        await s.until(lambda: len(s.controller.received) >= 32 * 20)
        frames = [bytes(s.controller.received[i:i + 32]) for i in range(0, 32 * 20, 32)]
        assert {f[0] for f in frames} == {0, 1}
        assert all(f[1:] == bytes(31) for f in frames)


async def test_a_verdict_is_written_back_at_once_and_a_late_one_is_not() -> None:
    async with shop(verdicts=True, verdict_deadline_s=0.1) as s:
        s.controller.send(frame())
        await s.until(lambda: s.collector.devices()[0].state == "online")
        assert s.desk.hand_in("cell", Verdict(5, Outcome.REJECT, 0.75), 0.001) is True
        await s.until(lambda: len(s.controller.received) >= 32)
        assert bytes(s.controller.received[:6]) == b"\0\2\0\5" + (7500).to_bytes(2, "big")
        assert s.desk.hand_in("cell", Verdict(6, Outcome.GOOD), 0.2) is False
        assert "1 verdicts were not written back" in str(s.collector.lines()[0].last_error)
        assert s.desk.hand_in("other", Verdict(6, Outcome.GOOD), 0.0) is None
    assert s.desk.hand_in("cell", Verdict(7, Outcome.GOOD), 0.0) is None, "the line is closed"


async def test_a_device_is_read_by_hand_and_frames_are_surveyed() -> None:
    async with shop() as s:
        async def speak() -> None:
            while True:
                s.controller.send(frame())
                await asyncio.sleep(0.05)

        task = asyncio.create_task(speak())
        line = Line("qc", "tcp-frames", {"host": "127.0.0.1", "port": s.controller.port, "encoding": "binary"})
        (reading, *_) = await s.collector.read_once(Device("cell", "qc", PROFILE), line)
        assert dict(zip(reading.points, reading.values, strict=True))["part_count"] == 7
        found = await s.collector.survey(line, 0.3)  # the line listens: nobody else may read its bytes
        assert found
        assert {item.where for item in found} == {frame()[:64].hex(" ")}
        assert s.collector.devices()[0].state == "online"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
