"""The demonstration shop: its plant file and what goes wrong in it by the clock."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Final

from simulator.faults import Outage
from simulator.serve import Simulation

FURNACE, FURNACE_METER = "furnace", "m11"
OVERLOAD_A, OVERLOAD_AFTER_S, OVERLOAD_S = 78.4, 8.0, 420.0
FIRST_OUTAGE_S = 45.0
INSPECTION_PORT: Final = 15050
DEMO_PLANT_FILE: Final = "demo_plant.yaml"
DEMO_OUTAGES: Final = (Outage("m7", every_s=2700.0, lasts_s=420.0, after_s=600.0),)
"""The meter of the HAAS answers nothing for 7 minutes of each 45, so that "no data" can be seen."""


def demo_plant_text() -> str:
    """The plant file of the shop, YAML."""
    return files("simulator").joinpath(DEMO_PLANT_FILE).read_text(encoding="utf-8")


def with_inspection(text: str, folder: str) -> str:
    """The shop's plant file with an inspection place under a camera that writes to `folder`."""
    line = f"  - {{id: qc, transport: tcp-frames, host: 127.0.0.1, port: {INSPECTION_PORT}, encoding: binary, verdicts: true,\n"
    line += "     verdict_deadline_s: 2}\n"
    device = "  - {id: cell, line: qc, points: [{tag: trigger, quantity: count, byte: 0, bit: 0, type: toggles}]}\n"
    camera = f"\ninspections:\n  - {{device: cell, camera: {{folder: {json.dumps(folder)}, keep_px: 320, wait_s: 1.5}}}}\n"
    before, devices, rest = text.partition("\ndevices:\n")
    middle, machines, rest = rest.partition("\nmachines:\n")
    return before.rstrip("\n") + "\n" + line + devices + middle.rstrip("\n") + "\n" + device + machines + rest + camera


def outages_from(now_us: int) -> tuple[Outage, ...]:
    """The demonstration's outages with the first one soon after `now_us`: "no data" is seen within the first minutes."""
    return tuple(replace(outage, after_s=(now_us / 1e6 + FIRST_OUTAGE_S) % outage.every_s) for outage in DEMO_OUTAGES)


def overload_furnace(simulation: Simulation, now_us: int) -> None:
    """A regulator of the furnace fails for some minutes: its current goes over the critical limit soon after the start."""
    current_a = simulation.values(FURNACE_METER).get("current_l2")
    if isinstance(current_a, float) and current_a > 1.0:
        begin_us = now_us + round(OVERLOAD_AFTER_S * 1e6)
        simulation.machine(FURNACE).disturb(OVERLOAD_A / current_a, begin_us, begin_us + round(OVERLOAD_S * 1e6))
