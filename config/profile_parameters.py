"""What a device may set differently from its profile: the known parameters, their checks, and the profile that results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from config.fields import Fields, shown, zone_exists
from config.problems import Report, nearest
from config.profile_points import REGISTER_TABLES, registers_of
from domain.errors import ConfigError
from domain.profile import ModbusPoint, Point, Profile, Quirks, WordOrder
from domain.quantity import canonical_factor, units_of

Getter = Callable[[Fields, str], object]


def _ratio(fields: Fields, name: str) -> object:
    return fields.number(name, above=0, high=1e6)


def _order(fields: Fields, name: str) -> object:
    """Tags in the order they lie; a whole number skips that many registers."""
    value = fields.raw(name)
    if value is None:
        return None
    good = isinstance(value, list | tuple) and value and all(
        isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool) and 0 < item <= 65535) for item in value
    )
    if not good:
        fields.problem(name, f"is {shown(value)}", "a list of tags; a whole number skips so many registers")
        return None
    return tuple(value) if isinstance(value, list | tuple) else None


def _zone(fields: Fields, name: str) -> object:
    zone = fields.text(name)
    if zone is not None and not zone_exists(zone):
        fields.problem(name, f"{shown(zone)} is no time zone", "an IANA name such as Europe/Moscow")
        return None
    return zone


# what a power or energy unit means for active, reactive and apparent figures
_POWER: Final = {"W": ("W", "var", "VA"), "kW": ("kW", "kvar", "kVA"), "MW": ("MW", "Mvar", "MVA")}
_ENERGY: Final = {"Wh": ("Wh", "varh"), "kWh": ("kWh", "kvarh"), "MWh": ("MWh", "Mvarh")}
_GETTERS: Final[Mapping[str, Getter]] = {
    "ct_ratio": _ratio,
    "vt_ratio": _ratio,
    "timeout_s": lambda f, n: f.number(n, low=0.05, high=60),
    "pause_between_reads_s": lambda f, n: f.number(n, low=0, high=10),
    "connect_delay_s": lambda f, n: f.number(n, low=0, high=60),
    "max_registers": lambda f, n: f.whole(n, low=1, high=125),
    "max_bits": lambda f, n: f.whole(n, low=1, high=2000),
    "max_gap": lambda f, n: f.whole(n, low=0, high=124),
    "word_order": lambda f, n: f.choice(n, [order.value for order in WordOrder]),
    "base_address": lambda f, n: f.whole(n, low=0, high=65536),
    "address_base": lambda f, n: f.whole(n, low=0, high=1),
    "table": lambda f, n: f.choice(n, REGISTER_TABLES),
    "order": _order,
    "power_unit": lambda f, n: f.choice(n, tuple(_POWER)),
    "energy_unit": lambda f, n: f.choice(n, tuple(_ENERGY)),
    "timeout_multiplier": lambda f, n: f.whole(n, low=1, high=255),
    "long_replies": lambda f, n: f.choice(n, ("auto", "off")),
    "clock_timezone": _zone,
    "payload": lambda f, n: f.choice(n, ("json", "text", "sparkplug", "plugin")),
    "password_encoding": lambda f, n: f.choice(n, ("auto", "ascii", "binary")),
}
QUIRKS: Final = ("max_registers", "max_bits", "max_gap", "pause_between_reads_s", "connect_delay_s", "timeout_s")
# What any device of a protocol may set; everything else only where its profile declares it.
ALWAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus": ("ct_ratio", "vt_ratio", "word_order", *QUIRKS),
    "mercury": (
        "ct_ratio", "vt_ratio", "timeout_s", "password_encoding", "timeout_multiplier", "long_replies", "clock_timezone",
    ),
    "mqtt": ("cnc_id", "topic", "id_path", "time_path", "clock_timezone", "payload", "sparkplug", "timeout_s"),
    "mtconnect": ("agent_device", "timeout_s"),
}
PARAMETERS: Final = tuple(_GETTERS)  # every parameter that any device may have
_LAYOUT: Final = ("base_address", "address_base", "table", "order", "word_order")


def allowed_options(profile: Profile) -> tuple[str, ...]:
    """The names of the parameters a device of this profile may set."""
    names = dict.fromkeys((*ALWAYS.get(profile.protocol, ("timeout_s",)), *profile.parameters))
    return tuple(names)


def read_parameter(fields: Fields, name: str, default: object = None) -> object:
    """One parameter, checked by its name, or by the type of its default where the name is the profile's own."""
    if name in _GETTERS:
        return _GETTERS[name](fields, name)
    if isinstance(default, bool):
        return fields.flag(name) if fields.has(name) else None
    if isinstance(default, int):
        return fields.whole(name, low=-(2**31), high=2**31)
    if isinstance(default, float):
        return fields.number(name)
    return fields.text(name)


def read_options(profile: Profile, fields: Fields) -> dict[str, object]:
    """The options a device sets, checked; problems go to the report of `fields`."""
    found: dict[str, object] = {}
    for name in allowed_options(profile):
        if fields.has(name):
            value = read_parameter(fields, name, profile.parameters.get(name))
            if value is not None:
                found[name] = value
    return found


