"""Serves the Heidenhain controls of a plant: see simulator.transports.Serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

from domain.plant import Line
from simulator.lsv2_control import SimulatedControl
from simulator.lsv2_server import Lsv2Server
from simulator.serve import Simulation, listening, named_address

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
            taken[line.id] = await listening(server, line, named_address(line, PORT), free_ports)
            stack.push_async_callback(server.stop)
        yield taken
