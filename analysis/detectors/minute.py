"""Minutes of a machine: means of what its meter measured, with the time spent in each state.

Detectors see minutes, never samples. A minute is made from a stream (`MinuteFold`) or from whole columns (`minutes_of`) with the
same sums in the same order, so both give the same numbers. Means are arithmetic over usable samples of an even scan interval; for
readings within 10 % of each other they differ from root mean squares by less than 0.5 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.states import usable
from domain.plant import Tag
from domain.quality import FIRST_BAD, Quality
from domain.quantity import Quantity
from domain.state import MachineState, StateInterval

MINUTE_US = 60_000_000
TEN_S_US = 10_000_000
PHASES = 3
CHANNELS = (
    "active_power", "reactive_power", "power_factor", "frequency",
    "voltage_l1", "voltage_l2", "voltage_l3", "voltage_l12", "voltage_l23", "voltage_l31",
    "current_l1", "current_l2", "current_l3",
)  # fmt: skip
"""What detectors use of a meter: the standard names of points in profiles."""
_FREQUENCY = CHANNELS.index("frequency")

Row = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Minute:
    """[time_us, time_us + 60 s). Values in canonical units, None where nothing usable was measured.

    `means` by the order of CHANNELS. `known_s`: seconds with usable power. `in_shift` None when the plant has no shifts.
    `week`: number of the site's calendar week, for rules about weeks. `frequency_10s`: 10 s means, as EN 50160 asks for.
    """

    time_us: int
    means: Row
    known_s: float = 60.0
    off_s: float = 0.0
    idle_s: float = 0.0
    production_s: float = 0.0
    in_shift: bool | None = None
    week: int = 0
    frequency_10s: tuple[float, ...] = ()
    program: str = ""
    parts: float | None = None

    @property
    def end_us(self) -> int:
        return self.time_us + MINUTE_US

    @property
    def power_kw(self) -> float | None:
        return self.means[0]

    @property
    def reactive_kvar(self) -> float | None:
        return self.means[1]

    @property
    def power_factor(self) -> float | None:
        return self.means[2]

    @property
    def energy_kwh(self) -> float:
        """Mean power times the minute: what was measured of it stands for all of it."""
        return 0.0 if self.power_kw is None else self.power_kw / 60.0

    @property
    def phase_voltages_v(self) -> tuple[float, float, float] | None:
        return self._three(4)

    @property
    def line_voltages_v(self) -> tuple[float, float, float] | None:
        return self._three(7)

    @property
    def currents_a(self) -> tuple[float, float, float] | None:
        return self._three(10)

    def _three(self, first: int) -> tuple[float, float, float] | None:
        a, b, c = self.means[first : first + PHASES]
        return None if a is None or b is None or c is None else (a, b, c)

    @property
    def idle(self) -> bool:
        """More than half of it."""
        return self.idle_s > 30.0

    @property
    def producing(self) -> bool:
        """More than half of it."""
        return self.production_s > 30.0


def channels_of(tags: Iterable[Tag]) -> dict[int, Tag]:
    """Index in CHANNELS -> the tag of one device that carries it. A total power that is the only one may have any name."""
    mine = list(tags)
    found = {CHANNELS.index(tag.point): tag for tag in mine if tag.point in CHANNELS}
    powers = [tag for tag in mine if tag.quantity is Quantity.ACTIVE_POWER]
    if 0 not in found and len(powers) == 1:
        found[0] = powers[0]
    return found


class MinuteFold:
    """The stream: sums of the running minute. `add` is called for every sample and costs a few additions."""

    __slots__ = ("_begin_us", "_counts", "_done", "_interval_s", "_sums", "_tens")

    def __init__(self, interval_s: float) -> None:
        """`interval_s`: expected time between samples of the power."""
        self._interval_s = interval_s
        self._begin_us: int | None = None
        self._done: list[Minute] = []
        self._clear()

    def _clear(self) -> None:
        self._sums = [0.0] * len(CHANNELS)
        self._counts = [0] * len(CHANNELS)
        self._tens: dict[int, tuple[float, int]] = {}

    def add(self, channel: int, time_us: int, value: float | None, quality: int) -> None:
        """One sample. Late ones (of a minute that is over) are left out."""
        if value is None or not usable(value, quality):
            return
        begin = time_us - time_us % MINUTE_US
        if begin != self._begin_us:
            if self._begin_us is not None:
                if begin < self._begin_us:
                    return
                self.close()
            self._begin_us = begin
        self._sums[channel] += value
        self._counts[channel] += 1
        if channel == _FREQUENCY:
            slot = (time_us - begin) // TEN_S_US
            total, count = self._tens.get(slot, (0.0, 0))
            self._tens[slot] = (total + value, count + 1)

    def add_batch(
        self, places: Sequence[tuple[int, int]], time_us: int, values: Sequence[float | None], qualities: Sequence[int]
    ) -> None:
        """The same for a whole batch: `places` are (index in it, channel)."""
        for index, channel in places:
            self.add(channel, time_us, values[index], qualities[index])

    def close(self) -> None:
        """The running minute is over."""
        if self._begin_us is None:
            return
        means = tuple(s / n if n else None for s, n in zip(self._sums, self._counts, strict=True))
        known_s = min(60.0, self._counts[0] * self._interval_s)
        tens = tuple(self._tens[slot][0] / self._tens[slot][1] for slot in sorted(self._tens))
        self._done.append(Minute(self._begin_us, means, known_s, frequency_10s=tens))
        self._begin_us = None
        self._clear()

    def take(self, before_us: int) -> list[Minute]:
        """Minutes that ended at or before `before_us`, oldest first."""
        if self._begin_us is not None and self._begin_us + MINUTE_US <= before_us:
            self.close()
        ready = [minute for minute in self._done if minute.end_us <= before_us]
        self._done = [minute for minute in self._done if minute.end_us > before_us]
        return ready

    def forget(self) -> None:
        """The clock stepped back: what was gathered is of no time any more."""
        self._begin_us = None
        self._done.clear()
        self._clear()


Columns = tuple[Sequence[int], Sequence[float | None], Sequence[int]]


def minutes_of(columns: Mapping[int, Columns], interval_s: float) -> list[Minute]:
    """The same over whole columns: channel -> (times_us, values, qualities), each in time order."""
    sums: dict[int, tuple[dict[int, float], dict[int, int]]] = {}
    tens: Mapping[int, tuple[float, ...]] = {}
    for channel, (times_us, values, qualities) in columns.items():
        times, taken = _usable(times_us, values, qualities)
        sums[channel] = _sums(times - times % MINUTE_US, taken)
        if channel == _FREQUENCY:
            tens = ten_second_means(times_us, values, qualities)
    begins = sorted({begin for totals, _ in sums.values() for begin in totals})
    found = []
    for begin in begins:
        means = tuple(_mean(sums.get(channel), begin) for channel in range(len(CHANNELS)))
        count = sums[0][1].get(begin, 0) if 0 in sums else 0
        found.append(Minute(begin, means, min(60.0, count * interval_s), frequency_10s=tens.get(begin, ())))
    return found


def ten_second_means(
    times_us: Sequence[int], values: Sequence[float | None], qualities: Sequence[int]
) -> dict[int, tuple[float, ...]]:
    """Begin of each minute -> its 10 s means."""
    times, taken = _usable(times_us, values, qualities)
    totals, counts = _sums(times - times % TEN_S_US, taken)
    tens: dict[int, list[float]] = {}
    for begin, total in totals.items():
        tens.setdefault(begin - begin % MINUTE_US, []).append(total / counts[begin])
    return {begin: tuple(means) for begin, means in tens.items()}


def _usable(
    times_us: Sequence[int], values: Sequence[float | None], qualities: Sequence[int]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    times = np.asarray(times_us, dtype=np.int64)
    taken = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    quality = np.asarray(qualities, dtype=np.int64)
    keep = ~np.isnan(taken) & (quality < FIRST_BAD) & (quality != Quality.SPIKE)
    return times[keep], taken[keep]


def _sums(
    begins: np.ndarray[tuple[int], np.dtype[np.int64]], values: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[dict[int, float], dict[int, int]]:
    """Sum and count by begin; bincount adds one after the other, as the stream does."""
    unique, index = np.unique(begins, return_inverse=True)
    keys = unique.tolist()
    totals = np.bincount(index, weights=values, minlength=len(keys)).tolist()
    counts = np.bincount(index, minlength=len(keys)).tolist()
    return dict(zip(keys, totals, strict=True)), dict(zip(keys, counts, strict=True))


def _mean(sums: tuple[dict[int, float], dict[int, int]] | None, begin: int) -> float | None:
    return None if sums is None or begin not in sums[0] else sums[0][begin] / sums[1][begin]


def with_states(minutes: Iterable[Minute], intervals: Sequence[StateInterval]) -> list[Minute]:
    """Seconds of each minute in off, idle and production, from intervals in time order (the running one has no end)."""
    found, first = [], 0
    for minute in minutes:
        while first < len(intervals) and (end := intervals[first].to_us) is not None and end <= minute.time_us:
            first += 1
        seconds = {MachineState.OFF: 0.0, MachineState.IDLE: 0.0, MachineState.PRODUCTION: 0.0}
        for place in range(first, len(intervals)):
            interval = intervals[place]
            if interval.from_us >= minute.end_us:
                break
            end_us = minute.end_us if interval.to_us is None else min(interval.to_us, minute.end_us)
            share = max(0, end_us - max(interval.from_us, minute.time_us)) / 1e6
            if interval.state in seconds:
                seconds[interval.state] += share
        found.append(
            replace(
                minute, off_s=seconds[MachineState.OFF], idle_s=seconds[MachineState.IDLE],
                production_s=seconds[MachineState.PRODUCTION],
            )
        )  # fmt: skip
    return found


Context = Callable[[int], tuple[bool | None, int]]
"""time_us -> (inside a shift or None without shifts, number of the calendar week)."""


def with_calendar(minutes: Iterable[Minute], context: Context) -> list[Minute]:
    """Whether each minute's middle lies in a shift, and its week."""
    found = []
    for minute in minutes:
        in_shift, week = context(minute.time_us + MINUTE_US // 2)
        found.append(replace(minute, in_shift=in_shift, week=week))
    return found
