"""Where a point of a Heidenhain control (LSV2) lies: in the answer to a question, or in its PLC memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.places import Place

ITEMS: Final[Mapping[str, tuple[str, ...]]] = {
    "program_status": ("",),
    "execution_state": ("",),
    "program_stack": ("main", "current", "line"),
    "overrides": ("feed", "spindle", "rapid"),
    "alarms": ("active", "count", "number", "class", "group", "text", "texts"),
    "axes": (),
    "tool": ("number", "index", "axis", "length", "radius"),
    "version": ("control", "nc_software", "plc_software", "options"),
    "nc_time": ("",),
    "machine_time": ("",),
    "program_time": ("",),
    "spindle_time": ("",),
    "spindle_2_time": ("",),
}
"""Queries with the items of their answers; ("",) where it is one number, () where the control decides (names of axes)."""

TEXTS: Final = frozenset({
    ("program_stack", "main"), ("program_stack", "current"), ("alarms", "text"), ("alarms", "texts"), ("tool", "axis"),
    ("version", "control"), ("version", "nc_software"), ("version", "plc_software"), ("version", "options"),
})  # fmt: skip
"""(query, item) of those that are texts."""

MEMORY_BYTES: Final[Mapping[str, int]] = {
    "marker": 1, "input": 1, "output": 1, "counter": 1, "timer": 1, "byte": 1, "word": 2, "dword": 4,
}  # fmt: skip
"""Kinds of PLC memory with the bytes one value takes."""


@dataclass(frozen=True, slots=True)
class Lsv2Place(Place):
    """Either `query` and, where its answer has several, `item`; or a kind of PLC `memory` and the `address` there.

    `address`: as the PLC program numbers it; of words and double words that of their first byte (W1090, D1080).
    """

    query: str = ""
    item: str = ""
    memory: str = ""
    address: int | None = None

    @property
    def shown(self) -> str:
        if not self.memory:
            return f"{self.query} {self.item}".strip()
        return f"{self.memory} {self.address}"
