"""The form of a device: what it always has, and what its profile lets it set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from domain.plant import Device, Line, Plant
from domain.profile import ModbusPoint, Profile, WordOrder
from web_interface.locale import has, t
from web_interface.pages.admin_form import NONE, Field, id_field
from web_interface.pages.admin_line_fields import CARRIES, line_name

IN_PLACE: Final = "in-place"
NEW_MACHINE: Final = "*"
_LONG = {"int32", "uint32", "int64", "uint64", "float32", "float64"}
# What any device of a protocol may set; the rest only where its profile declares it as a parameter.
_ADVANCED: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus": ("timeout_s", "pause_between_reads_s", "connect_delay_s", "max_registers", "max_bits", "max_gap"),
    "mercury": ("timeout_s", "password_encoding", "timeout_multiplier", "long_replies", "clock_timezone", "password_env"),
    "mtconnect": ("agent_device", "timeout_s"),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "word_order": tuple(order.value for order in WordOrder),
    "table": ("holding", "input"),
    "power_unit": ("W", "kW", "MW"),
    "energy_unit": ("Wh", "kWh", "MWh"),
    "long_replies": ("auto", "off"),
    "password_encoding": ("auto", "ascii", "binary"),
    "payload": ("json", "text", "sparkplug", "plugin"),
}
_WHOLE: Final = ("base_address", "max_registers", "max_bits", "max_gap", "timeout_multiplier")
_KINDS: Final = ((tuple, "list"), (bool, "switch"), (int, "whole"), (float, "number"))
_SECONDS: Final = ("timeout_s", "pause_between_reads_s", "connect_delay_s")


def main_fields(
    plant: Plant, profiles: Sequence[Profile], line: Line | None, lang: str, *, new: bool, in_place: bool
) -> list[Field]:
    """Name, line, profile, address, interval. Only profiles that the line can carry are offered."""
    lines = {known.id: line_name(known, lang) for known in plant.lines}
    fields = [*id_field(lang, new=new), Field("line", "choice", t("admin.field.line", lang), options=lines, required=True)]
    if not in_place:
        fields.append(profile_field(profiles, line, lang))
    return fields


def profile_field(profiles: Sequence[Profile], line: Line | None, lang: str) -> Field:
    """One of the profiles that the line can carry."""
    offered = {p.name: profile_name(p, lang) for p in profiles if line is None or p.protocol in CARRIES[line.transport]}
    label = t("admin.field.profile", lang)
    return Field("profile", "choice", label, options=offered, required=True, search=True, wide=True)


def machine_fields(plant: Plant, chosen: object, lang: str) -> list[Field]:
    """The machine whose meter it is: none, one that stands, or a new one with its name."""
    machines = {m.id: m.name for m in plant.machines}
    options = {NONE: t("admin.device.no_machine", lang), **machines, NEW_MACHINE: t("admin.device.new_machine", lang)}
    search = len(machines) > 12
    fields = [Field("machine", "choice", t("admin.field.machine", lang), options=options, default=NONE, search=search)]
    if chosen == NEW_MACHINE:
        fields.append(Field("machine_name", "text", t("admin.field.name", lang), required=True))
        fields.append(Field("machine_section", "text", t("admin.field.section", lang)))
    return fields


def border_field(name: str, hint: str, lang: str) -> Field:
    """A border of the states [kW]."""
    words = t(f"admin.hint.{hint}", lang)
    return Field(f"states.{name}", "number", t(f"admin.field.{name}", lang), unit=t("unit.kW", lang), hint=words)


def new_machine(plant: Plant, values: Mapping[str, object], device_id: str) -> dict[str, object]:
    """The plant file's machine of `machine_name` and `machine_section`; its id from a Latin name, else from the device, free."""
    taken = {machine.id for machine in plant.machines}
    name = str(values.get("machine_name") or "")
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    stem = words if re.match(r"[a-z0-9]", words) and len(words) > 2 else f"machine-{device_id}"
    machine_id = next(made for n in range(1, 10_000) if (made := stem if n == 1 else f"{stem}-{n}") not in taken)
    section = values.get("machine_section")
    return {"id": machine_id, "name": name, **({"section": section} if section else {})}


def address_fields(line: Line | None, protocol: str, lang: str) -> list[Field]:
    """Address and interval; no address where the protocol has none."""
    fields = []
    if protocol in {"modbus", "mercury"}:
        free = protocol == "modbus" and line is not None and line.transport == "modbus-tcp"
        low, high = (0, 240) if protocol == "mercury" else (0, 255) if free else (1, 247)
        hint = t("admin.hint.address_free" if free else "admin.hint.address", lang, low=low, high=high)
        label = t("admin.field.address", lang)
        fields.append(Field("address", "whole", label, required=not free, hint=hint, low=low, high=high))
    hint, unit = t("admin.hint.scan_s", lang), t("unit.s", lang)
    fields.append(Field("scan_s", "number", t("admin.field.scan_s", lang), unit=unit, default=1.0, hint=hint))
    return fields


