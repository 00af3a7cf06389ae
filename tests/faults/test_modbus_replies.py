"""Modbus replies that are not the answer (T1, T5): no value ever lands on a wrong tag, the device stays, kinds are counted."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from data_collection.driver import Driver
from data_collection.modbus.plan import Plan
from data_collection.registry import connects
from domain.errors import DecodeError, DeviceError, DeviceUnreachable, LineDown
from domain.plant import Device, Line
from domain.profile import Group
from domain.quality import Quality
from tests.conftest import eventually
from tests.data_collection.peers import (
    Answer,
    Peer,
    Registers,
    crc,
    device,
    float_words,
    floats,
    gateway_line,
    mbap_size,
    profile,
    rtu_size,
    tcp_line,
    tcp_server,
    voltage,
)

FIRST, SECOND = (230.5, 231.5), (11.25, 12.25)


@asynccontextmanager
async def opened(line: Line) -> AsyncIterator[Driver]:
    async with connects()[line.transport](line) as driver:
        yield driver


def two_devices(line: Line) -> tuple[Device, Device]:
    """Two devices on unit 1 whose reads have the same shape at different addresses: only matching can tell them apart."""
    return device("a", line, floats(2, 100)), device("b", line, floats(2, 200))


def registers() -> Registers:
    words = dict(enumerate(float_words(*FIRST), 100))
    return Registers(words | dict(enumerate(float_words(*SECOND), 200)))


def mbap(tid: int, unit: int, *pdu: int) -> bytes:
    return struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + bytes(pdu)


def wrong(**change: int) -> bytes:
    """A float reply in correct form but for what is named."""
    data = struct.pack(">ff", 666.0, 667.0)
    size = change.get("size", len(data))
    return mbap(change["tid"], change.get("unit", 1), change.get("function", 3), size, *data[:size])


KINDS: dict[str, tuple[Callable[[bytes, Registers], list[bytes]], str]] = {
    "foreign transaction id before": (
        lambda r, d: [wrong(tid=int.from_bytes(r[:2], "big") + 7), d.tcp(r)], "foreign_transaction_id"
    ),
    "transaction id 0 before": (lambda r, d: [wrong(tid=0), d.tcp(r)], "foreign_transaction_id"),
    "foreign unit before": (lambda r, d: [wrong(tid=int.from_bytes(r[:2], "big"), unit=9), d.tcp(r)], "foreign_unit"),
    "foreign function before": (lambda r, d: [wrong(tid=int.from_bytes(r[:2], "big"), function=4), d.tcp(r)], "foreign_function"),
    "answered twice": (lambda r, d: [d.tcp(r), d.tcp(r)], "foreign_transaction_id"),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("together", [True, False])
async def test_foreign_replies_are_passed_over_and_counted(kind: str, together: bool) -> None:
    replies, counted = KINDS[kind]
    slave = registers()

    def answer(request: bytes) -> Answer:
        parts = replies(request, slave)
        return [(0.0, b"".join(parts))] if together else [(0.0 if i == 0 else 0.01, p) for i, p in enumerate(parts)]

    async with tcp_server(answer, mbap_size) as (_, port), opened(line := tcp_line(port)) as driver:
        plans = [driver.prepare(d) for d in two_devices(line)]
        for _ in range(3):
            for plan, expected in zip(plans, (FIRST, SECOND), strict=True):
                reading = await driver.read(plan, Group.FAST)
                assert tuple(reading.values) == expected
                await asyncio.sleep(0.02)
        faults = sum((plan.faults for plan in plans if isinstance(plan, Plan)), Counter())
        assert faults[counted] >= 2
        assert set(faults) == {counted}


@pytest.mark.parametrize("kind", ["foreign_unit", "foreign_function", "foreign_transaction_id"])
async def test_only_foreign_replies_give_an_error_of_their_kind_and_no_value(kind: str) -> None:
    def answer(request: bytes) -> Answer:
        tid = int.from_bytes(request[:2], "big")
        change = {"foreign_unit": {"unit": 2}, "foreign_function": {"function": 4}, "foreign_transaction_id": {}}[kind]
        return [(0.0, wrong(tid=tid + (kind == "foreign_transaction_id"), **change))]

    async with tcp_server(answer, mbap_size) as (_, port), opened(line := tcp_line(port, timeout_s=0.1)) as driver:
        plan = driver.prepare(device("a", line, floats(2)))
        assert isinstance(plan, Plan)
        with pytest.raises(DecodeError, match=kind.removeprefix("foreign_")):
            await driver.read(plan, Group.FAST)
        assert plan.faults == Counter({kind: 1})


async def test_swapped_order_of_replies_never_swaps_values() -> None:
    """The server answers request n only when n+1 has come, in reverse order: the late one must not be taken."""
    slave, held = registers(), []

    def answer(request: bytes) -> Answer:
        held.append(slave.tcp(request))
        if len(held) % 2:
            return []
        return [(0.0, held[-1] + held[-2])]

    async with tcp_server(answer, mbap_size) as (_, port), opened(line := tcp_line(port, timeout_s=0.1)) as driver:
        plans = [driver.prepare(d) for d in two_devices(line)]
        got = []
        for i in range(8):
            try:
                got.append((i % 2, tuple((await driver.read(plans[i % 2], Group.FAST)).values)))
            except DeviceError:
                continue
        assert got
        assert all(values == (FIRST, SECOND)[which] for which, values in got)


@pytest.mark.parametrize("delay_s", [0.12, 0.18, 0.25])
async def test_a_late_reply_is_dropped_by_its_transaction_id(delay_s: float) -> None:
    slave = registers()
    first = True

    def answer(request: bytes) -> Answer:
        nonlocal first
        late, first = first, False
        return [(delay_s if late else 0.0, slave.tcp(request))]

    async with tcp_server(answer, mbap_size) as (peer, port), opened(line := tcp_line(port, timeout_s=0.1)) as driver:
        one, two = (driver.prepare(d) for d in two_devices(line))
        with pytest.raises(DeviceUnreachable):
            await driver.read(one, Group.FAST)
        seen = []
        while len(seen) < 3:
            try:
                seen.append(tuple((await driver.read(two, Group.FAST)).values))
            except DeviceUnreachable:
                continue
        assert seen == [SECOND] * 3
        assert peer.connections == 1


@pytest.mark.parametrize("size", [0, 2, 6, 7])
async def test_a_wrong_byte_count_is_refused_at_once(size: int) -> None:
    async with (
        tcp_server(lambda r: [(0.0, wrong(tid=int.from_bytes(r[:2], "big"), size=size))], mbap_size) as (_, port),
        opened(line := tcp_line(port, timeout_s=60.0)) as driver,
        asyncio.timeout(20.0),
    ):
        plan = driver.prepare(device("a", line, floats(2)))
        with pytest.raises(DecodeError):
            await driver.read(plan, Group.FAST)


async def test_byte_count_that_lies_about_its_length() -> None:
    def answer(request: bytes) -> Answer:
        return [(0.0, mbap(int.from_bytes(request[:2], "big"), 1, 3, 4, *range(8)))]

    async with tcp_server(answer, mbap_size) as (_, port), opened(line := tcp_line(port)) as driver:
        with pytest.raises(DecodeError):
            await driver.read(driver.prepare(device("a", line, floats(2))), Group.FAST)


async def test_bytes_that_are_not_modbus_end_the_connection() -> None:
    async with (
        tcp_server(lambda _: [(0.0, b"HTTP/1.1 400 Bad Request\r\n\r\n")], mbap_size) as (_, port),
        opened(line := tcp_line(port, timeout_s=60.0)) as driver,
        asyncio.timeout(20.0),
    ):
        with pytest.raises(LineDown):
            await driver.read(driver.prepare(device("a", line, floats(2))), Group.FAST)


async def test_a_reply_in_single_bytes_is_assembled() -> None:
    slave = registers()
    async with (
        tcp_server(lambda r: [(0.001, bytes((b,))) for b in slave.tcp(r)], mbap_size) as (_, port),
        opened(line := tcp_line(port, timeout_s=2.0)) as driver,
    ):
        reading = await driver.read(driver.prepare(two_devices(line)[0]), Group.FAST)
        assert tuple(reading.values) == FIRST


@pytest.mark.parametrize("code", [1, 4, 5, 6, 7, 8, 99])
async def test_an_exception_code_leaves_the_point_bad_and_the_device_there(code: int) -> None:
    slave = registers()
    slave.refuse = lambda function, address, count: code if address == 100 else 0
    line = tcp_line(0)
    of = profile(voltage("refused", 100), voltage("there", 200), max_gap=0)
    async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size) as (_, port), opened(tcp_line(port)) as driver:
        reading = await driver.read(driver.prepare(device("a", line, of)), Group.FAST)
        values = dict(zip(reading.points, zip(reading.values, reading.qualities, strict=True), strict=True))
        assert values["there"] == (SECOND[0], Quality.GOOD)
        assert values["refused"] == (None, Quality.DEVICE_FAULT if code == 4 else Quality.REFUSED)


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateway_without_its_device_is_silence(code: int) -> None:
    slave = registers()
    slave.refuse = lambda function, address, count: code
    async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size) as (_, port), opened(line := tcp_line(port)) as driver:
        with pytest.raises(DeviceUnreachable, match="gateway"):
            await driver.read(driver.prepare(two_devices(line)[0]), Group.FAST)
        assert await driver.probe(1, "modbus") is None


async def test_a_dead_connection_is_opened_anew_after_three_silent_requests() -> None:
    """The far end keeps the connection open and says nothing (a gateway that holds a dead one); a new one works."""
    slave = registers()

    async with tcp_server(lambda _: [], mbap_size) as (peer, port), opened(line := tcp_line(port, timeout_s=0.05)) as driver:
        plan = driver.prepare(two_devices(line)[0])
        for _ in range(3):
            with pytest.raises(DeviceUnreachable):
                await driver.read(plan, Group.FAST)
        assert peer.connections == 1
        peer.handler = lambda r: [(0.0, slave.tcp(r))]
        assert tuple((await driver.read(plan, Group.FAST)).values) == FIRST
        assert peer.connections == 2
        await eventually(lambda: peer.open == 1)


async def test_a_closed_connection_is_told_at_once() -> None:
    async def closing(peer: Peer) -> None:
        await eventually(lambda: peer.requests)
        for writer in peer.writers:
            writer.transport.abort()

    async with tcp_server(lambda _: [], mbap_size) as (peer, port), opened(line := tcp_line(port, timeout_s=30.0)) as driver:
        plan = driver.prepare(two_devices(line)[0])
        async with asyncio.timeout(5.0), asyncio.TaskGroup() as tasks:
            tasks.create_task(closing(peer))
            with pytest.raises(LineDown):
                await driver.read(plan, Group.FAST)


# ---- RTU, which offers no transaction id ----

def shortened(frame: bytes) -> bytes:
    """Two data bytes less, and the byte count says so; without CRC."""
    return frame[:2] + bytes((max(0, frame[2] - 2),)) + frame[3:-4]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "flipped bit": lambda f: bytes((*f[:3], f[3] ^ 0x10, *f[4:])),
    "bad CRC": lambda f: f[:-1] + bytes((f[-1] ^ 1,)),
    "cut short": lambda f: f[:-3],
    "one byte": lambda f: f[:1],
    "wrong byte count, good CRC": lambda f: shortened(f) + crc(shortened(f)),
    "other unit": lambda f: bytes((f[0] + 1,)) + f[1:-2] + crc(bytes((f[0] + 1,)) + f[1:-2]),
    "other function": lambda f: f[:1] + b"\x04" + f[2:-2] + crc(f[:1] + b"\x04" + f[2:-2]),
    "noise": lambda f: b"\xff\x00\x55" * 9,
    "a lot of noise": lambda f: b"\x00\xff" * 3000,
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
async def test_damaged_frames_give_no_value_and_the_device_stays(damage: str) -> None:
    slave = registers()
    broken = True

    def answer(request: bytes) -> Answer:
        reply = slave.rtu(request)
        return [(0.0, DAMAGE[damage](reply) if broken else reply)]

    async with tcp_server(answer, rtu_size) as (_, port), opened(line := gateway_line(port, timeout_s=0.2)) as driver:
        one, two = (driver.prepare(d) for d in two_devices(line))
        for plan in (one, two, one):
            with pytest.raises((DecodeError, DeviceUnreachable)):
                await driver.read(plan, Group.FAST)
        broken = False
        assert tuple((await driver.read(one, Group.FAST)).values) == FIRST
        assert tuple((await driver.read(two, Group.FAST)).values) == SECOND


@pytest.mark.parametrize("around", ["before", "after", "both", "foreign frame before", "foreign request before"])
async def test_noise_around_a_good_frame_does_not_hide_it(around: str) -> None:
    slave = registers()
    foreign = Registers(start=100, values=[1, 2, 3, 4])

    def answer(request: bytes) -> Answer:
        reply = slave.rtu(request)
        other = bytes((7,)) + request[1:-2]
        before = {"foreign frame before": foreign.rtu(other + crc(other)), "foreign request before": other + crc(other)}
        noise = before.get(around, b"\x00\xfe\x13")
        return [(0.0, (noise if around != "after" else b"") + reply + (noise if around in {"after", "both"} else b""))]

    async with tcp_server(answer, rtu_size) as (_, port), opened(line := gateway_line(port)) as driver:
        plans = [driver.prepare(d) for d in two_devices(line)]
        for _ in range(3):
            for plan, expected in zip(plans, (FIRST, SECOND), strict=True):
                assert tuple((await driver.read(plan, Group.FAST)).values) == expected


@pytest.mark.parametrize("late_s", [0.11, 0.16, 0.25, 0.4, 0.7, 1.1])
@pytest.mark.parametrize("knows_function_4", [True, False])
async def test_a_late_rtu_answer_is_never_taken_for_the_next_one(late_s: float, knows_function_4: bool) -> None:
    """Same unit, same function, same length, another address: only the fence can tell. Lateness sweeps over all moments."""
    slave = registers()
    first = True
    if not knows_function_4:
        missing = slave.refuse
        slave.refuse = lambda f, a, c: 1 if f == 4 else missing(f, a, c)

    def answer(request: bytes) -> Answer:
        nonlocal first
        late, first = first, False
        return [(late_s if late else 0.0, slave.rtu(request))]

    async with tcp_server(answer, rtu_size) as (_, port), opened(line := gateway_line(port, timeout_s=0.1)) as driver:
        one, two = (driver.prepare(d) for d in two_devices(line))
        with pytest.raises(DeviceUnreachable):
            await driver.read(one, Group.FAST)
        seen: list[tuple[float | None, ...]] = []
        async with asyncio.timeout(10.0):
            while len(seen) < 4:
                plan, expected = (two, SECOND) if len(seen) % 2 == 0 else (one, FIRST)
                try:
                    values = tuple((await driver.read(plan, Group.FAST)).values)
                except DeviceError:
                    continue
                assert values == expected
                seen.append(values)


async def test_without_the_fence_that_late_answer_would_be_taken() -> None:
    """Shows that the test above can fail: the plain exchange, asked directly, does take the late answer."""
    from data_collection.modbus.block import ReadRequest
    from data_collection.modbus.stream import ModbusStream
    from data_collection.streams import TcpStream

    slave = registers()
    first = True

    def answer(request: bytes) -> Answer:
        nonlocal first
        late, first = first, False
        return [(0.45 if late else 0.0, slave.rtu(request))]

    async with tcp_server(answer, rtu_size) as (_, port):
        stream = await TcpStream.open("127.0.0.1", port, 115200, 1.0)
        protocol = ModbusStream()
        with pytest.raises(DeviceUnreachable):
            await protocol.transact(stream, 1, ReadRequest(3, 100, 4), 0.1, Counter(), None)
        pdu = await protocol.transact(stream, 1, ReadRequest(3, 200, 4), 1.0, Counter(), None)
        assert struct.unpack(">ff", pdu[2:]) == FIRST
        await stream.close()


async def test_a_babbling_line_is_given_up_in_time() -> None:
    async with (
        tcp_server(lambda _: [(0.01, b"\xaa" * 50)] * 5000, rtu_size) as (_, port),
        opened(line := gateway_line(port, timeout_s=1.0)) as driver,
        asyncio.timeout(20.0),
    ):
        with pytest.raises(DecodeError):
            await driver.read(driver.prepare(two_devices(line)[0]), Group.FAST)
