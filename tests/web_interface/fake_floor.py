"""The floor plan of the invented shop: the real service over a store in memory; one machine has no place yet."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.floor_drawing import drawn_floor
from analysis.floor_plan import FloorPlans, judged
from domain.errors import Conflict
from domain.floor import CHANGED_MEANWHILE, FloorPicture, FloorPlan, Place
from tests.web_interface import fake_shop as shop
from tests.web_interface.memory_stores import MemoryAudit

PICTURE, PLACES = drawn_floor(shop.plant().machines)
NOT_PLACED = shop.plant().machines[-1].id
FLOOR_VERSION = 2


class MemoryFloor:
    """FloorStore."""

    def __init__(self, kept: FloorPlan | None = None, content: bytes | None = None) -> None:
        self.kept, self.content = kept or FloorPlan(), content

    @classmethod
    def drawn(cls) -> MemoryFloor:
        places = {machine: place for machine, place in PLACES.items() if machine != NOT_PLACED}
        return cls(FloorPlan(FLOOR_VERSION, places, judged(PICTURE)), PICTURE)

    async def plan(self) -> FloorPlan:
        return self.kept

    async def picture(self) -> tuple[FloorPicture, bytes] | None:
        return None if self.kept.picture is None or self.content is None else (self.kept.picture, self.content)

    async def save_places(self, places: Mapping[str, Place], known_version: int) -> int:
        return self._keep(known_version, places, self.kept.picture)

    async def save_picture(self, picture: FloorPicture | None, content: bytes | None, known_version: int) -> int:
        self.content = content
        return self._keep(known_version, self.kept.places, picture)

    def _keep(self, known_version: int, places: Mapping[str, Place], picture: FloorPicture | None) -> int:
        if known_version != self.kept.version:
            raise Conflict(CHANGED_MEANWHILE)
        self.kept = FloorPlan(known_version + 1, dict(places), picture)
        return self.kept.version


def fake_floor(clock: shop.ShopClock, audit: MemoryAudit) -> FloorPlans:
    """Drawn and placed but for one machine."""
    return FloorPlans(shop.plant, MemoryFloor.drawn(), audit, clock)
