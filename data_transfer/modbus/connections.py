"""Modbus TCP on the socket: frames cut by their length, one callback a segment, limits of who and how many (S29).

Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from data_transfer.modbus.protocol import Answers
from data_transfer.served_connections import OpenConnections
from domain.ports import Clock
from domain.served import ServedClient

log = logging.getLogger(__name__)

_MBAP: Final = struct.Struct(">HHHB")  # transaction, protocol, length of what follows, unit
LONGEST: Final = 254  # unit and a PDU of 253
WAITING_BYTES: Final = 64 * 1024  # of answers a client does not take; until it does, nothing more is read from it
AT_ONCE: Final = 64  # requests answered before others have their turn: this loop polls devices too

MOST_TURNED_AWAY: Final = 1000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: Final[tuple[Network, ...]] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Limits:
    """`clients`: who may connect; none named: this machine only."""

    clients: Sequence[Network] = ()
    connections: int = 16
    per_address: int = 4
    idle_s: float = 60.0


class Connections(OpenConnections["Connection"]):
    """All clients of the server."""

    def __init__(self, answers: Answers, limits: Limits, refused: Counter[str], clock: Clock) -> None:
        super().__init__()
        self.answers, self.limits, self.refused, self.clock = answers, limits, refused, clock
        self.turned_away: Counter[tuple[str, str]] = Counter()  # by address and kind, until somebody takes note

    def factory(self) -> Connection:
        return Connection(self)

    def clients(self) -> list[ServedClient]:
        """Who is connected, the oldest first."""
        return [ServedClient(c.address, c.since_us, c.requests, c.last_us) for c in self.open]

    def judge(self, address: str) -> str | None:
        """Why a new connection from there is refused; None: it is welcome."""
        allowed = self.limits.clients or LOOPBACK
        ip = _address(address)
        if ip is None or not any(ip in network for network in allowed):
            return "client"
        return self.crowded(address, self.limits.connections, self.limits.per_address)

    def turn_away(self, address: str, kind: str) -> None:
        """Count and remember who was shown the door."""
        self.refused[kind] += 1
        if len(self.turned_away) < MOST_TURNED_AWAY or (address, kind) in self.turned_away:
            self.turned_away[address, kind] += 1

    def close_idle(self) -> None:
        """Those that sent no whole request for too long, byte by byte or not at all."""
        now = self.clock.monotonic()
        for connection in list(self.open):
            if now - connection.heard_at > self.limits.idle_s:
                self.refused["idle"] += 1
                connection.abort()


class Connection(asyncio.Protocol):
    """One client. What is no Modbus closes the connection."""

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._at = 0  # up to there it is answered
        self._takes = True  # does the client take its answers?
        self._scheduled = False
        self.address = ""
        self.since_us = owner.clock.now_us()
        self.heard_at = owner.clock.monotonic()
        self.last_us: int | None = None
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        refusal = self._owner.judge(self.address)
        if refusal is not None:
            self._owner.turn_away(self.address, refusal)
            log.warning("Modbus server: a connection from %s was refused: %s", self.address or "?", refusal)
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(WAITING_BYTES)
        self._owner.open[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.forget(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """The client does not take its answers: it gets no further ones, and is idle if that lasts."""
        self._takes = False
        self._read_on()

    def resume_writing(self) -> None:
        self._takes = True
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._rest = self._rest[self._at :] + data if self._rest else data
        self._at = 0
        if self._takes and not self._scheduled:
            self._go_on()

    def _go_on(self) -> None:
        """Answer some; the rest when others have had their turn."""
        self._scheduled = False
        if self._transport is None or self._transport.is_closing() or not self._takes:
            return
        if self._answer_some() and self._takes:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._go_on)
        self._read_on()

    def _read_on(self) -> None:
        """Only from who takes its answers and whose requests are all answered."""
        if self._transport is not None and not self._transport.is_closing():
            if self._takes and not self._scheduled:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _answer_some(self) -> bool:
        """Is there more?"""
        buffer, owner, replies, at, size = self._rest, self._owner, list[bytes](), self._at, len(self._rest)
        answer, now_us, more = owner.answers.answer, owner.clock.now_us(), False
        while size - at >= 7:
            transaction, protocol, length, unit = _MBAP.unpack_from(buffer, at)
            if protocol or not 2 <= length <= LONGEST:
                owner.turn_away(self.address, "frame")
                log.warning("Modbus server: %s sent what is no Modbus TCP and was disconnected", self.address)
                self.abort()
                return False
            end = at + 6 + length
            if end > size:
                break
            if len(replies) == AT_ONCE:
                more = True
                break
            pdu = answer(unit, buffer[at + 7 : end], now_us)
            replies.append(_MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
            at = end
        if at == size:
            self._rest, at = b"", 0
        self._at = at
        if replies:
            self.requests += len(replies)
            self.heard_at, self.last_us = owner.clock.monotonic(), now_us
            if self._transport is not None:
                self._transport.write(replies[0] if len(replies) == 1 else b"".join(replies))
        return more


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip
