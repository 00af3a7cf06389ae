"""Baselines after ISO 50006: ordinary least squares, validity, savings and CUSUM. Pure, over arrays.

    E_expected = a + sum b_j * x_j      saving_i = E_expected,i - E_i      CUSUM_n = sum of saving_i      [kWh]
    CV(RMSE) = sqrt(sum (E - E_expected)^2 / (n - p)) / mean E             NMBE = sum (E - E_expected) / ((n - p) * mean E)

Bounds and their sources stand in docs/analysis.md, "Baselines": at least 12 points and R² of 0.75 as with ISO 50006 and IPMVP;
CV(RMSE) and NMBE by ASHRAE Guideline 14; p below 0.1. A model beyond a bound shows no saving and says why.

`fit` needs Student's distribution and so scipy: it is called in the worker process (runtime/offload.py), never while serving.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from domain.baseline import (
    Baseline,
    BaselineFit,
    Coefficient,
    CusumSignal,
    Period,
    PeriodRow,
    Reason,
    SavingPoint,
    Savings,
)

RULE_VERSION = 1
MIN_POINTS = 12
MIN_R2 = 0.75
MAX_P = 0.1
MAX_CV_RMSE = {Period.HOUR: 0.30, Period.SHIFT: 0.30, Period.DAY: 0.15, Period.WEEK: 0.15}
MAX_NMBE = {Period.HOUR: 0.10, Period.SHIFT: 0.10, Period.DAY: 0.05, Period.WEEK: 0.05}
MAX_VIF = 10.0
MAX_CONDITION = 30.0
MAX_MISSING = 0.25  # share of the training periods
BEYOND_RANGE = 0.1  # a value may lie that share of the training range outside of it
MIN_COUNTED = 0.8  # of the periods asked for; below it there is no total
CUSUM_SLACK = 0.5  # k and h of the tabular CUSUM in residual standard deviations: half a sigma of drift is let pass, and a
CUSUM_THRESHOLD = 5.0  # false signal comes once in 465 points (Montgomery, Introduction to Statistical Quality Control)

Floats = NDArray[np.float64]


class CannotFit(ValueError):
    """The points give no model at all; `reasons` say why."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(", ".join(reason.key for reason in reasons))
        self.reasons = tuple(reasons)

    def __reduce__(self) -> tuple[type[CannotFit], tuple[tuple[Reason, ...]]]:
        return CannotFit, (self.reasons,)  # comes back from the worker process whole


# -- fitting -----------------------------------------------------------------------------------------------------------------


def least_squares(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """(coefficients, covariance) of y = a + x b by QR of the standardised columns; index 0 is the intercept.

    `x`: shape (n, k), no constant and no dependent columns; n > k + 1.
    """
    n, k = x.shape
    centre, spread = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(n), (x - centre) / spread])
    q, r = np.linalg.qr(design)
    scaled = np.linalg.solve(r, q.T @ y)
    inverse = np.linalg.inv(r)
    back = np.zeros((k + 1, k + 1))  # from standardised to plain coefficients
    back[0, 0] = 1.0
    back[0, 1:] = -centre / spread
    back[np.arange(1, k + 1), np.arange(1, k + 1)] = 1.0 / spread
    residuals = y - design @ scaled
    variance = float(residuals @ residuals) / (n - k - 1)
    return back @ scaled, variance * (back @ (inverse @ inverse.T) @ back.T)


def unfit(names: Sequence[str], x: Floats, y: Floats) -> list[Reason]:
    """Why no least-squares model exists for these points; empty when one does."""
    n, k = x.shape
    if k == 0:
        return [Reason("no_variables")]
    if n < MIN_POINTS or n < k + 3:
        return [Reason("few_points", {"n": float(n), "needed": float(max(MIN_POINTS, k + 3))})]
    found = [Reason("constant", {"variable": name}) for name, column in zip(names, x.T, strict=True) if _constant(column)]
    if _constant(y) or y.mean() <= 0.0:
        found.append(Reason("constant_energy"))
    if not found:
        _, singular, _ = np.linalg.svd((x - x.mean(axis=0)) / x.std(axis=0), full_matrices=False)
        if singular[-1] < 1e-8 * singular[0]:
            found.append(Reason("dependent", {"variables": ", ".join(_dependent(names, x))}))
    return found


def _constant(column: Floats) -> bool:
    return bool(np.ptp(column) <= 1e-9 * max(1e-9, float(np.abs(column).max())))


def _dependent(names: Sequence[str], x: Floats) -> list[str]:
    """The variables that take part in the exact dependence."""
    _, _, rows = np.linalg.svd((x - x.mean(axis=0)) / x.std(axis=0), full_matrices=False)
    return [name for name, weight in zip(names, np.abs(rows[-1]), strict=True) if weight > 1e-4]


