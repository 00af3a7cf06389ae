"""What a node of a server's tree is most likely to be: tag, quantity and unit of a point, as a proposal. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from domain.browse import BrowsedNode
from domain.quantity import Quantity, units_of

_TEXTS: Final = frozenset({"String", "LocalizedText", "QualifiedName", "ByteString", "DateTime", "Guid", "NodeId"})
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
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", node.name).lower()
    place: dict[str, object] = {"node": node.node}
    if node.namespace is not None:
        place["namespace"] = node.namespace
    if node.length is not None:
        place["index"] = 0
    if node.type in _TEXTS:
        tag = "program" if "prog" in words and "program" not in taken else tag_of(node.name, taken)
        return {"tag": tag, "quantity": Quantity.TEXT.value, **place}
    for pattern, quantity, standard, unit in _WORDS:
        if re.search(pattern, words):
            tag = standard if standard and standard not in taken else tag_of(node.name, taken)
            return {"tag": tag, "quantity": quantity.value, "unit": unit, **place}
    quantity = Quantity.STATE if node.type == "Boolean" else Quantity.OTHER
    return {"tag": tag_of(node.name, taken), "quantity": quantity.value, "unit": "1", **place}


def units_for(quantity: str) -> tuple[str, ...]:
    """The units on the wire that measure a quantity; empty where any will do."""
    return units_of(Quantity(quantity))
