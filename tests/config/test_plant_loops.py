"""The section `loops`: what is taken, and what is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from config.plant_file import PlantFileError, plant_from_document
from config.profile_catalog import ProfileCatalog
from domain.loop import ControlLoop
from domain.plant import Plant

CATALOG = ProfileCatalog.shipped()


def point(tag: str, address: int, quantity: str, unit: str) -> dict[str, Any]:
    return {"tag": tag, "quantity": quantity, "unit": unit, "table": "holding", "address": address, "type": "float32"}


POINTS: list[dict[str, Any]] = [
    point("setpoint", 0, "temperature", "°C"), point("value", 2, "temperature", "°C"), point("output", 4, "load", "%"),
    {"tag": "program", "quantity": "text", "table": "holding", "address": 10, "type": "string", "length": 8},
]  # fmt: skip


def read(*loops: object) -> Plant:
    document = {
        "site": {"name": "S"}, "lines": [{"id": "l", "transport": "modbus-tcp", "host": "h"}],
        "devices": [{"id": "tc", "line": "l", "points": POINTS}], "machines": [{"id": "oven"}], "loops": list(loops),
    }  # fmt: skip
    return plant_from_document(document, catalog=CATALOG, environ={})


def problems(*loops: object) -> list[str]:
    with pytest.raises(PlantFileError) as caught:
        read(*loops)
    return [f"{p.field} {p.message}" for p in caught.value.problems]


LEAST = {"id": "t1", "setpoint": "tc.setpoint", "process": "tc.value"}


def test_a_loop_has_sensible_defaults_and_takes_all_it_is_told() -> None:
    assert read(LEAST).loops == (ControlLoop("t1", "t1", "tc.setpoint", "tc.value"),)
    told = {
        **LEAST, "name": "Печь", "output": "tc.output", "machine": "oven", "dead_time_s": 4, "period_s": 120, "amplitude": 2,
        "min_step": 5, "min_episode_s": 300, "band": 0.02,
    }  # fmt: skip
    assert read(told).loops == (
        ControlLoop("t1", "Печь", "tc.setpoint", "tc.value", "tc.output", "oven", 4.0, 120.0, 2.0, 5.0, 300.0, 0.02),
    )


def test_what_cannot_be_is_refused_at_its_field() -> None:
    assert problems({**LEAST, "process": "tc.valeu"}) == ["loops[t1].process there is no tag 'tc.valeu'"]
    assert problems({**LEAST, "process": "tc.program"}) == ["loops[t1].process tc.program is a text"]
    assert problems({**LEAST, "process": "tc.output"}) == ["loops[t1].setpoint is in °C, the process value in %"]
    assert problems({**LEAST, "machine": "ofen"}) == ["loops[t1].machine there is no machine 'ofen'"]
    assert problems({"id": "t1"}) == ["loops[t1].setpoint is missing", "loops[t1].process is missing"]
    assert [p.partition(" ")[0] for p in problems({**LEAST, "period_s": 0, "band": 2})] == ["loops[t1].period_s", "loops[t1].band"]
    assert [p.partition(" ")[0] for p in problems(LEAST, LEAST)] == ["loops[t1].id"]
