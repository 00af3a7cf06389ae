"""Follows the triggers of inspected devices: at each, what was read since the last becomes one item and is judged at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from analysis.inspection.features import Gathering
from analysis.inspection.models import Document, judge
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.plant import Plant, Tag
from domain.quality import FIRST_BAD
from domain.quantity import Kind
from domain.sample import Batch, TagId

log = logging.getLogger(__name__)
TRIGGER: Final = "trigger"
"""Name of the point whose growth ends an item."""
LONGEST_US: Final = 3_600_000_000  # nobody makes one part for longer: what was read before is no part of it


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """`name` as verdicts show it, such as "distance 3"."""

    name: str
    document: Document


@dataclass(slots=True)
class _Device:
    trigger: TagId
    tags: Mapping[TagId, str]
    count: float | None = None
    gathering: Gathering | None = None
    number: int = 0
    counts: dict[str, int] = field(default_factory=dict)


class Inspector:
    """A sink of batches. `hand_in(device, verdict, s)` tells whether the verdict was written back; `keep` takes each item."""

    def __init__(
        self, hand_in: Callable[[str, Verdict, float], bool | None], keep: Callable[[InspectedItem], None],
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        self._hand_in, self._keep = hand_in, keep
        self._numbers = dict(numbers or {})
        self._devices: dict[str, _Device] = {}
        self.models: dict[str, ActiveModel] = {}

    def apply(self, _plant: Plant, tags: Sequence[Tag]) -> None:
        """Devices with a point `trigger` are inspected. What was gathered for devices that did not change goes on."""
        found: dict[str, _Device] = {}
        for tag in tags:
            if tag.point == TRIGGER and tag.kind is Kind.COUNTER:
                own = {t.id: t.point for t in tags if t.device_id == tag.device_id and t.kind is Kind.GAUGE}
                known = self._devices.get(tag.device_id)
                if known is not None and (known.trigger, known.tags) == (tag.id, own):
                    found[tag.device_id] = known
                else:
                    found[tag.device_id] = _Device(tag.id, own, number=self._numbers.get(tag.device_id, 0))
        self._devices = found

    def went_on(self, numbers: Mapping[str, int]) -> None:
        """The numbers of the last stored items, after a start."""
        self._numbers = dict(numbers)
        for device_id, number in numbers.items():
            if device_id in self._devices:
                self._devices[device_id].number = max(self._devices[device_id].number, number)

    def on_batch(self, batch: Batch) -> None:
        """Take one batch; returns at once, a verdict included."""
        device = self._devices.get(batch.device_id)
        if device is None:
            return
        began = time.perf_counter()
        if device.gathering is None or batch.time_us - device.gathering.opened_us > LONGEST_US:
            device.gathering = Gathering(batch.time_us)
        count: float | None = None
        for tag_id, value, quality in zip(batch.tag_ids, batch.values, batch.qualities, strict=True):
            if value is None or quality >= FIRST_BAD:
                continue
            if tag_id == device.trigger:
                count = value
            elif (name := device.tags.get(tag_id)) is not None:
                device.gathering.add(name, value)
        if count is None:
            return
        before, device.count = device.count, count
        if before is not None and count > before:
            self._close(batch, device, began)
        elif before is None or count < before:  # a new connection begins in the middle of an item: it is not judged
            device.gathering = Gathering(batch.time_us)

    def _close(self, batch: Batch, device: _Device, began: float) -> None:
        gathering, device.gathering = device.gathering, Gathering(batch.time_us)
        if gathering is None or gathering.empty:
            return
        device.number += 1
        features = gathering.features()
        verdict = self._judged(batch.device_id, device.number, features)
        written = None
        if verdict.outcome is not Outcome.NONE:
            written = self._hand_in(batch.device_id, verdict, time.perf_counter() - began)
        self._keep(InspectedItem(
            batch.device_id, device.number, gathering.opened_us, batch.time_us, features, verdict, written,
        ))

    def _judged(self, device_id: str, number: int, features: Mapping[str, float]) -> Verdict:
        model = self.models.get(device_id)
        if model is None:
            return Verdict(number, Outcome.NONE)
        try:
            outcome, score, reasons = judge(model.document, features)
        except Exception as exc:  # a damaged model must not end the way of the data
            log.exception("device %s: its model %s cannot judge", device_id, model.name)
            return Verdict(number, Outcome.UNSURE, 0.5, (f"the model failed: {exc}",), model.name)
        return Verdict(number, outcome, score, reasons, model.name)
