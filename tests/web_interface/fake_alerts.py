"""Alerts of the invented shop, and what a rule would have done."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import time, timedelta

from analysis.alerts import AlertEngine
from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, Priority
from domain.alert_rule import AlertRule
from domain.errors import NotFound
from domain.plant import Tag
from domain.rehearsal import FilterRehearsal, JobState, Occasion, RehearsalJob, RuleRehearsal
from tests.analysis import fakes as shop_fakes
from tests.analysis.fakes import MemoryAlerts
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_live import FakeLive

S = shop.S


_STANDING, _TAKEN, _BACK = AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED, AlertState.RETURNED


def _at(hour: int, minute: int, second: int = 0) -> int:
    return shop.local_us(shop.TODAY, time(hour, minute, second))


def _alert(
    n: int, rule: str, priority: Priority, state: AlertState, machine: str | None, tag: str, value: float | None,
    limit: float | None, unit: str, raised_us: int, detail: str = "",
) -> Alert:
    """Acknowledged ones were so after a minute; those over were raised for nine."""
    taken = state is _TAKEN
    return Alert(
        n, f"{rule}:{tag}", rule, priority, state, machine, tag, tag.partition(".")[0], value, limit, unit, raised_us,
        raised_us + 9 * shop.MIN if state is _BACK else None, raised_us + shop.MIN if taken else None,
        "А. Кузнецов" if taken else None, None, detail,
    )  # fmt: skip


def _alerts() -> list[Alert]:
    return [
        _alert(1, "critical_high", Priority.CRITICAL, _STANDING, "furnace-1", "m11.current_l2", 78.4, 75, "A", _at(13, 31, 12)),
        _alert(2, "no_data", Priority.HIGH, _STANDING, "haas-vf2", "m7.active_power", None, None, "kW", _at(13, 36, 4),
               "timeout 800 ms x 74"),
        _alert(3, "idle_long", Priority.MEDIUM, _TAKEN, "lathe-2", "m2.active_power", 47, 30, "min", _at(12, 55, 31), "1.6 kWh"),
        _alert(4, "high", Priority.LOW, _TAKEN, None, "main.active_power", 151.2, 150, "kW", _at(13, 30)),
        _alert(5, "machine_alarm", Priority.HIGH, _BACK, "ctx-1250", "ctx.spindle_load", 700124, None, "", _at(9, 42, 18)),
        replace(
            _alert(6, "kef_low", Priority.MEDIUM, _TAKEN, "grinder-1", "m9.active_power", 0.72, 0.75, "", _at(6, 20)),
            hold=Hold(HoldKind.SHELVED, _at(13, 0), _at(15, 0), "П. Орлов", "Правка круга"),
        ),
        replace(
            _alert(7, "high", Priority.LOW, _STANDING, "mill-1", "m8.active_power", 30.0, 25.0, "kW", _at(9, 5)),
            hold=Hold(HoldKind.SHELVED, _at(9, 30), _at(9, 30) + 22 * 3600 * S, "П. Орлов", "Поверка счётчика"),
            repeats=4, last_raised_us=_at(9, 25), chattering=True,
        ),
    ]  # fmt: skip


class FakeAlerts(AlertEngine):
    """The real engine over a store in memory that holds the shop's alerts; acknowledging is seen by the live stream."""

    def __init__(self, live: FakeLive) -> None:
        store = MemoryAlerts()
        for alert in _alerts():
            change = Change(1, Action.RAISE, alert.state, alert.raised_us)
            store.held[alert.id], store.recorded[alert.id] = replace(alert, changes=1), {1: change}
        super().__init__(store, shop_fakes.MemoryAudit(), live.clock)
        self.on_alert(lambda alert: live.publish("alert", alert))
        self.apply(shop.plant())
        with contextlib.suppress(StopIteration):
            self.load().send(None)  # nothing waits in it: the store is in memory


class FakeRehearsals:
    """RehearsalService that is done at once."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.jobs: dict[str, RehearsalJob] = {}

    def start_rule(self, rule: AlertRule, days: int = 30) -> RehearsalJob:
        now = self._clock.now_us()
        from_us = now - days * shop.DAY_US
        by_day = [((shop.TODAY - timedelta(days=n)).isoformat(), (n * 5) % 7) for n in range(days, 0, -1)]
        occasion = Occasion("m11.current_l2", "high", now - shop.DAY_US, now - shop.DAY_US + 9 * shop.MIN, 78.4, 75.0)
        busiest = max(by_day, key=lambda entry: entry[1])
        alerts = sum(count for _, count in by_day)
        result = RuleRehearsal(rule.version, from_us, now, 3, alerts, 30_360.0, 0.0, by_day, busiest, (occasion,) * 6, True)
        return self._done(result)

    def start_filter(
        self, tag: Tag, low: float | None, high: float | None, *, spike: bool, days: int = 30
    ) -> RehearsalJob:
        now = self._clock.now_us()
        return self._done(FilterRehearsal(tag.name, now - days * shop.DAY_US, now, 2_592_000, 12, -0.4, ((now, 905.0),), ()))

    def _done(self, result: RuleRehearsal | FilterRehearsal) -> RehearsalJob:
        job = RehearsalJob(str(len(self.jobs) + 1), JobState.DONE, 1.0, result)
        self.jobs[job.id] = job
        return job

    def job(self, job_id: str) -> RehearsalJob:
        if job_id not in self.jobs:
            raise NotFound("rehearsal", job_id)
        return self.jobs[job_id]

    def cancel(self, job_id: str) -> RehearsalJob:
        return self.job(job_id)

    async def wait(self, job_id: str, seconds: float) -> RehearsalJob:
        return self.job(job_id)
