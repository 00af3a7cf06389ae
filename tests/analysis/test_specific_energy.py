"""Specific energy, the SEC model, time figures and uncertainty: worked values of docs/formulas.md."""

from __future__ import annotations

import math

import pytest

from analysis.specific_energy import (
    SecModel,
    drilling_mrr_cm3_min,
    fit_sec,
    kj_per_cm3,
    kwh_per_part,
    milling_mrr_cm3_min,
    turning_mrr_cm3_min,
)
from analysis.time_kpi import TimeElements, kpis, together
from analysis.uncertainty import below_ct_range, limit_of_error, ratio_uncertainty, standard_uncertainty
from domain.balance import Metering


def test_energy_per_part_and_per_volume() -> None:
    assert kwh_per_part(86.2, 23) == pytest.approx(3.748, abs=5e-4)
    assert kwh_per_part(86.2, 0) is None
    assert kwh_per_part(None, 23) is None
    assert kj_per_cm3(1.0, 450.0) == 8.0
    assert kj_per_cm3(1.0, 0.0) is None


@pytest.mark.parametrize(("mrr", "sec"), [(2, 5.35), (1, 8.3), (0.5, 14.2), (0.2, 31.9)])
def test_sec_check_numbers(mrr: float, sec: float) -> None:
    assert SecModel(2.4, 5.9).sec_kj_per_cm3(mrr) == pytest.approx(sec)


def test_the_fit_finds_the_line_again() -> None:
    rates = [0.2, 0.5, 1.0, 2.0]
    model = fit_sec(rates, [5.9 + 2.4 * rate for rate in rates])
    assert (model.c0_kj_per_cm3, model.c1_kw, model.r2) == (pytest.approx(2.4), pytest.approx(5.9), pytest.approx(1.0))
    noisy = fit_sec(rates, [6.0 + 2.4 * 0.2, 5.8 + 2.4 * 0.5, 5.9 + 2.4, 5.9 + 4.8])
    assert 0.99 < noisy.r2 < 1.0


@pytest.mark.parametrize(("rates", "powers"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [1, 2])])
def test_a_fit_that_means_nothing_is_refused(rates: list[float], powers: list[float]) -> None:
    with pytest.raises(ValueError, match="a fit needs"):
        fit_sec(rates, powers)
    with pytest.raises(ValueError, match="above 0"):
        SecModel(2.4, 5.9).sec_kj_per_cm3(0.0)


def test_removal_rates() -> None:
    assert turning_mrr_cm3_min(200, 0.3, 2) == pytest.approx(120)
    assert milling_mrr_cm3_min(5, 40, 600) == pytest.approx(120)
    assert drilling_mrr_cm3_min(10, 300) == pytest.approx(23.56, abs=5e-3)


SHIFT = TimeElements(apt_s=5.0 * 3600, aubt_s=6.5 * 3600, pbt_s=7.5 * 3600, idle_s=1.5 * 3600, pri_pq_s=23 * 720, produced=23, good=22)


def test_time_figures_of_a_shift() -> None:
    """8 h shift with 30 min of breaks, 5 h production, 1.5 h idle, 23 parts of ideally 12 min, 22 good."""
    found = kpis(SHIFT)
    assert found.availability == pytest.approx(5 / 7.5)
    assert found.utilisation == pytest.approx(5 / 6.5)
    assert found.allocation == pytest.approx(6.5 / 7.5)
    assert found.effectiveness == pytest.approx(0.92)
    assert found.quality == pytest.approx(22 / 23)
    assert found.oee == pytest.approx(5 / 7.5 * 0.92 * 22 / 23)
    assert found.idle_time_share == pytest.approx(1.5 / 6.5)


def test_without_parts_only_the_figures_of_time_are_there() -> None:
    found = kpis(TimeElements(apt_s=5.0, aubt_s=6.5, pbt_s=7.5, idle_s=1.5))
    assert (found.effectiveness, found.quality, found.oee) == (None, None, None)
    assert found.time_share == pytest.approx(5 / 7.5)
    assert kpis(TimeElements(None, None, 7.5)).idle_time_share is None


def test_times_of_machines_are_summed() -> None:
    small = TimeElements(apt_s=3600, aubt_s=3600, pbt_s=7.5 * 3600, pri_pq_s=720, produced=1, good=1, completeness=0.5)
    both = together([SHIFT, small])
    assert kpis(both).availability == pytest.approx(6 / 15)
    assert both.completeness == pytest.approx(0.75)
    assert kpis(together([SHIFT, TimeElements(1.0, 1.0, 2.0)])).oee is None, "a machine that counts nothing makes the sum unknown"


@pytest.mark.parametrize(("meter", "ct", "percent"), [(0.5, 0.5, 0.71), (1.0, 0.5, 1.12), (1.0, None, 1.0)])
def test_limits_of_error(meter: float, ct: float | None, percent: float) -> None:
    assert limit_of_error(Metering(meter_class=meter, ct_class=ct)) == pytest.approx(percent / 100, abs=5e-5)


def test_gaps_widen_the_limits_and_no_class_means_no_limit() -> None:
    assert limit_of_error(Metering(meter_class=1.0, ct_class=0.5), gap_share=0.02) == pytest.approx(math.sqrt(1 + 0.25 + 4) / 100)
    assert limit_of_error(Metering(ct_class=0.5)) is None
    assert standard_uncertainty(0.0112) == pytest.approx(0.006466, abs=1e-6)


def test_a_quotient_of_one_meter_keeps_only_what_differs() -> None:
    assert ratio_uncertainty(0.012, 0.0112, common=True) == pytest.approx(0.0008)
    assert ratio_uncertainty(0.003, 0.004, common=False) == pytest.approx(0.005)
    assert ratio_uncertainty(None, 0.004, common=False) is None


def test_a_machine_that_idles_below_its_transformers_range_is_flagged() -> None:
    assert below_ct_range(4.0, 100.0)
    assert not below_ct_range(5.0, 100.0)
