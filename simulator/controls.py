"""What the control of a machine tells beside its meter: execution, program, spindle. It follows the machine's true mode.

Now and then a stop after production begins with a fault: the control says so, while the meter sees a waiting machine only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from domain.plant import Device
from domain.quantity import Kind
from simulator.day_profile import Mode
from simulator.grid import Times, mixed
from simulator.machine_model import MachineModel, MachineSample, Series
from simulator.registers import Value
from simulator.shop_calendar import US
from simulator.sources import ModelSource

FAULT: Final = 4
"""Value of `execution_state` beside those of `Mode`."""
_AUTO: Final = 2.0
"""Value of `operating_mode` of a control that runs programs by itself."""
_FAULT_US, _SHORTEST_STOP_US = 540 * US, 240 * US
_ONE_STOP_IN = 9
_BATCH = 14  # parts of one program before the next
_PROGRAMS: Final = ("SHAFT-2041", "FLANGE-118", "SLEEVE-77", "COVER-3306")


class ControlModel:
    """The machine's model with what its control adds."""

    def __init__(self, machine: MachineModel) -> None:
        self._machine = machine
        self._faults: dict[int, Sequence[tuple[int, int]]] = {}

    def series(self, times_us: Times) -> Series:
        """Values at UTC microseconds, by standard tag name."""
        values = dict(self._machine.series(times_us))
        execution = values["mode"].copy()
        if times_us.size:
            for begin, end in self._faults_between(int(times_us.min()), int(times_us.max())):
                execution[(times_us >= begin) & (times_us < end) & (execution == int(Mode.IDLE))] = FAULT
        values["execution_state"] = execution
        values["alarm"] = (execution == FAULT).astype(np.float64)
        values["operating_mode"] = np.full(times_us.shape, _AUTO)
        return values

    def at(self, time_us: int) -> MachineSample:
        values = {tag: float(column[0]) for tag, column in self.series(np.array([time_us], dtype=np.int64)).items()}
        return MachineSample(time_us, Mode(int(values["mode"])), values)

    def programs(self, times_us: Times) -> list[str]:
        """The program at each instant: another one after each batch of parts."""
        parts = self._machine.series(times_us)["part_count"]
        shift = self._machine.character.key
        return [_PROGRAMS[(int(count) // _BATCH + shift) % len(_PROGRAMS)] for count in parts]

    def _faults_between(self, from_us: int, to_us: int) -> list[tuple[int, int]]:
        calendar = self._machine.calendar
        days = range(calendar.number_of(from_us), calendar.number_of(to_us) + 1)
        return [fault for number in days for fault in self._faults_of(number)]

    def _faults_of(self, number: int) -> Sequence[tuple[int, int]]:
        """(from, to) of one day, UTC us. Only the last days asked for are kept."""
        if number not in self._faults:
            if len(self._faults) > 3:
                self._faults.clear()
            segments = self._machine.mode_segments(self._machine.calendar.starts_us[number])
            self._faults[number] = [
                (begin, min(end, begin + _FAULT_US))
                for (_, _, before), (begin, end, mode) in pairwise(segments)
                if mode is Mode.IDLE and before is Mode.PRODUCTION and end - begin > _SHORTEST_STOP_US and self._is_fault(begin)
            ]
        return self._faults[number]

    def _is_fault(self, begin_us: int) -> bool:
        number = np.array([begin_us // US + self._machine.character.key], dtype=np.uint64)
        return int(mixed(number)[0]) % _ONE_STOP_IN == 0


class ControlSource(ModelSource):
    """The points of a device that is a machine's control: its program changes with time."""

    def __init__(self, device: Device, model: ControlModel) -> None:
        super().__init__(device, model)
        self._control = model
        self.changing = frozenset(p.tag for p in device.profile.points if p.kind is Kind.TEXT and "program" in p.tag)

    def values(self, time_us: int) -> Mapping[str, Value]:
        (program,) = self._control.programs(np.array([time_us], dtype=np.int64))
        return {**super().values(time_us), **dict.fromkeys(self.changing, program)}

    def text_changes(self, times_us: Times) -> Mapping[int, Mapping[str, str]]:
        found: dict[int, Mapping[str, str]] = {}
        before = ""
        for time_us, program in zip(times_us.tolist(), self._control.programs(times_us), strict=True):
            if program != before:
                found[time_us] = dict.fromkeys(self.changing, program)
            before = program
        return found
