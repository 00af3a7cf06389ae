"""What is checked of one tag from sample to sample: rate of change, spikes, frozen values, counters.

A check takes a value that is already known to be finite and in range and answers with a quality; the value itself is never
altered. State is a few floats a tag. Samples at or before the last one of the tag (late ones) pass unjudged and leave the
state alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from domain.counter import CounterSpec, CounterState, Step, advance
from domain.quality import Quality

GOOD = int(Quality.GOOD)

Report = Callable[[int, str, str], None]
"""(time_us, kind, detail): something about the tag that a person must be able to see."""


class Check(Protocol):
    """One kind of judgement on one tag."""

    def judge(self, time_us: int, value: float) -> int:
        """Quality of the value: 0 (good) or one of the uncertain ones."""
        ...


class RateOfChange:
    """A gauge cannot change faster than `max_rate` (unit per second) since its last believable value.

    A true step is believed again as soon as the time that passed allows the change.
    """

    __slots__ = ("_last", "_last_us", "_max_rate")

    def __init__(self, max_rate: float) -> None:
        self._max_rate = max_rate
        self._last: float | None = None
        self._last_us = 0

    def judge(self, time_us: int, value: float) -> int:
        last = self._last
        if last is None:
            self._last, self._last_us = value, time_us
            return GOOD
        passed_us = time_us - self._last_us
        if passed_us <= 0:
            return GOOD
        if abs(value - last) * 1e6 > self._max_rate * passed_us:
            return Quality.RATE_OF_CHANGE
        self._last, self._last_us = value, time_us
        return GOOD


class Hampel:
    """Spike: farther than 3 * 1.4826 * MAD from the median of the last `window` believable values.

    The floor (1 % of the median, at least `floor`) keeps a quiet signal from turning its own noise into spikes. A filter that
    decides at once cannot tell the first sample of a step from a spike: that one sample is marked, and when the next agrees
    with it (same side, within the threshold of it) the step is believed and the window starts anew.
    Source: Hampel identifier, Pearson (2002), 1.4826 makes the MAD a standard deviation for normal noise.
    """

    __slots__ = ("_floor", "_last_us", "_report", "_suspect", "_values", "_window")

    def __init__(self, floor: float, report: Report, window: int = 9) -> None:
        if not 7 <= window <= 11:
            raise ValueError(f"window {window} is not within 7..11")
        self._window, self._floor, self._report = window, floor, report
        self._values: deque[float] = deque(maxlen=window)
        self._suspect: float | None = None
        self._last_us = 0

    def judge(self, time_us: int, value: float) -> int:
        if time_us <= self._last_us:
            return GOOD
        self._last_us = time_us
        values = self._values
        if len(values) < self._window // 2 + 1:
            values.append(value)
            return GOOD
        ordered = sorted(values)
        middle = len(ordered) // 2
        median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
        deviations = sorted([abs(v - median) for v in ordered])
        mad = deviations[middle] if len(deviations) % 2 else (deviations[middle - 1] + deviations[middle]) / 2
        threshold = 3 * 1.4826 * mad + max(self._floor, 0.01 * abs(median))
        if abs(value - median) <= threshold:
            values.append(value)
            self._suspect = None
            return GOOD
        suspect, self._suspect = self._suspect, value
        same_side = suspect is not None and (suspect > median) == (value > median)
        if suspect is not None and same_side and abs(value - suspect) <= self._step(threshold, value):
            values.clear()
            values.extend((suspect, value))
            self._suspect = None
            return GOOD
        self._report(time_us, "spike", f"{value:g} where the median of {len(ordered)} is {median:g}")
        return Quality.SPIKE

    @staticmethod
    def _step(threshold: float, value: float) -> float:
        """How far two samples of one step may differ: a machine that starts goes on changing, so 10 % is allowed too."""
        return max(threshold, 0.1 * abs(value))


class Frozen:
    """A live gauge is never exactly the same for longer than `after_s`; a sensor that hangs is."""

    __slots__ = ("_after_us", "_since_us", "_value")

    def __init__(self, after_s: float) -> None:
        self._after_us = round(after_s * 1e6)
        self._value: float | None = None
        self._since_us = 0

    def judge(self, time_us: int, value: float) -> int:
        if value != self._value:
            if self._value is None or time_us > self._since_us:
                self._value, self._since_us = value, time_us
            return GOOD
        return Quality.FROZEN if time_us - self._since_us > self._after_us else GOOD


class Counter:
    """Follows a cumulative counter by the rules of domain.counter and reports each rollover, reset, jump and zero."""

    __slots__ = ("_pending", "_report", "_spec", "_time_us", "_value")

    def __init__(self, spec: CounterSpec, report: Report) -> None:
        self._spec, self._report = spec, report
        self._time_us = -1
        self._value = 0.0
        self._pending: CounterState | None = None

    def prime(self, time_us: int, value: float) -> None:
        """Start from the last stored reading, so that an exchange while the product was stopped is noticed."""
        if time_us > self._time_us:
            self._time_us, self._value, self._pending = time_us, value, None

    def judge(self, time_us: int, value: float) -> int:
        if self._time_us < 0:
            self._time_us, self._value = time_us, value
            return GOOD
        if self._pending is None:
            if time_us <= self._time_us:
                return GOOD
            growth = value - self._value
            if growth >= 0 and self._spec.possible(growth, (time_us - self._time_us) / 1e6):
                self._time_us, self._value = time_us, value
                return GOOD
        return self._decide(time_us, value)

    def _decide(self, time_us: int, value: float) -> int:
        before = self._pending or CounterState(self._time_us, self._value)
        state, increment = advance(before, time_us, value, self._spec)
        if state is before:
            return GOOD
        self._time_us, self._value = state.time_us, state.value
        self._pending = state if state.pending_us is not None else None
        if increment is None:
            self._report(time_us, Step.ZERO.value, f"reads 0 after {before.value:g}; the next reading decides")
            return Quality.COUNTER_RESET
        if increment.step is Step.WRAP:
            self._report(time_us, Step.WRAP.value, f"{before.value:g} -> {value:g}, grew by {increment.growth:g}")
            return GOOD
        if increment.step is Step.RESET:
            self._report(time_us, Step.RESET.value, f"{before.value:g} -> {value:g}; growth in between unknown, not added")
            return Quality.COUNTER_RESET
        if increment.step is Step.JUMP:
            self._report(time_us, Step.JUMP.value, f"{before.value:g} -> {value:g} is more than possible; not added")
            return Quality.COUNTER_JUMP
        return GOOD
