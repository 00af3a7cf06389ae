"""Serial ports (pseudo terminals) and transparent gateways: Modbus RTU and ASCII over the real drivers."""

from __future__ import annotations

import asyncio
import os
import time
from itertools import pairwise
from pathlib import Path

import pytest

from data_collection.collector import Collector
from data_collection.cycle import silence_s
from data_collection.driver import DevicePlan, ScanHit, Trace
from data_collection.modbus.block import ReadRequest
from data_collection.modbus.framing import AsciiFraming, RtuFraming
from data_collection.modbus.plan import Plan
from data_collection.modbus.stream import ModbusStream, choose_fence
from data_collection.registry import connects
from data_collection.stream import ByteStream
from data_collection.stream_line import StreamLine
from data_collection.streams import SerialNames, SerialStream, TcpStream
from domain.errors import ConfigError, DecodeError, LineDown
from domain.plant import Device, Line, Plant, Site
from domain.profile import Group, Profile
from domain.quality import Quality
from domain.sample import Reading
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_collection.peers import (
    Answer,
    Pty,
    Registers,
    device,
    float_words,
    floats,
    gateway_line,
    profile,
    pty,
    rtu,
    rtu_size,
    serial_line,
    tcp_server,
    voltage,
)

WORDS = float_words(230.5, 231.5)


def ascii_frame(content: bytes) -> bytes:
    lrc = -sum(content) & 0xFF
    return b":" + (content + bytes((lrc,))).hex().upper().encode() + b"\r\n"


def ascii_size(buffer: bytes) -> int:
    return buffer.find(b"\r\n") + 2 if b"\r\n" in buffer else 0


def ascii_answer(slave: Registers, request: bytes) -> bytes:
    content = bytes.fromhex(request[1:-2].decode())
    assert ascii_frame(content[:-1]) == request
    return ascii_frame(content[:1] + slave.pdu(content[0], content[1:-1]))


@pytest.mark.parametrize(
    ("unit", "request_", "frame"),
    [(0x10, ReadRequest(3, 51, 1), "10 03 00 33 00 01 77 44"), (0x10, ReadRequest(4, 64, 16), "10 04 00 40 00 10 F3 53"),
     (0x10, ReadRequest(3, 51, 29), "10 03 00 33 00 1D 76 8D")],
)
def test_worked_requests_of_the_mv110(unit: int, request_: ReadRequest, frame: str) -> None:
    assert RtuFraming().build(unit, request_) == bytes.fromhex(frame)


def test_worked_replies_of_the_mv110() -> None:
    mask = ReadRequest(3, 51, 1)
    frames = list(RtuFraming().frames(bytes.fromhex("10 03 02 80 05 E5 84"), 0x10, mask))
    assert [(f.unit, f.pdu.hex()) for f in frames] == [(0x10, "03028005")]
    assert frames[0].mismatch(0x10, mask) is None
    refused = next(RtuFraming().frames(bytes.fromhex("10 83 02 90 F4"), 0x10, mask))
    assert (refused.pdu, refused.mismatch(0x10, mask)) == (bytes.fromhex("8302"), None)
    assert refused.mismatch(0x11, mask) == "unit"
    assert refused.mismatch(0x10, ReadRequest(4, 51, 1)) == "function"


def test_ascii_frames() -> None:
    request = ReadRequest(3, 107, 3)
    assert AsciiFraming().build(17, request) == ascii_frame(bytes.fromhex("1103006B0003"))
    good = ascii_frame(bytes.fromhex("110306022B00000064"))
    frame = next(AsciiFraming().frames(b"\x00junk" + good, 17, request))
    assert frame.pdu.hex() == "0306022b00000064"
    for broken in (good[:-3] + b"0\r\n", b":11zz\r\n", b":\r\n", b"\r\n", good[:-2]):
        assert list(AsciiFraming().frames(broken, 17, request)) == []


async def test_rtu_over_a_serial_port() -> None:
    slave = Registers(start=100, values=WORDS)
    async with pty(lambda r: [(0.001, slave.rtu(r))]) as port:
        line = serial_line(port.device)
        async with connects()["serial"](line) as driver:
            plan = driver.prepare(device("a", line, floats(2), address=7))
            trace = Trace()
            reading = await driver.read(plan, Group.FAST, trace)
            assert list(reading.values) == [230.5, 231.5]
            assert trace.frames[0][2] == rtu(7, 3, 0, 100, 0, 4)
            hit = await driver.probe(7, "modbus")
            assert hit is not None
            assert (hit.address, hit.answer) == (7, "exception 2 (illegal address)")


