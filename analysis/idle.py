"""Why a machine idled. Pure: its states, the planned time and what happened before in, pieces of idling with their reasons out.

The rule (version 1):
- break: idle within a planned break of a shift;
- warm_up: idle in the first `warm_up_us` after switching on, until its first production; before a shift when the shift begins
  within twice that time;
- waiting: any other idling within a shift;
- left_on: idle outside shifts, switched on before the last shift ended and not off since;
- outside: idle outside shifts, switched on there.

A state without data does not end a run: what is on before and after it was on. Energy of a piece that the rule cuts is shared by
time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from analysis.calendar import Calendar
from domain.idle import BREAK, LEFT_ON, OUTSIDE, WAITING, WARM_UP, IdlePiece
from domain.state import MachineState, StateInterval

RULE_VERSION = 1
DEFAULT_WARM_UP_US = 15 * 60_000_000
LOOK_BACK_US = 4 * 86_400_000_000  # for the last shift before free time, over a long weekend


@dataclass(frozen=True, slots=True)
class Planned:
    """A stretch of planned time. `kind`: shift | break | free; `shift`, `shift_day`: the running or the last one."""

    from_us: int
    to_us: int
    kind: str
    shift: str
    shift_day: date


def planned_time(calendar: Calendar, from_us: int, to_us: int, names: Collection[str] = ()) -> list[Planned]:
    """Tiles [from_us, to_us): shifts, their breaks, free time between. `names`: only these shifts are planned; empty: all."""
    around = calendar.overlapping("shift", from_us - LOOK_BACK_US, to_us)
    shifts = [shift for shift in around if not names or shift.name in names]
    found: list[Planned] = []
    at, last_name, last_day = from_us, "", calendar.day_of(from_us)
    for shift in shifts:
        begin, end = max(shift.from_us, at), min(shift.to_us, to_us)
        if begin < end:
            if at < begin:
                found.append(Planned(at, begin, "free", last_name, last_day))
            found += _within(begin, end, shift.name, shift.day, [(p.from_us, p.to_us) for p in shift.breaks])
            at = end
        last_name, last_day = shift.name, shift.day
    if at < to_us:
        found.append(Planned(at, to_us, "free", last_name, last_day))
    return found


def _within(begin: int, end: int, name: str, day: date, breaks: Iterable[tuple[int, int]]) -> list[Planned]:
    parts: list[Planned] = []
    at = begin
    for from_us, to_us in breaks:
        low, high = max(from_us, at), min(to_us, end)
        if low >= high:
            continue
        if at < low:
            parts.append(Planned(at, low, "shift", name, day))
        parts.append(Planned(low, high, "break", name, day))
        at = high
    if at < end:
        parts.append(Planned(at, end, "shift", name, day))
    return parts


@dataclass(slots=True)
class _Run:
    """Time since a machine was switched on. `begun_us` None: it is off; `seen_off`: the switching on was seen."""

    begun_us: int | None = None
    seen_off: bool = False
    produced: bool = False

    def follow(self, interval: StateInterval) -> None:
        if interval.state is MachineState.OFF:
            self.begun_us, self.seen_off, self.produced = None, True, False
        elif interval.state is not MachineState.NO_DATA:
            if self.begun_us is None:
                self.begun_us = interval.from_us
            self.produced = self.produced or interval.state is MachineState.PRODUCTION


def idle_pieces(
    machine_id: str, before: Sequence[StateInterval], planned: Sequence[tuple[Planned, Sequence[StateInterval]]],
    next_shift_us: int | None, warm_up_us: int = DEFAULT_WARM_UP_US,
) -> list[IdlePiece]:
    """`planned`: consecutive stretches, each with the states that tile it and their energies; `before`: states that led there.

    `next_shift_us`: begin of the first shift after the last stretch, None when there is none soon.
    """
    run = _Run()
    for interval in before:
        run.follow(interval)
    found: list[IdlePiece] = []
    for place, (stretch, intervals) in enumerate(planned):
        following = next((p.from_us for p, _ in planned[place + 1 :] if p.kind != "free"), next_shift_us)
        for interval in intervals:
            run.follow(interval)
            if interval.state is MachineState.IDLE and run.begun_us is not None:
                for from_us, to_us, reason in _reasons(stretch, interval, run, following, warm_up_us):
                    found.append(_piece(machine_id, stretch, interval, from_us, to_us, reason))
    return joined(found)


def _reasons(
    stretch: Planned, interval: StateInterval, run: _Run, next_shift_us: int | None, warm_up_us: int
) -> list[tuple[int, int, str]]:
    begin, end = interval.from_us, stretch.to_us if interval.to_us is None else interval.to_us
    begun = run.begun_us if run.begun_us is not None else begin
    if stretch.kind == "break":
        return [(begin, end, BREAK)]
    warms = run.seen_off and not run.produced
    if stretch.kind == "shift":
        until = min(end, max(begin, begun + warm_up_us)) if warms else begin
        return [(a, b, reason) for a, b, reason in ((begin, until, WARM_UP), (until, end, WAITING)) if a < b]
    if begun < stretch.from_us or (not run.seen_off and begun <= stretch.from_us):
        return [(begin, end, LEFT_ON)]
    soon = next_shift_us is not None and next_shift_us - begun <= 2 * warm_up_us
    return [(begin, end, WARM_UP if warms and soon else OUTSIDE)]


def _piece(
    machine_id: str, stretch: Planned, interval: StateInterval, from_us: int, to_us: int, reason: str
) -> IdlePiece:
    whole_us = (stretch.to_us if interval.to_us is None else interval.to_us) - interval.from_us
    share = (to_us - from_us) / whole_us if whole_us > 0 else 0.0
    energy = None if interval.energy_kwh is None else interval.energy_kwh * share
    return IdlePiece(
        machine_id, from_us, to_us, reason, stretch.shift, stretch.shift_day, energy, interval.estimated_kwh * share
    )


def joined(pieces: Iterable[IdlePiece]) -> list[IdlePiece]:
    """Neighbours of one machine, reason and shift become one."""
    found: list[IdlePiece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last is not None and last.to_us == piece.from_us and _same(last, piece):
            energy = None if last.energy_kwh is None or piece.energy_kwh is None else last.energy_kwh + piece.energy_kwh
            found[-1] = replace(
                last, to_us=piece.to_us, energy_kwh=energy, estimated_kwh=last.estimated_kwh + piece.estimated_kwh
            )
        else:
            found.append(piece)
    return found


def _same(a: IdlePiece, b: IdlePiece) -> bool:
    return (a.machine_id, a.reason, a.shift, a.shift_day) == (b.machine_id, b.reason, b.shift, b.shift_day)


def clipped(piece: IdlePiece, from_us: int, to_us: int) -> IdlePiece | None:
    """The part of it in [from_us, to_us), its energy by time; None when it lies outside."""
    begin, end = max(piece.from_us, from_us), min(piece.to_us, to_us)
    if begin >= end:
        return None
    share = (end - begin) / (piece.to_us - piece.from_us)
    energy = None if piece.energy_kwh is None else piece.energy_kwh * share
    return replace(piece, from_us=begin, to_us=end, energy_kwh=energy, estimated_kwh=piece.estimated_kwh * share)
