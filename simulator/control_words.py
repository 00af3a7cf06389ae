"""What a simulated control says of itself, in words and wire units: shared by the transports whose points are named values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.plant import Device
from domain.profile import Point
from domain.quantity import Kind, Quantity, canonical_factor
from simulator.controls import FAULT
from simulator.day_profile import Mode
from simulator.registers import Value

Wire = float | int | str | None
_STATES: Final[Mapping[int, tuple[str, ...]]] = {
    Mode.PRODUCTION: ("ACTIVE", "RUNNING", "RUN"), FAULT: ("ALARM", "FAULT", "STOPPED"),
}  # fmt: skip
_ELSE: Final = ("READY", "IDLE", "STOPPED")
_ALARM: Final = "1024 Servo drive fault X"


def wire_values(device: Device, values: Mapping[str, Value]) -> dict[str, Wire]:
    """What the device shows, by tag, in the units on the wire; states as the words of their enumeration."""
    fault = any(values.get(p.tag) == FAULT for p in device.profile.points if "execution" in p.tag)
    found = {point.tag: wire_value(point, values.get(point.tag)) for point in device.profile.points}
    return {
        tag: (_ALARM if fault else "") if tag == "alarm" and isinstance(value, str) else value for tag, value in found.items()
    }


def wire_value(point: Point, value: Value) -> Wire:
    """One value as the far side would say it."""
    if value is None or isinstance(value, str):
        return value
    if point.kind is Kind.TEXT:
        return str(value)
    if point.quantity is Quantity.STATE and point.enum:
        return _word(point, int(value))
    number = (float(value) / canonical_factor(point.quantity, point.unit) - point.offset) / point.scale
    return int(number) if point.quantity is Quantity.COUNT else round(number, 6)


def _word(point: Point, number: int) -> str:
    """A model's mode in the words of a control; what is no mode goes by its number."""
    words = {word.upper(): word for word in point.enum.values()}
    if "execution" in point.tag:
        wanted = _STATES.get(number, _ELSE)
        return next((words[w] for w in wanted if w in words), next(iter(point.enum.values())))
    return point.enum.get(number, next(iter(point.enum.values())))
