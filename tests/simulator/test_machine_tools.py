"""The example shop in which every protocol serves at least two machines is played to the product, all of it at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.registry import connects
from simulator.serve import simulate
from tests.conftest import ROOT
from tests.simulator.test_mqtt import CLOCK, all_heard, collected

EXAMPLE = ROOT / "docs" / "examples" / "machine-tools.yaml"


def test_every_transport_serves_two_machines() -> None:
    plant = parse_plant(EXAMPLE.read_text(encoding="utf-8"), catalog=ProfileCatalog.shipped(), environ={}).plant
    transport = {line.id: line.transport for line in plant.lines}
    source = {d.id: transport[d.line] for d in plant.devices}
    tags = [machine.meter or (machine.control.execution if machine.control else "") or "" for machine in plant.machines]
    served = Counter(source[tag.partition(".")[0]] for tag in tags)
    assert set(served) == set(connects()) - {"serial"}  # a terminal's name differs from computer to computer
    assert min(served.values()) >= 2


async def test_all_of_them_are_read_at_once(tmp_path: Path) -> None:
    plant = parse_plant(EXAMPLE.read_text(encoding="utf-8"), catalog=ProfileCatalog.shipped(), environ={}).plant
    wanted = {
        m.control.execution.partition(".")[0]: {m.control.execution.partition(".")[2]}
        for m in plant.machines if m.control is not None and m.control.execution is not None
    } | {m.meter: {"active_power"} for m in plant.machines if m.meter is not None}  # fmt: skip
    assert len(wanted) == len(plant.machines)
    async with simulate(plant, clock=CLOCK, free_ports=True) as simulation, collected(simulation, tmp_path) as (collector, heard):
        await all_heard(collector, heard, wanted)
