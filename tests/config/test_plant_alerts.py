"""Rules, duty and escalation of a plant file: what is read, and what is refused with its place, reason and fix."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.access import Role
from domain.alert import Priority
from domain.alert_rule import AlertRule, BaselineKind, RuleKind, ScopeKind
from domain.duty import Target
from domain.plant import Plant
from domain.state import MachineState

HEAD = """\
site: {name: S}
shifts: [{name: "1", start: "07:00", end: "15:00"}]
lines: [{id: l1, transport: modbus-tcp, host: h}]
devices:
  - {id: m1, line: l1, address: 1, profile: mercury-234-modbus}
  - {id: m2, line: l1, address: 2, profile: mercury-234-modbus}
machines:
  - {id: lathe, meter: m1, section: Turning}
"""
CATALOG = ProfileCatalog.shipped()


def plant(text: str) -> Plant:
    return parse_plant(HEAD + text, catalog=CATALOG, environ={}).plant


def rule(fields: str) -> AlertRule:
    return plant(f"alert_rules: [{{id: r, {fields}}}]\n").alert_rules[0]


def wrong(text: str) -> dict[str, str]:
    with pytest.raises(PlantFileError) as caught:
        plant(text)
    return {problem.field: str(problem) for problem in caught.value.problems}


def test_a_level_over_a_section() -> None:
    found = rule(
        "scope: {section: Turning, point: active_power}, high: 12, critical_high: 14, hysteresis: 0.5, on_delay_s: 10, "
        'only_while: [production], only_in_shifts: ["1"], priority: low, message: {ru: "Перегруз", en: "Overload"}'
    )
    assert (found.kind, found.scope.kind, found.scope.name, found.scope.point) == (
        RuleKind.LEVEL, ScopeKind.SECTION, "Turning", "active_power",
    )  # fmt: skip
    assert found.borders == {"critical_high": 14.0, "high": 12.0}
    assert (found.only_while, found.only_in_shifts) == (frozenset({MachineState.PRODUCTION}), ("1",))
    assert (found.priority, found.message["ru"], found.enabled) == (Priority.LOW, "Перегруз", True)


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ("kind: rate, scope: {tag: m1.active_power}, high: 5, per: s, over_s: 3", lambda r: (r.per, r.over_s) == ("s", 3)),
        ("kind: deviation, scope: {tag: m1.active_power}, high: 20, baseline: {median_days: 7}",
         lambda r: (r.baseline.kind, r.baseline.days) == (BaselineKind.MEDIAN, 7)),
        ("kind: deviation, scope: {tag: m1.active_power}, low: -20, baseline: {tag: m2.active_power}",
         lambda r: (r.baseline.kind, r.baseline.name) == (BaselineKind.TAG, "m2.active_power")),
        ("kind: state, scope: {site: true}, states: [idle], longer_than_s: 1800",
         lambda r: (r.states, r.longer_than_s) == ((MachineState.IDLE,), 1800)),
        ("kind: no_data, scope: {profile: mercury-234-modbus, point: active_power}, longer_than_s: 60",
         lambda r: r.borders == {"no_data": 60}),
        ("kind: communication, scope: {machine: lathe}, longer_than_s: 60, enabled: false", lambda r: not r.enabled),
    ],
)  # fmt: skip
def test_each_kind(fields: str, check: Any) -> None:
    assert check(rule(fields))


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ("scope: {tag: m1.active_power}, low: 5, high: 4", "high", "more than low (5)"),
        ("scope: {tag: m1.active_power}, low: 5, high: 7, hysteresis: 2", "hysteresis", "less than the band between the borders (2)"),
        ("scope: {tag: m1.active_power}, high: 7, on_delay_s: -1", "on_delay_s", "from 0 to 86400"),
        ("scope: {tag: m1.active_power}", "", "at least one of high"),
        ("scope: {tag: m1.active_powr}, high: 1", "scope.tag", "m1.active_power"),
        ("scope: {tag: m1.active_power, machine: lathe}, high: 1", "scope", "exactly one of"),
        ("scope: {machine: lath, point: active_power}, high: 1", "scope.machine", "lathe"),
        ("scope: {machine: lathe, point: activ_power}, high: 1", "scope.point", "active_power"),
        ("scope: {machine: lathe}, high: 1", "scope.point", "is missing"),
        ("high: 1", "scope", "is missing"),
        ("kind: state, scope: {site: true}, longer_than_s: 5", "states", "is missing"),
        ("kind: state, scope: {tag: m1.active_power}, states: [idle], longer_than_s: 5", "scope.tag", "watches no tag"),
        ("kind: state, scope: {site: true}, states: [idle], longer_than_s: 5, high: 3", "high", "no meaning"),
        ("kind: no_data, scope: {tag: m1.active_power}", "longer_than_s", "is missing"),
        ("kind: deviation, scope: {tag: m1.active_power}, high: 5", "baseline", "is missing"),
        ("kind: deviation, scope: {tag: m1.active_power}, high: 5, baseline: {constant: 0}", "baseline.constant", "is 0"),
        ("kind: deviation, scope: {tag: m1.active_power}, high: 5, baseline: {constant: 1, tag: m1.active_power}", "baseline", "exactly"),
        ("scope: {tag: m2.active_power}, high: 5, only_while: [production]", "only_while", "of no machine"),
        ('scope: {tag: m1.active_power}, high: 5, only_in_shifts: ["9"]', "only_in_shifts", "true or a list of 1"),
        ("scope: {tag: m1.active_power}, high: 5, per: min", "per", "no meaning"),
        ("scope: {tag: m1.active_power}, high: 5, priority: urgent", "priority", "one of critical"),
        ("scope: {tag: m1.active_power}, hihg: 5, high: 6", "hihg", "did you mean high"),
    ],
)
def test_what_contradicts_is_refused_with_the_fix(fields: str, place: str, words: str) -> None:
    problems = wrong(f"alert_rules: [{{id: r, {fields}}}]\n")
    assert words in problems[f"alert_rules[r].{place}" if place else "alert_rules[r]"]


def test_a_hysteresis_wider_than_the_band_is_refused_for_a_limit_too() -> None:
    problems = wrong("limits: [{tag: m1.active_power, low: 1, high: 3, hysteresis: 3}]\n")
    assert "less than the band" in problems["limits[m1.active_power].hysteresis"]


def test_ids_are_unique() -> None:
    two = "alert_rules:\n  - {id: r, scope: {tag: m1.active_power}, high: 1}\n  - {id: R, scope: {tag: m2.active_power}, high: 1}\n"
    assert "twice" in wrong(two)["alert_rules[R].id"]


def test_duty_and_escalation() -> None:
    found = plant(
        'duty:\n  - {users: [ivanov], days: [mon], start: "20:00", end: "08:00"}\n  - {users: [petrov, sidorov], shift: "1"}\n'
        "escalation:\n  critical: [{after_min: 5, to: duty}, {after_min: 15, to: engineer}, {after_min: 30, to: admins}]\n"
    )
    assert (found.duty[0].users, found.duty[0].start, found.duty[0].end) == (("ivanov",), time(20), time(8))
    assert found.duty[1].shift == "1"
    steps = found.escalation.of(Priority.CRITICAL)
    assert [(step.after_min, step.target, step.role) for step in steps] == [
        (5, Target.DUTY, None), (15, Target.ROLE, Role.ENGINEER), (30, Target.ADMINS, None),
    ]  # fmt: skip
    assert found.escalation.of(Priority.LOW) == ()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("duty: [{users: []}]", "duty[0].users", "a list of user names"),
        ('duty: [{users: [a], shift: "7"}]', "duty[0].shift", "1"),
        ('duty: [{users: [a], shift: "1", start: "07:00", end: "08:00"}]', "duty[0].shift", "stands beside times"),
        ("escalation: {critical: [{after_min: 5, to: boss}]}", "escalation.critical[0].to", "one of duty"),
        ("escalation: {high: [{after_min: 5, to: duty}, {after_min: 5, to: admins}]}", "escalation.high[1].after_min", "more than"),
        ("escalation: {urgent: []}", "escalation.urgent", "unknown"),
    ],
)
def test_what_is_wrong_with_duty_and_escalation(text: str, place: str, words: str) -> None:
    assert words in wrong(text + "\n")[place]


def test_the_version_follows_what_decides_only() -> None:
    first = rule("scope: {tag: m1.active_power}, high: 5")
    assert rule("scope: {tag: m1.active_power}, high: 5, message: {en: x}, priority: low").version == first.version
    assert rule("scope: {tag: m1.active_power}, high: 6").version != first.version
