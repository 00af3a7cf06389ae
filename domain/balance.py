"""Balance of meters: a feeding meter against those behind it, a counter against the integral of power, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Protocol


class FaultKind(Enum):
    """What the doctor can name. Texts: balance.fault.<value> and balance.fix.<value> of the catalogues."""

    WRONG_RATIO = "wrong_ratio"  # constant factor: transformer ratio
    UNIT = "unit"  # factor of a power of ten, 60 or 3600: unit or scale of the point
    REVERSED_PHASE = "reversed_phase"  # a current transformer the wrong way round
    SWAPPED_PHASES = "swapped_phases"  # currents and voltages of different phases belong to each other
    STUCK_COUNTER = "stuck_counter"
    CLOCK_OFFSET = "clock_offset"
    MISSING_LOAD = "missing_load"  # something draws through the feeding meter and has no meter of its own
    POWER_COUNTER = "power_counter"  # power and counter disagree, and no constant factor explains it
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Metering:
    """Where a meter lies among the others, and how exact it is (%; None: not given). See the plant file's devices.

    `calibration_due`: the day up to which its verification is valid.
    """

    fed_by: str | None = None
    feeds: str | None = None
    meter_class: float | None = None
    ct_class: float | None = None
    calibration_due: date | None = None


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """What the balance needs to know of a meter. Classes in %: of the meter, of its current transformers (0: direct).

    `fed_by`: the meter it lies behind; `feeds`: it generates onto the bus behind that meter. `digit_kwh`: last digit.
    """

    device_id: str
    fed_by: str | None = None
    feeds: str | None = None
    meter_class: float = 1.0
    ct_class: float = 0.5
    ct_ratio: float | None = None
    digit_kwh: float = 0.01

    @property
    def error_share(self) -> float:
        """Limit of error as a share: sqrt(class^2 + CT^2). Source: docs/formulas.md, uncertainty."""
        return float((self.meter_class**2 + self.ct_class**2) ** 0.5) / 100.0


@dataclass(frozen=True, slots=True)
class BalanceFinding:
    """A likely fault of one meter, or of the balance behind it. `confidence` 0..1.

    `figures` is the evidence: factor, explained (share of the disagreement that goes away), lag_s, lost_kwh, mean_kw ...
    `words`: phases, machine, pattern. `since_us`: first run in a row that found it.
    """

    id: int  # 0 until stored
    kind: FaultKind
    device_id: str
    confidence: float
    from_us: int
    to_us: int
    figures: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    rule_version: int = 1
    found_us: int = 0
    since_us: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The same fault of the same meter, run after run."""
        return self.kind.value, self.device_id


@dataclass(frozen=True, slots=True)
class NodeInterval:
    """One interval of a node, kWh; None where a meter is unknown."""

    from_us: int
    main_kwh: float | None
    sum_kwh: float | None


@dataclass(frozen=True, slots=True)
class NodeBalance:
    """A feeding meter against the sum behind it, over the intervals in which all are known. `status`: within | beyond | unknown.

    `tolerance_kwh`: root of the summed squares of the meters' limits of error, their last digits and the cable loss let pass.
    """

    device_id: str
    children: tuple[str, ...]
    main_kwh: float | None
    sum_kwh: float | None
    tolerance_kwh: float
    completeness: float
    status: str
    intervals: tuple[NodeInterval, ...] = ()

    @property
    def difference_kwh(self) -> float | None:
        """Main minus sum: positive is energy that nobody meters."""
        return None if self.main_kwh is None or self.sum_kwh is None else self.main_kwh - self.sum_kwh


@dataclass(frozen=True, slots=True)
class MeterBalance:
    """A meter's counter against the integral of its power where both are known. `status`: within | beyond | unknown."""

    device_id: str
    counter_kwh: float | None
    integrated_kwh: float | None
    tolerance_kwh: float
    completeness: float
    status: str


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """The whole tree over [from_us, to_us)."""

    from_us: int
    to_us: int
    interval_s: int
    nodes: tuple[NodeBalance, ...]
    meters: tuple[MeterBalance, ...]
    findings: tuple[BalanceFinding, ...]
    rule_version: int = 1


@dataclass(frozen=True, slots=True)
class BalanceRun:
    """The doctor looked at [from_us, to_us) at `ran_us`."""

    from_us: int
    to_us: int
    ran_us: int
    rule_version: int
    findings: tuple[BalanceFinding, ...] = ()


class BalanceFindingStore(Protocol):
    async def save_run(self, run: BalanceRun) -> BalanceRun:
        """Store a run with its findings (a second run over the same window replaces the first); they carry their ids."""
        ...

    async def between(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[BalanceFinding]:
        """Findings whose window overlaps, newest first."""
        ...

    async def last_run(self, before_us: int | None = None) -> BalanceRun | None:
        """The newest run (whose window begins before that time), None before the first."""
        ...
