"""A controller with frames of its own is played to the product: binary and text."""

from __future__ import annotations

from pathlib import Path

from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from simulator.serve import simulate
from tests.config.test_docs import examples
from tests.simulator.test_mqtt import CLOCK, all_heard, collected


async def test_the_worked_plant_file_is_played(tmp_path: Path) -> None:
    text = next(example for example in examples("devices.md") if "transport: tcp-frames" in example)
    plant = parse_plant(text, catalog=ProfileCatalog.shipped(), environ={}).plant
    wanted = {d.id: {p.tag for p in d.profile.points} for d in plant.devices}
    async with simulate(plant, clock=CLOCK, free_ports=True) as simulation, collected(simulation, tmp_path) as (collector, heard):
        await all_heard(collector, heard, wanted)
