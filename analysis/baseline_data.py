"""The figures a baseline is made of: energy and relevant variables of each period, from what was kept.

Energies and tags come from the roll-ups (which equal a computation from single samples), hours from the stored states, parts from
the control. A period with less than 95 % of its energy, or a quarter of it estimated, is unknown: None, never 0.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, takewhile
from typing import Protocol

from analysis.baseline import degree_days
from analysis.calendar import Calendar
from analysis.meter import DeviceTags
from domain.baseline import SECTION_PREFIX, SITE, BaselineDefinition, Period, PeriodRow, Variable, VariableKind
from domain.energy import ShiftWindow
from domain.errors import ConfigError
from domain.plant import Machine, Plant, Tag
from domain.ports import Clock, History, RollupRow, Step
from domain.production import PartCount, parts_between
from domain.quantity import Kind, Quantity
from domain.state import MachineState
from domain.stores import StateStore

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
ENOUGH = 0.95
MOST_ESTIMATED = 0.25
MOST_PERIODS = 10_000
ON = frozenset({MachineState.PRODUCTION, MachineState.IDLE, MachineState.ALARM})


class PartsSource(Protocol):
    """Counted parts of machines."""

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount: ...


@dataclass(frozen=True, slots=True)
class _Series:
    """Roll-up rows of one tag, all of `width_us`."""

    rows: Sequence[RollupRow]
    begins: Sequence[int]

    def within(self, from_us: int, to_us: int) -> Sequence[RollupRow]:
        return self.rows[bisect_left(self.begins, from_us) : bisect_left(self.begins, to_us)]


class BaselineData:
    """Collects periods; bounded: at most 10 000 of them, one tag's roll-ups at a time."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, states: StateStore,
        parts: PartsSource, calendar: Callable[[], Calendar], clock: Clock,
    ) -> None:
        self._plant, self._tags, self._history, self._states = plant, tags, history, states
        self._parts, self._calendar, self._clock = parts, calendar, clock
        self._devices = DeviceTags(tags)

    async def rows(self, definition: BaselineDefinition, from_us: int, to_us: int) -> list[PeriodRow]:
        """Whole periods of the window that are over. Raises ConfigError for a subject or source that does not exist."""
        windows = await asyncio.to_thread(self.windows, definition.period, from_us, to_us)
        if not windows:
            return []
        energies = await self._energies(definition.subject, windows)
        columns = [await self._column(variable, definition, windows) for variable in definition.variables]
        return [
            PeriodRow(w.from_us, w.to_us, w.name, energy, tuple(column[i] for column in columns))
            for i, (w, energy) in enumerate(zip(windows, energies, strict=True))
        ]

    def windows(self, period: Period, from_us: int, to_us: int) -> list[ShiftWindow]:
        """Whole periods within the window that are over by now. Raises ConfigError for too many."""
        end_us = min(to_us, self._clock.now_us())
        if period is Period.HOUR and end_us - from_us > MOST_PERIODS * HOUR_US:
            raise ConfigError(f"the window has more than {MOST_PERIODS} periods; expected a shorter one, or longer periods")
        by = "day" if period is Period.WEEK else period.value
        found = [w for w in self._calendar().windows(by, from_us, end_us) if w.to_us <= end_us]
        return found if period is not Period.WEEK else weeks_of(found)

    def sources(self, subject: str) -> tuple[Machine, ...]:
        """Machines of a subject. Raises ConfigError when there is none."""
        plant = self._plant()
        if subject == SITE:
            found = plant.machines
        elif subject.startswith(SECTION_PREFIX):
            found = tuple(m for m in plant.machines if m.section == subject.removeprefix(SECTION_PREFIX))
        else:
            found = tuple(m for m in plant.machines if m.id == subject)
        if not found:
            raise ConfigError(f"subject: there is no {subject!r}; expected a machine id, section:<name> or site")
        return found

    def tag(self, name: str) -> Tag:
        """Raises ConfigError."""
        for tag in self._tags():
            if tag.name == name:
                return tag
        raise ConfigError(f"source: there is no tag {name!r}")

    # -- energy ----------------------------------------------------------------------------------------------------

    async def _energies(self, subject: str, windows: Sequence[ShiftWindow]) -> list[float | None]:
        machines, main = self.sources(subject), self._plant().site.main_meter
        devices = [main] if subject == SITE and main is not None else list(dict.fromkeys(m.meter for m in machines if m.meter))
        total: list[float | None] = [0.0 if devices else None] * len(windows)
        for device_id in devices:
            column = await self._device_energies(str(device_id), windows)
            total = [None if a is None or b is None else a + b for a, b in zip(total, column, strict=True)]
        return total

    async def _device_energies(self, device_id: str, windows: Sequence[ShiftWindow]) -> list[float | None]:
        """From the counter; from the mean power where the device has none."""
        counter = self._devices.total(device_id, Quantity.ENERGY_IMPORT)
        if counter is not None:
            step, series = await self._series(counter, windows)
            return await asyncio.to_thread(lambda: [_growth(series.within(w.from_us, w.to_us), step, w) for w in windows])
        power = self._devices.total(device_id, Quantity.ACTIVE_POWER)
        if power is None:
            return [None] * len(windows)
        step, series = await self._series(power, windows)
        means = [_mean(series.within(w.from_us, w.to_us), step, w) for w in windows]
        return [None if m is None else m * (w.to_us - w.from_us) / HOUR_US for m, w in zip(means, windows, strict=True)]

    async def _series(self, tag: Tag, windows: Sequence[ShiftWindow]) -> tuple[Step, _Series]:
        """Rows of the longest step whose borders meet those of all windows."""
        step = _step_of(windows)
        rows = (await self._history.rollup(tag.id, step, windows[0].from_us, windows[-1].to_us)).rows
        return step, _Series(rows, [row.time_us for row in rows])

    # -- variables -------------------------------------------------------------------------------------------------

    async def _column(
        self, variable: Variable, definition: BaselineDefinition, windows: Sequence[ShiftWindow]
    ) -> list[float | None]:
        source = variable.source or definition.subject
        match variable.kind:
            case VariableKind.PARTS if not self._is_tag(source):
                return await self._part_column(self.sources(source), windows, definition.period)
            case VariableKind.HOURS | VariableKind.ON_HOURS:
                wanted = ON if variable.kind is VariableKind.ON_HOURS else frozenset({MachineState.PRODUCTION})
                return await self._hour_column(self.sources(source), wanted, windows)
            case VariableKind.HEATING | VariableKind.COOLING:
                return await self._degree_column(variable, windows)
            case VariableKind.SHIFTS:
                return [float(len(self._calendar().windows("shift", w.from_us, w.to_us))) for w in windows]
            case _:
                statistic = "sum" if variable.kind is VariableKind.PARTS else variable.statistic
                return await self._tag_column(self.tag(source), statistic, windows)

    def _is_tag(self, source: str) -> bool:
        return any(tag.name == source for tag in self._tags())

    async def _part_column(
        self, machines: Sequence[Machine], windows: Sequence[ShiftWindow], period: Period
    ) -> list[float | None]:
        counting = [m for m in machines if m.control is not None and m.control.part_count is not None]
        if not counting:
            raise ConfigError(f"source: {machines[0].id!r} counts no parts; expected a machine with control.part_count or a tag")
        total: list[float | None] = [0.0] * len(windows)
        for machine in counting:
            column: list[float | None] = []
            for _, group in groupby(windows, key=lambda w: w.day if period is Period.HOUR else w.from_us):
                mine = list(group)  # hours are asked by the day: one query instead of 24
                count = await self._parts.parts(machine.id, mine[0].from_us, mine[-1].to_us)
                known = count.parts is not None and count.completeness >= ENOUGH - 0.05
                column += [float(parts_between(count.steps, w.from_us, w.to_us)) if known else None for w in mine]
            total = [None if a is None or b is None else a + b for a, b in zip(total, column, strict=True)]
        return total

    async def _hour_column(
        self, machines: Sequence[Machine], wanted: frozenset[MachineState], windows: Sequence[ShiftWindow]
    ) -> list[float | None]:
        """Machine-hours; a period in which a machine has no data for more than 5 % of the time is unknown."""
        watched = [m for m in machines if m.states is not None or m.control is not None]
        if not watched:
            raise ConfigError(f"source: {machines[0].id!r} has no states; expected a machine with thresholds")
        begins = [w.from_us for w in windows]
        hours, known = [0.0] * len(windows), [0.0] * len(windows)
        now_us = self._clock.now_us()
        for machine in watched:
            for interval in await self._states.states(machine.id, windows[0].from_us, windows[-1].to_us):
                end = now_us if interval.to_us is None else interval.to_us
                if interval.state is MachineState.NO_DATA:
                    continue
                at = max(0, bisect_left(begins, interval.from_us + 1) - 1)
                while at < len(windows) and windows[at].from_us < end:
                    inside = min(end, windows[at].to_us) - max(interval.from_us, windows[at].from_us)
                    if inside > 0:
                        known[at] += inside
                        hours[at] += inside / HOUR_US if interval.state in wanted else 0.0
                    at += 1
        return [
            h if k >= ENOUGH * len(watched) * (w.to_us - w.from_us) else None
            for h, k, w in zip(hours, known, windows, strict=True)
        ]

    async def _degree_column(self, variable: Variable, windows: Sequence[ShiftWindow]) -> list[float | None]:
        step, series = await self._series(self.tag(variable.source), windows)
        base = variable.base_c if variable.base_c is not None else 18.0
        found: list[float | None] = []
        for w in windows:
            means = [row.mean for row in series.within(w.from_us, w.to_us) if row.mean is not None]
            share = len(means) * step.seconds * 1e6 / (w.to_us - w.from_us)
            if share < ENOUGH - 0.05:
                found.append(None)
                continue
            hours = [step.seconds / 3600.0 / share] * len(means)  # a missing hour is taken as the mean of the others
            found.append(degree_days(means, hours, base, heating=variable.kind is VariableKind.HEATING))
        return found

    async def _tag_column(self, tag: Tag, statistic: str, windows: Sequence[ShiftWindow]) -> list[float | None]:
        if tag.kind is Kind.TEXT:
            raise ConfigError(f"source: {tag.name!r} is a text; expected a tag with numbers")
        if (statistic == "sum") is not (tag.kind is Kind.COUNTER):
            expected = "sum" if tag.kind is Kind.COUNTER else "mean, min or max"
            raise ConfigError(f"statistic: is {statistic!r} of {tag.name!r} ({tag.kind.value}); expected {expected}")
        step, series = await self._series(tag, windows)
        parts = [(series.within(w.from_us, w.to_us), w) for w in windows]
        return await asyncio.to_thread(lambda: [_statistic(rows, statistic, step, w) for rows, w in parts])


