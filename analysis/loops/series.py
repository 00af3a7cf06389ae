"""A loop's recording as arrays, and the stretches of it in which nothing is missing. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LoopSeries:
    """One loop on one time grid: `seconds` rising; set point w and process value y in the unit of y; NaN is not known.

    `output` (u, in its own unit, usually %) is None where it is not measured. Between neighbours the values run straight.
    """

    seconds: Floats
    setpoint: Floats
    process: Floats
    output: Floats | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when the columns do not belong together or time does not rise."""
        columns = [self.setpoint, self.process, *([] if self.output is None else [self.output])]
        if any(len(column) != len(self.seconds) for column in columns):
            raise ValueError("every column of a loop has as many values as there are instants")
        if len(self.seconds) > 1 and not np.all(np.diff(self.seconds) > 0):
            raise ValueError("the instants of a loop rise")

    @property
    def error(self) -> Floats:
        """e = w - y, in the unit of y."""
        return self.setpoint - self.process

    def within(self, start_s: float, end_s: float) -> LoopSeries:
        """What lies in [start, end]."""
        first, last = np.searchsorted(self.seconds, start_s, "left"), np.searchsorted(self.seconds, end_s, "right")
        chosen = slice(int(first), int(last))
        output = None if self.output is None else self.output[chosen]
        return LoopSeries(self.seconds[chosen], self.setpoint[chosen], self.process[chosen], output)

    def known_steps(self, max_gap_s: float) -> npt.NDArray[np.bool_]:
        """For each step from one instant to the next: may the error be taken as a straight line over it?"""
        known = ~np.isnan(self.error)
        return known[:-1] & known[1:] & (np.diff(self.seconds) <= max_gap_s)

    def runs(self, max_gap_s: float) -> Iterator[slice]:
        """Index ranges of at least two instants over which every step is known."""
        steps = np.flatnonzero(np.diff(np.concatenate(([0], self.known_steps(max_gap_s).astype(np.int8), [0]))))
        for first, last in zip(steps[::2], steps[1::2], strict=True):
            yield slice(int(first), int(last) + 1)


def usual_step_s(seconds: Floats) -> float:
    """Median distance of neighbours, s; NaN with fewer than two instants."""
    return float(np.median(np.diff(seconds))) if len(seconds) > 1 else float("nan")
