"""A report as finished figures: gathered once, drawn by every writer, so PDF, Excel and API cannot disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.alert import Alert
from domain.balance import BalanceReport
from domain.figures import Cost, Demand, PowerFactor
from domain.loop import LoopReport
from domain.report import ReportTemplate
from domain.state import MachineState
from reports.templates import BY_ID


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
class DayRow:
    """One day of the site: energy of the machines, kWh, and what the whole subject used and cost (`site_kwh`, `cost`)."""

    day: date
    energy_kwh: float | None
    production_kwh: float
    idle_kwh: float
    kef: float | None
    site_kwh: float | None
    cost: float | None
    completeness: float


@dataclass(frozen=True, slots=True)
class AreaRow:
    """A section of the plant as the sum of its machines."""

    name: str
    machines: int
    energy_kwh: float | None
    production_kwh: float
    idle_kwh: float
    kef: float | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One generated sentence: message key and the figures in it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report shows. Times UTC microseconds; `power_kw` are means of 15-minute intervals.

    `other_kwh`: main meter minus machines, None without a main meter. `max_half_hour`: (begin, kW)
    of the greatest window of `demand_min` minutes. `pending_s`: time of machines whose figures are still being computed;
    `meters`: names of the machines behind devices, `main_meter` the device of the site's feed. Of the parts that the
    template leaves out there is nothing.
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
    template: ReportTemplate = BY_ID["shift"]
    days: Sequence[DayRow] = ()
    money: Cost | None = None
    demand: Demand | None = None
    demand_min: int = 30
    factor: PowerFactor | None = None
    balance: BalanceReport | None = None
    loops: Sequence[LoopReport] = ()
    pending_s: float = 0.0
    meters: Mapping[str, str] = field(default_factory=dict)
    main_meter: str = ""
    idle_cost: float | None = None  # each minute at its own price, as the idle ledger has it: nights are cheaper than the mean

    @property
    def areas(self) -> list[AreaRow]:
        """Sections of the plant in the order of their first machine; machines without one stand under ""."""
        groups: dict[str, list[MachineRow]] = {}
        for row in self.machines:
            groups.setdefault(row.section, []).append(row)
        return [_area(name, rows) for name, rows in groups.items()]

    @property
    def mean_kw(self) -> float | None:
        """Mean of the known quarter hours, kW."""
        known = [kw for _, kw in self.power_kw if kw is not None]
        return sum(known) / len(known) if known else None


def _area(name: str, rows: Sequence[MachineRow]) -> AreaRow:
    known = [row.energy_kwh for row in rows if row.energy_kwh is not None]
    energy = sum(known) if known else None
    produced = sum(row.production_kwh for row in rows)
    costs = [row.cost for row in rows if row.cost is not None]
    return AreaRow(
        name, len(rows), energy, produced, sum(row.idle_kwh for row in rows), produced / energy if energy else None,
        sum(costs) if costs else None,
    )  # fmt: skip
