"""What a node of a server's tree, or what a survey heard, is most likely to be: the fields of a point, as a proposal. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from domain.browse import BrowsedNode
from domain.commissioning import Found
from domain.quantity import Quantity, units_of

_TEXTS: Final = frozenset({"String", "LocalizedText", "QualifiedName", "ByteString", "DateTime", "Guid", "NodeId"})
_PLAIN: Final = re.compile(r'[^.\[\]"]+')  # names that a path can hold as they are
# words of a name, the first that fits: (pattern, quantity, standard tag, unit)
_WORDS: Final = (
    (r"spindle.*load|drive_?load", Quantity.LOAD, "spindle_load", "%"),
    (r"spindle.*speed|act_?speed|rpm|drehzahl", Quantity.SPEED, "spindle_speed", "1/min"),
    (r"override|ovr", Quantity.LOAD, "", "%"),
    (r"feed", Quantity.FEED_RATE, "feed_rate", "mm/min"),
    (r"part|stueck|piece|count", Quantity.COUNT, "part_count", "1"),
    (r"alarm|fault|error", Quantity.STATE, "alarm", "1"),
    (r"op_?mode|betriebsart", Quantity.STATE, "operating_mode", "1"),
    (r"status|state|execution", Quantity.STATE, "execution_state", "1"),
    (r"energy|wirkarbeit|kwh", Quantity.ENERGY_IMPORT, "energy_import", "kWh"),
    (r"reactive_?power|blindleistung", Quantity.REACTIVE_POWER, "reactive_power", "kvar"),
    (r"apparent_?power", Quantity.APPARENT_POWER, "apparent_power", "kVA"),
    (r"power_?factor|cos_?phi", Quantity.POWER_FACTOR, "power_factor", "1"),
    (r"power|leistung", Quantity.ACTIVE_POWER, "active_power", "kW"),
    (r"voltage|spannung", Quantity.VOLTAGE, "voltage_l1", "V"),
    (r"current|strom", Quantity.CURRENT, "current_l1", "A"),
    (r"frequency|frequenz", Quantity.FREQUENCY, "frequency", "Hz"),
    (r"temp", Quantity.TEMPERATURE, "", "°C"),
    (r"pressure|druck", Quantity.PRESSURE, "", "bar"),
)


def tag_of(name: str, taken: Collection[str]) -> str:
    """A tag from a node's name that is not taken: lower case, words set off by underscores."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    stem = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:60] or "value"
    stem = stem if stem[0].isalpha() else f"v_{stem}"
    return next(made for n in range(1, 10_000) if (made := stem if n == 1 else f"{stem}_{n}") not in taken)


def proposed(node: BrowsedNode, taken: Collection[str]) -> dict[str, object]:
    """The fields of a point for a variable. A text is a text whatever it is called, but a program is named as such."""
    place: dict[str, object] = {"node": node.node}
    if node.namespace is not None:
        place["namespace"] = node.namespace
    if node.length is not None:
        place["index"] = 0
    return {**_meaning(node.name, taken, text=node.type in _TEXTS, switch=node.type == "Boolean"), **place}


def heard_points(transport: str, item: Found, taken: Collection[str]) -> list[dict[str, object]]:
    """Points for what a survey heard; none where nothing says how its parts lie.

    An MQTT topic with one value is one point, with a JSON object one a value in it; an MTConnect data item is one.
    """
    if transport == "mtconnect":
        name = item.where.rpartition("/")[2]
        return [{**_meaning(name, taken, text=not _is_number(item.answer)), "item": name}]
    if transport != "mqtt" or not item.answer:
        return []
    try:
        told = json.loads(item.answer)
    except ValueError:
        if item.answer[0] in "{[":  # cut off, or no JSON at all: how its parts lie cannot be seen
            return []
        told = item.answer
    found: list[dict[str, object]] = []
    used = set(taken)
    for path, value in _leaves(told):
        name = path.rpartition(".")[2] or item.where.rpartition("/")[2]
        text = isinstance(value, str) and not _is_number(value)
        point = {**_meaning(name, used, text=text, switch=isinstance(value, bool)), "topic": item.where}
        found.append({**point, "path": path} if path else point)
        used.add(str(point["tag"]))
    return found


def _leaves(told: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Single values of a message with their paths."""
    if isinstance(told, dict):
        for name, value in told.items():
            if _PLAIN.fullmatch(name):
                yield from _leaves(value, f"{path}.{name}" if path else name)
    elif not isinstance(told, list) and told is not None:
        yield path, told


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _meaning(name: str, taken: Collection[str], *, text: bool, switch: bool = False) -> dict[str, object]:
    """Tag, quantity and unit by a name."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    if text:
        tag = "program" if "prog" in words and "program" not in taken else tag_of(name, taken)
        return {"tag": tag, "quantity": Quantity.TEXT.value}
    for pattern, quantity, standard, unit in _WORDS:
        if re.search(pattern, words):
            tag = standard if standard and standard not in taken else tag_of(name, taken)
            return {"tag": tag, "quantity": quantity.value, "unit": unit}
    quantity = Quantity.STATE if switch else Quantity.OTHER
    return {"tag": tag_of(name, taken), "quantity": quantity.value, "unit": "1"}


def units_for(quantity: str) -> tuple[str, ...]:
    """The units on the wire that measure a quantity; empty where any will do."""
    return units_of(Quantity(quantity))
