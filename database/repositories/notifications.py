"""Channels, subscriptions and the outbox of notifications."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from sqlalchemy import Row, func, select, update

from database.engine import Store
from database.repositories.alerts import AlertRepository
from database.tables_notifications import (
    notification_channel,
    notification_mark,
    notification_outbox,
    notification_subscription,
)
from domain.alert import Action, Alert, AlertState, Change, Priority
from domain.errors import Conflict, NotFound
from domain.notification import Channel, ChannelKind, DeliveryState, Event, Notice, QuietHours, Subscription

_C, _S, _O = notification_channel, notification_subscription, notification_outbox
_AT_ONCE = 500
_MOST_MISSED = 10_000


class NotificationRepository:
    """Implements domain.notification.NotificationStore."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._alerts = AlertRepository(store)

    # -- channels and subscriptions --------------------------------------------------------------------------------

    async def channels(self) -> Sequence[Channel]:
        async with self._store.read() as connection:
            rows = (await connection.execute(select(_C).order_by(_C.c.id))).all()
        return [Channel(r.id, ChannelKind(r.kind), r.name, bool(r.enabled), json.loads(r.settings_json)) for r in rows]

    async def save_channel(self, channel: Channel) -> Channel:
        """Insert when id is 0. Raises Conflict (name taken), NotFound."""
        row = {
            "kind": channel.kind.value, "name": channel.name, "enabled": channel.enabled,
            "settings_json": json.dumps(dict(channel.settings), ensure_ascii=False),
        }
        async with self._store.write() as connection:
            owner = await connection.scalar(select(_C.c.id).where(_C.c.name == channel.name))
            if owner not in (None, channel.id):
                raise Conflict(f"channel {channel.name!r} exists already")
            if channel.id == 0:
                return dataclasses.replace(channel, id=await self._store.insert_id(connection, _C, row))
            changed = await connection.execute(update(_C).where(_C.c.id == channel.id).values(**row))
            if changed.rowcount == 0 and owner != channel.id:
                raise NotFound("channel", str(channel.id))
        return channel

    async def delete_channel(self, channel_id: int) -> None:
        """With its subscriptions; what waits for it becomes discarded, not deleted. Raises NotFound."""
        waiting = (_O.c.channel_id == channel_id) & (_O.c.state == DeliveryState.WAITING.value)
        async with self._store.write() as connection:
            if (await connection.execute(_C.delete().where(_C.c.id == channel_id))).rowcount == 0:
                raise NotFound("channel", str(channel_id))
            await connection.execute(_S.delete().where(_S.c.channel_id == channel_id))
            await connection.execute(update(_O).where(waiting).values(state=DeliveryState.DISCARDED.value))

    async def subscriptions(self, user_id: int | None = None) -> Sequence[Subscription]:
        wanted = select(_S).order_by(_S.c.id)
        if user_id is not None:
            wanted = wanted.where(_S.c.user_id == user_id)
        async with self._store.read() as connection:
            return [_subscription(row) for row in (await connection.execute(wanted)).all()]

    async def save_subscription(self, subscription: Subscription) -> Subscription:
        """Insert when id is 0. Raises NotFound."""
        row = _subscription_row(subscription)
        async with self._store.write() as connection:
            if subscription.id == 0:
                return dataclasses.replace(subscription, id=await self._store.insert_id(connection, _S, row))
            if await connection.scalar(select(_S.c.id).where(_S.c.id == subscription.id)) is None:
                raise NotFound("subscription", str(subscription.id))
            await connection.execute(update(_S).where(_S.c.id == subscription.id).values(**row))
        return subscription

    async def delete_subscription(self, subscription_id: int) -> None:
        async with self._store.write() as connection:
            if (await connection.execute(_S.delete().where(_S.c.id == subscription_id))).rowcount == 0:
                raise NotFound("subscription", str(subscription_id))

    # -- outbox ----------------------------------------------------------------------------------------------------

    async def put(self, notices: Sequence[Notice], handled_us: int) -> int:
        """Keep those whose key is new, and how far events are handled, in one transaction; how many were new."""
        rows = {notice.key: _notice_row(notice) for notice in notices}
        async with self._store.write() as connection:
            known: set[str] = set()
            keys = list(rows)
            for at in range(0, len(keys), _AT_ONCE):
                wanted = select(_O.c.key).where(_O.c.key.in_(keys[at : at + _AT_ONCE]))
                known |= set((await connection.execute(wanted)).scalars())
            new = [row for key, row in rows.items() if key not in known]
            for at in range(0, len(new), _AT_ONCE):
                await connection.execute(_O.insert(), new[at : at + _AT_ONCE])
            await connection.execute(self._store.upsert(notification_mark), {"id": 1, "handled_us": handled_us})
        return len(new)

    async def handled_us(self) -> int | None:
        """Up to when events were handled before; None at the very first start."""
        async with self._store.read() as connection:
            value = await connection.scalar(select(notification_mark.c.handled_us).where(notification_mark.c.id == 1))
        return None if value is None else int(value)

    async def missed(self, since_us: int) -> Sequence[Alert]:
        """Alerts as each of their transitions since that time left them, oldest first: for what a stop cut off."""
        return await self._alerts.since(since_us, _MOST_MISSED)

    async def due(self, channel_id: int, now_us: int, limit: int) -> Sequence[Notice]:
        """Waiting notices of a channel that are due, oldest first."""
        wanted = (_O.c.channel_id == channel_id) & (_O.c.state == DeliveryState.WAITING.value) & (_O.c.due_us <= now_us)
        async with self._store.read() as connection:
            rows = await connection.execute(select(_O).where(wanted).order_by(_O.c.event_us, _O.c.id).limit(limit))
            return [_notice(row) for row in rows.all()]

    async def next_due_us(self, channel_id: int) -> int | None:
        wanted = (_O.c.channel_id == channel_id) & (_O.c.state == DeliveryState.WAITING.value)
        async with self._store.read() as connection:
            found = await connection.scalar(select(func.min(_O.c.due_us)).where(wanted))
        return None if found is None else int(found)

    async def stamp(self, notice_ids: Sequence[int], message_id: str) -> None:
        """These travel in that message."""
        async with self._store.write() as connection:
            for at in range(0, len(notice_ids), _AT_ONCE):
                some = _O.c.id.in_(notice_ids[at : at + _AT_ONCE])
                await connection.execute(update(_O).where(some).values(message_id=message_id))

    async def settle(
        self, notice_ids: Sequence[int], state: DeliveryState, *, error: str = "", sent_us: int | None = None
    ) -> None:
        """Sent, failed, discarded, or waiting again with the error (one more try)."""
        values: dict[str, Any] = {"state": state.value, "last_error": error, "sent_us": sent_us}
        if state in {DeliveryState.WAITING, DeliveryState.FAILED, DeliveryState.SENT}:
            values["tries"] = _O.c.tries + 1
        async with self._store.write() as connection:
            for at in range(0, len(notice_ids), _AT_ONCE):
                await connection.execute(update(_O).where(_O.c.id.in_(notice_ids[at : at + _AT_ONCE])).values(**values))

    async def outbox(self, limit: int, *, state: DeliveryState | None = None, before: int | None = None) -> Sequence[Notice]:
        """Newest first."""
        wanted = select(_O).order_by(_O.c.id.desc()).limit(limit)
        if state is not None:
            wanted = wanted.where(_O.c.state == state.value)
        if before is not None:
            wanted = wanted.where(_O.c.id < before)
        async with self._store.read() as connection:
            return [_notice(row) for row in (await connection.execute(wanted)).all()]

    async def counts(self) -> Mapping[int, tuple[int, int]]:
        """(waiting, failed) by channel."""
        wanted = select(_O.c.channel_id, _O.c.state, func.count()).group_by(_O.c.channel_id, _O.c.state)
        found: dict[int, tuple[int, int]] = {}
        async with self._store.read() as connection:
            for channel_id, state, number in (await connection.execute(wanted)).all():
                waiting, failed = found.get(channel_id, (0, 0))
                if state == DeliveryState.WAITING.value:
                    waiting = int(number)
                elif state == DeliveryState.FAILED.value:
                    failed = int(number)
                found[channel_id] = waiting, failed
        return found

    async def prune(self, before_us: int) -> int:
        """Forget what was sent or discarded before that time."""
        over = _O.c.state.in_([DeliveryState.SENT.value, DeliveryState.DISCARDED.value]) & (_O.c.event_us < before_us)
        async with self._store.write() as connection:
            return int((await connection.execute(_O.delete().where(over))).rowcount)


