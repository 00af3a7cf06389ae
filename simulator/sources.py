"""What a simulated device shows: a value for each point of its profile at any time.

A machine's meter shows the machine. A counting module shows the parts and the running signals of the machines in the plant's
order. What nothing explains gets a plausible value of its quantity.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from domain.plant import Device
from domain.profile import Point
from domain.quantity import Kind, Quantity
from simulator.day_profile import Mode
from simulator.grid import Floats, Times, noise, wave
from simulator.machine_model import Model
from simulator.registers import Value

_PHASE = re.compile(r"_(l12|l23|l31|l[123]|n|t[1-4])(?:_|$)")
_INPUT = re.compile(r"^(counter|di)_(\d+)$")
_BASES = {
    Quantity.ACTIVE_POWER: "active_power", Quantity.REACTIVE_POWER: "reactive_power", Quantity.APPARENT_POWER: "apparent_power",
    Quantity.VOLTAGE: "voltage", Quantity.CURRENT: "current", Quantity.FREQUENCY: "frequency",
    Quantity.POWER_FACTOR: "power_factor",
    Quantity.PHASE_ANGLE: "phase_angle", Quantity.ENERGY_IMPORT: "energy_import", Quantity.ENERGY_EXPORT: "energy_export",
    Quantity.REACTIVE_ENERGY_IMPORT: "reactive_energy_import", Quantity.REACTIVE_ENERGY_EXPORT: "reactive_energy_export",
    Quantity.TEMPERATURE: "temperature", Quantity.COUNT: "part_count", Quantity.STATE: "mode", Quantity.SPEED: "spindle_speed",
    Quantity.FEED_RATE: "feed_rate", Quantity.LOAD: "spindle_load",
}  # fmt: skip
_CONSTANTS = {"nominal_voltage": 230.0, "meter_constant": 1000.0, "phase_sequence": 1.0, "rotation": 1.0}
_LEVELS = {Quantity.PRESSURE: 6.4, Quantity.FLOW: 12.0, Quantity.RATIO: 1.0, Quantity.DURATION: 0.0, Quantity.OTHER: 50.0}


class Source(Protocol):
    """Values of a device's points, canonical units, by tag. `changing`: texts that change over time."""

    changing: frozenset[str]

    def values(self, time_us: int) -> Mapping[str, Value]: ...
    def series(self, times_us: Times) -> Mapping[str, Floats]:
        """Number points only."""
        ...

    def text_changes(self, times_us: Times) -> Mapping[int, Mapping[str, str]]:
        """Texts of `changing` at those of these instants (in order) that bring another; the first brings all."""
        ...


def key_of(point: Point, known: Mapping[str, object]) -> str | None:
    """Which value of a model a point shows: its own tag, or its quantity with the phase or tariff in its tag."""
    if point.tag in known:
        return point.tag
    if point.tag in _CONSTANTS:
        return None
    base = _BASES.get(point.quantity)
    if point.quantity is Quantity.THD:
        base = "thd_current" if re.search(r"current|_i(_|$)", point.tag) else "thd_voltage"
    if base is None:
        return None
    found = _PHASE.search(point.tag)
    key = f"{base}_{found[1]}" if found else base
    return key if key in known else base if base in known else None


class ModelSource:
    """The points of a device that measures one model (a machine, or the feed of the shop)."""

    def __init__(self, device: Device, model: Model) -> None:
        self._device, self._model = device, model
        self._seed = zlib.crc32(device.id.encode())
        self._numbers = [p for p in device.profile.points if p.kind is not Kind.TEXT]
        self._texts = {p.tag: text_of(device, p.tag) for p in device.profile.points if p.kind is Kind.TEXT}
        self._factors = {p.tag: 1e3 for p in self._numbers if p.unit == "VAh"}  # no quantity of its own: stays as on the wire
        self._keys: dict[str, str | None] = {}
        self.changing: frozenset[str] = frozenset()

    def values(self, time_us: int) -> Mapping[str, Value]:
        known = self._model.at(time_us).values
        if not self._keys:
            self._keys = {p.tag: key_of(p, known) for p in self._numbers}
        values: dict[str, Value] = dict(self._texts)
        rest = [p for p in self._numbers if self._keys[p.tag] is None]
        for tag, key in self._keys.items():
            if key is not None:
                values[tag] = known[key] * self._factors.get(tag, 1.0)
        if rest:
            instant = np.array([time_us], dtype=np.int64)
            values |= {p.tag: float(plausible(self._device, p, instant, self._seed)[0]) for p in rest}
        return values

    def series(self, times_us: Times) -> Mapping[str, Floats]:
        known = self._model.series(times_us)
        found: dict[str, Floats] = {}
        for point in self._numbers:
            key = key_of(point, known)
            factor = self._factors.get(point.tag, 1.0)
            found[point.tag] = known[key] * factor if key else plausible(self._device, point, times_us, self._seed)
        return found

    def text_changes(self, times_us: Times) -> Mapping[int, Mapping[str, str]]:
        return {}


