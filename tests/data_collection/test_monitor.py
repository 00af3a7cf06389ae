"""Listening in on a line: frames with what they say and without passwords, bounded, and only while somebody looks."""

from __future__ import annotations

import pytest

from data_collection.driver import Trace
from data_collection.frame_meaning import meaning, without_secrets
from data_collection.lsv2.connection import _shown
from data_collection.lsv2.requests import Login, login, version
from data_collection.mercury.codec import energy, open_channel
from data_collection.mercury.crc import with_crc
from data_collection.monitor import KEPT, LEASE_S, LONGEST, LineMonitor
from domain.errors import NotFound
from domain.plant import Device, Line
from domain.profile import Profile
from tests.conftest import FakeClock, eventually
from tests.data_collection.peers import device as device_on_line
from tests.data_collection.peers import floats, tcp_line
from tests.data_collection.test_collector import meter, running

GATEWAY = Line("gw1", "rtu-over-tcp", {"host": "127.0.0.1", "port": 4001})


def device(protocol: str = "modbus") -> Device:
    return Device("m1", "gw1", Profile("p", {}, "", protocol, "", "M", ()), 17)


def asked(*frames: tuple[str, bytes]) -> Trace:
    return Trace([(direction, 1.0 + i / 1000, data) for i, (direction, data) in enumerate(frames)], by_hand=False)


@pytest.mark.parametrize(("transport", "mode", "protocol", "direction", "data", "kind", "values", "fits"), [
    ("modbus-tcp", "", "modbus", "tx", bytes.fromhex("000100000006 11 03 0BB8 0006"), "modbus.read",
     {"unit": 17, "function": 3, "address": 3000, "count": 6}, None),
    ("modbus-tcp", "", "modbus", "rx", bytes.fromhex("000100000003 11 84 02"), "modbus.exception",
     {"unit": 17, "function": 4, "code": 2}, None),
    ("serial", "rtu", "modbus", "tx", with_crc(bytes.fromhex("11030BB80006")), "modbus.read",
     {"unit": 17, "function": 3, "address": 3000, "count": 6}, True),
    ("serial", "rtu", "modbus", "rx", with_crc(bytes.fromhex("110302 0901"))[:-1] + b"\x00", "modbus.data",
     {"unit": 17, "function": 3, "bytes": 2}, False),
    ("serial", "ascii", "modbus", "tx", b":1103006B00037E\r\n", "modbus.read",
     {"unit": 17, "function": 3, "address": 107, "count": 3}, True),
    ("rtu-over-tcp", "rtu", "mercury", "tx", energy(12).frame, "mercury.request",
     {"unit": 12, "command": "05h", "name": "energy"}, True),
    ("rtu-over-tcp", "rtu", "mercury", "rx", with_crc(b"\x0c\x05"), "mercury.status", {"unit": 12, "code": 5}, True),
    ("lsv2", "", "lsv2", "tx", b"\x00\x00\x00\x00R_VR", "lsv2", {"telegram": "R_VR"}, None),
])  # fmt: skip
def test_a_frame_says_what_it_is(
    transport: str, mode: str, protocol: str, direction: str, data: bytes, kind: str, values: dict[str, object], fits: bool | None
) -> None:
    found = meaning(transport, mode, protocol, direction, data)
    assert (found.kind, found.values, found.sum_fits) == (kind, values, fits)


@pytest.mark.parametrize("transport", ["modbus-tcp", "serial", "lsv2", "s7"])
@pytest.mark.parametrize("protocol", ["modbus", "mercury", "lsv2", "other"])
def test_any_bytes_are_looked_at_without_harm(transport: str, protocol: str) -> None:
    for size in (0, 1, 2, 3, 4, 7, 8, 9, 255):
        for direction in ("tx", "rx"):
            for mode in ("rtu", "ascii"):
                meaning(transport, mode, protocol, direction, bytes(range(size)))
                meaning(transport, mode, protocol, direction, b":" + b"\xff" * size)


