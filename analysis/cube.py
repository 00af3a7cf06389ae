"""The cube of energy from counters, states and the calendar. Pure, over columns.

Time is cut into slots (an hour of the site's clock, further cut at the borders of shifts and breaks). An increment of the counter
is cut at a slot's borders by interpolation in time, as accounts do it, then shared among the states inside by the measured power.
So all cells of any window add up to the counter's difference, over nights and both changes of summer time.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from analysis.calendar import Calendar, to_local
from analysis.energy import ENOUGH_POWER, CounterColumns, Floats, Ints, PowerTrace
from domain.cube import CubeCell, CubeRow, Dimension, Slot
from domain.energy import ShiftWindow
from domain.state import MachineState, StateInterval

CUBE_VERSION = 1  # of the rules below; stored with every day, which is computed again when it is another
STATES = tuple(MachineState)
_CODE = {state: code for code, state in enumerate(STATES)}
Key = tuple[str | int | bool | date, ...]


# -- slots -------------------------------------------------------------------------------------------------------------------


def slots_of(calendar: Calendar, from_us: int, to_us: int) -> list[Slot]:
    """Slots that tile [from_us, to_us). Where two shifts overlap the later begun one has the time."""
    if to_us <= from_us:
        return []
    shifts = calendar.overlapping("shift", from_us, to_us)
    hours = calendar.overlapping("hour", from_us, to_us)
    pauses = [pause for shift in shifts for pause in shift.breaks]
    borders = {us for window in (*hours, *shifts) for us in (window.from_us, window.to_us)}
    borders |= {us for pause in pauses for us in (pause.from_us, pause.to_us)}
    ordered = sorted({from_us, to_us, *(us for us in borders if from_us < us < to_us)})
    slots, hour_at, first = [], 0, 0
    for begin, end in pairwise(ordered):
        while hours[hour_at].to_us <= begin:
            hour_at += 1
        while first < len(shifts) and shifts[first].to_us <= begin:
            first += 1
        slots.append(_slot(calendar, begin, end, hours[hour_at].day, shifts[first:]))
    return slots


def _slot(calendar: Calendar, begin: int, end: int, day: date, shifts: Sequence[ShiftWindow]) -> Slot:
    running: ShiftWindow | None = None
    for shift in shifts:
        if shift.from_us > begin:
            break
        if begin < shift.to_us:
            running = shift
    hour = to_local(begin, calendar.zone).hour
    if running is None:
        return Slot(begin, end, day, hour, "", day, "", in_break=False)
    paused = any(pause.from_us <= begin < pause.to_us for pause in running.breaks)
    return Slot(begin, end, day, hour, running.name, running.day, running.crew, in_break=paused)


def rule_of(slots: Sequence[Slot]) -> str:
    """Version of the rules and of the calendar of that time: cells made under another one are outdated."""
    told = repr([(s.from_us, s.to_us, s.shift, s.shift_day.toordinal(), s.crew, s.in_break) for s in slots])
    return f"{CUBE_VERSION}-{zlib.crc32(told.encode()):08x}"


# -- cells -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CubeColumns:
    """Cells of one machine as parallel columns: index of the slot, code of the state (`STATES`), sums. kWh and us.

    `energy` NaN where it is not known.
    """

    slot: Ints
    state: Ints
    energy: Floats
    uncertain: Floats
    duration: Ints
    known: Ints

    def cells(self, machine_id: str, slots: Sequence[Slot]) -> list[CubeCell]:
        """As objects; `slots` are those it was made with."""
        return [
            CubeCell(machine_id, slots[at], STATES[code], None if math.isnan(kwh) else kwh, doubt, length, known)
            for at, code, kwh, doubt, length, known in zip(
                self.slot.tolist(), self.state.tolist(), self.energy.tolist(), self.uncertain.tolist(),
                self.duration.tolist(), self.known.tolist(), strict=True,
            )
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateColumns:
    """Intervals that follow each other without holes: begin and code of the state; the last goes on."""

    from_us: Ints
    code: Ints

    @staticmethod
    def of(intervals: Iterable[StateInterval]) -> StateColumns:
        """Of intervals that tile a window."""
        rows = list(intervals)
        return StateColumns(
            np.array([i.from_us for i in rows], dtype=np.int64), np.array([_CODE[i.state] for i in rows], dtype=np.int64)
        )


def slot_borders(slots: Sequence[Slot]) -> Ints:
    """Begins of slots that tile a stretch, and its end."""
    return np.array([slot.from_us for slot in slots] + [slots[-1].to_us], dtype=np.int64)


def fill(
    borders_us: Ints,
    states: StateColumns,
    counter: CounterColumns | None,
    power: PowerTrace,
    *,
    grid_us: int,
    longest_normal_us: int,
    tail_until_us: int,
    states_matter: bool = True,
) -> CubeColumns:
    """Cells of a stretch of slots.

    `borders_us`: n + 1 borders of n slots. `states` tile the stretch. `grid_us`: increments are also cut there, as accounts
    cut them. The rest as in analysis.energy.measure: without counter the power is integrated; after the last reading
    the integral of power stands in up to `tail_until_us`.
    """
    first, end = int(borders_us[0]), int(borders_us[-1])
    cuts = np.union1d(borders_us, np.arange(-(-first // grid_us) * grid_us, end, grid_us, dtype=np.int64))
    inner = [cuts, states.from_us]
    if counter is not None:
        inner += [counter.from_us, counter.to_us]
        if counter.last_us is not None:
            inner.append(np.array([counter.last_us], dtype=np.int64))
    moments = np.unique(np.concatenate(inner))
    moments = moments[(moments >= first) & (moments <= end)]
    begin, length = moments[:-1], np.diff(moments)
    by_power = np.maximum(np.diff(power.energy_at(moments)), 0.0)
    known = np.minimum(np.diff(power.known_at(moments)), length)
    if counter is None:
        energy = uncertain = by_power
    else:
        stretch = np.searchsorted(cuts, begin, side="right")
        energy, known, uncertain = _by_counter(begin, length, by_power, known, counter, stretch, longest_normal_us, tail_until_us)
    code = states.code[np.searchsorted(states.from_us, begin, side="right") - 1]
    slot = np.searchsorted(borders_us, begin, side="right") - 1
    return _gathered(slot, code, energy, uncertain, length, known, states_matter=states_matter)


def _by_counter(
    begin: Ints, length: Ints, by_power: Floats, known: Floats, counter: CounterColumns, stretch: Ints,
    longest_us: int, tail_until_us: int,
) -> tuple[Floats, Floats, Floats]:
    """Energy, known time and uncertain energy of each elementary piece."""
    pieces = len(begin)
    energy, measured, uncertain = np.zeros(pieces), np.zeros(pieces), np.zeros(pieces)
    if len(counter.from_us):
        at = np.searchsorted(counter.from_us, begin, side="right") - 1
        inside = (at >= 0) & (begin < counter.to_us[at])
        at = np.where(inside, at, 0)
        total = (counter.to_us - counter.from_us).astype(np.float64)
        part = np.cumsum(np.concatenate(([0], (np.diff(at) != 0) | (np.diff(stretch) != 0) | (np.diff(inside) != 0))))
        part_us = np.bincount(part, length)
        weight, part_known = np.bincount(part, by_power), np.bincount(part, known)
        use_power = (part_known >= ENOUGH_POWER * part_us) & (weight > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(use_power[part], by_power / weight[part], length / part_us[part])
        grown = counter.growth[at] * (part_us[part] / total[at])
        energy = np.where(inside, grown * share, 0.0)
        measured = np.where(inside & counter.known[at], length, 0).astype(np.float64)
        uncertain = np.where(inside & (total[at] > longest_us), energy, 0.0)
    if counter.last_us is not None:
        tail = (begin >= counter.last_us) & (begin < tail_until_us)
        energy = np.where(tail, by_power, energy)
        measured = np.where(tail, known, measured)
        uncertain = np.where(tail, by_power, uncertain)
    return energy, measured, uncertain


def _gathered(
    slot: Ints, code: Ints, energy: Floats, uncertain: Floats, length: Ints, known: Floats, *, states_matter: bool
) -> CubeColumns:
    """Sums by slot and state; those without time are left out."""
    width = len(STATES)
    place = slot * width + code
    cells = int(place.max()) + 1 if len(place) else 0
    duration, measured = _sums(place, length, cells), _sums(place, known, cells)
    there = np.flatnonzero(duration > 0)
    kwh, doubt = _sums(place, energy, cells)[there], _sums(place, uncertain, cells)[there]
    state, measured = (there % width).astype(np.int64), measured[there]
    sure = np.where((state == _CODE[MachineState.NO_DATA]) & states_matter, 0.0, measured)
    return CubeColumns(
        (there // width).astype(np.int64), state, np.where((measured > 0) | (kwh != 0), kwh, np.nan), doubt,
        np.rint(duration[there]).astype(np.int64), np.rint(sure).astype(np.int64),
    )


def _sums(place: Ints, weights: Ints | Floats, cells: int) -> Floats:
    return np.bincount(place, weights, cells).astype(np.float64)


# -- groups ------------------------------------------------------------------------------------------------------------------


def value_of(cell: CubeCell, dimension: Dimension, section_of: Callable[[str], str]) -> str | int | bool | date:
    """The cell's place along one dimension."""
    slot = cell.slot
    values: Mapping[Dimension, str | int | bool | date] = {
        Dimension.MACHINE: cell.machine_id, Dimension.STATE: cell.state.value, Dimension.SHIFT: slot.shift,
        Dimension.SHIFT_DAY: slot.shift_day, Dimension.CREW: slot.crew, Dimension.DAY: slot.day, Dimension.HOUR: slot.hour,
        Dimension.BREAK: slot.in_break,
    }
    return section_of(cell.machine_id) if dimension is Dimension.SECTION else values[dimension]


