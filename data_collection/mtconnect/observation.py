"""What a machine said about one data item, whichever way it came, and how that becomes readings. Pure, but for what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from data_collection.picture import Picture
from data_collection.source_time import FUTURE_US
from domain.errors import ConfigError
from domain.places.mtconnect import MtconnectPlace
from domain.plant import Device
from domain.quality import Quality
from domain.sample import Reading

UNAVAILABLE: Final = "UNAVAILABLE"
_SEPARATOR: Final = "; "


class Level(IntEnum):
    """How bad a condition is; the numbers are those of the points."""

    NORMAL = 0
    WARNING = 1
    FAULT = 2


@dataclass(frozen=True, slots=True)
class Observation:
    """`value` None: the item is UNAVAILABLE. `time_us` None: the source stamped nothing.

    Of a condition: `level` (None: unavailable), `code` the control's own number, `value` its text. `other_name`: the item's id,
    beside its name.
    """

    item: str
    time_us: int | None
    value: str | None
    level: Level | None = None
    code: str = ""
    is_condition: bool = False
    other_name: str = ""


class Conditions:
    """What stands of the conditions of one machine: several codes of one item may be active at once.

    Source: MTConnect Standard part 2.0, "Condition": Normal without a code ends all of an item, with a code that one.
    """

    def __init__(self) -> None:
        self._active: dict[str, dict[str, tuple[Level, str]]] = {}
        self._known: set[str] = set()

    def take(self, told: Observation) -> None:
        """Follow one condition."""
        if told.level is None:
            self._known.discard(told.item)
            self._active.pop(told.item, None)
            return
        self._known.add(told.item)
        active = self._active.setdefault(told.item, {})
        if told.level is not Level.NORMAL:
            active[told.code] = (told.level, told.value or told.code)
        elif told.code:
            active.pop(told.code, None)
        else:
            active.clear()

    def level(self, items: Iterable[str]) -> Level | None:
        """The worst of these items (`*`: all); None while nothing is known of any."""
        chosen = self._chosen(items)
        if not chosen & self._known:
            return None
        return max((level for item in chosen for level, _ in self._active.get(item, {}).values()), default=Level.NORMAL)

    def text(self, items: Iterable[str]) -> str:
        """The messages of what is active, the worst first; empty when all is normal."""
        found = [entry for item in sorted(self._chosen(items)) for entry in self._active.get(item, {}).values()]
        return _SEPARATOR.join(dict.fromkeys(text for _, text in sorted(found, key=lambda entry: -entry[0]) if text))

    def _chosen(self, items: Iterable[str]) -> set[str]:
        wanted = set(items)
        return self._known | set(self._active) if "*" in wanted else wanted


class MtconnectPlan(Picture):
    """One device, compiled: which items its points take. Raises ConfigError naming device and point.

    A machine that is known only by its lines has no name there; behind an agent it is the device `agent_device` names.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.last_fault: str | None = None
        self.machine = str({**device.profile.parameters, **device.options}.get("agent_device") or "")
        self.conditions = Conditions()
        self._by_item: dict[str, list[str]] = {}
        self._order: dict[str, tuple[str, ...]] = {}
        self._of_conditions: dict[str, tuple[str, ...]] = {}
        self._chosen: dict[str, str] = {}  # the item a point with several names was found under
        for point in device.profile.points:
            where = point.where
            if not isinstance(where, MtconnectPlace) or bool(where.item) == bool(where.condition):
                raise ConfigError(f"device {device.id}: point {point.tag}: expected either item or condition")
            if where.condition:
                self._of_conditions[point.tag] = where.condition
            self._order[point.tag] = where.item
            for item in where.item:
                self._by_item.setdefault(item, []).append(point.tag)

    def observed(self, told: Iterable[Observation], received_us: int) -> list[Reading]:
        """The readings of what was told, in its order; items that no point takes are passed over.

        An item told twice for one instant counts as it was told last.
        """
        readings: list[Reading] = []
        pending: dict[str, None] = {}
        for one in told:
            at_us, quality = self._stamped(one, received_us)
            for tag, raw in self._values(one).items():
                last = self.seen(tag)
                if last is not None and at_us < last.time_us and not self.values[tag].text:
                    readings.append(self.late({tag: raw}, at_us))  # out of order: kept at its own time, what stands stays
                    continue
                if tag in pending:  # the same point again: what it was before goes out first
                    readings += self.readings(pending)
                    pending = {}
                self.take(tag, raw, at_us, quality if raw is not None else Quality.NO_VALUE)
                pending[tag] = None
        return readings + self.readings(pending)

    def _stamped(self, one: Observation, received_us: int) -> tuple[int, Quality]:
        if one.time_us is None:
            return received_us, Quality.GOOD
        if one.time_us > received_us + FUTURE_US:
            self.faults["clock"] += 1
            self.last_fault = f"{one.item}: its clock is {(one.time_us - received_us) / 1e6:.0f} s ahead"
            return received_us, Quality.CLOCK
        return one.time_us, Quality.GOOD

    def _values(self, one: Observation) -> Mapping[str, object]:
        """Raw values by tag; the text points of what is unavailable say so, numbers have no value then."""
        if one.is_condition:
            self.conditions.take(one)
            return self._condition_values(one)
        item = one.item if one.item in self._by_item else one.other_name
        tags = [tag for tag in self._by_item.get(item, ()) if self._counts(tag, item)]
        return {tag: UNAVAILABLE if self.values[tag].text and one.value is None else one.value for tag in tags}

    def _counts(self, tag: str, item: str) -> bool:
        """Of several items of a point the machine has, the one named first in the profile is taken."""
        order, chosen = self._order[tag], self._chosen.setdefault(tag, item)
        if order.index(item) > order.index(chosen):
            return False
        self._chosen[tag] = item
        return True

    def _condition_values(self, one: Observation) -> Mapping[str, object]:
        found: dict[str, object] = {}
        for tag, items in self._of_conditions.items():
            if "*" not in items and one.item not in items and one.other_name not in items:
                continue
            level = self.conditions.level(items)
            if self.values[tag].text:
                found[tag] = UNAVAILABLE if level is None else self.conditions.text(items)
            else:
                found[tag] = None if level is None else int(level)
        return found
