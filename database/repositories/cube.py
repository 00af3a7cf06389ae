"""The cube of energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, delete, func, select

from database.engine import Store
from database.tables_calendar import cube_cell, cube_day
from domain.cube import CubeCell, CubeFilter, CubeRow, Dimension, KeptDay

_C, _D = cube_cell, cube_day
_COLUMNS: Mapping[Dimension, Column[Any]] = {
    Dimension.MACHINE: _C.c.machine_id, Dimension.STATE: _C.c.state, Dimension.SHIFT: _C.c.shift,
    Dimension.SHIFT_DAY: _C.c.shift_day, Dimension.CREW: _C.c.crew, Dimension.DAY: _C.c.day, Dimension.HOUR: _C.c.hour,
    Dimension.BREAK: _C.c.in_break,
}
_ROWS_A_STATEMENT = 2000


class CubeRepository:
    """Implements domain.cube.CubeStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def replace(self, kept: KeptDay, cells: Sequence[CubeCell], since_us: int | None = None) -> None:
        """Put `cells` in place of what is stored of that machine and day from `since_us` (its begin) on, in one transaction."""
        begin_us = kept.from_us if since_us is None else since_us
        rows = [cell_row(cell) for cell in cells]
        async with self._store.write() as connection:
            await connection.execute(
                delete(_C).where(_C.c.machine_id == kept.machine_id, _C.c.from_us >= begin_us, _C.c.from_us < kept.to_us)
            )
            for first in range(0, len(rows), _ROWS_A_STATEMENT):
                await connection.execute(_C.insert(), rows[first : first + _ROWS_A_STATEMENT])
            await connection.execute(self._store.upsert(_D), [day_row(kept)])

    async def kept(self, from_us: int, to_us: int, machines: Sequence[str]) -> Sequence[KeptDay]:
        """Days of those machines that overlap the window, in order of time."""
        wanted = select(_D).where(_D.c.machine_id.in_(list(machines)), _D.c.from_us < to_us, _D.c.to_us > from_us)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_D.c.from_us, _D.c.machine_id))).all()
        return [KeptDay(row.machine_id, row.day, row.from_us, row.to_us, row.kept_us, row.rule) for row in rows]

    async def sums(self, where: CubeFilter, by: Sequence[Dimension]) -> Sequence[CubeRow]:
        """Sums over cells that begin in the window. Raises KeyError for SECTION, which is not stored."""
        keys = [_COLUMNS[dimension] for dimension in by]
        wanted = select(
            *keys, func.sum(_C.c.energy_kwh), func.sum(_C.c.uncertain_kwh), func.sum(_C.c.duration_us), func.sum(_C.c.known_us)
        ).where(_C.c.from_us >= where.from_us, _C.c.from_us < where.to_us)
        if where.machines:
            wanted = wanted.where(_C.c.machine_id.in_(list(where.machines)))
        if keys:
            wanted = wanted.group_by(*keys)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return [_sum(tuple(row), by) for row in rows if row[-1] is not None]


def _sum(row: tuple[Any, ...], by: Sequence[Dimension]) -> CubeRow:
    *keys, energy, uncertain, duration, known = row
    values = [bool(v) if d is Dimension.BREAK else v for d, v in zip(by, keys, strict=True)]
    return CubeRow(
        dict(zip(by, values, strict=True)), None if energy is None else float(energy), float(uncertain), int(duration), int(known)
    )


def cell_row(cell: CubeCell) -> dict[str, Any]:
    slot = cell.slot
    return {
        "machine_id": cell.machine_id, "from_us": slot.from_us, "state": cell.state.value, "to_us": slot.to_us,
        "day": slot.day, "hour": slot.hour, "shift": slot.shift, "shift_day": slot.shift_day, "crew": slot.crew,
        "in_break": slot.in_break, "energy_kwh": cell.energy_kwh, "uncertain_kwh": cell.uncertain_kwh,
        "duration_us": cell.duration_us, "known_us": cell.known_us,
    }  # fmt: skip


def day_row(kept: KeptDay) -> dict[str, Any]:
    return {
        "machine_id": kept.machine_id, "day": kept.day, "from_us": kept.from_us, "to_us": kept.to_us, "kept_us": kept.kept_us,
        "rule": kept.rule,
    }  # fmt: skip
