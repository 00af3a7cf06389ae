"""Baselines: the golden values, a second computation of the least squares, real recordings, and every reason to refuse."""

from __future__ import annotations

import csv
import gzip
import pickle
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pytest

from analysis.baseline import (
    CannotFit,
    collinearity,
    cusum_signal,
    degree_days,
    expected_kwh,
    fit,
    least_squares,
    saving_points,
    savings,
)
from domain.baseline import (
    Baseline,
    BaselineDefinition,
    BaselineFit,
    Coefficient,
    Period,
    PeriodRow,
    Reason,
    Savings,
    Variable,
    VariableKind,
)
from tests.conftest import shared_file

DAY_US = 86_400_000_000


def rows_of(xs: Sequence[Sequence[float | None]], energies: Sequence[float | None]) -> list[PeriodRow]:
    return [PeriodRow(i * DAY_US, (i + 1) * DAY_US, str(i), e, tuple(x)) for i, (x, e) in enumerate(zip(xs, energies, strict=True))]


def model(intercept: float, *slopes: tuple[float, float, float], sigma: float = 5.0, reasons: tuple[Reason, ...] = ()) -> BaselineFit:
    """A model that was not fitted here: (slope, low, high) of each variable."""
    coefficients = tuple(Coefficient(f"x{j}", b, 0.01, 0.001, low, high) for j, (b, low, high) in enumerate(slopes, 1))
    size = len(slopes) + 1
    covariance = tuple(tuple(0.0 for _ in range(size)) for _ in range(size))
    return BaselineFit(24, 0, intercept, coefficients, 0.95, 0.94, 0.05, 0.0, sigma, 1.0, covariance, 1.7, 480.0, reasons)


def baseline_of(made: BaselineFit) -> Baseline:
    names = tuple(Variable(c.name, VariableKind.TAG, "t") for c in made.coefficients)
    return Baseline(1, BaselineDefinition("b", "site", Period.DAY, names, 0, DAY_US), made, 1, 1, 0, "engineer")


def saved(made: BaselineFit, rows: Sequence[PeriodRow]) -> Savings:
    return savings(baseline_of(made), rows, rows[0].from_us if rows else 0, rows[-1].to_us if rows else 0)


def noisy(n: int = 60, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Energy of parts and degree-days with 4 kWh of noise."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(300, 520, n), rng.uniform(0, 20, n)])
    return x, 120 + 0.85 * x[:, 0] + 3.1 * x[:, 1] + rng.normal(0, 4, n)


def keys(reasons: Sequence[Reason]) -> set[str]:
    return {reason.key for reason in reasons}


def test_savings_and_cusum_of_the_worked_example() -> None:
    """docs/formulas.md §6: E = 120 + 0.85 x."""
    points = saving_points(model(120, (0.85, 350, 550)), rows_of([[400], [450], [380], [500]], [455, 500, 430, 530]))
    assert [p.saving_kwh for p in points] == pytest.approx([5, 2.5, 13, 15])
    assert [p.cusum_kwh for p in points] == pytest.approx(list(accumulate([5, 2.5, 13, 15])))
    assert points[-1].cusum_kwh == pytest.approx(35.5)
    result = saved(model(120, (0.85, 350, 550)), [p.row for p in points])
    assert result.saving_kwh == pytest.approx(35.5)
    assert result.improvement == pytest.approx(35.5 / (4 * 120 + 0.85 * 1730))


def test_least_squares_agree_with_a_second_computation() -> None:
    """Coefficients with numpy's lstsq and scikit-learn, errors and p-values with scipy's simple regression."""
    from scipy import stats
    from sklearn.linear_model import LinearRegression

    x, y = noisy()
    beta, _ = least_squares(x, y)
    assert beta == pytest.approx(np.linalg.lstsq(np.column_stack([np.ones(len(y)), x]), y, rcond=None)[0], rel=1e-9)
    other = LinearRegression().fit(x, y)
    assert beta == pytest.approx([other.intercept_, *other.coef_], rel=1e-9)
    made, simple = fit(["parts"], x[:, :1].tolist(), y.tolist(), "day"), stats.linregress(x[:, 0], y)
    assert made.coefficients[0].value == pytest.approx(simple.slope)
    assert made.coefficients[0].std_error == pytest.approx(simple.stderr)
    assert made.coefficients[0].p_value == pytest.approx(simple.pvalue)
    assert made.r2 == pytest.approx(simple.rvalue**2)


def test_large_offsets_do_not_spoil_the_coefficients() -> None:
    """Columns far from zero with little spread: the normal equations would lose digits."""
    rng = np.random.default_rng(1)
    x = np.column_stack([1e7 + rng.normal(0, 1, 50), rng.normal(0, 1e-4, 50)])
    beta, _ = least_squares(x, 5 + 2 * x[:, 0] - 3e4 * x[:, 1])
    assert beta[1:] == pytest.approx([2, -3e4], rel=1e-6)


def test_validity_figures() -> None:
    x, y = noisy()
    made = fit(["parts", "hdd"], x.tolist(), y.tolist(), "day", missing=3)
    assert made.holds
    assert (made.n, made.missing, made.parameters) == (60, 3, 3)
    residuals = y - np.array([expected_kwh(made, row) for row in x])
    assert made.cv_rmse == pytest.approx(np.sqrt((residuals**2).sum() / 57) / y.mean())
    assert made.nmbe == pytest.approx(0, abs=1e-9)
    assert made.adjusted_r2 == pytest.approx(1 - (1 - made.r2) * 59 / 57)
    assert (made.coefficients[1].low, made.coefficients[1].high) == (x[:, 1].min(), x[:, 1].max())
    assert keys(made.reasons) == {"missing"}
    assert not made.reasons[0].blocking


def test_vif_is_one_over_the_unexplained_share() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=200)
    x = np.column_stack([a, a + 0.1 * rng.normal(size=200)])
    condition, vif = collinearity(x)
    r2 = np.corrcoef(x, rowvar=False)[0, 1] ** 2
    assert vif == pytest.approx([1 / (1 - r2)] * 2)
    assert condition == pytest.approx(np.sqrt((1 + np.sqrt(r2)) / (1 - np.sqrt(r2))))


