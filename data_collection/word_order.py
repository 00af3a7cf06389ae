"""Which word order does a device use? The same words read in all four, judged by what is physically plausible. Pure.

A device whose manual is silent, or a controller whose programmer laid a REAL over two words, shows it by its values: in the
right order voltages, frequency and powers are believable, in the wrong ones floats are astronomically large or tiny.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from data_collection.modbus.block import byte_order
from domain.plant import Device
from domain.profile import ModbusPoint, Point, WordOrder
from domain.quantity import Quantity, canonical_factor

_CODES: Final[Mapping[str, str]] = {
    "int32": ">i", "uint32": ">I", "float32": ">f", "int64": ">q", "uint64": ">Q", "float64": ">d",
}
_SAMPLES: Final = 3
_USUAL: Final[Mapping[Quantity, tuple[float, float]]] = {  # in canonical units, where the profile gives no range of its own
    Quantity.FREQUENCY: (40.0, 70.0),
    Quantity.VOLTAGE: (0.1, 150e3),
    Quantity.CURRENT: (-50e3, 50e3),
    Quantity.ACTIVE_POWER: (-1e6, 1e6),
    Quantity.REACTIVE_POWER: (-1e6, 1e6),
    Quantity.APPARENT_POWER: (-1e6, 1e6),
    Quantity.POWER_FACTOR: (-1.0, 1.0),
    Quantity.PHASE_ANGLE: (-360.0, 360.0),
    Quantity.THD: (0.0, 1000.0),
    Quantity.ENERGY_IMPORT: (0.0, 1e9),
    Quantity.ENERGY_EXPORT: (0.0, 1e9),
    Quantity.REACTIVE_ENERGY_IMPORT: (0.0, 1e9),
    Quantity.REACTIVE_ENERGY_EXPORT: (0.0, 1e9),
    Quantity.TEMPERATURE: (-60.0, 1500.0),
}
_ANY: Final = (-1e9, 1e9)
_TINY: Final = 1e-9  # a float that small is the exponent of other bytes, not a measurement


@dataclass(frozen=True, slots=True)
class OrderProbe:
    """`plausible` of `of` values are believable in this order; `values`: a few as (point, value in canonical unit, unit)."""

    plausible: int
    of: int
    values: tuple[tuple[str, float | None, str], ...]


def probe_orders(device: Device, raw: Mapping[str, str]) -> dict[WordOrder, OrderProbe]:
    """Judge all four orders. `raw`: words as read, in hex, by point; only numbers of two and four words that are not 0 count.

    Empty when no point can tell the orders apart.
    """
    telling = []
    for point in device.profile.points:
        words = _words(point, raw.get(point.tag, ""))
        if words:
            telling.append((point, words))
    if not telling:
        return {}
    return {order: _probe(telling, order) for order in WordOrder}


def best_order(probes: Mapping[WordOrder, OrderProbe]) -> WordOrder | None:
    """The order with the most plausible values; None when there is no single best one."""
    ranked = sorted(probes.items(), key=lambda item: -item[1].plausible)
    if not ranked or ranked[0][1].plausible == 0:
        return None
    if len(ranked) > 1 and ranked[1][1].plausible == ranked[0][1].plausible:
        return None
    return ranked[0][0]


def _words(point: Point, text: str) -> bytes:
    """The point's bytes as they came; empty where they cannot tell anything."""
    where = point.where
    if not isinstance(where, ModbusPoint) or where.type not in _CODES:
        return b""
    try:
        words = bytes.fromhex(text)
    except ValueError:
        return b""
    size = struct.calcsize(_CODES[where.type])
    return words if len(words) == (size if where.bytes_per_register == 2 else 2 * size) and any(words) else b""


def _probe(telling: list[tuple[Point, bytes]], order: WordOrder) -> OrderProbe:
    values: list[tuple[str, float | None, str]] = []
    plausible = 0
    for point, words in telling:
        value = _value(point, words, order)
        plausible += value is not None and _believable(point, value)
        factor = canonical_factor(point.quantity, point.unit)
        values.append((point.tag, None if value is None else value * factor, point.canonical_unit))
    return OrderProbe(plausible, len(telling), tuple(values[:_SAMPLES]))


def _value(point: Point, words: bytes, order: WordOrder) -> float | None:
    """The value in the unit on the wire; None for NaN and infinity."""
    where = point.where
    if not isinstance(where, ModbusPoint):
        return None
    size = struct.calcsize(_CODES[where.type])
    straight = bytes(words[i] for i in byte_order(order, size, where.bytes_per_register))
    number = float(struct.unpack(_CODES[where.type], straight)[0]) * point.scale + point.offset
    return number if math.isfinite(number) else None


def _believable(point: Point, value: float) -> bool:
    if point.plausible is not None:
        low, high = point.plausible
        inside = low <= value <= high
    else:
        low, high = _USUAL.get(point.quantity, _ANY)
        inside = low <= value * canonical_factor(point.quantity, point.unit) <= high
    return inside and (value == 0.0 or abs(value) >= _TINY)