def rows_of(cells: Iterable[CubeCell], by: Sequence[Dimension], section_of: Callable[[str], str]) -> list[CubeRow]:
    """Cells grouped, in order of their keys."""
    single = [
        CubeRow(
            {d: value_of(cell, d, section_of) for d in by}, cell.energy_kwh, cell.uncertain_kwh, cell.duration_us, cell.known_us
        )
        for cell in cells
    ]
    return merged(single, by)


def merged(rows: Iterable[CubeRow], by: Sequence[Dimension]) -> list[CubeRow]:
    """Rows of equal keys (along `by`) as one, in order of their keys. Energies are summed without loss."""
    groups: dict[Key, list[CubeRow]] = {}
    for row in rows:
        groups.setdefault(tuple(row.key[d] for d in by), []).append(row)
    return [_sum(group, dict(zip(by, key, strict=True))) for key, group in sorted(groups.items(), key=lambda item: item[0])]


def total_of(rows: Sequence[CubeRow]) -> CubeRow:
    """All of them."""
    return _sum(rows, {})


def _sum(rows: Sequence[CubeRow], key: Mapping[Dimension, str | int | bool | date]) -> CubeRow:
    known = [row.energy_kwh for row in rows if row.energy_kwh is not None]
    return CubeRow(
        key, math.fsum(known) if known else None, math.fsum(row.uncertain_kwh for row in rows),
        sum(row.duration_us for row in rows), sum(row.known_us for row in rows),
    )
