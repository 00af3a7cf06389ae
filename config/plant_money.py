"""Sections tariffs, co2, fuel and connection of a plant file, and what a machine's stand-by costs.

A tariff with a hole is refused here: in time between two tariffs, in the day between two zones. See docs/plant-file.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

from config.fields import Fields, shown
from config.problems import Path
from domain.tariff import (
    MINUTES_A_DAY,
    Connection,
    Factor,
    MoneyTerms,
    PowerTerms,
    Standby,
    Tariff,
    Zone,
    ZoneSpan,
)

MONEY_SECTIONS = ("tariffs", "co2", "fuel", "connection")
DAY_KINDS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
WINDOWS_MIN = (15, 30, 60)
QUARTER_MIN = 15
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])\Z")
_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})\Z")
_T = TypeVar("_T", bound=Tariff | Factor | Connection)


def read_money(fields: Fields) -> MoneyTerms:
    """The four sections; empty ones where they are absent."""
    return MoneyTerms(
        _dated(fields, "tariffs", _tariff),
        _dated(fields, "co2", lambda entry, day: _factor(entry, day, "kg_per_kwh", 5.0)),
        _dated(fields, "fuel", lambda entry, day: _factor(entry, day, "t_per_mwh", 1.0)),
        _dated(fields, "connection", _connection),
    )


def read_standby(machine: Fields) -> Standby | None:
    """Field `standby` of a machine."""
    if not machine.has("standby"):
        return None
    group = machine.group("standby")
    found = Standby(
        group.number("warm_up_kwh", low=0), group.number("warm_up_min", low=0, high=1440),
        group.number("off_kw", low=0), group.number("idle_kw", above=0),
    )  # fmt: skip
    group.finish()
    if found.off_kw is not None and found.idle_kw is not None and found.off_kw >= found.idle_kw:
        group.problem("off_kw", f"is {found.off_kw:g}", f"less than idle_kw ({found.idle_kw:g})")
    return found


def read_planned_shifts(machine: Fields, known: Sequence[str]) -> tuple[str, ...]:
    """Field `shifts` of a machine: the shifts it is planned for; empty means all."""
    value = machine.raw("shifts")
    if value is None:
        return ()
    names = [str(name) for name in value] if isinstance(value, list | tuple) else []
    wrong = [name for name in names if name not in known]
    if not names or wrong:
        expected = f"a list of {', '.join(known)}" if known else "no shifts are defined"
        machine.problem("shifts", f"is {shown(wrong[0] if wrong else value)}", expected)
        return ()
    return tuple(dict.fromkeys(names))


def _dated(fields: Fields, section: str, read: Callable[[Fields, date], _T]) -> tuple[_T, ...]:
    """Entries in order of time; no two of one day, no hole where an entry names its last day."""
    found: list[tuple[_T, Path]] = []
    for entry, place in fields.entries(section):
        group = Fields(entry, place, fields.report)
        day = read_day(group, "valid_from", required=True)
        made = read(group, day or date.min)
        group.finish()
        if day is not None:
            found.append((made, place))
    found.sort(key=lambda pair: pair[0].valid_from)
    for (earlier, _), (later, path) in pairwise(found):
        if later.valid_from == earlier.valid_from:
            fields.report.problem((*path, "valid_from"), f"{later.valid_from} stands twice", "one entry a day")
        end = getattr(earlier, "valid_to", None)
        if end is not None and later.valid_from != end + timedelta(days=1):
            gap = "overlaps" if later.valid_from <= end else "leaves a hole after"
            words = f"{later.valid_from} {gap} the entry that ends on {end}"
            fields.report.problem((*path, "valid_from"), words, f"{end + timedelta(days=1)}, or no valid_to before it")
    return tuple(made for made, _ in found)


def read_day(fields: Fields, name: str, *, required: bool = False) -> date | None:
    """A calendar day, 2026-07-01."""
    value = fields.raw(name, required=required, expected="a day such as 2026-07-01")
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        fields.problem(name, f"is {shown(value)}", "a day such as 2026-07-01")
        return None


def _factor(fields: Fields, day: date, name: str, high: float) -> Factor:
    value = fields.number(name, above=0, high=high, required=True)
    return Factor(day, value or 0.0, fields.text("source", required=True) or "")


# -- tariffs -----------------------------------------------------------------------------------------------------------------


def _tariff(fields: Fields, day: date) -> Tariff:
    category = fields.whole("category", low=1, high=4, required=True) or 1
    valid_to = read_day(fields, "valid_to")
    if valid_to is not None and valid_to < day:
        fields.problem("valid_to", f"is {valid_to}", f"a day from {day} on")
    price = fields.number("price_per_kwh", low=0) if fields.has("price_per_kwh") else None
    zones, holidays = _zones(fields) if fields.has("zones") else ((), False)
    table = fields.text("table", "", longest=60) or ""
    power = _power(fields, category) if fields.has("power") else None
    reactive = fields.number("reactive_per_kvarh", low=0)
    needs = {1: ("price_per_kwh", price is not None), 2: ("zones", bool(zones))}.get(category, ("table", bool(table)))
    if not needs[1] and not fields.report.found_in(fields.at(needs[0])):
        fields.problem(needs[0], f"is missing: category {category} needs it", _EXPECTED[needs[0]])
    for name, given, of in (("price_per_kwh", price is not None, (1,)), ("zones", bool(zones), (2,)), ("table", table, (3, 4))):
        if given and category not in of:
            fields.problem(name, f"does not belong to category {category}", f"category {' or '.join(map(str, of))}")
    if category == 4 and (power is None or power.network_per_kw_month is None):
        fields.problem("power", "is missing network_per_kw_month: category 4 needs it", "power: {network_per_kw_month: …}")
    return Tariff(day, category, price, zones, table, power, reactive, valid_to, holidays, fields.text("name", "") or "")


_EXPECTED = {
    "price_per_kwh": "price_per_kwh: 8.2",
    "zones": 'zones: [{name: day, price_per_kwh: 9.1, spans: [{from: "07:00", to: "23:00"}]}, …]',
    "table": "table: the name of an imported table of hourly prices",
}


def _zones(fields: Fields) -> tuple[tuple[Zone, ...], bool]:
    zones: list[Zone] = []
    holidays = False
    before = len(fields.report.problems)
    for entry, path in fields.entries("zones"):
        group = Fields(entry, path, fields.report)
        name = group.text("name", required=True, longest=40) or ""
        price = group.number("price_per_kwh", low=0, required=True)
        spans: list[ZoneSpan] = []
        for span_entry, span_path in group.entries("spans"):
            span, named = _span(Fields(span_entry, span_path, fields.report))
            holidays = holidays or named
            if span is not None:
                spans.append(span)
        if not spans:
            group.problem("spans", "is missing: the zone never holds", '[{from: "07:00", to: "23:00"}]')
        group.finish()
        if any(zone.name == name for zone in zones):
            group.problem("name", f"zone {name!r} stands twice", "each name once; a zone may have several spans")
        zones.append(Zone(name, price or 0.0, tuple(spans)))
    if len(fields.report.problems) == before:
        _check_day(fields, zones, holidays)
    return tuple(zones), holidays


def _span(fields: Fields) -> tuple[ZoneSpan | None, bool]:
    start, end = _minute(fields, "from"), _minute(fields, "to")
    value = fields.raw("days")
    days = value if isinstance(value, list | tuple) else []
    wrong = [day for day in days if str(day).lower() not in DAY_KINDS]
    if value is not None and (not days or wrong):
        fields.problem("days", f"is {shown(wrong[0] if wrong else value)}", f"a list of {', '.join(DAY_KINDS)}")
    fields.finish()
    if start is None or end is None:
        return None, False
    kinds = frozenset(DAY_KINDS.index(str(day).lower()) for day in days if day not in wrong) or frozenset(range(8))
    return ZoneSpan(start, end, kinds), "holiday" in [str(day).lower() for day in days]


def _minute(fields: Fields, name: str) -> int | None:
    value = fields.raw(name, required=True, expected='"HH:MM"')
    match = _CLOCK.match(value) if isinstance(value, str) else None
    minute = int(match[1]) * 60 + int(match[2]) if match else -1
    if value is not None and (minute < 0 or minute > MINUTES_A_DAY or minute % QUARTER_MIN):
        fields.problem(name, f"is {shown(value)}", 'a quarter hour of the day "HH:MM", "24:00" for its end')
        return None
    return None if value is None else minute if name == "to" else minute % MINUTES_A_DAY


def _check_day(fields: Fields, zones: Sequence[Zone], holidays: bool) -> None:
    """Each quarter hour of each kind of day belongs to exactly one zone."""
    for kind in range(8 if holidays else 7):
        for minute in range(0, MINUTES_A_DAY, QUARTER_MIN):
            held = [zone.name for zone in zones for span in zone.spans if kind in span.days and span.covers(minute)]
            if len(held) == 1:
                continue
            when = f"{DAY_KINDS[kind]} {minute // 60:02}:{minute % 60:02}"
            if held:
                fields.problem("zones", f"{when} belongs to {' and '.join(held)}", "zones that do not overlap")
            else:
                fields.problem("zones", f"{when} belongs to no zone", "zones that cover every day from 00:00 to 24:00")
            return


def _power(fields: Fields, category: int) -> PowerTerms:
    group = fields.group("power")
    if category < 3:
        fields.problem("power", f"does not belong to category {category}", "category 3 or 4")
    capacity = group.number("capacity_per_kw_month", low=0)
    network = group.number("network_per_kw_month", low=0)
    hours = _hours(group, "network_hours")
    if category == 3 and network is not None:
        group.problem("network_per_kw_month", "does not belong to category 3", "category 4")
    if network is not None and not hours:
        group.problem("network_hours", "is missing", "network_hours: [8-12, 16-21]")
    peaks: dict[date, int] = {}
    for entry, path in group.entries("peak_hours"):
        peak = Fields(entry, path, fields.report)
        day, hour = read_day(peak, "day", required=True), peak.whole("hour", low=0, high=23, required=True)
        peak.finish()
        if day is not None and hour is not None:
            peaks[day] = hour
    group.finish()
    return PowerTerms(capacity, peaks, network, hours)


def _hours(fields: Fields, name: str) -> frozenset[int]:
    """Hours of the day as numbers and ranges: [8-12, 17] is 8, 9, 10, 11 and 17 (a range ends before its second number)."""
    value = fields.raw(name)
    if value is None:
        return frozenset()
    found: set[int] = set()
    for item in value if isinstance(value, list | tuple) else [value]:
        match = _HOURS.match(str(item))
        if match and int(match[1]) < int(match[2]) <= 24:
            found.update(range(int(match[1]), int(match[2])))
        elif isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= 23:
            found.add(item)
        else:
            fields.problem(name, f"is {shown(item)}", "hours of the day, such as [8-12, 17]")
    return frozenset(found)


# -- connection point ----------------------------------------------------------------------------------------------------


def _connection(fields: Fields, day: date) -> Connection:
    window = fields.whole("demand_window_min", 30, low=15, high=60, allowed=WINDOWS_MIN) or 30
    return Connection(
        day, fields.number("contract_kw", above=0), window, fields.number("tg_limit", above=0, high=5),
        _hours(fields, "high_load_hours"), fields.text("voltage", "", longest=60) or "",
    )  # fmt: skip