def collinearity(x: Floats) -> tuple[float, Floats]:
    """(condition number of the standardised variables, variance inflation factor of each)."""
    if x.shape[1] == 1:
        return 1.0, np.ones(1)
    correlation = np.corrcoef(x, rowvar=False)
    eigenvalues = np.linalg.eigvalsh(correlation)
    return math.sqrt(float(eigenvalues[-1] / max(eigenvalues[0], 1e-300))), np.diag(np.linalg.inv(correlation))


def autocorrelation(residuals: Floats) -> float:
    """Lag-1 autocorrelation of residuals in the order of time; 0 below 2 / sqrt(n), where it may be chance."""
    squares = float(residuals @ residuals)
    rho = float(residuals[1:] @ residuals[:-1]) / squares if squares > 0 else 0.0
    return rho if rho > 2.0 / math.sqrt(len(residuals)) else 0.0


def fit(
    names: Sequence[str], x_rows: Sequence[Sequence[float]], energies_kwh: Sequence[float], period: str, missing: int = 0
) -> BaselineFit:
    """The model of these points with its validity, judged. Raises CannotFit.

    `missing`: periods of the training window without energy or variables. Loads scipy: for the worker process.
    """
    from scipy import stats  # noqa: PLC0415 - never in the serving process

    y = np.asarray(energies_kwh, dtype=np.float64)
    x = np.asarray(x_rows, dtype=np.float64).reshape(len(y), len(names))
    problems = unfit(names, x, y)
    if problems:
        raise CannotFit(problems)
    n, k = x.shape
    dof = n - k - 1
    beta, covariance = least_squares(x, y)
    residuals = y - (beta[0] + x @ beta[1:])
    squares = float(residuals @ residuals)
    mean = float(y.mean())
    r2 = 1.0 - squares / float(((y - mean) ** 2).sum())
    condition, vif = collinearity(x)
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore"):
        p_values = 2.0 * stats.t.sf(np.abs(beta / errors), dof)
    sigma = math.sqrt(squares / dof)
    coefficients = tuple(
        Coefficient(
            name, float(beta[j]), float(errors[j]), float(p_values[j]), float(x[:, j - 1].min()), float(x[:, j - 1].max()),
            float(vif[j - 1]),
        )
        for j, name in enumerate(names, 1)
    )  # fmt: skip
    made = BaselineFit(
        n=n, missing=missing, intercept_kwh=float(beta[0]), coefficients=coefficients, r2=r2,
        adjusted_r2=1.0 - (1.0 - r2) * (n - 1) / dof, cv_rmse=sigma / mean,
        nmbe=float(residuals.sum()) / (dof * mean), sigma_kwh=sigma, condition=condition,
        covariance=tuple(tuple(float(v) for v in row) for row in covariance), t_90=float(stats.t.ppf(0.95, dof)), mean_kwh=mean,
        autocorrelation=autocorrelation(residuals),
    )  # fmt: skip
    return replace(made, reasons=tuple(judge(made, Period(period))))


def judge(made: BaselineFit, period: Period) -> list[Reason]:
    """What speaks against the model; the plain verdict is made of these."""
    found: list[Reason] = []
    if made.n < MIN_POINTS:
        found.append(Reason("few_points", {"n": float(made.n), "needed": float(MIN_POINTS)}))
    if made.r2 < MIN_R2:
        found.append(Reason("low_r2", {"value": made.r2, "bound": MIN_R2}))
    if made.cv_rmse > MAX_CV_RMSE[period]:
        found.append(Reason("high_cv_rmse", {"value": made.cv_rmse, "bound": MAX_CV_RMSE[period]}))
    if abs(made.nmbe) > MAX_NMBE[period]:
        found.append(Reason("high_nmbe", {"value": made.nmbe, "bound": MAX_NMBE[period]}))
    found += [
        Reason("high_p", {"variable": c.name, "value": c.p_value, "bound": MAX_P})
        for c in made.coefficients
        if c.p_value is not None and not c.p_value < MAX_P
    ]
    entangled = [c.name for c in made.coefficients if c.vif is not None and c.vif > MAX_VIF]
    if entangled or made.condition > MAX_CONDITION:
        names = ", ".join(entangled or [c.name for c in made.coefficients])
        found.append(Reason("collinear", {"variables": names, "condition": made.condition}, blocking=False))
    total = made.n + made.missing
    if made.missing:
        share = made.missing / total
        found.append(Reason("missing", {"missing": float(made.missing), "total": float(total)}, blocking=share > MAX_MISSING))
    return found


# -- savings -----------------------------------------------------------------------------------------------------------------


def expected_kwh(made: BaselineFit, values: Sequence[float]) -> float:
    """The model at these values of the variables."""
    return made.intercept_kwh + sum(c.value * value for c, value in zip(made.coefficients, values, strict=True))


def outside(made: BaselineFit, values: Sequence[float]) -> tuple[str, ...]:
    """Variables that lie farther from their training range than the model can be trusted."""
    found = []
    for c, value in zip(made.coefficients, values, strict=True):
        margin = BEYOND_RANGE * (c.high - c.low)
        if not c.low - margin <= value <= c.high + margin:
            found.append(c.name)
    return tuple(found)


