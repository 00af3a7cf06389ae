"""Items kept, models learned, tried on what was recorded, and switched on: for pages, API and commands."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from analysis.inspection.inspector import ActiveModel, Inspector, Look
from analysis.inspection.learning import HeavyWork, plain_features
from analysis.inspection.models import KINDS, PICTURE, rehearse
from analysis.inspection.pictures import MOST_LEARNED
from domain.access import Actor, Role
from domain.camera import CameraStatus, ItemPicture
from domain.errors import ConfigError, Forbidden, NotFound, StorageError
from domain.inspection import (
    EVERY_ITEM,
    InspectedItem,
    InspectionStore,
    ItemCounts,
    ItemFilter,
    Outcome,
    QualityModel,
    Verdict,
)
from domain.ports import Clock
from domain.stores import AuditStore

log = logging.getLogger(__name__)
WAITING: Final = 10_000  # items that wait for the database; then the oldest are given up and counted
MOST_ITEMS: Final = 5_000  # that a model is learned from
FLUSH_S: Final = 1.0
MOST_BYTES: Final = 16_000_000  # of pictures that wait for the database; then items are kept without theirs
MOST_REHEARSED: Final = 1_000  # pictures that a rehearsal looks at, the newest
AT_ONCE: Final = 50  # pictures that go to the worker process in one call


class Inspection:
    """Implements web_interface.services.InspectionService. `keep` is the inspector's; `run` stores what it gives."""

    def __init__(
        self, store: InspectionStore, audit: AuditStore, clock: Clock,
        hand_in: Callable[[str, Verdict, float], bool | None], heavy: HeavyWork, look: Look | None = None,
        watch: Callable[[], Sequence[CameraStatus]] = tuple,
    ) -> None:
        self._store, self._audit, self._clock, self._heavy, self._watch = store, audit, clock, heavy, watch
        self._waiting: deque[InspectedItem] = deque(maxlen=WAITING)
        self._flushing = asyncio.Lock()
        self.inspector = Inspector(hand_in, self._keep, look=look)

    def _keep(self, item: InspectedItem) -> None:
        """To be stored soon. While the database is away memory holds some pictures, not all."""
        held = sum(len(i.picture.jpeg) for i in self._waiting if i.picture is not None)
        self._waiting.append(item if held < MOST_BYTES else replace(item, picture=None))

    async def run(self) -> None:
        """Load what judges, then store items each second until cancelled; while the database is away they wait."""
        while True:
            try:
                await self._load()
                break
            except StorageError as exc:
                log.warning("inspection: models cannot be loaded yet: %s", exc)
                await self._clock.sleep(5.0)
        while True:
            await self._clock.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Store what waits. One at a time: of two that store the same, the second would take off what came meanwhile."""
        async with self._flushing:
            batch = list(self._waiting)
            if not batch:
                return
            try:
                await self._store.add_items(batch)
            except StorageError as exc:
                log.warning("inspection: %d items wait for the database: %s", len(batch), exc)
                return
            for _ in range(min(len(batch), len(self._waiting))):
                self._waiting.popleft()

    async def items(self, device_id: str, limit: int = 200, chosen: ItemFilter = EVERY_ITEM) -> Sequence[InspectedItem]:
        """The newest first, also those not stored yet. Raises NotFound for a device that never was inspected."""
        await self._known(device_id)
        await self.flush()
        return await self._store.items(device_id, min(limit, MOST_ITEMS), chosen)

    async def picture(self, device_id: str, number: int) -> ItemPicture:
        """Of one item, with its bytes. Raises NotFound: no such item, or it has none (any more)."""
        await self.flush()
        found = await self._store.picture(device_id, number)
        if found is None:
            raise NotFound("picture", f"{device_id} {number}")
        return found

    def cameras(self) -> Sequence[CameraStatus]:
        """How the cameras fare, since the start."""
        return self._watch()

    async def counts(self, device_id: str, from_us: int, to_us: int) -> ItemCounts:
        """Of the items closed in [from_us, to_us). Raises NotFound."""
        await self._known(device_id)
        await self.flush()
        return await self._store.counts(device_id, from_us, to_us)

    async def devices(self) -> Sequence[str]:
        """Ids of the devices that are inspected now, then of those that once were: their items stay."""
        return list(dict.fromkeys([*self.inspector.devices, *sorted(await self._store.last_numbers())]))

    async def models(self, device_id: str) -> Sequence[QualityModel]:
        """All versions, the newest first. Raises NotFound for a device that never was inspected."""
        await self._known(device_id)
        return await self._store.models(device_id)

    async def label(self, device_id: str, number: int, label: Outcome, actor: Actor) -> None:
        """What a person says of an item. Raises Forbidden (below operator), NotFound."""
        await self._allowed(actor, Role.OPERATOR, f"label of item {number} of {device_id}")
        await self.flush()
        if not await self._store.label(device_id, number, label):
            raise NotFound("item", str(number))
        await self._told(actor, "inspection_label", f"{device_id} {number}", label.value)

    async def train(self, device_id: str, kind: str, actor: Actor) -> QualityModel:
        """A new version, learned from items labelled good (without labels: from all that nobody rejected); not switched on.

        Raises Forbidden (below engineer), ConfigError (unknown kind, too few items).
        """
        await self._allowed(actor, Role.ENGINEER, f"quality model of {device_id}")
        if kind not in KINDS:
            raise ConfigError(f"there is no model {kind!r}; expected one of {', '.join(KINDS)}")
        items = await self.items(device_id, MOST_ITEMS)
        labelled = [item for item in items if item.label is Outcome.GOOD]
        good = labelled or [item for item in items if item.label is not Outcome.REJECT]
        camera = self.inspector.cameras.get(device_id)
        jpegs = await self._jpegs(device_id, good, MOST_LEARNED) if camera is not None else {}
        document = await self._heavy.learned(
            kind, [item.features for item in good], [jpegs.get(item.number, b"") for item in good],
            camera.comparing if camera is not None else None,
        )  # fmt: skip
        version = max((model.version for model in await self._store.models(device_id)), default=0) + 1
        model = QualityModel(device_id, version, kind, document, len(good), self._clock.now_us(), actor.name)
        await self._store.add_model(model)
        await self._told(actor, "quality_model", f"{device_id} {model.name}", f"{len(good)} items")
        return model

    async def rehearse(self, device_id: str, version: int) -> Mapping[str, int]:
        """How a version would have judged the labelled items, with their pictures where it looks at them. Raises NotFound."""
        model = await self._model(device_id, version)
        items = [i for i in await self.items(device_id, MOST_ITEMS) if i.label in {Outcome.GOOD, Outcome.REJECT}]
        seen = await self._compared(device_id, model, items)
        return rehearse(model.document, [({**plain_features(i.features), **seen.get(i.number, {})}, i.label) for i in items])

    async def _compared(
        self, device_id: str, model: QualityModel, items: Sequence[InspectedItem]
    ) -> Mapping[int, Mapping[str, float]]:
        """What the items' pictures differ from the model's reference, by number."""
        reference = model.document.get(PICTURE)
        found: dict[int, Mapping[str, float]] = {}
        if not isinstance(reference, Mapping):
            return found
        numbers = [item.number for item in items if item.picture is not None][:MOST_REHEARSED]
        for begin in range(0, len(numbers), AT_ONCE):
            jpegs = await self._store.pictures(device_id, numbers[begin : begin + AT_ONCE])
            features = await self._heavy.compared(reference, list(jpegs.values()))
            found |= {number: seen for number, seen in zip(jpegs, features, strict=True) if seen is not None}
        return found

    async def _jpegs(self, device_id: str, items: Sequence[InspectedItem], most: int) -> Mapping[int, bytes]:
        """The newest pictures of these items, by number."""
        return await self._store.pictures(device_id, [i.number for i in items if i.picture is not None][:most])

    async def activate(self, device_id: str, version: int | None, actor: Actor) -> None:
        """Let a version judge from the next item on; None: nobody judges. Raises Forbidden (below engineer), NotFound."""
        await self._allowed(actor, Role.ENGINEER, f"quality model of {device_id}")
        model = None if version is None else await self._model(device_id, version)
        await self._store.activate(device_id, version)
        if model is None:
            self.inspector.models.pop(device_id, None)
        else:
            self.inspector.models[device_id] = ActiveModel(model.name, model.document)
        await self._told(actor, "quality_model_active", device_id, "none" if model is None else model.name)

    async def _known(self, device_id: str) -> None:
        """Inspected now, or once: its items stay when the device is gone."""
        if device_id not in self.inspector.devices and device_id not in await self.devices():
            raise NotFound("device", device_id, tuple(self.inspector.devices[:5]))

    async def _load(self) -> None:
        self.inspector.went_on(await self._store.last_numbers())
        for model in await self._store.models():
            if model.active:
                self.inspector.models[model.device_id] = ActiveModel(model.name, model.document)

    async def _model(self, device_id: str, version: int) -> QualityModel:
        for model in await self._store.models(device_id):
            if model.version == version:
                return model
        raise NotFound("quality model", f"{device_id} {version}")

    async def _allowed(self, actor: Actor, role: Role, what: str) -> None:
        if not actor.role.allows(role):
            await self._audit.append(self._clock.now_us(), actor.name, actor.source, "refused", what, result="failed")
            raise Forbidden(f"this needs the role {role.value}")

    async def _told(self, actor: Actor, action: str, subject: str, new: str) -> None:
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, action, subject, new=new)
