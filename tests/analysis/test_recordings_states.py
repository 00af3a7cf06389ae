"""States and parts against what is known: the simulated shop's true modes, and recorded controls of real machines."""

from __future__ import annotations

from itertools import pairwise

import pytest

from analysis.control import Column, claims_of
from benchmarks import states as measured
from domain.production import ControlSignals, ControlState
from tests import shdr
from tests.conftest import shared_file

BACKWARD = "Mazak03-20190626-20190627.txt.gz"  # 15 of its records step back in time; sorting them moves 1.5 min of 10 h
OKUMA_RUNS = (("13:37:22.796", "13:47:27.759"), ("13:51:36.771", "13:54:43.501"), ("13:57:44.329", "13:58:01.081"),
              ("14:21:10.511", "14:30:19.443"))  # fmt: skip
OKUMA_PARTS = 5


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_learned_borders_find_the_true_modes(noise: float) -> None:
    for trial in measured.simulated(2, noise):
        for score in trial.scores:
            if score.f1 is not None and score.time_error is not None:
                assert score.f1 >= 0.95, trial
                assert abs(score.time_error) <= 0.01, trial


def test_recorded_controls_run_as_long_as_is_known() -> None:
    folder = shared_file("data", "mtconnect-nist", "expected.json").parent
    days = list(measured.nist(folder))
    assert len(days) == 12
    for day in days:
        tolerance_s = 120 if day.file == BACKWARD else 0.1
        assert day.found_s == {key: pytest.approx(known, abs=tolerance_s) for key, known in day.known_s.items()}, day.file
        assert day.parts == day.known_parts
        if day.known_on_s is not None:
            assert day.on_s == pytest.approx(day.known_on_s, rel=0.002)
    assert {day.file[:16]: day.parts for day in days if day.parts} == {
        "Hurco01-20170502": 2, "Hurco01-20170809": 4, "Hurco02-20170124": 3
    }  # fmt: skip


def test_the_recorded_lathe_ran_four_times() -> None:
    path = shared_file("data", "mtconnect-okuma", "okuma.txt.gz")
    rows, end_us = shdr.changes(path, "pexecution"), shdr.last_us(path)
    column = Column([at for at, _ in rows], [value.casefold() for _, value in rows])
    marks = claims_of(ControlSignals("x", running=frozenset({"active"})), column, None, [], rows[0][0], end_us)
    runs = [(a[0], b[0]) for a, b in pairwise(marks) if a[1] is ControlState.RUNNING]
    assert [_of_day_s(at) for run in runs for at in run] == pytest.approx([_seconds(at) for run in OKUMA_RUNS for at in run], abs=1e-3)
    assert measured.counted(shdr.changes(path, "ppartcount")) == OKUMA_PARTS  # set back to 0 after each of the first two


def _of_day_s(at_us: int) -> float:
    return at_us / 1e6 % 86_400


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
