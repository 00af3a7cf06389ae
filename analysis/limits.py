"""Borders of a value, watched as a stream: hysteresis and delays, so that one fault is one alert.

Each border (high, critical_high, low, critical_low, or a duration's only one) is watched by itself. A border is exceeded while
the value is beyond it, and left when the value is back by the hysteresis. Either must last for its delay. Bad values and spikes
neither raise nor return: they are what the no-data alert is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analysis.states import usable
from domain.alert import LimitRule, Priority

PRIORITY = {
    "critical_high": Priority.CRITICAL,
    "critical_low": Priority.CRITICAL,
    "high": Priority.HIGH,
    "low": Priority.HIGH,
}
"""Name of the alert's rule -> its priority."""
_BELOW = {"low", "critical_low"}


def limit_key(tag: str, side: str) -> str:
    """Key of the alert of one border of one tag: at most one stands at a time."""
    return f"limit:{tag}:{side}"


def borders_of(rule: LimitRule) -> dict[str, float]:
    """Side -> border, of those that are watched."""
    sides = {"critical_high": rule.critical_high, "high": rule.high, "low": rule.low, "critical_low": rule.critical_low}
    return {side: limit for side, limit in sides.items() if limit is not None}


@dataclass(frozen=True, slots=True)
class Transition:
    """A border was exceeded (`raised`) or left; `value` is the one that decided it."""

    side: str
    raised: bool
    time_us: int
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Damping:
    """Hysteresis in the unit of the value, delays in s."""

    hysteresis: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0


class _Border:
    __slots__ = ("_back", "_beyond_us", "_off_us", "_on_us", "_sign", "_value", "_within_us", "limit", "raised", "side")

    def __init__(self, side: str, limit: float, damping: Damping) -> None:
        self.side, self.limit = side, limit
        self._sign = -1.0 if side in _BELOW else 1.0
        self._back = limit - self._sign * damping.hysteresis
        self._on_us, self._off_us = round(damping.on_delay_s * 1e6), round(damping.off_delay_s * 1e6)
        self.raised = False
        self._beyond_us: int | None = None  # since when it is exceeded, while that is not yet told
        self._within_us: int | None = None  # since when it is left, while that is not yet told
        self._value = 0.0

    def feed(self, time_us: int, value: float) -> Transition | None:
        self._value = value
        if self.raised:
            if (self._back - value) * self._sign < 0:
                self._within_us = None
            elif self._within_us is None:
                self._within_us = time_us
        elif (value - self.limit) * self._sign <= 0:
            self._beyond_us = None
        elif self._beyond_us is None:
            self._beyond_us = time_us
        return self.decide(time_us)

    def forget_times(self) -> None:
        self._beyond_us = self._within_us = None

    @property
    def value(self) -> float:
        """The last one fed."""
        return self._value

    def decide(self, now_us: int) -> Transition | None:
        """Has a delay passed?"""
        if self.raised:
            if self._within_us is None or now_us - self._within_us < self._off_us:
                return None
        elif self._beyond_us is None or now_us - self._beyond_us < self._on_us:
            return None
        self.raised = not self.raised
        self._beyond_us = self._within_us = None
        return Transition(self.side, self.raised, now_us, self._value, self.limit)


class LimitWatch:
    """All borders of one value. Feed samples in time order; tick in between, so that a delay ends without a new sample."""

    def __init__(self, borders: Mapping[str, float], damping: Damping, interval_s: float) -> None:
        """`interval_s`: expected time between samples; a delay goes on without samples for three of them."""
        self._borders = [_Border(side, limit, damping) for side, limit in borders.items()]
        self._hold_us = round(3 * interval_s * 1e6)
        self._last_us: int | None = None

    @property
    def sides(self) -> list[str]:
        """The borders that are watched."""
        return [border.side for border in self._borders]

    def raised(self) -> list[Transition]:
        """The borders that are exceeded, as far as delays tell, each with the last value."""
        at = self._last_us or 0
        return [Transition(b.side, True, at, b.value, b.limit) for b in self._borders if b.raised]

    def restore(self, side: str) -> None:
        """An alert of that border stands since before the start."""
        for border in self._borders:
            if border.side == side:
                border.raised = True

    def forget_times(self) -> None:
        """The wall clock stepped back: delays begin anew, what is raised stays raised."""
        self._last_us = None
        for border in self._borders:
            border.forget_times()

    def feed(self, time_us: int, value: float | None, quality: int) -> list[Transition]:
        """One sample; late ones and unusable ones change nothing."""
        if value is None or not usable(value, quality) or (self._last_us is not None and time_us <= self._last_us):
            return []
        self._last_us = time_us
        return [change for border in self._borders if (change := border.feed(time_us, value)) is not None]

    def tick(self, now_us: int) -> list[Transition]:
        """Time passed; nothing is decided on a value that is too old."""
        if self._last_us is None or not 0 <= now_us - self._last_us <= self._hold_us:
            return []
        return list(self._decided(now_us))

    def _decided(self, now_us: int) -> Iterator[Transition]:
        for border in self._borders:
            change = border.decide(now_us)
            if change is not None:
                yield change
