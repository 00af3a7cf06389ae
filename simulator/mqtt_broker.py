"""A small MQTT broker (3.1.1 and 5) for a shop that has none: passes on what comes, keeps what is retained, QoS 0 outwards.

Source: OASIS MQTT 3.1.1 and 5.0, chapters 2 and 3. Nothing is kept for clients that are away: where that matters, run Mosquitto.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
_LARGEST: Final = 16 * 1024 * 1024
_MOST_WAITING: Final = 8 * 1024 * 1024


class ProtocolError(Exception):
    """A client that breaks the protocol; it is cut off."""


@dataclass(eq=False)
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: int = 4
    filters: set[str] = field(default_factory=set)

    def send(self, kind: int, flags: int, body: bytes) -> None:
        """A client that does not read is cut off."""
        if self.writer.transport.get_write_buffer_size() > _MOST_WAITING:
            self.writer.close()
        elif not self.writer.is_closing():
            self.writer.write(bytes([kind << 4 | flags]) + _length(len(body)) + body)


class Broker:
    """Listens after `start`, until `stop`. `user` and `password` None: everybody may."""

    def __init__(self, user: str | None = None, password: str | None = None) -> None:
        self._login = (user, password)
        self._clients: set[_Client] = set()
        self._retained: dict[str, bytes] = {}
        self._server: asyncio.Server | None = None
        self.host, self.port = "", 0
        self.subscribed: Callable[[], None] = lambda: None  # told of each new subscription

    async def start(self, host: str, port: int) -> None:
        """Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Cut everybody off."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.writer.close()
        if self._server is not None:
            await self._server.wait_closed()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message to whoever subscribed to it."""
        if retain:
            self._retained[topic] = payload
            if not payload:
                del self._retained[topic]
        for client in self._clients:
            if any(_matches(wanted, topic) for wanted in client.filters):
                self._deliver(client, topic, payload, retained=False)

    def _deliver(self, client: _Client, topic: str, payload: bytes, *, retained: bool) -> None:
        properties = b"\0" if client.version == 5 else b""
        client.send(PUBLISH, int(retained), _text(topic) + properties + payload)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(reader, writer)
        with contextlib.suppress(ProtocolError, ConnectionError, asyncio.IncompleteReadError, IndexError, UnicodeDecodeError):
            kind, _, body = await _packet(reader)
            if kind == CONNECT and self._connected(client, body):
                self._clients.add(client)
                while True:
                    kind, flags, body = await _packet(reader)
                    if kind == DISCONNECT:
                        break
                    self._take(client, kind, flags, body)
                    await writer.drain()
        self._clients.discard(client)
        writer.close()

    def _connected(self, client: _Client, body: bytes) -> bool:
        name, at = _take_text(body, 0)
        client.version, flags = body[at], body[at + 1]
        at += 4
        if name != "MQTT" or client.version not in {4, 5}:
            raise ProtocolError(f"{name} {client.version}")
        if client.version == 5:
            at = _skip_properties(body, at)
        _, at = _take_text(body, at)
        if flags & 4:  # a will: its properties, topic and payload
            at = _skip_properties(body, at) if client.version == 5 else at
            for _ in range(2):
                _, at = _take_bytes(body, at)
        login: list[str | None] = [None, None]
        for index, flag in enumerate((0x80, 0x40)):
            if flags & flag:
                login[index], at = _take_text(body, at)
        allowed = self._login[0] is None or tuple(login) == self._login
        code = 0 if allowed else 0x86 if client.version == 5 else 4
        client.send(CONNACK, 0, bytes([0, code]) + (b"\0" if client.version == 5 else b""))
        return allowed

    def _take(self, client: _Client, kind: int, flags: int, body: bytes) -> None:
        if kind == PUBLISH:
            self._published(client, flags, body)
        elif kind == PUBREL:
            client.send(PUBCOMP, 0, body[:2])
        elif kind in {SUBSCRIBE, UNSUBSCRIBE}:
            self._subscribed(client, kind, body)
        elif kind == PINGREQ:
            client.send(PINGRESP, 0, b"")

    def _published(self, client: _Client, flags: int, body: bytes) -> None:
        topic, at = _take_text(body, 0)
        qos = flags >> 1 & 3
        number = body[at:at + 2]
        at += 2 if qos else 0
        if client.version == 5:
            at = _skip_properties(body, at)
        if qos:
            client.send(PUBACK if qos == 1 else PUBREC, 0, number)
        self.publish(topic, body[at:], retain=bool(flags & 1))

    def _subscribed(self, client: _Client, kind: int, body: bytes) -> None:
        number, at, codes = body[:2], 2, bytearray()
        if client.version == 5:
            at = _skip_properties(body, at)
        wanted = []
        while at < len(body):
            topic, at = _take_text(body, at)
            wanted.append(topic)
            codes.append(0)
            at += kind == SUBSCRIBE  # its options
        properties = b"\0" if client.version == 5 else b""
        if kind == UNSUBSCRIBE:
            client.filters -= set(wanted)
            client.send(UNSUBACK, 0, number + properties + (bytes(codes) if client.version == 5 else b""))
            return
        client.filters |= set(wanted)
        client.send(SUBACK, 0, number + properties + bytes(codes))
        for topic, payload in self._retained.items():
            if any(_matches(one, topic) for one in wanted):
                self._deliver(client, topic, payload, retained=True)
        self.subscribed()


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            break
        if shift > 21:
            raise ProtocolError("length")
    if size > _LARGEST:
        raise ProtocolError("size")
    return first >> 4, first & 15, await reader.readexactly(size)


def _length(size: int) -> bytes:
    """A variable byte integer."""
    found = bytearray()
    while True:
        size, low = size >> 7, size & 127
        found.append(low | (128 if size else 0))
        if not size:
            return bytes(found)


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _take_bytes(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(body[at:at + 2], "big")
    if end > len(body):
        raise ProtocolError("cut")
    return body[at + 2:end], end


def _take_text(body: bytes, at: int) -> tuple[str, int]:
    data, end = _take_bytes(body, at)
    return data.decode(), end


def _skip_properties(body: bytes, at: int) -> int:
    size = shift = 0
    while True:
        byte = body[at]
        at += 1
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return at + size


def _matches(wanted: str, topic: str) -> bool:
    filters, given = wanted.split("/"), topic.split("/")
    for index, level in enumerate(filters):
        if level == "#":
            return True
        if index >= len(given) or level not in {"+", given[index]}:
            return False
    return len(filters) == len(given)