@pytest.mark.parametrize(
    ("names", "x", "y", "key"),
    [
        ([], [[]] * 20, list(range(20)), "no_variables"),
        (["a"], [[i] for i in range(11)], [float(i) for i in range(11)], "few_points"),
        (["a"], [[3.0]] * 20, [float(i) for i in range(20)], "constant"),
        (["a"], [[i] for i in range(20)], [7.0] * 20, "constant_energy"),
        (["a", "b"], [[i, 2 * i + 1] for i in range(20)], [float(i) for i in range(20)], "dependent"),
    ],
)
def test_points_that_give_no_model(names: list[str], x: list[list[float]], y: list[float], key: str) -> None:
    with pytest.raises(CannotFit) as caught:
        fit(names, x, y, "day")
    assert keys(caught.value.reasons) == {key}
    assert pickle.loads(pickle.dumps(caught.value)).reasons == caught.value.reasons


def test_a_variable_that_explains_nothing_is_named() -> None:
    x, y = noisy()
    idle = np.random.default_rng(0).normal(size=(len(y), 1))
    made = fit(["parts", "hdd", "dice"], np.hstack([x, idle]).tolist(), y.tolist(), "day")
    assert [r.values["variable"] for r in made.reasons if r.key == "high_p"] == ["dice"]
    assert not made.holds


def test_a_model_that_explains_little_shows_no_saving() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(300, 500, 40)
    y = 100 + 0.2 * x + rng.normal(0, 60, 40)
    made = fit(["parts"], x[:, None].tolist(), y.tolist(), "day")
    assert {"low_r2", "high_cv_rmse"} <= keys(made.reasons)
    result = saved(made, rows_of(x[:10, None].tolist(), y[:10].tolist()))
    assert result.saving_kwh is result.expected_kwh is result.improvement is result.uncertainty_kwh is None
    assert all(p.saving_kwh is None and p.cusum_kwh is None for p in result.points)


def test_periods_outside_of_the_training_range_are_not_counted() -> None:
    made = model(120, (0.85, 400, 500))
    one = saved(made, rows_of([[v] for v in (410, 420, 430, 440, 511)], [460.0] * 5))
    assert (one.counted, one.extrapolated) == (4, 1)
    assert one.points[4].outside == ("x1",)
    assert one.saving_kwh == pytest.approx(sum(120 + 0.85 * v - 460 for v in (410, 420, 430, 440)))
    many = saved(made, rows_of([[v] for v in (410, 420, 600, 610, 620)], [460.0] * 5))
    assert many.saving_kwh is None
    assert "extrapolation" in keys(many.reasons)


def test_missing_periods_are_told_and_too_many_refuse_the_total() -> None:
    made = model(120, (0.85, 400, 500))
    few = saved(made, rows_of([[410], [420], [None], [440], [450], [460]], [450, 450, 450, 450, 450, 450]))
    assert (few.missing, few.counted) == (1, 5)
    assert few.saving_kwh is not None
    assert "left_out" in keys(few.reasons)
    many = saved(made, rows_of([[410], [420], [430]], [450, None, None]))
    assert many.saving_kwh is None
    assert "missing_periods" in keys(many.reasons)
    assert saved(made, []).reasons[-1].key == "no_periods"


