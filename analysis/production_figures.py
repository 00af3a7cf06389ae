"""Energy per part and program, and times after ISO 22400-2, of any window. Formulas: specific_energy.py, time_kpi.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from analysis.accounting import EnergyAccounting
from analysis.basic_figures import SITE, machines_of
from analysis.efficiency_service import EfficiencyService
from analysis.specific_energy import kwh_per_part
from analysis.states import tile
from analysis.time_kpi import kpis, together
from domain.energy import EnergyAccount, ShiftWindow
from domain.kpi import GroupKpis, SpecificEnergy, TimeElements
from domain.plant import Machine, Plant
from domain.ports import Clock
from domain.production import PartCount, ProgramStretch, parts_between
from domain.state import MachineState, StateInterval
from domain.stores import StateStore

REASON = "kpi.reason."
MOST_STRETCHES = 200  # each is measured by itself: a control may call a program every second
Spans = list[tuple[int, int]]


class TellsPrograms(Protocol):
    """Part of the production service."""

    async def programs(self, machine_id: str, from_us: int, to_us: int) -> Sequence[ProgramStretch]: ...


class ProductionFigures:
    """Implements web_interface.services.ProductionFiguresService."""

    def __init__(
        self, plant: Callable[[], Plant], accounting: EnergyAccounting, efficiency: EfficiencyService, programs: TellsPrograms,
        states: StateStore, clock: Clock,
    ) -> None:
        self._plant, self._accounting, self._efficiency = plant, accounting, efficiency
        self._programs, self._states, self._clock = programs, states, clock

    # -- energy per part -------------------------------------------------------------------------------------------

    async def specific(self, machine_id: str, from_us: int, to_us: int) -> SpecificEnergy:
        """w = W / N of the window. Raises NotFound."""
        account = await self._accounting.account(machine_id, from_us, to_us)
        count = await self._efficiency.parts(machine_id, from_us, to_us)
        seconds = (min(to_us, self._clock.now_us()) - from_us) / 1e6
        return self._specific(machine_id, from_us, to_us, None, [account], count, seconds, 1)

    async def by_program(self, machine_id: str, from_us: int, to_us: int) -> Sequence[SpecificEnergy]:
        """The same by program, most energy first; the energies add up to the window's. Empty where no program is told.

        Of more than MOST_STRETCHES stretches the programs that were called count to the one that called them.
        """
        stretches = await self._programs.programs(machine_id, from_us, to_us)
        if len(stretches) > MOST_STRETCHES:
            stretches = by_main(stretches)
        by_name: dict[str | None, list[ProgramStretch]] = {}
        for stretch in stretches:
            by_name.setdefault(stretch.program, []).append(stretch)
        if not stretches:
            return []
        count = await self._efficiency.parts(machine_id, from_us, to_us)
        found = []
        for name, mine in by_name.items():
            accounts = [await self._accounting.account(machine_id, s.from_us, s.to_us) for s in mine]
            parts = sum(parts_between(count.steps, s.from_us, s.to_us) for s in mine) if count.parts is not None else None
            told = PartCount(machine_id, from_us, to_us, parts, count.completeness)
            seconds = sum(s.to_us - s.from_us for s in mine) / 1e6
            found.append(self._specific(machine_id, from_us, to_us, name, accounts, told, seconds, len(mine)))
        return sorted(found, key=lambda item: -(item.energy_kwh or 0.0))

    def _specific(
        self, machine_id: str, from_us: int, to_us: int, program: str | None, accounts: Sequence[EnergyAccount],
        count: PartCount, seconds: float, stretches: int,
    ) -> SpecificEnergy:
        known = [a for a in accounts if a.energy_kwh is not None]
        energy = sum(a.energy_kwh or 0.0 for a in known) if known else None
        weight = sum(a.to_us - a.from_us for a in accounts)
        complete = sum(a.completeness * (a.to_us - a.from_us) for a in accounts) / weight if weight else 0.0
        if count.parts is not None:
            complete = min(complete, count.completeness)
        return SpecificEnergy(
            machine_id, from_us, to_us, program, seconds, energy, sum(a.estimated_kwh for a in accounts), count.parts,
            kwh_per_part(energy, count.parts), complete, self._efficiency.settings(machine_id).norm_kwh_per_part, stretches,
        )  # fmt: skip

    # -- times -----------------------------------------------------------------------------------------------------

    async def oee(self, by: str, from_us: int, to_us: int, subject: str = SITE) -> Sequence[GroupKpis]:
        """`by` machine | section | site. Planned busy time is that of a machine's shifts without their breaks. Raises NotFound.

        A machine that is planned for none of the shifts is left out of its group's sums and named in the reasons.
        """
        wanted = set(machines_of(self._plant(), subject))
        end_us = min(to_us, self._clock.now_us())
        shifts = self._accounting.shifts(from_us, to_us)
        groups: dict[str, list[tuple[Machine, TimeElements, list[str]]]] = {}
        for machine in self._plant().machines:
            if machine.id in wanted:
                elements, reasons = await self._elements(machine, from_us, to_us, shifts, end_us)
                group = machine.id if by == "machine" else machine.section if by == "section" else SITE
                groups.setdefault(group, []).append((machine, elements, reasons))
        return [
            GroupKpis(
                group, from_us, to_us, total, kpis(total), tuple(machine.id for machine, _, _ in found),
                tuple((machine.id, reason) for machine, _, reasons in found for reason in reasons),
            )
            for group, found in groups.items()
            for total in [together(_planned_ones([elements for _, elements, _ in found]))]
        ]  # fmt: skip

    async def _elements(
        self, machine: Machine, from_us: int, to_us: int, shifts: Sequence[ShiftWindow], end_us: int
    ) -> tuple[TimeElements, list[str]]:
        """Times of one machine within its planned time, and what it cannot tell."""
        planned = planned_spans(shifts, from_us, end_us, machine.shifts)
        if not planned:
            whose = "not_planned" if planned_spans(shifts, from_us, end_us) else "no_shifts"
            return TimeElements(None, None, None), [REASON + whose]
        pbt_s = sum(end - begin for begin, end in planned) / 1e6
        if machine.states is None:
            return TimeElements(None, None, pbt_s, completeness=0.0), ["kef.reason.no_states"]
        stored = await self._states.states(machine.id, from_us, to_us)  # times alone: no energy has to be measured for them
        seconds = seconds_within(tile(machine.id, stored, from_us, planned[-1][1]), planned)
        production = seconds.get(MachineState.PRODUCTION, 0.0)
        idle = seconds.get(MachineState.IDLE, 0.0)
        complete = 1.0 - seconds.get(MachineState.NO_DATA, 0.0) / pbt_s if pbt_s > 0 else 0.0
        settings = self._efficiency.settings(machine.id)
        count = await self._efficiency.parts(machine.id, from_us, to_us)
        if count.parts is None:
            reasons = ["kef.reason.no_parts"]
            return TimeElements(production, production + idle, pbt_s, idle, completeness=complete), reasons
        parts = sum(parts_between(count.steps, begin, end) for begin, end in planned)
        ideal, good = settings.ideal_s_per_part, await self._good(machine.id, parts, planned)
        reasons = ["kef.reason.no_ideal_time"] if ideal is None else []
        reasons += ["kef.reason.no_quality"] if good is None else []
        return TimeElements(
            production, production + idle, pbt_s, idle, None if ideal is None else ideal * parts, parts, good,
            min(complete, count.completeness),
        ), reasons  # fmt: skip

    async def _good(self, machine_id: str, parts: int, planned: Spans) -> float | None:
        """Good parts of the planned time: counted, else by the share that was set."""
        settings = self._efficiency.settings(machine_id)
        if settings.good_parts is None:
            return None if settings.good_share is None else settings.good_share * parts
        counted = [await self._efficiency.good_parts(settings, begin, end) for begin, end in planned]
        known = [count for count in counted if count is not None]
        return float(sum(known)) if known else None


def by_main(stretches: Sequence[ProgramStretch]) -> list[ProgramStretch]:
    """The same time by the programs that called others: stretches that follow each other are one."""
    found: list[ProgramStretch] = []
    for stretch in stretches:
        program = stretch.main or stretch.program
        if found and found[-1].program == program:
            parts = None if stretch.parts is None or found[-1].parts is None else found[-1].parts + stretch.parts
            found[-1] = replace(found[-1], to_us=stretch.to_us, parts=parts)
        else:
            found.append(replace(stretch, program=program, main=None))
    return found


def _planned_ones(elements: Sequence[TimeElements]) -> Sequence[TimeElements]:
    """Those with planned time; all where none has any."""
    return [e for e in elements if e.pbt_s is not None] or elements


def planned_spans(shifts: Iterable[ShiftWindow], from_us: int, to_us: int, names: Collection[str] = ()) -> Spans:
    """Shifts without their breaks, cut at the window, in order of time. `names`: only these shifts are planned; empty: all."""
    spans: Spans = []
    for shift in shifts:
        if names and shift.name not in names:
            continue
        begin = shift.from_us
        for pause in (*shift.breaks, None):
            end = shift.to_us if pause is None else pause.from_us
            cut = max(begin, from_us), min(end, to_us)
            if cut[1] > cut[0]:
                spans.append(cut)
            if pause is not None:
                begin = pause.to_us
    return sorted(spans)


def seconds_within(intervals: Sequence[StateInterval], spans: Spans) -> dict[MachineState, float]:
    """Seconds in each state inside the spans; both in order of time, every interval with its end."""
    total: dict[MachineState, int] = {}
    first = 0
    for begin, end in spans:
        while first < len(intervals) and (intervals[first].to_us or end) <= begin:
            first += 1
        for interval in intervals[first:]:
            if interval.from_us >= end:
                break
            overlap = min(interval.to_us or end, end) - max(interval.from_us, begin)
            if overlap > 0:
                total[interval.state] = total.get(interval.state, 0) + overlap
    return {state: us / 1e6 for state, us in total.items()}
