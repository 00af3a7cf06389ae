"""Energy accounts: intervals of the calendar and what was used in them. kWh, from counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from domain.explain import Term
from domain.state import MachineState


@dataclass(frozen=True, slots=True)
class BreakWindow:
    """One concrete break of a shift, [from_us, to_us)."""

    name: str
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class ShiftWindow:
    """One concrete shift: UTC borders [from_us, to_us) and the site-local day it belongs to (the day it began)."""

    name: str
    day: date
    from_us: int
    to_us: int
    crew: str = ""
    breaks: tuple[BreakWindow, ...] = ()

    @property
    def planned_us(self) -> int:
        """Its length without breaks: planned busy time."""
        return self.to_us - self.from_us - sum(pause.to_us - pause.from_us for pause in self.breaks)


@dataclass(frozen=True, slots=True)
class EnergyAccount:
    """Energy of one machine in one interval. `estimated_kwh` is the part that lies in gaps or comes from integrated power.

    `source`: counter | integrated_power | none. `completeness` 0..1: share of the interval with good data.
    `running`: the interval is not over.
    """

    machine_id: str
    from_us: int
    to_us: int
    energy_kwh: float | None
    estimated_kwh: float
    completeness: float
    source: str
    running: bool = False
    by_state_kwh: Mapping[MachineState, float] = field(default_factory=dict)
    by_state_s: Mapping[MachineState, float] = field(default_factory=dict)
    label: str = ""  # name of the shift, the day or the hour


@dataclass(frozen=True, slots=True)
class Efficiency:
    """A КЭФ card with its value: what it is, what went in, how far to trust it. Source: docs/formulas.md, section 4.

    `value` None when the total is 0 or an input is unknown: `reason` names it ("kef.reason.no_parts"). `complete` False
    hatches it.
    """

    card: str  # "K1"
    version: int
    formula: str
    value: float | None
    numerator_kwh: float
    denominator_kwh: float
    completeness: float
    estimated_share: float
    complete: bool
    account: EnergyAccount | None = None
    reason: str | None = None
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class ShiftPrice:
    """What a kWh of a running shift costs, currency per kWh; None where some price is unknown.

    `so_far`: mean weighed by the energy that was used up to now; `ahead`: mean over the rest of the window; `whole`: mean over
    all of it.
    """

    so_far: float | None
    ahead: float | None
    whole: float | None


NO_SHIFT_PRICE = ShiftPrice(None, None, None)
