"""Energy figures and money as results: what pages, API and reports show. kWh, kW, kvarh, kvar, h; money in the site's currency.

Every figure tells how complete its data were (`completeness` 0..1, share of the elapsed time) and how much of the energy was
estimated (`estimated_share` 0..1). None is unknown, never 0. `subject`: a machine id, a section's name or "site".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.tariff import Standby

SITE = "site"


@dataclass(frozen=True, slots=True)
class ZoneCost:
    """Energy and money of one zone of the day; `price_per_kwh` None where it varied (hourly prices)."""

    zone: str
    energy_kwh: float
    cost: float | None
    hours: float
    price_per_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class PowerCharge:
    """`kind` capacity | network; `power_kw` the mean that is paid for, over `hours_known` hours (capacity) or days (network)."""

    kind: str
    power_kw: float | None
    per_kw_month: float
    cost: float | None
    hours_known: int


@dataclass(frozen=True, slots=True)
class Trust:
    """How far to trust a figure."""

    completeness: float
    estimated_share: float
    running: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a subject's energy of [from_us, to_us) costs. `unpriced_kwh`: energy whose price is not known."""

    subject: str
    from_us: int
    to_us: int
    energy_kwh: float | None
    cost: float | None
    unpriced_kwh: float
    zones: tuple[ZoneCost, ...]
    trust: Trust
    power: tuple[PowerCharge, ...] = ()
    co2_kg: float | None = None
    co2_source: str = ""
    fuel_t: float | None = None
    fuel_source: str = ""


@dataclass(frozen=True, slots=True)
class TariffTrial:
    """What a draft of a tariff would make of this month's energy, [from_us, to_us), as if it held all the time; in currency.

    `zone`, `price_per_kwh`: of this hour by the draft, `running_price_per_kwh` by what runs; `cost` and `zones` by the draft,
    `running_cost` by what runs. Without payments for power. `unpriced_kwh`: energy that the draft has no price for.
    """

    from_us: int
    to_us: int
    energy_kwh: float | None
    zone: str
    price_per_kwh: float | None
    running_price_per_kwh: float | None
    cost: float | None
    running_cost: float | None
    unpriced_kwh: float
    zones: tuple[ZoneCost, ...]


@dataclass(frozen=True, slots=True)
class CostHour:
    """Energy and money of one hour [time_us, + 1 h) or the part of it that lies in the window."""

    time_us: int
    energy_kwh: float | None
    cost: float | None
    zone: str


@dataclass(frozen=True, slots=True)
class LoadCurve:
    """Coefficients of the load curve, docs/formulas.md: powers kW, ratios 1, `t_max_h` h. None where an input is unknown."""

    subject: str
    from_us: int
    to_us: int
    energy_kwh: float | None
    rated_kw: float | None
    mean_kw: float | None
    mean_on_kw: float | None
    max_kw: float | None  # greatest mean of a half hour
    rms_kw: float | None
    use: float | None  # K_i = P_avg / P_nom
    load: float | None  # K_z = P_avg,on / P_nom
    demand: float | None  # K_s = P_max(30 min) / P_nom
    maximum: float | None  # K_m = P_max / P_avg
    form: float | None  # K_f = P_rms / P_avg
    load_factor: float | None  # P_avg / P_max
    t_max_h: float | None  # W / P_max
    utilisation: float | None  # share of the known time in production
    trust: Trust = Trust(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class DemandWindow:
    """Mean power of one window [from_us, to_us); `complete` False: some of it was not measured."""

    from_us: int
    to_us: int
    demand_kw: float | None
    complete: bool
    running: bool = False


@dataclass(frozen=True, slots=True)
class Peak:
    """A high window and the machines that made it, the largest first: (machine id, kW)."""

    window: DemandWindow
    machines: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class RunningDemand:
    """The window that runs: so far, now, and where it ends if power stays. kWh, kW, s."""

    from_us: int
    to_us: int
    so_far_kwh: float
    now_kw: float | None
    projection_kw: float | None
    contract_kw: float | None


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand of the site in a period against its contract."""

    from_us: int
    to_us: int
    window_min: int
    contract_kw: float | None
    source: str  # main_meter | sum_of_machines
    windows: Sequence[DemandWindow]
    peaks: Sequence[Peak]
    over_contract: int
    trust: Trust
    running: RunningDemand | None = None


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """tg φ and cos φ of a subject over a period and its windows of high load. kWh, kvarh, kvar.

    `required_kvar`: capacitors that bring tg φ of the high-load hours to the limit; 0 when it is kept.
    """

    subject: str
    from_us: int
    to_us: int
    active_kwh: float | None
    reactive_kvarh: float | None
    tg_phi: float | None
    cos_phi: float | None
    high_tg_phi: float | None
    tg_limit: float | None
    required_kvar: float | None
    surcharge: float | None
    source: str  # counter | integrated_power | none
    windows: Sequence[tuple[int, float | None]]  # (begin, tg φ) of each demand window
    trust: Trust


@dataclass(frozen=True, slots=True)
class IdleEntry:
    """A stretch of idling of one machine for one reason; `note`: the reason a person gave."""

    machine_id: str
    from_us: int
    to_us: int
    reason: str
    shift: str
    day: date
    energy_kwh: float | None
    estimated_kwh: float
    cost: float | None = None
    note: str = ""
    noted_by: str = ""
    running: bool = False

    @property
    def seconds(self) -> float:
        return (self.to_us - self.from_us) / 1e6


@dataclass(frozen=True, slots=True)
class IdleSum:
    """Idling of a machine, shift and reason."""

    machine_id: str
    shift: str
    reason: str
    hours: float
    energy_kwh: float
    cost: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Waster:
    """The machine that wasted most in a period, why and what it cost."""

    machine_id: str
    entry: IdleEntry  # its most expensive stretch
    hours: float
    energy_kwh: float
    cost: float | None
    share: float  # of all that was wasted
    reasons: Mapping[str, float]  # kWh


@dataclass(frozen=True, slots=True)
class IdleLedger:
    """All idling of a period. `left_on`: machines that idle after their shift now, with what an hour costs."""

    from_us: int
    to_us: int
    sums: Sequence[IdleSum]
    entries: Sequence[IdleEntry]
    worst: Waster | None
    hours: float
    energy_kwh: float
    cost: float | None
    trust: Trust
    rule_version: int = 1


@dataclass(frozen=True, slots=True)
class LeftOn:
    """A machine that idles outside its shifts now. `cost_per_hour` None without a price."""

    machine_id: str
    since_us: int
    reason: str
    power_kw: float | None
    cost_per_hour: float | None
    energy_kwh: float | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class StandbyAdvice:
    """Switch off or keep? docs/formulas.md: t_be = E_warm / (P_idle − P_off).

    `advice`: switch_off | keep | unknown (facts or history are missing); `expected_pause_min`: median of what such a pause had
    left. `saving_kwh`: by switching off now, if the pause lasts as expected.
    """

    machine_id: str
    facts: Standby
    learned: frozenset[str]  # names of facts that come from history
    break_even_min: float | None
    idle_since_us: int | None
    expected_pause_min: float | None
    pauses_known: int
    advice: str
    saving_kwh: float | None = None
    saving: float | None = None
