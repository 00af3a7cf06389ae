"""One Modbus read and how its bytes become values: compiled once, run each poll.

The decoder of a block is one precompiled struct. Fields in another word order than big-endian (or that overlap) are brought in
place by one byte permutation first, so all word orders cost the same. Scale and unit conversion are one multiplication.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter, mul
from typing import Final

from domain.profile import ModbusPoint, Point, WordOrder
from domain.quality import Quality
from domain.quantity import Kind, Quantity, canonical_factor

FUNCTION: Final[Mapping[str, int]] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_CODE: Final[Mapping[str, str]] = {
    "int16": "h", "uint16": "H", "bit": "H", "bool": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "float32": "f", "float64": "d",
}
_RAW_CODE: Final[Mapping[str, str]] = {"float32": "I", "float64": "Q"}
WIDTH: Final[Mapping[str, int]] = {"H": 1, "h": 1, "i": 2, "I": 2, "f": 2, "q": 4, "Q": 4, "d": 4}
GOOD: Final = int(Quality.GOOD)
NO_VALUE: Final = int(Quality.NO_VALUE)
DECODE_ERROR: Final = int(Quality.DECODE_ERROR)
REFUSED: Final = int(Quality.REFUSED)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One read on the wire: `count` registers (functions 3, 4) or bits (1, 2) from the 0-based `address`."""

    function: int
    address: int
    count: int

    @property
    def reply_bytes(self) -> int:
        """Data bytes that a complete reply carries."""
        return 2 * self.count if self.function >= 3 else (self.count + 7) // 8


@dataclass(frozen=True, slots=True)
class Located:
    """A point with its Modbus place (typed), the factor and offset to its canonical unit, and whether it is a text."""

    point: Point
    where: ModbusPoint
    factor: float
    offset: float

    @property
    def is_text(self) -> bool:
        return self.point.kind is Kind.TEXT or self.where.type == "string"

    @property
    def is_bits(self) -> bool:
        """Does it lie in a table of bits (coils, discrete inputs)?"""
        return self.where.table in {"coil", "discrete"}

    @property
    def start(self) -> int:
        return self.where.address

    @property
    def end(self) -> int:
        """First address behind it."""
        if self.is_bits:
            return self.where.address + 1
        if self.where.type == "string":
            return self.where.address + max(1, self.where.length)
        return self.where.address + self.size // self.where.bytes_per_register

    @property
    def size(self) -> int:
        """Bytes of its number."""
        return 2 * WIDTH[_CODE[self.where.type]]


_SECONDARY_CT = {Quantity.CURRENT}
_SECONDARY_VT = {Quantity.VOLTAGE}
_SECONDARY_BOTH = {
    Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER, Quantity.ENERGY_IMPORT, Quantity.ENERGY_EXPORT,
    Quantity.REACTIVE_ENERGY_IMPORT, Quantity.REACTIVE_ENERGY_EXPORT,
}


def locate(point: Point, where: ModbusPoint, ct_ratio: float, vt_ratio: float) -> Located:
    """Fold scale, offset, unit and, for secondary values, the transformer ratios into one factor and offset."""
    to_canonical = canonical_factor(point.quantity, point.unit)
    ratio = 1.0
    if point.secondary:
        if point.quantity in _SECONDARY_BOTH:
            ratio = ct_ratio * vt_ratio
        elif point.quantity in _SECONDARY_CT:
            ratio = ct_ratio
        elif point.quantity in _SECONDARY_VT:
            ratio = vt_ratio
    return Located(point, where, point.scale * to_canonical * ratio, point.offset * to_canonical * ratio)


def byte_order(order: WordOrder, size: int, bytes_per_register: int = 2) -> tuple[int, ...]:
    """Where in the wire's bytes the big-endian bytes of a number of `size` bytes lie."""
    words = range(0, size if bytes_per_register == 2 else 2 * size, 2)
    if order in {WordOrder.LITTLE, WordOrder.LITTLE_SWAPPED}:
        words = words[::-1]
    swapped = order in {WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED}
    if bytes_per_register == 1:  # the value's byte is the lower one of its register, or the upper one
        return tuple(word if swapped else word + 1 for word in words)
    return tuple(index for word in words for index in ((word + 1, word) if swapped else (word, word + 1)))


@dataclass(frozen=True, slots=True)
class _Step:
    """How one value point is made from the unpacked slots."""

    slot: int
    factor: float
    offset: float
    bit: int | None
    as_bool: bool
    sentinel_slot: int
    sentinels: frozenset[int]


