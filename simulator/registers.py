"""Values into registers: the inverse of a device profile. Pure and table driven.

`compile_map(device)` turns the Modbus points of a device into writers; `ModbusMap.write(values)` encodes values (canonical units,
by tag) into the tables of a `ModbusUnit`. `quantise` gives the value a reader will see, so that a made-up history and the live
registers agree to the last digit.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.plant import Device
from domain.profile import ModbusPoint, Point, WordOrder
from domain.quantity import Kind, Quantity, canonical_factor
from simulator.modbus_unit import ModbusUnit, Registers

Value = float | str | None

_FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q", "float32": ">f", "float64": ">d",
}
_SECONDARY_VT = {Quantity.VOLTAGE}
_SECONDARY_CT = {Quantity.CURRENT}
_SECONDARY_BOTH = {
    Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER, Quantity.ENERGY_IMPORT, Quantity.ENERGY_EXPORT,
    Quantity.REACTIVE_ENERGY_IMPORT, Quantity.REACTIVE_ENERGY_EXPORT,
}


SAME_REGISTERS = frozenset({"owen-mv110-16dn", "carlo-gavazzi-em340", "janitza-umg96rm", "siemens-pac3200"})
"""Profiles of devices whose function codes 03 and 04 read the same registers."""


def registers_of(where: ModbusPoint) -> int:
    """How many registers (or bits) a point takes."""
    if where.type == "string":
        return where.length
    if where.type in ("bit", "bool"):
        return 1
    return struct.calcsize(_FORMATS[where.type]) // where.bytes_per_register


def reorder(data: bytes, order: WordOrder) -> bytes:
    """Bytes of a value, high byte first (ABCD), as they lie on the wire in `order`. Its own inverse."""
    if order is WordOrder.LITTLE_SWAPPED:
        return data[::-1]
    if order is WordOrder.BIG:
        return data
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order is WordOrder.LITTLE:
        return b"".join(reversed(words))
    return b"".join(word[::-1] for word in words)


def laid_out(data: bytes, where: ModbusPoint) -> bytes:
    """Bytes of a number, high byte first, as they lie in the point's registers."""
    if where.bytes_per_register == 2:
        return reorder(data, where.word_order)
    low_first = where.word_order in {WordOrder.LITTLE, WordOrder.LITTLE_SWAPPED}
    upper = where.word_order in {WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED}
    parts = reversed(data) if low_first else data
    return b"".join(bytes((byte, 0) if upper else (0, byte)) for byte in parts)


def ratio_of(point: Point, options: Mapping[str, object]) -> float:
    """What the reader multiplies a secondary value with: current and voltage transformer ratios of the device's options."""
    if not point.secondary:
        return 1.0
    ct, vt = _number(options.get("ct_ratio")), _number(options.get("vt_ratio"))
    if point.quantity in _SECONDARY_CT:
        return ct
    if point.quantity in _SECONDARY_VT:
        return vt
    return ct * vt if point.quantity in _SECONDARY_BOTH else 1.0


def _number(option: object) -> float:
    return float(option) if isinstance(option, (int, float)) and option else 1.0


@dataclass(frozen=True, slots=True)
class PointWriter:
    """How one point's value becomes bytes: raw = (value / factor - offset) / scale."""

    tag: str
    where: ModbusPoint
    quantity: Quantity
    factor: float  # canonical value = wire value * factor, transformer ratio included
    scale: float
    offset: float
    wrap_at: float | None
    enum: Mapping[str, int] = field(default_factory=dict)

    def raw(self, value: float) -> float:
        """The number in the register for a value in canonical unit; an integer type is not rounded yet."""
        if self.wrap_at is not None:
            value %= self.wrap_at
        return (value / self.factor - self.offset) / self.scale

    def encode_wire(self, wire: float | None) -> bytes:
        """Bytes for a value in the unit on the wire, exact to the register's resolution; None is "no value"."""
        if wire is None:
            return self._missing()
        return self._pack((wire - self.offset) / self.scale)

    def encode(self, value: Value) -> bytes:
        """Bytes for a value in canonical unit; None is the sentinel (or NaN) that means "no value", 0 where there is none."""
        if value is None:
            return self._missing()
        if isinstance(value, str):
            if self.where.type != "string":
                return self._pack(float(self.enum.get(value, 0)))
            return reorder(_text(value, self.where.length), _text_order(self.where.word_order))
        if self.where.type == "string":
            return reorder(_text(f"{value:g}", self.where.length), _text_order(self.where.word_order))
        return self._pack(self.raw(value))

    def _pack(self, raw: float) -> bytes:
        kind = self.where.type
        if kind in ("bit", "bool"):
            return b"\x01" if raw else b"\x00"
        if kind.startswith("float"):
            return laid_out(struct.pack(_FORMATS[kind], raw), self.where)
        return laid_out(struct.pack(_FORMATS[kind], _whole(raw, kind, self.quantity.kind)), self.where)

    def _missing(self) -> bytes:
        kind = self.where.type
        if kind == "string":
            return bytes(2 * self.where.length)
        if kind.startswith("float"):
            return laid_out(struct.pack(_FORMATS[kind], math.nan), self.where)
        if kind in ("bit", "bool"):
            return b"\x00"
        size = struct.calcsize(_FORMATS[kind])
        raw = self.where.sentinel[0] if self.where.sentinel else 0
        return laid_out((raw & ((1 << (8 * size)) - 1)).to_bytes(size), self.where)


