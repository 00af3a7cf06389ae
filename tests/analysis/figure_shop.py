"""The worked example of docs/formulas.md as a small shop: counters, states, parts and stores in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from analysis.accounting import EnergyAccounting
from analysis.efficiency_service import EfficiencyService
from analysis.kef_figures import KefFigures
from domain.balance import Metering
from domain.efficiency import KefSettings, MachineEfficiency
from domain.energy import ShiftWindow
from domain.plant import Plant
from domain.production import PartCount, PartStep, PartStepKind
from tests.analysis.fakes import H, MemoryEnergy, MemoryHistory, MemoryStates, S, load, meter_device, plant_of
from tests.conftest import FakeClock

FIRST = 1_763_524_800_000_000  # 07:00 of Moscow, 19 November 2025: a shift begins
SHIFT = (FIRST, FIRST + 8 * H)
PARTS = [(6.0, 3 * 3600), (2.4, 12600), (0.1, 5400)]  # production, idle, off


STEPS = [PartStep(FIRST + n * 1500 * S, FIRST + (n + 1) * 1500 * S, 1, PartStepKind.COUNTED, 1.0) for n in range(7)]


class MemoryCards:
    """EfficiencyStore."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, date], tuple[ShiftWindow, MachineEfficiency]] = {}

    async def save_efficiency(self, window: ShiftWindow, values: Sequence[MachineEfficiency]) -> None:
        for value in values:
            self.held[(value.machine_id, window.name, window.day)] = (window, value)

    async def efficiency(self, from_day: date, to_day: date) -> Sequence[tuple[ShiftWindow, MachineEfficiency]]:
        return [pair for key, pair in self.held.items() if from_day <= key[2] <= to_day]


class Counted:
    """One part each 25 min of the first three hours, for the machines that count: seven."""

    def __init__(self, *machines: str) -> None:
        self.machines, self.asked = machines, 0

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        self.asked += 1
        if machine_id not in self.machines:
            return PartCount(machine_id, from_us, to_us, None, 0.0)
        steps = [step for step in STEPS if from_us <= step.to_us < to_us]
        return PartCount(machine_id, from_us, to_us, sum(step.parts for step in steps), 1.0, tuple(steps))


class Shop:
    """Two machines: m1 runs the worked example, m2 idles at 1 kW; settings by machine."""

    def __init__(self, *, kef: dict[str, KefSettings] | None = None, classes: Metering | None = None) -> None:
        self.clock, self.history, self.parts = FakeClock(SHIFT[1] + H), MemoryHistory(), Counted("m1-m")
        plant, tags = plant_of(meter_device("m1", scan_s=5), meter_device("m2", scan_s=5))
        machines = tuple(
            replace(m, kef=(kef or {}).get(m.id), section="A" if m.id == "m1-m" else "B") for m in plant.machines
        )
        devices = tuple(replace(d, metering=classes or d.metering) for d in plant.devices)
        self.plant: Plant = replace(plant, machines=machines, devices=devices)
        load(self.history, tags, "m1", FIRST - 600 * S, [(0.1, 600), *PARTS, (0.1, 600)], step_s=5)
        load(self.history, tags, "m2", FIRST - 600 * S, [(0.1, 600), (1.0, 8 * 3600), (0.1, 600)], step_s=5)
        self.states = MemoryStates()
        self.accounting = EnergyAccounting(lambda: self.plant, lambda: tags, self.history, self.states, self.clock)
        self.shifts, self.cards = MemoryEnergy(), MemoryCards()
        self.service = EfficiencyService(
            lambda: self.plant, lambda: tags, self.accounting, self.history, self.parts, self.shifts, self.cards, self.clock
        )
        self.figures = KefFigures(lambda: self.plant, self.service, self.accounting, self.clock)

    async def keep_states(self) -> None:
        """What the engine stored: the intervals of the worked example."""
        for machine in self.plant.machines:
            await self.states.save_states(await self.accounting.states(machine.id, FIRST - 600 * S, SHIFT[1]))
