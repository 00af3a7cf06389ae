"""Large reads and writes of the recomputation: a year of one tag as two columns, a machine's cube in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select

from database.engine import Store
from database.repositories.cube import day_row
from database.repositories.states import StateRepository
from database.rollup_query import TABLES
from database.tables import machine_state
from database.tables_calendar import cube_cell, cube_day
from domain.cube import CubeCell, KeptDay
from domain.ports import Step
from domain.sample import TagId
from domain.state import StateInterval

ROWS_A_STATEMENT = 5000
_PAIR = np.dtype([("time_us", np.int64), ("value", np.float64)])
FIGURES = ("mean_value", "consumption")


async def bucket_columns(
    store: Store, tag_id: TagId, step: Step, figure: str, from_us: int, to_us: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Begins of the stored buckets in the window and one of their `FIGURES`; buckets without it are left out.

    50 MB for a year of minutes while it is read, 8 MB afterwards.
    """
    table = TABLES[step]
    if figure not in FIGURES:
        raise ValueError(f"{figure!r} is none of {', '.join(FIGURES)}")
    rows: Iterable[Any]
    async with store.read() as connection:
        if store.kind == "sqlite":  # past the engine: rows as plain tuples cost a fifth
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None  # noqa: S101 - the connection is open
            rows = await raw.execute_fetchall(_sqlite_text(table.name, figure), (tag_id, from_us, to_us))
        else:
            value = table.c[figure]
            wanted = select(table.c.time_us, value).where(
                table.c.tag_id == tag_id, table.c.time_us >= from_us, table.c.time_us < to_us, value.is_not(None)
            )
            rows = [tuple(row) for row in (await connection.execute(wanted.order_by(table.c.time_us))).all()]
    pairs = np.fromiter(rows, dtype=_PAIR)
    return pairs["time_us"].copy(), pairs["value"].copy()


def _sqlite_text(table: str, figure: str) -> str:
    """Names from our own schema, values bound."""
    return (
        f"SELECT time_us, {figure} FROM {table} "  # noqa: S608
        f"WHERE tag_id = ? AND time_us >= ? AND time_us < ? AND {figure} IS NOT NULL ORDER BY time_us"
    )


async def replace_cube(store: Store, days: Sequence[KeptDay], cells: Iterable[CubeCell]) -> int:
    """Put `cells` in place of all that is stored of one machine in those days (in order of time), in one transaction.

    The number of cells.
    """
    if not days:
        return 0
    first, last = days[0], days[-1]
    rows = [_cell_values(cell) for cell in cells]
    async with store.write() as connection:
        await connection.execute(
            delete(cube_cell).where(
                cube_cell.c.machine_id == first.machine_id, cube_cell.c.from_us >= first.from_us, cube_cell.c.from_us < last.to_us
            )
        )
        if store.kind == "sqlite" and rows:  # tuples straight to the driver cost a fifth of rows by name
            texts = {day: day.isoformat() for row in rows for day in (row[_DAY], row[_SHIFT_DAY])}
            await connection.exec_driver_sql(
                _INSERT_CELL,
                [
                    (*r[:_DAY], texts[r[_DAY]], *r[_DAY + 1 : _SHIFT_DAY], texts[r[_SHIFT_DAY]], *r[_SHIFT_DAY + 1 :])
                    for r in rows
                ],
            )
        else:
            for begin in range(0, len(rows), ROWS_A_STATEMENT):
                named = [dict(zip(_CELL, row, strict=True)) for row in rows[begin : begin + ROWS_A_STATEMENT]]
                await connection.execute(cube_cell.insert(), named)
        await connection.execute(store.upsert(cube_day), [day_row(day) for day in days])
    return len(rows)


async def replace_states(
    store: Store, machine_id: str, from_us: int, to_us: int, intervals: Sequence[StateInterval]
) -> None:
    """As StateStore.replace_states, for many at once."""
    if store.kind != "sqlite":
        await StateRepository(store).replace_states(machine_id, from_us, to_us, intervals)
        return
    rows = [(i.machine_id, i.from_us, i.to_us, i.state.value, i.energy_kwh, i.estimated_kwh, i.rule or None) for i in intervals]
    columns = ("machine_id", "from_us", "to_us", "state", "energy_kwh", "estimated_kwh", "rule")
    async with store.write() as connection:
        own = machine_state.c
        await connection.execute(
            delete(machine_state).where(own.machine_id == machine_id, own.from_us >= from_us, own.from_us < to_us)
        )
        await connection.exec_driver_sql(_insert("machine_state", columns), rows)


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


_CELL = tuple(column.name for column in cube_cell.columns)
_DAY, _SHIFT_DAY = _CELL.index("day"), _CELL.index("shift_day")
_INSERT_CELL = _insert("cube_cell", [f'"{name}"' for name in _CELL])


def _cell_values(cell: CubeCell) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    slot = cell.slot
    return (
        cell.machine_id, slot.from_us, cell.state.value, slot.to_us, slot.day, slot.hour, slot.shift, slot.shift_day, slot.crew,
        slot.in_break, cell.energy_kwh, cell.uncertain_kwh, cell.duration_us, cell.known_us,
    )  # fmt: skip
