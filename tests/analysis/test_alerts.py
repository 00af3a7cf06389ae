"""Alerts: the ISA-18.2 states, roles, audit, restarts, and a store that goes away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from analysis.alerts import AlertEngine
from domain.access import Actor, Role
from domain.alert import Alert, AlertState, Priority
from domain.errors import Conflict, Forbidden, NotFound, StorageError
from tests.analysis.fakes import MemoryAlerts, MemoryAudit
from tests.conftest import FakeClock

OPERATOR = Actor("ivanov", Role.OPERATOR, "10.0.0.7")
VIEWER = Actor("gost", Role.VIEWER)


class Desk:
    def __init__(self, store: MemoryAlerts | None = None) -> None:
        self.store, self.audit, self.clock = store or MemoryAlerts(), MemoryAudit(), FakeClock()
        self.told: list[Alert] = []
        self.engine = AlertEngine(self.store, self.audit, self.clock, self.told.append)

    async def high(self) -> Alert:
        self.engine.raise_alert("k", "high", Priority.HIGH, tag="m1.active_power", value=13.0, limit=12.0, unit="kW")
        await self.engine.flush()
        return self.engine.active()[0]


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    await desk.engine.load()
    return desk


async def test_taken_then_over(desk: Desk) -> None:
    alert = await desk.high()
    assert (alert.id, alert.state, alert.value, alert.limit) == (1, AlertState.UNACKNOWLEDGED, 13.0, 12.0)
    taken = await desk.engine.acknowledge(1, OPERATOR, "смена инструмента")
    assert (taken.state, taken.acknowledged_by, taken.note) == (AlertState.ACKNOWLEDGED, "ivanov", "смена инструмента")
    assert desk.engine.return_alert("k")
    await desk.engine.flush()
    assert desk.engine.active() == []
    assert [state for _, state in desk.store.transitions] == ["unacknowledged", "acknowledged", "cleared"]
    assert [a.state.value for a in desk.told] == ["unacknowledged", "acknowledged", "cleared"]
    assert desk.store.held[1].returned_us is not None


async def test_over_then_taken(desk: Desk) -> None:
    await desk.high()
    desk.engine.return_alert("k")
    await desk.engine.flush()
    assert [a.state for a in desk.engine.active()] == [AlertState.RETURNED]
    assert (await desk.engine.acknowledge(1, OPERATOR)).state is AlertState.CLEARED
    assert desk.engine.active() == []
    with pytest.raises(Conflict):
        await desk.engine.acknowledge(1, OPERATOR)


async def test_at_most_one_stands_per_condition(desk: Desk) -> None:
    await desk.high()
    assert not desk.engine.raise_alert("k", "high", Priority.HIGH)
    desk.engine.return_alert("k")
    assert not desk.engine.return_alert("k")
    assert desk.engine.raise_alert("k", "high", Priority.HIGH)  # it came back before anybody took it
    await desk.engine.flush()
    assert len(desk.store.held) == 1
    assert [s for _, s in desk.store.transitions] == ["unacknowledged", "returned", "unacknowledged"]
    await desk.engine.acknowledge(1, OPERATOR)
    desk.engine.return_alert("k")
    desk.engine.raise_alert("k", "high", Priority.HIGH)
    await desk.engine.flush()
    again = desk.engine.active()[0]
    assert (again.id, again.state, again.repeats, again.acknowledged_by) == (1, AlertState.UNACKNOWLEDGED, 2, None)
    await desk.engine.acknowledge(1, OPERATOR)
    desk.engine.return_alert("k")
    await desk.clock.advance(601)
    desk.engine.tick()
    desk.engine.raise_alert("k", "high", Priority.HIGH)
    await desk.engine.flush()
    assert len(desk.store.held) == 2  # long after it was over it is a new occurrence


async def test_roles_conflicts_and_audit(desk: Desk) -> None:
    await desk.high()
    with pytest.raises(Forbidden):
        await desk.engine.acknowledge(1, VIEWER)
    assert desk.engine.active()[0].state is AlertState.UNACKNOWLEDGED
    await desk.engine.acknowledge(1, OPERATOR)
    with pytest.raises(Conflict):
        await desk.engine.acknowledge(1, OPERATOR)
    with pytest.raises(NotFound):
        await desk.engine.acknowledge(99, OPERATOR)
    assert [(e.actor, e.action, e.result) for e in desk.audit.held] == [
        ("gost", "refused", "failed"), ("ivanov", "alert_acknowledge", "ok"),
    ]  # fmt: skip


async def test_what_cannot_be_audited_is_not_done(desk: Desk) -> None:
    await desk.high()
    desk.audit.down = True
    with pytest.raises(StorageError):
        await desk.engine.acknowledge(1, OPERATOR)
    assert desk.engine.active()[0].state is AlertState.UNACKNOWLEDGED


async def test_two_operators_at_once_only_one_takes_it(desk: Desk) -> None:
    await desk.high()
    results = await asyncio.gather(*(desk.engine.acknowledge(1, OPERATOR) for _ in range(2)), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["Alert", "Conflict"]
    assert [s for _, s in desk.store.transitions] == ["unacknowledged", "acknowledged"]


async def test_a_restart_raises_nothing_again_and_goes_on() -> None:
    first = Desk()
    await first.engine.load()
    await first.high()
    second = Desk(first.store)
    await second.engine.load()
    assert second.engine.standing("k")
    assert not second.engine.raise_alert("k", "high", Priority.HIGH)
    second.engine.return_alert("k")
    await second.engine.flush()
    assert [s for _, s in first.store.transitions] == ["unacknowledged", "returned"]
    assert [a.state.value for a in second.told] == ["returned"]


async def test_a_store_that_is_away_loses_nothing_and_the_alert_is_told_at_once(desk: Desk) -> None:
    desk.store.down = True
    task = asyncio.create_task(desk.engine.run())
    desk.engine.raise_system("storage", Priority.CRITICAL, "database away")
    desk.engine.clear_system("storage")
    await desk.clock.advance(1)
    assert [(a.id, a.rule, a.state.value) for a in desk.told] == [(0, "storage", "unacknowledged"), (0, "storage", "returned")]
    desk.store.down = False
    await desk.clock.advance(6)
    assert [s for _, s in desk.store.transitions] == ["unacknowledged", "returned"]
    assert [a.id for a in desk.told[2:]] == [1, 1]
    task.cancel()


async def test_raised_before_the_store_could_be_read_is_the_same_occurrence() -> None:
    first = Desk()
    await first.engine.load()
    await first.high()
    second = Desk(first.store)
    first.store.down = True
    task = asyncio.create_task(second.engine.run())
    second.engine.raise_alert("k", "high", Priority.HIGH)
    await second.clock.advance(1)
    first.store.down = False
    await second.clock.advance(6)
    assert len(first.store.held) == 1
    assert [s for _, s in first.store.transitions] == ["unacknowledged"]
    assert second.engine.active()[0].id == 1
    task.cancel()


async def test_one_record_the_store_refuses_does_not_stop_the_others() -> None:
    class Picky(MemoryAlerts):
        async def save(self, alert: Alert) -> Alert:
            if alert.key == "poison":
                raise ValueError("too long")
            return await super().save(alert)

    desk = Desk(Picky())
    await desk.engine.load()
    task = asyncio.create_task(desk.engine.run())
    desk.engine.raise_alert("poison", "high", Priority.HIGH)
    desk.engine.raise_alert("fine", "high", Priority.HIGH)
    await desk.clock.advance(20)
    assert [a.key for a in desk.store.held.values()] == ["fine"]
    assert desk.engine.lost_transitions == 1
    task.cancel()


async def test_waiting_is_bounded_and_keeps_the_last_word(monkeypatch: Any) -> None:
    monkeypatch.setattr("analysis.alert_recorder.MAX_WAITING", 20)
    desk = Desk()
    await desk.engine.load()
    for _ in range(50):
        desk.engine.raise_alert("a", "high", Priority.HIGH)
        desk.engine.return_alert("a")
    desk.engine.raise_alert("b", "high", Priority.HIGH)
    await desk.engine.flush()
    assert {a.key: a.state for a in desk.store.held.values()} == {"a": AlertState.RETURNED, "b": AlertState.UNACKNOWLEDGED}
    assert len(desk.store.transitions) + desk.engine.lost_transitions == 101


async def test_most_urgent_first(desk: Desk) -> None:
    for key, priority in (("low", Priority.LOW), ("critical", Priority.CRITICAL), ("high", Priority.HIGH)):
        desk.engine.raise_alert(key, "r", priority)
    assert [a.key for a in desk.engine.active()] == ["critical", "high", "low"]
    assert replace(desk.engine.active()[0], id=0).id == 0
