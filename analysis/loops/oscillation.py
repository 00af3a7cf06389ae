"""Does a loop oscillate? Pure. Source: Hägglund, "A control-loop performance monitor" (Control Eng. Practice 3, 1995).

Between two zero crossings of the error lies a half wave. One whose IAE exceeds what a sine of amplitude `a` with the loop's
ultimate period would have is a load disturbance; ten of them within the time of supervision are an oscillation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.loops.series import Floats, LoopSeries

MANY: Final = 10
SUPERVISED_PERIODS: Final = 50.0


@dataclass(frozen=True, slots=True)
class Oscillation:
    """`half_waves` that count within the busiest time of supervision; their `period_s`, `amplitude` (unit of y) or None."""

    found: bool
    half_waves: int
    period_s: float | None
    amplitude: float | None


def find_oscillation(series: LoopSeries, *, amplitude: float, period_s: float, max_gap_s: float) -> Oscillation:
    """`amplitude`: smallest that matters, unit of y (Hägglund: 1 % of the range); `period_s`: ultimate period or integral time.

    Raises ValueError where one of them is not above 0.
    """
    if amplitude <= 0 or period_s <= 0:
        raise ValueError("amplitude and period of an oscillation are above 0")
    limit = amplitude * period_s / math.pi  # 2a/ω
    waves = [wave for run in series.runs(max_gap_s) for wave in _half_waves(series.seconds[run], series.error[run])]
    counted = [wave for wave in waves if wave[2] >= limit]
    if not counted:
        return Oscillation(False, 0, None, None)
    begins = np.array([begin for begin, _, _ in counted])
    within = np.searchsorted(begins, begins + SUPERVISED_PERIODS * period_s, "left") - np.arange(len(begins))
    busiest = int(np.argmax(within))
    chosen = counted[busiest : busiest + int(within[busiest])]
    lengths = np.array([length for _, length, _ in chosen])
    areas = np.array([area for _, _, area in chosen])
    swing = float(np.median(areas / lengths) * math.pi / 2.0)  # of a sine: mean of a half wave is 2a/π
    return Oscillation(len(chosen) >= MANY, len(chosen), 2.0 * float(np.median(lengths)), swing)


def _half_waves(seconds: Floats, error: Floats) -> list[tuple[float, float, float]]:
    """(begin s, length s, IAE unit·s) of each whole half wave: from one zero crossing to the next."""
    crosses = np.flatnonzero((error[:-1] * error[1:] < 0) | ((error[:-1] == 0) & (error[1:] != 0)))
    if len(crosses) < 2:
        return []
    a, b, step = error[crosses], error[crosses + 1], seconds[crosses + 1] - seconds[crosses]
    instants = seconds[crosses] + step * a / (a - b)
    areas = np.concatenate(([0.0], np.cumsum(np.abs(error[:-1] + error[1:]) / 2.0 * np.diff(seconds))))
    # up to a crossing: whole steps, then the triangle to it
    reached = areas[crosses] + np.abs(a) / 2.0 * (instants - seconds[crosses])
    over = np.abs(b) / 2.0 * (seconds[crosses + 1] - instants)
    begun = areas[crosses + 1] - over
    return [
        (float(instants[i]), float(instants[i + 1] - instants[i]), float(reached[i + 1] - begun[i]))
        for i in range(len(crosses) - 1)
    ]