def _whole(raw: float, kind: str, counted: Kind) -> int:
    """An integer register: counters show whole digits only (cut), gauges are rounded; the type's range limits both."""
    if math.isnan(raw):
        return 0
    bits = int(kind.removeprefix("u").removeprefix("int"))
    low, high = (0, (1 << bits) - 1) if kind.startswith("u") else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    number = cut(raw) if counted is Kind.COUNTER else round(raw)
    return min(max(number, low), high)


def cut(raw: float) -> int:
    """Whole digits of a counter; what only rounding error keeps below a digit counts as that digit."""
    return math.floor(raw + 1e-6)


def cut_to(values: NDArray[np.float64], resolution: float, *, counted: bool) -> NDArray[np.float64]:
    """Values to a resolution: counters cut as `cut` does, gauges rounded."""
    steps = values / resolution
    return (np.floor(steps + 1e-6) if counted else np.rint(steps)) * resolution


def _text(text: str, length: int) -> bytes:
    return text.encode("ascii", "replace")[: 2 * length].ljust(2 * length, b"\x00")


def _text_order(order: WordOrder) -> WordOrder:
    """Texts keep their words in place; only bytes within a word may be swapped."""
    return WordOrder.BIG_SWAPPED if order in (WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED) else WordOrder.BIG


def writer_of(point: Point, options: Mapping[str, object]) -> PointWriter:
    """Compile one Modbus point. Raises TypeError for a point of another protocol."""
    if not isinstance(point.where, ModbusPoint):
        raise TypeError(f"{point.tag} is no Modbus point")
    return PointWriter(
        point.tag, point.where, point.quantity, canonical_factor(point.quantity, point.unit) * ratio_of(point, options),
        point.scale or 1.0, point.offset, point.wrap_at, {name: number for number, name in point.enum.items()},
    )


class ModbusMap:
    """The registers of one device with a writer for each point."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.writers = {point.tag: writer_of(point, device.options) for point in device.profile.points}
        quirks = device.profile.quirks
        addresses: dict[str, set[int]] = {}
        for writer in self.writers.values():
            where = writer.where
            taken = addresses.setdefault(where.table, set())
            taken.update(range(where.address, where.address + registers_of(where)))
        tables = {
            name: Registers(taken, bits=name in ("coil", "discrete"), gap=quirks.max_gap) for name, taken in addresses.items()
        }
        if device.profile.name in SAME_REGISTERS:
            known = tables.get("holding") or tables.get("input")
            if known is not None:
                tables |= {"holding": known, "input": known}
        self.unit = ModbusUnit(
            device.address if device.address is not None else 1, tables,
            max_registers=quirks.max_registers, max_bits=quirks.max_bits,
        )

    def write(self, values: Mapping[str, Value]) -> None:
        """Encode values in canonical units by tag; tags that are no point of the device are ignored."""
        for tag, value in values.items():
            writer = self.writers.get(tag)
            if writer is not None:
                self._put(writer, writer.encode(value))

    def write_wire(self, tag: str, wire: float | None) -> None:
        """Set one point to a value in its unit on the wire. Raises KeyError."""
        writer = self.writers[tag]
        self._put(writer, writer.encode_wire(wire))

    def _put(self, writer: PointWriter, data: bytes) -> None:
        where = writer.where
        table = self.unit.tables[where.table]
        if where.table in ("coil", "discrete"):
            table.write(where.address, b"\x01" if any(data) else b"\x00")
        elif where.bit is not None or where.type in ("bit", "bool"):
            size = 2 * registers_of(where)
            word = int.from_bytes(reorder(table.read(where.address, size // 2), where.word_order))
            mask = 1 << (where.bit or 0)
            word = word | mask if any(data) else word & ~mask
            table.write(where.address, reorder(word.to_bytes(size), where.word_order))
        else:
            table.write(where.address, data)


def quantise(point: Point, options: Mapping[str, object], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a reader of the registers gets for these values (canonical unit): cut or rounded as `PointWriter` does."""
    writer = writer_of(point, options)
    kind = writer.where.type
    raw = values % writer.wrap_at if writer.wrap_at is not None else values
    raw = (raw / writer.factor - writer.offset) / writer.scale
    if kind == "float32":
        raw = raw.astype(np.float32).astype(np.float64)
    elif kind in ("bit", "bool"):
        raw = (raw != 0).astype(np.float64)
    elif kind != "float64":
        raw = cut_to(raw, 1.0, counted=writer.quantity.kind is Kind.COUNTER)
    return (raw * writer.scale + writer.offset) * writer.factor
