"""The demonstration shop: its plant file and what goes wrong in it by the clock."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from simulator.faults import Outage

DEMO_PLANT_FILE: Final = "demo_plant.yaml"
DEMO_OUTAGES: Final = (Outage("m7", every_s=2700.0, lasts_s=420.0, after_s=600.0),)
"""The meter of the HAAS answers nothing for 7 minutes of each 45, so that "no data" can be seen."""


def demo_plant_text() -> str:
    """The plant file of the shop, YAML."""
    return files("simulator").joinpath(DEMO_PLANT_FILE).read_text(encoding="utf-8")
