"""Parts and programs of machines over any window, from what their controls told and was kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from analysis.parts import PartRule, counter_steps, covered_us, pulse_steps
from domain.errors import NotFound
from domain.plant import Machine, Plant, Tag
from domain.ports import Clock, History, RollupRow, Step
from domain.production import PartCount, ProgramStretch, parts_between
from domain.quality import FIRST_BAD
from domain.quantity import Quantity
from domain.stores import EventStore

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
RAW_HOURS = 72  # longer windows take whole hours from the roll-ups
HOLD_SCANS = 3
MAIN_PROGRAM = "selected_program"
"""The standard tag beside `program`: what was chosen, while `program` is what runs, be it called by the chosen one."""
Marks = Sequence[tuple[int, str | None]]  # (time, program from then on)


class Production:
    """Implements web_interface.services.ProductionService."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, texts: EventStore, clock: Clock
    ) -> None:
        self._plant, self._tags, self._history, self._texts, self._clock = plant, tags, history, texts, clock

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        """Raises NotFound."""
        machine = self._machine(machine_id)
        tag = self._tag(machine.control.part_count if machine.control is not None else None)
        end_us = min(to_us, self._clock.now_us())
        nothing = PartCount(machine_id, from_us, to_us, None, 0.0)
        if tag is None or machine.control is None or end_us <= from_us:
            return nothing
        pulses = tag.quantity is Quantity.STATE
        times, values, covered = await self._readings(tag, from_us, end_us, coarse=not pulses)
        if not times:
            return nothing
        rule = PartRule(machine.control.shortest_cycle_s, tag.wrap_at)
        steps = pulse_steps(times, values) if pulses else counter_steps(times, values, rule)
        inside = tuple(step for step in steps if from_us <= step.to_us < end_us)
        completeness = min(1.0, covered / (end_us - from_us))
        return PartCount(machine_id, from_us, to_us, parts_between(inside, from_us, end_us), completeness, inside)

    async def programs(
        self, machine_id: str, from_us: int, to_us: int, *, with_parts: bool = True
    ) -> Sequence[ProgramStretch]:
        """Stretches that tile the elapsed part of the window; none for a machine that tells no program. Raises NotFound."""
        machine = self._machine(machine_id)
        tag = self._tag(machine.control.program if machine.control is not None else None)
        end_us = min(to_us, self._clock.now_us())
        if tag is None or end_us <= from_us:
            return []
        marks = await self._program_marks(tag, from_us, end_us)
        above = self._tag(f"{tag.device_id}.{MAIN_PROGRAM}") if tag.point != MAIN_PROGRAM else None
        mains = await self._program_marks(above, from_us, end_us) if above is not None else []
        stretches: list[ProgramStretch] = []
        for begin, end, program, main in _both(marks, mains, end_us):
            if stretches and (stretches[-1].program, stretches[-1].main) == (program, main):
                stretches[-1] = replace(stretches[-1], to_us=end)
            else:
                stretches.append(ProgramStretch(machine_id, program, begin, end, main=main))
        if machine.control is None or machine.control.part_count is None or not with_parts:
            return stretches
        return [await self._with_parts(stretch) for stretch in stretches]

    async def _with_parts(self, stretch: ProgramStretch) -> ProgramStretch:
        count = await self.parts(stretch.machine_id, stretch.from_us, stretch.to_us)
        return replace(stretch, parts=count.parts)

    async def _program_marks(self, tag: Tag, from_us: int, end_us: int) -> Marks:
        """The first at the begin of the window."""
        marks: list[tuple[int, str | None]] = [(from_us, None)]
        if tag.quantity is Quantity.TEXT:
            for text in await self._texts.texts(tag.id, from_us, end_us):
                marks.append((max(from_us, text.time_us), text.text.strip() or None))
            return marks
        series = await self._history.raw(tag.id, from_us, end_us, edges=True)
        for time_us, value, quality in zip(series.times_us, series.values, series.qualities, strict=True):
            if value is not None and quality < FIRST_BAD and time_us < end_us:
                name = tag.enum.get(round(value)) or f"{value:g}"
                if name != marks[-1][1]:
                    marks.append((max(from_us, time_us), name))
        return marks

    # -- readings of a counter -------------------------------------------------------------------------------------

    async def _readings(
        self, tag: Tag, from_us: int, to_us: int, *, coarse: bool
    ) -> tuple[list[int], list[float], int]:
        """Good readings with the one before the window, and how much of the window they cover, us.

        Whole hours of a long window are told by the first and last reading of each, unless the counter fell within the hour.
        """
        first_us, last_us = -(-from_us // HOUR_US) * HOUR_US, to_us // HOUR_US * HOUR_US
        if not coarse or last_us - first_us < RAW_HOURS * HOUR_US:
            return await self._raw(tag, from_us, to_us, edges=True)
        times, values, covered = await self._raw(tag, from_us, first_us, edges=True)
        for row in (await self._history.rollup(tag.id, Step.H1, first_us, last_us)).rows:
            if _rose(row, values[-1] if values else 0.0):
                told = [row.time_us, row.time_us + HOUR_US - 1], [row.first or 0.0, row.last or 0.0], row.covered_us
            elif row.good_count:
                told = await self._raw(tag, row.time_us, row.time_us + HOUR_US, edges=False)
            else:
                continue
            times += told[0]
            values += told[1]
            covered += told[2]
        rest = await self._raw(tag, last_us, to_us, edges=False)
        return times + rest[0], values + rest[1], covered + rest[2]

    async def _raw(self, tag: Tag, from_us: int, to_us: int, *, edges: bool) -> tuple[list[int], list[float], int]:
        times: list[int] = []
        values: list[float] = []
        for begin_us in range(from_us, to_us, DAY_US):
            end_us = min(begin_us + DAY_US, to_us)
            series = await self._history.raw(tag.id, begin_us, end_us, edges=edges and begin_us == from_us)
            for time_us, value, quality in zip(series.times_us, series.values, series.qualities, strict=True):
                if value is not None and quality < FIRST_BAD and time_us < end_us:
                    times.append(time_us)
                    values.append(value)
        hold_us = round(HOLD_SCANS * tag.interval_s * 1e6)
        return times, values, covered_us(times, from_us, to_us, hold_us)

    def _machine(self, machine_id: str) -> Machine:
        machines = {machine.id: machine for machine in self._plant().machines}
        if machine_id not in machines:
            raise NotFound("machine", machine_id, tuple(machines)[:5])
        return machines[machine_id]

    def _tag(self, name: str | None) -> Tag | None:
        return None if name is None else next((tag for tag in self._tags() if tag.name == name), None)


def _both(marks: Marks, mains: Marks, end_us: int) -> Iterator[tuple[int, int, str | None, str | None]]:
    """(from, to, program, main program where it is another) with the borders of both."""
    borders = sorted({time for time, _ in (*marks, *mains)} | {end_us})
    running, chosen = dict(marks), dict(mains)  # of several at one instant the last
    program = main = None
    for begin, end in pairwise(borders):
        program, main = running.get(begin, program), chosen.get(begin, main)
        yield begin, end, program, main if program is not None and main != program else None


def _rose(row: RollupRow, before: float) -> bool:
    """Did the counter only stand or rise up to the end of the hour, so that its first and last reading tell all?"""
    if row.first is None or row.last is None or row.min is None or row.max is None:
        return False
    return before <= row.first == row.min and row.max == row.last
