"""Where everything lies in the register map, and how it is written. Pure. docs/feeds.md shows the same to people.

Registers are 16 bits, addresses count from 0, the high byte and the high word come first. Areas have room for a fixed number of
blocks, so that growth moves nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.plant import Tag
from domain.quantity import Quantity
from domain.served import Block, Register
from domain.state import MachineState

MAGIC: Final = b"EMON"
MAP_VERSION: Final = 1

MACHINE, TAG = "machine", "tag"
NOT_READ: Final = 254  # quality word: nothing was read since the program started
REMOVED: Final = 255  # quality word: no longer in the plant; its block is never given to another
NO_INT32: Final = -(2**31)  # there is no value, or it does not fit
NO_INT64: Final = -(2**63)
NEVER_S: Final = 0xFFFF  # age: no value yet
NO_MACHINE: Final = 0xFFFF

STATE_CODES: Final[Mapping[MachineState, int]] = {
    MachineState.NO_DATA: 0, MachineState.OFF: 1, MachineState.IDLE: 2, MachineState.PRODUCTION: 3, MachineState.ALARM: 4,
}  # fmt: skip

DECIMALS: Final[Mapping[Quantity, int]] = {
    Quantity.ACTIVE_POWER: 3, Quantity.REACTIVE_POWER: 3, Quantity.APPARENT_POWER: 3, Quantity.VOLTAGE: 2, Quantity.CURRENT: 3,
    Quantity.FREQUENCY: 3, Quantity.POWER_FACTOR: 4, Quantity.PHASE_ANGLE: 2, Quantity.THD: 2, Quantity.ENERGY_IMPORT: 2,
    Quantity.ENERGY_EXPORT: 2, Quantity.REACTIVE_ENERGY_IMPORT: 2, Quantity.REACTIVE_ENERGY_EXPORT: 2, Quantity.TEMPERATURE: 2,
    Quantity.COUNT: 0, Quantity.STATE: 0, Quantity.SPEED: 1, Quantity.FEED_RATE: 1, Quantity.LOAD: 2, Quantity.DURATION: 0,
    Quantity.PRESSURE: 3, Quantity.FLOW: 3, Quantity.RATIO: 4, Quantity.OTHER: 3,
}  # fmt: skip
"""Of the scaled integer: 3 decimals of kW are whole watts. Part of the map's version: they never change within it."""


@dataclass(frozen=True, slots=True)
class Field:
    """Part of a block: `offset` in registers from its begin, `count` registers."""

    name: str
    offset: int
    count: int
    type: str
    unit: str = ""
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Area:
    """`room` blocks of `size` registers each, from `start`."""

    name: str
    start: int
    size: int
    room: int
    fields: Sequence[Field]

    def address(self, number: int) -> int:
        """First register of a block."""
        return self.start + self.size * number

    def span(self, count: int) -> tuple[int, int]:
        """[first, end) of the blocks that were given."""
        return self.start, self.start + self.size * count


HEADER: Final = Area("header", 0, 100, 1, (
    Field("magic", 0, 2, "text"), Field("map_version", 2, 1, "uint16"), Field("header_size", 3, 1, "uint16"),
    Field("machine_count", 4, 1, "uint16"), Field("tag_count", 5, 1, "uint16"),
    Field("machine_start", 6, 1, "uint16"), Field("machine_size", 7, 1, "uint16"),
    Field("tag_start", 8, 1, "uint16"), Field("tag_size", 9, 1, "uint16"),
    Field("machine_directory_start", 10, 1, "uint16"), Field("machine_directory_size", 11, 1, "uint16"),
    Field("tag_directory_start", 12, 1, "uint16"), Field("tag_directory_size", 13, 1, "uint16"),
    Field("alive", 14, 1, "uint16"), Field("directory_changes", 15, 1, "uint16"),
    Field("time_ms", 16, 4, "uint64", "ms"), Field("time_s", 20, 2, "uint32", "s"), Field("left_out", 22, 1, "uint16"),
    Field("product_version", 24, 16, "text"), Field("site", 40, 32, "text"),
))  # fmt: skip
MACHINES: Final = Area("machine", 1000, 20, 200, (
    Field("state", 0, 1, "uint16"), Field("quality", 1, 1, "uint16"),
    Field("active_power", 2, 2, "float32", "kW"), Field("active_power_int", 4, 2, "int32", "kW", 3),
    Field("shift_energy", 6, 2, "float32", "kWh"), Field("shift_energy_int", 8, 2, "int32", "kWh", 2),
    Field("energy_counter", 10, 2, "float32", "kWh"), Field("energy_counter_int", 12, 4, "int64", "kWh", 3),
    Field("age", 16, 1, "uint16", "s"), Field("state_since", 18, 2, "uint32", "s"),
))  # fmt: skip
TAGS: Final = Area("tag", 5000, 8, 1500, (
    Field("value", 0, 2, "float32"), Field("value_int", 2, 2, "int32"), Field("quality", 4, 1, "uint16"),
    Field("age", 5, 1, "uint16", "s"), Field("decimals", 6, 1, "int16"),
))  # fmt: skip
MACHINE_DIRECTORY: Final = Area("machine_directory", 20000, 40, 200, (Field("id", 0, 16, "text"), Field("name", 16, 24, "text")))
TAG_DIRECTORY: Final = Area("tag_directory", 28000, 24, 1500, (
    Field("name", 0, 20, "text"), Field("unit", 20, 3, "text"), Field("machine", 23, 1, "uint16"),
))  # fmt: skip

