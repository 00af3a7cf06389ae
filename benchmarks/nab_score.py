"""The scoring of the Numenta Anomaly Benchmark, standard profile, written from its published description.

A. Lavin, S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark", ICMLA 2015, section II:
the first detection in a window earns a sigmoid of its place in it (early is best), a window without one costs 1, a detection
outside costs up to 0.11, less when it follows a window closely. Everything is scaled so that no detection at all is 0 and a
perfect detector 100. The first 15 % of a file, at most 750 rows, are for warming up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TP, FN, FP = 1.0, 1.0, 0.11  # weights of the standard profile
STEEPNESS = 5.0
FAR_BEHIND = 3.0  # widths after a window; from there on a detection costs the whole weight
PROBATION_SHARE, PROBATION_MOST = 0.15, 750


def position_score(position: float) -> float:
    """-1 is the left edge of a window, 0 its right edge, above 0 lies behind it: 2 sigmoid(-5 y) - 1."""
    if position > FAR_BEHIND:
        return -1.0
    return 2.0 / (1.0 + math.exp(STEEPNESS * position)) - 1.0


@dataclass(frozen=True, slots=True)
class NabScore:
    """`raw` as in the files of results of NAB, `normalised` 0..100; windows found and detections outside."""

    raw: float
    normalised: float
    found: int
    false_alarms: int


def probation(rows: int) -> int:
    """Rows that are not scored."""
    return min(int(PROBATION_SHARE * rows), PROBATION_MOST)


def nab_score(detections: Sequence[int], windows: Sequence[tuple[int, int]], rows: int) -> NabScore:
    """Row numbers of detections; windows as (first, last) rows, in order, not overlapping."""
    best = dict.fromkeys(windows, -FN)
    cost, outside = 0.0, 0
    for row in detections:
        if row < probation(rows):
            continue
        inside = next((w for w in windows if w[0] <= row <= w[1]), None)
        if inside is not None:
            width = inside[1] - inside[0] + 1
            earned = TP * position_score(-(inside[1] - row + 1) / width) / position_score(-1.0)
            best[inside] = max(best[inside], earned)
            continue
        outside += 1
        before = [w for w in windows if w[1] < row]
        cost += FP * (position_score((row - before[-1][1]) / (before[-1][1] - before[-1][0])) if before else -1.0)
    raw = sum(best.values()) + cost
    normalised = 100 * (raw + FN * len(windows)) / ((TP + FN) * len(windows))
    return NabScore(raw, normalised, sum(value > -FN for value in best.values()), outside)
