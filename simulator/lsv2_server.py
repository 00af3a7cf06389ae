"""A control's LSV2 port: one connection after another, each with its own logins, and what can go wrong on the way.

Faults (simulator.faults): `silence`, `delay`, `drop`, `split` (every byte a packet of its own), `cut` (half an answer, then
nothing), `double`, `noise`, `wrong_function` (another telegram's name), `exception` (T_ER with its code), `refuse_login`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from simulator.lsv2_control import Session, SimulatedControl, error
from simulator.protocol_server import Connection, ProtocolServer

_HEADER: Final = struct.Struct(">I4s")
_SPLIT_S: Final = 0.001
_LONGEST: Final = 8192


class Lsv2Server(ProtocolServer):
    """Serves one control. `silent()` is asked before each reply when given: a timetable of lost communication."""

    def __init__(
        self, control: SimulatedControl, *, most_connections: int = 8, silent: Callable[[], bool] | None = None
    ) -> None:
        super().__init__()
        self.control, self.silent, self.most_connections = control, silent, most_connections
        self.received: list[str] = []  # names of the last telegrams

    def connection(self) -> Connection:
        return _Client(self)


class _Client(Connection):
    """One client of it."""

    def __init__(self, server: Lsv2Server) -> None:
        super().__init__(server)
        self.server, self.session = server, Session()
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEADER.size and self.transport is not None:
            size, name = _HEADER.unpack_from(self._buffer)
            if size > _LONGEST:
                self.close()
                return
            end = _HEADER.size + size
            if len(self._buffer) < end:
                return
            payload, self._buffer = self._buffer[_HEADER.size : end], self._buffer[end:]
            self._telegram(name.decode("latin-1"), payload)

    def _telegram(self, name: str, payload: bytes) -> None:
        server, faults = self.server, self.server.control.faults
        server.received = [*server.received[-199:], name]
        if faults.take("drop") is not None:
            self.close()
            return
        if (server.silent is not None and server.silent()) or faults.take("silence") is not None:
            return
        if len(server.connections) > server.most_connections:
            reply_name, reply = error(80)
        elif (fault := faults.take("exception")) is not None:
            reply_name, reply = error(fault.code)
        else:
            reply_name, reply = server.control.answer(self.session, name, payload)
        if faults.take("wrong_function") is not None:
            reply_name = "S_XX"
        self._send(_HEADER.pack(len(reply), reply_name.encode()) + reply)

    def _send(self, data: bytes) -> None:
        faults, loop = self.server.control.faults, asyncio.get_running_loop()
        if faults.take("noise") is not None:
            data = b"\x00\xf7\x1e" + data
        if faults.take("double") is not None:
            data += data
        if faults.take("cut") is not None:
            data = data[: len(data) // 2]
        delay = faults.take("delay")
        after = 0.0 if delay is None else delay.seconds
        if faults.take("split") is not None:
            for i in range(len(data)):
                loop.call_later(after + i * _SPLIT_S, self.write, data[i : i + 1])
        elif after:
            loop.call_later(after, self.write, data)
        else:
            self.write(data)


@asynccontextmanager
async def serve_control(control: SimulatedControl, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Lsv2Server]:
    """Serve a control while inside; `server.port` is the port taken."""
    server = Lsv2Server(control)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()
