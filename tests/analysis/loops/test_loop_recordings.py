"""Real temperature loops (recordings `pid-loops`): the integrals against the published ones, tunings against each other."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.loops.criteria import error_integrals, total_variation
from analysis.loops.episodes import find_episodes
from analysis.loops.oscillation import find_oscillation
from analysis.loops.series import LoopSeries
from analysis.loops.step_response import StepResponse, step_response

Shared = Callable[..., Path]


def rows_of(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    return list(csv.DictReader(io.StringIO((gzip.decompress(raw) if path.suffix == ".gz" else raw).decode())))


def recorded(path: Path, step_s: float) -> LoopSeries:
    rows = rows_of(path)
    setpoint, process, output = (np.array([float(row[name]) for row in rows]) for name in ("set_c", "oven_c", "output"))
    return LoopSeries(np.arange(len(rows)) * step_s, setpoint, process, output)


def answer(path: Path, step_s: float) -> StepResponse:
    """To the first step of the run."""
    series = recorded(path, step_s)
    first = find_episodes(series, min_step=0.3, min_length_s=20.0)[0]
    return step_response(series.within(first.start_s, first.end_s), before=first.before, step_s=first.start_s)


def test_integrals_of_every_run_are_the_published_ones(shared_data: Shared) -> None:
    """Published by the rectangle rule, which counts the two ends whole: half of both ends is the difference of the rules."""
    folder = shared_data("data", "pid-loops", "reference_metrics.csv").parent
    reference = rows_of(folder / "reference_metrics.csv")
    assert len(reference) >= 35
    for row in reference:
        step = float(row["dt_s"])
        series = recorded(folder / row["file"], step)
        found = error_integrals(series, max_gap_s=5.0)
        first, last = abs(series.error[0]), abs(series.error[-1])
        assert (found.iae or 0.0) + step * (first + last) / 2 == pytest.approx(float(row["IAE"]), rel=0.02), row["file"]
        lines = step * float((np.diff(series.error) ** 2).sum()) / 6  # what a square of a straight line is less than of its ends
        assert (found.ise or 0.0) + step * (first**2 + last**2) / 2 + lines == pytest.approx(float(row["ISE"]), rel=1e-4)
        assert found.itae == pytest.approx(float(row["ITAE"]), rel=0.025), row["file"]
        assert series.output is not None
        assert total_variation(series.output) == pytest.approx(float(row["output_TV"]), rel=1e-4), row["file"]


def test_more_integral_action_overshoots_more_and_derivative_action_damps(shared_data: Shared) -> None:
    folder = shared_data("data", "pid-loops", "runs.csv").parent
    over = {run: answer(folder / f"tec2018b_run{run}.csv.gz", 1.0).overshoot or 0.0 for run in ("10", "15", "16", "17", "26")}
    assert over["10"] == 0.0  # proportional action alone never gets there
    assert 0.1 < over["15"] < over["16"] < over["17"]  # ki 0.5, 1, 2
    assert over["26"] < over["17"] / 1.5  # kd 25.6 beside the same kp and ki


def test_equal_gains_give_equal_figures(shared_data: Shared) -> None:
    folder = shared_data("data", "pid-loops", "runs.csv").parent
    pair = [error_integrals(recorded(folder / f"tec2018a_run0{n}.csv.gz", 0.25), max_gap_s=5.0).iae or 0.0 for n in (6, 7)]
    assert pair[0] == pytest.approx(pair[1], rel=0.01)


def test_the_loops_that_swing_on_are_found_and_the_calm_ones_are_not(shared_data: Shared) -> None:
    """Runs 2 and 3 have much integral action and swing through every step of the ramp; runs 5 to 7 have none."""
    folder = shared_data("data", "pid-loops", "runs.csv").parent
    found = {
        n: find_oscillation(
            recorded(folder / f"tec2018a_run0{n}.csv.gz", 0.25), amplitude=0.05, period_s=20.0, max_gap_s=5.0
        ).found
        for n in (2, 3, 5, 6, 7)
    }
    assert found == {2: True, 3: True, 5: False, 6: False, 7: False}
