"""The sections `alert_rules`, `duty` and `escalation` of a plant file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import time
from itertools import pairwise

from config.fields import Fields, shown
from config.plant_calendar import read_clock, read_days
from config.plant_lines import read_id
from config.problems import Path, nearest, one_of
from domain.access import Role
from domain.alert import Priority
from domain.alert_rule import PER_S, AlertRule, Baseline, BaselineKind, RuleKind, Scope, ScopeKind
from domain.duty import DutySlot, Escalation, EscalationStep, Target
from domain.plant import Device, Machine
from domain.profile import Point
from domain.quantity import Kind
from domain.state import MachineState

ALERT_SECTIONS = ("alert_rules", "duty", "escalation")
BORDERS = ("critical_low", "low", "high", "critical_high")
LONGEST_S = 30 * 86_400
ANY_SHIFT = "*"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rules refer to. `point`: the point of a full tag name, None after a problem at the named field."""

    devices: Mapping[str, Device]
    machines: Collection[Machine]
    shifts: Collection[str]
    points_of: Callable[[str], Mapping[str, Point]]
    point: Callable[[Fields, str, str], Point | None]

    @property
    def machine_ids(self) -> list[str]:
        return [machine.id for machine in self.machines]

    @property
    def sections(self) -> list[str]:
        return list(dict.fromkeys(machine.section for machine in self.machines if machine.section))

    @property
    def profiles(self) -> list[str]:
        """Those that devices have."""
        return list(dict.fromkeys(device.profile.name for device in self.devices.values()))

    def machine_of(self, tag: str) -> Machine | None:
        """Whose meter has the tag."""
        return next((machine for machine in self.machines if machine.meter == tag.partition(".")[0]), None)


def read_alert_rules(fields: Fields, around: Surroundings) -> tuple[AlertRule, ...]:
    """Each by itself; ids are unique."""
    taken: dict[str, Path] = {}
    found = []
    for entry, path in fields.entries("alert_rules"):
        group = Fields(entry, path, fields.report)
        rule_id = read_id(group, taken, "rule")
        rule = _read_rule(group, rule_id or "", around)
        group.finish()
        if rule is not None and rule_id is not None:
            found.append(rule)
    return tuple(found)


def _read_rule(group: Fields, rule_id: str, around: Surroundings) -> AlertRule | None:
    kind_name = group.choice("kind", [kind.value for kind in RuleKind], "level")
    kind = RuleKind(kind_name or "level")
    scope = _scope(group, kind, around)
    borders = {name: group.number(name) for name in BORDERS}
    longer_than_s = group.number("longer_than_s", above=0, high=LONGEST_S, required=kind.is_duration)
    hysteresis = group.number("hysteresis", 0.0, low=0) or 0.0
    states = _states(group, "states")
    if kind.is_duration:
        _unused(group, (*BORDERS, "hysteresis"), kind)
    else:
        _unused(group, ("longer_than_s",), kind)
        check_borders(group, borders, hysteresis)
    if kind is RuleKind.STATE and not states:
        group.problem("states", "is missing", "the states that must not last: [idle], [off], [alarm] ...")
    elif kind is not RuleKind.STATE:
        _unused(group, ("states",), kind)
    rate, over_s = group.choice("per", PER_S, "min") or "min", group.number("over_s", above=0, high=86_400)
    if kind is not RuleKind.RATE:
        _unused(group, ("per", "over_s"), kind)
    rule = AlertRule(
        rule_id, kind, scope or Scope(ScopeKind.SITE), **borders, hysteresis=hysteresis,
        on_delay_s=group.number("on_delay_s", 0.0, low=0, high=86_400) or 0.0,
        off_delay_s=group.number("off_delay_s", 0.0, low=0, high=86_400) or 0.0,
        per=rate, over_s=over_s, baseline=_baseline(group, kind, around), states=states, longer_than_s=longer_than_s,
        only_while=frozenset(_only_while(group, scope, around)), only_in_shifts=_shifts(group, around),
        priority=_priority(group), message=_message(group), enabled=group.flag("enabled", True),
    )  # fmt: skip
    return None if scope is None else rule


def _unused(group: Fields, names: Collection[str], kind: RuleKind) -> None:
    for name in names:
        if group.has(name):
            group.problem(name, f"has no meaning with kind: {kind.value}", "to be left out")


# -- what and where ------------------------------------------------------------------------------------------------------------


def _scope(group: Fields, kind: RuleKind, around: Surroundings) -> Scope | None:
    if group.raw("scope", required=True, expected="scope: {tag: …} or {machine | profile | section: …, point: …}") is None:
        return None
    scope = group.group("scope")
    named = [name for name in ("tag", "machine", "profile", "section", "site") if scope.has(name)]
    if len(named) != 1:
        scope.problem("", "names " + (" and ".join(named) or "nothing"), "exactly one of tag, machine, profile, section, site")
        scope.finish()
        return None
    chosen = ScopeKind(named[0])
    found = _tag_scope(scope, kind, around) if chosen is ScopeKind.TAG else _wide_scope(scope, chosen, kind, around)
    scope.finish()
    return found


