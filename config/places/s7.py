"""Where a point of a s7 device lies."""

from __future__ import annotations

from config.fields import Fields
from config.places.unchecked import take
from domain.profile import OtherPoint
from domain.quantity import Quantity


def read(fields: Fields, _quantity: Quantity) -> OtherPoint:
    """The place of one point."""
    return take(fields, "s7")