class _Fields:
    """Collects the struct's fields of a block: each distinct field once, big-endian after permutation."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._slots: dict[tuple[int, str, WordOrder, int, int], int] = {}
        self._scattered = False  # does the number of some field lie in bytes that are no neighbours?
        self.codes: list[str] = []
        self.positions: list[int] = []

    def slot(self, address: int, code: str, order: WordOrder, size: int, bytes_per_register: int = 2) -> int:
        """Index of the field in the unpacked tuple; a new one is added at the end."""
        if size == 2 and order is WordOrder.LITTLE and bytes_per_register == 2:
            order = WordOrder.BIG  # one word has no word order; swapped bytes stay swapped
        key = (address, code, order, size, bytes_per_register)
        if key not in self._slots:
            self._slots[key] = len(self.codes)
            self.codes.append(code)
            first = 2 * (address - self._base)
            self.positions += [first + index for index in byte_order(order, size, bytes_per_register)]
            self._scattered |= bytes_per_register == 1
        return self._slots[key]

    def compile(self, total: int) -> tuple[struct.Struct, Callable[[bytes], tuple[int, ...]] | None]:
        """The struct over the block's bytes, and the permutation before it (None: the bytes lie right, gaps are padding)."""
        if not self._scattered and all(a < b for a, b in zip(self.positions, self.positions[1:], strict=False)):
            parts, at, taken = [], 0, 0
            for code in self.codes:
                size = struct.calcsize(">" + code)
                first = self.positions[taken]
                parts.append("x" * (first - at) + code)
                at, taken = first + size, taken + size
            return struct.Struct(">" + "".join(parts) + "x" * (total - at)), None
        return struct.Struct(">" + "".join(self.codes)), itemgetter(*self.positions)