def saving_points(made: BaselineFit, rows: Sequence[PeriodRow]) -> list[SavingPoint]:
    """Each period against the model; only whole periods within the training range count."""
    found: list[SavingPoint] = []
    cusum = 0.0
    for row in rows:
        values = [value for value in row.values if value is not None]
        if row.energy_kwh is None or len(values) < len(row.values):
            found.append(SavingPoint(row, "missing"))
            continue
        expected, beyond = expected_kwh(made, values), outside(made, values)
        if beyond:
            found.append(SavingPoint(row, "extrapolated", expected, outside=beyond))
            continue
        saving = expected - row.energy_kwh
        cusum += saving
        found.append(SavingPoint(row, "counted", expected, saving, cusum))
    return found


def total_uncertainty_kwh(made: BaselineFit, values: Floats) -> float:
    """Half width of the 90 % interval of the summed saving: t * s * sqrt(m + 1'X (X'X)^-1 X'1), widened where residuals follow
    each other (n' = n (1 - rho) / (1 + rho) independent points; ASHRAE Guideline 14, annex B).

    `values`: shape (m, k), the variables of the counted periods.
    """
    design_sum = np.concatenate([[float(len(values))], values.sum(axis=0)])
    model = float(design_sum @ np.asarray(made.covariance) @ design_sum)
    return made.t_90 * made.inflation * math.sqrt(model + len(values) * made.sigma_kwh**2)


def cusum_signal(points: Sequence[SavingPoint], sigma_kwh: float) -> CusumSignal | None:
    """The first crossing of the tabular CUSUM (k = 0.5, h = 5 standard deviations), either way; None while there is none."""
    sums = {"saving": 0.0, "waste": 0.0}
    since: dict[str, int] = {}
    if sigma_kwh <= 0:
        return None
    for point in points:
        if point.saving_kwh is None:
            continue
        z = point.saving_kwh / sigma_kwh
        for direction, step in (("saving", z), ("waste", -z)):
            grown = max(0.0, sums[direction] + step - CUSUM_SLACK)
            if grown > 0.0 and sums[direction] == 0.0:
                since[direction] = point.row.from_us
            sums[direction] = grown
            if grown > CUSUM_THRESHOLD:
                return CusumSignal(direction, point.row.to_us, since[direction], grown)
    return None


def savings(baseline: Baseline, rows: Sequence[PeriodRow], from_us: int, to_us: int) -> Savings:
    """Savings of these periods; without totals, and with the reasons, where the model does not hold for them."""
    made = baseline.fit
    points = saving_points(made, rows)
    count = {status: sum(1 for p in points if p.status == status) for status in ("counted", "missing", "extrapolated")}
    reasons = list(made.reasons)
    if not points:
        reasons.append(Reason("no_periods"))
    elif count["counted"] < MIN_COUNTED * len(points):
        key = "extrapolation" if count["extrapolated"] >= count["missing"] else "missing_periods"
        names = sorted({name for p in points for name in p.outside})
        counts = {"counted": float(count["counted"]), "total": float(len(points))}
        reasons.append(Reason(key, {**counts, "variables": ", ".join(names)}))
    elif count["extrapolated"] or count["missing"]:
        left_out = float(len(points) - count["counted"])
        reasons.append(Reason("left_out", {"left_out": left_out, "total": float(len(points))}, blocking=False))
    counted = [p for p in points if p.status == "counted"]
    allowed = not any(reason.blocking for reason in reasons)
    expected = sum(p.expected_kwh or 0.0 for p in counted)
    measured = sum(p.row.energy_kwh or 0.0 for p in counted)
    saved = expected - measured
    values = np.array([p.row.values for p in counted], dtype=np.float64)
    if not allowed:
        points = [replace(p, saving_kwh=None, cusum_kwh=None) for p in points]
    return Savings(
        baseline, from_us, to_us, tuple(points),
        saving_kwh=saved if allowed else None,
        expected_kwh=expected if allowed else None,
        measured_kwh=measured if counted else None,
        improvement=saved / expected if allowed and expected > 0 else None,
        uncertainty_kwh=total_uncertainty_kwh(made, values) if allowed else None,
        signal=cusum_signal(points, made.sigma_kwh * made.inflation) if allowed else None,
        reasons=tuple(reasons), counted=count["counted"], missing=count["missing"], extrapolated=count["extrapolated"],
    )  # fmt: skip


# -- variables ---------------------------------------------------------------------------------------------------------------


def degree_days(means_c: Sequence[float], hours: Sequence[float], base_c: float, *, heating: bool) -> float:
    """Kelvin days below (heating) or above (cooling) the base, by integrating mean temperatures over `hours` each."""
    sign = 1.0 if heating else -1.0
    return sum(max(0.0, sign * (base_c - mean)) * length / 24.0 for mean, length in zip(means_c, hours, strict=True))
