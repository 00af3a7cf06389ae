"""Shelving, out of service, suppression, comments, chatter, groups, escalation, and a killed process while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import time

import pytest

from analysis.alerts import AlertEngine
from analysis.calendar import Calendar
from analysis.duty import DutyRoster
from domain.access import Actor, Role
from domain.alert import Action, Alert, AlertState, HoldKind, Priority
from domain.alert_rule import AlertRule, RuleKind, Scope, ScopeKind
from domain.duty import DutySlot, Escalation, EscalationStep, Target
from domain.errors import ConfigError, Conflict, Forbidden
from domain.plant import Machine, Plant, ShiftPattern, Site
from tests.analysis.fakes import THREE, MemoryAlerts, MemoryAudit
from tests.conftest import FakeClock

OPERATOR = Actor("ivanov", Role.OPERATOR)
ENGINEER = Actor("petrov", Role.ENGINEER)
VIEWER = Actor("gost", Role.VIEWER)
HOUR_US = 3_600_000_000
DUTY = Escalation({
    Priority.HIGH: (
        EscalationStep(5, Target.DUTY), EscalationStep(15, Target.ROLE, Role.ENGINEER), EscalationStep(30, Target.ADMINS),
    ),
})  # fmt: skip


class Spool:
    """AlertSpool in memory."""

    def __init__(self) -> None:
        self.lines: list[Alert] = []

    def append(self, alerts: Sequence[Alert]) -> None:
        self.lines += alerts

    def load(self) -> Sequence[Alert]:
        return list(self.lines)

    def clear(self) -> None:
        self.lines = []


class Desk:
    def __init__(self, store: MemoryAlerts | None = None, spool: Spool | None = None) -> None:
        self.store, self.audit, self.clock = store or MemoryAlerts(), MemoryAudit(), FakeClock()
        self.told: list[Alert] = []
        self.called: list[tuple[str, int, tuple[str, ...]]] = []
        self.engine = AlertEngine(self.store, self.audit, self.clock, self.told.append, spool)
        self.engine.on_escalation(self._call)

    def _call(self, alert: Alert, step: int) -> None:
        assert alert.change is not None
        self.called.append((alert.key, step, alert.change.to))

    async def high(self, key: str = "k", priority: Priority = Priority.HIGH) -> Alert:
        self.engine.raise_alert(key, "high", priority, machine_id="m")
        await self.engine.flush()
        return next(a for a in [*self.engine.active(), *self.engine.held()] if a.key == key)

    async def actions(self, alert_id: int = 1) -> list[str]:
        return [change.action.value for change in await self.engine.changes(alert_id)]

    async def pass_time(self, seconds: float) -> None:
        """As `run` would: a tick a second."""
        for _ in range(round(seconds)):
            await self.clock.advance(1)
            for key in self.engine.tick():
                await self.engine._forget_hold(key)
        await self.engine.flush()


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    await desk.engine.load()
    return desk


async def test_a_shelved_alert_leaves_the_list_and_comes_back_by_itself(desk: Desk) -> None:
    alert = await desk.high()
    until_us = desk.clock.now_us() + HOUR_US
    shelved = await desk.engine.shelve(alert.id, until_us, "Электрик вызван", OPERATOR)
    assert shelved.hold is not None
    assert (shelved.hold.kind, shelved.hold.by, shelved.hold.until_us) == (HoldKind.SHELVED, "ivanov", until_us)
    assert desk.engine.active() == []
    assert [a.id for a in desk.engine.held()] == [alert.id]
    await desk.pass_time(3600)
    assert [a.state for a in desk.engine.active()] == [AlertState.UNACKNOWLEDGED]
    assert desk.store.key_holds == {}
    assert await desk.actions() == ["raise", "shelve", "release"]
    assert desk.audit.held[-1].action == "alert_shelve"


async def test_the_condition_stays_shelved_when_it_comes_again(desk: Desk) -> None:
    alert = await desk.high()
    await desk.engine.shelve(alert.id, desk.clock.now_us() + HOUR_US, "ждём", OPERATOR)
    desk.engine.return_alert("k")
    await desk.engine.flush()
    assert desk.engine.held() == []  # nobody is asked to take what nobody was shown
    await desk.pass_time(700)
    again = await desk.high()
    assert again.id != alert.id
    assert again.hold is not None
    assert desk.engine.active() == []


async def test_a_shelf_survives_a_restart_and_ends_after_it() -> None:
    first = Desk()
    await first.engine.load()
    alert = await first.high()
    await first.engine.shelve(alert.id, first.clock.now_us() + 30_000_000, "ждём", OPERATOR)
    second = Desk(first.store)
    await second.engine.load()
    assert second.engine.active() == []
    await second.pass_time(31)
    assert [a.id for a in second.engine.active()] == [alert.id]


@pytest.mark.parametrize(("hours", "reason"), [(25, "ждём"), (-1, "ждём"), (1, "  ")])
async def test_a_shelf_needs_an_end_within_a_day_and_a_reason(desk: Desk, hours: int, reason: str) -> None:
    alert = await desk.high()
    with pytest.raises(ConfigError):
        await desk.engine.shelve(alert.id, desk.clock.now_us() + hours * HOUR_US, reason, OPERATOR)
    assert len(desk.engine.active()) == 1


async def test_taken_back_before_its_time(desk: Desk) -> None:
    alert = await desk.high()
    with pytest.raises(Conflict):
        await desk.engine.unshelve(alert.id, OPERATOR)
    await desk.engine.shelve(alert.id, desk.clock.now_us() + HOUR_US, "ждём", OPERATOR)
    assert (await desk.engine.unshelve(alert.id, OPERATOR)).hold is None
    assert desk.store.key_holds == {}


async def test_who_may_not_may_not(desk: Desk) -> None:
    alert = await desk.high()
    until_us = desk.clock.now_us() + HOUR_US
    for act in (
        desk.engine.shelve(alert.id, until_us, "x", VIEWER), desk.engine.unshelve(alert.id, VIEWER),
        desk.engine.comment(alert.id, "x", VIEWER), desk.engine.acknowledge_all([alert.id], VIEWER),
        desk.engine.take_out_of_service("hot", "x", OPERATOR), desk.engine.put_in_service("hot", OPERATOR),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            await act
    assert {entry.action for entry in desk.audit.held} == {"refused"}
    assert await desk.actions() == ["raise"]


async def test_a_rule_out_of_service_until_taken_back(desk: Desk) -> None:
    desk.engine.raise_alert("rule:hot:m1:high", "high", Priority.HIGH, rule_id="hot")
    await desk.high("other")
    await desk.engine.take_out_of_service("hot", "замена датчика", ENGINEER)
    desk.engine.raise_alert("rule:hot:m2:high", "high", Priority.HIGH, rule_id="hot")
    assert [a.key for a in desk.engine.active()] == ["other"]
    assert {a.hold.kind for a in desk.engine.held() if a.hold} == {HoldKind.OUT_OF_SERVICE}
    second = Desk(desk.store)
    await desk.engine.flush()
    await second.engine.load()
    await second.engine.put_in_service("hot", ENGINEER)
    assert {a.key for a in second.engine.active()} == {"other", "rule:hot:m1:high", "rule:hot:m2:high"}
    with pytest.raises(Conflict):
        await second.engine.put_in_service("hot", ENGINEER)


async def test_a_removed_rule_takes_its_hold_with_it(desk: Desk) -> None:
    rule = AlertRule("hot", RuleKind.LEVEL, Scope(ScopeKind.SITE, "", "active_power"), high=1)
    desk.engine.apply(Plant(Site("s"), alert_rules=(rule,)))
    await desk.engine.take_out_of_service("hot", "замена датчика", ENGINEER)
    desk.engine.apply(Plant(Site("s"), alert_rules=(rule,)))
    assert len(desk.engine.holds()) == 1
    desk.engine.apply(Plant(Site("s")))
    await desk.pass_time(1)
    assert (desk.engine.holds(), desk.store.key_holds) == ([], {})


async def test_suppressed_by_design_while_it_is_normal(desk: Desk) -> None:
    await desk.high()
    assert desk.engine.suppress("k", "idle")
    assert not desk.engine.suppress("k", "idle")
    assert desk.engine.active() == []
    assert desk.engine.unsuppress("k")
    await desk.engine.flush()
    assert len(desk.engine.active()) == 1
    assert await desk.actions() == ["raise", "suppress", "release"]


async def test_comments_stand_in_the_record(desk: Desk) -> None:
    alert = await desk.high()
    await desk.engine.comment(alert.id, "Смотрю контактор", OPERATOR)
    commented = await desk.engine.comment(alert.id, "Контакт подтянут", ENGINEER)
    assert (commented.note, commented.state) == ("Контакт подтянут", AlertState.UNACKNOWLEDGED)
    changes = [c for c in await desk.engine.changes(alert.id) if c.action is Action.COMMENT]
    assert [(c.actor, c.note) for c in changes] == [("ivanov", "Смотрю контактор"), ("petrov", "Контакт подтянут")]
    with pytest.raises(ConfigError):
        await desk.engine.comment(alert.id, " ", OPERATOR)


async def test_many_are_taken_at_once_and_each_answers(desk: Desk) -> None:
    for key in ("a", "b"):
        await desk.high(key)
    answers = await desk.engine.acknowledge_all([1, 2, 9, 1], OPERATOR, "обход")
    assert answers[2] is None
    assert "9" in (answers[9] or "")
    assert {a.state for a in desk.engine.active()} == {AlertState.ACKNOWLEDGED}


async def test_three_raises_within_a_minute_are_chatter_until_it_is_calm(desk: Desk) -> None:
    for _ in range(3):
        desk.engine.raise_alert("k", "high", Priority.HIGH)
        await desk.clock.advance(10)
        desk.engine.return_alert("k")
    await desk.engine.flush()
    alert = desk.engine.active()[0]
    assert (alert.chattering, alert.repeats) == (True, 2)
    await desk.pass_time(601)
    assert not desk.engine.active()[0].chattering
    assert not desk.store.held[1].chattering
    assert await desk.actions() == ["raise", "return", "repeat", "return", "repeat", "return"]


async def test_three_machines_of_a_section_have_one_cause(desk: Desk) -> None:
    machines = tuple(Machine(f"m{n}", f"m{n}", section="Токарный" if n < 4 else "Другой") for n in range(6))
    desk.engine.apply(Plant(Site("s"), machines=machines))
    for n in (0, 1, 5, 2, 3):
        desk.engine.raise_alert(f"low:{n}", "low", Priority.HIGH, machine_id=f"m{n}")
    await desk.engine.flush()
    groups = {a.machine_id: a.group for a in desk.engine.active()}
    assert groups["m5"] is None
    cause = groups["m0"]
    assert cause is not None
    assert cause.startswith("section:Токарный:low:")
    assert {groups[f"m{n}"] for n in range(4)} == {cause}
    await desk.clock.advance(60)
    desk.engine.raise_alert("low:x", "low", Priority.HIGH, machine_id="m3")
    assert next(a for a in desk.engine.active() if a.key == "low:x").group is None


async def test_what_nobody_takes_reaches_the_next_one(desk: Desk) -> None:
    slots = (DutySlot(("sidorov",), frozenset(range(7))),)
    desk.engine.apply(Plant(Site("s"), duty=slots, escalation=DUTY))
    await desk.high()
    await desk.high("low", Priority.LOW)
    await desk.pass_time(299)
    assert desk.called == []
    await desk.pass_time(1)
    assert desk.called == [("k", 1, ("sidorov",))]
    await desk.pass_time(1500)
    assert desk.called[1:] == [("k", 2, ("role:engineer",)), ("k", 3, ("role:admin",))]
    assert await desk.actions() == ["raise", "escalate", "escalate", "escalate"]
    assert [c.to for c in await desk.engine.changes(1)][1:] == [("sidorov",), ("role:engineer",), ("role:admin",)]
    second = Desk(desk.store)
    second.engine.apply(Plant(Site("s"), duty=slots, escalation=DUTY))
    await second.engine.load()
    await second.pass_time(60)
    assert second.called == []  # a restart calls nobody again


async def test_who_took_it_is_not_called_and_a_shelf_starts_the_wait_anew(desk: Desk) -> None:
    desk.engine.apply(Plant(Site("s"), escalation=DUTY))
    alert = await desk.high()
    other = await desk.high("other")
    await desk.engine.acknowledge(alert.id, OPERATOR)
    await desk.engine.shelve(other.id, desk.clock.now_us() + 600_000_000, "ждём", OPERATOR)
    await desk.pass_time(890)
    assert desk.called == []
    await desk.pass_time(11)
    assert desk.called == [("other", 1, ("role:admin",))]  # nobody is on duty: the administrators


async def test_transitions_outlive_a_killed_process_while_the_store_is_away() -> None:
    spool = Spool()
    first = Desk(spool=spool)
    await first.engine.load()
    before = await first.high("before")
    first.store.down = True
    first.engine.return_alert("before")
    first.engine.raise_alert("during", "high", Priority.HIGH)
    assert not await first.engine.flush()
    first.engine.return_alert("during")
    assert not await first.engine.flush()
    first.store.down = False  # the process is killed here: what waited in memory is gone
    second = Desk(first.store, spool)
    await second.engine.load()
    assert {a.key: a.state for a in second.engine.active()} == {
        "before": AlertState.RETURNED, "during": AlertState.RETURNED,
    }  # fmt: skip
    assert [c.action.value for c in await second.engine.changes(before.id)] == ["raise", "return"]
    during = next(a for a in second.engine.active() if a.key == "during")
    assert [c.action.value for c in await second.engine.changes(during.id)] == ["raise", "return"]
    assert spool.lines == []


async def test_the_spool_is_emptied_when_the_store_has_all() -> None:
    spool = Spool()
    desk = Desk(spool=spool)
    await desk.engine.load()
    desk.store.down = True
    task = asyncio.create_task(desk.engine.run())
    desk.engine.raise_alert("k", "high", Priority.HIGH)
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert len(spool.lines) == 1
    desk.store.down = False
    for _ in range(6):
        await desk.clock.advance(1)
        await asyncio.sleep(0.01)
    assert spool.lines == []
    assert desk.store.transitions == [(1, "unacknowledged")]
    task.cancel()


def test_duty_by_times_and_by_shift() -> None:
    night = DutySlot(("noch",), frozenset({0}), time(20), time(8))
    second = DutySlot(("vtoraya",), frozenset(range(7)), shift="2")
    roster = DutyRoster(Calendar("Europe/Moscow", THREE), (night, second))
    monday_us = 1_763_326_800_000_000 + 3 * HOUR_US - 3 * HOUR_US  # Mon 17 Nov 2025 00:00 in Moscow
    at = {hour: roster.on_duty(monday_us + hour * HOUR_US) for hour in (12, 16, 21, 23, 31, 33)}
    assert at == {12: (), 16: ("vtoraya",), 21: ("noch", "vtoraya"), 23: ("noch",), 31: ("noch",), 33: ()}
    assert roster.next_change_us(monday_us + 12 * HOUR_US) == monday_us + 15 * HOUR_US


def test_duty_over_the_change_of_summer_time() -> None:
    slot = DutySlot(("a",), frozenset({6}), time(1), time(4))  # Sunday 29 March 2026, Berlin skips 02:00-03:00
    roster = DutyRoster(Calendar("Europe/Berlin", (ShiftPattern("1", time(7), time(15), frozenset(range(7))),)), (slot,))
    one_us = 1_774_742_400_000_000  # 2026-03-29T00:00Z = 01:00 local
    assert [roster.on_duty(one_us + h * HOUR_US) for h in (-1, 0, 1, 2)] == [(), ("a",), ("a",), ()]


def test_an_alert_is_shown_unless_held_or_over() -> None:
    alert = Alert(1, "k", "high", Priority.HIGH, AlertState.RETURNED, None, None, None, None, None, "", 0)
    assert alert.is_shown
    assert alert.waits
    assert not replace(alert, state=AlertState.CLEARED).is_shown
    assert not replace(alert, state=AlertState.ACKNOWLEDGED).waits
