"""A Modbus TCP server of our own: several units on a port, several requests in one segment, silent where a device would be.

Fast enough to be no bottleneck of a benchmark: one callback a segment, no task a request.
Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from simulator.modbus_unit import ModbusUnit
from simulator.protocol_server import Connection, ProtocolServer

HEADER = 7  # transaction id 2, protocol id 2, length 2, unit 1
GATEWAY_TARGET_SILENT = 0x0B


class ModbusTcpServer(ProtocolServer):
    """The units of one port. `gateway`: an absent unit gets exception 0Bh, as converters answer; else it stays silent.

    `silent(unit)` is asked before each reply when given: a timetable of lost communication.
    """

    def __init__(
        self, units: Mapping[int, ModbusUnit], *, gateway: bool = False, silent: Callable[[int], bool] | None = None,
    ) -> None:
        super().__init__()
        self.units = units
        self.gateway, self.silent = gateway, silent

    def connection(self) -> Connection:
        return _Client(self)

    def reply(self, frame: bytes) -> bytes | None:
        """The whole reply frame to one request frame, None for silence; timing and connection faults are the connection's."""
        number = frame[6]
        unit = self.units.get(number)
        if unit is None:
            if not self.gateway:
                return None
            return frame[:4] + b"\x00\x03" + bytes((number, frame[7] | 0x80, GATEWAY_TARGET_SILENT))
        if self.silent is not None and self.silent(number):
            return None
        if unit.faults and unit.faults.take("silence") is not None:
            return None
        pdu = unit.answer(frame[HEADER:])
        tid, answering = frame[:2], number
        if unit.faults:
            if unit.faults.take("foreign_tid") is not None:
                tid = ((int.from_bytes(tid) + 0x1111) & 0xFFFF).to_bytes(2)
            if unit.faults.take("wrong_unit") is not None:
                answering = (number + 1) & 0xFF
        return tid + b"\x00\x00" + (len(pdu) + 1).to_bytes(2) + bytes((answering,)) + pdu


class _Client(Connection):
    """One client. Requests are cut by the length in the header; what is no Modbus closes the connection."""

    def __init__(self, server: ModbusTcpServer) -> None:
        super().__init__(server)
        self.server = server
        self._buffer = b""
        self._held: bytes | None = None  # a reply that waits to change places with the next one

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        replies: list[bytes] = []
        at = 0
        while len(buffer) - at >= HEADER + 1:
            length = int.from_bytes(buffer[at + 4 : at + 6])
            if buffer[at + 2 : at + 4] != b"\x00\x00" or not 2 <= length <= 254:
                self.close()
                return
            if len(buffer) - at < 6 + length:
                break
            frame = buffer[at : at + 6 + length]
            at += 6 + length
            unit = self.server.units.get(frame[6])
            if unit is not None and (unit.faults or self._held is not None):
                if not self._answer_faulty(unit, frame, replies):
                    return
            elif (reply := self.server.reply(frame)) is not None:
                replies.append(reply)
        self._buffer = buffer[at:]
        if replies:
            self.write(b"".join(replies))

    def _answer_faulty(self, unit: ModbusUnit, frame: bytes, replies: list[bytes]) -> bool:
        """Answer with the faults of time and connection; False when the connection was closed."""
        if unit.faults.take("drop") is not None:
            self.close()
            return False
        reply = self.server.reply(frame)
        if reply is None:
            return True
        if unit.faults.take("double") is not None:
            reply += reply
        delay = unit.faults.take("delay")
        if delay is not None:
            asyncio.get_running_loop().call_later(delay.seconds, self.write, reply)
            return True
        if self._held is not None:
            reply, self._held = reply + self._held, None
        elif unit.faults.take("swap") is not None:
            self._held = reply
            return True
        replies.append(reply)
        return True


@asynccontextmanager
async def serve_units(
    units: Mapping[int, ModbusUnit], host: str = "127.0.0.1", port: int = 0, *, gateway: bool = False,
) -> AsyncIterator[ModbusTcpServer]:
    """Serve units while inside; `server.port` is the port taken."""
    server = ModbusTcpServer(units, gateway=gateway)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()