def _subscription_row(s: Subscription) -> dict[str, Any]:
    quiet = s.quiet
    rest = {
        "events": sorted(event.value for event in s.events), "sections": list(s.sections), "machines": list(s.machines),
        "rules": list(s.rules),
        "quiet": None if quiet is None else [quiet.start.isoformat(), quiet.end.isoformat(), quiet.passes.value],
    }
    return {
        "user_id": s.user_id, "channel_id": s.channel_id, "address": s.address, "enabled": s.enabled,
        "min_priority": s.min_priority.value, "digest_min": s.digest_min, "rest_json": json.dumps(rest, ensure_ascii=False),
    }


def _subscription(row: Row[Any]) -> Subscription:
    rest = json.loads(row.rest_json)
    quiet = rest["quiet"]
    return Subscription(
        row.id, row.user_id, row.channel_id, row.address, bool(row.enabled), Priority(row.min_priority),
        frozenset(Event(event) for event in rest["events"]), tuple(rest["sections"]), tuple(rest["machines"]),
        tuple(rest["rules"]),
        None if quiet is None else QuietHours(time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1]), Priority(quiet[2])),
        row.digest_min,
    )  # fmt: skip


_PLAIN = (
    "id", "key", "rule", "machine_id", "tag", "device_id", "value", "limit", "unit", "raised_us", "returned_us",
    "acknowledged_us", "acknowledged_by", "note", "detail", "repeats", "escalation",
)  # fmt: skip


