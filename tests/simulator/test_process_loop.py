"""A simulated control loop shows the same at one time whoever asks, and is as good or bad as it is meant to be."""

from __future__ import annotations

import numpy as np

from analysis.loops.report import loop_report
from analysis.loops.series import LoopSeries
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from simulator.demo import demo_plant_text
from simulator.models import models_of

S = 1_000_000
START = 1_795_600_800 * S  # a whole hour


def test_the_zones_of_the_demonstration_hold_and_swing() -> None:
    plant = parse_plant(demo_plant_text(), catalog=ProfileCatalog.shipped(), environ={}).plant
    source = models_of(plant).source(plant.device("tc"))
    times = START + np.arange(3600, dtype=np.int64) * S
    columns = source.series(times)
    now = source.values(START + 1234 * S)
    assert {tag: now[tag] for tag in columns} == {tag: float(column[1234]) for tag, column in columns.items()}
    reports = {}
    for loop in plant.loops:
        w, y, u = (columns[(tag or "").partition(".")[2]] for tag in (loop.setpoint, loop.process, loop.output))
        reports[loop.id] = loop_report(loop, LoopSeries((times - START) / 1e6, w, y, u), START, START + 3600 * S)
    assert not reports["zone-1"].oscillates
    assert reports["zone-2"].oscillates
    assert [len(report.episodes) for report in reports.values()] == [3, 3]
    assert (reports["zone-1"].mean_abs_error or 0.0) < (reports["zone-2"].mean_abs_error or 0.0) / 5
