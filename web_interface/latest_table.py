"""The last batch of every device and group, kept as it came: taking one in costs the same for 5 or 500 tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.plant import Tag
from domain.quality import FIRST_BAD
from domain.sample import Batch, TagId
from web_interface.power_trace import PowerTrace
from web_interface.services.live import LatestValue


@dataclass(slots=True)
class _Slot:
    batch: Batch
    traces: list[tuple[int, PowerTrace]] = field(default_factory=list)
    changed: bool = True


class LatestTable:
    """Latest values by tag. `traces` are fed with the good values of the power tags they belong to."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[int, _Slot]] = {}  # by device, then by the tuple of its tags
        self._where: dict[TagId, tuple[_Slot, int]] = {}
        self._last_good: dict[TagId, tuple[float, int]] = {}
        self._texts: dict[TagId, tuple[str, int]] = {}
        self._traces: dict[TagId, PowerTrace] = {}
        self._tags: dict[TagId, Tag] = {}
        self._machine_of_device: Mapping[str, str] = {}
        self._newest_good_us: int | None = None
        self.samples = 0

    def apply(self, tags: Sequence[Tag], machine_of_device: Mapping[str, str], traced: Sequence[TagId]) -> None:
        """The plant changed: values of tags that remain stay."""
        self._tags = {tag.id: tag for tag in tags}
        self._machine_of_device = machine_of_device
        self._traces = {tag_id: self._traces.get(tag_id) or PowerTrace() for tag_id in traced}
        devices = {tag.device_id for tag in tags}
        self._slots = {device_id: slots for device_id, slots in self._slots.items() if device_id in devices}
        self._where = {}
        for slot in self._all_slots():
            self._bind(slot)

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        slots = self._slots.setdefault(batch.device_id, {})
        key = id(batch.tag_ids)
        slot = slots.get(key)
        if slot is None:
            self._replace_slots(slots, batch)
            slot = slots[key] = _Slot(batch)
            self._bind(slot)
        previous, slot.batch, slot.changed = slot.batch, batch, True
        self.samples += len(batch.tag_ids)
        if batch.qualities and max(batch.qualities) >= FIRST_BAD:
            self._remember_good(previous, batch)
        if min(batch.qualities, default=FIRST_BAD) < FIRST_BAD:
            self._newest_good_us = batch.time_us  # the last to come, not the largest: a clock set back must not hide it
        for index, trace in slot.traces:
            value = batch.values[index]
            if value is not None and batch.qualities[index] == 0:
                trace.add(batch.time_us, value)
        for text in batch.texts:
            self._texts[text.tag_id] = (text.text, text.time_us)

    def trace(self, tag_id: TagId) -> PowerTrace | None:
        return self._traces.get(tag_id)

    def value(self, tag: Tag) -> LatestValue | None:
        """What is known of the tag now; None when it never came."""
        machine = self._machine_of_device.get(tag.device_id)
        text = self._texts.get(tag.id)
        if text is not None:
            return LatestValue(tag, machine, text[1], None, 0, text[0])
        place = self._where.get(tag.id)
        if place is None:
            return None
        slot, index = place
        batch = slot.batch
        value, quality = batch.values[index], batch.qualities[index]
        good = (value, batch.time_us) if value is not None else self._last_good.get(tag.id, (None, None))
        return LatestValue(tag, machine, batch.time_us, value, int(quality), None, good[0], good[1])

    def values(self) -> list[LatestValue]:
        """Every tag that ever came, in the order of the plant."""
        return [found for tag in self._tags.values() if (found := self.value(tag)) is not None]

    def take_changed(self) -> list[LatestValue]:
        """Values of the batches that came since the last call."""
        changed: list[LatestValue] = []
        for slot in self._all_slots():
            if slot.changed:
                slot.changed = False
                for tag_id in slot.batch.tag_ids:
                    tag = self._tags.get(tag_id)
                    found = self.value(tag) if tag is not None else None
                    if found is not None:
                        changed.append(found)
        return changed

    def newest_good_us(self) -> int | None:
        """Time of the newest value that was not bad, also when its tag is lost by now; None before the first."""
        return self._newest_good_us

    def good_share(self) -> float:
        """Share of good among the last values, 0..1; 1 before anything came."""
        total = good = 0
        for slot in self._all_slots():
            total += len(slot.batch.qualities)
            good += sum(1 for q in slot.batch.qualities if q == 0)
        return good / total if total else 1.0

    def _all_slots(self) -> Iterator[_Slot]:
        return (slot for slots in self._slots.values() for slot in slots.values())

    def _replace_slots(self, slots: dict[int, _Slot], batch: Batch) -> None:
        """A device whose plan was compiled anew sends other tuples: what they replace goes, its last good values stay."""
        tags = set(batch.tag_ids)
        for key, old in list(slots.items()):
            if not tags.isdisjoint(old.batch.tag_ids):
                for tag_id, value in zip(old.batch.tag_ids, old.batch.values, strict=True):
                    if value is not None:
                        self._last_good[tag_id] = (value, old.batch.time_us)
                del slots[key]

    def _bind(self, slot: _Slot) -> None:
        slot.traces = []
        for index, tag_id in enumerate(slot.batch.tag_ids):
            self._where[tag_id] = (slot, index)
            trace = self._traces.get(tag_id)
            if trace is not None:
                slot.traces.append((index, trace))

    def _remember_good(self, previous: Batch, batch: Batch) -> None:
        for tag_id, value, quality in zip(batch.tag_ids, previous.values, batch.qualities, strict=True):
            if quality >= FIRST_BAD and value is not None:
                self._last_good[tag_id] = (value, previous.time_us)
