"""A rule as the fields of the plant file that make it: for its form, for the API."""

from __future__ import annotations

from typing import Any

from domain.alert import LimitRule
from domain.alert_rule import AlertRule, Baseline, BaselineKind, RuleKind, ScopeKind

NUMBERS = ("high", "critical_high", "low", "critical_low", "longer_than_s")
DAMPING = ("hysteresis", "on_delay_s", "off_delay_s")


def rule_fields(rule: AlertRule) -> dict[str, Any]:
    """Reading them back gives an equal rule."""
    scope: dict[str, Any] = {rule.scope.kind.value: True if rule.scope.kind is ScopeKind.SITE else rule.scope.name}
    if rule.scope.point is not None:
        scope["point"] = rule.scope.point
    found: dict[str, Any] = {"id": rule.id, "kind": rule.kind.value, "scope": scope}
    found |= {name: value for name in NUMBERS if (value := getattr(rule, name)) is not None}
    found |= {name: value for name in DAMPING if (value := getattr(rule, name))}
    if rule.kind is RuleKind.RATE:
        found["per"] = rule.per
        if rule.over_s is not None:
            found["over_s"] = rule.over_s
    if rule.baseline is not None:
        found["baseline"] = _baseline(rule.baseline)
    if rule.states:
        found["states"] = [state.value for state in rule.states]
    if rule.only_while:
        found["only_while"] = sorted(state.value for state in rule.only_while)
    if rule.only_in_shifts is not None:
        found["only_in_shifts"] = True if rule.only_in_shifts == ("*",) else list(rule.only_in_shifts)
    if rule.priority is not None:
        found["priority"] = rule.priority.value
    if rule.message:
        found["message"] = dict(rule.message)
    if not rule.enabled:
        found["enabled"] = False
    return found


def _baseline(baseline: Baseline) -> dict[str, Any]:
    if baseline.kind is BaselineKind.CONSTANT:
        return {"constant": baseline.value}
    if baseline.kind is BaselineKind.MEDIAN:
        return {"median_days": baseline.days}
    return {baseline.kind.value: baseline.name}


def limit_fields(limit: LimitRule) -> dict[str, Any]:
    """A limit as the rule it is."""
    borders = {name: value for name in NUMBERS[:4] if (value := getattr(limit, name)) is not None}
    damping = {name: value for name in DAMPING if (value := getattr(limit, name))}
    return {"id": f"limit-{limit.tag}", "kind": "level", "scope": {"tag": limit.tag}, **borders, **damping}
