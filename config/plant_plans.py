"""The section `plans` of a plant file: energy and parts planned for the site, a section or a machine."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from config.fields import Fields
from config.plant_calendar import read_date
from config.problems import nearest
from domain.plan import Plan, PlanInterval, PlanScope


def read_plans(fields: Fields, machines: Collection[str], sections: Collection[str], shifts: Collection[str]) -> tuple[Plan, ...]:
    """Each entry alone, then that none stands twice for one time."""
    found: list[Plan] = []
    seen: set[tuple[object, ...]] = set()
    for entry, path in fields.entries("plans"):
        group = Fields(entry, path, fields.report)
        plan = _read_plan(group, machines, sections, shifts)
        group.finish()
        if plan is None:
            continue
        key = (plan.scope, plan.subject, plan.interval, plan.shift, plan.valid_from)
        if key in seen:
            whom = plan.subject or "the site"
            group.problem("", f"a plan of {whom} per {plan.interval.value} from that day stands twice", "another valid_from")
        seen.add(key)
        found.append(plan)
    return tuple(found)


def _read_plan(
    group: Fields, machines: Collection[str], sections: Collection[str], shifts: Collection[str]
) -> Plan | None:
    machine, section = _known(group, "machine", machines), _known(group, "section", sections)
    if machine is not None and section is not None:
        group.problem("", "names a machine and a section", "one of them, or none for the whole site")
    interval = group.choice("by", [kind.value for kind in PlanInterval], required=True)
    shift = _known(group, "shift", shifts) or ""
    if shift and interval not in {None, PlanInterval.SHIFT.value}:
        group.problem("shift", f"has no meaning with by: {interval}", "by: shift")
    kwh, parts = group.number("kwh", above=0), group.number("parts", above=0)
    if kwh is None and parts is None and not any(group.report.found_in(group.at(name)) for name in ("kwh", "parts")):
        group.problem("", "plans nothing", "kwh, parts or both")
    valid_from = read_date(group, "valid_from") or date.min
    if interval is None or (machine is not None and section is not None):
        return None
    scope = PlanScope.MACHINE if machine else PlanScope.SECTION if section else PlanScope.SITE
    return Plan(scope, machine or section or "", PlanInterval(interval), valid_from, shift, kwh, parts)


def _known(group: Fields, name: str, known: Collection[str]) -> str | None:
    value = group.text(name)
    if value is not None and value not in known:
        near = nearest(value, known)
        group.problem(name, f"there is no {name} {value!r}", ", ".join(near or list(known)[:5]) or "one that is defined")
        return None
    return value
