"""The shift report as finished figures: gathered once, drawn by every writer, so PDF, Excel and API cannot disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.alert import Alert
from domain.state import MachineState

TEMPLATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine in the shift. Seconds by state, kWh, money in the site's currency; None where nothing is known."""

    machine_id: str
    name: str
    section: str
    seconds: Mapping[MachineState, float]
    energy_kwh: float | None
    idle_kwh: float
    production_kwh: float
    kef: float | None
    cost: float | None
    completeness: float
    estimated_kwh: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One generated sentence: message key and the figures in it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """Everything the shift report shows. Times UTC microseconds; `power_kw` are means of 15-minute intervals.

    `other_kwh`: main meter minus machines, None without a main meter. `max_half_hour`: (begin, kW).
    """

    site: str
    timezone: str
    currency: str
    number: str
    shift: str
    day: date
    from_us: int
    to_us: int
    issued_us: int
    running: bool
    machines: Sequence[MachineRow]
    total_kwh: float | None
    machines_kwh: float
    other_kwh: float | None
    idle_kwh: float
    kef: float | None
    kef_target: float | None
    plan_kwh: float | None
    contract_kw: float | None
    tariff_per_kwh: float | None
    cost: float | None
    power_kw: Sequence[tuple[int, float | None]]
    max_half_hour: tuple[int, float] | None
    tg_phi: float | None
    alerts: Sequence[Alert]
    findings: Sequence[Finding]
    completeness: float
    estimated_kwh: float
    books_balanced: bool

    @property
    def mean_kw(self) -> float | None:
        """Mean of the known quarter hours, kW."""
        known = [kw for _, kw in self.power_kw if kw is not None]
        return sum(known) / len(known) if known else None
