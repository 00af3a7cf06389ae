"""What an engineer looks at before borders change: what the machine's power shows, what other borders would have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.control import join
from analysis.meter import Meter, Meters
from analysis.state_history import DAY_US, LEAD_US, StateHistory
from analysis.state_learning import EDGES_KW, PowerHistogram, histogram_of, idle_split, learn
from analysis.states import states_of, tile
from analysis.substates import settled_kw, substates
from analysis.thin import Columns, filled
from domain.errors import ConfigError
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from domain.quality import FIRST_BAD
from domain.state import MachineState, StateInterval, StateThresholds
from domain.state_rule import HistogramBin, LearnedBorders, Rehearsal, StateTotals
from domain.substate import SubStates

LEARN_DAYS, REHEARSE_DAYS = 14, 30
REMEMBERED_US = 600_000_000  # what was learned stays for so long
STATES = tuple(MachineState)


class StateReview:
    """Reads a day of one machine at a time; the computing runs on a thread."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, past: StateHistory, clock: Clock
    ) -> None:
        self._meters = Meters(plant, tags)
        self._history, self._past, self._clock = history, past, clock
        self._learned: dict[str, tuple[int, LearnedBorders]] = {}
        self._histograms: dict[str, PowerHistogram] = {}
        self._busy = asyncio.Lock()

    async def learned(self, machine_id: str) -> LearnedBorders:
        """From the power of the last two weeks. Raises NotFound."""
        meter = self._meters.of(machine_id)
        now_us = self._clock.now_us()
        known = self._learned.get(machine_id)
        if known is not None and 0 <= now_us - known[0] < REMEMBERED_US:
            return known[1]
        from_us, whole = now_us - LEARN_DAYS * DAY_US, PowerHistogram()
        async with self._busy:
            for begin_us, end_us in _days(from_us, now_us):
                columns = await self._power(meter, begin_us, end_us)
                if columns is not None:
                    whole = whole.plus(await asyncio.to_thread(histogram_of, *columns, meter.timing))
        found = await asyncio.to_thread(_told, machine_id, from_us, now_us, whole, meter)
        self._learned[machine_id], self._histograms[machine_id] = (now_us, found), whole
        return found

    async def rehearse(self, machine_id: str, proposed: StateThresholds) -> Rehearsal:
        """The last 30 days under the present and under the proposed borders. Raises NotFound, ConfigError."""
        check(proposed)
        meter = self._meters.of(machine_id)
        to_us = self._clock.now_us()
        from_us = to_us - REHEARSE_DAYS * DAY_US
        total = _Totals()
        async with self._busy:
            for begin_us, end_us in _days(from_us, to_us):
                columns = await self._power(meter, begin_us - LEAD_US, end_us)
                if columns is None or not len(columns[0]) or columns[0][-1] < begin_us:
                    continue
                claims = await self._past.claims(meter, begin_us, end_us)
                judged = []
                for thresholds in (meter.machine.states, proposed):
                    made = await asyncio.to_thread(judge, meter, columns, thresholds, begin_us, end_us)
                    judged.append(made if claims is None else join(made, claims))
                await asyncio.to_thread(total.add, judged[0], judged[1], columns, meter, begin_us, end_us)
        return total.result(machine_id, from_us, to_us, proposed)

    async def substates(self, machine_id: str, from_us: int, to_us: int) -> SubStates:
        """Finer states of the elapsed part of a window of some days. Raises NotFound."""
        meter = self._meters.of(machine_id)
        end_us = min(to_us, self._clock.now_us())
        if from_us >= end_us:
            return SubStates((), None, None)
        await self.learned(machine_id)
        thresholds = meter.machine.states
        histogram = self._histograms.get(machine_id)
        split = idle_split(histogram, thresholds) if histogram is not None and thresholds is not None else None
        begin_us = from_us - LEAD_US  # what came before an idle stretch decides whether it may be a warm-up
        intervals: list[StateInterval] = []
        async for _, _, stretch in self._past.days(meter, begin_us, end_us):
            intervals += stretch.intervals
        intervals = tile(machine_id, intervals, begin_us, end_us)
        columns = await self._power(meter, begin_us, end_us)
        if columns is None:
            columns = filled([], [], [], meter.timing)
        level = await asyncio.to_thread(settled_kw, intervals, columns)
        found = await asyncio.to_thread(substates, intervals, columns, split, level)
        inside = (replace(i, from_us=max(i.from_us, from_us)) for i in found if i.to_us > from_us)
        return SubStates(tuple(inside), split, level)

    async def _power(self, meter: Meter, from_us: int, to_us: int) -> Columns | None:
        if meter.power is None:
            return None
        series = await self._history.raw(meter.power.id, from_us, to_us)
        return await asyncio.to_thread(filled, series.times_us, series.values, series.qualities, meter.timing)