def _notice_row(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    picture = {name: getattr(alert, name) for name in _PLAIN}
    picture |= {"priority": alert.priority.value, "state": alert.state.value, "message": dict(alert.message)}
    if alert.change is not None:
        picture["change"] = [alert.change.number, alert.change.action.value, alert.change.time_us, list(alert.change.to)]
    return {
        "key": notice.key, "subscription_id": notice.subscription_id, "channel_id": notice.channel_id, "user_id": notice.user_id,
        "address": notice.address, "event": notice.event.value, "alert_json": json.dumps(picture, ensure_ascii=False),
        "event_us": notice.event_us, "due_us": notice.due_us, "state": notice.state.value, "tries": notice.tries,
        "last_error": notice.last_error, "sent_us": notice.sent_us, "message_id": notice.message_id,
    }


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        row.id, row.key, row.subscription_id, row.channel_id, row.user_id, row.address, Event(row.event),
        _picture(json.loads(row.alert_json)), row.event_us, row.due_us, DeliveryState(row.state), row.tries, row.last_error,
        row.sent_us, row.message_id,
    )  # fmt: skip


def _picture(stored: dict[str, Any]) -> Alert:
    state, change = AlertState(stored["state"]), stored.pop("change", None)
    plain = {name: stored[name] for name in _PLAIN}
    made = None if change is None else Change(change[0], Action(change[1]), state, change[2], to=tuple(change[3]))
    return Alert(**plain, priority=Priority(stored["priority"]), state=state, message=stored["message"], change=made)
