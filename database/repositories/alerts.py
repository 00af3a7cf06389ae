"""Alerts, each of their transitions, and conditions that are held."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.engine import Store
from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, KeyHold, Priority
from domain.errors import Conflict, NotFound

_T, _TRANSITION, _HOLD = tables.alert, tables.alert_transition, tables.alert_hold
_CLEARED = AlertState.CLEARED.value
_KEYS_AT_ONCE = 500  # SQLite takes 32 766 values a statement; a plan with fewer is made faster

_Row = dict[str, Any]


class AlertRepository:
    """Implements domain.stores.AlertStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, alert: Alert) -> Alert:
        """Insert when id is 0, else update; its transition is recorded once, with its alert, in one transaction.

        The same again changes nothing, also when the answer to the first try was lost. Raises Conflict when another
        occurrence of the same key still stands, NotFound for an unknown id.
        """
        return (await self.save_all([alert]))[0]

    async def save_all(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        """The same for many in one transaction, in their order: all or none."""
        async with self._store.write() as connection:
            known = await _Known.read(connection, [alert for alert in alerts if alert.id == 0])
            made = await self._insert(connection, alerts, known)
            stored = [
                alert if alert.id else dataclasses.replace(alert, id=known.occurrences[alert.key, alert.raised_us])
                for alert in alerts
            ]
            updates: dict[int, _Row] = {}
            for alert in stored:
                if alert.id not in made and (alert.id not in updates or updates[alert.id]["seen"] <= alert.changes):
                    updates[alert.id] = {"alert_id": alert.id, "seen": alert.changes, **_row(alert)}
            await self._update(connection, updates)
            transitions = [_transition(alert.id, alert.change) for alert in stored if alert.change is not None]
            if transitions:
                missing = self._store.insert_missing(_TRANSITION, ["alert_id", "number"])
                await connection.execute(missing, transitions)
        return stored

    @staticmethod
    async def _insert(connection: AsyncConnection, alerts: Sequence[Alert], known: _Known) -> set[int]:
        """One row for each occurrence that has none, as its last word in `alerts` says; their numbers."""
        new: dict[tuple[str, int], Alert] = {}
        for alert in alerts:
            if alert.id == 0 and (alert.key, alert.raised_us) not in known.occurrences:
                if alert.key in known.standing:
                    raise Conflict(f"alert {alert.key!r} stands already")
                new[alert.key, alert.raised_us] = alert
        if not new:
            return set()
        await connection.execute(_T.insert(), [_row(alert) for alert in new.values()])
        known.occurrences |= (await _Known.read(connection, list(new.values()))).occurrences
        return {known.occurrences[occurrence] for occurrence in new}

    @staticmethod
    async def _update(connection: AsyncConnection, rows: dict[int, _Row]) -> None:
        there: set[int] = set()
        numbers = list(rows)
        for at in range(0, len(numbers), _KEYS_AT_ONCE):
            wanted = select(_T.c.id).where(_T.c.id.in_(numbers[at : at + _KEYS_AT_ONCE]))
            there |= set((await connection.scalars(wanted)).all())
        for number in numbers:
            if number not in there:
                raise NotFound("alert", str(number))
        if rows:
            newer = (_T.c.id == bindparam("alert_id")) & (_T.c.changes <= bindparam("seen"))  # a late repeat undoes nothing
            await connection.execute(update(_T).where(newer), list(rows.values()))

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

    async def changes(self, alert_id: int) -> Sequence[Change]:
        """Transitions of one alert, oldest first."""
        async with self._store.read() as connection:
            wanted = select(_TRANSITION).where(_TRANSITION.c.alert_id == alert_id).order_by(_TRANSITION.c.number)
            return [_change(row) for row in (await connection.execute(wanted)).all()]

    async def since(self, from_us: int, limit: int) -> Sequence[Alert]:
        """Alerts as each transition since that time left them (state and `change`; the rest as it is now), oldest first."""
        wanted = (
            select(_T, *(column.label(f"change_{column.name}") for column in _TRANSITION.c))
            .join(_TRANSITION, _TRANSITION.c.alert_id == _T.c.id)
            .where(_TRANSITION.c.time_us >= from_us)
            .order_by(_TRANSITION.c.time_us, _TRANSITION.c.alert_id, _TRANSITION.c.number)
            .limit(limit)
        )
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        found = []
        for row in rows:
            change = _change(_Prefixed(row, "change_"))
            found.append(dataclasses.replace(_alert(row), state=change.state, change=change, hold=None))
        return found

    async def raises(self, from_us: int, to_us: int, limit: int) -> Sequence[tuple[int, int]]:
        """(alert id, time) of every raise and repeat in the window, oldest first."""
        first = (Action.RAISE.value, Action.REPEAT.value)
        old = (_TRANSITION.c.action == "") & (_TRANSITION.c.state == AlertState.UNACKNOWLEDGED.value)
        wanted = (
            select(_TRANSITION.c.alert_id, _TRANSITION.c.time_us)
            .where(_TRANSITION.c.time_us >= from_us, _TRANSITION.c.time_us < to_us, _TRANSITION.c.action.in_(first) | old)
            .order_by(_TRANSITION.c.time_us)
            .limit(limit)
        )
        async with self._store.read() as connection:
            return [(row.alert_id, row.time_us) for row in (await connection.execute(wanted)).all()]

    async def holds(self) -> Sequence[KeyHold]:
        async with self._store.read() as connection:
            rows = (await connection.execute(select(_HOLD))).all()
        return [KeyHold(row.key, Hold(HoldKind(row.kind), row.since_us, row.until_us, row.actor, row.reason)) for row in rows]

    async def save_hold(self, hold: KeyHold) -> None:
        """Insert or replace; identity is the key."""
        held = hold.hold
        row = {
            "key": hold.key, "kind": held.kind.value, "since_us": held.since_us, "until_us": held.until_us, "actor": held.by,
            "reason": held.reason,
        }
        async with self._store.write() as connection:
            await connection.execute(self._store.upsert(_HOLD), [row])

    async def remove_hold(self, key: str) -> None:
        async with self._store.write() as connection:
            await connection.execute(delete(_HOLD).where(_HOLD.c.key == key))


@dataclasses.dataclass(slots=True)
class _Known:
    """What is stored of some keys: (key, raised_us) -> id, and the keys that are not cleared."""

    occurrences: dict[tuple[str, int], int]
    standing: set[str]

    @classmethod
    async def read(cls, connection: AsyncConnection, alerts: Sequence[Alert]) -> _Known:
        found = cls({}, set())
        for at in range(0, len(alerts), _KEYS_AT_ONCE):
            some = alerts[at : at + _KEYS_AT_ONCE]
            keys, times = {alert.key for alert in some}, {alert.raised_us for alert in some}
            wanted = select(_T.c.key, _T.c.id, _T.c.raised_us, _T.c.state).where(
                _T.c.key.in_(keys), or_(_T.c.state != _CLEARED, _T.c.raised_us.in_(times))
            )
            for row in (await connection.execute(wanted)).all():
                found.occurrences[row.key, row.raised_us] = row.id
                if row.state != _CLEARED:
                    found.standing.add(row.key)
        return found


def _transition(alert_id: int, change: Change) -> _Row:
    return {
        "alert_id": alert_id, "number": change.number, "state": change.state.value, "time_us": change.time_us,
        "actor": change.actor, "action": change.action.value, "note": change.note,
        "reached": json.dumps(change.to, ensure_ascii=False) if change.to else None,
    }


class _Prefixed:
    """The columns of one table in a row of two."""

    def __init__(self, row: Row[Any], prefix: str) -> None:
        self._row, self._prefix = row, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, self._prefix + name)


