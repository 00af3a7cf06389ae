"""What a feed needs of the far side, and of the plant to name what it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.feed import Parcel, Refused
from domain.plant import Machine, Plant, Tag


class Destination(Protocol):
    """An open way to one destination."""

    @property
    def answers(self) -> Mapping[str, int]:
        """Counts by kind since start."""
        ...

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        """Return when the destination has answered for good; what it will never take is returned.

        Raises DestinationAway when the parcel as a whole must be tried again; it may be taken a second time then, under the
        same identity. Never hangs: an answer that does not come is DestinationAway too.
        """
        ...


Connect = Callable[[], AbstractAsyncContextManager[Destination]]
"""Opens the way. Raises DestinationAway. Between two calls everything is closed."""


@dataclass(frozen=True, slots=True)
class TagFace:
    """A tag as a feed names it. `machine`: the one its device meters, None without."""

    tag: Tag
    machine: Machine | None


class Directory:
    """Tag ids to names. It only grows: what was taken before a tag was removed still has its name."""

    def __init__(self) -> None:
        self._faces: dict[int, TagFace] = {}
        self._site = ""
        self._meters: dict[str, str | None] = {}
        self.version = 0  # grows when names may have changed

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed."""
        by_meter = {machine.meter: machine for machine in plant.machines if machine.meter is not None}
        self._site = plant.site.name
        self._meters = {machine.id: machine.meter for machine in plant.machines}
        for tag in tags:
            self._faces[tag.id] = TagFace(tag, by_meter.get(tag.device_id))
        self.version += 1

    def remember(self, tags: Sequence[Tag]) -> None:
        """Tags that were registered once; the plant's own win."""
        for tag in tags:
            self._faces.setdefault(tag.id, TagFace(tag, None))

    @property
    def site(self) -> str:
        return self._site

    def meter_of(self, machine_id: str) -> str | None:
        """The device a machine is metered by: its events go the way of that device's samples."""
        return self._meters.get(machine_id)

    def face(self, tag_id: int) -> TagFace | None:
        return self._faces.get(tag_id)

    def faces(self) -> Sequence[TagFace]:
        return list(self._faces.values())
