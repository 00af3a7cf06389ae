"""Episodes of control loops."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from database import tables
from database.engine import Store
from domain.loop import LoopEpisode, LoopErrors

_E = tables.tables_loops.loop_episode
_RENAMED = {"before": "setpoint_before", "after": "setpoint_after"}
_ERRORS = tuple(field.name for field in dataclasses.fields(LoopErrors))
_OWN = tuple(field.name for field in dataclasses.fields(LoopEpisode) if field.name != "errors")


class LoopRepository:
    """Implements domain.loop.LoopStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_episodes(self, episodes: Sequence[LoopEpisode]) -> None:
        """Idempotent: one row per loop and begin."""
        async with self._store.write() as connection:
            await connection.execute(self._store.upsert(_E), [_row(episode) for episode in episodes])

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        """Those that begin in the window, in order."""
        wanted = select(_E).where(_E.c.loop_id == loop_id, _E.c.from_us >= from_us, _E.c.from_us < to_us)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_E.c.from_us))).all()
        return [_episode(row) for row in rows]

    async def last_episode_us(self, loop_id: str) -> int | None:
        """End of the newest stored episode; None before the first."""
        async with self._store.read() as connection:
            found = (await connection.execute(select(func.max(_E.c.to_us)).where(_E.c.loop_id == loop_id))).scalar()
        return None if found is None else int(found)


def _row(episode: LoopEpisode) -> dict[str, Any]:
    return {
        **{_RENAMED.get(name, name): getattr(episode, name) for name in _OWN},
        **{name: getattr(episode.errors, name) for name in _ERRORS},
    }


def _episode(row: Row[Any]) -> LoopEpisode:
    found = row._mapping
    own = {name: found[_RENAMED.get(name, name)] for name in _OWN}
    return LoopEpisode(**own, errors=LoopErrors(**{name: found[name] for name in _ERRORS}))
