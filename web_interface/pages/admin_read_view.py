"""What an immediate read shows: rows with raw words and believable ranges, the four word orders, whether it adds up. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.commissioning import NETS, ReadNow, ReadNowRow
from domain.profile import Point, Profile
from domain.quality import FIRST_BAD
from domain.quantity import Kind, Quantity, canonical_factor
from web_interface.format import MISSING, Format
from web_interface.locale import has, t
from web_interface.texts import point_name, quality_words

ORDERS: Final = {"little": "CDAB", "big": "ABCD", "big-swapped": "BADC", "little-swapped": "DCBA"}
# What is believable at all, canonical units.
_USUAL: Final[Mapping[Quantity, tuple[float, float]]] = {
    Quantity.VOLTAGE: (0, 150_000),
    Quantity.FREQUENCY: (40, 70),
    Quantity.CURRENT: (-6300, 6300),
    Quantity.ACTIVE_POWER: (-10_000, 10_000),
    Quantity.REACTIVE_POWER: (-10_000, 10_000),
    Quantity.APPARENT_POWER: (0, 10_000),
    Quantity.POWER_FACTOR: (-1, 1),
    Quantity.PHASE_ANGLE: (-360, 360),
    Quantity.THD: (0, 400),
    Quantity.ENERGY_IMPORT: (0, 1e9),
    Quantity.ENERGY_EXPORT: (0, 1e9),
    Quantity.REACTIVE_ENERGY_IMPORT: (0, 1e9),
    Quantity.REACTIVE_ENERGY_EXPORT: (0, 1e9),
    Quantity.TEMPERATURE: (-60, 1500),
    Quantity.COUNT: (0, 1e12),
}
_ENDLESS: Final = 1e9
_TINY: Final = 1e-9  # no measurement: the exponent of other bytes
_TABLES: Final = {"holding", "input", "coil", "discrete"}
_MOST_WORDS, _MOST_BYTES = 4, 8
_PHASES: Final = ("l1", "l2", "l3")
_AGREE = 0.05  # U·I·cos φ of three rounded phases against the meter's own sum
_SAME = 0.01  # a display shows fewer digits and an older moment
_LEAST_KW = 0.02
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def columns(read: ReadNow, lang: str) -> list[dict[str, Any]]:
    """Heads of the table; the register's head names the table where all points lie in one."""
    shared = _shared_table(read.rows)
    modbus = all(row.where.partition(" ")[0] in _TABLES for row in read.rows)
    where = t("admin.read.register" if modbus else "admin.read.where", lang)
    named = f"{where}, {shared}" if shared else where
    return [
        {"key": "what", "name": t("admin.read.quantity", lang), "align": "left"},
        {"key": "where", "name": named, "align": "right" if shared else "left", "sort": False},
        {"key": "raw", "name": t("admin.read.raw", lang), "align": "left", "sort": False},
        {"key": "value", "name": t("admin.read.value", lang), "align": "right"},
        {"key": "unit", "name": t("admin.read.unit", lang), "align": "left", "sort": False},
        {"key": "plausible", "name": t("admin.read.plausible", lang), "align": "left", "grow": True},
    ]


def rows(read: ReadNow, profile: Profile | None, fmt: Format) -> list[dict[str, Any]]:
    """One row a point."""
    shared = _shared_table(read.rows)
    return [_row(row, _point(profile, row.point), fmt, shared) for row in read.rows]


def _row(row: ReadNowRow, point: Point | None, fmt: Format, shared: str) -> dict[str, Any]:
    quantity = _quantity(row.quantity)
    shown = row.text if row.text is not None else value_words(row.value, fmt)
    cells: dict[str, Any] = {
        "what": {"text": point_name(row.point, fmt.lang, quantity), "sort": row.point},
        "where": {"text": row.where.removeprefix(f"{shared} ") if shared else row.where, "mono": True},
        "raw": {"parts": [[word, "em-word"] for word in raw_words(row.raw)]},
        "value": {"text": shown, "bold": True, "sort": row.value if row.value is not None else row.text or ""},
        "unit": "" if row.unit == "1" else fmt.unit(row.unit),
        "plausible": _plausible(row, point, fmt),
    }
    return {"id": row.point, "cells": cells}


