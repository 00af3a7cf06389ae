"""Which tags of a machine's meter carry its power and its energy, and how long a value of them holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis.states import Timing
from domain.counter import CounterSpec
from domain.errors import NotFound
from domain.plant import Machine, Plant, Tag
from domain.production import ControlSignals
from domain.quantity import Quantity

DEFAULT_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class ControlTags:
    """The tags by which a machine's control tells what it does.

    `pulse`: a number of the same device; a text is fresh while that comes. `timing` None: the text of a device without
    numbers holds until the next.
    """

    signals: ControlSignals
    execution: Tag
    timing: Timing | None
    connected: Tag | None = None
    connected_timing: Timing | None = None
    pulse: Tag | None = None
    alarm: Tag | None = None
    alarm_timing: Timing | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """The tags of one machine; `timing` of its power; `control` where its own control tells its state."""

    machine: Machine
    power: Tag | None
    energy: Tag | None
    timing: Timing
    control: ControlTags | None = None

    @property
    def judged(self) -> bool:
        """Has the machine states at all?"""
        return self.control is not None or (self.power is not None and self.machine.states is not None)

    @property
    def source(self) -> str:
        """Where its energy comes from: counter | integrated_power | none."""
        if self.energy is not None:
            return "counter"
        return "integrated_power" if self.power is not None else "none"

    @property
    def counter_spec(self) -> CounterSpec:
        """Rules of the energy counter."""
        return CounterSpec() if self.energy is None else self.energy.counter_spec

    @property
    def reading_us(self) -> int:
        """Expected time between two counter readings."""
        return round((self.energy.interval_s if self.energy is not None else 60.0) * 1e6)


def meters_of(plant: Plant, tags: Sequence[Tag]) -> dict[str, Meter]:
    """Of every machine of the plant, by its id."""
    by_device: dict[str, list[Tag]] = {}
    for tag in tags:
        by_device.setdefault(tag.device_id, []).append(tag)
    timeouts = {device.id: device.profile.quirks.timeout_s or DEFAULT_TIMEOUT_S for device in plant.devices}
    meters = {}
    for machine in plant.machines:
        mine = by_device.get(machine.meter, []) if machine.meter is not None else []
        power = _the(mine, Quantity.ACTIVE_POWER)
        timeout = timeouts.get(machine.meter or "", DEFAULT_TIMEOUT_S)
        timing = Timing.of(power.interval_s if power is not None else 1.0, timeout)
        control = _control_of(machine, by_device, timeouts)
        meters[machine.id] = Meter(machine, power, _the(mine, Quantity.ENERGY_IMPORT), timing, control)
    return meters


def _control_of(machine: Machine, by_device: Mapping[str, Sequence[Tag]], timeouts: Mapping[str, float]) -> ControlTags | None:
    signals = machine.control
    if signals is None or signals.execution is None:
        return None

    def find(name: str | None) -> Tag | None:
        device_id = (name or "").partition(".")[0]
        return next((tag for tag in by_device.get(device_id, ()) if tag.name == name), None)

    def timing(tag: Tag | None, pulse: Tag | None) -> Timing | None:
        told = pulse if tag is not None and tag.quantity is Quantity.TEXT else tag
        return None if told is None else Timing.of(told.interval_s, timeouts.get(told.device_id, DEFAULT_TIMEOUT_S))

    execution, connected, alarm = find(signals.execution), find(signals.connected), find(signals.alarm_active)
    if execution is None:
        return None
    pulse = None
    if execution.quantity is Quantity.TEXT:
        numbers = [tag for tag in by_device[execution.device_id] if tag.quantity is not Quantity.TEXT]
        pulse = min(numbers, key=lambda tag: tag.interval_s, default=None)

    def beside(tag: Tag | None) -> Timing | None:
        """Of a signal that may be on another device, where the pulse says nothing of it."""
        return timing(tag, pulse if tag is not None and tag.device_id == execution.device_id else None)

    return ControlTags(
        signals, execution, timing(execution, pulse), connected, beside(connected), pulse, alarm, beside(alarm)
    )


def _the(tags: Sequence[Tag], quantity: Quantity) -> Tag | None:
    """The total: the tag of the standard name, else the only one of its quantity (phases and tariffs are parts)."""
    of_quantity = [tag for tag in tags if tag.quantity is quantity]
    for tag in of_quantity:
        if tag.point == quantity.value:
            return tag
    return of_quantity[0] if len(of_quantity) == 1 else None


class DeviceTags:
    """The tags of each device as they are now; sorted anew only when the tags are another object."""

    def __init__(self, tags: Callable[[], Sequence[Tag]]) -> None:
        self._tags = tags
        self._seen: Sequence[Tag] | None = None
        self._of: dict[str, list[Tag]] = {}

    def of(self, device_id: str) -> Sequence[Tag]:
        """Empty for an unknown one."""
        tags = self._tags()
        if tags is not self._seen:
            self._seen, self._of = tags, {}
            for tag in tags:
                self._of.setdefault(tag.device_id, []).append(tag)
        return self._of.get(device_id, ())

    def total(self, device_id: str, quantity: Quantity) -> Tag | None:
        """The tag that carries the total of a quantity."""
        return _the(self.of(device_id), quantity)


class Meters:
    """Meters of the plant as it is now; looked up anew only when plant or tags are other objects."""

    def __init__(self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]]) -> None:
        self._plant, self._tags = plant, tags
        self._seen: tuple[Plant, Sequence[Tag]] | None = None
        self._meters: dict[str, Meter] = {}

    def all(self) -> dict[str, Meter]:
        """By machine id, in the order of the plant."""
        plant, tags = self._plant(), self._tags()
        if self._seen is None or self._seen[0] is not plant or self._seen[1] is not tags:
            self._seen, self._meters = (plant, tags), meters_of(plant, tags)
        return self._meters

    def of(self, machine_id: str) -> Meter:
        """Raises NotFound."""
        meters = self.all()
        if machine_id not in meters:
            raise NotFound("machine", machine_id, tuple(meters)[:5])
        return meters[machine_id]
