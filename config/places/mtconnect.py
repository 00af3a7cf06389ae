"""Where a point of an MTConnect device lies."""

from __future__ import annotations

import re
from typing import Final

from config.fields import Fields, shown
from domain.places.mtconnect import MtconnectPlace
from domain.quantity import Kind, Quantity

_NAME: Final = re.compile(r"[^\s|]{1,200}\Z")


def read(fields: Fields, quantity: Quantity) -> MtconnectPlace:
    """The place of one point."""
    item, condition = _names(fields, "item"), _names(fields, "condition")
    if bool(item) == bool(condition):
        fields.problem("item", "nothing says which data item it is", "either item: Srpm (or a list of names), or condition: '*'")
    if condition and quantity not in {Quantity.STATE, Quantity.TEXT} and quantity.kind is not Kind.STATE:
        fields.problem("condition", f"cannot be {quantity.value}", "quantity: state (0 normal, 1 warning, 2 fault) or text")
    return MtconnectPlace(item, condition)


def _names(fields: Fields, name: str) -> tuple[str, ...]:
    value = fields.raw(name)
    if value is None:
        return ()
    names = value if isinstance(value, list | tuple) else [value]
    if not names or not all(isinstance(one, str) and _NAME.match(one) for one in names):
        fields.problem(name, f"is {shown(value)}", "the name of a data item, or a list of names")
        return ()
    return tuple(names)