def weeks_of(days: Sequence[ShiftWindow]) -> list[ShiftWindow]:
    """Whole weeks, Monday to Sunday, of consecutive days of the site; named by the ISO week."""
    found = []
    for monday, group in groupby(days, key=lambda w: w.day - timedelta(days=w.day.weekday())):
        week = list(group)
        if len(week) == 7:
            year, number, _ = monday.isocalendar()
            found.append(ShiftWindow(f"{year}-W{number:02}", monday, week[0].from_us, week[-1].to_us))
    return found


def _step_of(windows: Sequence[ShiftWindow]) -> Step:
    """The coarsest roll-up up to hours whose buckets do not cross a border of the windows."""
    borders = [border for w in windows for border in (w.from_us, w.to_us)]
    return next((s for s in (Step.H1, Step.M15) if all(b % (s.seconds * 1_000_000) == 0 for b in borders)), Step.M1)


def _covered(told: Sequence[RollupRow], step: Step, window: ShiftWindow) -> bool:
    """Do the buckets that tell something fill the window?"""
    return len(told) * step.seconds * 1_000_000 >= ENOUGH * (window.to_us - window.from_us)


def _growth(rows: Sequence[RollupRow], step: Step, window: ShiftWindow) -> float | None:
    """What a counter grew by; None where too little is known, or too much lies in a gap that a border of the window cuts."""
    told = [row for row in rows if row.consumption is not None]
    if not _covered(told, step, window):
        return None
    total = sum(row.consumption or 0.0 for row in told)
    cut = 0.0
    for side in (told, told[::-1]):  # a gap wholly inside is measured by the readings around it
        cut += sum(row.estimated or 0.0 for row in takewhile(lambda row: (row.estimated or 0.0) > 0, side))
    return None if cut > MOST_ESTIMATED * total > 0 else total


def _statistic(rows: Sequence[RollupRow], statistic: str, step: Step, window: ShiftWindow) -> float | None:
    """Of one tag in one period; None where it is not known."""
    if statistic == "sum":
        return _growth(rows, step, window)
    if statistic == "mean":
        return _mean(rows, step, window)
    ends = [v for row in rows if (v := row.min if statistic == "min" else row.max) is not None]
    return None if not ends else min(ends) if statistic == "min" else max(ends)


def _mean(rows: Sequence[RollupRow], step: Step, window: ShiftWindow) -> float | None:
    """Time-weighted mean; None where too few buckets have values."""
    good = [row for row in rows if row.mean is not None]
    covered = sum(row.covered_us for row in good)
    if not _covered(good, step, window) or covered <= 0:
        return None
    return sum((row.mean or 0.0) * row.covered_us for row in good) / covered