def _change(row: Row[Any] | _Prefixed) -> Change:
    state = AlertState(row.state)
    action = Action(row.action) if row.action else _OLD[state]
    return Change(row.number, action, state, row.time_us, row.actor, row.note, tuple(json.loads(row.reached or "[]")))


_OLD = {
    AlertState.UNACKNOWLEDGED: Action.RAISE,
    AlertState.ACKNOWLEDGED: Action.ACKNOWLEDGE,
    AlertState.RETURNED: Action.RETURN,
    AlertState.CLEARED: Action.CLEAR,
}
"""Transitions written before their action was recorded."""


def _row(alert: Alert) -> _Row:
    hold = alert.hold
    return {
        "key": alert.key, "rule": alert.rule, "priority": alert.priority.value, "state": alert.state.value,
        "machine_id": alert.machine_id, "tag": alert.tag, "device_id": alert.device_id, "value": alert.value,
        "limit_value": alert.limit, "unit": alert.unit, "raised_us": alert.raised_us, "returned_us": alert.returned_us,
        "acknowledged_us": alert.acknowledged_us, "acknowledged_by": alert.acknowledged_by, "note": alert.note,
        "detail": alert.detail, "rule_id": alert.rule_id, "rule_version": alert.rule_version,
        "message": json.dumps(dict(alert.message), ensure_ascii=False) if alert.message else None,
        "repeats": alert.repeats, "last_raised_us": alert.last_raised_us, "chattering": int(alert.chattering),
        "hold": hold.kind.value if hold else None, "hold_since_us": hold.since_us if hold else None,
        "hold_until_us": hold.until_us if hold else None, "hold_by": hold.by if hold else None,
        "hold_reason": hold.reason if hold else None, "cause": alert.group, "escalation": alert.escalation,
        "changes": alert.changes,
    }


def _alert(row: Row[Any]) -> Alert:
    hold = None
    if row.hold is not None:
        hold = Hold(HoldKind(row.hold), row.hold_since_us, row.hold_until_us, row.hold_by, row.hold_reason or "")
    return Alert(
        row.id, row.key, row.rule, Priority(row.priority), AlertState(row.state), row.machine_id, row.tag, row.device_id,
        row.value, row.limit_value, row.unit, row.raised_us, row.returned_us, row.acknowledged_us, row.acknowledged_by, row.note,
        row.detail, row.rule_id, row.rule_version, json.loads(row.message) if row.message else {}, row.repeats,
        row.last_raised_us, bool(row.chattering), hold, row.cause, row.escalation, changes=row.changes,
    )
