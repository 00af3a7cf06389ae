"""Channels, subscriptions and the outbox, on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time

import pytest

from database.engine import Store
from database.migrate import upgrade
from database.repositories import AlertRepository, NotificationRepository
from domain.alert import Action, Alert, AlertState, Change, Priority
from domain.errors import Conflict, NotFound
from domain.notification import Channel, ChannelKind, DeliveryState, Event, Notice, QuietHours, Subscription

T = 1_763_548_800_000_000


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(database_url)
    await opened.prepare()
    await upgrade(opened)
    yield opened
    await opened.close()


def alert(number: int = 1, action: Action = Action.RAISE, state: AlertState = AlertState.UNACKNOWLEDGED) -> Alert:
    change = Change(number, action, state, T + number, to=("anna",) if action is Action.ESCALATE else ())
    return Alert(
        0, "limit:m1.active_power:high", "high", Priority.HIGH, state, "lathe-1", "m1.active_power", "m1", 14.25, 14.0, "kW", T,
        message={"ru": "Перегрузка"}, change=change, changes=number,
    )  # fmt: skip


def notice(key: str, channel_id: int = 1, due_us: int = T) -> Notice:
    return Notice(0, key, 1, channel_id, 1, "anna@example.org", Event.RAISED, alert(), T, due_us)


async def test_channels_and_subscriptions_come_back_as_they_went(store: Store) -> None:
    repository = NotificationRepository(store)
    mail = await repository.save_channel(Channel(0, ChannelKind.EMAIL, "Почта", settings={"host": "mail.example.org", "port": 25}))
    assert await repository.channels() == [mail]
    with pytest.raises(Conflict):
        await repository.save_channel(Channel(0, ChannelKind.WEBHOOK, "Почта"))
    renamed = await repository.save_channel(replace(mail, name="Mail", enabled=False))
    assert await repository.save_channel(renamed) == renamed  # saving it unchanged is no error
    with pytest.raises(NotFound):
        await repository.save_channel(replace(mail, id=99, name="other"))
    quiet = QuietHours(time(22), time(6, 30), Priority.HIGH)
    wanted = Subscription(
        0, 7, mail.id, "anna@example.org", True, Priority.LOW, frozenset({Event.RAISED, Event.RETURNED}), ("Токарный",), ("l1",),
        ("high",), quiet, 15,
    )  # fmt: skip
    saved = await repository.save_subscription(wanted)
    assert await repository.subscriptions(7) == [saved]
    assert await repository.subscriptions(8) == []
    await repository.put([notice("a", mail.id)], T)
    await repository.delete_channel(mail.id)
    assert await repository.subscriptions() == []
    assert [n.state for n in await repository.outbox(10)] == [DeliveryState.DISCARDED]


async def test_the_same_event_is_kept_once_and_the_mark_moves_with_it(store: Store) -> None:
    repository = NotificationRepository(store)
    assert await repository.handled_us() is None
    assert await repository.put([notice("a"), notice("b"), notice("a")], T) == 2
    assert await repository.put([notice("b"), notice("c", due_us=T + 50)], T + 9) == 1
    assert await repository.handled_us() == T + 9
    due = await repository.due(1, T + 10, 10)
    assert [n.key for n in due] == ["a", "b"]
    assert due[0].alert == replace(alert(), changes=0, message={"ru": "Перегрузка"})
    assert due[0].alert.change == alert().change
    assert await repository.next_due_us(1) == T
    await repository.stamp([n.id for n in due], "m1")
    await repository.settle([due[0].id], DeliveryState.SENT, sent_us=T + 20)
    await repository.settle([due[1].id], DeliveryState.WAITING, error="timeout")
    again = await repository.due(1, T + 10, 10)
    assert [(n.key, n.message_id, n.tries, n.last_error) for n in again] == [("b", "m1", 1, "timeout")]
    await repository.settle([again[0].id], DeliveryState.FAILED, error="refused")
    assert await repository.counts() == {1: (1, 1)}
    assert [n.key for n in await repository.outbox(10, state=DeliveryState.FAILED)] == ["b"]
    assert await repository.prune(T + 1) == 1
    assert {n.key for n in await repository.outbox(10)} == {"b", "c"}


async def test_what_was_missed_is_read_from_the_transitions(store: Store) -> None:
    alerts, repository = AlertRepository(store), NotificationRepository(store)
    saved = await alerts.save(alert(1))
    await alerts.save(replace(alert(2, Action.ESCALATE), id=saved.id))
    await alerts.save(replace(alert(3, Action.CLEAR, AlertState.CLEARED), id=saved.id))
    missed = await repository.missed(T + 2)
    assert [(m.change.number, m.change.action, m.state) for m in missed if m.change] == [
        (2, Action.ESCALATE, AlertState.UNACKNOWLEDGED), (3, Action.CLEAR, AlertState.CLEARED),
    ]  # fmt: skip
    assert missed[0].change is not None
    assert missed[0].change.to == ("anna",)
    assert missed[0].key == "limit:m1.active_power:high"
