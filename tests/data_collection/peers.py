"""Other ends of a line for tests: servers that answer as the test says, over TCP and over a pseudo terminal."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from domain.plant import Device, Line
from domain.profile import Group, ModbusPoint, Point, Profile, Quirks, WordOrder
from domain.quantity import Quantity

Answer = Iterable[tuple[float, bytes]]
"""(seconds to wait before, bytes) in order; empty for silence."""
Handler = Callable[[bytes], Answer]


def crc(data: bytes) -> bytes:
    """CRC16/Modbus, low byte first; written bit by bit, independent of the code under test."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def rtu(*content: int) -> bytes:
    """A frame with its CRC."""
    return bytes(content) + crc(bytes(content))


def float_words(*values: float) -> list[int]:
    """Registers of float32 values, high word first."""
    return [word for value in values for word in struct.unpack(">HH", struct.pack(">f", value))]


class Registers:
    """A plain Modbus device: registers by table, and what it refuses. `asked` keeps (unit, function, address, count)."""

    def __init__(self, words: dict[int, int] | None = None, *, start: int = 0, values: Sequence[int] = ()) -> None:
        self.words = dict(words or {})
        self.words.update({start + i: v for i, v in enumerate(values)})
        self.asked: list[tuple[int, int, int, int]] = []
        self.refuse: Callable[[int, int, int], int] = self._missing

    def _missing(self, function: int, address: int, count: int) -> int:
        """Exception code, 0 for none: an address that does not exist is refused, as are other functions than 3 and 4."""
        if function not in {3, 4}:
            return 1
        return 0 if all(a in self.words for a in range(address, address + count)) else 2

    def pdu(self, unit: int, pdu: bytes) -> bytes:
        function, address, count = struct.unpack(">BHH", pdu[:5])
        self.asked.append((unit, function, address, count))
        if code := self.refuse(function, address, count):
            return bytes((function | 0x80, code))
        data = b"".join(self.words.get(a, 0).to_bytes(2, "big") for a in range(address, address + count))
        return bytes((function, len(data))) + data

    def tcp(self, request: bytes) -> bytes:
        """A complete Modbus TCP reply."""
        pdu = self.pdu(request[6], request[7:])
        return request[:4] + (len(pdu) + 1).to_bytes(2, "big") + request[6:7] + pdu

    def rtu(self, request: bytes) -> bytes:
        """A complete RTU reply."""
        reply = request[:1] + self.pdu(request[0], request[1:-2])
        return reply + crc(reply)


class Peer:
    """Counts connections and remembers requests; `handler` may be exchanged while it runs."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections = self.open = 0
        self.refuse = False  # close each connection at once
        self.accepted_at: list[float] = []
        self.requests: list[bytes] = []
        self.times: list[float] = []
        self.writers: set[asyncio.StreamWriter] = set()

    def take(self, request: bytes) -> Answer:
        self.requests.append(request)
        self.times.append(asyncio.get_running_loop().time())
        return self.handler(request)


@asynccontextmanager
async def tcp_server(
    handler: Handler, frame_size: Callable[[bytes], int], port: int = 0
) -> AsyncIterator[tuple[Peer, int]]:
    """A TCP server on a free port. `frame_size(buffer)`: length of the first complete request, 0 while incomplete."""
    peer = Peer(handler)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        peer.accepted_at.append(asyncio.get_running_loop().time())
        if peer.refuse:
            writer.close()
            return
        peer.open += 1
        peer.writers.add(writer)
        buffer = b""
        try:
            while data := await reader.read(4096):
                buffer += data
                while size := frame_size(buffer):
                    request, buffer = buffer[:size], buffer[size:]
                    for wait_s, reply in peer.take(request):
                        if wait_s:
                            await asyncio.sleep(wait_s)
                        writer.write(reply)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            peer.open -= 1
            peer.writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield peer, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in list(peer.writers):
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)


def mbap_size(buffer: bytes) -> int:
    """Length of the first Modbus TCP frame."""
    if len(buffer) < 6:
        return 0
    size = 6 + int.from_bytes(buffer[4:6], "big")
    return size if len(buffer) >= size else 0


def rtu_size(buffer: bytes) -> int:
    """RTU read requests have 8 bytes."""
    return 8 if len(buffer) >= 8 else 0


class Pty:
    """A pseudo terminal whose far end answers. `device` is the path to open as a serial port."""

    def __init__(self, handler: Handler, frame_size: Callable[[bytes], int] = rtu_size) -> None:
        self.peer = Peer(handler)
        self._frame_size = frame_size
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _readable(self) -> None:
        try:
            self._buffer += os.read(self._master, 4096)
        except OSError:
            return
        while size := self._frame_size(self._buffer):
            request, self._buffer = self._buffer[:size], self._buffer[size:]
            task = asyncio.get_running_loop().create_task(self._answer(self.peer.take(request)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, answer: Answer) -> None:
        for wait_s, reply in answer:
            if wait_s:
                await asyncio.sleep(wait_s)
            if self._open:
                os.write(self._master, reply)

    def unplug(self) -> None:
        """The adapter is pulled out."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._slave)
            os.close(self._master)

    def close(self) -> None:
        self.unplug()
        for task in list(self._tasks):
            task.cancel()


@asynccontextmanager
async def pty(handler: Handler, frame_size: Callable[[bytes], int] = rtu_size) -> AsyncIterator[Pty]:
    line = Pty(handler, frame_size)
    try:
        yield line
    finally:
        line.close()
        await asyncio.sleep(0)


def tcp_line(port: int, line_id: str = "tcp", **options: object) -> Line:
    return Line(line_id, "modbus-tcp", {"host": "127.0.0.1", "port": port, "timeout_s": 0.3, **options})


def gateway_line(port: int, line_id: str = "gw", **options: object) -> Line:
    return Line(line_id, "rtu-over-tcp", {"host": "127.0.0.1", "port": port, "baud": 115200, "timeout_s": 0.3, **options})


def serial_line(device: str | Path, line_id: str = "com", **options: object) -> Line:
    return Line(line_id, "serial", {"device": str(device), "baud": 115200, "timeout_s": 0.3, **options})


def voltage(tag: str, address: int, type: str = "float32", **place: object) -> Point:
    """A point in volts."""
    return Point(tag, Quantity.VOLTAGE, "V", ModbusPoint("holding", address, type, **place))  # type: ignore[arg-type]


def profile(*points: Point, **quirks: object) -> Profile:
    return Profile("test", {}, "test", "modbus", "made for tests", "H", points, Quirks(**quirks))  # type: ignore[arg-type]


def floats(count: int, start: int = 100, order: WordOrder = WordOrder.BIG) -> Profile:
    """`count` float32 voltages u0, u1 ... in a row."""
    return profile(*(voltage(f"u{i}", start + 2 * i, word_order=order) for i in range(count)))


def device(device_id: str, line: Line, of: Profile, address: int = 1, scan_s: float = 0.1, **options: object) -> Device:
    return Device(device_id, line.id, of, address, scan_s, options)


__all__ = ["Group"]
