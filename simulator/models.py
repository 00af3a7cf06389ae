"""The models behind a plant's meters: one for each machine, the sum at the shop's feed, a load of its own for any other meter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from domain.plant import Device, Machine, Plant
from simulator.character import Character, building, character_of
from simulator.controls import ControlModel, ControlSource
from simulator.grid import Grid
from simulator.lsv2_source import Lsv2Source
from simulator.machine_model import MachineModel, Model, SumModel
from simulator.process_loop import LoopSource
from simulator.shop_calendar import ShopCalendar, part_of
from simulator.sources import Source, counts_inputs, source_of

OTHER_LOADS_KW = 4.5  # lighting, ventilation, offices: what the feed carries beside the machines
OTHER_LOADS = "other-loads"


@dataclass(slots=True)
class ShopModels:
    """`machines` by machine id; `meters`: what each meter measures, by device id."""

    plant: Plant
    seed: int
    calendar: ShopCalendar
    grid: Grid
    machines: dict[str, MachineModel] = field(default_factory=dict)
    meters: dict[str, Model] = field(default_factory=dict)

    def source(self, device: Device) -> Source:
        """What a device of the plant shows."""
        machine = self._controlled_by(device)
        if machine is not None:
            kind = Lsv2Source if device.profile.protocol == "lsv2" else ControlSource
            return kind(device, ControlModel(self.machines[machine.id]))
        if any(loop.process.startswith(f"{device.id}.") for loop in self.plant.loops):
            return LoopSource(device, self.plant.loops, frozenset(loop.id for loop in self.plant.loops[1::2]))
        return source_of(
            device, self.meters.get(device.id), list(self.machines.values()),
            lambda: MachineModel(building(device.id, 3.0, self.seed), self.calendar, self.grid, self.seed),
        )

    def _controlled_by(self, device: Device) -> Machine | None:
        """The machine whose control the device is: the one that takes `execution` from it, else another signal."""
        prefix = f"{device.id}."
        controlled = [machine for machine in self.plant.machines if machine.control is not None]
        for machine in controlled:
            if machine.control is not None and (machine.control.execution or "").startswith(prefix):
                return machine
        if counts_inputs(device):
            return None
        for machine in controlled:
            if machine.control is not None and any(tag.startswith(prefix) for tag in machine.control.tags):
                return machine
        return None


def _planned(character: Character, machine: Machine, plant: Plant) -> Character:
    """It works in the shifts it is planned for only."""
    if not machine.shifts:
        return character
    parts = frozenset(part_of(shift.start) for shift in plant.shifts if shift.name in machine.shifts)
    return replace(character, habit=replace(character.habit, works=character.habit.works & parts))


def _left_on(part_time: Sequence[str], machine_id: str, number: int) -> bool:
    """Somebody forgets: each night two of the machines that are planned for some shifts only stay on, in turn."""
    return machine_id in part_time and (number + part_time.index(machine_id)) % len(part_time) < 2


def models_of(plant: Plant, seed: int = 1, models: Mapping[str, Model] | None = None) -> ShopModels:
    """Build the models of a plant. `models` replaces what given devices measure, by device id."""
    calendar, grid = ShopCalendar(plant.site.timezone, plant.shifts, plant.calendar), Grid(seed)
    shop = ShopModels(plant, seed, calendar, grid)
    part_time = [machine.id for machine in plant.machines if machine.shifts]
    for machine in plant.machines:
        character = _planned(character_of(machine, seed), machine, plant)
        model = MachineModel(character, calendar, grid, seed, partial(_left_on, part_time, machine.id))
        shop.machines[machine.id] = model
        if machine.meter is None:
            continue
        before = shop.meters.get(machine.meter)
        members = [before] if isinstance(before, MachineModel) else list(before.members) if isinstance(before, SumModel) else []
        shop.meters[machine.meter] = SumModel([*members, model], grid) if members else model
    if plant.site.main_meter is not None and shop.machines:
        other = MachineModel(building(OTHER_LOADS, OTHER_LOADS_KW, seed), calendar, grid, seed)
        shop.meters[plant.site.main_meter] = SumModel([*shop.machines.values(), other], grid)
    shop.meters.update(models or {})
    return shop
