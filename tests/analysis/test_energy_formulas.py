"""Worked numbers of docs/formulas.md: load curve, demand, reactive power, stand-by, carbon."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from analysis import carbon, demand, load_curve, power_factor, standby
from domain.state import MachineState as M
from domain.state import StateInterval
from domain.tariff import Factor, Standby

MINUTE = 60_000_000
HOUR = 60 * MINUTE
T0 = 494_000 * HOUR


# -- demand ----------------------------------------------------------------------------------------------------------


def test_projection_of_the_running_half_hour() -> None:
    assert demand.projection_kw(42.0, 110.0, 20 * MINUTE, 30 * MINUTE) == pytest.approx(120.667, abs=5e-4)


def test_projection_at_the_end_is_the_demand_itself() -> None:
    assert demand.projection_kw(60.0, 500.0, 30 * MINUTE, 30 * MINUTE) == pytest.approx(120.0)


def test_spare_power_brings_the_window_exactly_to_the_contract() -> None:
    spare = demand.spare_kw(42.0, 20 * MINUTE, 30 * MINUTE, 120.0)
    assert spare is not None
    assert demand.projection_kw(42.0, spare, 20 * MINUTE, 30 * MINUTE) == pytest.approx(120.0)
    assert demand.spare_kw(42.0, 30 * MINUTE, 30 * MINUTE, 120.0) is None


def test_windows_are_means_and_one_with_a_hole_is_incomplete() -> None:
    times = T0 + np.arange(6) * 15 * MINUTE
    energy = np.array([10.0, 20.0, 30.0, np.nan, 5.0, 5.0])
    windows = demand.demand_windows(times, np.full(6, 900.0), energy, 30, T0 + 85 * MINUTE)
    assert [w.demand_kw for w in windows] == [60.0, 120.0, 20.0]
    assert [(w.complete, w.running) for w in windows] == [(True, False), (False, False), (False, True)]
    assert [w.demand_kw for w in demand.highest(windows, 3)] == [60.0]


# -- load curve ------------------------------------------------------------------------------------------------------


def test_reference_shift_of_one_machine() -> None:
    """3.0 h at 6.0 kW, 3.5 h at 2.4 kW, 1.5 h at 0.1 kW: P_avg 3.319 kW; with the maximum 9 kW the load factor is 0.369."""
    power = np.concatenate([np.full(12, 6.0), np.full(14, 2.4), np.full(6, 0.1)])
    times, seconds = T0 + np.arange(32) * 15 * MINUTE, np.full(32, 900.0)
    found = load_curve.coefficients(times, seconds, power / 4, rated_kw=11.0, on_kwh=26.4, on_hours=6.5)
    assert found.mean_kw == pytest.approx(3.319, abs=5e-4)
    assert load_curve.ratio(found.mean_kw, 9.0) == pytest.approx(0.369, abs=5e-4)
    assert found.max_kw == pytest.approx(6.0)
    assert found.use == pytest.approx(26.55 / 8 / 11)
    assert found.load == pytest.approx(26.4 / 6.5 / 11)
    assert found.demand == pytest.approx(6.0 / 11)
    assert found.maximum == pytest.approx(6.0 / 3.31875)
    assert found.rms_kw == pytest.approx(np.sqrt((3 * 36 + 3.5 * 5.76 + 1.5 * 0.01) / 8))
    assert found.form == pytest.approx(found.rms_kw / 3.31875)
    assert found.t_max_h == pytest.approx(26.55 / 6.0)
    assert found.load_factor == pytest.approx(3.31875 / 6.0)


def test_an_even_load_has_unit_coefficients() -> None:
    times, seconds = T0 + np.arange(8) * 15 * MINUTE, np.full(8, 900.0)
    found = load_curve.coefficients(times, seconds, np.full(8, 2.5), rated_kw=10.0)
    assert (found.use, found.maximum, found.form, found.load_factor, found.t_max_h) == (1.0, 1.0, 1.0, 1.0, 2.0)
    assert found.load is None


def test_unknown_stretches_are_left_out_and_never_zero() -> None:
    times, seconds = T0 + np.arange(4) * 15 * MINUTE, np.full(4, 900.0)
    found = load_curve.coefficients(times, seconds, np.array([2.0, 2.0, np.nan, np.nan]), rated_kw=None)
    assert found.mean_kw == pytest.approx(8.0)
    assert found.max_kw == pytest.approx(8.0)
    assert found.use is None
    nothing = load_curve.coefficients(times, seconds, np.full(4, np.nan), rated_kw=10.0)
    assert (nothing.mean_kw, nothing.max_kw, nothing.use, nothing.form) == (None, None, None, None)


# -- reactive power --------------------------------------------------------------------------------------------------


def test_capacitors_from_tg_phi_to_its_limit() -> None:
    assert power_factor.required_kvar(120.0, 0.90, 0.35) == pytest.approx(66.0)
    assert power_factor.required_kvar(120.0, 0.30, 0.35) == 0.0
    assert power_factor.required_kvar(None, 0.9, 0.35) is None


@pytest.mark.parametrize(("tangent", "cosine"), [(0.5, 0.894), (0.4, 0.928), (0.35, 0.944)])
def test_cos_phi_of_the_limits(tangent: float, cosine: float) -> None:
    assert power_factor.cos_phi(tangent) == pytest.approx(cosine, abs=5e-4)


def test_tg_phi_needs_active_energy() -> None:
    assert power_factor.tg_phi(200.0, 70.0) == pytest.approx(0.35)
    assert power_factor.tg_phi(0.0, 70.0) is None
    assert power_factor.tg_phi(None, 70.0) is None
    assert power_factor.over_limit_kvarh(200.0, 100.0, 0.35) == pytest.approx(30.0)


# -- stand-by --------------------------------------------------------------------------------------------------------

FACTS = Standby(1.2, 10.0, 0.1, 2.4)


def test_break_even_time() -> None:
    assert standby.break_even_min(FACTS) == pytest.approx(31.3, abs=0.05)
    assert standby.break_even_min(Standby(1.2, 10.0, 2.4, 2.4)) is None
    assert standby.break_even_min(Standby(None, 10.0, 0.1, 2.4)) is None


def test_the_rest_of_a_pause_grows_with_the_time_it_lasted_where_long_ones_exist() -> None:
    pauses = [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 60.0, 70.0, 80.0, 90.0, 100.0]
    assert standby.expected_left_min(pauses, 0.0) == pytest.approx(8.0)
    assert standby.expected_left_min(pauses, 10.0) == pytest.approx(70.0)
    assert standby.expected_left_min(pauses, 75.0) is None


@pytest.mark.parametrize(("expected", "words"), [(70.0, "switch_off"), (31.0, "keep"), (None, "unknown")])
def test_advice(expected: float | None, words: str) -> None:
    assert standby.advice(FACTS, expected) == words


def test_a_warm_up_that_does_not_fit_keeps_the_machine_on() -> None:
    assert standby.advice(Standby(0.1, 45.0, 0.1, 2.4), 40.0) == "keep"


def test_saving_of_a_pause() -> None:
    assert standby.saving_kwh(FACTS, 60.0) == pytest.approx(1.1)
    at_break_even = standby.saving_kwh(FACTS, standby.break_even_min(FACTS))
    assert at_break_even == pytest.approx(0.0, abs=1e-9)


def test_facts_are_learned_from_states() -> None:
    spans = [(M.PRODUCTION, 60, 6.0), (M.IDLE, 10, 0.4), (M.OFF, 120, 0.2), (M.IDLE, 12, 0.6), (M.PRODUCTION, 30, 3.0), (M.IDLE, 20, 0.8)]
    intervals, at = [], T0
    for state, minutes, energy in spans:
        intervals.append(StateInterval("a", state, at, at + minutes * MINUTE, energy))
        at += minutes * MINUTE
    found = standby.learned(intervals)
    assert (found.warm_up_kwh, found.warm_up_min) == (0.6, 12.0)
    assert found.off_kw == pytest.approx(0.1)
    assert found.idle_kw == pytest.approx(1.8 / 0.7)
    assert standby.pauses_of(intervals) == [142.0]
    merged, taken = standby.merged(Standby(warm_up_kwh=1.0, idle_kw=2.0), found)
    assert (merged.warm_up_kwh, merged.idle_kw, merged.off_kw) == (1.0, 2.0, found.off_kw)
    assert taken == {"warm_up_min", "off_kw"}


# -- carbon ----------------------------------------------------------------------------------------------------------


def test_each_day_takes_the_factor_of_its_date() -> None:
    factors = [Factor(date(2026, 1, 1), 0.4, "a"), Factor(date(2026, 7, 1), 0.5, "b")]
    days = [(date(2026, 6, 30), 100.0), (date(2026, 7, 1), 100.0)]
    assert carbon.co2_kg(days, factors) == (90.0, "a; b")
    assert carbon.co2_kg([(date(2025, 12, 31), 1.0)], factors) == (None, "")
    assert carbon.fuel_t([(date(2026, 6, 30), 1000.0)], [Factor(date(2026, 1, 1), 0.123, "c")]) == (pytest.approx(0.123), "c")
