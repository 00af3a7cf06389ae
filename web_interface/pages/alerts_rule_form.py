"""The form of an alert rule: flat fields for people, the nested fields of the plant file for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.alert import LONGEST_TEXT, Priority
from domain.alert_rule import PER_S, RuleKind, ScopeKind
from domain.plant import Plant, Tag
from domain.quantity import Kind
from domain.state import MachineState
from web_interface.components import text_field
from web_interface.components.marks import priority_name, state_name
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages.admin_form import Field, id_field
from web_interface.pages.shell import Page
from web_interface.pages.typed_checks import length_check
from web_interface.texts import point_name

REDRAWS = ("kind", "scope_kind", "baseline_kind")
BORDERS = ("high", "critical_high", "low", "critical_low")
BASELINES = ("median_days", "constant", "tag", "model")
_DELAYS = ("on_delay_s", "off_delay_s")


def fields(page: Page, values: Mapping[str, Any], *, new: bool) -> list[Field]:
    """What this kind of rule asks for."""
    words = page.t
    kind, scope = RuleKind(values.get("kind", "level")), values.get("scope_kind", "tag")
    if not kind.needs_point and scope == "tag":
        scope = "site"
    found = [
        *id_field(page.lang, new=new),
        Field("kind", "choice", words("rules.col.kind"), options={k.value: words(f"rules.kind.{k.value}") for k in RuleKind}),
        *_scope_fields(page, kind, str(scope)),
        *_value_fields(page, kind, values),
        *(Field(name, "number", words(f"admin.field.{name}"), unit=words("unit.s")) for name in _DELAYS),
        Field(
            "only_while", "choice", words("rules.only_while"), options=_states(page.lang, words("rules.any_state")), default=""
        ),
    ]
    shifts = {"": words("rules.always"), "*": words("rules.any_shift")}
    shifts |= {shift.name: words("rules.shift", name=shift.name) for shift in page.services.plant.plant.shifts}
    priorities = {"": words("rules.by_kind")} | {p.value: priority_name(p, page.lang) for p in Priority}
    return [
        *found,
        Field("only_in_shifts", "choice", words("rules.only_in_shifts"), options=shifts, default=""),
        Field("priority", "choice", words("alerts.priority"), options=priorities, default=""),
        Field("message_ru", "text", words("rules.message_ru")),
        Field("message_en", "text", words("rules.message_en")),
        Field("enabled", "switch", words("rules.enabled"), default=True),
    ]


def _scope_fields(page: Page, kind: RuleKind, scope: str) -> list[Field]:
    words, plant = page.t, page.services.plant.plant
    kinds = {k.value: words(f"rules.scope.{k.value}") for k in ScopeKind if kind.needs_point or k is not ScopeKind.TAG}
    found = [Field("scope_kind", "choice", words("rules.scope"), options=kinds, default=scope)]
    options: dict[str, str] = {}
    if scope == "tag":
        known = {device.id for device in plant.devices}
        tags = [tag for tag in page.services.live.tags() if tag.kind is not Kind.TEXT and tag.device_id in known]
        options = {tag.name: _tag_words(tag, plant, page.lang) for tag in tags}
    elif scope == "machine":
        options = {machine.id: machine.name for machine in plant.machines}
    elif scope == "section":
        options = {machine.section: machine.section for machine in plant.machines if machine.section}
    elif scope == "profile":
        options = {device.profile.name: device.profile.name for device in plant.devices}
    if options or scope != "site":
        label = words(f"rules.scope.{scope}")
        found.append(Field("scope_name", "choice", label, options=options, required=True, search=len(options) > 12, wide=True))
    if kind.needs_point and scope != "tag":
        points = {
            point.tag: point_name(point.tag, page.lang, point.quantity) for d in plant.devices for point in d.profile.points
        }
        found.append(Field("scope_point", "choice", words("rules.point"), options=points, required=True, search=True))
    return found


def _value_fields(page: Page, kind: RuleKind, values: Mapping[str, Any]) -> list[Field]:
    words = page.t
    found: list[Field] = []
    if kind is RuleKind.STATE:
        found.append(Field("states", "choice", words("rules.states"), options=_states(page.lang, ""), required=True))
    if kind.is_duration:
        return [*found, Field("longer_than_s", "number", words("rules.longer_than_s"), unit=words("unit.s"), required=True)]
    unit = "%" if kind is RuleKind.DEVIATION else ""
    if kind is RuleKind.DEVIATION:
        chosen = values.get("baseline_kind", "median_days")
        options = {name: words(f"rules.baseline.{name}") for name in BASELINES}
        found.append(Field("baseline_kind", "choice", words("rules.baseline"), options=options, default="median_days"))
        number = chosen in {"constant", "median_days"}
        kind_of = "whole" if chosen == "median_days" else "number" if number else "text"
        found.append(Field("baseline_value", kind_of, words(f"rules.baseline.{chosen}"), required=True, mono=not number))
    if kind is RuleKind.RATE:
        found.append(
            Field("per", "choice", words("rules.per"), options={unit: words(f"unit.{unit}") for unit in PER_S}, default="min")
        )
        found.append(Field("over_s", "number", words("rules.over_s"), unit=words("unit.s")))
    found += [Field(name, "number", words(f"admin.field.{name}"), unit=unit) for name in BORDERS]
    found.append(Field("hysteresis", "number", words("admin.field.hysteresis"), unit=unit))
    return found


def _states(lang: str, none: str) -> dict[str, str]:
    named = {state.value: state_name(state, lang) for state in MachineState}
    return {"": none} | named if none else named


def _tag_words(tag: Tag, plant: Plant, lang: str) -> str:
    return f"{_device_name(tag.device_id, plant, lang)}: {point_name(tag.point, lang, tag.quantity)} · {tag.name}"


def _device_name(device_id: str, plant: Plant, lang: str) -> str:
    if device_id == plant.site.main_meter:
        return t("flow.main", lang)
    return next((machine.name for machine in plant.machines if machine.meter == device_id), device_id)


def reason_field(page: Page) -> Any:
    """Why a rule leaves service."""
    check = length_check(page.lang, LONGEST_TEXT)
    return text_field(page.t("alerts.shelve.reason"), testid="out-reason", validation=check)


def form_values(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The plant file's fields as the form's."""
    found = {key: value for key, value in entry.items() if key not in {"scope", "baseline", "message", "states", "only_while"}}
    scope = dict(entry["scope"])
    point = scope.pop("point", None)
    ((kind, name),) = scope.items()
    found |= {"scope_kind": kind, "scope_name": None if name is True else name, "scope_point": point}
    for key in ("states", "only_while"):
        if entry.get(key):
            found[key] = ",".join(entry[key])
    if "only_in_shifts" in entry:
        found["only_in_shifts"] = "*" if entry["only_in_shifts"] is True else ",".join(entry["only_in_shifts"])
    for key, value in entry.get("baseline", {}).items():
        found |= {"baseline_kind": key, "baseline_value": value}
    for lang, words in entry.get("message", {}).items():
        found[f"message_{lang}"] = words
    return found


