"""Texts on change, and what tags went through."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, select

from database import tables
from database.engine import Store
from domain.sample import TagEvent, TagId, TextSample

_X, _E = tables.text_sample, tables.tag_event


class EventRepository:
    """Implements domain.stores.EventStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_texts(self, texts: Sequence[TextSample]) -> None:
        """Insert or update; identity is (tag, time)."""
        if texts:
            rows = [{"tag_id": text.tag_id, "time_us": text.time_us, "text": text.text} for text in texts]
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(_X), rows)

    async def latest_texts(self) -> Sequence[TextSample]:
        """The newest text of each tag."""
        newest = select(_X.c.tag_id, func.max(_X.c.time_us).label("time_us")).group_by(_X.c.tag_id).subquery()
        wanted = select(_X).join(newest, and_(_X.c.tag_id == newest.c.tag_id, _X.c.time_us == newest.c.time_us))
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_X.c.tag_id))).all()
        return [TextSample(TagId(row.tag_id), row.time_us, row.text) for row in rows]

    async def texts(self, tag_id: int, from_us: int, to_us: int) -> Sequence[TextSample]:
        """Changes of one text within the window, in time order, after the one that stood at its begin."""
        before = select(func.max(_X.c.time_us)).where(_X.c.tag_id == tag_id, _X.c.time_us <= from_us).scalar_subquery()
        wanted = select(_X).where(
            _X.c.tag_id == tag_id, _X.c.time_us < to_us, _X.c.time_us >= func.coalesce(before, from_us)
        )
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_X.c.time_us))).all()
        return [TextSample(TagId(row.tag_id), row.time_us, row.text) for row in rows]

    async def save_events(self, events: Sequence[TagEvent]) -> None:
        """Each once; identity is (tag, time, kind)."""
        if events:
            rows = [{"tag_id": e.tag_id, "time_us": e.time_us, "kind": e.kind[:40], "detail": e.detail} for e in events]
            async with self._store.write() as connection:
                await connection.execute(self._store.insert_missing(_E, ["tag_id", "time_us", "kind"]), rows)

    async def events(self, tag_ids: Sequence[int], from_us: int, to_us: int) -> Sequence[TagEvent]:
        """In time order."""
        wanted = select(_E).where(_E.c.tag_id.in_(list(tag_ids)), _E.c.time_us >= from_us, _E.c.time_us < to_us)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_E.c.time_us, _E.c.id))).all()
        return [TagEvent(TagId(row.tag_id), row.time_us, row.kind, row.detail) for row in rows]
