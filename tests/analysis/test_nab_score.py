"""The scoring of NAB against values worked by hand and against lines of its published files of results."""

from __future__ import annotations

import math
import statistics

import pytest

from benchmarks.anomalies import NAB_PUBLISHED, adaptive_detections, nab, normalised
from benchmarks.nab_score import nab_score, position_score, probation
from tests.conftest import shared_file

ROWS = 22_695
WINDOWS = [(2126, 2692), (3703, 4269), (16057, 16623), (19232, 19798)]  # of machine_temperature_system_failure


@pytest.mark.parametrize(("position", "score"), [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661), (3.5, -1.0)])
def test_the_sigmoid_has_its_published_values(position: float, score: float) -> None:
    assert position_score(position) == pytest.approx(score, abs=5e-6)


def test_no_detection_is_zero_and_the_left_edges_are_a_hundred() -> None:
    """Raw -4 is what the published files give for detectors that find nothing here (Windowed Gaussian, Etsy Skyline)."""
    nothing = nab_score([], WINDOWS, ROWS)
    assert (nothing.raw, nothing.normalised, nothing.found) == (-4.0, 0.0, 0)
    perfect = nab_score([first for first, _ in WINDOWS], WINDOWS, ROWS)
    assert perfect.raw == pytest.approx(4.0)
    assert perfect.normalised == pytest.approx(100.0)


def test_only_the_best_detection_of_a_window_counts() -> None:
    early, late = nab_score([2200], WINDOWS, ROWS), nab_score([2600], WINDOWS, ROWS)
    both = nab_score([2600, 2200], WINDOWS, ROWS)
    assert both.raw == early.raw > late.raw
    assert both.false_alarms == 0


def test_false_alarms_cost_less_close_behind_a_window() -> None:
    """Before the first window the whole 0.11; 0.11 (2 sigmoid(-5) - 1) one width behind; nothing in the first 750 rows."""
    assert nab_score([1000], WINDOWS, ROWS).raw == pytest.approx(-4.11)
    behind = nab_score([2692 + 566], WINDOWS, ROWS)
    assert behind.raw == pytest.approx(-4 + 0.11 * (2 / (1 + math.exp(5)) - 1))
    assert behind.false_alarms == 1
    assert nab_score([700], WINDOWS, ROWS).raw == -4.0
    assert (probation(ROWS), probation(1000)) == (750, 150)


def test_the_products_scorer_beats_the_published_median_on_the_machines_temperature() -> None:
    shared_file("data", "nab", "machine_temperature_system_failure.csv.gz")
    values, windows = nab()
    assert windows == WINDOWS
    found = nab_score(adaptive_detections(values), windows, len(values))
    assert found.normalised >= statistics.median(map(normalised, NAB_PUBLISHED.values()))
    assert (found.found, found.false_alarms) == (3, 1)
