"""The field `control` of a machine: what is taken, and what is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from config.plant_file import PlantFileError, plant_from_document
from config.profile_catalog import ProfileCatalog
from domain.plant import Plant
from domain.production import ControlState, value_key

CATALOG = ProfileCatalog.shipped()
POINTS: list[dict[str, Any]] = [
    {"tag": "execution_state", "quantity": "state", "unit": "1", "table": "holding", "address": 1, "type": "uint16", "enum": {1: "READY", 2: "ACTIVE"}},
    {"tag": "part_count", "quantity": "count", "unit": "1", "table": "holding", "address": 2, "type": "uint16"},
    {"tag": "program", "quantity": "text", "table": "holding", "address": 10, "type": "string", "length": 8},
]


def read(control: object) -> Plant:
    document = {
        "site": {"name": "S"},
        "lines": [{"id": "l", "transport": "modbus-tcp", "host": "h"}],
        "devices": [{"id": "cnc", "line": "l", "points": POINTS}],
        "machines": [{"id": "a", "control": control}],
    }
    return plant_from_document(document, catalog=CATALOG, environ={})


def problems(control: object) -> list[str]:
    with pytest.raises(PlantFileError) as caught:
        read(control)
    return [f"{p.field} {p.message}" for p in caught.value.problems]


def test_names_of_an_enumeration_match_its_numbers() -> None:
    control = read({
        "execution": "cnc.execution_state", "running": ["active"], "idle": [1], "part_count": "cnc.part_count",
        "program": "cnc.program", "shortest_cycle_s": 20,
    }).machine("a").control  # fmt: skip
    assert control is not None
    assert control.claim(value_key(2.0)) is ControlState.RUNNING
    assert control.claim(value_key("ACTIVE ")) is ControlState.RUNNING
    assert control.claim(value_key(1)) is ControlState.IDLE
    assert control.claim(value_key(3)) is None
    assert (control.part_count, control.program, control.shortest_cycle_s) == ("cnc.part_count", "cnc.program", 20)


def test_every_other_value_and_a_tag_of_alarms() -> None:
    control = read({
        "execution": "cnc.execution_state", "running": ["ACTIVE"], "idle": ["*"], "alarm_active": "cnc.part_count",
    }).machine("a").control  # fmt: skip
    assert control is not None
    assert [control.claim(value_key(n)) for n in (2, 7)] == [ControlState.RUNNING, ControlState.IDLE]
    assert control.alarm_active == "cnc.part_count"
    assert "cnc.part_count" in control.tags


def test_a_machine_without_control() -> None:
    assert read(None).machine("a").control is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"alarm_active": "cnc.part_count"}, "machines[a].control.execution is missing, although alarm_active is there"),
    ({"execution": "cnc.execution_state", "running": ["*"], "idle": ["*"]}, "machines[a].control.idle '*' stands in running too"),
    ({"execution": "cnc.exec", "running": ["X"]}, "machines[a].control.execution there is no tag 'cnc.exec'"),
    ({"execution": "plc.x", "running": [1]}, "machines[a].control.execution there is no device 'plc'"),
    ({"execution": "cnc.execution_state"}, "machines[a].control.running is missing"),
    ({"execution": "cnc.execution_state", "running": ["ACTIV"]}, "machines[a].control.running 'ACTIV' is no value of"),
    ({"execution": "cnc.execution_state", "running": ["ACTIVE"], "idle": [2]}, "machines[a].control.idle '2' stands in running too"),
    ({"execution": "cnc.execution_state", "running": "ACTIVE"}, "machines[a].control.running is 'ACTIVE'"),
    ({"running": [1]}, "machines[a].control.execution is missing"),
    ({"part_count": "cnc.program"}, "machines[a].control.part_count 'cnc.program' is a text"),
    ({"part_count": "cnc.part_count", "shortest_cycle_s": 0}, "machines[a].control.shortest_cycle_s is 0"),
    ({"part_cnt": "cnc.part_count"}, "machines[a].control.part_cnt unknown field 'part_cnt' (did you mean part_count?)"),
]


@pytest.mark.parametrize(("control", "said"), WRONG)
def test_what_is_wrong_is_named(control: dict[str, Any], said: str) -> None:
    assert any(found.startswith(said) for found in problems(control)), problems(control)
