"""The cube of energy: what each machine used in each hour, shift, break and state. Sums only; ratios are made when asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Protocol

from domain.state import MachineState


class Dimension(Enum):
    """What the cube can be grouped by; the value is its name in the API."""

    MACHINE = "machine"
    SECTION = "section"
    STATE = "state"
    SHIFT = "shift"  # name of the shift, "" between shifts
    SHIFT_DAY = "shift_day"  # the day the shift began; between shifts the calendar day
    CREW = "crew"
    DAY = "day"  # calendar day of the site
    HOUR = "hour"  # of the site's wall clock, 0 to 23
    BREAK = "break"  # inside a planned break?


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch [from_us, to_us) that lies wholly in one hour, one shift (or between shifts) and in or out of a break."""

    from_us: int
    to_us: int
    day: date
    hour: int
    shift: str
    shift_day: date
    crew: str
    in_break: bool


@dataclass(frozen=True, slots=True)
class CubeCell:
    """One machine in one state within one slot. `energy_kwh` None: not known.

    `uncertain_kwh`: the part that lies in a gap of the counter or comes from integrated power, so that its split among cells is
    an estimate. `known_us`: time with energy and state known.
    """

    machine_id: str
    slot: Slot
    state: MachineState
    energy_kwh: float | None
    uncertain_kwh: float
    duration_us: int
    known_us: int


@dataclass(frozen=True, slots=True)
class CubeRow:
    """A group of cells: `key` holds a value for each dimension asked for."""

    key: Mapping[Dimension, str | int | bool | date]
    energy_kwh: float | None
    uncertain_kwh: float
    duration_us: int
    known_us: int

    @property
    def estimated_share(self) -> float:
        """0..1 of its energy."""
        return min(1.0, self.uncertain_kwh / self.energy_kwh) if self.energy_kwh else 0.0

    @property
    def completeness(self) -> float:
        """0..1 of its time."""
        return self.known_us / self.duration_us if self.duration_us else 0.0


@dataclass(frozen=True, slots=True)
class CubeAnswer:
    """`from_us`, `to_us`: the elapsed part of what was asked. `pending_us`: machine time that is still to be computed."""

    from_us: int
    to_us: int
    by: tuple[Dimension, ...]
    rows: Sequence[CubeRow]
    total: CubeRow
    pending_us: int = 0


@dataclass(frozen=True, slots=True)
class KeptDay:
    """What is stored of one machine on one day of the site: cells of [from_us, kept_us), made under `rule`."""

    machine_id: str
    day: date
    from_us: int
    to_us: int
    kept_us: int
    rule: str


@dataclass(frozen=True, slots=True)
class CubeFilter:
    """Which machines; empty means all. Times [from_us, to_us)."""

    from_us: int
    to_us: int
    machines: Sequence[str] = field(default_factory=tuple)


class CubeStore(Protocol):
    async def replace(self, kept: KeptDay, cells: Sequence[CubeCell], since_us: int | None = None) -> None:
        """Put `cells` in place of what is stored of that machine and day from `since_us` (its begin) on, in one transaction."""
        ...

    async def kept(self, from_us: int, to_us: int, machines: Sequence[str]) -> Sequence[KeptDay]:
        """Days of those machines that overlap the window, in order of time."""
        ...

    async def sums(self, where: CubeFilter, by: Sequence[Dimension]) -> Sequence[CubeRow]:
        """Sums over cells that begin in the window. SECTION is not stored: ask by MACHINE."""
        ...
