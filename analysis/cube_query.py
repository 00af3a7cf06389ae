"""Answers from the cube: stored slots by sums of the store, the rest (the running hour, days not yet kept) measured at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from analysis.accounting import EnergyAccounting
from analysis.calendar import Calendar
from analysis.cube import merged, rows_of, rule_of, slots_of, total_of
from domain.cube import CubeAnswer, CubeFilter, CubeRow, CubeStore, Dimension, KeptDay, Slot
from domain.errors import NotFound
from domain.plant import Machine, Plant
from domain.ports import Clock

DAY_US = 86_400_000_000
RECOMPUTABLE_US = 390 * DAY_US  # what is older has lost its minutes and stays as it was made
MEASURED_AT_ONCE_US = 40 * DAY_US  # of all machines together; what is more waits for the keeper
Stretch = tuple[int, int]


class DayRules:
    """Slots and rule of each day of the site, remembered for one calendar."""

    REMEMBERED = 800

    def __init__(self, accounting: EnergyAccounting) -> None:
        self._accounting = accounting
        self._calendar: Calendar | None = None
        self._days: dict[date, tuple[tuple[Slot, ...], str]] = {}

    def of(self, day: date) -> tuple[tuple[Slot, ...], str]:
        """Slots that tile the day, and the rule under which its cells are made now."""
        calendar = self._accounting.calendar
        if calendar is not self._calendar:
            self._calendar, self._days = calendar, {}
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= self.REMEMBERED:
                self._days.clear()
            window = calendar.day_window(day)
            slots = tuple(slots_of(calendar, window.from_us, window.to_us))
            found = self._days[day] = (slots, rule_of(slots))
        return found

    def valid(self, kept: KeptDay, now_us: int) -> bool:
        """Were its cells made under the rule of today, or can they no longer be made again?"""
        return now_us - kept.from_us > RECOMPUTABLE_US or self.of(kept.day)[1] == kept.rule


class EnergyCube:
    """The cube service. `rules` is shared with the keeper."""

    def __init__(
        self, plant: Callable[[], Plant], accounting: EnergyAccounting, store: CubeStore, clock: Clock, rules: DayRules
    ) -> None:
        self._plant, self._accounting, self._store, self._clock, self._rules = plant, accounting, store, clock, rules

    async def ask(
        self, from_us: int, to_us: int, by: Sequence[Dimension], machines: Sequence[str] = (), sections: Sequence[str] = ()
    ) -> CubeAnswer:
        """Energy and time of the elapsed part of [from_us, to_us), grouped `by` any dimensions. Raises NotFound."""
        end_us = min(to_us, self._clock.now_us())
        chosen = self._chosen(machines, sections)
        section_of = {machine.id: machine.section for machine in chosen}
        ids = list(section_of)
        rows: list[CubeRow] = []
        pending_us = 0
        if from_us < end_us and ids:
            stored, missing = await self._stretches(from_us, end_us, ids)
            asked = [Dimension.MACHINE if d is Dimension.SECTION else d for d in by]
            asked = list(dict.fromkeys(asked))
            for (begin, end), mine in stored.items():
                for row in await self._store.sums(CubeFilter(begin, end, mine), asked):
                    rows.append(_with_section(row, by, section_of))
            budget_us = MEASURED_AT_ONCE_US
            for machine_id, (begin, end) in sorted(missing, key=lambda item: item[1][1] - item[1][0]):
                if end - begin > budget_us:  # nothing is still to come of a time before anything was kept
                    pending_us += 0 if await self._accounting.empty_before(machine_id, end) else end - begin
                    continue
                budget_us -= end - begin
                slots = slots_of(self._accounting.calendar, begin, end)
                rows += rows_of(await self._accounting.cube(machine_id, slots), by, section_of.__getitem__)
        grouped = merged(rows, by)
        return CubeAnswer(from_us, max(from_us, end_us), tuple(by), grouped, total_of(grouped), pending_us)

    def _chosen(self, machines: Sequence[str], sections: Sequence[str]) -> list[Machine]:
        plant = self._plant()
        known = {machine.id for machine in plant.machines}
        for machine_id in machines:
            if machine_id not in known:
                raise NotFound("machine", machine_id, tuple(known)[:5])
        names = {machine.section for machine in plant.machines}
        for section in sections:
            if section not in names:
                raise NotFound("section", section, tuple(sorted(names))[:5])
        return [
            m for m in plant.machines if (not machines or m.id in machines) and (not sections or m.section in sections)
        ]

    async def _stretches(
        self, from_us: int, end_us: int, machines: Sequence[str]
    ) -> tuple[dict[Stretch, list[str]], list[tuple[str, Stretch]]]:
        """What is stored, as stretches with their machines, and what each machine lacks of the window."""
        kept = await self._store.kept(from_us, end_us, machines)
        by_machine = await asyncio.to_thread(self._usable, kept, from_us, end_us)
        stored: dict[Stretch, list[str]] = {}
        missing: list[tuple[str, Stretch]] = []
        for machine_id in machines:
            at_us = from_us
            for begin, end in by_machine.get(machine_id, []):
                stored.setdefault((begin, end), []).append(machine_id)
                if at_us < begin:
                    missing.append((machine_id, (at_us, begin)))
                at_us = end
            if at_us < end_us:
                missing.append((machine_id, (at_us, end_us)))
        return stored, missing

    def _usable(self, kept: Sequence[KeptDay], from_us: int, end_us: int) -> dict[str, list[Stretch]]:
        """Stored stretches of each machine inside the window, cut to whole slots, neighbours joined."""
        now_us = self._clock.now_us()
        found: dict[str, list[Stretch]] = {}
        for day in kept:
            if not self._rules.valid(day, now_us):
                continue
            begin, end = day.from_us, min(day.kept_us, day.to_us)
            if begin < from_us or end > end_us:
                slots = [s for s in self._rules.of(day.day)[0] if s.from_us >= from_us and s.to_us <= min(end, end_us)]
                if not slots:
                    continue
                begin, end = slots[0].from_us, slots[-1].to_us
            if begin >= end:
                continue
            mine = found.setdefault(day.machine_id, [])
            if mine and mine[-1][1] == begin:
                mine[-1] = (mine[-1][0], end)
            else:
                mine.append((begin, end))
        return found


def _with_section(row: CubeRow, by: Sequence[Dimension], section_of: dict[str, str]) -> CubeRow:
    """The row of a store along `by`, where a section stands for its machines."""
    key = {d: section_of[str(row.key[Dimension.MACHINE])] if d is Dimension.SECTION else row.key[d] for d in by}
    return CubeRow(key, row.energy_kwh, row.uncertain_kwh, row.duration_us, row.known_us)


def days_before(day: date, count: int) -> list[date]:
    """The `count` days before, newest first."""
    return [day - timedelta(days=back) for back in range(1, count + 1)]
