"""Serves the S7 controllers of a plant with python-snap7's server: see simulator.transports.Serve.

Faults (simulator.faults): `silence`, `delay`, `drop`, `cut` (half an answer), `noise` (bytes that are no S7), `exception` (return
code of the item; above 255 the error of the whole answer, as a controller without PUT/GET gives), `stop` (the CPU is in STOP).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

from snap7 import Server, SrvArea

from domain.errors import ConfigError
from domain.plant import Line
from simulator.faults import FaultBox
from simulator.s7_memory import S7Memory
from simulator.serve import Simulation, cannot_serve

PORT: Final = 102
REFRESH_S: Final = 0.1
_AREAS: Final = {"DB": SrvArea.DB, "M": SrvArea.MK, "I": SrvArea.PE, "Q": SrvArea.PA}
_READ: Final = 0x04
_MODE_LIST, _RUN, _STOP = 0x0424, 8, 4


class FaultyServer(Server):
    """python-snap7's server with what can go wrong. Its methods run in the server's own threads."""

    def __init__(self, faults: FaultBox, silent: Callable[[], bool] = lambda: False) -> None:
        logging.getLogger("snap7").setLevel(logging.CRITICAL)
        super().__init__(log=False)
        self.faults, self.silent = faults, silent
        self.reads = 0

    def start_on(self, host: str, port: int) -> None:
        """Listen; `port` 0 takes a free one, see `self.port`. Raises OSError."""
        with socket.socket() as probe:  # the library shares a port that is taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            port = probe.getsockname()[1]
        self.host = host
        self.start(port)

    def _process_request(self, request_data: bytes, client_address: tuple[str, int]) -> bytes | None:
        reading = len(request_data) > 10 and request_data[10] == _READ
        self.reads += reading
        if self.silent() or self.faults.take("silence") is not None:
            return None
        if self.faults.take("drop") is not None:
            raise ConnectionResetError
        if (delay := self.faults.take("delay")) is not None:
            time.sleep(delay.seconds)
        if reading and (fault := self.faults.peek("exception")) is not None and fault.code > 0xFF:
            self.faults.take("exception")
            return self._build_error_response(self._parse_request(request_data), fault.code)
        reply = super()._process_request(request_data, client_address)
        if reply is not None and self.faults.take("cut") is not None:
            return reply[: len(reply) // 2]
        return b"\x00\xf7\x1e" * 5 if reply is not None and self.faults.take("noise") is not None else reply

    def _get_szl_data(self, szl_id: int, szl_index: int) -> bytes | None:
        if szl_id != _MODE_LIST:
            return super()._get_szl_data(szl_id, szl_index)
        mode = _STOP if self.faults.peek("stop") is not None else _RUN
        return struct.pack(">HHHBB16x", 20, 1, 0x5144, 0xFF, mode)  # length and number of records, event, modules, mode

    def _read_from_memory_area(self, area: Any, db_number: int, start: int, count: int) -> tuple[int, bytearray]:
        fault = self.faults.peek("exception")
        if fault is not None and fault.code <= 0xFF:
            self.faults.take("exception")
            return fault.code, bytearray()
        return super()._read_from_memory_area(area, db_number, start, count)


def with_memory(server: Server, memory: S7Memory) -> None:
    """Let the server show these areas."""
    for (area, db), data in memory.areas.items():
        server.register_area(_AREAS[area], db, data)


@asynccontextmanager
async def serve(simulation: Simulation, lines: Sequence[Line], free_ports: bool) -> AsyncIterator[Mapping[str, Line]]:
    """One controller a line with the memory of all its devices. Raises ConfigError."""
    taken: dict[str, Line] = {}
    async with AsyncExitStack() as stack:
        for line in lines:
            here = [d for d in simulation.devices.values() if d.device.line == line.id]
            memory = S7Memory(d.device for d in here)
            server = FaultyServer(here[0].faults, partial(simulation.silent, here[0].device.id))
            with_memory(server, memory)
            host, port = ("127.0.0.1", 0) if free_ports else (str(line.options["host"]), line.options.get("port", PORT))
            for device in here:
                memory.write(device.device.id, device.values())
            try:
                server.start_on(host, port if isinstance(port, int) else PORT)
            except OSError as exc:
                raise ConfigError(cannot_serve(line.id, f"{host}:{port}", exc)) from exc
            stack.push_async_callback(asyncio.to_thread, server.stop)
            stack.push_async_callback(_ended, asyncio.create_task(_refresh(memory, here), name=f"s7:{line.id}"))
            taken[line.id] = replace(line, options={**line.options, "host": host, "port": server.port})
        yield taken


async def _refresh(memory: S7Memory, devices: Sequence[Any]) -> None:
    """Bring the memory up to date, as a controller does each cycle; `freeze` lets it stand."""
    while True:
        for device in devices:
            if device.faults.peek("freeze") is None and device.faults.peek("stop") is None:
                memory.write(device.device.id, device.values())
        await asyncio.sleep(REFRESH_S)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


