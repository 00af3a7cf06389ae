"""Small plants built by hand for the simulator's tests."""

from __future__ import annotations

from datetime import time
from typing import Any

from domain.plant import Device, Line, Machine, Plant, ShiftPattern, Site
from domain.profile import Group, ModbusPoint, Point, Profile, Quirks, WordOrder
from domain.quantity import Kind, Quantity
from domain.state import StateThresholds

QUIRKS = Quirks()
EVERY_DAY = frozenset(range(7))
SHIFTS = (
    ShiftPattern("1", time(7), time(15), EVERY_DAY),
    ShiftPattern("2", time(15), time(23), EVERY_DAY),
    ShiftPattern("3", time(23), time(7), EVERY_DAY),
)
LATHE = Machine("lathe", "16К20Ф3", "Токарный участок", "m1", 13.5, StateThresholds(0.4, 3.6))


def point(
    tag: str, quantity: Quantity, unit: str, address: int, kind: str = "float32", *, table: str = "holding",
    order: WordOrder = WordOrder.BIG, bit: int | None = None, length: int = 1, sentinel: tuple[int, ...] = (), **more: Any,
) -> Point:
    group = Group.SLOW if quantity.kind is Kind.COUNTER else Group.FAST
    return Point(tag, quantity, unit, ModbusPoint(table, address, kind, order, bit, length, sentinel), group=group, **more)


def profile(*points: Point, name: str = "bench", quirks: Quirks = QUIRKS, protocol: str = "modbus") -> Profile:
    return Profile(name, {"ru": name, "en": name}, "test", protocol, "built for a test", "H", points, quirks)


METER = profile(
    point("voltage_l1", Quantity.VOLTAGE, "V", 0),
    point("voltage_l2", Quantity.VOLTAGE, "V", 2),
    point("voltage_l3", Quantity.VOLTAGE, "V", 4),
    point("current_l1", Quantity.CURRENT, "A", 6),
    point("active_power", Quantity.ACTIVE_POWER, "W", 12),
    point("reactive_power", Quantity.REACTIVE_POWER, "var", 14),
    point("apparent_power", Quantity.APPARENT_POWER, "VA", 16),
    point("power_factor", Quantity.POWER_FACTOR, "1", 18, "int16", scale=0.001),
    point("frequency", Quantity.FREQUENCY, "Hz", 20, "uint16", scale=0.01),
    point("energy_import", Quantity.ENERGY_IMPORT, "Wh", 40, "uint64"),
    point("serial", Quantity.TEXT, "", 60, "string", length=4),
)


def shop(*devices: Device, transport: str = "modbus-tcp", machines: tuple[Machine, ...] = (LATHE,), **site: Any) -> Plant:
    return Plant(
        Site("Цех", **site), SHIFTS, (Line("l1", transport, {"host": "127.0.0.1", "port": 0}),), devices, machines,
    )


def meter(device_id: str = "m1", address: int = 1, of: Profile = METER, **more: Any) -> Device:
    return Device(device_id, "l1", of, address, **more)
