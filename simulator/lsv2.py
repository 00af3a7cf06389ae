"""Serves the Heidenhain controls of a plant: see simulator.transports.Serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

from domain.errors import ConfigError
from domain.plant import Line
from simulator.lsv2_control import SimulatedControl
from simulator.lsv2_server import Lsv2Server
from simulator.serve import Simulation, cannot_serve

PORT = 19000


@asynccontextmanager
async def serve(simulation: Simulation, lines: Sequence[Line], free_ports: bool) -> AsyncIterator[Mapping[str, Line]]:
    """One control a line; its devices are views of it. Raises ConfigError."""
    taken: dict[str, Line] = {}
    async with AsyncExitStack() as stack:
        for line in lines:
            device, *views = [d for d in simulation.devices.values() if d.device.line == line.id]
            control = SimulatedControl(
                replace(device.device, password=device.device.password or line.password), device.values, device.faults,
                [(view.device, view.values) for view in views],
            )
            server = Lsv2Server(control, silent=partial(simulation.silent, device.device.id))
            host, port = ("127.0.0.1", 0) if free_ports else (str(line.options["host"]), line.options.get("port", PORT))
            try:
                await server.start(host, port if isinstance(port, int) else PORT)
            except OSError as exc:
                raise ConfigError(cannot_serve(line.id, f"{host}:{port}", exc)) from exc
            stack.push_async_callback(server.stop)
            taken[line.id] = replace(line, options={**line.options, "host": server.host, "port": server.port})
        yield taken
