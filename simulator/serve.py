"""Serves every device of a plant at the addresses its lines name, with the real protocols over real sockets and ports."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from domain.errors import ConfigError
from domain.plant import Device, Line, Plant
from domain.ports import Clock
from domain.quantity import canonical_factor
from simulator.faults import Fault, Outage, silent_at
from simulator.machine_model import MachineModel, Model
from simulator.modbus_server import ModbusTcpServer
from simulator.models import ShopModels, models_of
from simulator.registers import ModbusMap, Value, ratio_of
from simulator.sources import Source

log = logging.getLogger(__name__)

REFRESH_US = 20_000
"""Registers are brought up to date at most this often, as a meter measures in steps too."""


class SimulatedDevice:
    """One device that is being served: its source of values, and what a test or a recording puts over them."""

    def __init__(self, device: Device, source: Source, clock: Clock) -> None:
        self.device, self._source, self._clock = device, source, clock
        self._over: dict[str, Value] = {}
        self._wire: dict[str, Value] = {}  # already in the registers, exact
        self._held = False
        self._written_us = 0
        self.map = ModbusMap(device) if device.profile.protocol == "modbus" else None
        if self.map is not None:
            self.map.unit.refresh = self.refresh

    def values(self) -> dict[str, Value]:
        """What the device shows now, canonical units, by tag; `None` is "no value"."""
        base = {} if self._held else self._source.values(self._clock.now_us())
        return {**base, **self._wire, **self._over}

    def put(self, values: Mapping[str, Value]) -> None:
        """Let these tags show these values (canonical units) until `release`. Raises KeyError for a tag that is no point."""
        for tag in values:
            self.device.profile.point(tag)
        self._over.update(values)
        self._written_us = 0

    def put_wire(self, values: Mapping[str, float | None]) -> None:
        """The same in the units on the wire, exact to the register's bits; None is "no value". Stops the device's model."""
        if not self._held:
            self._held, self._over = True, {}
        for tag, value in values.items():
            point = self.device.profile.point(tag)
            canonical = None
            if value is not None:
                canonical = value * canonical_factor(point.quantity, point.unit) * ratio_of(point, self.device.options)
            self._wire[tag] = canonical
            self._over.pop(tag, None)
            if self.map is not None:
                self.map.write_wire(tag, value)

    def hold(self) -> None:
        """Stop the model: from now on only what is put is shown."""
        self._over = self.values()
        self._held = True

    def release(self) -> None:
        """Back to the model."""
        self._over, self._wire, self._held, self._written_us = {}, {}, False, 0

    def refresh(self) -> None:
        """Bring the registers up to date, when that is due."""
        now_us = self._clock.now_us()
        if self.map is None or 0 <= now_us - self._written_us < REFRESH_US:
            return
        base = {} if self._held else self._source.values(now_us)
        self.map.write({tag: value for tag, value in base.items() if tag not in self._wire} | self._over)
        self._written_us = now_us


class Simulation:
    """A shop that is being served. `plant`: the plant with the ports really taken. Device methods raise KeyError."""

    def __init__(self, plant: Plant, shop: ShopModels, clock: Clock, outages: Sequence[Outage] = ()) -> None:
        self.plant, self.shop, self._clock, self._outages = plant, shop, clock, tuple(outages)
        self.devices = {d.id: SimulatedDevice(d, shop.source(d), clock) for d in plant.devices}
        self.servers: list[ModbusTcpServer] = []

    def values(self, device_id: str) -> dict[str, Value]:
        """What a device shows now."""
        return self.devices[device_id].values()

    def put(self, device_id: str, values: Mapping[str, Value]) -> None:
        """See SimulatedDevice.put."""
        self.devices[device_id].put(values)

    def fault(self, device_id: str, kind: str, *, seconds: float = 0.0, code: int = 4, times: int | None = None) -> None:
        """Something goes wrong with a device from now on (see simulator.faults), or for the next `times` requests."""
        device = self.devices[device_id]
        fault = Fault(kind, seconds, code, times)
        if device.map is not None:
            device.map.unit.faults.set(fault)

    def clear(self, device_id: str, kind: str | None = None) -> None:
        """End one kind of fault of a device, or all."""
        device = self.devices[device_id]
        if device.map is not None:
            device.map.unit.faults.clear(kind)

    def machine(self, machine_id: str) -> MachineModel:
        """The model of a machine, to trip or overload it: see MachineModel.disturb."""
        return self.shop.machines[machine_id]

    def silent(self, device_id: str) -> bool:
        """Does the timetable of outages silence the device now?"""
        return bool(self._outages) and silent_at(self._outages, device_id, self._clock.now_us())


@asynccontextmanager
async def simulate(
    plant: Plant, *, clock: Clock, seed: int = 1, models: Mapping[str, Model] | None = None, outages: Sequence[Outage] = (),
    free_ports: bool = False,
) -> AsyncIterator[Simulation]:
    """Serve a plant while inside.

    `models` replaces what given devices measure; `free_ports` takes free ports of this computer in place of the named ones
    (see `Simulation.plant`). Lines of transports that are not simulated are left out. Raises ConfigError when an address cannot
    be served here.
    """
    simulation = Simulation(plant, models_of(plant, seed, models), clock, outages)
    async with AsyncExitStack() as stack:
        lines: dict[str, Line] = {}
        taken: dict[tuple[str, int], list[Line]] = {}
        for line in plant.lines:
            if not line.enabled or not any(d.line == line.id for d in plant.devices):
                continue
            if line.transport == "modbus-tcp":
                taken.setdefault(_endpoint(line), []).append(line)
            else:
                log.warning("line %s: transport %s is not simulated; its devices stay silent", line.id, line.transport)
        for (host, port), sharing in taken.items():
            server = await _serve_tcp(simulation, sharing, host, port, free_ports)
            stack.push_async_callback(server.stop)
            lines |= {line.id: _at(line, server.host, server.port) for line in sharing}
        simulation.plant = replace(plant, lines=tuple(lines.get(line.id, line) for line in plant.lines))
        yield simulation


def _endpoint(line: Line) -> tuple[str, int]:
    host, port = line.options.get("host", "127.0.0.1"), line.options.get("port", 502)
    if not isinstance(host, str) or not isinstance(port, int):
        raise ConfigError(f"line {line.id}: host and port are needed")
    return host, port


def _at(line: Line, host: str, port: int) -> Line:
    return replace(line, options={**line.options, "host": host, "port": port})


async def _serve_tcp(simulation: Simulation, lines: Sequence[Line], host: str, port: int, free_port: bool) -> ModbusTcpServer:
    """One Modbus TCP server for all lines that name the same address."""
    names = {line.id for line in lines}
    here = {d.map.unit.address: d for d in simulation.devices.values() if d.device.line in names and d.map is not None}
    units = {address: d.map.unit for address, d in here.items() if d.map is not None}
    server = ModbusTcpServer(units, silent=lambda unit: simulation.silent(here[unit].device.id))
    try:
        await server.start("127.0.0.1" if free_port else host, 0 if free_port else port)
    except OSError as exc:
        raise ConfigError(cannot_serve(lines[0].id, host, port, exc)) from exc
    simulation.servers.append(server)
    return server


def cannot_serve(line_id: str, host: str, port: int, exc: OSError) -> str:
    """Why a line's address cannot be served, in plain words."""
    if exc.errno == errno.EADDRINUSE:
        return f"line {line_id}: {host}:{port} is in use by another program"
    if exc.errno == errno.EADDRNOTAVAIL:
        return f"line {line_id}: {host} is no address of this computer; the simulator serves only its own"
    return f"line {line_id}: {host}:{port} cannot be served: {exc}"
