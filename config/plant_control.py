"""The field `control` of a machine: which tags carry the signals of its control, and what their values mean."""

from __future__ import annotations

from collections.abc import Callable

from config.fields import Fields, shown
from config.problems import nearest, one_of
from domain.production import ANY_OTHER, ControlSignals, value_key
from domain.profile import Point
from domain.quantity import Kind

STATES = ("running", "idle", "alarm")
FindPoint = Callable[[Fields, str, str], Point | None]
"""(fields, name of the field, full name of the tag): its point; None after a problem was reported."""


def read_control(machine: Fields, find: FindPoint) -> ControlSignals | None:
    """The signals of one machine; None when it has none."""
    if not machine.has("control"):
        return None
    fields = machine.group("control")
    execution = _point(fields, "execution", find)
    values = {state: _values(fields, state, execution) for state in STATES}
    _check_values(fields, values)
    part_count = _point(fields, "part_count", find)
    if part_count is not None and part_count.kind is Kind.TEXT:
        fields.problem("part_count", f"{fields.values.get('part_count')!r} is a text", "a counter or a digital input")
    _point(fields, "program", find)
    _point(fields, "connected", find)
    if _point(fields, "alarm_active", find) is not None and not fields.has("execution"):
        fields.problem("execution", "is missing, although alarm_active is there", "the tag that tells what the control does")
    cycle_s = fields.number("shortest_cycle_s", 1.0, above=0, high=86400)
    signals = ControlSignals(
        fields.text("execution"), **{state: frozenset(value_key(v) for v in found) for state, found in values.items()},
        part_count=fields.text("part_count"), program=fields.text("program"), connected=fields.text("connected"),
        shortest_cycle_s=cycle_s or 1.0, alarm_active=fields.text("alarm_active"),
    )
    fields.finish()
    return signals if signals.tags else None


def _point(fields: Fields, name: str, find: FindPoint) -> Point | None:
    tag = fields.text(name)
    return None if tag is None else find(fields, name, tag)


def _values(fields: Fields, state: str, execution: Point | None) -> list[object]:
    """Numbers and texts. A value of an enumeration is there in both forms, by its name and by its number."""
    value = fields.raw(state)
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str | int | float | bool) for item in value):
        fields.problem(state, f"is {shown(value)}", "a list of values, such as [ACTIVE] or [1, 2]")
        return []
    if not fields.has("execution"):
        fields.problem("execution", f"is missing, although {state} has values", "the tag that tells them")
    if execution is None or not execution.enum:
        return list(value)
    numbers = {value_key(name): number for number, name in execution.enum.items()}
    found: list[object] = []
    for item in value:
        key = value_key(item)
        if key == ANY_OTHER:
            found.append(item)
            continue
        number = numbers.get(key)
        if number is None and key not in {value_key(n) for n in execution.enum}:
            near = nearest(str(item), execution.enum.values(), 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            message = f"{item!r} is no value of {fields.values.get('execution')!r}{hint}"
            fields.problem(state, message, one_of(execution.enum.values()))
        found += [item] if number is None else [item, number]
    return found


def _check_values(fields: Fields, values: dict[str, list[object]]) -> None:
    """No value means two things, and a tag without any meaning is none."""
    taken: dict[str, str] = {}
    for state, found in values.items():
        for key in dict.fromkeys(value_key(item) for item in found):
            other = taken.setdefault(key, state)
            if other != state:
                fields.problem(state, f"{key!r} stands in {other} too", "each value in one list")
    if fields.has("execution") and not taken and not any(fields.report.found_in(fields.at(state)) for state in STATES):
        expected = "a list of values, such as [ACTIVE] or [1]"
        fields.problem("running", "is missing: without values execution tells nothing", expected)