MACHINE_BLOCK: Final = struct.Struct(">HHfififqHHI")
TAG_BLOCK: Final = struct.Struct(">fiHHhH")
TAG_AGE_AT: Final = 5 * 2  # bytes from the begin of a tag's block
MACHINE_AGE_AT: Final = 16 * 2


def rooms(kind: str) -> int:
    """How many blocks of a kind the map holds."""
    return MACHINES.room if kind == MACHINE else TAGS.room


def assign(given: Sequence[Block], machines: Sequence[str], tags: Sequence[str]) -> tuple[list[Block], int]:
    """(new blocks, how many found no room) for what is in the plant: those given stay, new ones follow the last of their kind."""
    new: list[Block] = []
    left_out = 0
    for kind, names in ((MACHINE, machines), (TAG, tags)):
        known = {block.name for block in given if block.kind == kind}
        number = max((block.number + 1 for block in given if block.kind == kind), default=0)
        for name in names:
            if name in known:
                continue
            if number >= rooms(kind):
                left_out += 1
                continue
            new.append(Block(kind, number, name))
            number += 1
    return new, left_out


def float32(value: float | None) -> float:
    """What a 32-bit float can hold: NaN for no value, infinity beyond its range."""
    if value is None or math.isnan(value):
        return math.nan
    return value if abs(value) < 3.4028235e38 else math.copysign(math.inf, value)


def scaled(value: float | None, decimals: int, bits: int = 32) -> int:
    """`value` times 10 ** decimals, rounded; the smallest integer when there is none or it does not fit."""
    most: int = (1 << (bits - 1)) - 1
    none = -most - 1
    if value is None or math.isnan(value) or abs(value) > most:
        return none
    whole = round(value * 10**decimals)
    return whole if -most <= whole <= most else none


def age_s(time_us: int | None, now_us: int) -> int:
    """Whole seconds, at most 65534; 65535 without a value. A time ahead of the clock is no age."""
    return NEVER_S if time_us is None else max(0, min(NEVER_S - 1, (now_us - time_us) // 1_000_000))


def text(words: str, registers: int) -> bytes:
    """UTF-8 in so many registers, cut between characters, filled with zeros."""
    room = registers * 2
    return words.encode()[:room].decode(errors="ignore").encode().ljust(room, b"\0")


def decimals_of(tag: Tag | None) -> int:
    """Of a tag's scaled integer."""
    return 0 if tag is None else DECIMALS.get(tag.quantity, 3)


def describe(blocks: Sequence[Block], tags: Mapping[str, Tag]) -> Iterator[Register]:
    """Every entry of the map, in the order of addresses. `tags`: those of the plant by name."""
    yield from _entries(HEADER, 0, "", None)
    for area, kind in ((MACHINES, MACHINE), (TAGS, TAG), (MACHINE_DIRECTORY, MACHINE), (TAG_DIRECTORY, TAG)):
        for block in sorted((b for b in blocks if b.kind == kind), key=lambda b: b.number):
            yield from _entries(area, block.number, block.name, tags.get(block.name) if area is TAGS else None)


def _entries(area: Area, number: int, subject: str, tag: Tag | None) -> Iterator[Register]:
    begin = area.address(number)
    for one in area.fields:
        unit, decimals = one.unit, one.decimals
        if area is TAGS and one.name in {"value", "value_int"} and tag is not None:
            unit, decimals = tag.unit, decimals_of(tag) if one.name == "value_int" else 0
        yield Register(begin + one.offset, one.count, one.type, area.name, subject, one.name, unit, decimals)
