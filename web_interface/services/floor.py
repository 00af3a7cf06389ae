"""The floor plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from domain.access import Actor
from domain.floor import FloorPicture, FloorPlan, Place


class FloorService(Protocol):
    """The floor plan: a picture with places of machines. Changes need the role engineer and are audited."""

    @property
    def version(self) -> int:
        """Of the plan as last read or saved: open pages see from it that somebody changed it."""
        ...

    async def plan(self) -> FloorPlan:
        """Places of machines that are gone are not in it."""
        ...

    async def picture(self) -> tuple[FloorPicture, bytes]:
        """Raises NotFound while there is none."""
        ...

    async def save_places(self, places: Mapping[str, Place], known_version: int, actor: Actor) -> FloorPlan:
        """All places anew. Raises Forbidden, NotFound, ConfigError, Conflict."""
        ...

    async def save_picture(self, content: bytes | None, known_version: int | None, actor: Actor) -> FloorPlan:
        """None takes it away. `known_version` None: whatever stands there. Raises Forbidden, ConfigError, Conflict."""
        ...

    async def draw(self, known_version: int, actor: Actor) -> FloorPlan:
        """A plain plan by sections with every machine on it. Raises Forbidden, Conflict."""
        ...
