"""Points of a profile as a table that is edited: columns by protocol, cells as a person types them, and back. Pure."""

from __future__ import annotations

import copy
import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.commissioning import ReadNow
from domain.profile import BIT_TABLES, MERCURY_QUERIES, REGISTER_TABLES, REGISTERS, TYPES, Group, Profile
from domain.quantity import Quantity, units_of
from web_interface.api.tables import safe_cell
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import admin_read_view
from web_interface.pages.admin_words import Trouble

Document = Mapping[str, object]
ORDERS: Final = {"big": "ABCD", "little": "CDAB", "big-swapped": "BADC", "little-swapped": "DCBA"}
BORDERS: Final = ("low", "high")  # the two ends of `plausible`
_ORDINARY: Final = {  # fields with a column of their own whatever the protocol, and those that stand in the YAML only
    "tag", "quantity", "unit", "scale", "plausible", "group",
}
_RARE: Final = {
    "offset", "enum", "secondary", "wrap_at", "max_rate", "spike", "frozen_after_s", "confidence", "length", "sentinel",
    "overlaps", "bytes_per_register",
}
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
_NUMBERS: Final = {"address", "bit", "scale", "low", "high"}


def points_of(document: Document) -> list[Any]:
    """Its points as they stand, also those that make no sense."""
    points = document.get("points")
    return list(points) if isinstance(points, list) else []


def columns(document: Document, lang: str) -> list[dict[str, Any]]:
    """`kind`: text | choice | units; `options`: [value, words], `none`: of an empty one; `wide`: of the control in pixels."""
    protocol = document.get("protocol")
    quantities = [[q.value, t(f"point.{q.value}", lang) if has(f"point.{q.value}", lang) else q.value] for q in Quantity]
    groups = [[g.value, t(f"profile.group.{g.value}", lang)] for g in Group]
    found = [
        _column("tag", 168, lang, mono=True),
        _column("quantity", 176, lang, options=sorted(quantities, key=lambda option: option[1])),
        _column("unit", 64, lang, units=True),
    ]
    if protocol == "modbus":
        found += _modbus(document, lang)
    elif protocol == "mercury":
        found += [_column("query", 120, lang, options=[[q, q] for q in MERCURY_QUERIES]), _column("item", 110, lang, mono=True)]
    else:
        found += [_column(name, 200, lang, mono=True) for name in _places(document)]
    found += [_column("scale", 72, lang), _column("low", 72, lang), _column("high", 72, lang)]
    return [*found, {**_column("group", 112, lang, options=groups), "none": t("profile.group.usual", lang)}]


def _modbus(document: Document, lang: str) -> list[dict[str, Any]]:
    found = [_column("table", 92, lang, options=[[name, name] for name in (*REGISTER_TABLES, *BIT_TABLES)])]
    if document.get("layout") != "sequential":
        found.append(_column("address", 72, lang, mono=True))
    found.append(_column("type", 90, lang, options=[[name, name] for name in TYPES]))
    if any(isinstance(point, Mapping) and "bit" in point for point in points_of(document)):
        found.append(_column("bit", 48, lang, mono=True))
    return [*found, _column("word_order", 84, lang, options=[[value, words] for value, words in ORDERS.items()])]


def _column(
    key: str, wide: int, lang: str, *, options: Sequence[Any] = (), mono: bool = False, units: bool = False
) -> dict[str, Any]:
    name = f"profile.col.{key}"
    words = t(name, lang) if has(name, lang) else t(f"admin.field.{key}", lang) if has(f"admin.field.{key}", lang) else key
    kind = "units" if units else "choice" if options else "text"
    return {"key": key, "name": words, "kind": kind, "options": list(options), "wide": wide, "mono": mono}


def _places(document: Document) -> list[str]:
    """Fields that say where a point lies, in a protocol that has its own."""
    names: dict[str, None] = {}
    for point in points_of(document):
        if isinstance(point, Mapping):
            names |= dict.fromkeys(str(name) for name in point if name not in _ORDINARY | _RARE)
    return list(names)


def rows(document: Document) -> list[dict[str, Any]]:
    """One row a point; `hints`: what holds where a cell is empty, `units`: of its quantity, `rare`: only in YAML."""
    defaults = document.get("defaults")
    hints = {name: _shown(value) for name, value in defaults.items()} if isinstance(defaults, Mapping) else {}
    return [_row(number, point, hints) for number, point in enumerate(points_of(document))]


def _row(number: int, point: object, hints: Mapping[str, str]) -> dict[str, Any]:
    fields = point if isinstance(point, Mapping) else {}
    cells = {str(name): _shown(value) for name, value in fields.items() if name not in _RARE | {"plausible"}}
    pair = fields.get("plausible")
    if isinstance(pair, list | tuple):
        cells |= {border: _shown(value) for border, value in zip(BORDERS, pair, strict=False)}
    rare = [name for name in fields if name in _RARE]
    own = {"word_order": "big", "scale": "1", **hints}
    return {"id": number, "cells": cells, "hints": own, "units": units_for(cells.get("quantity", "")), "rare": rare}


