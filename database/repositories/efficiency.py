"""Efficiency cards of shifts, as they were settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select

from database import tables
from database.engine import Store
from domain.efficiency import CARDS, MachineEfficiency
from domain.energy import Efficiency, ShiftWindow

_T = tables.tables_efficiency.efficiency_value


class EfficiencyRepository:
    """Implements domain.efficiency.EfficiencyStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_efficiency(self, window: ShiftWindow, values: Sequence[MachineEfficiency]) -> None:
        """Insert or update; identity is (machine_id, shift name, day)."""
        if values:
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(_T), [_row(window, value) for value in values])

    async def efficiency(self, from_day: date, to_day: date) -> Sequence[tuple[ShiftWindow, MachineEfficiency]]:
        """Shifts whose day is from `from_day` to `to_day`, both included, in time order."""
        wanted = select(_T).where(_T.c.day >= from_day, _T.c.day <= to_day)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_T.c.window_from_us, _T.c.shift, _T.c.machine_id))).all()
        return [_pair(row) for row in rows]


def _row(window: ShiftWindow, found: MachineEfficiency) -> dict[str, Any]:
    value = found.value
    return {
        "machine_id": found.machine_id, "day": window.day, "shift": window.name,
        "window_from_us": window.from_us, "window_to_us": window.to_us, "card": value.card, "version": value.version,
        "value": value.value, "numerator_kwh": value.numerator_kwh, "denominator_kwh": value.denominator_kwh,
        "completeness": value.completeness, "estimated_share": value.estimated_share, "complete": value.complete,
        "reason": value.reason,
    }


def _pair(row: Row[Any]) -> tuple[ShiftWindow, MachineEfficiency]:
    known = CARDS.get(row.card)
    value = Efficiency(
        row.card, row.version, known.formula if known is not None else "", row.value, row.numerator_kwh, row.denominator_kwh,
        row.completeness, row.estimated_share, bool(row.complete), reason=row.reason,
    )
    window = ShiftWindow(row.shift, row.day, row.window_from_us, row.window_to_us)
    return window, MachineEfficiency(row.machine_id, window.from_us, window.to_us, window.name, value)