def test_a_mercury_password_is_masked_wherever_it_lies() -> None:
    frame = open_channel(12, b"secret").frame
    noisy = b"\x00\xff" + frame + b"\x0c\x00\x01"
    shown = without_secrets("serial", noisy)
    assert b"secret" not in shown
    assert len(shown) == len(noisy)
    assert shown.endswith(b"*" * 8 + b"\x0c\x00\x01")  # the check sum, which gives it away, has gone with it
    monitor = LineMonitor(GATEWAY, FakeClock())
    monitor.took(device("mercury"), asked(("tx", frame), ("rx", frame[:4]), ("rx", frame[4:] + b"\x0c\x00\x01")), "")
    frames = monitor.after(0).frames
    assert [found.direction for found in frames] == ["tx", "rx"]  # an echo in two pieces is masked as one
    assert all(b"secret" not in found.data for found in frames)
    assert frames[0].meaning.kind == "mercury.open"


def test_a_password_of_a_control_is_masked_in_its_login_only() -> None:
    request = login(Login.PLCDEBUG, "geheim")
    shown = _shown(request, request.encode())
    assert b"geheim" not in shown
    assert b"A_LGPLCDEBUG" in shown
    assert _shown(version(), version().encode()) == version().encode()


def test_memory_is_bounded_and_what_was_missed_is_told() -> None:
    clock = FakeClock()
    monitor = LineMonitor(GATEWAY, clock)
    for _ in range(KEPT):
        monitor.took(device(), asked(("tx", b"x" * 2000), ("rx", b"y")), "")
    found = monitor.after(1, limit=10)
    assert len(found.frames) == 10
    assert (found.last, found.missed) == (2 * KEPT, 2 * KEPT - 11)
    assert all(len(frame.data) <= LONGEST for frame in found.frames)
    assert found.frames[-2].size == 2000
    assert len(monitor.after(0, limit=9999).frames) == KEPT
    assert monitor.after(found.last).frames == []


def test_what_a_poll_ended_with_stands_at_its_last_frame() -> None:
    monitor = LineMonitor(GATEWAY, FakeClock())
    monitor.took(device(), asked(("tx", b"a"), ("rx", b"b")), "no matching reply")
    assert [frame.error for frame in monitor.after(0).frames] == ["", "no matching reply"]


async def test_nobody_listens_once_nobody_asks() -> None:
    clock = FakeClock()
    monitor = LineMonitor(GATEWAY, clock)
    await clock.advance(LEASE_S - 1)
    assert monitor.watched
    monitor.after(0)
    await clock.advance(LEASE_S - 1)
    assert monitor.watched
    await clock.advance(2)
    assert not monitor.watched


def test_a_line_without_frames_says_so() -> None:
    line = Line("dmg", "opcua", {"url": "opc.tcp://127.0.0.1:4840"})
    assert not LineMonitor(line, FakeClock()).after(0).visible


async def test_frames_of_the_live_polls_are_seen_and_the_polls_stay_what_they_are() -> None:
    async with meter() as (_slave, _peer, port), running(
        [line := tcp_line(port)], [device_on_line("m1", line, floats(2))]
    ) as shop:
        await eventually(lambda: len(shop.good("m1")) > 1)
        assert shop.collector.frames("tcp", 0).frames == []  # listening begins with the question
        await eventually(lambda: len(shop.collector.frames("tcp", 0).frames) >= 4)
        frames = shop.collector.frames("tcp", 0).frames
        assert {(f.direction, f.meaning.kind) for f in frames} == {("tx", "modbus.read"), ("rx", "modbus.data")}
        assert [f.time_us for f in frames] == sorted(f.time_us for f in frames)
        assert all(not reading.raw for reading in shop.good("m1"))  # the words of a read by hand cost nothing here
        with pytest.raises(NotFound):
            shop.collector.frames("nowhere", 0)
