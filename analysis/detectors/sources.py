"""Minutes from what was kept: roll-ups of a minute, stored states, programs and parts of the control; and their context."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from analysis.calendar import Calendar, to_local
from analysis.detectors.minute import (
    CHANNELS,
    MINUTE_US,
    Context,
    Minute,
    ten_second_means,
    with_calendar,
    with_states,
)
from domain.plant import Machine, Plant, Tag
from domain.ports import History, Step
from domain.production import PartCount, ProgramStretch
from domain.stores import StateStore

FREQUENCY = CHANNELS.index("frequency")
DAY_US = 86_400_000_000


class ProductionSource(Protocol):
    """Parts and programs of a machine."""

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount: ...
    async def programs(self, machine_id: str, from_us: int, to_us: int) -> Sequence[ProgramStretch]: ...


def context_of(plant: Plant, machine: Machine | None = None) -> Context:
    """Shifts the machine is planned for (None: all of the site) and weeks. A week begins on Monday of the site's zone."""
    names = machine.shifts if machine is not None else ()
    calendar = Calendar.of(plant)
    windows: dict[date, list[tuple[int, int]]] = {}

    def spans(day: date) -> list[tuple[int, int]]:
        found = windows.get(day)
        if found is None:
            found = windows[day] = [
                (w.from_us, w.to_us) for w in calendar.shifts_of_day(day) if not names or w.name in names
            ]
        return found

    def context(time_us: int) -> tuple[bool | None, int]:
        day = to_local(time_us, calendar.zone).date()
        week = (day.toordinal() - 1) // 7
        if not plant.shifts:
            return None, week
        near = (*spans(day - timedelta(days=1)), *spans(day))  # a night shift belongs to the day it began
        return any(begin <= time_us < end for begin, end in near), week

    return context


def with_production(minutes: Sequence[Minute], programs: Sequence[ProgramStretch], parts: PartCount | None) -> list[Minute]:
    """The program that was on in the middle of each minute, and the parts read in it (None where parts are not counted)."""
    counted: dict[int, float] = {}
    for step in parts.steps if parts is not None else ():
        begin = step.to_us - step.to_us % MINUTE_US
        counted[begin] = counted.get(begin, 0.0) + step.parts
    known = parts is not None and parts.parts is not None
    found, place = [], 0
    for minute in minutes:
        middle = minute.time_us + MINUTE_US // 2
        while place < len(programs) and programs[place].to_us <= middle:
            place += 1
        on = place < len(programs) and programs[place].from_us <= middle
        program = (programs[place].program or "") if on else ""
        found.append(replace(minute, program=program, parts=counted.get(minute.time_us, 0.0) if known else None))
    return found


class KeptMinutes:
    """Reads minutes of the past, a day at a time, so that memory stays bounded however long the window is."""

    def __init__(
        self, history: History, states: StateStore, production: ProductionSource | None, plant: Callable[[], Plant]
    ) -> None:
        self._history, self._states, self._production, self._plant = history, states, production, plant

    async def read(
        self, channels: Mapping[int, Tag], machine_id: str | None, from_us: int, to_us: int, *, frequency: bool = False
    ) -> list[Minute]:
        """Whole minutes that begin in [from_us, to_us), at most a day or so. `frequency`: with 10 s means, from raw samples."""
        means: dict[int, list[float | None]] = {}
        known: dict[int, float] = {}
        for channel, tag in channels.items():
            for row in (await self._history.rollup(tag.id, Step.M1, from_us, to_us)).rows:
                if row.mean is None:
                    continue
                means.setdefault(row.time_us, [None] * len(CHANNELS))[channel] = row.mean
                if channel == 0:
                    known[row.time_us] = min(60.0, row.covered_us / 1e6)
        tens: Mapping[int, tuple[float, ...]] = {}
        if frequency and FREQUENCY in channels:
            raw = await self._history.raw(channels[FREQUENCY].id, from_us, to_us)
            tens = ten_second_means(raw.times_us, raw.values, raw.qualities)
        minutes = [
            Minute(begin, tuple(row), known.get(begin, 0.0), frequency_10s=tens.get(begin, ()))
            for begin, row in sorted(means.items())
        ]
        return await self.complete(minutes, machine_id)

    async def complete(self, minutes: Sequence[Minute], machine_id: str | None) -> list[Minute]:
        """The same minutes with states, calendar, programs and parts."""
        if not minutes:
            return []
        plant = self._plant()
        machine = next((m for m in plant.machines if m.id == machine_id), None)
        dated = with_calendar(minutes, context_of(plant, machine))
        if machine_id is None:
            return dated
        from_us, to_us = dated[0].time_us, dated[-1].end_us
        stated = with_states(dated, await self._states.states(machine_id, from_us, to_us))
        if self._production is None or machine is None or machine.control is None:
            return stated
        parts = await self._production.parts(machine_id, from_us, to_us) if machine.control.part_count else None
        programs = await self._production.programs(machine_id, from_us, to_us) if machine.control.program else ()
        return with_production(stated, programs, parts)
