"""What a cumulative counter grew by: rollover, reset, exchange, a short zero after a reboot. Pure.

The rule set is the product's promise: an energy total never grows by more than the highest possible power times time, and
never falls. What cannot be decided is marked uncertain and contributes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What happened between two good readings of a counter."""

    NORMAL = "normal"
    WRAP = "counter_wrap"
    RESET = "counter_reset"  # fell, and it is no rollover: reset or exchange; the part in between is unknown
    JUMP = "counter_jump"  # rose by more than is physically possible
    ZERO = "counter_zero"  # reads 0 although it was higher: held back until the next reading decides


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """`wrap_at`: value at which the counter starts again from 0, None if it does not. `max_rate`: per second, None unknown.

    `resolution`: last digit of the meter.
    """

    wrap_at: float | None = None
    max_rate: float | None = None
    resolution: float = 0.0

    def possible(self, growth: float, seconds: float) -> bool:
        """Is that growth physically possible in that time?"""
        return self.max_rate is None or growth <= self.max_rate * max(seconds, 1.0) + self.resolution


@dataclass(frozen=True, slots=True)
class Increment:
    """Growth between two accepted readings [from_us, to_us]; 0.0 and a step other than NORMAL or WRAP where it is unknown."""

    from_us: int
    to_us: int
    growth: float
    step: Step


@dataclass(frozen=True, slots=True)
class CounterState:
    """The last accepted reading, and a zero (or fall) that waits for the next reading to decide what it was."""

    time_us: int
    value: float
    pending_us: int | None = None
    pending_value: float = 0.0


def advance(state: CounterState | None, time_us: int, value: float, spec: CounterSpec) -> tuple[CounterState, Increment | None]:
    """Take one good reading in. Returns the new state and the increment it settles (None: nothing settled yet).

    Times must not decrease; a reading at or before the last one is ignored.
    """
    if state is None:
        return CounterState(time_us, value), None
    last_us = state.time_us if state.pending_us is None else state.pending_us
    if time_us <= last_us:
        return state, None
    growth = value - state.value
    seconds = (time_us - state.time_us) / 1e6
    if growth >= 0:  # also: the pending zero was a reboot, the counter is back where it was
        if spec.possible(growth, seconds):
            return CounterState(time_us, value), Increment(state.time_us, time_us, growth, Step.NORMAL)
        return CounterState(time_us, value), Increment(state.time_us, time_us, 0.0, Step.JUMP)
    if state.pending_us is not None:
        return _settle_pending(state, time_us, value, spec)
    if spec.wrap_at is not None and spec.max_rate is not None and value < spec.wrap_at:
        wrapped = spec.wrap_at - state.value + value
        if wrapped >= 0 and spec.possible(wrapped, seconds):
            return CounterState(time_us, value), Increment(state.time_us, time_us, wrapped, Step.WRAP)
    if value == 0.0:
        return CounterState(state.time_us, state.value, time_us, value), None
    return CounterState(time_us, value), Increment(state.time_us, time_us, 0.0, Step.RESET)


def _settle_pending(state: CounterState, time_us: int, value: float, spec: CounterSpec) -> tuple[CounterState, Increment]:
    """A zero was read before and the counter did not come back: it was a reset, or the meter was exchanged.

    What the new count shows since is not added: whether it is growth or the start of another meter is not known.
    """
    return CounterState(time_us, value), Increment(state.time_us, time_us, 0.0, Step.RESET)


def increments(times_us: Sequence[int], values: Sequence[float], spec: CounterSpec) -> list[Increment]:
    """Increments of good readings in time order (equal lengths). A zero that waits at the end settles nothing."""
    state: CounterState | None = None
    found: list[Increment] = []
    for time_us, value in zip(times_us, values, strict=True):
        state, increment = advance(state, time_us, value, spec)
        if increment is not None:
            found.append(increment)
    return found


def growth_between(found: Sequence[Increment], from_us: int, to_us: int) -> float:
    """Growth within [from_us, to_us], increments being split at the borders by linear interpolation in time."""
    total = 0.0
    for inc in found:
        if inc.to_us <= from_us or inc.from_us >= to_us:
            continue
        inside = min(inc.to_us, to_us) - max(inc.from_us, from_us)
        total += inc.growth * inside / (inc.to_us - inc.from_us)
    return total


def estimated_between(found: Sequence[Increment], from_us: int, to_us: int, longest_normal_us: int) -> float:
    """The part of `growth_between` that lies in increments longer than `longest_normal_us` and is cut by a border.

    An increment wholly inside the window is measured, however long the gap was; only its split at a border is estimated.
    """
    total = 0.0
    for inc in found:
        if inc.to_us - inc.from_us <= longest_normal_us or (inc.from_us >= from_us and inc.to_us <= to_us):
            continue
        if inc.to_us <= from_us or inc.from_us >= to_us:
            continue
        total += inc.growth * (min(inc.to_us, to_us) - max(inc.from_us, from_us)) / (inc.to_us - inc.from_us)
    return total
