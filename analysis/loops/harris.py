"""Distance from minimum variance: the Harris index. Pure.

Sources: Harris, "Assessment of control loop performance" (Can. J. Chem. Eng. 67, 1989); estimation by linear regression after
Desborough, Harris (Can. J. Chem. Eng. 70, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.loops.series import LoopSeries, usual_step_s

ORDER: Final = 20
ROWS_PER_UNKNOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Harris:
    """`index` η = 1 - σ²_mv/σ²: 0 is as good as any linear controller could be, 1 leaves all to gain; variances in unit²."""

    index: float
    minimum_variance: float
    variance: float
    samples: int


def harris_index(series: LoopSeries, *, dead_time_s: float, max_gap_s: float, order: int = ORDER) -> Harris | None:
    """Of the error in steady running, on the recording's own even steps; None where too little is known or nothing varies.

    `dead_time_s`: of the process, rounded up to whole steps, at least one. The error is predicted from what was known a dead time
    before; what no prediction from then explains, no controller can take away. The mean square about the set point is used,
    so a lasting offset counts as bad control.
    """
    step = usual_step_s(series.seconds)
    if not step > 0:
        return None
    delay = max(1, int(np.ceil(dead_time_s / step - 1e-9)))
    targets, past = [], []
    for run in series.runs(min(max_gap_s, 1.5 * step)):
        error = series.error[run]
        rows = len(error) - delay - order + 1
        if rows > 0:
            targets.append(error[delay + order - 1 :])
            past.append(np.lib.stride_tricks.sliding_window_view(error, order)[:rows])
    if not targets:
        return None
    known, before = np.concatenate(targets), np.concatenate(past)
    if len(known) < ROWS_PER_UNKNOWN * (order + 1):
        return None
    design = np.column_stack((before, np.ones(len(known))))
    weights, *_ = np.linalg.lstsq(design, known, rcond=None)
    left = float(((known - design @ weights) ** 2).sum()) / (len(known) - order - 1)
    whole = float((known**2).mean())
    if whole <= 0.0:
        return None
    return Harris(min(1.0, max(0.0, 1.0 - left / whole)), left, whole, len(known))
