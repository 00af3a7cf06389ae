"""Episodes of a loop: the stretches between changes of its set point. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.loops.series import LoopSeries


@dataclass(frozen=True, slots=True)
class Episode:
    """From a change of the set point (`start_s`) to the next (`end_s`), s; set point before and after in the unit of y."""

    start_s: float
    end_s: float
    before: float
    after: float


def find_episodes(series: LoopSeries, *, min_step: float, min_length_s: float) -> list[Episode]:
    """Steps of at least `min_step` (unit of y) between set points that are held for at least `min_length_s` each.

    A ramp is no step, neither in its course nor at its end.
    """
    known = np.flatnonzero(~np.isnan(series.setpoint))
    setpoint, seconds = series.setpoint[known], series.seconds[known]
    if len(setpoint) < 2:
        return []
    changes = np.flatnonzero(setpoint[1:] != setpoint[:-1]) + 1
    ends = [*(float(seconds[index - 1]) for index in changes[1:]), float(seconds[-1])]
    found: list[Episode] = []
    held_since_s = float(seconds[0])
    for index, end_s in zip(changes, ends, strict=True):
        before, after, start_s = float(setpoint[index - 1]), float(setpoint[index]), float(seconds[index])
        held = min(start_s - held_since_s, end_s - start_s) >= min_length_s
        if held and abs(after - before) >= min_step:
            found.append(Episode(start_s, end_s, before, after))
        held_since_s = start_s
    return found
