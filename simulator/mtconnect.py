"""Serves the MTConnect machines of a plant as adapters and agents: see simulator.transports.Serve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from domain.places.mtconnect import MtconnectPlace
from domain.plant import Line
from simulator.control_words import Wire, wire_values
from simulator.devices import SimulatedDevice
from simulator.mtconnect_servers import AdapterServer, AgentServer, Told
from simulator.serve import Simulation, listening, named_address

PORT: Final = 5000
INTERVAL_S: Final = 0.5


@asynccontextmanager
async def serve(simulation: Simulation, lines: Sequence[Line], free_ports: bool) -> AsyncIterator[Mapping[str, Line]]:
    """An adapter has one machine, an agent all of its line. Raises ConfigError."""
    taken: dict[str, Line] = {}
    async with AsyncExitStack() as stack:
        for line in lines:
            devices = [d for d in simulation.devices.values() if d.device.line == line.id]
            server: AdapterServer | AgentServer
            server = AdapterServer() if line.options.get("endpoint") == "adapter" else AgentServer()
            taken[line.id] = await listening(server, line, named_address(line, PORT), free_ports)
            stack.push_async_callback(server.stop)
            tells = [(d, _teller(server, d)) for d in devices]
            for device, tell in tells:
                tell(_told(device, simulation.clock.now_us()))
            task = asyncio.create_task(_play(simulation, tells), name=f"simulator:mtconnect:{line.id}")
            stack.push_async_callback(_ended, task)
        yield taken


def _teller(server: AdapterServer | AgentServer, device: SimulatedDevice) -> Callable[[Sequence[Told]], None]:
    if isinstance(server, AdapterServer):
        return server.tell
    options = {**device.device.profile.parameters, **device.device.options}
    return partial(server.tell, str(options.get("agent_device") or device.device.id))


async def _play(simulation: Simulation, tells: Sequence[tuple[SimulatedDevice, Callable[[Sequence[Told]], None]]]) -> None:
    """Tell what changed, twice a second."""
    last: dict[tuple[str, str], str] = {}
    while True:
        for device, tell in tells:
            if simulation.silent(device.device.id) or device.faults.peek("silence") is not None:
                continue
            told = _told(device, simulation.clock.now_us())
            new = [one for one in told if last.get((device.device.id, one.item)) != f"{one.level}{one.value}"]
            last |= {(device.device.id, one.item): f"{one.level}{one.value}" for one in new}
            if new:
                tell(new)
        await asyncio.sleep(INTERVAL_S)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _told(device: SimulatedDevice, now_us: int) -> list[Told]:
    """All items of a machine."""
    values = wire_values(device.device, device.values())
    found: dict[str, Told] = {}
    for point in device.device.profile.points:
        place, value = point.where, values[point.tag]
        if not isinstance(place, MtconnectPlace):
            continue
        if place.condition:
            item = "system" if "*" in place.condition else place.condition[0]
            fault = values.get("execution_state") in {"STOPPED", "ALARM", "FAULT"}
            found[item] = Told(item, "1024 Servo drive fault X" if fault else "", now_us, "FAULT" if fault else "NORMAL")
        else:
            text = "AVAILABLE" if point.tag == "available" else "ARMED" if point.tag == "estop" else _text(value)
            found[place.item[0]] = Told(place.item[0], text, now_us)
    return list(found.values())


def _text(value: Wire) -> str:
    if value is None:
        return "UNAVAILABLE"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
