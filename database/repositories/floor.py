"""The floor plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from database.engine import Store
from database.tables_floor import floor_place, floor_plan
from domain.errors import Conflict
from domain.floor import CHANGED_MEANWHILE, FloorPicture, FloorPlan, Place

_ROW_ID = 1
_FACTS = (floor_plan.c.media_type, floor_plan.c.width, floor_plan.c.height, floor_plan.c.digest)


class FloorRepository:
    """Implements domain.floor.FloorStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(self) -> FloorPlan:
        """Without the bytes of the picture."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(floor_plan.c.version, *_FACTS).where(floor_plan.c.id == _ROW_ID))).first()
            places = (await connection.execute(select(floor_place))).all()
        if row is None:
            return FloorPlan()
        return FloorPlan(row.version, {p.machine_id: Place(p.x_percent, p.y_percent) for p in places}, _picture(row))

    async def picture(self) -> tuple[FloorPicture, bytes] | None:
        async with self._store.read() as connection:
            row = (await connection.execute(select(*_FACTS, floor_plan.c.picture).where(floor_plan.c.id == _ROW_ID))).first()
        facts = None if row is None else _picture(row)
        return None if row is None or facts is None else (facts, row.picture)

    async def save_places(self, places: Mapping[str, Place], known_version: int) -> int:
        """All places anew. Raises Conflict."""
        async with self._store.write() as connection:
            await self._next(connection, known_version, {})
            await connection.execute(floor_place.delete())
            rows = [{"machine_id": m, "x_percent": p.x_percent, "y_percent": p.y_percent} for m, p in places.items()]
            if rows:
                await connection.execute(floor_place.insert(), rows)
        return known_version + 1

    async def save_picture(self, picture: FloorPicture | None, content: bytes | None, known_version: int) -> int:
        """None takes the picture away; the places stay. Raises Conflict."""
        row: dict[str, Any] = {"media_type": None, "width": None, "height": None, "digest": None, "picture": content}
        if picture is not None:
            row |= {"media_type": picture.media_type, "width": picture.width, "height": picture.height, "digest": picture.digest}
        async with self._store.write() as connection:
            await self._next(connection, known_version, row)
        return known_version + 1

    async def _next(self, connection: AsyncConnection, known_version: int, row: Mapping[str, Any]) -> None:
        await connection.execute(self._store.insert_missing(floor_plan, ["id"]), {"id": _ROW_ID, "version": 0})
        mine = (floor_plan.c.id == _ROW_ID) & (floor_plan.c.version == known_version)
        changed = await connection.execute(update(floor_plan).where(mine).values(version=known_version + 1, **row))
        if changed.rowcount == 0:
            raise Conflict(CHANGED_MEANWHILE)


def _picture(row: Any) -> FloorPicture | None:
    return None if row.digest is None else FloorPicture(row.media_type, row.width, row.height, row.digest)