def units_for(quantity: str) -> list[str]:
    """Units that measure it; none when any does."""
    return list(units_of(Quantity(quantity))) if quantity in {q.value for q in Quantity} else []


def _shown(value: object) -> str:
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def as_csv(document: Document) -> bytes:
    """The points for a spreadsheet, and back; fields that stand in the YAML only are not in it."""
    shown = rows(document)
    names = list(dict.fromkeys(name for row in shown for name in row["cells"]))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(names)
    for row in shown:
        cells = [row["cells"].get(name, "") for name in names]
        writer.writerow([cell if _NUMBER.fullmatch(cell) else safe_cell(cell) for cell in cells])
    return out.getvalue().encode("utf-8-sig")


def edited(document: Document, number: int, key: str, typed: str) -> dict[str, Any]:
    """The document with one cell as it was typed; an empty one takes the field out. An unknown row changes nothing."""
    made: dict[str, Any] = {**document, "points": copy.deepcopy(points_of(document))}
    if not 0 <= number < len(made["points"]) or not isinstance(made["points"][number], dict):
        return made
    point, value = made["points"][number], _typed(typed.strip(), numeric=key in _NUMBERS or _holds_numbers(made["points"], key))
    if key in BORDERS:
        _set_border(point, BORDERS.index(key), value)
    elif value is None:
        point.pop(key, None)
    else:
        point[key] = value
    units = units_for(str(point.get("quantity", "")))
    if key == "quantity" and units and point.get("unit") not in units:
        point["unit"] = units[0]
    return made


def _holds_numbers(points: Sequence[Any], key: str) -> bool:
    """Do other points have numbers there? A protocol's own fields tell their kind by what stands in them."""
    return any(isinstance(point.get(key), int | float) for point in points if isinstance(point, dict))


def _typed(typed: str, *, numeric: bool) -> object:
    """Numbers become numbers; what is none stays as it is, for the check to say so."""
    if not typed:
        return None
    if not numeric or not _NUMBER.fullmatch(typed):
        return typed
    number = float(typed.replace(",", "."))
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _set_border(point: dict[str, Any], which: int, value: object) -> None:
    pair = point.get("plausible")
    both = [*(pair if isinstance(pair, list | tuple) else ()), None, None][:2]
    both[which] = value
    if both == [None, None]:
        point.pop("plausible", None)
    else:
        point["plausible"] = both


def added(document: Document) -> dict[str, Any]:
    """One more point at the end: like the last one, behind it."""
    points = copy.deepcopy(points_of(document))
    last = next((point for point in reversed(points) if isinstance(point, dict)), {})
    kept = ("quantity", "unit", "table", "type", "word_order", "query", *_places(document))
    fresh = {name: last[name] for name in kept if name in last}
    address = last.get("address")
    if document.get("protocol") == "modbus" and document.get("layout") != "sequential":
        defaults = document.get("defaults")
        shared = defaults.get("type") if isinstance(defaults, Mapping) else None
        room = REGISTERS.get(str(last.get("type", shared)), 1)
        fresh["address"] = address + room if isinstance(address, int) else 0
    return {**document, "points": [*points, {"tag": "", "quantity": Quantity.ACTIVE_POWER.value, "unit": "W", **fresh}]}


def removed(document: Document, number: int) -> dict[str, Any]:
    """Without one point."""
    return {**document, "points": [point for i, point in enumerate(copy.deepcopy(points_of(document))) if i != number]}


def marks(troubles: Sequence[Trouble]) -> dict[str, dict[str, Any]]:
    """What is wrong in each row: {row: {cells: [keys], words: [sentences]}}."""
    found: dict[str, dict[str, Any]] = {}
    for trouble in troubles:
        if len(trouble.path) < 2 or trouble.path[0] != "points":
            continue
        row = found.setdefault(str(trouble.path[1]), {"cells": [], "words": []})
        field = str(trouble.path[2]) if len(trouble.path) > 2 else ""
        row["cells"] += BORDERS if field == "plausible" else [field] if field else []
        row["words"].append(f"{trouble.label}. {trouble.words}" if trouble.label else trouble.words)
    return found


def elsewhere(troubles: Sequence[Trouble]) -> list[Trouble]:
    """What is wrong outside the points."""
    return [trouble for trouble in troubles if len(trouble.path) < 2 or trouble.path[0] != "points"]


def answers(read: ReadNow, profile: Profile, document: Document, fmt: Format) -> dict[str, dict[str, Any]]:
    """What was read, by row: raw words, value with unit, and whether it is believable."""
    by_tag = {row["id"]: row["cells"] for row in admin_read_view.rows(read, profile, fmt)}
    found: dict[str, dict[str, Any]] = {}
    for number, point in enumerate(points_of(document)):
        cells = by_tag.get(point.get("tag")) if isinstance(point, Mapping) else None
        if cells is not None:
            raw = [word for word, _ in cells["raw"]["parts"]]
            value = f"{cells['value']['text']} {cells['unit']}".strip()
            verdict = {key: cells["plausible"].get(key, "") for key in ("icon", "tone", "text")}
            found[str(number)] = {"raw": raw, "value": value, **verdict}
    return found
