"""The floor plan: who may change it, what a picture and a place must be, what the audit says of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import math
from collections.abc import Callable, Mapping

from analysis.floor_drawing import drawn_floor
from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.floor import CHANGED_MEANWHILE, LARGEST_BYTES, LARGEST_MB, LARGEST_SIDE, FloorPicture, FloorPlan, FloorStore, Place
from domain.picture import picture_kind
from domain.plant import Plant
from domain.ports import Clock
from domain.stores import AuditStore


class FloorPlans:
    """Implements web_interface.services.FloorService."""

    def __init__(self, plant: Callable[[], Plant], store: FloorStore, audit: AuditStore, clock: Clock) -> None:
        self._plant, self._store, self._audit, self._clock = plant, store, audit, clock
        self._version = 0

    @property
    def version(self) -> int:
        """Of the plan as last read or saved: open pages see from it that somebody changed it."""
        return self._version

    async def plan(self) -> FloorPlan:
        """Places of machines that are gone are not in it."""
        found = await self._store.plan()
        self._version = found.version
        known = self._machines()
        return FloorPlan(found.version, {m: place for m, place in found.places.items() if m in known}, found.picture)

    async def picture(self) -> tuple[FloorPicture, bytes]:
        """Raises NotFound while there is none."""
        found = await self._store.picture()
        if found is None:
            raise NotFound("picture", "floor plan")
        return found

    async def save_places(self, places: Mapping[str, Place], known_version: int, actor: Actor) -> FloorPlan:
        """All places anew. Raises Forbidden (below engineer), NotFound, ConfigError, Conflict."""
        await self._allowed(actor, "places on the floor plan")
        known = self._machines()
        for machine_id, place in places.items():
            if machine_id not in known:
                raise NotFound("machine", machine_id, tuple(sorted(known))[:5])
            if not all(math.isfinite(part) and 0 <= part <= 100 for part in (place.x_percent, place.y_percent)):
                raise ConfigError(f"places: {machine_id!r} is not on the picture; expected 0 to 100 percent")
        before = await self._unchanged(known_version)
        await self._note(actor, "floor_places", _told(before.places), _told(places))
        self._version = await self._store.save_places(places, known_version)
        return FloorPlan(self._version, dict(places), before.picture)

    async def save_picture(self, content: bytes | None, known_version: int | None, actor: Actor) -> FloorPlan:
        """None takes it away. `known_version` None: whatever stands there. Raises Forbidden, ConfigError, Conflict."""
        await self._allowed(actor, "the picture of the floor plan")
        picture = None if content is None else await asyncio.to_thread(judged, content)
        before = await (self.plan() if known_version is None else self._unchanged(known_version))
        await self._note(actor, "floor_picture", _described(before.picture), _described(picture))
        self._version = await self._store.save_picture(picture, content, before.version)
        return FloorPlan(self._version, before.places, picture)

    async def draw(self, known_version: int, actor: Actor) -> FloorPlan:
        """A plain plan by sections with every machine on it, for those who have no picture. Raises Forbidden, Conflict."""
        await self._allowed(actor, "the picture of the floor plan")
        content, places = await asyncio.to_thread(drawn_floor, self._plant().machines)
        drawn = await self.save_picture(content, known_version, actor)
        return await self.save_places(places, drawn.version, actor)

    def _machines(self) -> frozenset[str]:
        return frozenset(machine.id for machine in self._plant().machines)

    async def _allowed(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ENGINEER):
            await self._audit.append(self._clock.now_us(), actor.name, actor.source, "refused", what, result="failed")
            raise Forbidden("changing the floor plan needs the role engineer")

    async def _unchanged(self, known_version: int) -> FloorPlan:
        """The plan as it stands; told before the audit, the store decides once more."""
        found = await self.plan()
        if found.version != known_version:
            raise Conflict(CHANGED_MEANWHILE)
        return found

    async def _note(self, actor: Actor, action: str, old: str, new: str) -> None:
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, action, "floor plan", old=old, new=new)


def judged(content: bytes) -> FloorPicture:
    """What the bytes are, whatever their name or sender says. Raises ConfigError."""
    if len(content) > LARGEST_BYTES:
        raise ConfigError(f"picture: has {len(content) / 1e6:.1f} MB; expected at most {LARGEST_MB} MB")
    kind = picture_kind(content)
    if kind is None:
        raise ConfigError("picture: is no picture; expected a PNG, JPEG or WebP file")
    if max(kind.width, kind.height) > LARGEST_SIDE:
        raise ConfigError(f"picture: is {kind.width} x {kind.height} pixels; expected at most {LARGEST_SIDE} a side")
    if not _can_be_drawn(content):
        raise ConfigError("picture: cannot be drawn; expected a file that a viewer of pictures opens")
    return FloorPicture(kind.media_type, kind.width, kind.height, hashlib.sha256(content).hexdigest())


def _can_be_drawn(content: bytes) -> bool:
    """Decoded once, whole: its head may promise what the rest does not hold."""
    from PIL import Image  # noqa: PLC0415 - costs memory that most installations never need

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
            image.load()
    except Exception:  # noqa: BLE001 - a decoder fails in many ways over damaged bytes
        return False
    return True


def _told(places: Mapping[str, Place]) -> str:
    return ", ".join(f"{m} {p.x_percent:.1f}/{p.y_percent:.1f}" for m, p in sorted(places.items()))


def _described(picture: FloorPicture | None) -> str:
    return "" if picture is None else f"{picture.media_type} {picture.width} x {picture.height} {picture.digest[:12]}"
