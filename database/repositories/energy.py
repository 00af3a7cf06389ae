"""Energy of shifts, as it was settled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select

from database import tables
from database.engine import Store
from domain.energy import EnergyAccount, ShiftWindow
from domain.state import MachineState

_T = tables.shift_energy


class EnergyRepository:
    """Implements domain.stores.EnergyStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_shift_energy(self, window: ShiftWindow, accounts: Sequence[EnergyAccount]) -> None:
        """Insert or update; identity is (machine_id, shift name, day)."""
        if accounts:
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(_T), [_row(window, account) for account in accounts])

    async def shift_energy(self, from_day: date, to_day: date) -> Sequence[tuple[ShiftWindow, EnergyAccount]]:
        """Shifts whose day is from `from_day` to `to_day`, both included, in time order."""
        wanted = select(_T).where(_T.c.day >= from_day, _T.c.day <= to_day)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_T.c.window_from_us, _T.c.shift, _T.c.machine_id))).all()
        return [_pair(row) for row in rows]


def _row(window: ShiftWindow, account: EnergyAccount) -> dict[str, Any]:
    kwh, seconds = account.by_state_kwh, account.by_state_s
    by_state = {state.value: [kwh.get(state), seconds.get(state)] for state in MachineState if state in kwh or state in seconds}
    return {
        "machine_id": account.machine_id, "day": window.day, "shift": window.name,
        "window_from_us": window.from_us, "window_to_us": window.to_us, "from_us": account.from_us, "to_us": account.to_us,
        "energy_kwh": account.energy_kwh, "estimated_kwh": account.estimated_kwh, "completeness": account.completeness,
        "source": account.source, "running": account.running, "by_state_json": json.dumps(by_state), "label": account.label,
    }


def _pair(row: Row[Any]) -> tuple[ShiftWindow, EnergyAccount]:
    by_state = {MachineState(state): values for state, values in json.loads(row.by_state_json).items()}
    account = EnergyAccount(
        row.machine_id, row.from_us, row.to_us, row.energy_kwh, row.estimated_kwh, row.completeness, row.source,
        bool(row.running),
        {state: kwh for state, (kwh, _) in by_state.items() if kwh is not None},
        {state: seconds for state, (_, seconds) in by_state.items() if seconds is not None}, row.label,
    )
    return ShiftWindow(row.shift, row.day, row.window_from_us, row.window_to_us), account
