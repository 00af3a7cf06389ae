"""Energy baselines after ISO 50006: what is expected for what was produced, and what was saved against it. kWh, UTC us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from domain.errors import ConfigError

SITE = "site"
SECTION_PREFIX = "section:"


class Period(Enum):
    """Length of one point of a baseline, by the site's calendar."""

    HOUR = "hour"
    SHIFT = "shift"
    DAY = "day"
    WEEK = "week"


class VariableKind(Enum):
    """Where the values of a variable come from; `source` of the variable names it."""

    PARTS = "parts"  # a machine that counts its parts, or a counting tag
    HOURS = "hours"  # machine, section or site: hours in production
    ON_HOURS = "on_hours"  # hours in production or idle
    HEATING = "heating_degree_days"  # an outdoor temperature tag, with `base_c`
    COOLING = "cooling_degree_days"
    SHIFTS = "shifts"  # shifts of the calendar that begin in the period; needs no source
    TAG = "tag"  # any tag, with `statistic`

    @property
    def is_degree_days(self) -> bool:
        return self in {VariableKind.HEATING, VariableKind.COOLING}


STATISTICS = ("mean", "min", "max", "sum")  # of a tag in a period; sum: growth of a counter


@dataclass(frozen=True, slots=True)
class Variable:
    """One relevant variable x_j. `name` is its symbol in the formula; `unit` that of its values per period."""

    name: str
    kind: VariableKind
    source: str = ""
    base_c: float | None = None
    statistic: str = "mean"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class BaselineDefinition:
    """What is modelled. `subject`: a machine id, "section:<name>" or "site"; trained on [train_from_us, train_to_us)."""

    name: str
    subject: str
    period: Period
    variables: tuple[Variable, ...]
    train_from_us: int
    train_to_us: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a model or a saving is not to be believed. Texts: baseline.reason.<key> and baseline.fix.<key> of the catalogues.

    `blocking`: no saving is shown while it stands; else it is a remark.
    """

    key: str
    values: Mapping[str, float | str] = field(default_factory=dict)
    blocking: bool = True


class BaselineRefused(ConfigError):
    """The points give no model at all, so nothing is stored; `reasons` for people, the message for the API."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        words = "; ".join(f"{r.key} ({', '.join(f'{k}: {v}' for k, v in r.values.items())})" for r in reasons)
        super().__init__(f"no baseline can be fitted: {words}")
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class Coefficient:
    """b_j in kWh per unit of its variable, with its standard error, p-value and the range [low, high] seen in training."""

    name: str
    value: float
    std_error: float | None
    p_value: float | None
    low: float
    high: float
    vif: float | None = None  # variance inflation factor; 1 is independent of the others


@dataclass(frozen=True, slots=True)
class BaselineFit:
    """E = intercept + sum b_j x_j, fitted once. Ratios as shares (0.15 is 15 %); `sigma_kwh` the residual standard deviation.

    `covariance` of (intercept, b_1 ...); `t_90` the two-sided 90 % quantile of Student's t for n - p degrees of freedom.
    """

    n: int
    missing: int
    intercept_kwh: float
    coefficients: tuple[Coefficient, ...]
    r2: float
    adjusted_r2: float
    cv_rmse: float
    nmbe: float
    sigma_kwh: float
    condition: float
    covariance: tuple[tuple[float, ...], ...]
    t_90: float
    mean_kwh: float
    reasons: tuple[Reason, ...] = ()
    autocorrelation: float = 0.0  # lag 1 of the residuals, in the order of time; 0 where it may be chance

    @property
    def parameters(self) -> int:
        """p: variables and the intercept."""
        return len(self.coefficients) + 1

    @property
    def inflation(self) -> float:
        """By how much errors of sums are wider since residuals follow each other: sqrt((1 + rho) / (1 - rho))."""
        rho = min(max(self.autocorrelation, 0.0), 0.95)
        return float(((1.0 + rho) / (1.0 - rho)) ** 0.5)

    @property
    def holds(self) -> bool:
        """May savings be shown by it?"""
        return not any(reason.blocking for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stored baseline. It is never fitted anew in place: another fit is another version under the same name."""

    id: int  # 0 until stored
    definition: BaselineDefinition
    fit: BaselineFit
    version: int
    rule_version: int
    fitted_us: int
    fitted_by: str


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One period's figures: energy and the variables in the order of the definition; None where unknown."""

    from_us: int
    to_us: int
    label: str
    energy_kwh: float | None
    values: tuple[float | None, ...]

    @property
    def whole(self) -> bool:
        return self.energy_kwh is not None and all(value is not None for value in self.values)


@dataclass(frozen=True, slots=True)
class SavingPoint:
    """One period against the baseline. `status`: counted | missing | extrapolated (`outside`: which variables).

    Positive savings are energy not used. `cusum_kwh` runs over the counted ones.
    """

    row: PeriodRow
    status: str
    expected_kwh: float | None = None
    saving_kwh: float | None = None
    cusum_kwh: float | None = None
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CusumSignal:
    """The tabular CUSUM crossed its threshold at `time_us`; the change began about `since_us`. `direction`: saving | waste."""

    direction: str
    time_us: int
    since_us: int
    statistic_sigma: float


@dataclass(frozen=True, slots=True)
class Savings:
    """Totals over the counted points; None where the model does not allow them (`reasons` say why).

    `uncertainty_kwh`: half width of the 90 % interval of the total. `improvement`: saving over expected, a share.
    """

    baseline: Baseline
    from_us: int
    to_us: int
    points: tuple[SavingPoint, ...]
    saving_kwh: float | None
    expected_kwh: float | None
    measured_kwh: float | None
    improvement: float | None
    uncertainty_kwh: float | None
    signal: CusumSignal | None
    reasons: tuple[Reason, ...]
    counted: int = 0
    missing: int = 0
    extrapolated: int = 0

    @property
    def significant(self) -> bool:
        """Is the saving (or the excess) larger than its uncertainty?"""
        return self.saving_kwh is not None and self.uncertainty_kwh is not None and abs(self.saving_kwh) > self.uncertainty_kwh


@dataclass(frozen=True, slots=True)
class BaselineDraft:
    """A definition tried out: its training periods, and the fit or the reasons why there is none."""

    definition: BaselineDefinition
    rows: tuple[PeriodRow, ...]
    fit: BaselineFit | None
    reasons: tuple[Reason, ...] = ()


class BaselineStore(Protocol):
    async def save(self, baseline: Baseline) -> Baseline:
        """Insert; the answer carries its id. The version is the next one of that name."""
        ...

    async def all(self) -> Sequence[Baseline]:
        """Newest first, all versions."""
        ...

    async def get(self, baseline_id: int) -> Baseline | None: ...
    async def delete(self, baseline_id: int) -> None: ...
