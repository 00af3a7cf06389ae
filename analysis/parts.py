"""Parts from a counter or a pulse: false zeros, resets, rollovers, absurd jumps. Pure.

The rules:
- Growth counts when parts can be made that fast (`shortest_cycle_s`); a faster rise is a jump and counts nothing.
- A fall to 0 waits: the counter that comes back to where it was, or beyond, was only restarted; one that stays at 0 for
  `settle_s`, or goes on below its old value, was set back, and what it shows since counts. So does a counter of one or two parts
  that shows them again some seconds later: batches of one are set back after each.
- A fall to another value is a reset; what was made in between is not known and counts nothing. A rollover counts.
- A pulse counts at its rising edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.production import PartStep, PartStepKind

SMALL_BATCH, SMALL_BATCH_S = 2, 10.0


@dataclass(frozen=True, slots=True)
class PartRule:
    """`wrap_at`: value at which the counter starts again from 0, None if it does not. s."""

    shortest_cycle_s: float = 1.0
    wrap_at: float | None = None
    settle_s: float = 60.0

    def possible(self, parts: float, seconds: float) -> bool:
        """Can that many parts be made in that time? One may have been on its way."""
        return parts <= seconds / self.shortest_cycle_s + 1


@dataclass(frozen=True, slots=True)
class PartState:
    """The last accepted reading, and the time of a 0 that waits for what comes next."""

    time_us: int
    value: float
    zero_us: int | None = None


def advance(state: PartState | None, time_us: int, value: float, rule: PartRule) -> tuple[PartState, PartStep | None]:
    """Take one good reading in: the new state, and what is settled by it (None: nothing). Times must not decrease."""
    if state is None:
        return PartState(time_us, value), None
    if time_us <= state.time_us:
        return state, None
    if state.zero_us is not None:
        return _after_zero(state, state.zero_us, time_us, value, rule)
    growth = value - state.value
    seconds = (time_us - state.time_us) / 1e6
    reached = PartState(time_us, value)
    if growth == 0:
        return reached, None
    if growth > 0:
        return reached, _grown(state.time_us, time_us, growth, seconds, rule, PartStepKind.COUNTED)
    if rule.wrap_at is not None and state.value >= rule.wrap_at / 2 and value < rule.wrap_at:
        wrapped = rule.wrap_at - state.value + value
        if rule.possible(wrapped, seconds):
            return reached, PartStep(state.time_us, time_us, round(wrapped), PartStepKind.WRAP, wrapped)
    if value == 0:
        return PartState(state.time_us, state.value, time_us), None
    return reached, PartStep(state.time_us, time_us, 0, PartStepKind.RESET, growth)


def _after_zero(
    state: PartState, zero_us: int, time_us: int, value: float, rule: PartRule
) -> tuple[PartState, PartStep | None]:
    since_s = (time_us - zero_us) / 1e6
    reached = PartState(time_us, value)
    if value == 0:
        if since_s < rule.settle_s:
            return state, None
        return reached, PartStep(state.time_us, zero_us, 0, PartStepKind.RESET, -state.value)
    back = value >= state.value
    again = value <= SMALL_BATCH and since_s >= SMALL_BATCH_S
    if not rule.possible(value, since_s) or (back and not again):
        if back:
            seconds = (time_us - state.time_us) / 1e6
            growth = value - state.value
            step = _grown(state.time_us, time_us, growth, seconds, rule, PartStepKind.COUNTED) if growth else None
            return reached, step
        return reached, PartStep(state.time_us, time_us, 0, PartStepKind.RESET, value - state.value)
    return reached, PartStep(zero_us, time_us, round(value), PartStepKind.RESET, value)


def _grown(from_us: int, to_us: int, growth: float, seconds: float, rule: PartRule, kind: PartStepKind) -> PartStep:
    if rule.possible(growth, seconds):
        return PartStep(from_us, to_us, round(growth), kind, growth)
    return PartStep(from_us, to_us, 0, PartStepKind.JUMP, growth)


def counter_steps(times_us: ArrayLike, values: ArrayLike, rule: PartRule) -> list[PartStep]:
    """Steps of good readings in time order (equal lengths). A 0 that waits at the end settles nothing."""
    times, counts = np.asarray(times_us, dtype=np.int64), np.asarray(values, dtype=np.float64)
    state: PartState | None = None
    steps: list[PartStep] = []
    for index in _telling(counts):
        state, step = advance(state, int(times[index]), float(counts[index]), rule)
        if step is not None:
            steps.append(step)
    return steps


def _telling(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Readings that can change anything: first and last of each run of equal ones, and every 0."""
    if not len(counts):
        return np.zeros(0, dtype=np.int64)
    moved = counts[1:] != counts[:-1]
    edge = np.concatenate(([True], moved)) | np.concatenate((moved, [True])) | (counts == 0)
    return np.flatnonzero(edge)


def pulse_steps(times_us: ArrayLike, values: ArrayLike) -> list[PartStep]:
    """One part at each rising edge (0 to anything else) of good samples in time order."""
    times, high = np.asarray(times_us, dtype=np.int64), np.asarray(values, dtype=np.float64) != 0
    rising = np.flatnonzero(high[1:] & ~high[:-1]) + 1
    return [PartStep(int(times[i - 1]), int(times[i]), 1, PartStepKind.COUNTED, 1.0) for i in rising]


def covered_us(times_us: Sequence[int], from_us: int, to_us: int, hold_us: int) -> int:
    """How much of [from_us, to_us) lies within `hold_us` after a reading, or between readings not further apart than that."""
    times = np.asarray(times_us, dtype=np.int64)
    if not len(times):
        return 0
    begin = np.clip(times, from_us, to_us)
    end = np.clip(np.minimum(times + hold_us, np.append(times[1:], to_us)), from_us, to_us)
    return int(np.maximum(end - begin, 0).sum())
