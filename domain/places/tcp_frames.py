"""Where a point lies in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.places import Place

SIZES: Final = {
    "bit": 1, "toggles": 1, "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8,
    "uint64": 8, "float32": 4, "float64": 8,
}  # fmt: skip
TYPES: Final = (*SIZES, "text", "number")


@dataclass(frozen=True, slots=True)
class FramePlace(Place):
    """`byte`: the first one, counted from 0. `type`: one of TYPES; `text` and `number` (digits) take `length` bytes.

    `bit`: 0 (lowest) to 7 of a `bit`; `toggles` counts how often that bit changed since the connection stands. `byte_order`: big
    or little. `field` instead of `byte`: the n-th value, from 1, of a text whose values are parted by the line's `separator`.
    """

    byte: int | None = None
    type: str = "uint8"
    bit: int | None = None
    length: int | None = None
    byte_order: str = "big"
    field: int | None = None

    @property
    def size(self) -> int:
        """Bytes it takes; 0 for a field of a parted text."""
        return 0 if self.field is not None else SIZES.get(self.type, self.length or 1)

    @property
    def shown(self) -> str:
        if self.field is not None:
            return f"field {self.field}"
        bit = "" if self.bit is None else f".{self.bit}"
        return f"byte {self.byte}{bit} {self.type}"
