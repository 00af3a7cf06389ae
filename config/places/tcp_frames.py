"""Where a point lies in a frame."""

from __future__ import annotations

from config.fields import Fields
from domain.places.tcp_frames import SIZES, TYPES, FramePlace
from domain.quantity import Kind, Quantity


def read(fields: Fields, quantity: Quantity) -> FramePlace:
    """The place of one point."""
    byte, field = fields.whole("byte", low=0, high=65535), fields.whole("field", low=1, high=1000)
    bit = fields.whole("bit", low=0, high=7)
    text = quantity.kind is Kind.TEXT
    usual = "text" if text else "number" if field is not None else "bit" if bit is not None else None
    kind = fields.choice("type", TYPES, usual, required=usual is None) or "uint8"
    length = fields.whole("length", low=1, high=65535)
    order = fields.choice("byte_order", ("big", "little"), "big") or "big"
    if (byte is None) == (field is None):
        fields.problem("byte", "nothing says where the value lies", "byte (from 0), or field (from 1) of a parted text")
    if bit is not None and kind not in {"bit", "toggles"}:
        fields.problem("bit", f"cannot be taken out of a {kind}", "type: bit")
    if kind in {"bit", "toggles"} and bit is None:
        fields.problem("bit", "is missing: which bit of the byte", "bit: 0 (lowest) to 7")
    if field is not None and kind in SIZES:
        fields.problem("type", f"{kind} is no part of a text", "type: number or text")
    if kind in {"text", "number"} and byte is not None and length is None:
        fields.problem("length", f"is missing: how many bytes the {kind} has", "length: bytes")
    if length is not None and kind in SIZES:
        fields.problem("length", f"has no meaning for type {kind}", "type: text or number")
    if text != (kind == "text"):
        fields.problem("type", f"{kind} does not suit {quantity.value}", "text for texts, numbers for the rest")
    return FramePlace(byte, kind, bit, length, order, field)
