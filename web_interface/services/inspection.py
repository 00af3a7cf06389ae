"""Inspected items, and the frames that devices send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.access import Actor
from domain.camera import CameraStatus, ItemPicture
from domain.inspection import EVERY_ITEM, FrameField, InspectedItem, ItemCounts, ItemFilter, Outcome, QualityModel


class InspectionService(Protocol):
    """Inspected items of a device and the models that judge them."""

    async def devices(self) -> Sequence[str]:
        """Ids of the devices that are inspected now, then of those that once were."""
        ...

    async def items(self, device_id: str, limit: int = 200, chosen: ItemFilter = EVERY_ITEM) -> Sequence[InspectedItem]:
        """The newest first. Raises NotFound for a device that never was inspected, as do all that follow."""
        ...

    async def picture(self, device_id: str, number: int) -> ItemPicture:
        """Of one item, with its bytes. Raises NotFound: no such item, or it has none (any more)."""
        ...

    def cameras(self) -> Sequence[CameraStatus]:
        """How the cameras fare, since the start."""
        ...

    async def counts(self, device_id: str, from_us: int, to_us: int) -> ItemCounts:
        """Of the items closed in [from_us, to_us)."""
        ...

    async def models(self, device_id: str) -> Sequence[QualityModel]:
        """All versions, the newest first."""
        ...

    async def label(self, device_id: str, number: int, label: Outcome, actor: Actor) -> None:
        """What a person says of an item. Raises Forbidden (below operator), NotFound."""
        ...

    async def train(self, device_id: str, kind: str, actor: Actor) -> QualityModel:
        """A new version, not switched on. Raises Forbidden (below engineer), ConfigError."""
        ...

    async def rehearse(self, device_id: str, version: int) -> Mapping[str, int]:
        """How a version would have judged the labelled items. Raises NotFound."""
        ...

    async def activate(self, device_id: str, version: int | None, actor: Actor) -> None:
        """Let a version judge; None: nobody. Raises Forbidden (below engineer), NotFound."""
        ...


class FrameService(Protocol):
    """The frame tester. Nothing is sent or stored."""

    def devices(self) -> Sequence[str]:
        """Ids of the devices that send frames."""
        ...

    def fields(self, device_id: str, pasted: str) -> Sequence[FrameField]:
        """Every field of a pasted frame. Raises NotFound, ConfigError."""
        ...
