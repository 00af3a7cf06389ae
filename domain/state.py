"""States of a machine and the intervals it spends in them (ISO 14955-1 thinking, reduced to what a meter can tell)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class MachineState(Enum):
    OFF = "off"
    IDLE = "idle"
    PRODUCTION = "production"
    ALARM = "alarm"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class StateInterval:
    """Half-open [from_us, to_us); `to_us` None while it runs. `energy_kwh` from the counter (None until known)."""

    machine_id: str
    state: MachineState
    from_us: int
    to_us: int | None
    energy_kwh: float | None = None
    estimated_kwh: float = 0.0
    rule: str = ""  # id of the rule that made it (domain.state_rule); "" not known


@dataclass(frozen=True, slots=True)
class StateThresholds:
    """Borders of the states from active power.

    idle when P >= idle_above_kw, production when P >= production_above_kw for at least min_dwell_s; left again when P
    falls below the border minus `hysteresis_kw`. kW and s.
    """

    idle_above_kw: float
    production_above_kw: float
    min_dwell_s: float = 10.0
    hysteresis_kw: float | None = None  # None: 5 % of the border, at least 0.02 kW

    def hysteresis_of(self, border_kw: float) -> float:
        """Hysteresis of one border, kW."""
        return max(0.02, 0.05 * border_kw) if self.hysteresis_kw is None else self.hysteresis_kw
