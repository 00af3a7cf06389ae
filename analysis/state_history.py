"""States of the past, made from kept samples by the code that judges the live ones: power, control, and both joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from analysis.control import Column, Mark, claims_of, conflict_us, join, number_column
from analysis.meter import ControlTags, Meter
from analysis.states import Timing, states_of
from analysis.thin import filled
from domain.plant import Tag
from domain.ports import History
from domain.production import value_key
from domain.quality import FIRST_BAD
from domain.quantity import Quantity
from domain.state import MachineState, StateInterval, StateThresholds
from domain.stores import EventStore

P = ParamSpec("P")
R = TypeVar("R")

INLINE_SAMPLES = 10_000
DAY_US = 86_400_000_000
LEAD_US = 3_600_000_000  # a stretch is judged from that long before its begin on, so that it begins in the right state


@dataclass(frozen=True, slots=True)
class Stretch:
    """States that tile [from_us, to_us); how long meter and control contradicted each other, us; were there any samples?"""

    intervals: list[StateInterval]
    conflict_us: int = 0
    known: bool = True


class StateHistory:
    """`texts` None: texts of controls are not looked at."""

    def __init__(self, history: History, texts: EventStore | None = None) -> None:
        self._history, self._texts = history, texts

    async def stretch(
        self, meter: Meter, from_us: int, to_us: int, thresholds: StateThresholds | None = None, *, alone: bool = False
    ) -> Stretch:
        """States of the stretch, at most a few days long; `thresholds` instead of the machine's own. CPU work runs on a thread.

        Samples before and after the stretch decide the states at its borders (a dwell may reach over them), unless `alone`.
        """
        thresholds = thresholds or meter.machine.states
        begin_us = from_us if alone else from_us - LEAD_US
        tail_us = 0 if alone or thresholds is None else round(thresholds.min_dwell_s * 1e6) + meter.timing.hold_us
        power = await self._power(meter, thresholds, begin_us, to_us, tail_us)
        if meter.control is None:
            return _cut(power, from_us, to_us, known=_known(power))
        claims = await self._claims(meter.control, begin_us, to_us)
        joined = join(power, claims)
        within = [(max(at, from_us), claim) for at, claim in claims]
        conflict = conflict_us(_cut(power, from_us, to_us).intervals, within)
        return replace(_cut(joined, from_us, to_us, known=_known(joined)), conflict_us=conflict)

    async def days(
        self, meter: Meter, from_us: int, to_us: int, thresholds: StateThresholds | None = None
    ) -> AsyncIterator[tuple[int, int, Stretch]]:
        """The same in slices of a day on the UTC grid: (from, to, states)."""
        at_us = from_us
        while at_us < to_us:
            end_us = min((at_us // DAY_US + 1) * DAY_US, to_us)
            yield at_us, end_us, await self.stretch(meter, at_us, end_us, thresholds)
            at_us = end_us

    async def claims(self, meter: Meter, from_us: int, to_us: int) -> list[Mark] | None:
        """What the machine's control claims within the stretch; None without a control."""
        if meter.control is None:
            return None
        found = await self._claims(meter.control, from_us - LEAD_US, to_us)
        before = [claim for at, claim in found if at <= from_us]
        return [(from_us, before[-1]), *((at, claim) for at, claim in found if at > from_us)]

    async def _power(
        self, meter: Meter, thresholds: StateThresholds | None, from_us: int, to_us: int, tail_us: int
    ) -> list[StateInterval]:
        if meter.power is None or thresholds is None:
            return [StateInterval(meter.machine.id, MachineState.NO_DATA, from_us, to_us)]
        samples = await self._history.raw(meter.power.id, from_us, to_us + tail_us)
        raw = samples.times_us, samples.values, samples.qualities
        columns = await _aside(len(samples.times_us), filled, *raw, meter.timing)
        end_us = to_us + tail_us if len(samples.times_us) and samples.times_us[-1] >= to_us else to_us
        count = len(samples.times_us)
        return await _aside(count, states_of, meter.machine.id, *columns, thresholds, meter.timing, from_us, end_us)

    async def _claims(self, control: ControlTags, from_us: int, to_us: int) -> list[Mark]:
        execution = await self._column(control.execution, control.timing, from_us, to_us)
        connected = None
        if control.connected is not None:
            connected = await self._column(control.connected, control.connected_timing, from_us, to_us)
        alarm = None
        if control.alarm is not None:
            alarm = await self._column(control.alarm, control.alarm_timing, from_us, to_us)
        pulses: list[int] = []
        if control.pulse is not None and control.timing is not None:
            series = await self._history.raw(control.pulse.id, from_us, to_us)
            columns = zip(series.times_us, series.values, series.qualities, strict=True)
            pulses = [at for at, value, quality in columns if value is not None and quality < FIRST_BAD]
        count = len(execution.times_us) + len(pulses)
        return await _aside(count, claims_of, control.signals, execution, connected, pulses, from_us, to_us, alarm)

    async def _column(self, tag: Tag, timing: Timing | None, from_us: int, to_us: int) -> Column:
        if tag.quantity is Quantity.TEXT:
            texts = await self._texts.texts(tag.id, from_us, to_us) if self._texts is not None else ()
            return Column([text.time_us for text in texts], [value_key(text.text) for text in texts], timing)
        series = await self._history.raw(tag.id, from_us, to_us)
        timing = timing or Timing.of(tag.interval_s)
        columns = series.times_us, series.values, series.qualities
        return await _aside(len(series.times_us), number_column, *columns, timing)


async def _aside(count: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """On a thread when there is much to do: the event loop goes on."""
    if count < INLINE_SAMPLES:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)


def _known(intervals: list[StateInterval]) -> bool:
    return any(interval.state is not MachineState.NO_DATA for interval in intervals)


def _cut(intervals: list[StateInterval], from_us: int, to_us: int, *, known: bool = True) -> Stretch:
    """What lies within."""
    ends = [(interval, to_us if interval.to_us is None else min(interval.to_us, to_us)) for interval in intervals]
    kept = [replace(i, from_us=max(i.from_us, from_us), to_us=end) for i, end in ends if end > max(i.from_us, from_us)]
    return Stretch(kept, known=known)
