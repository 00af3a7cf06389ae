"""Integrals of the control error. Pure.

Over each step the error is a straight line, and the integrals of that line are taken exactly (|e| split where it crosses
zero): no rule of quadrature, no dependence on how densely a straight stretch is sampled. Sources: Graham, Lathrop, "The
Synthesis of Optimum Transient Response" (AIEE 1953): ITAE; Åström, Hägglund, "Advanced PID Control" (2006), ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.loops.series import Floats, LoopSeries


@dataclass(frozen=True, slots=True)
class ErrorIntegrals:
    """With e in the unit of the process value and t in s from the beginning of the window.

    `iae` ∫|e|dt in unit·s, `ise` ∫e²dt in unit²·s, `itae` ∫t|e|dt in unit·s², `itse` ∫t·e²dt in unit²·s²;
    `seconds`: over how much known time; `completeness` of the window, 0 to 1. No window, no integrals: None.
    """

    iae: float | None
    ise: float | None
    itae: float | None
    itse: float | None
    seconds: float
    completeness: float


def error_integrals(series: LoopSeries, *, max_gap_s: float, start_s: float | None = None) -> ErrorIntegrals:
    """All four; steps longer than `max_gap_s` or with an unknown end are left out and lower the completeness.

    `start_s`: where t is 0 (the set point's change); None takes the first instant.
    """
    if len(series.seconds) < 2:
        return ErrorIntegrals(None, None, None, None, 0.0, 0.0)
    known = series.known_steps(max_gap_s)
    span = float(series.seconds[-1] - series.seconds[0])
    if not known.any():
        return ErrorIntegrals(None, None, None, None, 0.0, 0.0)
    origin = series.seconds[0] if start_s is None else start_s
    begin, step = series.seconds[:-1][known] - origin, np.diff(series.seconds)[known]
    a, b = series.error[:-1][known], series.error[1:][known]
    covered = float(step.sum())
    squares, timed_squares = _squares(begin, step, a, b)
    iae = itae = 0.0
    for part in _of_one_sign(begin, step, a, b):
        plain, timed = _magnitudes(*part)
        iae, itae = iae + plain, itae + timed
    return ErrorIntegrals(iae, squares, itae, timed_squares, covered, covered / span)


def _of_one_sign(begin: Floats, step: Floats, a: Floats, b: Floats) -> tuple[tuple[Floats, Floats, Floats, Floats], ...]:
    """The steps, those that cross zero as their two halves: (begin, length, |e| at begin, |e| at end) each."""
    crosses = a * b < 0
    share = np.where(crosses, a / np.where(crosses, a - b, 1.0), 1.0)
    first = (begin, share * step, np.abs(a), np.where(crosses, 0.0, np.abs(b)))
    cut = begin[crosses] + share[crosses] * step[crosses]
    second = (cut, (1.0 - share[crosses]) * step[crosses], np.zeros(int(crosses.sum())), np.abs(b[crosses]))
    return first, second


def _magnitudes(begin: Floats, step: Floats, a: Floats, b: Floats) -> tuple[float, float]:
    """∫e dt and ∫t·e dt of straight lines from a to b, both not negative."""
    plain = step * (a + b) / 2.0
    return float(plain.sum()), float((begin * plain + step**2 * (a + 2.0 * b) / 6.0).sum())


def _squares(begin: Floats, step: Floats, a: Floats, b: Floats) -> tuple[float, float]:
    """∫e² dt and ∫t·e² dt of straight lines from a to b."""
    plain = step * (a * a + a * b + b * b) / 3.0
    return float(plain.sum()), float((begin * plain + step**2 * (a * a + 2.0 * a * b + 3.0 * b * b) / 12.0).sum())


def total_variation(values: Floats) -> float | None:
    """Σ|u(k+1) - u(k)| over known neighbours, in the unit of u: how hard the actuator works. None where nothing is known."""
    steps = np.abs(np.diff(values))
    known = steps[~np.isnan(steps)]
    return float(known.sum()) if len(known) else None
