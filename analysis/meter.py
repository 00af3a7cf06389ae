"""Which tags of a machine's meter carry its power and its energy, and how long a value of them holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.states import Timing
from domain.counter import CounterSpec
from domain.errors import NotFound
from domain.plant import Machine, Plant, Tag
from domain.quantity import Quantity

DEFAULT_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Meter:
    """The tags of one machine; `timing` of its power."""

    machine: Machine
    power: Tag | None
    energy: Tag | None
    timing: Timing

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
        meters[machine.id] = Meter(machine, power, _the(mine, Quantity.ENERGY_IMPORT), timing)
    return meters


def _the(tags: Sequence[Tag], quantity: Quantity) -> Tag | None:
    """The total: the tag of the standard name, else the only one of its quantity (phases and tariffs are parts)."""
    of_quantity = [tag for tag in tags if tag.quantity is quantity]
    for tag in of_quantity:
        if tag.point == quantity.value:
            return tag
    return of_quantity[0] if len(of_quantity) == 1 else None


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
