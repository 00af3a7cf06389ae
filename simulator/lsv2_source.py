"""What a Heidenhain control shows: the machine's mode in its own numbers, its alarms, a marker for each finished part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from domain.places.lsv2 import Lsv2Place
from domain.plant import Device
from domain.quantity import Kind
from simulator.controls import FAULT, ControlModel, ControlSource
from simulator.day_profile import Mode
from simulator.grid import Floats, Times
from simulator.registers import Value

PULSE_US: Final = 4_000_000
"""How long the marker "part finished" stays set."""
ALARM: Final = (1024, "Servo drive fault X")
_CODES: Final[Mapping[tuple[str, str], Mapping[int, int]]] = {  # by the mode, FAULT among them
    ("program_status", ""): {Mode.OFF: 7, Mode.WARM_UP: 7, Mode.IDLE: 2, Mode.PRODUCTION: 0, FAULT: 5},
    ("execution_state", ""): {Mode.OFF: 0, Mode.WARM_UP: 0, Mode.IDLE: 4, Mode.PRODUCTION: 4, FAULT: 4},
    ("alarms", "active"): {FAULT: 1},
    ("alarms", "number"): {FAULT: ALARM[0]},
}  # fmt: skip


class Lsv2Source(ControlSource):
    """The points of a device that is a Heidenhain control."""

    def __init__(self, device: Device, model: ControlModel) -> None:
        super().__init__(device, model)
        self._model_of = model
        places = [(p, p.where) for p in device.profile.points if isinstance(p.where, Lsv2Place)]
        self._coded = {p.tag: _CODES[w.query, w.item] for p, w in places if (w.query, w.item) in _CODES}
        self._pulses = tuple(p.tag for p, w in places if w.memory and p.kind is Kind.STATE)
        self._messages = tuple(p.tag for p, w in places if w.query == "alarms" and p.kind is Kind.TEXT)

    def values(self, time_us: int) -> Mapping[str, Value]:
        instant = np.array([time_us], dtype=np.int64)
        own = {tag: float(column[0]) for tag, column in self._own(instant).items()}
        fault = self._execution(instant)[0] == FAULT
        return {**super().values(time_us), **own, **dict.fromkeys(self._messages, ALARM[1] if fault else "")}

    def series(self, times_us: Times) -> Mapping[str, Floats]:
        return {**super().series(times_us), **self._own(times_us)}

    def _execution(self, times_us: Times) -> Floats:
        return self._model_of.series(times_us)["execution_state"]

    def _own(self, times_us: Times) -> dict[str, Floats]:
        execution = self._execution(times_us)
        found: dict[str, Floats] = {}
        for tag, codes in self._coded.items():
            column = np.zeros(times_us.shape)
            for mode, code in codes.items():
                column[execution == mode] = code
            found[tag] = column
        if self._pulses:
            before, now = (np.floor(self._model_of.series(t)["part_count"]) for t in (times_us - PULSE_US, times_us))
            found |= dict.fromkeys(self._pulses, (now > before).astype(np.float64))
        return found
