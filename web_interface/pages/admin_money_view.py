"""Tariffs, factors and terms of the connection in words and rows; the week as a tariff divides it. No element, no service."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.errors import ConfigError
from domain.tariff import HOLIDAY, MINUTES_A_DAY, Tariff, ZoneSpan, tariff_on
from web_interface.format import NBSP, Format, plain
from web_interface.locale import t
from web_interface.pages.admin_calendar_view import DAYS, days_text
from web_interface.pages.energy_view import zone_name

Entry = dict[str, Any]
KINDS = (*DAYS, "holiday")
QUARTER_MIN = 15
HOURS_IN = re.compile(r"[,;\s]+")
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\Z")
_PEAK = re.compile(r"(\d{4}-\d\d-\d\d)[\sT]+(\d{1,2})(?::00)?\Z")


# -- lists of dated entries ----------------------------------------------------------------------------------------------------


def day_of(entry: Mapping[str, Any]) -> str:
    """The day from which an entry holds, as the plant file has it."""
    return str(entry.get("valid_from") or "")


def dated(section: object) -> list[Entry]:
    """A stored list in order of time, as entries that may be changed."""
    listed = [dict(entry) for entry in section if isinstance(entry, Mapping)] if isinstance(section, Sequence) else []
    return sorted(listed, key=day_of)


def with_entry(listed: Sequence[Entry], old: Entry | None, entry: Entry) -> tuple[list[Entry], int]:
    """The list with `entry` instead of `old` (None: beside the others), in order of time; and its place."""
    others = [known for known in listed if known is not old]
    found = sorted([*others, entry], key=day_of)
    return found, next(n for n, known in enumerate(found) if known is entry)


def running_of(listed: Sequence[Entry], today: date) -> int | None:
    """Place of the entry that holds today."""
    begun = [n for n, entry in enumerate(listed) if day_of(entry) <= today.isoformat()]
    if not begun:
        return None
    last = listed[begun[-1]].get("valid_to")
    return None if last and str(last) < today.isoformat() else begun[-1]


def state_words(listed: Sequence[Entry], place: int, today: date, lang: str) -> str:
    """Does it hold now, later, or no more?"""
    if running_of(listed, today) == place:
        return t("money.state.running", lang)
    return t("money.state.future" if day_of(listed[place]) > today.isoformat() else "money.state.past", lang)


def until(listed: Sequence[Entry], place: int) -> str:
    """The last day of an entry as stored, "" while it goes on until the next one."""
    return str(listed[place].get("valid_to") or "")


# -- words ---------------------------------------------------------------------------------------------------------------------


def plain_number(value: object, lang: str) -> str:
    """All digits of a number as somebody typed it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "—" if value in (None, "") else str(value)
    return plain(value, lang)


def per_kwh(value: object, fmt: Format) -> str:
    """"9,12 ₽/кВт·ч"."""
    return f"{plain_number(value, fmt.lang)}{NBSP}{fmt.currency}/{fmt.unit('kWh')}"


def prices_words(tariff: Mapping[str, Any], fmt: Format) -> str:
    """What a kWh costs by an entry, in one line."""
    category = tariff.get("category")
    if category == 1:
        return per_kwh(tariff.get("price_per_kwh"), fmt)
    if category == 2:
        zones = [f"{zone_name(str(zone.get('name')), fmt.lang)} {plain_number(zone.get('price_per_kwh'), fmt.lang)}"
                 for zone in tariff.get("zones") or ()]  # fmt: skip
        return f"{' · '.join(zones)}{NBSP}{fmt.currency}/{fmt.unit('kWh')}"
    return t("money.hourly", fmt.lang, table=tariff.get("table") or "—")


def power_words(tariff: Mapping[str, Any], fmt: Format) -> str:
    """What power costs by an entry; a dash where nothing is paid for it."""
    power = tariff.get("power") or {}
    prices = [plain_number(power[name], fmt.lang) for name in ("capacity_per_kw_month", "network_per_kw_month") if name in power]
    return t("money.power", fmt.lang, prices=" + ".join(prices), currency=fmt.currency) if prices else "—"


def price_now(tariffs: Sequence[Tariff], fallback_per_kwh: float | None, day: date, minute: int, *, holiday: bool) -> (
    tuple[str, float | None]
):
    """(zone, price per kWh) of a minute of the day; the price None where it is one of each hour, or unknown.

    `zone`: its name, "single", "hourly" or "no_price".
    """
    tariff = tariff_on(tariffs, day)
    if tariff is None:
        return ("no_price", None) if fallback_per_kwh is None else ("single", fallback_per_kwh)
    if tariff.category == 1:
        return "single", tariff.price_per_kwh
    if tariff.category > 2:
        return "hourly", None
    zone = tariff.zone_at(HOLIDAY if tariff.holidays and holiday else day.weekday(), minute)
    return ("no_price", None) if zone is None else (zone.name, zone.price_per_kwh)


