"""Intervals of the machines' states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, delete, func, or_, select

from database import tables
from database.engine import Store
from domain.state import MachineState, StateInterval

_T = tables.machine_state


class StateRepository:
    """Implements domain.stores.StateStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_states(self, intervals: Sequence[StateInterval]) -> None:
        """Insert or update; identity is (machine_id, from_us)."""
        if intervals:
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(_T), [_row(interval) for interval in intervals])

    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]:
        """Intervals that overlap the window, in time order, not clipped."""
        before = select(func.max(_T.c.from_us)).where(_T.c.machine_id == machine_id, _T.c.from_us <= from_us).scalar_subquery()
        wanted = (
            select(_T)
            .where(
                _T.c.machine_id == machine_id, _T.c.from_us < to_us,
                _T.c.from_us >= func.coalesce(before, from_us),  # by the key, not by a scan of all earlier intervals
                or_(_T.c.to_us.is_(None), _T.c.to_us > from_us),
            )
            .order_by(_T.c.from_us)
        )
        async with self._store.read() as connection:
            return [_interval(row) for row in (await connection.execute(wanted)).all()]

    async def replace_states(self, machine_id: str, from_us: int, to_us: int, intervals: Sequence[StateInterval]) -> None:
        """What begins in the window is deleted and `intervals` inserted, in one transaction."""
        async with self._store.write() as connection:
            await connection.execute(
                delete(_T).where(_T.c.machine_id == machine_id, _T.c.from_us >= from_us, _T.c.from_us < to_us)
            )
            if intervals:
                await connection.execute(self._store.upsert(_T), [_row(interval) for interval in intervals])

    async def last_states(self) -> Sequence[StateInterval]:
        """The newest interval of each machine."""
        newest = select(_T.c.machine_id, func.max(_T.c.from_us).label("from_us")).group_by(_T.c.machine_id).subquery()
        wanted = select(_T).join(newest, and_(_T.c.machine_id == newest.c.machine_id, _T.c.from_us == newest.c.from_us))
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_T.c.machine_id))).all()
        return [_interval(row) for row in rows]


def _row(interval: StateInterval) -> dict[str, Any]:
    return {
        "machine_id": interval.machine_id, "from_us": interval.from_us, "to_us": interval.to_us, "state": interval.state.value,
        "energy_kwh": interval.energy_kwh, "estimated_kwh": interval.estimated_kwh, "rule": interval.rule or None,
    }


def _interval(row: Row[Any]) -> StateInterval:
    return StateInterval(
        row.machine_id, MachineState(row.state), row.from_us, row.to_us, row.energy_kwh, row.estimated_kwh, row.rule or ""
    )