def option_fields(profile: Profile, device: Device | None, lang: str) -> list[Field]:
    """What decides how the values are read: ratios, layout, password."""
    fields: list[Field] = []
    if any(point.secondary for point in profile.points):
        for name in ("ct_ratio", "vt_ratio"):
            hint = t("admin.hint.ratio" if profile.protocol == "mercury" else "admin.hint.ratio_one", lang)
            fields.append(Field(name, "number", t(f"admin.field.{name}", lang), hint=hint))
    advanced = _ADVANCED.get(profile.protocol, ())
    own = [_option(name, default, lang) for name, default in profile.parameters.items() if name not in advanced]
    fields += sorted(own, key=lambda field: field.kind == "list")
    if profile.protocol == "mercury":
        stored = device is not None and device.password is not None
        hint = t("admin.hint.password_set" if stored else "admin.hint.password_mercury", lang)
        fields.append(Field("password", "secret", t("admin.field.password", lang), hint=hint))
    return fields


def advanced_fields(profile: Profile, lang: str) -> list[Field]:
    """What only a difficult device needs."""
    names = list(_ADVANCED.get(profile.protocol, ("timeout_s",)))
    if profile.protocol == "modbus" and has_word_order(profile) and "word_order" not in profile.parameters:
        names.insert(0, "word_order")
    fields = [_option(name, profile.parameters.get(name, _own(profile, name)), lang) for name in names]
    return [*fields, Field("enabled", "switch", t("admin.field.device_enabled", lang), default=True)]


def option_names(profile: Profile) -> set[str]:
    """All that the form of this profile may set."""
    return {f.name for f in (*option_fields(profile, None, "en"), *advanced_fields(profile, "en"))}


def has_word_order(profile: Profile) -> bool:
    """Does any point span several registers?"""
    return any(isinstance(p.where, ModbusPoint) and p.where.type in _LONG for p in profile.points)


def native_order(profile: Profile) -> str:
    """The word order its points have without the device saying otherwise."""
    declared = profile.parameters.get("word_order")
    if isinstance(declared, str):
        return declared
    for point in profile.points:
        if isinstance(point.where, ModbusPoint) and point.where.type in _LONG:
            return point.where.word_order.value
    return WordOrder.BIG.value


def profile_name(profile: Profile, lang: str) -> str:
    """Title in the language, with its file name for those who search by it."""
    title = profile.title.get(lang) or profile.title.get("en") or profile.name
    return title if profile.name == IN_PLACE else f"{title} · {profile.name}"


def free_id(taken: Iterable[str], stem: str = "m") -> str:
    """m1, m2 ...: the first that is free, behind the highest in use."""
    known = set(taken)
    highest = max((int(i[len(stem) :]) for i in known if i.startswith(stem) and i[len(stem) :].isdecimal()), default=0)
    return f"{stem}{highest + 1}"


def free_address(plant: Plant, line_id: str) -> int:
    """The address behind the highest on the line."""
    used = [device.address for device in plant.devices if device.line == line_id and device.address is not None]
    return min(max(used, default=0) + 1, 240)


def _own(profile: Profile, name: str) -> object:
    """The profile's own value of a quirk, shown as what is meant."""
    if name == "word_order":
        return native_order(profile)
    return getattr(profile.quirks, name, None)


def _option(name: str, default: object, lang: str) -> Field:
    """One parameter; one without an entry in the catalogue is named as in the profile."""
    label = t(f"admin.field.{name}", lang) if has(f"admin.field.{name}", lang) else name
    hint = t(f"admin.hint.{name}", lang) if has(f"admin.hint.{name}", lang) else ""
    if name == "address_base":
        options: dict[object, str] = {value: t(f"admin.address_base.{value}", lang) for value in (0, 1)}
        return Field(name, "choice", label, options=options, default=default)
    if name in _CHOICES:
        named = {value: f"admin.{name}.{value}" for value in _CHOICES[name]}
        words: dict[object, str] = {value: t(key, lang) if has(key, lang) else value for value, key in named.items()}
        unset: dict[object, str] = {NONE: "—"} if default is None else {}
        return Field(name, "choice", label, options={**unset, **words}, default=default, hint=hint)
    if name in _WHOLE:
        return Field(name, "whole", label, default=default, hint=hint)
    if name in _SECONDS:
        return Field(name, "number", label, unit=t("unit.s", lang), default=default, hint=hint)
    kind = next((word for kind, word in _KINDS if isinstance(default, kind)), "text")
    return Field(name, kind, label, default=default, hint=hint, mono=kind == "text")
