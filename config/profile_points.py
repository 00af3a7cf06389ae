"""Reads one point of a profile: quantity and unit, where it lies, how raw becomes a value, what is believable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from config.fields import Fields, shown
from config.places import READERS
from config.problems import Path, Report
from domain.places import Place
from domain.profile import BIT_TABLES as BIT_TABLES
from domain.profile import MERCURY_QUERIES as MERCURY_QUERIES
from domain.profile import REGISTER_TABLES as REGISTER_TABLES
from domain.profile import REGISTERS as REGISTERS
from domain.profile import TYPES, Group, MercuryPoint, ModbusPoint, OtherPoint, Point, WordOrder
from domain.quantity import Kind, Quantity, canonical_factor, units_of

PROTOCOLS: Final = ("modbus", "mercury", *READERS)
LONGEST_STRING: Final = 125
_QUANTITIES = tuple(quantity.value for quantity in Quantity)
_GROUPS = tuple(group.value for group in Group)
TAG = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_SLOW = {
    Quantity.ENERGY_IMPORT, Quantity.ENERGY_EXPORT, Quantity.REACTIVE_ENERGY_IMPORT, Quantity.REACTIVE_ENERGY_EXPORT,
}
_WITH_RATIO = _SLOW | {
    Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER, Quantity.VOLTAGE, Quantity.CURRENT,
}
# Only what no device of any size can exceed; canonical units. Everything else depends on the installation.
_PLAUSIBLE: Final[Mapping[Quantity, tuple[float, float]]] = {
    Quantity.FREQUENCY: (45.0, 65.0),
    Quantity.POWER_FACTOR: (-1.0, 1.0),
    Quantity.PHASE_ANGLE: (-360.0, 360.0),
    Quantity.THD: (0.0, 1000.0),
}


def default_group(quantity: Quantity, protocol: str) -> Group:
    """Power each scan, energy each minute; from a meter, serial numbers and ratios once a day."""
    if quantity in _SLOW:
        return Group.SLOW
    if protocol in {"modbus", "mercury"} and quantity in {Quantity.TEXT, Quantity.RATIO}:
        return Group.DAILY
    return Group.FAST


def registers_of(where: ModbusPoint) -> int:
    """Registers (bits in a table of bits) a point takes."""
    if where.type == "string":
        return where.length
    return REGISTERS[where.type] * (2 if where.bytes_per_register == 1 else 1)


class PointReader:
    """Reads the points of one profile. `defaults` stand in for fields a point does not name."""

    def __init__(
        self, protocol: str, report: Report, *, defaults: Mapping[str, object] | None = None, address_base: int = 0,
        sequential: bool = False,
    ) -> None:
        self._protocol, self._report, self._defaults = protocol, report, dict(defaults or {})
        self._address_base, self._sequential = address_base, sequential
        self.overlapping: set[str] = set()  # tags that say they lie over others on purpose

    def read(self, entry: object, path: Path) -> Point | None:
        """The point, None when it has a problem (all are in the report)."""
        if not isinstance(entry, Mapping):
            self._report.problem(path, f"is {shown(entry)}", "a point: {tag: …, quantity: …, unit: …, …}")
            return None
        before = len(self._report.problems)
        defaults = dict(self._defaults)
        if "bit" in entry or entry.get("table") in BIT_TABLES:  # a bit's type goes without saying, whatever the others are
            defaults.pop("type", None)
            defaults.pop("bytes_per_register", None)
        if {**defaults, **entry}.get("type") in {"bit", "bool", "string"}:
            defaults.pop("bytes_per_register", None)
        fields = Fields({**defaults, **entry}, path, self._report)
        tag = self._tag(fields)
        quantity = self._quantity(fields)
        if quantity is None or tag is None:
            return None
        unit = self._unit(fields, quantity)
        group = fields.choice("group", _GROUPS)
        enum = self._enum(fields, quantity)
        point = Point(
            tag=tag,
            quantity=quantity,
            unit=unit or "",
            scale=self._scale(fields),
            offset=fields.number("offset", 0.0) or 0.0,
            plausible=self._plausible(fields, quantity, unit),
            group=default_group(quantity, self._protocol) if group is None else Group(group),
            enum=enum,
            secondary=self._secondary(fields, quantity),
            wrap_at=self._wrap(fields, quantity),
            max_rate=fields.number("max_rate", above=0),
            spike=fields.flag("spike"),
            frozen_after_s=fields.number("frozen_after_s", above=0),
            confidence=fields.choice("confidence", ("H", "M", "L")),
            where=self._where(fields, tag, quantity),
        )
        fields.finish()
        return point if len(self._report.problems) == before else None

    def _tag(self, fields: Fields) -> str | None:
        tag = fields.text("tag", required=True)
        if tag is not None and not TAG.match(tag):
            fields.problem("tag", f"is {shown(tag)}", "lower-case letters, digits and _, beginning with a letter")
            return None
        return tag

    def _quantity(self, fields: Fields) -> Quantity | None:
        name = fields.choice("quantity", _QUANTITIES, required=True)
        return None if name is None else Quantity(name)

    def _unit(self, fields: Fields, quantity: Quantity) -> str | None:
        units = units_of(quantity)
        unit = fields.raw("unit")
        if unit is None:
            if not units or units[0] == "1":
                return "1" if units else ""
            fields.problem("unit", "is missing", f"one of {', '.join(units)}")
            return None
        unit = str(unit) if isinstance(unit, int) else unit
        if not isinstance(unit, str) or len(unit) > 16 or not unit.isprintable():
            fields.problem("unit", f"is {shown(unit)}", f"one of {', '.join(units)}" if units else "a short text")
            return None
        if units and unit not in units:
            fields.problem("unit", f"{unit!r} does not measure {quantity.value}", f"one of {', '.join(units)}")
            return None
        return unit

    def _scale(self, fields: Fields) -> float:
        scale = fields.number("scale", 1.0)
        if scale == 0:
            fields.problem("scale", "is 0: every value would be the same", "a number other than 0")
        return scale or 1.0

    def _plausible(self, fields: Fields, quantity: Quantity, unit: str | None) -> tuple[float, float] | None:
        given = fields.pair("plausible")
        if given is not None and quantity.kind is Kind.TEXT:
            fields.problem("plausible", "has no meaning for a text")
        known = _PLAUSIBLE.get(quantity)
        if given is not None or known is None or unit is None:
            return given
        factor = canonical_factor(quantity, unit)
        return known[0] / factor, known[1] / factor

    def _enum(self, fields: Fields, quantity: Quantity) -> dict[int, str]:
        value = fields.raw("enum")
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not value:
            fields.problem("enum", f"is {shown(value)}", "{0: word, 1: word, …}")
            return {}
        if quantity not in {Quantity.STATE, Quantity.OTHER, Quantity.TEXT}:
            fields.problem("enum", f"has no meaning for {quantity.value}", "quantity: state")
        found: dict[int, str] = {}
        for key, label in value.items():
            number = _whole(key)
            if number is None or isinstance(label, dict | list) or label is None:
                self._report.problem((*fields.at("enum"), str(key)), f"{shown(key)}: {shown(label)}", "whole number: word")
            else:
                found[number] = str(label)
        return found

    def _secondary(self, fields: Fields, quantity: Quantity) -> bool:
        secondary = fields.flag("secondary")
        if secondary and quantity not in _WITH_RATIO:
            fields.problem("secondary", f"transformer ratios do not act on {quantity.value}", "power, energy, voltage or current")
        return secondary

    def _wrap(self, fields: Fields, quantity: Quantity) -> float | None:
        wrap = fields.number("wrap_at", above=0)
        if wrap is not None and quantity.kind is not Kind.COUNTER:
            fields.problem("wrap_at", f"{quantity.value} is no counter", "an energy or a count")
        return wrap

    # -- where it lies -------------------------------------------------------------------------------------------

    def _where(self, fields: Fields, tag: str, quantity: Quantity) -> ModbusPoint | MercuryPoint | OtherPoint | Place:
        if self._protocol == "modbus":
            return self._modbus(fields, tag, quantity)
        if self._protocol == "mercury":
            query = fields.choice("query", MERCURY_QUERIES, required=True) or ""
            return MercuryPoint(query, fields.text("item", required=True, longest=40) or "")
        return READERS[self._protocol](fields, quantity)

    def _modbus(self, fields: Fields, tag: str, quantity: Quantity) -> ModbusPoint:
        table = fields.choice("table", (*REGISTER_TABLES, *BIT_TABLES), required=True) or "holding"
        bit = fields.whole("bit", low=0, high=15)
        in_bits = table in BIT_TABLES
        kind = fields.choice("type", TYPES, "bit" if in_bits or bit is not None else None)
        if kind is None:
            if not fields.has("type"):
                fields.problem("type", "is missing", f"one of {', '.join(TYPES)}")
            kind = "uint16"
        if fields.flag("overlaps"):
            self.overlapping.add(tag)
        kind = self._check_type(fields, table, kind, bit, quantity)
        length = fields.whole("length", 1, low=1, high=LONGEST_STRING, required=kind == "string") or 1
        if kind != "string" and fields.has("length"):
            fields.problem("length", f"has no meaning for type {kind}", "type: string")
        order = fields.choice("word_order", [w.value for w in WordOrder], "big") or "big"
        registers = length if kind == "string" else 1
        where = ModbusPoint(
            table, self._address(fields), kind, WordOrder(order), bit, registers, self._sentinel(fields, kind),
            self._bytes_per_register(fields, kind),
        )
        if where.address + registers_of(where) > 65536:
            fields.problem("address", "the value ends behind the last address 65535", "an address with room for all of it")
        return where

    @staticmethod
    def _bytes_per_register(fields: Fields, kind: str) -> int:
        """2 as a rule; 1 where each register of a number holds one of its bytes."""
        count = fields.whole("bytes_per_register", 2, low=1, high=2) or 2
        if count == 1 and kind in {"bit", "bool", "string"}:
            fields.problem("bytes_per_register", f"has no meaning for type {kind}", "a number such as float32 or int32")
            return 2
        return count

    def _check_type(self, fields: Fields, table: str, kind: str, bit: int | None, quantity: Quantity) -> str:
        if table in BIT_TABLES:
            if kind not in {"bit", "bool"}:
                fields.problem("type", f"{kind} does not fit the table {table}", "bit, or the table holding or input")
            if bit is not None:
                fields.problem("bit", f"a {table} is a single bit", "no bit")
            return "bit"
        if bit is not None and kind not in {"bit", "bool", "int16", "uint16"}:
            fields.problem("bit", f"cannot be taken out of a {kind}", "type: bit")
        if kind == "bit" and bit is None:
            fields.problem("bit", "is missing: which bit of the register", "bit: 0 (lowest) to 15")
        if kind == "string" and quantity.kind is not Kind.TEXT:
            fields.problem("type", f"a string cannot be {quantity.value}", "quantity: text, or a type of number")
        return "bit" if bit is not None else kind

    def _address(self, fields: Fields) -> int:
        if self._sequential:
            if fields.has("address"):
                fields.problem("address", "the addresses follow from the order of the points", "no address (layout: sequential)")
            return 0
        base = self._address_base
        address = fields.whole("address", low=base, high=65535 + base, required=True)
        return 0 if address is None else address - base

    def _sentinel(self, fields: Fields, kind: str) -> tuple[int, ...]:
        value = fields.raw("sentinel")
        if value is None:
            return ()
        numbers = value if isinstance(value, list | tuple) else [value]
        bits = 16 * REGISTERS.get(kind, 0)
        found = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool)]
        if not bits or len(found) != len(numbers) or not all(-(1 << (bits - 1)) <= n < (1 << bits) for n in found):
            fields.problem("sentinel", f"is {shown(value)}", f"a raw whole number of {bits} bits, or a list of them")
            return ()
        return tuple(found)


def _whole(key: object) -> int | None:
    """A key of an enum: a whole number, as text too (a stored document has text keys)."""
    if isinstance(key, bool):
        return None
    if isinstance(key, int):
        return key
    if isinstance(key, str) and re.fullmatch(r"-?[0-9]{1,18}", key):
        return int(key)
    return None
