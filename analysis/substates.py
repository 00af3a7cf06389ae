"""Idle split into stand-by, warm-up and ready from the power. Pure.

- Stand-by and ready are parted where the histogram of the waiting power has a clear valley (analysis.state_learning).
- Warm-up begins an idle stretch that follows off: as long as the power, averaged over a minute, lies at least `RAISED` above
  the level at which the machine otherwise waits; an hour at most. Without a known level there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.thin import Columns
from domain.quality import FIRST_BAD
from domain.state import MachineState, StateInterval
from domain.substate import SubInterval, SubState

RAISED = 1.06
MEAN_US, LONGEST_WARM_UP_US = 60_000_000, 3_600_000_000
DWELL_US = 30_000_000
PLAIN = {
    MachineState.OFF: SubState.OFF, MachineState.PRODUCTION: SubState.PROCESSING, MachineState.ALARM: SubState.ALARM,
    MachineState.NO_DATA: SubState.NO_DATA,
}  # fmt: skip

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def settled_kw(intervals: Sequence[StateInterval], columns: Columns) -> float | None:
    """Median power while idle, stretches right after off left out; None when there is no other."""
    parts = []
    for before, interval in zip([None, *intervals], intervals, strict=False):
        if interval.state is MachineState.IDLE and before is not None and before.state is not MachineState.OFF:
            parts.append(_power(columns, interval.from_us, _end(interval))[1])
    power = np.concatenate(parts) if parts else np.zeros(0)
    return float(np.median(power)) if len(power) else None


def substates(
    intervals: Sequence[StateInterval], columns: Columns, split_kw: float | None, settled: float | None
) -> list[SubInterval]:
    """`intervals` tile a stretch, all with an end; `columns`: power samples of it. The result tiles it too."""
    marks: list[tuple[int, SubState]] = []
    for before, interval in zip([None, *intervals], intervals, strict=False):
        if interval.state is not MachineState.IDLE:
            marks.append((interval.from_us, PLAIN[interval.state]))
            continue
        times, power = _power(columns, interval.from_us, _end(interval))
        begin_us = interval.from_us
        if settled is not None and before is not None and before.state is MachineState.OFF:
            begin_us = _warm_until(times, power, settled, interval.from_us, _end(interval))
            if begin_us > interval.from_us:
                marks.append((interval.from_us, SubState.WARM_UP))
        if begin_us < _end(interval):
            marks += _waiting(times[times >= begin_us], power[times >= begin_us], begin_us, split_kw)
    return _tiles(intervals[0].machine_id, marks, _end(intervals[-1])) if intervals else []


def _warm_until(times: Times, power: Floats, settled: float, from_us: int, to_us: int) -> int:
    """Where the minute means come down to the settled level; the begin when they never were above it."""
    end_us = min(to_us, from_us + LONGEST_WARM_UP_US)
    at_us = from_us
    while at_us < end_us:
        here = power[(times >= at_us) & (times < at_us + MEAN_US)]
        if len(here) and float(here.mean()) < RAISED * settled:
            return at_us
        at_us += MEAN_US
    return min(at_us, to_us)


def _waiting(times: Times, power: Floats, from_us: int, split_kw: float | None) -> list[tuple[int, SubState]]:
    """Stand-by and ready, shorter changes than the dwell left out."""
    if split_kw is None or not len(times):
        return [(from_us, SubState.READY)]
    high = power >= split_kw
    starts = np.flatnonzero(np.concatenate(([True], high[1:] != high[:-1])))
    ends = np.concatenate((starts[1:], [len(high)])) - 1
    marks: list[tuple[int, SubState]] = []
    for start, end in zip(starts, ends, strict=True):
        if marks and times[end] - times[start] < DWELL_US:
            continue
        at_us = from_us if not marks else int(times[start])
        marks.append((at_us, SubState.READY if high[start] else SubState.STANDBY))
    return marks


def _power(columns: Columns, from_us: int, to_us: int) -> tuple[Times, Floats]:
    times, power, quality = columns
    first, end = np.searchsorted(times, [from_us, to_us])
    keep = ~np.isnan(power[first:end]) & (quality[first:end] < FIRST_BAD)
    return times[first:end][keep], power[first:end][keep]


def _end(interval: StateInterval) -> int:
    return interval.from_us if interval.to_us is None else interval.to_us


def _tiles(machine_id: str, marks: Sequence[tuple[int, SubState]], to_us: int) -> list[SubInterval]:
    merged: list[tuple[int, SubState]] = []
    for at_us, sub in marks:
        if not merged or merged[-1][1] is not sub:
            merged.append((at_us, sub))
    ends = [*(at for at, _ in merged[1:]), to_us]
    return [SubInterval(machine_id, sub, at, end) for (at, sub), end in zip(merged, ends, strict=True) if end > at]
