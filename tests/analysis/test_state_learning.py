"""Borders learned from power: found where the modes part, with a confidence that tells what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.state_learning import PowerHistogram, histogram_of, histogram_of_means, learn
from analysis.states import Timing
from analysis.thin import filled

S = 1_000_000
TIMING = Timing.of(1.0)
DAY_S = 86_400
RNG = np.random.default_rng(7)


def day(*parts: tuple[float, float, int], cycle: bool = True) -> PowerHistogram:
    """(kW, relative noise, seconds) after each other; the last one is worked in cycles."""
    power = [np.maximum(kw * (1 + noise * RNG.standard_normal(seconds)), 0) for kw, noise, seconds in parts]
    if cycle:
        power[-1] *= 1 + 0.25 * np.sin(np.arange(len(power[-1])) / 7)
    column = np.concatenate(power)
    return histogram_of(np.arange(len(column)) * S, column, np.zeros(len(column)), TIMING)


def many(histogram: PowerHistogram, days: int = 10) -> PowerHistogram:
    whole = PowerHistogram()
    for _ in range(days):
        whole = whole.plus(histogram)
    return whole


def test_off_idle_and_production() -> None:
    found = learn(many(day((0.03, 0.02, 20_000), (2.4, 0.03, 30_000), (6.0, 0.05, 36_400))), TIMING)
    assert found.thresholds is not None
    assert 0.05 < found.thresholds.idle_above_kw < 1.8
    assert 2.6 < found.thresholds.production_above_kw < 4.4
    assert found.confidence > 0.9
    assert found.reasons == ()


def test_steady_levels_are_waiting_restless_ones_are_work() -> None:
    """Stand-by 0.5 kW, ready 1.6 kW, cutting around 4 and 8 kW: idle ends above ready, not in the larger gap below it."""
    parts = day((0.02, 0.01, 30_000), (0.5, 0.02, 12_000), (1.6, 0.02, 14_000), cycle=False)
    work = np.tile(np.repeat([4.0, 8.0], 40), 380) * (1 + 0.1 * RNG.standard_normal(30_400))
    cut = histogram_of(np.arange(len(work)) * S, work, np.zeros(len(work)), TIMING)
    found = learn(many(parts.plus(cut)), TIMING)
    assert found.thresholds is not None
    assert 1.7 < found.thresholds.production_above_kw < 3.4
    assert len(found.modes) >= 4


def test_a_machine_that_is_never_off() -> None:
    found = learn(many(day((9.4, 0.03, 26_400), (33.0, 0.02, 60_000))), TIMING)
    assert found.thresholds is not None
    assert found.reasons == ("never_off",)
    assert found.thresholds.idle_above_kw < 8
    assert 10 < found.thresholds.production_above_kw < 26


@pytest.mark.parametrize(
    ("histogram", "reason", "borders"),
    [
        (PowerHistogram(), "too_little_data", False),
        (many(day((5.0, 0.05, DAY_S), cycle=False)), "one_mode", False),
        (many(day((0.02, 0.02, 40_000), (5.0, 0.02, 46_400), cycle=False)), "two_modes", True),
        (day((0.03, 0.02, 2000), (2.4, 0.03, 3000), (6.0, 0.05, 3600)), "too_little_data", True),
        (many(day((0.03, 0.05, 20_000), (2.4, 0.22, 33_200), (5.0, 0.22, 33_200), cycle=False)), "modes_overlap", True),
    ],
)
def test_what_the_data_do_not_show_is_said(histogram: PowerHistogram, reason: str, borders: bool) -> None:
    found = learn(histogram, TIMING)
    assert reason in found.reasons
    assert (found.thresholds is not None) is borders
    assert found.confidence < 0.6


def test_seconds_are_counted_once_and_gaps_not_at_all() -> None:
    times = np.array([0, 1, 2, 100, 101]) * S
    histogram = histogram_of(times, [1.0, 1.0, None, 5.0, 0.0], [0, 0, 65, 0, 0], TIMING)
    assert histogram.total_s == pytest.approx(1 + 1 + 1 + 1)
    assert histogram.low_s == 1
    assert histogram_of_means([1.0, 4.0], [60, 30]).total_s == 90


def test_a_coarse_past_is_judged_as_it_was_measured() -> None:
    coarse = np.arange(0, 7200, 60) * S
    fine = np.arange(7200, 7800) * S
    times = np.concatenate((coarse, fine))
    power = np.where(times < 3600 * S, 1.0, 5.0)
    full = filled(times, power, np.zeros(len(times)), TIMING)
    assert np.diff(full[0]).max() <= TIMING.hold_us
    assert histogram_of(*full, TIMING).total_s == pytest.approx(7800, abs=5)
    lost = times[(times < 7300 * S) | (times > 7700 * S)]  # among samples of each second, 400 s are a loss
    assert np.diff(filled(lost, np.ones(len(lost)), np.zeros(len(lost)), TIMING)[0]).max() > 300 * S
