"""A device profile: which points a device type has and where they lie. A device is data, not code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from domain.places import Place
from domain.quantity import Kind, Quantity, canonical_unit

REGISTER_TABLES: Final = ("holding", "input")
BIT_TABLES: Final = ("coil", "discrete")
REGISTERS: Final[Mapping[str, int]] = {  # 16-bit registers of each type
    "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "int64": 4, "uint64": 4, "float32": 2, "float64": 4, "bit": 1, "bool": 1,
}
TYPES: Final = (*REGISTERS, "string")
MERCURY_QUERIES: Final = (
    "instant", "energy", "energy_phase", "ratios", "serial", "firmware", "variant", "clock", "status", "quadrants",
)


class Group(Enum):
    """How often a point is read: fast each scan, slow each minute (energy), daily (serial number, ratios, firmware)."""

    FAST = "fast"
    SLOW = "slow"
    DAILY = "daily"


class WordOrder(Enum):
    """Order of bytes of a 32-bit value ABCD on the wire."""

    BIG = "big"  # ABCD, high word first
    LITTLE = "little"  # CDAB, low word first
    BIG_SWAPPED = "big-swapped"  # BADC
    LITTLE_SWAPPED = "little-swapped"  # DCBA


@dataclass(frozen=True, slots=True)
class ModbusPoint:
    """Where a Modbus point lies. `address` is the 0-based wire address; `length` registers of a string.

    `bytes_per_register` 1: each register holds one byte of the value, in its lower half (in its upper half where `word_order`
    swaps); with order big the first register has the highest byte.
    """

    table: str  # holding | input | coil | discrete
    address: int
    type: str  # int16 uint16 int32 uint32 int64 uint64 float32 float64 bit bool string
    word_order: WordOrder = WordOrder.BIG
    bit: int | None = None
    length: int = 1
    sentinel: tuple[int, ...] = ()  # raw integers (float: NaN is always "no value") that mean "no value"
    bytes_per_register: int = 2


@dataclass(frozen=True, slots=True)
class MercuryPoint:
    """Which native Mercury query yields the point; `item` names the value inside the reply, e.g. p_sum, u_l1, a_plus_t1."""

    query: str  # instant | energy | energy_phase | ratios | serial | firmware | variant | clock | status
    item: str


@dataclass(frozen=True, slots=True)
class OtherPoint:
    """Where a point lies that no protocol's own place describes (domain.places): free fields."""

    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a profile. value = (raw * scale + offset) in `unit`, then converted to the canonical unit.

    `plausible` is in the wire unit, both ends included. `wrap_at`: the value (canonical unit) at which a counter starts
    again from 0. `max_rate`: largest believable change per second (canonical unit), None when unknown.
    """

    tag: str
    quantity: Quantity
    unit: str
    where: ModbusPoint | MercuryPoint | OtherPoint | Place
    scale: float = 1.0
    offset: float = 0.0
    plausible: tuple[float, float] | None = None
    group: Group = Group.FAST
    enum: Mapping[int, str] = field(default_factory=dict)
    secondary: bool = False  # to be multiplied by the transformer ratios
    wrap_at: float | None = None
    max_rate: float | None = None
    spike: bool = False  # Hampel filter on
    frozen_after_s: float | None = None
    confidence: str | None = None  # H | M | L where it differs from the profile's, e.g. an address nobody could verify

    @property
    def canonical_unit(self) -> str:
        return canonical_unit(self.quantity, self.unit)

    @property
    def kind(self) -> Kind:
        return self.quantity.kind


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a device type tolerates on the wire."""

    max_registers: int = 125
    max_bits: int = 2000
    max_gap: int = 16
    pause_between_reads_s: float = 0.0
    connect_delay_s: float = 0.0
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A validated device profile. `protocol`: modbus | mercury | opcua | s7 | lsv2 | mqtt | tcp-frames | mtconnect."""

    name: str
    title: Mapping[str, str]  # ru, en
    vendor: str
    protocol: str
    source: str  # the document every number comes from
    confidence: str  # H | M | L
    points: tuple[Point, ...]
    quirks: Quirks = Quirks()
    parameters: Mapping[str, object] = field(default_factory=dict)  # what a device may override, with defaults
    notes: Mapping[str, str] = field(default_factory=dict)

    def point(self, tag: str) -> Point:
        """The point of that tag. Raises KeyError."""
        for point in self.points:
            if point.tag == tag:
                return point
        raise KeyError(tag)