def _tag_scope(scope: Fields, kind: RuleKind, around: Surroundings) -> Scope | None:
    tag = scope.text("tag", required=True)
    if tag is None:
        return None
    if not kind.needs_point:
        scope.problem("tag", f"a rule of kind {kind.value} watches no tag", "machine, profile, section or site: true")
        return None
    point = around.point(scope, "tag", tag)
    if point is not None and point.kind is Kind.TEXT and kind is not RuleKind.NO_DATA:
        scope.problem("tag", f"{tag!r} is a text", "a tag with numbers")
    return None if point is None else Scope(ScopeKind.TAG, tag)


def _wide_scope(scope: Fields, chosen: ScopeKind, kind: RuleKind, around: Surroundings) -> Scope | None:
    name: str | None = ""
    if chosen is ScopeKind.SITE:
        if not scope.flag("site"):
            scope.problem("site", "is not true", "site: true")
    else:
        known = {
            ScopeKind.MACHINE: around.machine_ids, ScopeKind.PROFILE: around.profiles, ScopeKind.SECTION: around.sections,
        }[chosen]  # fmt: skip
        name = known_name(scope, chosen.value, known)
    point = scope.text("point", required=kind.needs_point)
    if point is not None and not kind.needs_point:
        scope.problem("point", f"has no meaning with kind: {kind.value}", "to be left out")
    if name is None or (kind.needs_point and point is None):
        return None
    found = Scope(chosen, name, point if kind.needs_point else None)
    if kind.needs_point and not any(point in around.points_of(device) for device in _devices(found, around)):
        offered = sorted({tag for device in _devices(found, around) for tag in around.points_of(device)})
        near = nearest(str(point), offered) or tuple(offered[:5])
        scope.problem("point", f"no device there has a point {point!r}", ", ".join(near) or "a scope with meters")
    return found


def _devices(scope: Scope, around: Surroundings) -> list[str]:
    if scope.kind is ScopeKind.PROFILE:
        return [device.id for device in around.devices.values() if device.profile.name == scope.name]
    machines = around.machines
    if scope.kind is ScopeKind.MACHINE:
        machines = [machine for machine in machines if machine.id == scope.name]
    elif scope.kind is ScopeKind.SECTION:
        machines = [machine for machine in machines if machine.section == scope.name]
    return [machine.meter for machine in machines if machine.meter is not None]


def known_name(group: Fields, name: str, known: Collection[str]) -> str | None:
    """A text that is one of `known`; None after a problem with the nearest ones."""
    value = group.text(name, required=True)
    if value is not None and value not in known:
        near = nearest(value, known) or tuple(list(known)[:5])
        group.problem(name, f"there is no {name} {value!r}", ", ".join(near) or "one that is defined")
        return None
    return value


# -- how much and when ---------------------------------------------------------------------------------------------------------


def check_borders(group: Fields, borders: Mapping[str, float | None], hysteresis: float) -> None:
    """critical_low < low < high < critical_high, as far as they are given; at least one; the hysteresis fits between them."""
    given = [(name, value) for name in BORDERS if (value := borders[name]) is not None]
    if not given and not any(group.report.found_in(group.at(name)) for name in BORDERS):
        group.problem("", "no border is given", "at least one of high, critical_high, low, critical_low")
    for (lower, a), (upper, b) in pairwise(given):
        if not a < b:
            group.problem(upper, f"is {b:g}", f"more than {lower} ({a:g})")
    below = max((value for name, value in given if name.endswith("low")), default=None)
    above = min((value for name, value in given if name.endswith("high")), default=None)
    if below is not None and above is not None and below < above and hysteresis >= above - below:
        words = f"is {hysteresis:g}: an alert would return only beyond the opposite border"
        group.problem("hysteresis", words, f"less than the band between the borders ({above - below:g})")


def _baseline(group: Fields, kind: RuleKind, around: Surroundings) -> Baseline | None:
    if kind is not RuleKind.DEVIATION:
        _unused(group, ("baseline",), kind)
        return None
    expected = "baseline: {constant: 12} or {tag: …}, {median_days: 14}, {model: …}"
    if group.raw("baseline", required=True, expected=expected) is None:
        return None
    base = group.group("baseline")
    constant, days = base.number("constant"), base.whole("median_days", low=3, high=90)
    tag, model = base.text("tag"), base.text("model")
    base.finish()
    named = [name for name in ("constant", "median_days", "tag", "model") if base.has(name)]
    if len(named) != 1:
        base.problem("", "names " + (" and ".join(named) or "nothing"), "exactly one of constant, median_days, tag, model")
        return None
    if constant == 0:
        base.problem("constant", "is 0: a deviation in % of it has no meaning", "another number, or a rule of kind level")
    if tag is not None and around.point(base, "tag", tag) is None:
        return None
    if constant is not None:
        return Baseline(BaselineKind.CONSTANT, constant)
    if tag is not None:
        return Baseline(BaselineKind.TAG, name=tag)
    return Baseline(BaselineKind.MODEL, name=model) if model is not None else Baseline(BaselineKind.MEDIAN, days=days or 14)


