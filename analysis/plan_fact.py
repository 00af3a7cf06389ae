"""Plan against fact: energy from the cube and parts from the machines' controls beside what was planned.

The running interval is measured against the part of its plan that is due by planned working time (shifts without breaks), not by
the clock: at noon of a one-shift day half of the plan is due, not three quarters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from analysis.calendar import Calendar
from analysis.cube_query import EnergyCube
from domain.cube import CubeRow, Dimension
from domain.energy import ShiftWindow
from domain.plan import Plan, PlanFact, PlanInterval, PlanScope, Progress, plan_on
from domain.plant import Machine, Plant
from domain.ports import Clock
from domain.production import PartCount

PROJECTED_FROM = 0.05  # share of the working time


class CountsParts(Protocol):
    """What is asked of the machines' controls."""

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount: ...


def working_us(calendar: Calendar, from_us: int, to_us: int) -> int:
    """Planned working time within [from_us, to_us): shifts without their breaks."""
    total = 0
    for shift in calendar.overlapping("shift", from_us, to_us):
        total += max(0, min(shift.to_us, to_us) - max(shift.from_us, from_us))
        total -= sum(max(0, min(b.to_us, to_us) - max(b.from_us, from_us)) for b in shift.breaks)
    return total


def elapsed_share(calendar: Calendar, from_us: int, to_us: int, now_us: int) -> float:
    """0..1 of the interval's working time that is over; by the clock where no shift is planned."""
    if now_us >= to_us:
        return 1.0
    whole_us = working_us(calendar, from_us, to_us)
    if whole_us <= 0:
        return max(0.0, (now_us - from_us) / (to_us - from_us))
    return working_us(calendar, from_us, now_us) / whole_us


def progress(
    planned: float, actual: float | None, elapsed: float, completeness: float = 1.0, estimated_share: float = 0.0
) -> Progress:
    """`elapsed`: share of the working time that is over, 1 when the interval is."""
    projection = None if actual is None or elapsed < PROJECTED_FROM else actual / elapsed
    return Progress(planned, actual, planned * elapsed, projection, completeness, estimated_share)


def windows_of(calendar: Calendar, interval: PlanInterval, from_us: int, to_us: int) -> list[ShiftWindow]:
    """Intervals that overlap [from_us, to_us), in order of time; a month is named "2026-06"."""
    if interval is not PlanInterval.MONTH:
        return calendar.overlapping(interval.value, from_us, to_us)
    found = []
    first = calendar.day_of(from_us).replace(day=1)
    while calendar.day_window(first).from_us < to_us:
        following = (first + timedelta(days=32)).replace(day=1)
        begin, end = calendar.day_window(first).from_us, calendar.day_window(following).from_us
        found.append(ShiftWindow(f"{first:%Y-%m}", first, begin, end))
        first = following
    return found


@dataclass(frozen=True, slots=True)
class _Subject:
    scope: PlanScope
    name: str
    machines: tuple[Machine, ...]


class PlanFacts:
    """The service. Without `production` parts are not known."""

    def __init__(
        self, plant: Callable[[], Plant], calendar: Callable[[], Calendar], cube: EnergyCube, clock: Clock,
        production: CountsParts | None = None,
    ) -> None:
        self._plant, self._calendar, self._cube, self._clock, self._production = plant, calendar, cube, clock, production

    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]:
        """Every plan in force in each interval that overlaps the window and has begun; site first, then sections, machines."""
        now_us = self._clock.now_us()
        calendar = self._calendar()
        windows = [w for w in windows_of(calendar, interval, from_us, to_us) if w.from_us < now_us]
        subjects = self._subjects()
        if not windows or not any(p.interval is interval for p in self._plans()):
            return []
        energy = await self._energy(interval, windows)
        found = []
        for window in windows:
            for subject in subjects:
                plan = plan_on(self._plans(), subject.scope, subject.name, interval, window.day, window.name)
                if plan is not None:
                    found.append(await self._fact(plan, window, subject, energy, calendar, now_us))
        return found

    def _plans(self) -> Sequence[Plan]:
        """Of the plant; the site's own figure per shift where no plan says otherwise."""
        plant = self._plant()
        if plant.site.shift_plan_kwh is None:
            return plant.plans
        return (Plan(PlanScope.SITE, "", PlanInterval.SHIFT, kwh=plant.site.shift_plan_kwh), *plant.plans)

    def _subjects(self) -> list[_Subject]:
        machines = self._plant().machines
        sections = dict.fromkeys(machine.section for machine in machines if machine.section)
        return [
            _Subject(PlanScope.SITE, "", machines),
            *(_Subject(PlanScope.SECTION, name, tuple(m for m in machines if m.section == name)) for name in sections),
            *(_Subject(PlanScope.MACHINE, machine.id, (machine,)) for machine in machines),
        ]

    async def _energy(
        self, interval: PlanInterval, windows: Sequence[ShiftWindow]
    ) -> dict[tuple[str, str, date], list[CubeRow]]:
        """Rows of each machine and interval: key (machine, name of the shift or "", day or first of the month)."""
        by = [Dimension.MACHINE, Dimension.DAY]
        if interval is PlanInterval.SHIFT:
            by = [Dimension.MACHINE, Dimension.SHIFT, Dimension.SHIFT_DAY]
        answer = await self._cube.ask(min(w.from_us for w in windows), max(w.to_us for w in windows), by)
        found: dict[tuple[str, str, date], list[CubeRow]] = {}
        for row in answer.rows:
            day = row.key[by[-1]]
            if not isinstance(day, date):
                continue
            if interval is PlanInterval.MONTH:
                day = day.replace(day=1)
            name = str(row.key[Dimension.SHIFT]) if interval is PlanInterval.SHIFT else ""
            found.setdefault((str(row.key[Dimension.MACHINE]), name, day), []).append(row)
        return found

    async def _fact(
        self, plan: Plan, window: ShiftWindow, subject: _Subject, energy: dict[tuple[str, str, date], list[CubeRow]],
        calendar: Calendar, now_us: int,
    ) -> PlanFact:
        share = elapsed_share(calendar, window.from_us, window.to_us, now_us)
        kwh = parts = None
        if plan.kwh is not None:
            name = window.name if plan.interval is PlanInterval.SHIFT else ""
            rows = [row for m in subject.machines for row in energy.get((m.id, name, window.day), [])]
            known = [row.energy_kwh for row in rows if row.energy_kwh is not None]
            used = sum(known) if known else None
            duration = sum(row.duration_us for row in rows)
            kwh = progress(
                plan.kwh, used, share, sum(row.known_us for row in rows) / duration if duration else 0.0,
                min(1.0, sum(row.uncertain_kwh for row in rows) / used) if used else 0.0,
            )  # fmt: skip
        if plan.parts is not None:
            parts = await self._parts(plan.parts, window, subject, share)
        return PlanFact(plan, window.name, window.day, window.from_us, window.to_us, now_us < window.to_us, kwh, parts)

    async def _parts(self, planned: float, window: ShiftWindow, subject: _Subject, share: float) -> Progress:
        if self._production is None:
            return progress(planned, None, share, 0.0)
        end_us = min(window.to_us, self._clock.now_us())
        counts = [await self._production.parts(machine.id, window.from_us, end_us) for machine in subject.machines]
        counted = [count for count in counts if count.parts is not None]
        made = float(sum(count.parts or 0 for count in counted)) if counted else None
        completeness = sum(count.completeness for count in counted) / len(counted) if counted else 0.0
        return progress(planned, made, share, completeness)
