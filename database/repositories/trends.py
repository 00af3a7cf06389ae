"""Saved views of trends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from database.engine import Store
from database.tables_trends import trend_view as _T  # noqa: N812 - a table
from domain.errors import Conflict
from domain.trend_view import TrendView


class TrendViewRepository:
    """Implements domain.trend_view.TrendViewStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> Sequence[TrendView]:
        """Everybody's, by name."""
        async with self._store.read() as connection:
            rows = (await connection.execute(select(_T).order_by(_T.c.name, _T.c.id))).all()
        return [_view(row) for row in rows]

    async def get(self, view_id: int) -> TrendView | None:
        async with self._store.read() as connection:
            row = (await connection.execute(select(_T).where(_T.c.id == view_id))).first()
        return None if row is None else _view(row)

    async def create(self, view: TrendView) -> TrendView:
        """Raises Conflict when the owner has one of that name."""
        async with self._store.write() as connection:
            await _need_free(connection, view)
            view_id = await self._store.insert_id(connection, _T, _row(view))
        return dataclasses.replace(view, id=view_id)

    async def replace(self, view: TrendView, version: int) -> bool:
        """Only over `version`; raises Conflict when the owner has another one of that name."""
        async with self._store.write() as connection:
            await _need_free(connection, view)
            done = await connection.execute(update(_T).where(_T.c.id == view.id, _T.c.version == version).values(_row(view)))
        return done.rowcount > 0

    async def delete(self, view_id: int) -> None:
        async with self._store.write() as connection:
            await connection.execute(delete(_T).where(_T.c.id == view_id))


async def _need_free(connection: AsyncConnection, view: TrendView) -> None:
    same = select(_T.c.id).where(_T.c.owner == view.owner, _T.c.name == view.name, _T.c.id != view.id)
    if await connection.scalar(same) is not None:
        raise Conflict(f"a view {view.name!r} of {view.owner} exists already; choose another name")


def _row(view: TrendView) -> dict[str, Any]:
    row = dataclasses.asdict(view)
    del row["id"]
    return row


def _view(row: Row[Any]) -> TrendView:
    return TrendView(row.id, row.name, row.owner, bool(row.shared), row.address, row.version, row.changed_us, row.changed_by)
