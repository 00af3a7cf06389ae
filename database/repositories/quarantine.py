"""What the tables refused: read, counted and discarded. The writer and the ingesters put it there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select

from database import tables
from database.engine import Store
from domain.refused import RefusedRow, RefusedSummary

_Q = tables.quarantine
STEP = 500  # ids in one statement


class QuarantineRepository:
    """Implements domain.refused.RefusedStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def summary(self) -> RefusedSummary:
        newest = select(_Q).order_by(_Q.c.id.desc()).limit(1)
        async with self._store.read() as connection:
            row = (await connection.execute(newest)).mappings().first()
            if row is None:
                return RefusedSummary()
            counts = (await connection.execute(select(_Q.c.kind, func.count()).group_by(_Q.c.kind))).all()
        by_kind = {str(kind): int(count) for kind, count in counts}
        return RefusedSummary(sum(by_kind.values()), by_kind, _row(row))

    async def rows(self, most: int, skip: int = 0, ids: Collection[int] | None = None) -> Sequence[RefusedRow]:
        wanted = select(_Q).order_by(_Q.c.id.desc()).limit(most).offset(skip)
        if ids is not None:
            wanted = wanted.where(_Q.c.id.in_(sorted(ids)[:STEP]))
        async with self._store.read() as connection:
            return [_row(row) for row in (await connection.execute(wanted)).mappings()]

    async def discard(self, ids: Collection[int] | None, up_to: int) -> int:
        chosen = [_Q.c.id <= up_to] if ids is None else [_Q.c.id.in_(part) for part in _parts(sorted(ids))]
        async with self._store.write() as connection:
            return sum([(await connection.execute(delete(_Q).where(one))).rowcount for one in chosen])

    async def shorten(self, most: int) -> int:
        async with self._store.read() as connection:
            last = await connection.scalar(select(_Q.c.id).order_by(_Q.c.id.desc()).offset(most).limit(1))
        return 0 if last is None else await self.discard(None, int(last))


def _parts(ids: list[int]) -> list[list[int]]:
    return [ids[at : at + STEP] for at in range(0, len(ids), STEP)]


def _row(row: object) -> RefusedRow:
    found = dict(row)  # type: ignore[call-overload]
    names = ("id", "kind", "tag_id", "time_us", "quality", "reason", "noted_us")
    return RefusedRow(**{name: found[name] for name in names}, value=found["value_text"])