def _states(group: Fields, name: str) -> tuple[MachineState, ...]:
    value = group.raw(name)
    if value is None:
        return ()
    words = [state.value for state in MachineState]
    listed = value if isinstance(value, list | tuple) else []
    wrong = [item for item in listed if item not in words]
    if not listed or wrong:
        group.problem(name, f"is {shown(wrong[0] if wrong else value)}", f"a list of {one_of(words)}")
        return ()
    return tuple(MachineState(item) for item in dict.fromkeys(listed))


def _only_while(group: Fields, scope: Scope | None, around: Surroundings) -> tuple[MachineState, ...]:
    states = _states(group, "only_while")
    if states and scope is not None and scope.kind is ScopeKind.TAG and around.machine_of(scope.name) is None:
        group.problem("only_while", f"{scope.name!r} is of no machine, so it has no state", "a tag of a machine's meter")
    return states


def _shifts(group: Fields, around: Surroundings) -> tuple[str, ...] | None:
    """true: any shift."""
    value = group.raw("only_in_shifts")
    if value is None or value is False:
        return None
    if not around.shifts:
        group.problem("only_in_shifts", "the plant has no shifts", "the section shifts, or the field left out")
        return None
    if value is True:
        return (ANY_SHIFT,)
    names = [str(item) for item in value] if isinstance(value, list | tuple) else []
    wrong = [name for name in names if name not in around.shifts]
    if not names or wrong:
        group.problem("only_in_shifts", f"is {shown(wrong[0] if wrong else value)}", f"true or a list of {one_of(around.shifts)}")
        return None
    return tuple(dict.fromkeys(names))


def _priority(group: Fields) -> Priority | None:
    word = group.choice("priority", [priority.value for priority in Priority])
    return None if word is None else Priority(word)


def _message(group: Fields) -> Mapping[str, str]:
    if not group.has("message"):
        return {}
    message = group.group("message")
    found = {language: words for language in ("ru", "en") if (words := message.text(language, longest=200)) is not None}
    message.finish()
    return found


# -- duty and escalation -------------------------------------------------------------------------------------------------------


def read_duty(fields: Fields, shifts: Collection[str]) -> tuple[DutySlot, ...]:
    """Who is on duty: by shift, or by times; without either all day."""
    found = []
    for entry, path in fields.entries("duty"):
        group = Fields(entry, path, fields.report)
        users = _users(group)
        days = read_days(group)
        shift = known_name(group, "shift", shifts) if group.has("shift") else None
        start = end = time()
        if group.has("start") or group.has("end"):
            if shift is not None:
                group.problem("shift", "stands beside times", "shift, or start and end")
            start, end = read_clock(group, "start") or time(), read_clock(group, "end") or time()
        group.finish()
        if users:
            found.append(DutySlot(users, days, start, end, shift))
    return tuple(found)


def _users(group: Fields) -> tuple[str, ...]:
    value = group.raw("users", required=True, expected="a list of user names")
    listed = value if isinstance(value, list | tuple) else []
    if value is not None and (not listed or not all(isinstance(item, str) and item.strip() for item in listed)):
        group.problem("users", f"is {shown(value)}", "a list of user names")
        return ()
    return tuple(dict.fromkeys(str(item).strip() for item in listed))


def read_escalation(fields: Fields) -> Escalation:
    """Steps per priority, in rising order of time."""
    group = fields.group("escalation")
    steps: dict[Priority, tuple[EscalationStep, ...]] = {}
    for priority in Priority:
        found = [
            step
            for entry, path in group.entries(priority.value)
            if (step := _step(Fields(entry, path, fields.report))) is not None
        ]
        for (_, earlier), (number, later) in pairwise(enumerate(found)):
            if later.after_min <= earlier.after_min:
                path = (*group.at(priority.value), number, "after_min")
                fields.report.problem(path, f"is {later.after_min:g}", f"more than the step before ({earlier.after_min:g})")
        if found:
            steps[priority] = tuple(found)
    group.finish()
    return Escalation(steps)


def _step(group: Fields) -> EscalationStep | None:
    after_min = group.number("after_min", low=0, high=1440, required=True)
    to = group.choice("to", (Target.DUTY.value, Target.ADMINS.value, *(role.value for role in Role)), required=True)
    group.finish()
    if after_min is None or to is None:
        return None
    if to in {Target.DUTY.value, Target.ADMINS.value}:
        return EscalationStep(after_min, Target(to))
    return EscalationStep(after_min, Target.ROLE, Role(to))