class InputSource:
    """A counting module: input n sees machine n of the plant: `counter_n` its parts, `di_n` whether it is producing."""

    def __init__(self, device: Device, models: Sequence[Model]) -> None:
        self._device, self._models = device, tuple(models)
        self.changing: frozenset[str] = frozenset()
        self._seed = zlib.crc32(device.id.encode())
        self._texts = {p.tag: text_of(device, p.tag) for p in device.profile.points if p.kind is Kind.TEXT}

    def values(self, time_us: int) -> Mapping[str, Value]:
        samples = [model.at(time_us).values for model in self._models]
        instant = np.array([time_us], dtype=np.int64)
        columns = self._pick(lambda number, key: np.array([samples[number][key]]), instant)
        return dict(self._texts) | {tag: float(column[0]) for tag, column in columns.items()}

    def series(self, times_us: Times) -> Mapping[str, Floats]:
        columns = [model.series(times_us) for model in self._models]
        return self._pick(lambda number, key: columns[number][key], times_us)

    def text_changes(self, times_us: Times) -> Mapping[int, Mapping[str, str]]:
        return {}

    def _pick(self, take: Callable[[int, str], Floats], times_us: Times) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for point in self._device.profile.points:
            if point.kind is Kind.TEXT:
                continue
            match = _INPUT.match(point.tag)
            if match is None:
                found[point.tag] = self._mask(take, times_us) if point.quantity is Quantity.STATE else plausible(
                    self._device, point, times_us, self._seed
                )
            elif int(match[2]) > len(self._models):
                found[point.tag] = np.zeros(times_us.shape)
            elif match[1] == "counter":
                found[point.tag] = take(int(match[2]) - 1, "part_count")
            else:
                found[point.tag] = (take(int(match[2]) - 1, "mode") == int(Mode.PRODUCTION)).astype(np.float64)
        return found

    def _mask(self, take: Callable[[int, str], Floats], times_us: Times) -> Floats:
        mask = np.zeros(times_us.shape)
        for number in range(min(16, len(self._models))):
            mask += (take(number, "mode") == int(Mode.PRODUCTION)) * float(1 << number)
        return mask


def counts_inputs(device: Device) -> bool:
    """Is it a module whose inputs see the machines?"""
    return any(_INPUT.match(p.tag) for p in device.profile.points)


def source_of(device: Device, model: Model | None, machines: Sequence[Model], fallback: Callable[[], Model]) -> Source:
    """The source for a device: its machine's, a counting module's, or a plausible load of its own."""
    if model is None and counts_inputs(device):
        return InputSource(device, machines)
    return ModelSource(device, model if model is not None else fallback())


def plausible(device: Device, point: Point, times_us: Times, seed: int) -> Floats:
    """A believable value of a quantity that no model explains: steady, with a slow wave, inside the point's plausible range."""
    if point.tag in ("ct_ratio", "vt_ratio"):
        option = device.options.get(point.tag)
        return np.full(times_us.shape, float(option) if isinstance(option, (int, float)) else 1.0)
    if point.tag in _CONSTANTS:
        return np.full(times_us.shape, _CONSTANTS[point.tag])
    level = _LEVELS.get(point.quantity, 1.0)
    if level == 0.0 or point.kind is not Kind.GAUGE or point.quantity is Quantity.RATIO:
        return np.full(times_us.shape, level)
    number = zlib.crc32(point.tag.encode())
    return level * (1.0 + 0.08 * wave(times_us, 700.0 + number % 400, number % 7) + 0.004 * noise(times_us, seed ^ number))


def text_of(device: Device, tag: str) -> str:
    """Serial numbers and the like: made up, steady, and told apart by device."""
    number = zlib.crc32(device.id.encode())
    if "serial" in tag:
        return f"{number % 100_000_000:08d}"
    if "firmware" in tag or "version" in tag:
        return "9.1.4"
    if "program" in tag:
        return f"VAL_{number % 9000 + 1000}.NC"
    return device.profile.name[:16]