def _plausible(row: ReadNowRow, point: Point | None, fmt: Format) -> dict[str, Any]:
    if row.quality >= FIRST_BAD:
        return {"text": quality_words(row.quality, fmt.lang), "icon": "error", "tone": "alarm"}
    if row.text is not None:
        return {"text": "", "icon": "check_circle", "tone": "good"}
    if row.value is None:
        return {"text": quality_words(row.quality, fmt.lang), "icon": "remove_circle_outline", "tone": "quiet"}
    if row.plausible is None:
        return _usual(row.value, _quantity(row.quantity), fmt)
    between = range_words(point, fmt)
    if row.plausible:
        return {"text": between, "icon": "check_circle", "tone": "good"}
    return {"text": t("admin.read.outside", fmt.lang, range=between), "icon": "error", "tone": "alarm"}


def _usual(value: float, quantity: Quantity | None, fmt: Format) -> dict[str, Any]:
    """A hint where the profile gives no range: is it what such a quantity usually is in a shop?"""
    quiet = {"text": MISSING, "icon": "remove_circle_outline", "tone": "quiet"}
    nets = NETS.get(quantity) if quantity is not None else None
    for net, spread in nets or ():
        if abs(value - net) <= spread:
            return {"text": t(f"admin.usual.{net:g}", fmt.lang), "icon": "check_circle", "tone": "good"}
    border = _USUAL.get(quantity) if quantity is not None else None
    if quantity is None or border is None or (nets and value == 0):
        return quiet
    low, high = border
    unit = "" if quantity.unit == "1" else f"\u00a0{fmt.unit(quantity.unit)}"
    between = f"{_short(low, fmt)}…{_short(high, fmt)}{unit}"
    if low == -high and high > 1:
        between = t("admin.usual.up_to", fmt.lang, value=f"{_short(high, fmt)}{unit}")
    elif high >= _ENDLESS:
        between = "≥\u00a00"
    if not low <= value <= high or 0 < abs(value) < _TINY:
        return {"text": t("admin.read.outside", fmt.lang, range=between), "icon": "error", "tone": "alarm"}
    return quiet if nets else {"text": between, "icon": "check_circle", "tone": "good"}


def range_words(point: Point | None, fmt: Format) -> str:
    """The believable range in the unit that is shown: "0…400 В"."""
    if point is None or point.plausible is None:
        return ""
    factor = canonical_factor(point.quantity, point.unit)
    low, high = (_short(border * factor, fmt) for border in point.plausible)
    unit = point.canonical_unit
    return f"{low}…{high}" + ("" if unit in {"", "1"} else f"\u00a0{fmt.unit(unit)}")


def raw_words(raw: str) -> list[str]:
    """Registers apart, bytes together; of a long reply the beginning, all of it stands among the frames."""
    words = raw.split()
    if words and all(len(word) == 4 for word in words):
        return words if len(words) <= _MOST_WORDS else [*words[:_MOST_WORDS], "…"]
    return [raw if len(words) <= _MOST_BYTES else " ".join(words[:_MOST_BYTES]) + " …"] if raw else []


def value_words(value: float | None, fmt: Format) -> str:
    """Digits as a meter shows them; powers of ten where no meter could show it."""
    if value is None:
        return MISSING
    size = abs(value)
    if size and (size >= 1e8 or size < 1e-4):
        return _power_of_ten(value, fmt)
    if value == round(value) and size < 1e6:
        return fmt.number(value, 0)
    return fmt.number(value, 1 if size >= 1000 else 2 if size >= 10 else 3)


def _power_of_ten(value: float, fmt: Format) -> str:
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{fmt.number(float(digits), 1)}·10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _short(value: float, fmt: Format) -> str:
    digits = next((d for d in range(4) if abs(value - round(value, d)) < 1e-9), 3)
    return fmt.number(value, digits)


# ---- word orders ---------------------------------------------------------------------------------------------------
def sole_order(read: ReadNow) -> str | None:
    """The order that makes more values believable than each other one; None when there is no such."""
    ranked = sorted(read.orders.items(), key=lambda item: -item[1][0])
    if not ranked or ranked[0][1][0] == 0:
        return None
    if len(ranked) > 1 and ranked[1][1][0] == ranked[0][1][0]:
        return None
    return ranked[0][0]


def order_cards(read: ReadNow, chosen: str, fmt: Format) -> list[dict[str, Any]]:
    """Four cards with the same three values, the best first."""
    best = sole_order(read)
    known = [order for order in ORDERS if order in read.orders]
    cards = []
    for order in sorted(known, key=lambda order: -read.orders[order][0]):
        good, of = read.orders[order]
        values = [[_symbol(point), value_words(value, fmt)] for point, value, _unit in read.order_values.get(order, ())]
        cards.append({
            "id": order, "code": ORDERS[order], "name": t(f"admin.order.{order}", fmt.lang), "selected": order == chosen,
            "count": t("admin.order.count", fmt.lang, good=good, of=of), "good": order == best, "values": values,
        })  # fmt: skip
    return cards


