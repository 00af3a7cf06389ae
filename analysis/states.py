"""Machine states from active power, as a stream and over whole columns, with one result.

The rules (domain.state.StateThresholds):
- Two borders, off|idle and idle|production. Each has a Schmitt trigger: it goes up at P >= border and down at
  P < border - hysteresis.
- Each trigger is believed when it stood for `min_dwell_s` (first to last sample of the run); the state then begins at the moment
  the border was crossed, so the dwell costs no time in the account, and shorter excursions stay in the state around them. The
  same holds downwards: a short pause in a cut is no change to idle.
- Power holds until the next sample. Bad values and spikes are as if no sample had come: one lost reply does not tear a cut in
  two. When the next usable sample is later than `hold_us` after the last (3 scan intervals plus the timeout), the machine is
  in no_data from one scan interval after the last usable sample on.
- The first usable sample (also after no_data) gives off or idle at once; production needs its dwell and then begins there too.

So intervals tile the time from the first call on: their lengths add up exactly to the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.quality import FIRST_BAD, Quality
from domain.state import MachineState, StateInterval, StateThresholds

SPIKE = int(Quality.SPIKE)


@dataclass(frozen=True, slots=True)
class Timing:
    """`interval_us`: expected time between samples; `hold_us`: after that long without one the machine has no data."""

    interval_us: int
    hold_us: int

    @staticmethod
    def of(interval_s: float, timeout_s: float = 1.0) -> Timing:
        """3 scan intervals plus the timeout."""
        return Timing(round(interval_s * 1e6), round((3 * interval_s + timeout_s) * 1e6))


def usable(value: float | None, quality: int) -> bool:
    """May a state be decided on it? Uncertain values count, spikes and bad ones do not."""
    return value is not None and quality < FIRST_BAD and quality != SPIKE


class _Border:
    """Schmitt trigger and dwell of one border."""

    __slots__ = ("_changed_us", "_down", "_raw", "_up", "on")

    def __init__(self, border_kw: float, hysteresis_kw: float) -> None:
        self._up, self._down = border_kw, border_kw - hysteresis_kw
        self.on = self._raw = False
        self._changed_us = 0

    def begin(self, time_us: int, power_kw: float, *, believed: bool) -> None:
        """First sample after nothing; `believed`: take its side at once."""
        self._raw = power_kw >= self._up
        self._changed_us = time_us
        self.on = self._raw and believed

    def feed(self, time_us: int, power_kw: float, dwell_us: int) -> int | None:
        """Time of the crossing when this sample makes it believed, else None."""
        raw = power_kw >= self._up or (self._raw and power_kw >= self._down)
        if raw is not self._raw:
            self._raw, self._changed_us = raw, time_us
        if raw is not self.on and time_us - self._changed_us >= dwell_us:
            self.on = raw
            return self._changed_us
        return None


class StateMachine:
    """The stream: feed samples in time order, tick when none come. Both answer with what changed: intervals that ended and,
    last, the one that runs now (its `to_us` is None). An interval may end in the past, at a crossing that is now believed;
    one that shrinks to nothing is replaced by the one that begins at the same time."""

    def __init__(
        self, machine_id: str, thresholds: StateThresholds, timing: Timing, start_us: int, rule: str = ""
    ) -> None:
        self._thresholds, self._timing = thresholds, timing
        self._dwell_us = round(thresholds.min_dwell_s * 1e6)
        idle, production = thresholds.idle_above_kw, thresholds.production_above_kw
        self._powered = _Border(idle, thresholds.hysteresis_of(idle))
        self._producing = _Border(production, thresholds.hysteresis_of(production))
        self._last_us: int | None = None
        self.current = StateInterval(machine_id, MachineState.NO_DATA, start_us, None, rule=rule)

    @property
    def last_sample_us(self) -> int | None:
        """Time of the last usable sample; None while there is no data."""
        return self._last_us

    def feed(self, time_us: int, power_kw: float | None, quality: int) -> list[StateInterval]:
        """One sample. A sample at or before the last one is ignored (late ones are for a re-computation)."""
        if power_kw is None or not usable(power_kw, quality):
            return self.tick(time_us)
        changes: list[StateInterval] = []
        if self._last_us is not None:
            if time_us <= self._last_us:
                return []
            if time_us - self._last_us > self._timing.hold_us:
                changes = self._lose()
        elif time_us < self.current.from_us:
            return []
        if self._last_us is None:
            self._last_us = time_us
            self._powered.begin(time_us, power_kw, believed=True)
            self._producing.begin(time_us, power_kw, believed=False)
            changes += self._enter(self._state(), time_us)
            crossings = [self._producing.feed(time_us, power_kw, self._dwell_us)]
        else:
            self._last_us = time_us
            crossings = [border.feed(time_us, power_kw, self._dwell_us) for border in (self._powered, self._producing)]
        moved = [crossing for crossing in crossings if crossing is not None]
        if len(moved) == 2 and moved[0] != moved[1]:  # both borders are believed with this sample, crossed one after the other
            first, second = min(moved), max(moved)
            changes += self._enter(MachineState.IDLE, first) + self._enter(self._state(), second)
        elif moved:
            changes += self._enter(self._state(), moved[0])
        return _final(changes)

    def tick(self, now_us: int) -> list[StateInterval]:
        """Time passed without a usable sample: after `hold_us` the machine has no data."""
        if self._last_us is None or now_us - self._last_us <= self._timing.hold_us:
            return []
        return self._lose()

    def _state(self) -> MachineState:
        if self._producing.on:
            return MachineState.PRODUCTION
        return MachineState.IDLE if self._powered.on else MachineState.OFF

    def _lose(self) -> list[StateInterval]:
        last_us, self._last_us = self._last_us, None
        return [] if last_us is None else self._enter(MachineState.NO_DATA, last_us + self._timing.interval_us)

    def _enter(self, state: MachineState, at_us: int) -> list[StateInterval]:
        ended, running = self.current, replace(self.current, state=state, from_us=at_us)
        if ended.state is state:
            return []
        self.current = running
        return [running] if ended.from_us == at_us else [replace(ended, to_us=at_us), running]


def _final(changes: list[StateInterval]) -> list[StateInterval]:
    """One entry per begin: the last word on it."""
    return list({change.from_us: change for change in changes}.values())


def states_of(
    machine_id: str,
    times_us: ArrayLike,
    values: Sequence[float | None] | NDArray[np.float64],
    qualities: ArrayLike,
    thresholds: StateThresholds,
    timing: Timing,
    from_us: int,
    to_us: int,
) -> list[StateInterval]:
    """The same over whole columns (equal lengths, times rising): intervals that tile [from_us, to_us) exactly."""
    times = np.asarray(times_us, dtype=np.int64)
    power = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    quality = np.asarray(qualities, dtype=np.int64)
    keep = ~np.isnan(power) & (quality < FIRST_BAD) & (quality != SPIKE) & (times >= from_us) & (times < to_us)
    times, power = times[keep], power[keep]
    marks: list[tuple[int, MachineState]] = [(from_us, MachineState.NO_DATA)]
    if len(times):
        parts = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > timing.hold_us) + 1)
        for part in parts:
            marks += _marks(times[part], power[part], thresholds)
            last = int(times[part[-1]])
            if part[-1] < len(times) - 1 or to_us - last > timing.hold_us:
                marks.append((last + timing.interval_us, MachineState.NO_DATA))
    return _tiles(machine_id, marks, to_us)


def _marks(times: NDArray[np.int64], power: NDArray[np.float64], thresholds: StateThresholds) -> list[tuple[int, MachineState]]:
    """Changes of one stretch without gaps: (time, state from then on)."""
    dwell_us = round(thresholds.min_dwell_s * 1e6)
    idle, production = thresholds.idle_above_kw, thresholds.production_above_kw
    powered = _triggered(power, idle, thresholds.hysteresis_of(idle))
    producing = _triggered(power, production, thresholds.hysteresis_of(production))
    changes = {int(times[0]): [bool(powered[0]), False]}
    on = _believed(times, powered, dwell_us, first=bool(powered[0]))
    cut = _believed(times, producing, dwell_us, first=False)
    for slot, crossings in ((0, on), (1, cut)):
        for at_us, side in crossings:
            changes.setdefault(at_us, [None, None])[slot] = side  # type: ignore[list-item]
    marks, now = [], [False, False]
    for at_us in sorted(changes):
        now = [old if new is None else new for old, new in zip(now, changes[at_us], strict=True)]
        state = MachineState.PRODUCTION if now[1] else MachineState.IDLE if now[0] else MachineState.OFF
        marks.append((at_us, state))
    return marks


def _triggered(power: NDArray[np.float64], border: float, hysteresis: float) -> NDArray[np.bool_]:
    """Output of the Schmitt trigger: inside the hysteresis the last decided side goes on."""
    up = power >= border
    decided = up | (power < border - hysteresis)
    decided[0] = True
    last = np.maximum.accumulate(np.where(decided, np.arange(len(power)), 0))
    return np.asarray(up[last], dtype=np.bool_)


def _believed(times: NDArray[np.int64], side: NDArray[np.bool_], dwell_us: int, *, first: bool) -> list[tuple[int, bool]]:
    """(crossing, side) of the runs that stood for the dwell and differ from the side believed before."""
    starts = np.flatnonzero(np.concatenate(([True], side[1:] != side[:-1])))
    ends = np.concatenate((starts[1:], [len(side)])) - 1
    long_enough = times[ends] - times[starts] >= dwell_us
    runs, sides = starts[long_enough], side[starts[long_enough]]
    before = np.concatenate(([first], sides[:-1])) if len(sides) else sides
    return [(int(times[i]), bool(s)) for i, s, b in zip(runs, sides, before, strict=True) if s != b]


def _tiles(machine_id: str, marks: Iterable[tuple[int, MachineState]], to_us: int) -> list[StateInterval]:
    tiles: list[StateInterval] = []
    for at_us, state in marks:
        if at_us >= to_us:
            break
        if tiles and tiles[-1].from_us == at_us:
            tiles.pop()
        if tiles and tiles[-1].state is state:
            continue
        if tiles:
            tiles[-1] = replace(tiles[-1], to_us=at_us)
        tiles.append(StateInterval(machine_id, state, at_us, None))
    if tiles:
        tiles[-1] = replace(tiles[-1], to_us=to_us)
    return tiles


def tile(machine_id: str, intervals: Iterable[StateInterval], from_us: int, to_us: int) -> list[StateInterval]:
    """Stored intervals (time order; the running one has no end) cut to the window; what none covers is no_data, neighbours of the
    same state are one. Energies are dropped: they belong to the whole interval. The result tiles [from_us, to_us) exactly."""
    marks: list[tuple[int, MachineState]] = []
    covered_us = from_us
    for interval in intervals:
        end = to_us if interval.to_us is None else min(interval.to_us, to_us)
        begin = max(interval.from_us, covered_us)
        if begin >= end:
            continue
        if begin > covered_us:
            marks.append((covered_us, MachineState.NO_DATA))
        marks.append((begin, interval.state))
        covered_us = end
    if covered_us < to_us:
        marks.append((covered_us, MachineState.NO_DATA))
    return _tiles(machine_id, marks, to_us)


def seconds_by_state(intervals: Iterable[StateInterval], now_us: int) -> Mapping[MachineState, float]:
    """Total seconds in each state that occurs; the running interval counts up to `now_us`."""
    total_us: dict[MachineState, int] = {}
    for interval in intervals:
        end = now_us if interval.to_us is None else interval.to_us
        total_us[interval.state] = total_us.get(interval.state, 0) + max(0, end - interval.from_us)
    return {state: us / 1e6 for state, us in total_us.items()}
