"""Follows the triggers of inspected devices: at each, what was read since the last becomes one item and is judged at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from analysis.inspection.features import Gathering
from analysis.inspection.models import PICTURE, PICTURE_FEATURE, Document, judge
from domain.camera import Camera, ItemPicture
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.inspection_reason import Reason
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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a camera saw of an item. `missing`: why nothing of a picture could be judged; one of domain.camera.REASONS."""

    picture: ItemPicture | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Of one item: when it was opened and closed, and until when (s on the monotonic clock) its picture may come."""

    opened_us: int
    closed_us: int
    deadline_s: float


Look = Callable[[Camera, Cycle, ActiveModel | None], Awaitable[Seen]]
"""Takes the picture of an item, at the latest at its deadline, and compares it with the model's reference. Raises nothing."""
DEADLINE_SHARE: Final = 0.8  # of a verdict's deadline; the rest is for judging and sending


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
        numbers: Mapping[str, int] | None = None, look: Look | None = None,
    ) -> None:
        self._hand_in, self._keep, self._look = hand_in, keep, look
        self._waits: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.cameras: Mapping[str, Camera] = {}
        self._numbers = dict(numbers or {})
        self._devices: dict[str, _Device] = {}
        self.models: dict[str, ActiveModel] = {}

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
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
        self.cameras = {camera.device_id: camera for camera in plant.cameras if camera.device_id in found}
        lines = {line.id: line for line in plant.lines}
        self._waits = {
            device.id: _longest_wait_s(self.cameras[device.id], lines[device.line].options)
            for device in plant.devices if device.id in self.cameras
        }  # fmt: skip

    @property
    def devices(self) -> tuple[str, ...]:
        """Ids of the devices that are inspected."""
        return tuple(self._devices)

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
        if gathering is None or (gathering.empty and batch.device_id not in self.cameras):
            return
        device.number += 1
        item = InspectedItem(
            batch.device_id, device.number, gathering.opened_us, batch.time_us, gathering.features(), Verdict.none(),
        )
        camera, model = self.cameras.get(item.device_id), self.models.get(item.device_id)
        if camera is None or self._look is None:
            self._keep(self._decided(item, model, began))
            return
        task = asyncio.get_running_loop().create_task(self._photographed(item, camera, model, began, self._look))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _photographed(
        self, item: InspectedItem, camera: Camera, model: ActiveModel | None, began: float, look: Look
    ) -> None:
        """Judge with the picture where the model looks at pictures; else at once, and the picture is only kept."""
        waits = model is not None and PICTURE in model.document
        if not waits:
            item = self._decided(item, model, began)
        elapsed_s = time.perf_counter() - began
        deadline_s = time.monotonic() + self._waits.get(item.device_id, camera.wait_s) - elapsed_s
        try:
            seen = await look(camera, Cycle(item.opened_us, item.closed_us, deadline_s), model)
        except Exception:  # an item is never lost over its picture
            log.exception("device %s: the picture of item %d", item.device_id, item.number)
            seen = Seen(missing="broken")
        item = replace(item, features={**item.features, **seen.features}, picture=seen.picture)
        self._keep(self._decided(item, model, began, seen) if waits else item)

    async def settle(self) -> None:
        """Wait for the items whose pictures are being taken."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _decided(self, item: InspectedItem, model: ActiveModel | None, began: float, seen: Seen | None = None) -> InspectedItem:
        """The item with its verdict, handed in."""
        verdict = self._judged(item.device_id, item.number, item.features, model)
        if seen is not None:
            verdict = replace(verdict, reasons=_with_picture(verdict.reasons, seen))
        written = None
        if verdict.outcome is not Outcome.NONE:
            written = self._hand_in(item.device_id, verdict, time.perf_counter() - began)
        return replace(item, verdict=verdict, written_back=written)

    def _judged(self, device_id: str, number: int, features: Mapping[str, float], model: ActiveModel | None) -> Verdict:
        if model is None:
            return Verdict(number, Outcome.NONE)
        try:
            outcome, score, reasons = judge(model.document, features)
        except Exception as exc:  # a damaged model must not end the way of the data
            log.exception("device %s: its model %s cannot judge", device_id, model.name)
            return Verdict(number, Outcome.UNSURE, 0.5, (Reason("failed", detail=str(exc)[:200]),), model.name)
        return Verdict(number, outcome, score, reasons, model.name)


def _with_picture(reasons: tuple[Reason, ...], seen: Seen) -> tuple[Reason, ...]:
    """What a picture says in the reasons is told by its place; a missing one is told last."""
    if seen.missing:
        return (*reasons, Reason("no_picture", detail=seen.missing))
    region = seen.picture.region if seen.picture is not None else None
    told: list[Reason] = []
    for reason in reasons:
        if region is None or not reason.feature.startswith(PICTURE_FEATURE):
            told.append(reason)
        elif not any(one.code == "picture" for one in told):
            x, y = region.centre
            told.append(Reason("picture", value=x, border=y, detail=f"{region.width} x {region.height}"))
    return tuple(told)


def _longest_wait_s(camera: Camera, options: Mapping[str, object]) -> float:
    """For a picture; a verdict that is written back has a deadline of its own."""
    deadline_s = options.get("verdict_deadline_s")
    if not options.get("verdicts") or not isinstance(deadline_s, int | float):
        return camera.wait_s
    return min(camera.wait_s, DEADLINE_SHARE * deadline_s)