class Block:
    """One read and its decoder. `start` is the index of its first value among the group's values.

    `refused_until`: monotonic seconds until which a refused single point is not asked again (0: not refused).
    """

    __slots__ = (
        "_bits", "_factors", "_good", "_offsets", "_permute", "_plain", "_raw_is_value", "_steps", "_struct", "_texts",
        "located", "names", "refused_until", "request", "start",
    )

    def __init__(self, located: Sequence[Located], start: int) -> None:
        self.located = tuple(located)
        self.start = start
        self.refused_until = 0.0
        table = located[0].where.table
        base, end = min(p.start for p in located), max(p.end for p in located)
        self.request = ReadRequest(FUNCTION[table], base, end - base)
        values = [p for p in located if not p.is_text]
        self.names = tuple(p.point.tag for p in values)
        self._good: tuple[int, ...] = (GOOD,) * len(values)
        self._bits = tuple(p.start - base for p in values) if located[0].is_bits else None
        self._factors = tuple(p.factor for p in values)
        self._offsets = tuple(p.offset for p in values) if any(p.offset for p in values) else None
        self._texts: tuple[tuple[Located, int], ...] = ()
        self._steps: tuple[_Step, ...] = ()
        self._plain = self._raw_is_value = False
        self._permute: Callable[[bytes], tuple[int, ...]] | None = None
        self._struct = struct.Struct("")
        if self._bits is None:
            self._compile(values, [p for p in located if p.is_text], base)

    def _compile(self, values: Sequence[Located], texts: Sequence[Located], base: int) -> None:
        fields = _Fields(base)
        steps = [self._step(fields, p) for p in values]
        slots = []
        for p in texts:
            size = 2 * (p.end - p.start)
            if p.where.type == "string":
                swapped = p.where.word_order in {WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED}
                order = WordOrder.BIG_SWAPPED if swapped else WordOrder.BIG
                slots.append((p, fields.slot(p.start, f"{size}s", order, size)))
            else:
                where = p.where
                slots.append((
                    p, fields.slot(p.start, _CODE[where.type], where.word_order, p.size, where.bytes_per_register)
                ))
        self._texts = tuple(slots)
        self._steps = tuple(steps)
        self._struct, self._permute = fields.compile(self.request.reply_bytes)
        self._plain = not texts and all(
            s.slot == i and s.bit is None and not s.as_bool and not s.sentinels for i, s in enumerate(steps)
        )
        self._raw_is_value = all(code in {"f", "d"} for code in fields.codes) and all(f == 1.0 for f in self._factors)

    @staticmethod
    def _step(fields: _Fields, p: Located) -> _Step:
        where = p.where
        code, size, packed = _CODE[where.type], p.size, where.bytes_per_register
        slot = fields.slot(where.address, code, where.word_order, size, packed)
        mask = (1 << (8 * size)) - 1
        sentinels = frozenset(s & mask for s in where.sentinel)
        sentinel_slot = slot
        if sentinels:  # compared as unsigned raw integers, so that floats and signed numbers need no special case
            raw = _RAW_CODE.get(where.type, code.upper())
            sentinel_slot = fields.slot(where.address, raw, where.word_order, size, packed)
        as_bool = where.type == "bool" and where.bit is None
        return _Step(slot, p.factor, p.offset, where.bit, as_bool, sentinel_slot, sentinels)

    def decode(self, data: bytes) -> tuple[Sequence[float | None], Sequence[int]]:
        """Values in canonical units and their qualities, in the order of `names`. `data`: request.reply_bytes bytes."""
        if self._bits is not None:
            return self._decode_bits(data)
        raw = self._struct.unpack(data if self._permute is None else bytes(self._permute(data)))
        if not self._plain:
            return self._decode_steps(raw)
        values: Sequence[float]
        if self._raw_is_value and self._offsets is None:
            values = raw
        elif self._offsets is None:
            values = list(map(mul, raw, self._factors))
        else:
            values = [r * f + o for r, f, o in zip(raw, self._factors, self._offsets, strict=True)]
        total = sum(values)
        if total - total == 0.0:  # neither NaN nor infinite anywhere
            return values, self._good
        return _without_nan(values)

    def _decode_bits(self, data: bytes) -> tuple[Sequence[float | None], Sequence[int]]:
        bits = self._bits or ()
        values = [float(data[i >> 3] >> (i & 7) & 1) for i in bits]
        return values, self._good

    def _decode_steps(self, raw: Sequence[float]) -> tuple[Sequence[float | None], Sequence[int]]:
        values: list[float | None] = []
        qualities: list[int] = []
        for step in self._steps:
            number = raw[step.slot]
            if step.sentinels and raw[step.sentinel_slot] in step.sentinels:
                values.append(None)
                qualities.append(NO_VALUE)
                continue
            if step.bit is not None:
                number = int(number) >> step.bit & 1
            elif step.as_bool:
                number = 1 if number else 0
            value = number * step.factor + step.offset
            good = math.isfinite(value)
            values.append(value if good else None)
            qualities.append(GOOD if good else NO_VALUE if value != value else DECODE_ERROR)  # noqa: PLR0124 (NaN)
        return values, qualities

    def texts(self, data: bytes) -> dict[str, str]:
        """Text points: strings cleaned of padding and control characters, numbers by their enum's label."""
        if not self._texts:
            return {}
        raw = self._struct.unpack(data if self._permute is None else bytes(self._permute(data)))
        return {p.point.tag: _text(p, raw[slot]) for p, slot in self._texts}

    @property
    def has_texts(self) -> bool:
        return bool(self._texts)

    def raw(self, data: bytes) -> dict[str, str]:
        """Words (bits: 0 or 1) per point as hex, for the electrician."""
        found = {}
        for p in self.located:
            at = p.start - self.request.address
            if p.is_bits:
                found[p.point.tag] = str(data[at >> 3] >> (at & 7) & 1)
            else:
                found[p.point.tag] = data[2 * at : 2 * (p.end - self.request.address)].hex(" ", 2).upper()
        return found

    def bad(self, quality: int) -> tuple[Sequence[float | None], Sequence[int]]:
        """All values bad for one reason."""
        return (None,) * len(self.names), (quality,) * len(self.names)


def _without_nan(values: Sequence[float]) -> tuple[Sequence[float | None], Sequence[int]]:
    """NaN is the device's word for "no value"; an infinite number makes no sense."""
    kept = [v if math.isfinite(v) else None for v in values]
    why = [GOOD if math.isfinite(v) else NO_VALUE if math.isnan(v) else DECODE_ERROR for v in values]
    return kept, why


def _text(p: Located, raw: object) -> str:
    if isinstance(raw, bytes):
        text = raw.split(b"\0", 1)[0].decode("utf-8", "replace")
        return "".join(c for c in text if c.isprintable()).strip()
    number = raw if isinstance(raw, int) else 0
    if p.where.bit is not None:
        number = number >> p.where.bit & 1
    if isinstance(raw, float):
        return f"{raw:g}"
    return p.point.enum.get(number, str(number))
