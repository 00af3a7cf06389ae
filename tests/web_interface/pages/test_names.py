"""Rules of alerts, qualities and actions of the audit have names in every language."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

from analysis.rules import alert_rule_name
from config.plant_alerts import BORDERS
from config.stored_plant import WHOLE
from data_processing.consistency import residuals_of
from domain.alert import Alert, AlertState, Priority
from domain.alert_rule import AlertRule, RuleKind, Scope, ScopeKind
from domain.detector import RULES
from domain.quality import Quality
from web_interface.format import Format
from web_interface.locale import LANGUAGES, has
from web_interface.texts import alert_sentence

ROOT = Path(__file__).resolve().parents[3]


def rules_raised() -> set[str]:
    """Names of rules that code raises alerts by, literally; those of rules and detectors come from their tables."""
    found = {alert_rule_name(rule_of(kind), side) for kind in RuleKind for side in BORDERS} | set(RULES)
    for root in ("analysis", "application", "notifications"):
        for path in (ROOT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(getattr(node, "func", None), "attr", "")
                if isinstance(node, ast.Call) and name in {"raise_alert", "_raise", "raise_system"} and node.args:
                    rule = node.args[0] if name == "raise_system" else node.args[1] if len(node.args) > 1 else None
                    if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
                        found.add(rule.value.partition(":")[0])
                    elif isinstance(rule, ast.Name) and rule.id.isupper():
                        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
                        found.add(getattr(module, rule.id).partition(":")[0])
    return found


def rule_of(kind: RuleKind) -> AlertRule:
    return AlertRule("r", kind, Scope(ScopeKind.SITE))


def test_every_rule_that_raises_alerts_has_a_name() -> None:
    raised = rules_raised()
    assert {"demand", "balance", "control_conflict", "clock", "findings_more", "deviation_high", "state_long"} <= raised
    assert {rule for rule in raised for lang in LANGUAGES if not has(f"alert.{rule}", lang)} == set()


def test_every_contradiction_of_a_device_is_named() -> None:
    powers = {"active_power": 5.0, "reactive_power": 5.0, "apparent_power": 50.0, "power_factor": 1.0}
    phases = {f"{name}_l{n}": 100.0 for name in (*powers, "voltage", "current") for n in (1, 2, 3)}
    rules = {found.rule for found in residuals_of({**powers, **phases})}
    assert len(rules) == 5
    assert {rule for rule in rules for lang in LANGUAGES if not has(f"alert.inconsistent.{rule}", lang)} == set()


def test_the_time_left_is_said_with_the_unit_of_the_language() -> None:
    state = AlertState.UNACKNOWLEDGED
    alert = Alert(1, "demand", "demand", Priority.HIGH, state, None, None, None, 120.0, 100.0, "kW", 0, detail="12 min")
    assert alert_sentence(alert, Format("ru", ZoneInfo("Europe/Moscow"))).endswith("осталось 12\u00a0мин")


def test_every_quality_has_a_name() -> None:
    assert {q.name for q in Quality for lang in LANGUAGES if not has(f"quality.{q.name.lower()}", lang)} == set()


ACTIONS = re.compile(r"^[a-z]+(_[a-z]+)*$")


def actions() -> set[str]:
    """Actions that code writes to the audit, literally; entries of the plant add theirs."""
    found = {f"{what}_{deed}" for what in ("line", "device", "machine", "alert_rule", "virtual_tag")
             for deed in ("create", "update", "delete")} | {f"{name}_update" for name in WHOLE}  # fmt: skip
    calls = {"append": 3, "_note": 1, "_commit": 2, "_keep": 2, "_write": 1}
    for root in ("analysis", "application", "config", "notifications", "reports", "web_interface/auth"):
        for path in (ROOT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(getattr(node, "func", None), "attr", "")
                if not isinstance(node, ast.Call) or name not in calls:
                    continue
                if name == "append" and "audit" not in ast.unparse(node.func):
                    continue
                place = 2 if name == "_note" and "accounts" in path.name else calls[name]
                given = node.args[place] if len(node.args) > place else None
                for part in ast.walk(given) if given is not None and not isinstance(given, ast.JoinedStr) else ():
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and ACTIONS.match(part.value):
                        found.add(part.value)
    return found


def test_every_action_of_the_audit_has_a_name() -> None:
    done = actions()
    assert {"alert_shelve", "rule_in_service", "price_import", "baseline_version", "channel_test", "user_disable"} <= done
    assert {action for action in done for lang in LANGUAGES if not has(f"audit.{action}", lang)} == set()


def test_a_learned_limit_is_as_exact_as_its_value_and_a_typed_one_stays_as_typed() -> None:
    said = []
    for rule, limit in (("specific_energy", 2.532), ("specific_energy", 0.125), ("demand", 160.0)):
        alert = Alert(1, rule, rule, Priority.MEDIUM, AlertState.UNACKNOWLEDGED, None, None, None, 2.92, limit, "kW", 0)
        said.append(alert_sentence(alert, Format("ru", ZoneInfo("Europe/Moscow"))).replace("\u00a0", " "))
    assert [limit in text for text, limit in zip(said, ("2,53 кВт", "0,125 кВт", "160 кВт"), strict=True)] == [True] * 3
