"""An MTConnect adapter (SHDR over TCP) and an agent (`current` and `sample` over HTTP), fed with observations.

Source: MTConnect Standard parts 1 and 3; "Adapter to agent protocol" of the reference agent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from simulator.tcp_server import TcpServer

PONG_MS: Final = 10_000
BUFFER: Final = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """One value of one item; a condition has a `level` (NORMAL, WARNING, FAULT) and a text."""

    item: str
    value: str
    time_us: int
    level: str | None = None


def stamp(time_us: int) -> str:
    """As adapters and agents write it."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class AdapterServer(TcpServer):
    """One machine's adapter: whoever connects gets all that is, then what changes."""

    def __init__(self) -> None:
        super().__init__()
        self._now: dict[str, Told] = {}

    def tell(self, told: Sequence[Told]) -> None:
        """Changes, handed on at once."""
        self._now |= {one.item: one for one in told}
        lines = "".join(_line(one) for one in told).encode()
        for writer in self._writers:
            if not writer.is_closing() and writer.transport.get_write_buffer_size() < 1 << 20:
                writer.write(lines)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write("".join(_line(one) for one in self._now.values()).encode())
        while line := await reader.readline():
            if line.strip() == b"* PING":
                writer.write(f"* PONG {PONG_MS}\r\n".encode())


def _line(told: Told) -> str:
    if told.level is not None:
        return f"{stamp(told.time_us)}|{told.item}|{told.level}||||{told.value}\r\n"
    return f"{stamp(told.time_us)}|{told.item}|{told.value}\r\n"


class AgentServer(TcpServer):
    """An agent for several machines. `restart` gives it a new instance and empties its buffer, as a real one does."""

    def __init__(self, buffer: int = BUFFER) -> None:
        super().__init__()
        self.instance, self.sequence, self.requests = 1, 1, 0
        self._buffer: deque[tuple[int, str, Told]] = deque(maxlen=buffer)
        self._now: dict[tuple[str, str], tuple[int, Told]] = {}
        self._grown = asyncio.Event()

    def tell(self, device: str, told: Sequence[Told]) -> None:
        """Changes of one machine."""
        for one in told:
            self._buffer.append((self.sequence, device, one))
            self._now[device, one.item] = (self.sequence, one)
            self.sequence += 1
        self._grown.set()

    def restart(self) -> None:
        """All connections end; sequence numbers begin anew."""
        self.instance, self.sequence = self.instance + 1, 1
        known = [(device, one) for (device, _), (_, one) in self._now.items()]
        self._buffer.clear()
        self._now.clear()
        for writer in list(self._writers):
            writer.close()
        for device, one in known:
            self.tell(device, [one])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ")
        self.requests += 1
        url = urlsplit(request[1] if len(request) > 1 else "")
        if url.path.endswith("/sample"):
            await self._sample(writer, {name: found[0] for name, found in parse_qs(url.query).items()})
        else:
            told = [(number, device, one) for (device, _), (number, one) in self._now.items()]
            await _answer(writer, self._document(told, self.sequence))

    async def _sample(self, writer: asyncio.StreamWriter, query: Mapping[str, str]) -> None:
        at = int(query.get("from", "1"))
        first = self._buffer[0][0] if self._buffer else self.sequence
        if not first <= at <= self.sequence:
            text = f"from {at} is outside {first} to {self.sequence}"
            await _answer(writer, _error(self.instance, "OUT_OF_RANGE", text), "404 Not Found")
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=part\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        interval_s, heartbeat_s = (int(query.get(name, "1000")) / 1000 for name in ("interval", "heartbeat"))
        while not writer.is_closing():
            told = [entry for entry in self._buffer if entry[0] >= at]
            at = told[-1][0] + 1 if told else at
            document = self._document(told, at)
            part = b"--part\r\nContent-type: text/xml\r\nContent-length: %d\r\n\r\n%s\r\n" % (len(document), document)
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
            self._grown.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(heartbeat_s):
                    await self._grown.wait()
            await asyncio.sleep(min(interval_s, 0.2))

    def _document(self, told: Sequence[tuple[int, str, Told]], following: int) -> bytes:
        streams: dict[str, list[str]] = {}
        for number, device, one in told:
            streams.setdefault(device, []).append(_element(number, one))
        body = "".join(
            f'<DeviceStream name={quoteattr(device)} uuid={quoteattr(device)}><ComponentStream component="Controller">'
            f"{''.join(elements)}</ComponentStream></DeviceStream>" for device, elements in streams.items()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:1.7">'
            f'<Header instanceId="{self.instance}" nextSequence="{following}" bufferSize="{self._buffer.maxlen}"/>'
            f"<Streams>{body}</Streams></MTConnectStreams>"
        ).encode()


def _element(number: int, one: Told) -> str:
    shared = f'dataItemId="i_{one.item}" name="{one.item}" sequence="{number}" timestamp="{stamp(one.time_us)}"'
    if one.level is not None:
        name = one.level.capitalize()
        return f'<Condition><{name} {shared} type="SYSTEM">{escape(one.value)}</{name}></Condition>'
    return f"<Events><Value {shared}>{escape(one.value)}</Value></Events>"


def _error(instance: int, code: str, text: str) -> bytes:
    return (
        f'<MTConnectError><Header instanceId="{instance}"/><Errors><Error errorCode="{code}">{escape(text)}</Error></Errors>'
        "</MTConnectError>"
    ).encode()


async def _answer(writer: asyncio.StreamWriter, document: bytes, status: str = "200 OK") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(document)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + document)
    await writer.drain()
