"""A shop of MQTT machines is played to the product: through the simulator's small broker, and through a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.mqtt import examples
from data_collection.registry import connects
from data_collection.workspace import Workspace
from domain.plant import Plant
from domain.sample import Reading
from runtime.clock import SystemClock
from simulator.serve import Simulation, simulate
from tests.config.test_docs import examples as documented
from tests.mosquitto import PASSWORD, USER, Mosquitto
from tests.mosquitto import mosquitto as mosquitto

CLOCK = SystemClock()


def worked_plant() -> Plant:
    text = next(example for example in documented("devices.md") if "transport: mqtt" in example)
    return parse_plant(text, catalog=ProfileCatalog.shipped(), environ={"BUS_PASSWORD": PASSWORD}).plant


@asynccontextmanager
async def collected(simulation: Simulation, data_dir: Path) -> AsyncIterator[tuple[Collector, dict[str, set[str]]]]:
    """A collector on the simulated plant, and the good points and texts it read by device."""
    heard: dict[str, set[str]] = {}

    def take(reading: Reading) -> None:
        found = heard.setdefault(reading.device_id, set())
        found |= {p for p, v in zip(reading.points, reading.values, strict=True) if v is not None} | reading.texts.keys()

    collector = Collector(CLOCK, take, connects(Workspace(data_dir)))
    collector.apply(simulation.plant)
    task = asyncio.create_task(collector.run())
    try:
        yield collector, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def all_heard(collector: Collector, heard: dict[str, set[str]], wanted: dict[str, set[str]]) -> None:
    async with asyncio.timeout(60):
        while any(not tags <= heard.get(device, set()) for device, tags in wanted.items()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert {status.state for status in collector.devices()} == {"online"}
    faults = {status.device_id: status.errors for status in collector.devices()}
    assert all(not found.keys() - {"duplicate", "plugin", "line_down"} for found in faults.values()), faults


WANTED = {
    "dmg": {"execution_state", "program", "part_count", "spindle_speed", "spindle_load", "feed_rate", "active_power"},
    "dmu": {"execution_state", "spindle_load", "feed_rate", "program"},
    "lathe1": {"execution_state", "program", "part_count", "spindle_speed", "spindle_load", "active_power"},
    "feeder": {"active_power"},
}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_the_worked_plant_file_is_played_by_the_simulators_own_broker(tmp_path: Path, version: str) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "axis_loads.py").write_bytes((Path(examples.__file__).parent / "axis_loads.py").read_bytes())
    plant = worked_plant()
    lines = tuple(replace(line, options={**line.options, "version": version}) for line in plant.lines)
    async with (
        simulate(replace(plant, lines=lines), clock=CLOCK, free_ports=True) as simulation,
        collected(simulation, tmp_path) as (collector, heard),
    ):
        await all_heard(collector, heard, WANTED)


@pytest.mark.server
async def test_where_a_broker_stands_it_is_used(mosquitto: Mosquitto, tmp_path: Path) -> None:
    plant = worked_plant()
    (line,) = plant.lines
    line = replace(line, options={**line.options, "port": mosquitto.port, "user": USER})
    devices = tuple(d for d in plant.devices if d.id in {"dmg", "feeder"})
    async with (
        simulate(replace(plant, lines=(line,), devices=devices), clock=CLOCK) as simulation,
        collected(simulation, tmp_path) as (collector, heard),
    ):
        await all_heard(collector, heard, {d.id: WANTED[d.id] for d in devices})
