"""One piece of memory read at once, and how its bytes become values: compiled once, run each poll. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final

from data_collection.runs import smaller_runs
from data_collection.s7.texts import READERS, s5_time_ms
from data_collection.values import PointValue
from domain.places.s7 import Address, S7Place
from domain.quality import Quality

GOOD, NO_VALUE, DECODE_ERROR = int(Quality.GOOD), int(Quality.NO_VALUE), int(Quality.DECODE_ERROR)
ANSWER_BYTES: Final = 18  # of an answer beside its data
CODES: Final[Mapping[str, str]] = {
    "BOOL": "B", "BYTE": "B", "USINT": "B", "SINT": "b", "WORD": "H", "UINT": "H", "INT": "h", "DWORD": "I", "UDINT": "I",
    "DINT": "i", "REAL": "f", "LWORD": "Q", "ULINT": "Q", "LINT": "q", "LREAL": "d", "TIME": "i", "LTIME": "q", "S5TIME": "H",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Located:
    """A point with its place, taken apart, and the meaning of its value."""

    place: S7Place
    address: Address
    value: PointValue

    @property
    def tag(self) -> str:
        return self.value.point.tag

    @property
    def is_text(self) -> bool:
        """Does it travel as a text?"""
        return self.value.text

    @property
    def area(self) -> tuple[str, int]:
        """Area and number of the data block (0 for others)."""
        return self.address.area, self.address.db

    @property
    def start(self) -> int:
        return self.address.byte

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.address.byte + self.place.size


class Block:
    """Neighbouring points of one area. `first`: index of its first value among the group's.

    `refused_until`: monotonic seconds until which a refused single point is not asked again (0: not refused).
    """

    __slots__ = (
        "_factors", "_fields", "_good", "_offsets", "_plain", "_raw_is_value", "_struct", "area", "db", "located", "numbers",
        "refused_until", "size", "start", "texts",
    )

    def __init__(self, located: Sequence[Located]) -> None:
        self.located = tuple(located)
        self.area, self.db = located[0].area
        self.start = min(p.start for p in located)
        self.size = max(p.end for p in located) - self.start
        self.refused_until = 0.0
        self.numbers = tuple(p for p in located if not p.is_text)
        self.texts = tuple(p for p in located if p.is_text)
        self._good = (GOOD,) * len(self.numbers)
        self._factors = tuple(p.value.factor for p in self.numbers)
        self._offsets = any(p.value.offset for p in self.numbers)
        self._fields = tuple(struct.Struct(">" + CODES[p.place.type]) for p in self.numbers)
        self._struct = self._whole()
        self._raw_is_value = all(CODES[p.place.type] in "fd" and p.value.factor == 1.0 for p in self.numbers)
        self._plain = self._struct is not None and all(p.place.type not in {"BOOL", "S5TIME"} for p in self.numbers)

    def _whole(self) -> struct.Struct | None:
        """One layout over all numbers; None where some lie over others (bits of one byte)."""
        parts, at = [], self.start
        for p in self.numbers:
            if p.start < at:
                return None
            parts.append("x" * (p.start - at) + CODES[p.place.type])
            at = p.end
        return struct.Struct(">" + "".join(parts) + "x" * (self.start + self.size - at))

    @property
    def shown(self) -> str:
        """For people: what was asked."""
        last = self.start + self.size - 1
        where = f"DB{self.db}" if self.area == "DB" else self.area
        return f"{where} bytes {self.start} to {last}"

    def decode(self, data: bytes) -> tuple[Sequence[float | None], Sequence[int]]:
        """Values in canonical units and qualities, in the order of `numbers`. `data`: `size` bytes."""
        if self._plain and self._struct is not None and not self._offsets:
            raw = self._struct.unpack(data)
            values: Sequence[float] = raw if self._raw_is_value else list(map(mul, raw, self._factors))
            total = sum(values)
            if total - total == 0.0:  # neither NaN nor infinite anywhere
                return values, self._good
            kept = [value if math.isfinite(value) else None for value in values]
            return kept, [GOOD if value is not None else NO_VALUE for value in kept]
        found = [p.value.number(self._raw(p, field, data)) for p, field in zip(self.numbers, self._fields, strict=True)]
        return [value for value, _ in found], [int(quality) for _, quality in found]

    def _raw(self, p: Located, field: struct.Struct, data: bytes) -> float:
        number: float = field.unpack_from(data, p.start - self.start)[0]
        if p.place.type == "BOOL":
            return int(number) >> (p.address.bit or 0) & 1
        return s5_time_ms(int(number)) if p.place.type == "S5TIME" else number

    def decode_texts(self, data: bytes) -> Mapping[str, str | None]:
        """Texts by tag; None where the bytes are none. A number in a text point is the word of its enum."""
        found: dict[str, str | None] = {}
        for p in self.texts:
            own = data[p.start - self.start : p.end - self.start]
            reader = READERS.get(p.place.type)
            if reader is not None:
                text = reader(own, p.place.encoding)
                found[p.tag] = None if text is None else p.value.words(text.split("\0", 1)[0].strip())
            else:
                number = self._raw(p, struct.Struct(">" + CODES[p.place.type]), data)
                found[p.tag] = p.value.words(number)
        return found

    def raw(self, data: bytes) -> Mapping[str, str]:
        """Bytes of each point as hex, for the electrician."""
        return {p.tag: data[p.start - self.start : p.end - self.start].hex(" ").upper() for p in self.located}

    def bad(self, quality: int) -> tuple[Sequence[float | None], Sequence[int]]:
        """All values bad for one reason."""
        return (None,) * len(self.numbers), (quality,) * len(self.numbers)


def merged(located: Sequence[Located], most: int, max_gap: int) -> list[Block]:
    """Points in as few blocks as a read of `most` bytes allows; gaps of up to `max_gap` bytes are read along."""
    blocks: list[Block] = []
    run: list[Located] = []
    end = 0
    for p in sorted(located, key=lambda p: (p.area, p.start, p.address.bit or 0, p.end)):
        fits = bool(run) and run[0].area == p.area and p.start - end <= max_gap and max(end, p.end) - run[0].start <= most
        if not fits:
            if run:
                blocks.append(Block(run))
            run, end = [], p.start
        run.append(p)
        end = max(end, p.end)
    if run:
        blocks.append(Block(run))
    return blocks


def split(block: Block) -> list[Block]:
    """Smaller blocks for the same points in the same order; empty where it is one piece."""
    return [Block(run) for run in smaller_runs(block.located)]


def packets(blocks: Sequence[Block], pdu: int) -> list[list[Block]]:
    """Blocks that fit into one question and one answer of the negotiated PDU (bytes), at most 20 each.

    A question takes 12 bytes and 12 an item; an answer 14, and 4 and its bytes (an even number) an item.
    """
    found: list[list[Block]] = []
    answer = 0
    for block in blocks:
        size = 4 + block.size + block.size % 2
        last = found[-1] if found else None
        if last is not None and len(last) < 20 and answer + size <= pdu and 12 + 12 * (len(last) + 1) <= pdu:
            last.append(block)
            answer += size
        else:
            found.append([block])
            answer = 14 + size
    return found
