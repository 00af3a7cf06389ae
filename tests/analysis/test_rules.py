"""Rules of every kind: one subject, one stream; suppression by state and shift; the plant's rules at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from analysis.alerts import AlertEngine
from analysis.calendar import Calendar
from analysis.engine import AnalysisEngine
from analysis.expected import Constant, MedianByHour, OtherTag, deviation_percent
from analysis.rule_scopes import RuleScopes
from analysis.rules import RuleEvent, RuleWatch, Subject
from domain.alert import HoldKind, LimitRule
from domain.alert_rule import AlertRule, Baseline, BaselineKind, RuleKind, Scope, ScopeKind
from domain.plant import Plant
from domain.ports import RollupRow
from domain.sample import Batch
from domain.state import MachineState as M
from tests.analysis.fakes import THREE, MemoryAlerts, MemoryAudit, MemoryHistory, MemoryStates, meter_device, plant_of
from tests.conftest import FakeClock

S = 1_000_000
CALENDAR = Calendar("Europe/Moscow", THREE)
PLANT, TAGS = plant_of(meter_device("a"), meter_device("b"))
SCOPES = RuleScopes(PLANT, TAGS)
POWER = next(tag for tag in TAGS if tag.name == "a.active_power")
SITE = Scope(ScopeKind.SITE, "", "active_power")
HERE = Subject(POWER.name, POWER, "a-m", "a")


def watch(rule: AlertRule, expected: object = None, calendar: Calendar = CALENDAR) -> RuleWatch:
    return RuleWatch(rule, HERE, calendar=calendar, expected=expected)  # type: ignore[arg-type]


def short(events: Sequence[RuleEvent]) -> list[tuple[str, str, int]]:
    return [(e.kind.value, e.side, e.time_us // S) for e in events]


def fed(one: RuleWatch, values: Sequence[float | None], start_s: int = 0) -> list[tuple[str, str, int]]:
    """One value a second."""
    return [x for i, v in enumerate(values) for x in short(one.feed((start_s + i) * S, v, 0))]


def test_a_rate_of_change_per_minute_over_ten_seconds() -> None:
    one = watch(AlertRule("r", RuleKind.RATE, SITE, high=6.0, per="min", over_s=10))
    assert fed(one, [1.0 + 0.05 * i for i in range(20)]) == []  # 3 kW/min
    assert fed(one, [2.0 + 0.2 * i for i in range(20)], 20) == [("raise", "high", 24)]  # 12 kW/min, once the mean is over 6
    assert fed(one, [5.8] * 12, 40) == [("return", "high", 44)]


def test_a_rate_falls_below_its_low_border_and_a_gap_begins_anew() -> None:
    one = watch(AlertRule("r", RuleKind.RATE, SITE, low=-60.0, per="min", over_s=4))
    assert fed(one, [50, 49, 46, 43]) == [("raise", "low", 2)]
    one = watch(AlertRule("r", RuleKind.RATE, SITE, low=-60.0, per="min", over_s=4))
    assert fed(one, [50.0, 50.0]) == []
    assert short(one.feed(100 * S, 1.0, 0)) == []


def test_a_deviation_in_percent_of_what_is_expected() -> None:
    one = watch(AlertRule("r", RuleKind.DEVIATION, SITE, high=20, low=-20, hysteresis=5), Constant(10))
    assert fed(one, [11.9, 12.1, 11.6, 11.4, 7.9]) == [("raise", "high", 1), ("return", "high", 3), ("raise", "low", 4)]


def test_nothing_is_judged_without_an_expectation() -> None:
    other = OtherTag(fresh_us=5 * S)
    one = watch(AlertRule("r", RuleKind.DEVIATION, SITE, high=20), other)
    assert fed(one, [100.0]) == []
    other.feed(1 * S, 10.0, 0)
    assert short(one.feed(2 * S, 13.0, 0)) == [("raise", "high", 2)]
    assert short(one.feed(20 * S, 10.0, 0)) == []  # the other tag is silent: what stands, stands
    assert deviation_percent(1.0, 0.0) is None


def test_the_median_of_the_same_hour_of_the_day() -> None:
    own = MedianByHour("Europe/Moscow")
    hour = 3600 * S
    rows = [RollupRow(d * 24 * hour + h * hour, 1, 1, None, None, float(h + d % 3), None, None, hour) for d in range(9) for h in range(24)]
    own.learn(rows)
    assert own.at(100 * 24 * hour + 5 * hour + 30 * 60 * S) == 6.0
    own.learn(rows[:48])
    assert own.at(5 * hour) is None  # two days tell nothing


def test_a_state_that_lasts_too_long() -> None:
    one = watch(AlertRule("r", RuleKind.STATE, Scope(ScopeKind.SITE), states=(M.IDLE, M.ALARM), longer_than_s=60))
    assert short(one.feed_state(0, M.IDLE, 0)) == []
    assert short(one.tick(60 * S)) == []
    assert short(one.tick(61 * S)) == [("raise", "state", 61)]
    assert short(one.feed_state(70 * S, M.ALARM, 70 * S)) == []  # idle or alarm: it goes on
    assert short(one.feed_state(80 * S, M.PRODUCTION, 80 * S)) == [("return", "state", 80)]


def test_a_tag_without_usable_values() -> None:
    one = watch(AlertRule("r", RuleKind.NO_DATA, SITE, longer_than_s=5))
    assert fed(one, [1.0, 1.0, None, None]) == []
    assert short(one.tick(6 * S)) == []
    assert short(one.tick(7 * S)) == [("raise", "no_data", 7)]
    assert fed(one, [None, 1.0], 8) == [("return", "no_data", 9)]


def test_what_stands_is_suppressed_while_the_state_makes_it_normal() -> None:
    one = watch(AlertRule("r", RuleKind.LEVEL, SITE, high=10, only_while=frozenset({M.PRODUCTION})))
    one.feed_state(0, M.PRODUCTION, 0)
    assert fed(one, [11, 11]) == [("raise", "high", 0)]
    assert short(one.feed_state(2 * S, M.OFF, 2 * S)) == [("suppress", "high", 2)]
    assert fed(one, [12], 3) == []
    assert short(one.feed_state(4 * S, M.PRODUCTION, 4 * S)) == [("release", "high", 4)]
    assert fed(one, [9], 5) == [("return", "high", 5)]


def test_what_begins_while_it_is_normal_is_raised_after_the_delay_from_then() -> None:
    one = watch(AlertRule("r", RuleKind.LEVEL, SITE, high=10, on_delay_s=3, only_while=frozenset({M.PRODUCTION})))
    one.feed_state(0, M.IDLE, 0)
    assert fed(one, [11] * 10) == []
    one.feed_state(10 * S, M.PRODUCTION, 10 * S)
    assert fed(one, [11] * 6, 10) == [("raise", "high", 13)]


def test_only_in_shifts() -> None:
    calendar = Calendar("UTC", THREE[:1])  # 07:00 to 15:00
    one = watch(AlertRule("r", RuleKind.LEVEL, SITE, high=10, only_in_shifts=("*",)), calendar=calendar)
    seven = 7 * 3600
    assert fed(one, [11] * 3, seven - 3) == []
    assert fed(one, [11], seven) == [("raise", "high", seven)]
    fed(one, [11], 15 * 3600 - 1)
    assert fed(one, [11], 15 * 3600) == [("suppress", "high", 15 * 3600)]


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        (Scope(ScopeKind.TAG, "b.active_power"), ["b.active_power"]),
        (Scope(ScopeKind.MACHINE, "a-m", "active_power"), ["a.active_power"]),
        (Scope(ScopeKind.PROFILE, "p", "active_power"), ["a.active_power", "b.active_power"]),
        (Scope(ScopeKind.SECTION, "x", "active_power"), []),
        (SITE, ["a.active_power", "b.active_power"]),
    ],
)
def test_scopes(scope: Scope, names: list[str]) -> None:
    assert [s.name for s in SCOPES.subjects(AlertRule("r", RuleKind.LEVEL, scope, high=1))] == names


def test_scopes_of_states_are_machines_and_of_communication_devices() -> None:
    state = AlertRule("r", RuleKind.STATE, Scope(ScopeKind.SITE), states=(M.IDLE,), longer_than_s=5)
    assert [s.name for s in SCOPES.subjects(state)] == ["a-m", "b-m"]
    silent = AlertRule("r", RuleKind.COMMUNICATION, Scope(ScopeKind.MACHINE, "b-m"), longer_than_s=5)
    assert [s.name for s in SCOPES.subjects(silent)] == ["b"]


class Shop:
    """The engine over two meters; `second(a=…)` passes one second with these powers."""

    def __init__(self, *rules: AlertRule, limits: Sequence[LimitRule] = (), store: MemoryAlerts | None = None) -> None:
        self.plant: Plant = replace(PLANT, alert_rules=rules, limits=tuple(limits))
        self.clock, self.store = FakeClock(), store or MemoryAlerts()
        self.alerts = AlertEngine(self.store, MemoryAudit(), self.clock)
        self.history = MemoryHistory()
        self.engine = AnalysisEngine(
            self.plant, TAGS, alerts=self.alerts, states=MemoryStates(), history=self.history, clock=self.clock
        )
        self.ids = {tag.device_id: (tag.id,) for tag in TAGS if tag.point == "active_power"}

    async def second(self, **powers: float) -> None:
        await self.clock.advance(1)
        for device, kw in powers.items():
            self.engine.on_batch(Batch(device, self.clock.now_us(), self.ids[device], (kw,), (0,)))
        self.engine.tick()

    def names(self) -> list[str]:
        """Keys of the alerts shown, without those of silent devices."""
        return sorted(alert.key for alert in self.alerts.active() if not alert.key.startswith(("no_data:", "line_down:")))

    def change(self, *rules: AlertRule) -> None:
        self.plant = replace(self.plant, alert_rules=rules)
        self.engine.apply(self.plant, TAGS)


async def shop(*rules: AlertRule, limits: Sequence[LimitRule] = (), store: MemoryAlerts | None = None) -> Shop:
    made = Shop(*rules, limits=limits, store=store)
    await made.alerts.load()
    made.engine.tick()
    return made


HIGH = AlertRule("hot", RuleKind.LEVEL, SITE, high=10, message={"ru": "Жарко"})


async def test_a_rule_of_the_site_raises_for_each_machine_with_its_version() -> None:
    made = await shop(HIGH)
    await made.second(a=11, b=9)
    await made.second(a=11, b=12)
    assert made.names() == ["rule:hot:a.active_power:high", "rule:hot:b.active_power:high"]
    alert = made.alerts.active()[0]
    assert (alert.rule, alert.rule_id, alert.rule_version, alert.message) == ("high", "hot", HIGH.version, {"ru": "Жарко"})
    assert (alert.machine_id, alert.unit, alert.limit) == ("b-m", "kW", 10)


async def test_limits_keep_their_keys() -> None:
    made = await shop(limits=[LimitRule("a.active_power", high=10)])
    await made.second(a=11)
    assert made.names() == ["limit:a.active_power:high"]
    assert made.alerts.active()[0].rule_id == "limit-a.active_power"


async def test_a_removed_or_disabled_rule_ends_its_alerts() -> None:
    made = await shop(HIGH)
    await made.second(a=11)
    made.change(replace(HIGH, enabled=False))
    assert [a.state.value for a in made.alerts.active()] == ["returned"]
    assert made.alerts.standing_keys() == []


async def test_other_words_change_nothing_and_another_border_is_judged_anew() -> None:
    made = await shop(HIGH)
    await made.second(a=11)
    made.change(replace(HIGH, message={"en": "Hot"}))
    await made.second(a=11)
    await made.alerts.flush()
    assert made.store.transitions == [(1, "unacknowledged")]
    made.change(replace(HIGH, high=12.0))
    await made.second(a=11)
    assert made.alerts.standing_keys() == []


async def test_a_restart_goes_on_with_what_stands() -> None:
    first = await shop(HIGH)
    await first.second(a=11)
    await first.alerts.flush()
    second = await shop(HIGH, store=first.store)
    await second.second(a=11)
    await second.second(a=9)
    await second.alerts.flush()
    assert [state for _, state in first.store.transitions] == ["unacknowledged", "returned"]


async def test_long_idling_and_a_silent_device() -> None:
    made = await shop(
        AlertRule("idle", RuleKind.STATE, Scope(ScopeKind.SITE), states=(M.IDLE,), longer_than_s=180),
        AlertRule("silent", RuleKind.COMMUNICATION, Scope(ScopeKind.MACHINE, "b-m"), longer_than_s=20),
    )
    for _ in range(200):
        await made.second(a=1.0)
    assert "rule:idle:a-m:state" in made.names()
    assert "rule:silent:b:communication" in made.names()
    idle = next(a for a in made.alerts.active() if a.rule == "state_long")
    assert (idle.unit, idle.limit, idle.detail) == ("min", 3.0, "idle")
    await made.second(a=0.0, b=1.0)
    assert "rule:silent:b:communication" not in made.alerts.standing_keys()


async def test_suppression_follows_the_state_of_the_machine() -> None:
    made = await shop(AlertRule("low", RuleKind.LEVEL, SITE, low=5, only_while=frozenset({M.PRODUCTION})))
    for _ in range(15):
        await made.second(a=4.0)
    assert made.names() == ["rule:low:a.active_power:low"]
    for _ in range(15):
        await made.second(a=0.0)
    assert made.names() == []
    assert [a.hold.kind for a in made.alerts.held() if a.hold] == [HoldKind.SUPPRESSED]


async def test_a_deviation_from_a_model_of_another_part() -> None:
    base = Baseline(BaselineKind.MODEL, name="enpi")
    made = await shop(AlertRule("dev", RuleKind.DEVIATION, SITE, high=10, baseline=base))
    await made.second(a=11.5)
    assert made.names() == []
    made.engine.rules.register_model("enpi", lambda _at: 10.0)
    await made.second(a=11.5)
    assert made.names() == ["rule:dev:a.active_power:high"]