def read_quirks(fields: Fields) -> Quirks:
    """The quirks of a profile file."""
    values = {name: read_parameter(fields, name) for name in QUIRKS}
    fields.finish()
    return replace(Quirks(), **{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]


def resolve(profile: Profile, options: Mapping[str, object]) -> Profile:
    """The profile as one device has it: its parameters and quirks replaced by the device's options.

    Options that are no parameters (password_env ...) are left alone. Raises ConfigError naming profile, option and expectation.
    """
    names = allowed_options(profile)
    report = Report(f"profile {profile.name}", dict(options))
    given = read_options(profile, Fields({k: v for k, v in options.items() if k in names}, (), report))
    if not report.problems:
        try:
            return apply_options(profile, given)
        except ValueError as exc:
            raise ConfigError(f"profile {profile.name}: {exc}") from exc
    raise ConfigError("\n".join(str(problem) for problem in report.problems))


def apply_options(profile: Profile, given: Mapping[str, object]) -> Profile:
    """As `resolve`, for options that were read by `read_options`. Raises ValueError where points no longer fit."""
    if not given:
        return profile
    points = in_units(profile.points, given)
    if profile.protocol == "modbus" and any(name in given for name in _LAYOUT):
        points = _laid_out(profile, points, given)
    quirks = {name: given[name] for name in QUIRKS if name in given}
    parameters = {**profile.parameters, **{name: value for name, value in given.items() if name in profile.parameters}}
    return replace(
        profile,
        points=tuple(points),
        quirks=replace(profile.quirks, **quirks),  # type: ignore[arg-type]
        parameters=parameters,
    )


def in_units(points: Sequence[Point], parameters: Mapping[str, object]) -> list[Point]:
    """Points with the units on the wire that `power_unit` and `energy_unit` name; believable ranges keep their meaning."""
    wanted = [
        table[str(parameters[name])] for name, table in (("power_unit", _POWER), ("energy_unit", _ENERGY)) if name in parameters
    ]
    found = []
    for point in points:
        unit = next((u for units in wanted for u in units if u in units_of(point.quantity)), point.unit)
        if unit != point.unit:
            factor = canonical_factor(point.quantity, point.unit) / canonical_factor(point.quantity, unit)
            low_high = None if point.plausible is None else (point.plausible[0] * factor, point.plausible[1] * factor)
            found.append(replace(point, unit=unit, plausible=low_high))
        else:
            found.append(point)
    return found


def _laid_out(profile: Profile, points: Sequence[Point], given: Mapping[str, object]) -> list[Point]:
    known = profile.parameters
    found = list(points)
    table, word_order = given.get("table"), given.get("word_order")
    if table is not None:
        found = [_moved(p, table=str(table)) for p in found]
    if word_order is not None:
        found = [_moved(p, word_order=WordOrder(str(word_order))) if _has_word_order(p) else p for p in found]
    start = _start({**known, **given})
    order = given.get("order")
    if isinstance(order, tuple):
        return in_order(found, order, start)
    shift = start - _start(known)
    if shift:
        found = [_moved(p, address=p.where.address + shift) if isinstance(p.where, ModbusPoint) else p for p in found]
        _check_room(found)
    return found


def in_order(points: Sequence[Point], order: Sequence[object], start: int) -> list[Point]:
    """Points one behind the other from the wire address `start`; a number in `order` skips so many registers.

    A tag that `order` leaves out is not there. Raises ValueError for unknown or repeated tags and for too little room.
    """
    by_tag = {point.tag: point for point in points}
    found: list[Point] = []
    address = start
    for item in order:
        if isinstance(item, int):
            address += item
            continue
        tag = str(item)
        if tag not in by_tag:
            near = nearest(tag, by_tag)
            raise ValueError(f"order: no point {tag!r}" + (f"; nearest: {', '.join(near)}" if near else ""))
        point = by_tag[tag]
        if any(p.tag == tag for p in found):
            raise ValueError(f"order: {tag!r} stands twice")
        found.append(_moved(point, address=address))
        address += registers_of(point.where) if isinstance(point.where, ModbusPoint) else 0
    _check_room(found)
    return found


def _start(parameters: Mapping[str, object]) -> int:
    """Wire address the map begins at: `base_address` as the maker prints it, minus 1 where the maker counts from 1."""
    base, printed = parameters.get("base_address", 0), parameters.get("address_base", 0)
    return (base if isinstance(base, int) else 0) - (printed if isinstance(printed, int) else 0)


def _has_word_order(point: Point) -> bool:
    return isinstance(point.where, ModbusPoint) and point.where.type != "string" and registers_of(point.where) > 1


def _moved(point: Point, **changes: object) -> Point:
    if not isinstance(point.where, ModbusPoint):
        return point
    return replace(point, where=replace(point.where, **changes))  # type: ignore[arg-type]


def _check_room(points: Sequence[Point]) -> None:
    for point in points:
        where = point.where
        if isinstance(where, ModbusPoint) and not 0 <= where.address <= 65536 - registers_of(where):
            raise ValueError(f"{point.tag} would lie at the wire address {where.address}; expected 0 to 65535")
