"""Reads where a point of a Siemens S7 controller lies."""

from __future__ import annotations

from config.fields import Fields, shown
from domain.places.s7 import ADDRESS_EXAMPLE, ENCODINGS, LAST_BYTE, SIZES, TEXTS, VARIABLE, WIDTHS, S7Place, parsed_address
from domain.quantity import Kind, Quantity

LONGEST_STRING = 254


def read(fields: Fields, quantity: Quantity) -> S7Place:
    """The place of one point."""
    kind = _type(fields, quantity)
    length = fields.whole("length", 0, low=1, high=LONGEST_STRING, required=kind in VARIABLE) or 0
    if kind is not None and kind not in VARIABLE and fields.has("length"):
        fields.problem("length", f"has no meaning for type {kind}", "type: STRING")
    encoding = fields.choice("encoding", ENCODINGS, ENCODINGS[0]) or ENCODINGS[0]
    address = fields.text("address", required=True, longest=40)
    if address is not None and kind is not None and "{" in address:  # parameters of the profile stand in it
        return S7Place(address.strip(), kind, length, encoding)
    found = None if address is None else parsed_address(address)
    if address is not None and found is None:
        fields.problem("address", f"is {shown(address)}", f"an address such as {ADDRESS_EXAMPLE}")
    if kind is None or found is None or address is None:
        return S7Place("M0.0", "BOOL")
    if kind == "BOOL" and found.bit is None:
        fields.problem("address", f"is {shown(address)}", "a bit, such as DB10.DBX8.2 or M10.3")
    elif kind != "BOOL" and found.bit:
        fields.problem("type", f"{kind} is more than a bit", "type: BOOL")
    elif found.width and kind in SIZES and SIZES[kind] != WIDTHS[found.width] and SIZES[kind] <= max(WIDTHS.values()):
        fields.problem(
            "address", f"is {shown(address)}: {WIDTHS[found.width]} bytes, while {kind} takes {SIZES[kind]}",
            f"an address such as {ADDRESS_EXAMPLE}",
        )
    place = S7Place(address.strip().upper(), kind, length, encoding)
    if place.end > LAST_BYTE + 1:
        fields.problem("address", f"the value ends behind the last byte {LAST_BYTE}", "an address with room for all of it")
    return place


def _type(fields: Fields, quantity: Quantity) -> str | None:
    written = fields.text("type", required=True, longest=20)
    kind = None if written is None else written.upper()
    if kind is not None and kind not in SIZES and kind not in VARIABLE:
        fields.problem("type", f"is {shown(written)}", f"one of {', '.join((*SIZES, *VARIABLE))}")
        return None
    if kind in TEXTS and quantity.kind is not Kind.TEXT:
        fields.problem("quantity", f"{kind} is a text, not {quantity.value}", "quantity: text")
    return kind
