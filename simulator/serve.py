"""Serves every device of a plant at the addresses its lines name, with the real protocols over real sockets and ports."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from domain.errors import ConfigError
from domain.plant import Line, Plant
from domain.ports import Clock
from simulator.devices import SimulatedDevice
from simulator.faults import Fault, FaultBox, Outage, silent_at
from simulator.machine_model import MachineModel, Model
from simulator.modbus_server import ModbusTcpServer
from simulator.models import ShopModels, models_of
from simulator.registers import Value
from simulator.shared_units import share_units
from simulator.stream_server import Station, StreamServer, faults_of
from simulator.transports import server_of, simulated

PROTOCOLS: Final = frozenset({"modbus", "mercury"})
log = logging.getLogger(__name__)


class Simulation:
    """A shop that is being served. `plant`: the plant with the ports really taken. Device methods raise KeyError."""

    def __init__(self, plant: Plant, shop: ShopModels, clock: Clock, outages: Sequence[Outage] = ()) -> None:
        self.plant, self.shop, self.clock, self._outages = plant, shop, clock, tuple(outages)
        zone = ZoneInfo(plant.site.timezone)
        others = {line.id for line in plant.lines if simulated(line.transport)}
        served = [d for d in plant.devices if d.profile.protocol in PROTOCOLS or d.line in others]
        self.devices = {d.id: SimulatedDevice(d, shop.source(d), clock, zone) for d in served}
        share_units(self.devices.values())
        self.servers: dict[str, ModbusTcpServer | StreamServer] = {}

    def values(self, device_id: str) -> dict[str, Value]:
        """What a device shows now."""
        return self.devices[device_id].values()

    def put(self, device_id: str, values: Mapping[str, Value]) -> None:
        """See SimulatedDevice.put."""
        self.devices[device_id].put(values)

    def fault(self, device_id: str, kind: str, *, seconds: float = 0.0, code: int = 4, times: int | None = None) -> None:
        """Something goes wrong with a device from now on (see simulator.faults), or for the next `times` requests."""
        self.devices[device_id].faults.set(Fault(kind, seconds, code, times))

    def clear(self, device_id: str, kind: str | None = None) -> None:
        """End one kind of fault of a device, or all."""
        self.devices[device_id].faults.clear(kind)

    def machine(self, machine_id: str) -> MachineModel:
        """The model of a machine, to trip or overload it: see MachineModel.disturb."""
        return self.shop.machines[machine_id]

    def silent(self, device_id: str) -> bool:
        """Does the timetable of outages silence the device now?"""
        return bool(self._outages) and silent_at(self._outages, device_id, self.clock.now_us())


class _TimetabledStation:
    """A station that the timetable of outages silences."""

    def __init__(self, station: Station, silent: Callable[[], bool]) -> None:
        self._station, self._silent = station, silent

    @property
    def faults(self) -> FaultBox | None:
        return faults_of(self._station)

    def feed(self, request: bytes, now_s: float) -> bytes | None:
        return None if self._silent() else self._station.feed(request, now_s)


@asynccontextmanager
async def simulate(
    plant: Plant, *, clock: Clock, seed: int = 1, models: Mapping[str, Model] | None = None, outages: Sequence[Outage] = (),
    free_ports: bool = False, paced: bool = False,
) -> AsyncIterator[Simulation]:
    """Serve a plant while inside.

    `models` replaces what given devices measure; `free_ports` takes free ports and pseudo-terminals of this computer in place of
    the named ones (see `Simulation.plant`); `paced`: byte lines are as slow as their baud says. Lines of transports that are not
    simulated are left out. Raises ConfigError when an address cannot be served here.
    """
    simulation = Simulation(plant, models_of(plant, seed, models), clock, outages)
    async with AsyncExitStack() as stack:
        lines: dict[str, Line] = {}
        shared: dict[tuple[str, int], list[Line]] = {}  # lines that lead to the same Modbus TCP address
        further: dict[str, list[Line]] = {}  # lines of other transports
        for line in plant.lines:
            if not line.enabled or not any(d.line == line.id for d in plant.devices):
                continue
            if line.transport == "modbus-tcp":
                shared.setdefault(_endpoint(line), []).append(line)
            elif line.transport in ("rtu-over-tcp", "serial"):
                baud, stations = _baud(line), _stations(simulation, line)
                pause_s = None if paced else _pause_s(baud)
                server = StreamServer(stations, baud=baud if paced else None, pause_s=pause_s, clock=clock.monotonic)
                stack.push_async_callback(server.stop)
                lines[line.id] = await _start_stream(server, line, free_ports)
                simulation.servers[line.id] = server
            elif simulated(line.transport):
                further.setdefault(line.transport, []).append(line)
            else:
                log.warning("line %s: transport %s is not simulated; its devices stay silent", line.id, line.transport)
        for sharing in shared.values():
            tcp = _tcp_server(simulation, sharing)
            stack.push_async_callback(tcp.stop)
            lines |= await _start_tcp(tcp, sharing, free_ports)
            simulation.servers |= {line.id: tcp for line in sharing}
        for transport, lines_of in further.items():
            lines |= await stack.enter_async_context(server_of(transport)(simulation, lines_of, free_ports))
        cameras = plant.cameras
        if cameras:
            from simulator.cameras import serve_cameras  # noqa: PLC0415 - it draws, which few plants need

            cameras = await stack.enter_async_context(serve_cameras(cameras, simulation.devices, free_ports, seed))
        simulation.plant = replace(plant, lines=tuple(lines.get(line.id, line) for line in plant.lines), cameras=cameras)
        yield simulation


def _endpoint(line: Line) -> tuple[str, int]:
    host, port = line.options.get("host", "127.0.0.1"), line.options.get("port", 502)
    if not isinstance(host, str) or not isinstance(port, int):
        raise ConfigError(f"line {line.id}: host and port are needed")
    return host, port


def _baud(line: Line) -> int:
    baud = line.options.get("baud", 9600)
    return baud if isinstance(baud, int) else 9600


def _pause_s(baud: int) -> float:
    """What ends a frame on an unpaced line: a little less than the silence a master keeps at that speed (3.5 characters, at
    least 1.75 ms), so that its next request is not heard as the end of the last reply."""
    return min(0.003, 0.8 * max(1.75e-3, 35.0 / baud))


def _tcp_server(simulation: Simulation, lines: Sequence[Line]) -> ModbusTcpServer:
    """One Modbus TCP server for all lines that name the same address."""
    names = {line.id for line in lines}
    here = {d.map.unit.address: d for d in simulation.devices.values() if d.device.line in names and d.map is not None}
    units = {address: d.map.unit for address, d in here.items() if d.map is not None}
    return ModbusTcpServer(units, silent=lambda unit: simulation.silent(here[unit].device.id))


async def _start_tcp(server: ModbusTcpServer, lines: Sequence[Line], free_port: bool) -> dict[str, Line]:
    """Listen; the lines with the address really taken."""
    await listening(server, lines[0], _endpoint(lines[0]), free_port)
    return {line.id: at_address(line, server) for line in lines}


def _stations(simulation: Simulation, line: Line) -> list[Station]:
    """The stations of a byte line."""
    mode = str(line.options.get("mode", "rtu"))
    here = [d for d in simulation.devices.values() if d.device.line == line.id]
    alone = {id(d.map.unit) if d.map is not None else id(d): d for d in reversed(here)}  # of a shared unit the first
    return [_TimetabledStation(d.station(mode), partial(simulation.silent, d.device.id)) for d in alone.values()]


async def _start_stream(server: StreamServer, line: Line, free_port: bool) -> Line:
    """Open the gateway or the pseudo-terminal; the line with the address really taken."""
    if line.transport == "serial":
        path = str(line.options.get("device", ""))
        try:
            taken = server.start_terminal(None if free_port else Path(path))
        except OSError as exc:
            raise ConfigError(cannot_serve(line.id, path, exc)) from exc
        return replace(line, options={**line.options, "device": str(taken)})
    return await listening(server, line, _endpoint(line), free_port)


class Listener(Protocol):
    """A server; `host` and `port` are those taken."""

    host: str
    port: int

    async def start(self, host: str, port: int) -> None: ...


def named_address(line: Line, usual_port: int) -> tuple[str, int]:
    """Host and port that a line names."""
    port = line.options.get("port")
    return str(line.options["host"]), port if isinstance(port, int) else usual_port


async def listening(server: Listener, line: Line, named: tuple[str, int], free_port: bool) -> Line:
    """Listen where it is `named`, or at a free port of this computer; the line with the address taken. Raises ConfigError."""
    host, port = ("127.0.0.1", 0) if free_port else named
    try:
        await server.start(host, port)
    except OSError as exc:
        raise ConfigError(cannot_serve(line.id, f"{host}:{port}", exc)) from exc
    return at_address(line, server)


def at_address(line: Line, server: Listener) -> Line:
    """The line with the address that `server` has taken."""
    return replace(line, options={**line.options, "host": server.host, "port": server.port})


def cannot_serve(line_id: str, target: str, exc: OSError) -> str:
    """Why a line's address cannot be served, in plain words."""
    reasons = {
        errno.EADDRINUSE: "is in use by another program",
        errno.EADDRNOTAVAIL: "is no address of this computer; the simulator serves only its own",
        errno.EACCES: "may not be opened by this user",
    }
    if isinstance(exc, FileExistsError):
        return f"line {line_id}: {target} exists already; the simulator puts a link there only where nothing is"
    return f"line {line_id}: {target} {reasons.get(exc.errno or 0, f'cannot be served: {exc}')}"
