"""The shared byte line: pauses, speed, everybody hears everybody."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from simulator.faults import Fault, FaultBox
from simulator.stream_server import StreamServer, collision, serve_stations
from tests.conftest import eventually


class Parrot:
    """Answers `call` with `answer`; remembers what it heard."""

    def __init__(self, call: bytes, answer: bytes) -> None:
        self.call, self.answer = call, answer
        self.heard: list[bytes] = []
        self.faults = FaultBox()

    def feed(self, request: bytes, now_s: float) -> bytes | None:
        self.heard.append(request)
        return self.answer if request == self.call else None


async def talk(server: StreamServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


async def read_for(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """All that comes in that time."""
    data = b""
    end = time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(rest):
                data += await reader.read(100) or b""
        except TimeoutError:
            break
    return data


async def test_a_pause_ends_a_request() -> None:
    parrot = Parrot(b"hello", b"world")
    async with serve_stations([parrot], pause_s=0.05) as server:
        reader, writer = await talk(server)
        for piece in (b"he", b"l", b"lo"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)
        assert await reader.readexactly(5) == b"world"
        writer.write(b"he")
        await eventually(lambda: parrot.heard == [b"hello", b"he"])
        writer.write(b"llo")
        await eventually(lambda: parrot.heard == [b"hello", b"he", b"llo"])
        writer.close()


async def test_bytes_take_their_time() -> None:
    parrot = Parrot(b"12345678", b"x" * 40)
    async with serve_stations([parrot], baud=2400, latency_s=0.03) as server:
        reader, writer = await talk(server)
        started = time.monotonic()
        writer.write(b"12345678")
        await reader.readexactly(1)
        first = time.monotonic() - started
        await reader.readexactly(39)
        took = time.monotonic() - started
        writer.close()
    wire = 48 * 10 / 2400 + 0.020 + 0.03
    assert wire <= took
    assert first < took - 0.1  # not all at once


async def test_all_hear_all_and_a_missing_pause_spoils_the_neighbours_request() -> None:
    one, two = Parrot(b"1?", b"one"), Parrot(b"2?", b"two")
    async with serve_stations([one, two], pause_s=0.3) as server:
        reader, writer = await talk(server)
        writer.write(b"1?")
        assert await reader.readexactly(3) == b"one"
        writer.write(b"2?")  # at once: for station two it goes on from what one said
        await eventually(lambda: len(two.heard) == 2)
        assert two.heard[-1] == b"one2?"
        assert await read_for(reader, 0.4) == b""
        writer.write(b"2?")
        assert await reader.readexactly(3) == b"two"
        writer.write(b"2?")  # a station does not hear itself
        assert await reader.readexactly(3) == b"two"
        writer.close()


async def test_two_who_speak_at_once_garble_each_other() -> None:
    assert collision([b"\x0f\xff", b"\xf0\x3c\x11"]) == b"\x00\x3c\x11"
    async with serve_stations([Parrot(b"?", b"\x0f\x0f"), Parrot(b"?", b"\xf1\xff")]) as server:
        reader, writer = await talk(server)
        writer.write(b"?")
        assert await reader.readexactly(2) == b"\x01\x0f"
        writer.close()


async def test_replies_go_to_every_client() -> None:
    async with serve_stations([Parrot(b"?", b"yes")]) as server:
        (reader, writer), (other, other_writer) = await talk(server), await talk(server)
        await eventually(lambda: len(server.connections) == 2)
        writer.write(b"?")
        assert await reader.readexactly(3) == await other.readexactly(3) == b"yes"
        writer.close()
        other_writer.close()
        await eventually(lambda: not server.connections)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("echo", times=1), b"?yes"), (Fault("noise", times=1), b"\x00\xf7\x1eyes"), (Fault("split", times=1), b"yes"),
        (Fault("delay", 0.06, times=1), b"yes"),
    ],
)
async def test_faults_of_the_line(fault: Fault, expected: bytes) -> None:
    parrot = Parrot(b"?", b"yes")
    async with serve_stations([parrot]) as server:
        reader, writer = await talk(server)
        parrot.faults.set(fault)
        started = time.monotonic()
        writer.write(b"?")
        assert await reader.readexactly(len(expected)) == expected
        assert time.monotonic() - started >= fault.seconds
        await asyncio.sleep(0.01)
        writer.write(b"?")
        assert await reader.readexactly(3) == b"yes"
        writer.close()


async def test_an_echoing_adapter() -> None:
    async with serve_stations([Parrot(b"?", b"yes")]) as server:
        server.wire.echo = True
        reader, writer = await talk(server)
        writer.write(b"nobody")
        assert await read_for(reader, 0.05) == b"nobody"
        writer.write(b"?")
        assert await reader.readexactly(4) == b"?yes"
        writer.close()


async def test_a_terminal_is_raw_and_its_link_goes_with_it(tmp_path: Path) -> None:
    call = bytes(range(256))  # line editing, flow control and signals would eat some
    server = StreamServer([Parrot(call, call[::-1])], pause_s=0.02)
    link = tmp_path / "ttyMERCURY"
    path = server.start_terminal(link)
    assert path == link
    for _ in range(2):  # a program that leaves and comes back
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            os.write(fd, call)
            got = bytearray()

            def come(fd: int = fd, got: bytearray = got) -> bool:
                try:
                    got.extend(os.read(fd, 1000))
                except BlockingIOError:
                    return False
                return len(got) >= 256

            await eventually(come)
            assert got == call[::-1]
        finally:
            os.close(fd)
    await server.stop()
    assert not link.is_symlink()


async def test_a_link_in_the_way_is_left_alone(tmp_path: Path) -> None:
    real = tmp_path / "ttyUSB0"
    real.write_text("a device")
    server = StreamServer([])
    with pytest.raises(FileExistsError):
        server.start_terminal(real)
    assert real.read_text() == "a device"
    stale = tmp_path / "old"
    stale.symlink_to("/dev/pts/99999")
    server.start_terminal(stale)
    await server.stop()
    assert not stale.is_symlink()


async def test_nothing_is_sent_after_the_end() -> None:
    parrot = Parrot(b"?", b"yes")
    server = StreamServer([parrot])
    await server.start()
    reader, writer = await talk(server)
    parrot.faults.set(Fault("delay", 0.05))
    writer.write(b"?")
    await eventually(lambda: bool(parrot.heard))
    await server.stop()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(3)
    writer.close()
