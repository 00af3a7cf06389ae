"""Fields of a point that are taken as they are: for a protocol whose places have no model yet."""

from __future__ import annotations

from config.fields import Fields
from domain.profile import OtherPoint

COMMON = frozenset({
    "tag", "quantity", "unit", "scale", "offset", "plausible", "group", "enum", "secondary", "wrap_at", "max_rate", "spike",
    "frozen_after_s", "confidence",
})


def take(fields: Fields, protocol: str) -> OtherPoint:
    """All fields that are not common to every point."""
    own = {name: value for name, value in fields.values.items() if name not in COMMON}
    for name in own:
        fields.raw(name)
    if not own:
        fields.problem("", "nothing says where the point lies", f"the fields of a {protocol} point")
    return OtherPoint(own)