def order_words(read: ReadNow, chosen: str, changed: bool, lang: str) -> str:
    """What the probe says about the choice."""
    best = sole_order(read)
    if best is None:
        return t("admin.order.unclear", lang)
    if chosen != best:
        return t("admin.order.other", lang, best=ORDERS[best])
    return t("admin.order.chosen" if changed else "admin.order.right", lang, best=ORDERS[best])


def _symbol(point: str) -> str:
    """U L1, P, f: as an engineer writes the point."""
    stem, _, tail = point.rpartition("_")
    phase = tail.upper() if stem and tail in {*_PHASES, "l12", "l23", "l31", "t1", "t2", "t3", "t4"} else ""
    quantity = _quantity(stem if phase else point)
    return f"{quantity.symbol}\u00a0{phase}".strip() if quantity is not None else point


# ---- does it add up ------------------------------------------------------------------------------------------------
def adds_up(read: ReadNow, fmt: Format) -> tuple[bool, str] | None:
    """U·I·cos φ of the phases against the active power the device tells, kW; None where one of them is not there."""
    known = {row.point: row.value for row in read.rows if row.value is not None and row.quality < FIRST_BAD}
    total = known.get("active_power")
    if total is None:
        return None
    parts = []
    for phase in _PHASES:
        factor = known.get(f"power_factor_{phase}", known.get("power_factor"))
        volts, amperes = known.get(f"voltage_{phase}"), known.get(f"current_{phase}")
        if factor is None or volts is None or amperes is None:
            return None
        parts.append(volts * amperes * abs(factor) / 1000)
    mine = sum(parts)
    if max(mine, abs(total)) < _LEAST_KW:
        return None
    good = abs(mine - abs(total)) <= _AGREE * max(mine, abs(total))
    key = "admin.read.adds_up" if good else "admin.read.does_not"
    return good, t(key, fmt.lang, mine=fmt.value(mine, "kW", 2), total=fmt.value(abs(total), "kW", 2))


def check_row(read: ReadNow) -> ReadNowRow | None:
    """The value that a person can compare with the device's display: a voltage, else the first number."""
    usable = [row for row in read.rows if row.value is not None and row.quality < FIRST_BAD]
    return next((row for row in usable if row.quantity == "voltage"), usable[0] if usable else None)


def same_value(typed: str, row: ReadNowRow) -> bool | None:
    """Is it what the display shows? None while it is no number."""
    try:
        number = float(typed.replace("\u00a0", "").replace(" ", "").replace(",", "."))
    except ValueError:
        return None
    value = row.value or 0.0
    return abs(number - value) <= max(_SAME * abs(value), 0.05)


# ---- no answer -----------------------------------------------------------------------------------------------------
def advice(error: str, lang: str) -> str:
    """What to check, in plain words, by the kind of error."""
    key = f"admin.read.error.{error}"
    return t(key if has(key, lang) else "admin.read.error.other", lang)


def support_text(fields: Mapping[str, object], read: ReadNow) -> str:
    """All that a support engineer needs, as text; no secrets."""
    shown = ", ".join(f"{name}={value}" for name, value in fields.items() if name != "password")
    lines = [f"device: {shown}", f"time: {read.seconds * 1000:.0f} ms", f"error: {read.error}" if read.error else ""]
    for row in read.rows:
        value = row.value if row.text is None else row.text
        lines.append("\t".join((row.point, row.where, row.raw, str(value), row.unit, str(row.quality))))
    lines += [f"word order {order}: {good} of {of} plausible" for order, (good, of) in read.orders.items()]
    return "\n".join(line for line in (*lines, read.technical) if line)


def _shared_table(found: Sequence[ReadNowRow]) -> str:
    """The Modbus table, where all points lie in the same."""
    tables = {row.where.partition(" ")[0] for row in found}
    return tables.pop() if len(tables) == 1 and tables <= _TABLES else ""


def _point(profile: Profile | None, tag: str) -> Point | None:
    return next((point for point in profile.points if point.tag == tag), None) if profile is not None else None


def _quantity(name: str) -> Quantity | None:
    try:
        quantity = Quantity(name)
    except ValueError:
        return None
    return quantity if quantity.kind is not Kind.TEXT else None
