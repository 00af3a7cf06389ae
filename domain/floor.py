"""The floor plan: a picture of the shop and where on it the machines stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

LARGEST_MB = 5
LARGEST_BYTES = LARGEST_MB * 1024 * 1024
LARGEST_SIDE = 4096  # pixels
CHANGED_MEANWHILE = "the floor plan was changed by somebody else meanwhile: load it again"


@dataclass(frozen=True, slots=True)
class Place:
    """Centre of a machine's mark, in percent of the picture's width from the left and of its height from the top, 0..100."""

    x_percent: float
    y_percent: float


@dataclass(frozen=True, slots=True)
class FloorPicture:
    """`digest`: SHA-256 of the bytes, hexadecimal. `width`, `height` in pixels."""

    media_type: str
    width: int
    height: int
    digest: str


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """`version` counts the changes, 0 before the first. `places`: by machine id."""

    version: int = 0
    places: Mapping[str, Place] = field(default_factory=dict)
    picture: FloorPicture | None = None


class FloorStore(Protocol):
    """One plan a site. Saving raises Conflict when the stored version is not `known_version` and answers the new one."""

    async def plan(self) -> FloorPlan:
        """Without the bytes of the picture."""
        ...

    async def picture(self) -> tuple[FloorPicture, bytes] | None: ...

    async def save_places(self, places: Mapping[str, Place], known_version: int) -> int:
        """All places anew."""
        ...

    async def save_picture(self, picture: FloorPicture | None, content: bytes | None, known_version: int) -> int:
        """None takes the picture away; the places stay."""
        ...
