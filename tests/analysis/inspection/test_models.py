"""Quality models on invented items and on labelled recordings."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis.inspection.features import features_of
from analysis.inspection.models import KINDS, judge, rehearse, train
from benchmarks import inspection_recall
from domain.errors import ConfigError
from domain.inspection import Outcome
from domain.inspection_reason import Reason

RNG = np.random.default_rng(7)
# load and temperature rise together in good items: an item may be within both ranges and yet be odd
BASE = RNG.normal(0, 1, 300)
GOOD = [
    {"load": 40 + 5 * b + e, "temperature": 20 + 2 * b + 0.3 * f} for b, e, f in zip(BASE, RNG.normal(0, 1, 300), RNG.normal(0, 1, 300), strict=True)
]


@pytest.mark.parametrize("kind", KINDS)
def test_good_items_are_good_and_far_ones_rejected_with_the_reason(kind: str) -> None:
    model = json.loads(json.dumps(train(kind, GOOD[:200])))
    outcomes = [judge(model, item)[0] for item in GOOD[200:]]
    assert outcomes.count(Outcome.REJECT) <= 2
    assert outcomes.count(Outcome.GOOD) >= 85
    outcome, score, reasons = judge(model, {"load": 120.0, "temperature": 60.0 if kind == "forest" else 20.0})
    assert outcome is Outcome.REJECT
    assert score > 0.5
    assert reasons
    assert kind == "forest" or reasons[0].feature == "load"


def test_only_the_distance_sees_two_values_that_do_not_go_together() -> None:
    odd = {"load": 49.0, "temperature": 17.0}
    assert judge(train("limits", GOOD), odd)[0] is Outcome.GOOD
    assert judge(train("distance", GOOD), odd)[0] is Outcome.REJECT


def test_a_few_bad_items_among_the_good_do_not_spoil_the_distance() -> None:
    spoilt = [*GOOD[:180], *({"load": 90.0, "temperature": 60.0} for _ in range(12))]
    model = train("distance", spoilt)
    assert judge(model, {"load": 90.0, "temperature": 10.0})[0] is Outcome.REJECT
    assert sum(judge(model, item)[0] is Outcome.REJECT for item in GOOD[200:]) <= 2


def test_our_reading_of_the_forest_is_scikit_learns() -> None:
    from sklearn.ensemble import IsolationForest

    rows = np.array([[item["load"], item["temperature"]] for item in GOOD[:200]])
    theirs = -IsolationForest(n_estimators=100, max_samples=200, random_state=1).fit(rows).score_samples(rows[:20])
    model = train("forest", GOOD[:200])
    from analysis.inspection.models import _anomaly

    assert [_anomaly(model, row) for row in rows[:20]] == pytest.approx(theirs.tolist(), abs=1e-6)


def test_what_cannot_be_learned_or_judged_is_said() -> None:
    with pytest.raises(ConfigError, match="too few"):
        train("limits", GOOD[:9])
    with pytest.raises(ConfigError, match="no model"):
        train("oracle", GOOD)
    with pytest.raises(ConfigError, match="not every item has torque"):
        train("limits", GOOD, ["torque"])
    outcome, _, reasons = judge(train("limits", GOOD), {"load": 40.0})
    assert (outcome, reasons) == (Outcome.UNSURE, (Reason("missing", "temperature"),))


def test_a_rehearsal_counts_what_would_have_been() -> None:
    model = train("limits", GOOD[:200])
    labelled = [({"load": 500.0, "temperature": 20.0}, Outcome.REJECT), ({"load": 500.0, "temperature": 20.0}, Outcome.GOOD),
                (GOOD[0], Outcome.GOOD), (GOOD[1], Outcome.REJECT)]
    assert rehearse(model, labelled) == {"true_reject": 1, "false_reject": 1, "missed": 1, "true_good": 1, "unsure": 0}


def test_features_of_columns() -> None:
    found = features_of({"load": [1e9 + 1, 1e9 + 2, 1e9 + 3]})
    assert found == {"load.mean": 1e9 + 2, "load.min": 1e9 + 1, "load.max": 1e9 + 3, "load.std": pytest.approx(0.8165, abs=1e-4), "load.last": 1e9 + 3}


def test_a_failing_cooler_is_found_in_the_recorded_temperatures() -> None:
    figures = inspection_recall.hydraulic("distance")
    assert figures.recall >= 0.95
    assert figures.precision >= 0.9
