"""Figures of the answer to a set-point step: rise, peak, overshoot, settling, what remains. Pure.

Definitions after Åström, Hägglund, "Advanced PID Control" (2006), ch. 4; settling in the band of ± `band` of the step's height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.loops.series import Floats, LoopSeries


@dataclass(frozen=True, slots=True)
class StepResponse:
    """`height` in the unit of y (signed). Times in s from the step. None: not reached within the episode.

    `rise_s`: from 10 % to 90 % of the step; `peak_s`; `overshoot`: what the peak goes beyond the new set point, as a share of the
    step's height (0 where it does not); `settling_s`: from when on the value stays in the band; `steady_error`: mean of
    w - y over the last tenth, in the unit of y.
    """

    height: float
    rise_s: float | None
    peak_s: float | None
    overshoot: float | None
    settling_s: float | None
    steady_error: float | None


def step_response(series: LoopSeries, *, before: float, step_s: float, band: float = 0.05) -> StepResponse:
    """Of an episode that begins with the step at `step_s`; `before` is the set point before it, in the unit of y.

    Raises ValueError for a step of no height or a band outside (0, 1).
    """
    if not 0.0 < band < 1.0:
        raise ValueError("the settling band is a share of the step between 0 and 1")
    known = ~np.isnan(series.error)
    seconds, process, setpoint = series.seconds[known] - step_s, series.process[known], series.setpoint[known]
    if not len(seconds):
        return StepResponse(float("nan"), None, None, None, None, None)
    height = float(setpoint[-1]) - before
    if height == 0.0:
        raise ValueError("an episode of a step response begins with a change of the set point")
    begin = float(process[0])
    travel = float(setpoint[-1]) - begin
    progress = (process - begin) / travel if travel else np.ones_like(process)
    beyond = (process - setpoint[-1]) / height
    peak = int(np.argmax(beyond))
    over = float(beyond[peak])
    return StepResponse(
        height, _rise(seconds, progress), float(seconds[peak]) if over > 0 else None, max(0.0, over),
        _settling(seconds, np.abs(process - setpoint[-1]), band * abs(height)), _steady(setpoint - process, seconds),
    )  # fmt: skip


def _rise(seconds: Floats, progress: Floats) -> float | None:
    low, high = _crossing(seconds, progress, 0.1), _crossing(seconds, progress, 0.9)
    return None if low is None or high is None else high - low


def _crossing(seconds: Floats, values: Floats, level: float) -> float | None:
    """When the straight line between neighbours first reaches the level."""
    reached = np.flatnonzero(values >= level)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return float(seconds[0])
    share = (level - values[at - 1]) / (values[at] - values[at - 1])
    return float(seconds[at - 1] + share * (seconds[at] - seconds[at - 1]))


def _settling(seconds: Floats, distance: Floats, limit: float) -> float | None:
    """When the distance last came into the limit; None where it is outside at the end."""
    outside = np.flatnonzero(distance > limit)
    if not len(outside):
        return max(0.0, float(seconds[0]))
    last = int(outside[-1])
    if last == len(distance) - 1:
        return None
    share = (distance[last] - limit) / (distance[last] - distance[last + 1])
    return float(seconds[last] + share * (seconds[last + 1] - seconds[last]))


def _steady(error: Floats, seconds: Floats) -> float:
    return float(error[seconds >= seconds[-1] - 0.1 * (seconds[-1] - seconds[0])].mean())
