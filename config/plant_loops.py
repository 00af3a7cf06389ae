"""The section `loops` of a plant file: control loops, each a set point, a process value and perhaps an output."""

from __future__ import annotations

from config.fields import Fields
from config.plant_alerts import Surroundings
from config.plant_entries import read_entries
from domain.loop import ControlLoop
from domain.profile import Point
from domain.quantity import Kind

MOST = 200


def read_loops(fields: Fields, around: Surroundings) -> tuple[ControlLoop, ...]:
    """Each by itself; ids are unique."""
    return read_entries(fields, "loops", "loop", MOST, lambda group, own: _read(group, own, around))


def _read(group: Fields, loop_id: str | None, around: Surroundings) -> ControlLoop | None:
    names = {role: group.text(role, required=role != "output") for role in ("setpoint", "process", "output")}
    points = {role: _number(group, role, name, around) for role, name in names.items() if name is not None}
    wanted, measured = points.get("setpoint"), points.get("process")
    if wanted is not None and measured is not None and wanted.canonical_unit != measured.canonical_unit:
        group.problem(
            "setpoint", f"is in {wanted.canonical_unit or '1'}, the process value in {measured.canonical_unit or '1'}", "one unit"
        )
    machine = group.text("machine")
    if machine is not None and machine not in around.machine_ids:
        group.problem("machine", f"there is no machine {machine!r}", ", ".join(around.machine_ids[:5]) or "one that is defined")
    numbers = {
        "dead_time_s": group.number("dead_time_s", 1.0, low=0, high=86_400),
        "period_s": group.number("period_s", 60.0, above=0, high=86_400),
        "amplitude": group.number("amplitude", 1.0, above=0),
        "min_step": group.number("min_step", 1.0, above=0),
        "min_episode_s": group.number("min_episode_s", 60.0, above=0, high=86_400),
        "band": group.number("band", 0.05, low=0.001, high=0.5),
    }
    name = group.text("name", loop_id, longest=100)
    if loop_id is None or names["setpoint"] is None or names["process"] is None:
        return None
    given = {key: value for key, value in numbers.items() if value is not None}
    return ControlLoop(
        loop_id, name or loop_id, names["setpoint"], names["process"], names["output"], machine=machine, **given
    )


def _number(group: Fields, role: str, tag: str, around: Surroundings) -> Point | None:
    point = around.point(group, role, tag)
    if point is not None and point.quantity.kind is Kind.TEXT:
        group.problem(role, f"{tag} is a text", "a tag that is a number")
        return None
    return point
