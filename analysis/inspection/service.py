"""Items kept, models learned, tried on what was recorded, and switched on: for pages, API and commands."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from analysis.inspection.inspector import ActiveModel, Inspector
from analysis.inspection.models import KINDS, Document, rehearse, train
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound, StorageError
from domain.inspection import InspectedItem, InspectionStore, Outcome, QualityModel, Verdict
from domain.ports import Clock
from domain.stores import AuditStore

log = logging.getLogger(__name__)
WAITING: Final = 10_000  # items that wait for the database; then the oldest are given up and counted
MOST_ITEMS: Final = 5_000  # that a model is learned from
FLUSH_S: Final = 1.0
Heavy = Callable[[str, Sequence[Mapping[str, float]]], Awaitable[Document]]
"""Runs analysis.inspection.models.train away from the event loop."""


class Inspection:
    """Implements web_interface.services.InspectionService. `keep` is the inspector's; `run` stores what it gives."""

    def __init__(
        self, store: InspectionStore, audit: AuditStore, clock: Clock,
        hand_in: Callable[[str, Verdict, float], bool | None], heavy: Heavy,
    ) -> None:
        self._store, self._audit, self._clock, self._heavy = store, audit, clock, heavy
        self._waiting: deque[InspectedItem] = deque(maxlen=WAITING)
        self.inspector = Inspector(hand_in, self._waiting.append)

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
        """Store what waits."""
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

    async def items(self, device_id: str, limit: int = 200) -> Sequence[InspectedItem]:
        """The newest first, also those not stored yet."""
        await self.flush()
        return await self._store.items(device_id, min(limit, MOST_ITEMS))

    async def models(self, device_id: str) -> Sequence[QualityModel]:
        """All versions, the newest first."""
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
        labelled = [item.features for item in items if item.label is Outcome.GOOD]
        good = labelled or [item.features for item in items if item.label is not Outcome.REJECT]
        document = await self._heavy(kind, good)
        version = max((model.version for model in await self._store.models(device_id)), default=0) + 1
        model = QualityModel(device_id, version, kind, document, len(good), self._clock.now_us(), actor.name)
        await self._store.add_model(model)
        await self._told(actor, "quality_model", f"{device_id} {model.name}", f"{len(good)} items")
        return model

    async def rehearse(self, device_id: str, version: int) -> Mapping[str, int]:
        """How a version would have judged the labelled items. Raises NotFound."""
        model = await self._model(device_id, version)
        items = await self.items(device_id, MOST_ITEMS)
        return rehearse(model.document, [(i.features, i.label) for i in items if i.label in {Outcome.GOOD, Outcome.REJECT}])

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


def learned(kind: str, items: Sequence[Mapping[str, float]]) -> Document:
    """For the worker process."""
    return train(kind, items)
