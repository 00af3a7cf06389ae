"""States and cube of a long stretch of the past in one pass over columns, from the minutes that roll-ups keep.

What takes a service one query an hour takes this one a fraction of a second a year: for a changed calendar or threshold over all
that is kept. Pure; the same rules as the live stream (analysis.states, analysis.cube).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.cube import CubeColumns, StateColumns, fill, slot_borders
from analysis.energy import CounterColumns, Floats, Ints, PowerTrace
from analysis.states import Timing, states_of, tile
from domain.cube import Slot
from domain.state import StateInterval, StateThresholds

MINUTE_US = 60_000_000
QUARTER_US = 15 * MINUTE_US
MINUTES = Timing.of(60.0, 0.0)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Roll-up rows of one tag as columns: begin of each bucket and one figure of it, those without the figure left out."""

    begin_us: Ints
    value: Floats
    width_us: int


@dataclass(frozen=True, slots=True)
class Recomputed:
    """`states` tile the stretch; empty without thresholds."""

    states: Sequence[StateInterval]
    cells: CubeColumns


def counter_width_us(slots: Sequence[Slot]) -> int:
    """The widest buckets whose borders are all that slots need: a quarter of an hour, else a minute."""
    return QUARTER_US if all(slot.from_us % QUARTER_US == 0 for slot in slots) else MINUTE_US


def recompute(
    machine_id: str, slots: Sequence[Slot], power: Buckets, consumption: Buckets | None, thresholds: StateThresholds | None
) -> Recomputed:
    """Of [first slot's begin, last slot's end). `power` means in kW, `consumption` kWh a bucket (None: no counter)."""
    borders = slot_borders(slots)
    first, end = int(borders[0]), int(borders[-1])
    states: list[StateInterval] = []
    if thresholds is not None and len(power.begin_us):
        good = np.zeros(len(power.begin_us), dtype=np.int64)
        states = states_of(machine_id, power.begin_us, power.value, good, thresholds, MINUTES, first, end)
    counter = None
    if consumption is not None:
        ends = consumption.begin_us + consumption.width_us
        known = np.ones(len(ends), dtype=np.bool_)
        counter = CounterColumns(consumption.begin_us, ends, consumption.value, known, int(ends[-1]) if len(ends) else None)
    trace = PowerTrace(power.begin_us, power.begin_us + power.width_us, power.value)
    cells = fill(
        borders, StateColumns.of(tile(machine_id, states, first, end)), counter, trace, grid_us=QUARTER_US,
        longest_normal_us=QUARTER_US, tail_until_us=0, states_matter=thresholds is not None,
    )  # fmt: skip
    return Recomputed(states, cells)