async def test_ascii_over_a_serial_port_with_exception_and_damage() -> None:
    slave = Registers(start=100, values=WORDS)
    damaged = False

    def answer(request: bytes) -> Answer:
        reply = ascii_answer(slave, request)
        return [(0.0, reply[:5] + b"\xff" + reply[6:] if damaged else reply)]

    async with pty(answer, ascii_size) as port:
        line = serial_line(port.device, mode="ascii")
        async with connects()["serial"](line) as driver:
            plan = driver.prepare(device("a", line, profile(voltage("u", 100), voltage("missing", 300), max_gap=0)))
            assert list((await driver.read(plan, Group.FAST)).values) == [230.5, None]
            damaged = True
            with pytest.raises(DecodeError, match="damaged"):
                await driver.read(plan, Group.FAST)
            damaged = False
            assert (await driver.read(plan, Group.FAST)).values[0] == 230.5


@pytest.mark.parametrize("pieces", [1, 3, 100])
async def test_an_echoing_adapter_is_recognised(pieces: int) -> None:
    """The adapter returns what we send, joined with the reply or torn into pieces."""
    slave = Registers(start=100, values=WORDS)

    def answer(request: bytes) -> Answer:
        both = request + slave.rtu(request)
        size = max(1, len(both) // pieces)
        return [(0.001, both[i : i + size]) for i in range(0, len(both), size)]

    async with pty(answer) as port:
        stream = await SerialStream.open(port.device, baud=115200)
        protocol = ModbusStream(timeout_s=1.0)
        plan = protocol.prepare(device("a", serial_line(port.device), floats(2)))
        for _ in range(3):
            assert list((await protocol.read(stream, plan, Group.FAST)).values) == [230.5, 231.5]
        assert protocol.echo
        assert not plan.faults
        await stream.close()


async def test_an_echo_of_a_coil_read_is_not_taken_for_its_reply() -> None:
    """Address 0300h, 17 coils: the echo has the shape of a reply with 3 data bytes and a right CRC."""
    request = ReadRequest(1, 0x0300, 17)
    frame = RtuFraming().build(1, request)
    assert next(RtuFraming().frames(frame, 1, request)).mismatch(1, request) is None, "the trap is there"
    async with pty(lambda r: [(0.0, r), (0.01, rtu(1, 1, 3, 0xAA, 0x55, 0x01))]) as port:
        stream = await SerialStream.open(port.device, baud=115200)
        from collections import Counter

        pdu = await ModbusStream().transact(stream, 1, request, 0.5, Counter(), None)
        assert pdu == bytes((1, 3, 0xAA, 0x55, 0x01))
        await stream.close()


async def test_a_reply_in_single_bytes_and_one_behind_a_pause_is_assembled() -> None:
    slave = Registers(start=100, values=WORDS)
    async with tcp_server(lambda r: [(0.004, bytes((b,))) for b in slave.rtu(r)], rtu_size) as (_, port):
        line = gateway_line(port, timeout_s=1.0)
        async with connects()["rtu-over-tcp"](line) as driver:
            reading = await driver.read(driver.prepare(device("a", line, floats(2))), Group.FAST)
            assert list(reading.values) == [230.5, 231.5]


async def test_the_silence_between_frames_is_kept() -> None:
    slave = Registers(start=100, values=float_words(*range(8)))
    spread = profile(*(voltage(f"u{i}", 100 + 2 * i) for i in range(8)), max_registers=2)
    async with pty(lambda r: [(0.0, slave.rtu(r))]) as port:
        line = serial_line(port.device, baud=9600)
        async with connects()["serial"](line) as driver:
            await driver.read(driver.prepare(device("a", line, spread)), Group.FAST)
        gaps = [b - a for a, b in pairwise(port.peer.times)]
        assert len(gaps) == 7
        assert min(gaps) >= silence_s(9600) == pytest.approx(35 / 9600)


async def test_a_pulled_adapter_is_a_line_that_is_down_and_comes_back_under_its_name(tmp_path: Path) -> None:
    slave = Registers(start=100, values=WORDS)
    name = tmp_path / "ttyUSB0"
    port = Pty(lambda r: [(0.0, slave.rtu(r))])
    name.symlink_to(port.device)
    line = serial_line(name)
    readings: list[Reading] = []
    collector = Collector(SystemClock(), readings.append)
    collector.apply(Plant(Site("t"), lines=(line,), devices=(device("a", line, floats(2)),)))
    task = asyncio.create_task(collector.run())
    try:
        await eventually(lambda: readings and not any(readings[-1].qualities))
        port.unplug()
        name.unlink()
        await eventually(lambda: set(readings[-1].qualities) == {Quality.LINE_DOWN})
        await eventually(lambda: "ttyUSB0" in str(collector.lines()[0].last_error))
        again = Pty(lambda r: [(0.0, slave.rtu(r))])
        name.symlink_to(again.device)
        await eventually(lambda: not any(readings[-1].qualities), 10.0)
        again.close()
    finally:
        port.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_an_adapter_under_a_new_name_is_found_by_its_lasting_one(tmp_path: Path) -> None:
    old, new, by_id = tmp_path / "ttyUSB0", tmp_path / "ttyUSB1", tmp_path / "by-id"
    by_id.mkdir()
    old.touch()
    (by_id / "usb-other").symlink_to(tmp_path / "ttyUSB9")
    link = by_id / "usb-FTDI-123"
    link.symlink_to(old)
    names = SerialNames(by_id)
    names.opened(str(old))
    assert names.resolve(str(old)) == str(old)
    old.unlink()
    assert names.resolve(str(old)) == str(old), "nothing to offer yet"
    link.unlink()
    new.touch()
    link.symlink_to(new)
    assert names.resolve(str(old)) == str(link)


async def test_a_port_that_does_not_exist_or_is_taken_is_told() -> None:
    with pytest.raises(LineDown, match="no-such-port"):
        await SerialStream.open("/dev/no-such-port", baud=9600)
    async with pty(lambda _: []) as port:
        stream = await SerialStream.open(port.device, baud=9600)
        with pytest.raises(LineDown, match="lock"):
            await SerialStream.open(port.device, baud=9600)
        await stream.close()
        with pytest.raises(LineDown):
            await stream.write(b"x")


async def test_opening_and_closing_leaves_no_handles() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (a listing of ourselves)
    async with pty(lambda _: []) as port:
        for _ in range(20):
            stream = await SerialStream.open(port.device, baud=9600)
            await stream.close()
    async with tcp_server(lambda _: [], rtu_size) as (_, number):
        for _ in range(20):
            tcp = await TcpStream.open("127.0.0.1", number, 9600, 1.0)
            await tcp.close()
        await asyncio.sleep(0.05)
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208


async def test_what_waits_is_bounded_and_drained() -> None:
    async with tcp_server(lambda _: [(0.0, b"x" * 200_000), (0.05, b"yy")], rtu_size) as (_, number):
        stream = await TcpStream.open("127.0.0.1", number, 115200, 1.0)
        await stream.write(b"12345678")
        thrown = await stream.drain(0.2, 2.0)
        assert thrown.endswith(b"yy")
        assert len(thrown) <= 4096 + 2
        assert await stream.drain(0.0, 0.0) == b""
        with pytest.raises(TimeoutError):
            await stream.read(0.05)
        await stream.close()


def test_the_fence_differs_from_everything_outstanding() -> None:
    plan = Plan(device("a", serial_line("/dev/x"), floats(10)))
    normal = plan.groups[Group.FAST].blocks[0].request
    outstanding = [normal]
    for _ in range(12):
        fence = choose_fence(outstanding, plan)
        assert fence is not None
        assert (fence.function, fence.reply_bytes) not in {(o.function, o.reply_bytes) for o in outstanding}
        assert fence.function in {1, 2, 3, 4}
        outstanding.append(fence)


class Other:
    """Another protocol on the same bytes; remembers when it had the line."""

    def __init__(self) -> None:
        self.turns: list[float] = []

    def prepare(self, device: Device) -> DevicePlan:
        return OtherPlan(device)

    async def read(self, stream: ByteStream, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        self.turns.append(time.monotonic())
        return Reading(plan.device.id, time.time_ns() // 1000, (), (), ())

    async def probe(self, stream: ByteStream, address: int) -> ScanHit | None:
        return None


class OtherPlan(Plan):
    """A plan without a Modbus profile."""

    __slots__ = ()

    def __init__(self, device: Device) -> None:
        self._device = device


async def test_two_protocols_share_a_line_with_silence_between_them() -> None:
    slave, other = Registers(start=100, values=WORDS), Other()
    async with pty(lambda r: [(0.0, slave.rtu(r))]) as port:
        line = serial_line(port.device, baud=9600)

        async def open_port() -> SerialStream:
            return await SerialStream.open(port.device, baud=9600)

        driver = StreamLine(line, open_port, {"modbus": lambda _: ModbusStream(), "mercury": lambda _: other})
        await driver.open()
        modbus = driver.prepare(device("a", line, floats(2)))
        foreign = driver.prepare(Device("m", line.id, Profile("p", {}, "v", "mercury", "s", "H", ()), 1))
        await driver.read(modbus, Group.FAST)
        done = time.monotonic()
        await driver.read(foreign, Group.FAST)
        assert other.turns[0] - done >= 0.0045
        with pytest.raises(ConfigError, match="s7"):
            driver.prepare(Device("s", line.id, Profile("p", {}, "v", "s7", "s", "H", ()), 1))
        await driver.close()


@pytest.mark.parametrize(
    "options",
    [{}, {"device": "/dev/x", "baud": "fast"}, {"device": "/dev/x", "parity": "X"}, {"device": "/dev/x", "mode": "tcp"},
     {"device": "/dev/x", "timeout_s": -1}, {"device": 5}],
)
async def test_wrong_options_are_named(options: dict[str, object]) -> None:
    line = Line("com1", "serial", options)
    with pytest.raises((ConfigError, LineDown), match=r"com1|/dev/x"):
        async with connects()["serial"](line) as driver:
            driver.prepare(device("a", line, floats(1)))