def test_the_signal_finds_a_lasting_change_and_when_it_began() -> None:
    rng = np.random.default_rng(11)
    made = model(100, (1.0, 0, 100), sigma=4.0)
    x = rng.uniform(10, 90, 60)
    wasted = np.where(np.arange(60) >= 40, 6.0, 0.0)  # 1.5 sigma more from day 40 on
    points = saving_points(made, rows_of(x[:, None].tolist(), (100 + x + rng.normal(0, 4, 60) + wasted).tolist()))
    signal = cusum_signal(points, 4.0)
    assert signal is not None
    assert signal.direction == "waste"
    assert 40 * DAY_US < signal.time_us <= 52 * DAY_US
    assert abs(signal.since_us - 40 * DAY_US) <= 4 * DAY_US


def test_the_signal_is_quiet_without_a_change() -> None:
    """One false signal in 465 points is what the threshold promises; 200 runs of 30 points give some 13 at most 30."""
    rng = np.random.default_rng(4)
    made = model(0, (1.0, 0, 1))
    false = 0
    for _ in range(200):
        points = saving_points(made, rows_of([[0.5]] * 30, (0.5 + rng.normal(0, 1, 30)).tolist()))
        false += cusum_signal(points, 1.0) is not None
    assert false <= 30


def test_uncertainty_covers_the_truth_nine_times_in_ten() -> None:
    covered = 0
    for seed in range(200):
        x, y = noisy(60, seed)
        made = fit(["parts", "hdd"], x[:40].tolist(), y[:40].tolist(), "day")
        result = saved(made, rows_of(x[40:].tolist(), y[40:].tolist()))
        inside = [p for p in result.points if p.status == "counted"]
        assert result.uncertainty_kwh is not None
        assert len(inside) >= 16
        covered += abs(result.saving_kwh or 0.0) <= result.uncertainty_kwh  # the true saving is 0
    assert 170 <= covered <= 190


def test_residuals_that_follow_each_other_widen_the_interval() -> None:
    """First-order memory of 0.6: the sum errs twice as much as that of independent points, and the interval still covers."""
    covered, signals = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        noise = rng.normal(0, 4, 400)
        for i in range(1, 400):
            noise[i] += 0.6 * noise[i - 1]
        x = rng.uniform(300, 500, 400)
        y = 120 + 0.85 * x + noise
        made = fit(["parts"], x[:300, None].tolist(), y[:300].tolist(), "day")
        assert made.inflation == pytest.approx(2.0, rel=0.3)
        result = saved(made, rows_of(x[300:, None].tolist(), y[300:].tolist()))
        covered += abs(result.saving_kwh or 0.0) <= (result.uncertainty_kwh or 0.0)
        signals += result.signal is not None
    assert covered >= 83
    assert signals <= 25


def test_degree_days() -> None:
    """A day of 12 h at 5 °C and 12 h at 20 °C, base 15: 5 K days of heating; base 18 for cooling: 1 K day."""
    assert degree_days([5, 20], [12, 12], 15, heating=True) == pytest.approx(5)
    assert degree_days([5, 20], [12, 12], 18, heating=False) == pytest.approx(1)


def test_gas_turbine_of_2011_predicts_2012_and_the_drift_is_seen() -> None:
    """Hourly energy yield against ambient conditions and the exhaust pressure that stands for the load."""
    years = _gas_turbine()
    names = ["AT", "AP", "AH", "GTEP"]
    x, y = years["2011"]
    made = fit(names, x.tolist(), y.tolist(), "hour")
    assert (made.n, made.holds) == (7411, True)
    assert made.r2 == pytest.approx(0.966, abs=0.02)
    assert made.cv_rmse < 0.05
    assert y.mean() == pytest.approx(135.746, abs=0.001)
    result = saved(made, rows_of(years["2012"][0].tolist(), years["2012"][1].tolist()))
    assert result.counted > 0.95 * 7628
    assert result.signal is not None


def _gas_turbine() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    with gzip.open(shared_file("data", "gas-turbine", "gt_2011-2013.csv.gz"), "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for year in ("2011", "2012", "2013"):
        mine = [r for r in rows if r["year"] == year]
        x = np.array([[float(r[n]) for n in ("AT", "AP", "AH", "GTEP")] for r in mine])
        found[year] = (x, np.array([float(r["TEY"]) for r in mine]))
    return found
