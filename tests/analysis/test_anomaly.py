"""The multivariate model: what it finds, what it leaves alone, that it is deterministic and can be stored as plain numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.anomaly import Scorer, calibrate, conformal_threshold, fit_weights, scores, threshold_of, train
from analysis.change import AdaptiveScorer, PageHinkley, change_points, rising_edges
from analysis.detectors.episode import run
from analysis.detectors.minute import CHANNELS, MINUTE_US, Minute
from analysis.detectors.unusual import Anomaly, training_rows
from domain.finding import AnomalyModel

CHANNEL_NAMES = ("active_power", "current_l1", "current_l2", "current_l3")
PARAMETERS = {"alpha": 0.001, "min_minutes": 10.0}


def machine(rows: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Power of a machine at work and the three currents that follow it."""
    rng = np.random.default_rng(seed)
    power = 6 + np.convolve(rng.standard_normal(rows + 20), np.ones(20) / 6, "valid")[:rows]
    currents = [power * 1.6 + rng.normal(0, 0.15, rows) for _ in range(3)]
    return np.column_stack([power, *currents])


def minutes(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]], begin: int = 0) -> list[Minute]:
    made = []
    for i, row in enumerate(rows.tolist()):
        means: list[float | None] = [None] * len(CHANNELS)
        for name, value in zip(CHANNEL_NAMES, row, strict=True):
            means[CHANNELS.index(name)] = value
        made.append(Minute((begin + i) * MINUTE_US, tuple(means), production_s=60.0))
    return made


@pytest.fixture(scope="module")
def model() -> AnomalyModel:
    channels, rows = training_rows(minutes(machine(3000, 1)))
    assert channels == CHANNEL_NAMES
    numbers = json.loads(json.dumps(train(channels, rows, 0.001), allow_nan=False))
    return AnomalyModel("m", 3, 0, 0, 3000 * MINUTE_US, 3000, "test", numbers)


def test_a_phase_that_leaves_the_others_is_found_and_named(model: AnomalyModel) -> None:
    rows = machine(600, 2)
    rows[300:360, 3] *= 0.5
    (finding,) = run(Anomaly("m", PARAMETERS, model), minutes(rows))
    assert 300 * MINUTE_US <= finding.from_us <= 306 * MINUTE_US
    assert finding.contributions[0].tag == "current_l3"
    assert finding.contributions[0].share > 0.4
    assert sum(c.share for c in finding.contributions) == pytest.approx(1)
    assert finding.detail == "production"


def test_other_weeks_of_the_same_habits_are_left_alone(model: AnomalyModel) -> None:
    found = [f for seed in range(3, 8) for f in run(Anomaly("m", PARAMETERS, model), minutes(machine(2000, seed)))]
    assert len(found) <= 2  # in 167 hours of production


def test_odd_hours_in_the_training_weeks_do_not_become_the_norm() -> None:
    rows = machine(3000, 1)
    rows[1000:1060, 3] *= 0.4  # an hour with a lost phase
    clean, spoilt = fit_weights(machine(3000, 1)), fit_weights(rows)
    assert np.allclose(spoilt.inverse, clean.inverse, rtol=0.2, atol=0.05)


def test_training_and_scoring_are_deterministic() -> None:
    channels, rows = training_rows(minutes(machine(800, 4)))
    assert train(channels, rows, 0.01) == train(channels, rows, 0.01)


def test_live_scores_are_those_over_columns() -> None:
    rows = machine(500, 5)
    weights = fit_weights(rows)
    numbers = train(CHANNEL_NAMES, {"production": rows.tolist()}, 0.01)
    threshold = threshold_of(calibrate(rows), 0.01)
    live = Scorer(numbers)
    ratios = [score.ratio for row in rows.tolist() if (score := live.score("production", row)) is not None]
    assert np.allclose(ratios, scores(weights, rows) / threshold)
    resumed = Scorer(numbers)
    for row in rows[:200].tolist():
        resumed.score("production", row)
    again = Scorer(numbers)
    again.restore(json.loads(json.dumps(resumed.memory())))
    tail = [score.ratio for row in rows[200:].tolist() if (score := again.score("production", row)) is not None]
    assert tail == ratios[200:]


def test_few_rows_or_constant_channels_give_no_nonsense() -> None:
    assert train(("active_power",), {"production": [[1.0]] * 10}, 0.001)["groups"] == {}
    constant = train(("active_power", "current_l1"), {"idle": [[2.4, 5.0]] * 400}, 0.001)
    score = Scorer(constant).score("idle", [2.4, 5.0])
    assert score is not None
    assert score.ratio < 1
    assert Scorer(constant).score("production", [2.4, 5.0]) is None


def test_conformal_threshold_by_hand() -> None:
    calibration = np.arange(1.0, 100.0)  # 99 scores: ceil(100 * 0.9) = 90th
    assert conformal_threshold(calibration, 0.1) == 90
    assert conformal_threshold(calibration, 0.001) == 99


def test_without_a_model_a_lasting_shift_of_production_power_is_found() -> None:
    steady = machine(4000, 6)
    shifted = machine(400, 7) + np.array([9.0, 0, 0, 0])
    (finding,) = run(Anomaly("m", PARAMETERS), [*minutes(steady), *minutes(shifted, 4000)])
    assert finding.from_us > 4000 * MINUTE_US
    assert finding.contributions[0].tag == "active_power"
    assert run(Anomaly("m", PARAMETERS), minutes(steady)) == []
    early = run(Anomaly("m", PARAMETERS), [*minutes(steady[:1000]), *minutes(shifted, 1000)])
    assert early == []  # too early to know


def test_memory_of_another_model_is_not_taken_over(model: AnomalyModel) -> None:
    old = Anomaly("m", PARAMETERS, model)
    for minute in minutes(machine(50, 8)):
        old.feed(minute)
    newer = Anomaly("m", PARAMETERS, replace(model, version=4))
    newer.restore(old.memory())
    assert newer.memory()["smoothed"] == {}


def test_page_hinkley_tells_the_side_and_begins_anew() -> None:
    rng = np.random.default_rng(9)
    test = PageHinkley(drift=0.5, threshold=15)
    assert not any(test.add(v) for v in rng.normal(10, 1, 500))
    up = [test.add(v) for v in rng.normal(12, 1, 60)]
    assert up.index(1) < 20
    falling = PageHinkley(drift=0.5, threshold=15)
    series = [*rng.normal(10, 1, 200), *rng.normal(7, 1, 40)]
    signals = [(i, side) for i, v in enumerate(series) if (side := falling.add(v))]
    assert signals[0][1] == -1
    assert 200 <= signals[0][0] < 215


def test_adaptive_scorer_follows_drift_but_not_steps() -> None:
    rng = np.random.default_rng(10)
    drift = rng.normal(0, 1, 6000) + np.linspace(0, 6, 6000)
    scorer = AdaptiveScorer(12, 1000)
    assert max(abs(scorer.add(v)) for v in drift) < 3
    step = [scorer.add(v + 12) for v in rng.normal(6, 1, 60)]
    assert max(step) > 3
    assert rising_edges([0, 4, 4, 0, 4, 0, 4], 3, 4) == [1, 6]


def test_change_points_of_levels() -> None:
    rng = np.random.default_rng(11)
    series = np.concatenate([rng.normal(level, 0.3, 80) for level in (5, 8, 6)])
    assert [abs(found - true) <= 1 for found, true in zip(change_points(series.tolist()), (80, 160), strict=True)] == [True, True]
    assert change_points(rng.normal(5, 0.3, 200).tolist()) == []
    assert change_points([1.0, 2.0]) == []
