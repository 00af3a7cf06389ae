"""Alerts and each of their transitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.engine import Store
from domain.alert import Alert, AlertState, Priority
from domain.errors import Conflict, NotFound

_T = tables.alert
_CLEARED = AlertState.CLEARED.value


class AlertRepository:
    """Implements domain.stores.AlertStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, alert: Alert) -> Alert:
        """Insert when id is 0, else update; each transition is recorded once, with its alert, in one transaction.

        Raises Conflict when another alert of the same key still stands, NotFound for an unknown id.
        """
        async with self._store.write() as connection:
            if alert.id == 0:
                standing = select(_T.c.id).where(_T.c.key == alert.key, _T.c.state != _CLEARED)
                if await connection.scalar(standing) is not None:
                    raise Conflict(f"alert {alert.key!r} stands already")
                alert = dataclasses.replace(alert, id=await self._store.insert_id(connection, _T, _row(alert)))
                await _record(connection, alert, 1)
                return alert
            old = await connection.scalar(select(_T.c.state).where(_T.c.id == alert.id).with_for_update())
            if old is None:
                raise NotFound("alert", str(alert.id))
            await connection.execute(update(_T).where(_T.c.id == alert.id).values(**_row(alert)))
            if old != alert.state.value:
                transition = tables.alert_transition
                last = await connection.scalar(select(func.max(transition.c.number)).where(transition.c.alert_id == alert.id))
                await _record(connection, alert, (last or 0) + 1)
            return alert

    async def active(self) -> Sequence[Alert]:
        """All that are not cleared, newest first."""
        async with self._store.read() as connection:
            wanted = select(_T).where(_T.c.state != _CLEARED).order_by(_T.c.raised_us.desc(), _T.c.id.desc())
            rows = await connection.execute(wanted)
            return [_alert(row) for row in rows.all()]

    async def get(self, alert_id: int) -> Alert | None:
        async with self._store.read() as connection:
            row = (await connection.execute(select(_T).where(_T.c.id == alert_id))).first()
        return None if row is None else _alert(row)

    async def between(self, from_us: int, to_us: int, limit: int) -> Sequence[Alert]:
        """Alerts that stood at some time in the window, newest first."""
        wanted = (
            select(_T)
            .where(_T.c.raised_us < to_us, or_(_T.c.returned_us.is_(None), _T.c.returned_us >= from_us))
            .order_by(_T.c.raised_us.desc(), _T.c.id.desc())
            .limit(limit)
        )
        async with self._store.read() as connection:
            return [_alert(row) for row in (await connection.execute(wanted)).all()]

    async def transitions(self, alert_id: int) -> Sequence[tuple[AlertState, int, str | None]]:
        """(state, time, who) of one alert, oldest first."""
        table = tables.alert_transition
        async with self._store.read() as connection:
            rows = await connection.execute(select(table).where(table.c.alert_id == alert_id).order_by(table.c.number))
            return [(AlertState(row.state), row.time_us, row.actor) for row in rows.all()]


async def _record(connection: AsyncConnection, alert: Alert, number: int) -> None:
    times = {
        AlertState.UNACKNOWLEDGED: alert.raised_us,
        AlertState.ACKNOWLEDGED: alert.acknowledged_us,
        AlertState.RETURNED: alert.returned_us,
        AlertState.CLEARED: max(alert.returned_us or 0, alert.acknowledged_us or 0) or None,
    }
    time_us = times[alert.state] or alert.raised_us
    actor = alert.acknowledged_by if time_us == alert.acknowledged_us else None
    row = {"alert_id": alert.id, "number": number, "state": alert.state.value, "time_us": time_us, "actor": actor}
    await connection.execute(tables.alert_transition.insert().values(**row))


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "key": alert.key, "rule": alert.rule, "priority": alert.priority.value, "state": alert.state.value,
        "machine_id": alert.machine_id, "tag": alert.tag, "device_id": alert.device_id, "value": alert.value,
        "limit_value": alert.limit, "unit": alert.unit, "raised_us": alert.raised_us, "returned_us": alert.returned_us,
        "acknowledged_us": alert.acknowledged_us, "acknowledged_by": alert.acknowledged_by, "note": alert.note,
        "detail": alert.detail,
    }


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        row.id, row.key, row.rule, Priority(row.priority), AlertState(row.state), row.machine_id, row.tag, row.device_id,
        row.value, row.limit_value, row.unit, row.raised_us, row.returned_us, row.acknowledged_us, row.acknowledged_by, row.note,
        row.detail,
    )
