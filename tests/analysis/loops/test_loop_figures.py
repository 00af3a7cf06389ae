"""Figures of control loops against analytic step responses and known stochastic processes; scipy's integration as the cross-check."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, signal

from analysis.loops.criteria import error_integrals, total_variation
from analysis.loops.episodes import find_episodes
from analysis.loops.harris import harris_index
from analysis.loops.oscillation import find_oscillation
from analysis.loops.series import LoopSeries
from analysis.loops.step_response import step_response

ZETA, OMEGA = 0.5, 2.0
DAMPED = OMEGA * math.sqrt(1 - ZETA**2)


def first_order(time_constant_s: float, step_s: float = 0.001, length: float = 30.0) -> LoopSeries:
    seconds = np.arange(0.0, length * time_constant_s, step_s)
    return LoopSeries(seconds, np.ones_like(seconds), 1.0 - np.exp(-seconds / time_constant_s))


def second_order() -> LoopSeries:
    """The standard underdamped answer to a step from 0 to 1."""
    seconds = np.arange(0.0, 30.0, 0.001)
    phase = math.acos(ZETA)
    process = 1.0 - np.exp(-ZETA * OMEGA * seconds) * np.sin(DAMPED * seconds + phase) / math.sin(phase)
    return LoopSeries(seconds, np.ones_like(seconds), process)


@pytest.mark.parametrize("time_constant_s", [0.5, 2.0])
def test_integrals_of_a_first_order_answer_are_the_analytic_ones(time_constant_s: float) -> None:
    """∫e = T, ∫e² = T/2, ∫t·e = T², ∫t·e² = T²/4."""
    found = error_integrals(first_order(time_constant_s), max_gap_s=1.0)
    expected = (time_constant_s, time_constant_s / 2, time_constant_s**2, time_constant_s**2 / 4)
    assert (found.iae, found.ise, found.itae, found.itse) == pytest.approx(expected, rel=1e-5)
    assert found.completeness == 1.0


def test_integrals_agree_with_scipy_on_an_oscillating_answer() -> None:
    series = second_order()
    found = error_integrals(series, max_gap_s=1.0)
    t, e = series.seconds, series.error
    for value, integrand in ((found.iae, abs(e)), (found.ise, e**2), (found.itae, t * abs(e)), (found.itse, t * e**2)):
        assert value == pytest.approx(integrate.simpson(integrand, x=t), rel=1e-5)


def test_a_straight_error_that_crosses_zero_is_integrated_exactly_however_coarse_the_samples() -> None:
    """e from 1 to -3 over 4 s: |e| is two triangles (0.5 and 4.5), e² is 28/3."""
    series = LoopSeries(np.array([0.0, 4.0]), np.array([0.0, 0.0]), np.array([-1.0, 3.0]))
    found = error_integrals(series, max_gap_s=10.0)
    assert found.iae == pytest.approx(5.0)
    assert found.ise == pytest.approx(28 / 3)
    assert found.itae == pytest.approx(integrate.quad(lambda t: t * abs(1 - t), 0, 4, points=[1.0])[0])
    assert found.itse == pytest.approx(integrate.quad(lambda t: t * (1 - t) ** 2, 0, 4)[0])


def test_what_is_not_known_is_left_out_and_said_and_an_exact_zero_is_a_value() -> None:
    seconds = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 20.0])
    process = np.array([0.0, 0.0, np.nan, 0.0, 0.0, 0.0])
    found = error_integrals(LoopSeries(seconds, np.zeros(6), process), max_gap_s=2.0)
    assert (found.iae, found.seconds, found.completeness) == (0.0, 2.0, pytest.approx(0.1))
    nothing = error_integrals(LoopSeries(seconds, np.full(6, np.nan), process), max_gap_s=2.0)
    assert (nothing.iae, nothing.completeness) == (None, 0.0)


def test_an_underdamped_answer_has_its_textbook_figures() -> None:
    found = step_response(second_order(), before=0.0, step_s=0.0)
    assert found.overshoot == pytest.approx(math.exp(-math.pi * ZETA / math.sqrt(1 - ZETA**2)), abs=1e-4)
    assert found.peak_s == pytest.approx(math.pi / DAMPED, abs=2e-3)
    assert found.steady_error == pytest.approx(0.0, abs=1e-6)
    series = second_order()
    late = series.seconds > (found.settling_s or 0.0)
    assert np.all(np.abs(series.error[late]) <= 0.05 + 1e-9)
    assert abs(np.interp((found.settling_s or 0.0) - 0.01, series.seconds, series.error)) > 0.05


def test_a_first_order_answer_rises_in_ln_9_time_constants_downwards_too() -> None:
    series = first_order(2.0)
    down = LoopSeries(series.seconds, -series.setpoint, -series.process)
    for answer, sign in ((step_response(series, before=0.0, step_s=0.0), 1.0), (step_response(down, before=0.0, step_s=0.0), -1.0)):
        assert answer.rise_s == pytest.approx(2.0 * math.log(9.0), rel=1e-4)
        assert (answer.overshoot, answer.height) == (0.0, sign)
        assert answer.settling_s == pytest.approx(2.0 * math.log(20.0), rel=1e-3)


def test_an_answer_cut_off_before_it_settles_says_so() -> None:
    found = step_response(first_order(2.0, length=1.0), before=0.0, step_s=0.0)
    assert (found.rise_s, found.settling_s) == (None, None)
    assert found.steady_error == pytest.approx(math.exp(-0.95), rel=0.01)
    with pytest.raises(ValueError, match="change of the set point"):
        step_response(first_order(2.0), before=1.0, step_s=0.0)


def test_episodes_are_steps_that_are_held_and_ramps_are_none() -> None:
    seconds = np.arange(0.0, 100.0, 1.0)
    setpoint = np.where(seconds < 20, 10.0, np.where(seconds < 50, 20.0, np.minimum(20.0 + (seconds - 50), 40.0)))
    found = find_episodes(LoopSeries(seconds, setpoint, setpoint), min_step=0.5, min_length_s=5.0)
    assert [(e.start_s, e.end_s, e.before, e.after) for e in found] == [(20.0, 50.0, 10.0, 20.0)]


def test_a_lasting_sine_is_an_oscillation_of_its_period_and_amplitude_and_a_disturbance_is_none() -> None:
    seconds = np.arange(0.0, 300.0, 0.1)
    wave = LoopSeries(seconds, np.zeros_like(seconds), 2.0 * np.sin(2 * np.pi * seconds / 12.0))
    found = find_oscillation(wave, amplitude=0.5, period_s=10.0, max_gap_s=1.0)
    assert found.found
    assert found.period_s == pytest.approx(12.0, rel=1e-3)
    assert found.amplitude == pytest.approx(2.0, rel=1e-2)
    assert not find_oscillation(wave, amplitude=3.0, period_s=10.0, max_gap_s=1.0).found
    bump = LoopSeries(seconds, np.zeros_like(seconds), 5.0 * np.exp(-(((seconds - 50) / 10) ** 2)) - 0.01)
    assert not find_oscillation(bump, amplitude=0.5, period_s=10.0, max_gap_s=1.0).found


@pytest.mark.parametrize(("phi", "delay"), [(0.9, 1), (0.9, 3), (0.6, 2)])
def test_harris_index_of_an_autoregressive_error_is_the_analytic_one(phi: float, delay: int) -> None:
    """e(k) = φ·e(k-1) + a(k): what a prediction over d steps explains is φ^2d of the variance."""
    noise = np.random.default_rng(7).normal(size=300_000)
    error = signal.lfilter([1.0], [1.0, -phi], noise)
    seconds = np.arange(len(noise), dtype=float)
    found = harris_index(LoopSeries(seconds, error, np.zeros_like(error)), dead_time_s=delay, max_gap_s=2.0)
    assert found is not None
    assert found.index == pytest.approx(phi ** (2 * delay), abs=0.02)


def test_harris_index_of_minimum_variance_is_near_zero_and_an_offset_is_bad_control() -> None:
    noise = np.random.default_rng(7).normal(size=20_000)
    seconds = np.arange(len(noise), dtype=float)
    best = harris_index(LoopSeries(seconds, noise, np.zeros_like(noise)), dead_time_s=1.0, max_gap_s=2.0)
    offset = harris_index(LoopSeries(seconds, noise + 3.0, np.zeros_like(noise)), dead_time_s=1.0, max_gap_s=2.0)
    assert best is not None
    assert offset is not None
    assert best.index < 0.02
    assert offset.index == pytest.approx(0.9, abs=0.01)
    few = harris_index(LoopSeries(seconds[:50], noise[:50], np.zeros(50)), dead_time_s=1.0, max_gap_s=2.0)
    assert few is None


def test_total_variation_skips_what_is_not_known() -> None:
    assert total_variation(np.array([0.0, 2.0, np.nan, 5.0, 4.0])) == 3.0
    assert total_variation(np.array([np.nan, 1.0])) is None


def test_columns_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="as many values"):
        LoopSeries(np.arange(3.0), np.arange(2.0), np.arange(3.0))
    with pytest.raises(ValueError, match="rise"):
        LoopSeries(np.array([0.0, 0.0]), np.zeros(2), np.zeros(2))