def entry(values: Mapping[str, Any]) -> dict[str, Any]:
    """The form's controls as the plant file's fields; what is empty is left out."""
    given = {key: value for key, value in values.items() if value is not None and value != ""}
    kind = given.get("scope_kind", "site")
    scope: dict[str, Any] = {kind: True if kind == "site" else given.get("scope_name")}
    if "scope_point" in given:
        scope["point"] = given["scope_point"]
    found: dict[str, Any] = {"scope": scope}
    plain = ("id", "kind", *BORDERS, "hysteresis", *_DELAYS, "longer_than_s", "per", "over_s", "priority")
    found |= {key: given[key] for key in plain if (key in given and given[key] != 0.0) or (key in BORDERS and key in given)}
    for key in ("states", "only_while"):
        if key in given:
            found[key] = str(given[key]).split(",")
    if "only_in_shifts" in given:
        found["only_in_shifts"] = True if given["only_in_shifts"] == "*" else str(given["only_in_shifts"]).split(",")
    if "baseline_kind" in given:
        value = given.get("baseline_value")
        found["baseline"] = {given["baseline_kind"]: int(value) if given["baseline_kind"] == "median_days" and value else value}
    message = {lang: given[f"message_{lang}"] for lang in ("ru", "en") if f"message_{lang}" in given}
    if message:
        found["message"] = message
    if not values.get("enabled", True):
        found["enabled"] = False
    return found


def control_of(field: str) -> str:
    """The form's control that holds a field of the plant file: scope.tag is scope_name."""
    group, _, name = field.partition(".")
    if group == "scope":
        return "scope_point" if name == "point" else "scope_name"
    if group == "baseline":
        return "baseline_value"
    return f"message_{name}" if group == "message" and name else group


def scope_words(entry: Mapping[str, Any], plant: Plant, lang: str) -> str:
    """Where: "Токарный участок: Мощность"."""
    scope = dict(entry["scope"])
    point = scope.pop("point", "")
    ((kind, name),) = scope.items()
    if kind == "tag":
        device, _, own = str(name).partition(".")
        return f"{_device_name(device, plant, lang)}: {point_name(own, lang)}"
    if kind == "machine":
        name = next((machine.name for machine in plant.machines if machine.id == name), name)
    where = t("rules.scope.site", lang) if kind == "site" else str(name)
    return f"{where}: {point_name(point, lang)}" if point else where


def border_words(entry: Mapping[str, Any], fmt: Format, unit: str = "") -> str:
    """> 12 · >> 14 kW, or > 30 min. `unit`: the canonical one of what is watched, where it has one."""
    if "longer_than_s" in entry:
        return f"> {fmt.duration(float(entry['longer_than_s']))}"
    words = "" if unit in ("", "1") else fmt.unit(unit)
    if entry["kind"] == "deviation":
        words = "%"
    elif entry["kind"] == "rate":
        words = f"{words}/{fmt.unit(str(entry.get('per', 'min')))}"
    signs = {"critical_low": "<<", "low": "<", "high": ">", "critical_high": ">>"}
    borders = " · ".join(f"{sign} {fmt.significant(float(entry[key]))}" for key, sign in signs.items() if key in entry)
    return f"{borders}\u00a0{words}" if borders and words else borders


def watched_unit(entry: Mapping[str, Any], tags: Iterable[Tag]) -> str:
    """Canonical unit of the tag or point that a rule watches; empty when there is none of it."""
    scope = entry["scope"]
    return next((tag.unit for tag in tags if tag.name == scope.get("tag") or tag.point == scope.get("point")), "")