def hours_words(value: object) -> str:
    """Hours of the day as typed: "7-23"."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")


def peaks_text(tariff: Mapping[str, Any]) -> str:
    """Published peak hours, one a line: "2026-11-02 17"."""
    peaks = (tariff.get("power") or {}).get("peak_hours") or ()
    return "\n".join(f"{peak.get('day')} {peak.get('hour')}" for peak in peaks)


def read_peaks(text: str) -> list[Entry]:
    """The inverse. Raises ConfigError at the field `peak_hours`."""
    found: list[Entry] = []
    for line in (piece.strip() for piece in re.split(r"[\n;]", text)):
        if not line:
            continue
        match = _PEAK.match(line)
        if match is None:
            raise ConfigError(f"peak_hours: {line!r} is no hour of a day; expected a day and an hour, such as 2026-11-02 17")
        found.append({"day": match[1], "hour": int(match[2])})
    return found


# -- the week ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stretch:
    """Minutes [start_min, end_min) of a day; `zones`: places of the zones that hold them: none is a hole, two a clash."""

    start_min: int
    end_min: int
    zones: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DayRow:
    """Kinds of day (0 Monday .. 6, 7 public holiday) that follow each other and are divided alike."""

    kinds: tuple[int, ...]
    stretches: tuple[Stretch, ...]


def minute_of(text: object) -> int | None:
    """"07:15" -> 435; "24:00" is 1440. None where it is no quarter hour of a day."""
    match = _CLOCK.match(str(text).strip())
    minute = int(match[1]) * 60 + int(match[2]) if match else -1
    return minute if 0 <= minute <= MINUTES_A_DAY and minute % QUARTER_MIN == 0 else None


def spans_of(zone: Mapping[str, Any]) -> list[ZoneSpan]:
    """The spans of an entry's zone that can be read; the others are told of as wrong elsewhere."""
    found = []
    for span in zone.get("spans") or ():
        start, end = minute_of(span.get("from")), minute_of(span.get("to"))
        if start is not None and end is not None:
            days = frozenset(KINDS.index(day) for day in span.get("days") or KINDS if day in KINDS)
            found.append(ZoneSpan(start % MINUTES_A_DAY, end, days))
    return found


def names_holidays(zones: Sequence[Mapping[str, Any]]) -> bool:
    """Does some span treat public holidays as days of their own?"""
    return any("holiday" in (span.get("days") or ()) for zone in zones for span in zone.get("spans") or ())


def week_of(zones: Sequence[Mapping[str, Any]]) -> list[DayRow]:
    """How the zones of an entry divide the days of the week, public holidays last where they are days of their own."""
    spans = [spans_of(zone) for zone in zones]
    rows: list[DayRow] = []
    for kind in range(8 if names_holidays(zones) else 7):
        stretches = _day(spans, kind)
        if rows and rows[-1].stretches == stretches and kind != HOLIDAY:
            rows[-1] = DayRow((*rows[-1].kinds, kind), stretches)
        else:
            rows.append(DayRow((kind,), stretches))
    return rows


def _day(spans: Sequence[Sequence[ZoneSpan]], kind: int) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for minute in range(0, MINUTES_A_DAY, QUARTER_MIN):
        held = tuple(n for n, mine in enumerate(spans) if any(kind in span.days and span.covers(minute) for span in mine))
        if found and found[-1].zones == held:
            found[-1] = Stretch(found[-1].start_min, minute + QUARTER_MIN, held)
        else:
            found.append(Stretch(minute, minute + QUARTER_MIN, held))
    return tuple(found)


def kinds_words(kinds: Sequence[int], words: Callable[..., str]) -> str:
    """"Mon–Fri", "Sat, Sun", "Holidays"."""
    if list(kinds) == [HOLIDAY]:
        return words("money.day.holidays")
    return days_text({"days": [KINDS[kind] for kind in kinds]}, words)


def clock(minute: int) -> str:
    """435 -> "07:15"."""
    return f"{minute // 60:02}:{minute % 60:02}"


# -- drafts --------------------------------------------------------------------------------------------------------------------

WEEKEND: tuple[str, ...] = ("sat", "sun", "holiday")
TEMPLATES: Mapping[str, Sequence[Entry]] = {
    "two": (
        {"name": "day", "spans": [{"from": "07:00", "to": "23:00"}]},
        {"name": "night", "spans": [{"from": "23:00", "to": "07:00"}]},
    ),
    "three": (
        {"name": "peak", "spans": [{"from": "07:00", "to": "10:00"}, {"from": "17:00", "to": "21:00"}]},
        {"name": "half_peak", "spans": [{"from": "10:00", "to": "17:00"}, {"from": "21:00", "to": "23:00"}]},
        {"name": "night", "spans": [{"from": "23:00", "to": "07:00"}]},
    ),
    "weekend": (
        {"name": "day", "spans": [{"from": "07:00", "to": "23:00", "days": list(DAYS[:5])}]},
        {"name": "night", "spans": [
            {"from": "23:00", "to": "07:00", "days": list(DAYS[:5])}, {"from": "00:00", "to": "24:00", "days": list(WEEKEND)},
        ]},
    ),
}  # fmt: skip


def zone_entry(name: str, price: float | None, spans: Sequence[tuple[str, str, frozenset[str]]]) -> Entry:
    """A zone as the plant file has it; days are left away where a span holds on all of them, what is not typed yet too."""
    found: Entry = {"name": name.strip()} if name.strip() else {}
    if price is not None:
        found["price_per_kwh"] = int(price) if float(price).is_integer() else price
    found["spans"] = [
        {"from": start, "to": end} | ({} if len(days) == len(KINDS) else {"days": [kind for kind in KINDS if kind in days]})
        for start, end, days in spans
    ]
    return found


def tariff_entry(form: Mapping[str, Any], zones: Sequence[Entry]) -> Entry:
    """What was typed as an entry of the plant file. Raises ConfigError at `peak_hours`."""
    entry = {name: value for name, value in form.items() if name != "power"}
    power = dict(form.get("power") or {})
    if peaks := read_peaks(str(power.pop("peak_hours", ""))):
        power["peak_hours"] = peaks
    if power:
        entry["power"] = power
    if entry.get("category") == 2:
        entry["zones"] = list(zones)
    return entry
