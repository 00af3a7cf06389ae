"""The section `detectors` of a plant file: parameters of the detectors, for all machines and for single ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
