"""The section `detectors` of a plant file: parameters of the detectors, for all machines and for single ones."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from config.fields import Fields, shown
from config.problems import nearest
from domain.detector import ENABLED, RULES, SITE_RULES, DetectorSettings


def read_detectors(fields: Fields, machines: Collection[str]) -> DetectorSettings:
    """What differs from the defaults; every unknown rule, parameter and machine is a problem with its place."""
    if not fields.has("detectors"):
        return DetectorSettings()
    group = fields.group("detectors")
    site = _rules(group, RULES)
    own: dict[str, Mapping[str, Mapping[str, float]]] = {}
    overrides = group.group("machines")
    for machine_id in overrides.values:
        if machine_id not in machines:
            near = nearest(machine_id, machines)
            overrides.raw(machine_id)
            expected = ", ".join(near or list(machines)[:5]) or "one that is defined"
            overrides.problem(machine_id, f"there is no machine {machine_id!r}", expected)
            continue
        single = overrides.group(machine_id)
        for rule in SITE_RULES:
            if single.has(rule):
                single.problem(rule, "watches the supply of the whole site", "this rule directly under detectors")
        own[machine_id] = _rules(single, [rule for rule in RULES if rule not in SITE_RULES], site)
        single.finish()
    overrides.finish()
    group.finish()
    return DetectorSettings(site, own)


def said(document: Mapping[str, Any], machine_id: str | None) -> dict[str, Any]:
    """What a plant document says of one machine, or of all of them (None): rule -> parameter -> value, a copy."""
    group = document.get("detectors") or {}
    found = group if machine_id is None else (group.get("machines") or {}).get(machine_id) or {}
    return {rule: dict(values or {}) for rule, values in found.items() if rule in RULES}


def with_rules(document: Mapping[str, Any], machine_id: str | None, rules: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the document in which `rules` are all that is said of one machine, or of all of them (None).

    What says nothing leaves no entry. The rules are not checked here.
    """
    made = copy.deepcopy(dict(document))
    group: dict[str, Any] = made.get("detectors") or {}
    told = {rule: values for rule, values in rules.items() if values != {}}
    machines = {name: own for name, own in (group.get("machines") or {}).items() if name != machine_id}
    if machine_id is None:
        group = copy.deepcopy(told)
    elif told:
        machines[machine_id] = copy.deepcopy(told)
    group = {rule: values for rule, values in group.items() if rule != "machines"} | ({"machines": machines} if machines else {})
    made.pop("detectors", None)
    return made | ({"detectors": group} if group else {})


def _rules(
    group: Fields, rules: Collection[str], below: Mapping[str, Mapping[str, float]] | None = None
) -> dict[str, Mapping[str, float]]:
    """`below`: values that hold where this group says nothing."""
    found: dict[str, Mapping[str, float]] = {}
    for rule in rules:
        if not group.has(rule):
            continue
        entry = group.group(rule)
        values: dict[str, float] = {}
        for name, parameter in RULES[rule].items():
            value = entry.number(name, low=parameter.low, high=parameter.high)
            if value is not None:
                values[name] = value
        if entry.has(ENABLED):
            values[ENABLED] = float(entry.flag(ENABLED, True))
        entry.finish()
        if rule == "low_cos_phi":
            _check_cos_phi(entry, {**(below or {}).get(rule, {}), **values})
        found[rule] = values
    return found


def _check_cos_phi(entry: Fields, values: Mapping[str, float]) -> None:
    parameters = RULES["low_cos_phi"]
    limit = values.get("limit", parameters["limit"].default)
    target = values.get("target", parameters["target"].default)
    if limit > target:
        entry.problem("limit", f"is {shown(limit)}, above the target", f"at most target ({target:g})")
