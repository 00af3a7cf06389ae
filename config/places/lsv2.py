"""Reads where a point of a Heidenhain control (LSV2) lies."""

from __future__ import annotations

from config.fields import Fields, shown
from domain.places.lsv2 import ITEMS, MEMORY_BYTES, TEXTS, Lsv2Place
from domain.quantity import Kind, Quantity

LAST_ADDRESS = 0xFF_FFFF


def read(fields: Fields, quantity: Quantity) -> Lsv2Place:
    """The place of one point."""
    if fields.has("query") == fields.has("memory"):
        for name in ("query", "item", "memory", "address"):
            fields.raw(name)
        fields.problem("query", "nothing or two things say where the point lies", "either query, or memory and address")
        return Lsv2Place()
    return _query(fields, quantity) if fields.has("query") else _memory(fields, quantity)


def _query(fields: Fields, quantity: Quantity) -> Lsv2Place:
    query = fields.choice("query", ITEMS)
    if query is None:
        fields.raw("item")
        return Lsv2Place()
    items = ITEMS[query]
    if items == ("",):
        return Lsv2Place(query)
    item = fields.choice("item", items, required=True) if items else fields.text("item", required=True, longest=16)
    if (query, item) in TEXTS and quantity.kind is not Kind.TEXT:
        fields.problem("quantity", f"{query} {item} is a text, not {quantity.value}", "quantity: text")
    return Lsv2Place(query, item or "")


def _memory(fields: Fields, quantity: Quantity) -> Lsv2Place:
    memory = fields.choice("memory", MEMORY_BYTES)
    address = fields.whole("address", low=0, high=LAST_ADDRESS, required=True)
    if memory is None or address is None:
        return Lsv2Place()
    size = MEMORY_BYTES[memory]
    if address % size:
        fields.problem("address", f"is {shown(address)}", f"the number of its first byte: a multiple of {size}")
    if quantity.kind is Kind.TEXT:
        fields.problem("memory", "is a number, not a text", "a quantity that is a number")
    return Lsv2Place(memory=memory, address=address)