def check(thresholds: StateThresholds) -> None:
    """Raises ConfigError with the reason and what would be right."""
    idle, production = thresholds.idle_above_kw, thresholds.production_above_kw
    band = thresholds.hysteresis_of(production)
    if not 0 < idle < production:
        raise ConfigError(f"production_above_kw is {production:g}; expected more than idle_above_kw ({idle:g}), both above 0")
    if production <= idle + band:
        raise ConfigError(
            f"production_above_kw is {production:g}: left only below {production - band:g}, it overlaps idle_above_kw "
            f"({idle:g}); expected more than {idle + band:g}, or a smaller hysteresis_kw"
        )
    if thresholds.hysteresis_kw is not None and thresholds.hysteresis_kw >= idle:
        raise ConfigError(f"hysteresis_kw is {thresholds.hysteresis_kw:g}; expected less than idle_above_kw ({idle:g})")


def _days(from_us: int, to_us: int) -> list[tuple[int, int]]:
    borders = [from_us, *range((from_us // DAY_US + 1) * DAY_US, to_us, DAY_US), to_us]
    return list(pairwise(borders))


def _told(machine_id: str, from_us: int, to_us: int, histogram: PowerHistogram, meter: Meter) -> LearnedBorders:
    found = learn(histogram, meter.timing)
    held = np.flatnonzero(histogram.seconds > 0)
    bins = [HistogramBin(0.0, float(EDGES_KW[0]), histogram.low_s)] if histogram.low_s else []
    bins += [HistogramBin(float(EDGES_KW[i]), float(EDGES_KW[i + 1]), float(histogram.seconds[i])) for i in held]
    modes = [(mode.level_kw, mode.seconds) for mode in found.modes]
    return LearnedBorders(
        machine_id, from_us, to_us, bins, modes, found.thresholds, found.confidence, found.reasons, found.total_s
    )


def judge(
    meter: Meter, columns: Columns, thresholds: StateThresholds | None, from_us: int, to_us: int
) -> list[StateInterval]:
    """States of [from_us, to_us), judged from the first sample of the columns on."""
    if thresholds is None:
        return [StateInterval(meter.machine.id, MachineState.NO_DATA, from_us, to_us)]
    begin_us = min(int(columns[0][0]), from_us)
    made = states_of(meter.machine.id, *columns, thresholds, meter.timing, begin_us, to_us)
    return [
        StateInterval(i.machine_id, i.state, max(i.from_us, from_us), i.to_us)
        for i in made if i.to_us is None or i.to_us > from_us
    ]  # fmt: skip


def moved_s(now: list[StateInterval], then: list[StateInterval], to_us: int) -> float:
    """How long two judgements that tile the same window differ, s."""
    borders = np.unique([i.from_us for i in (*now, *then)] + [to_us])
    spans = np.diff(borders)
    return float(spans[_labels(now, borders[:-1]) != _labels(then, borders[:-1])].sum()) / 1e6


class _Totals:
    """Seconds, energy and moved time over the days."""

    def __init__(self) -> None:
        self._seconds = np.zeros((2, len(STATES)))
        self._kwh = np.zeros((2, len(STATES)))
        self._moved = np.zeros((len(STATES), len(STATES)))

    def add(
        self, now: list[StateInterval], then: list[StateInterval], columns: Columns, meter: Meter, from_us: int, to_us: int
    ) -> None:
        """A day: both judgements tile it; its power."""
        times, power, quality = columns
        keep = ~np.isnan(power) & (quality < FIRST_BAD) & (times >= from_us) & (times < to_us)
        times, power = times[keep], power[keep]
        held = np.minimum(np.diff(times, append=to_us), meter.timing.hold_us)
        kwh = power * held / 3.6e9
        for row, intervals in enumerate((now, then)):
            for interval in intervals:
                end = to_us if interval.to_us is None else interval.to_us
                self._seconds[row, STATES.index(interval.state)] += (end - interval.from_us) / 1e6
            if len(times):
                np.add.at(self._kwh[row], _labels(intervals, times), kwh)
        borders = np.unique([i.from_us for i in (*now, *then)] + [to_us])
        spans = np.diff(borders) / 1e6
        np.add.at(self._moved, (_labels(now, borders[:-1]), _labels(then, borders[:-1])), spans)

    def result(self, machine_id: str, from_us: int, to_us: int, proposed: StateThresholds) -> Rehearsal:
        totals = [
            StateTotals(
                {s: float(self._seconds[row, k]) for k, s in enumerate(STATES)},
                {s: float(self._kwh[row, k]) for k, s in enumerate(STATES)},
            )
            for row in (0, 1)
        ]
        moved = {
            (a, b): float(self._moved[i, k])
            for i, a in enumerate(STATES) for k, b in enumerate(STATES) if i != k and self._moved[i, k] > 0
        }  # fmt: skip
        return Rehearsal(machine_id, from_us, to_us, proposed, totals[0], totals[1], moved)


def _labels(intervals: list[StateInterval], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index in STATES of the state at each time."""
    starts = np.array([i.from_us for i in intervals], dtype=np.int64)
    states = np.array([STATES.index(i.state) for i in intervals], dtype=np.int64)
    labels: NDArray[np.int64] = states[np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)]
    return labels
