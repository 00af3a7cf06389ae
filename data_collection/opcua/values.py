"""From a variant of asyncua to a plain value: number, truth or text."""

from __future__ import annotations

import enum
from datetime import UTC, datetime

from asyncua import ua


class NotOne(ValueError):
    """The value is an array, and no element of it was asked for (or there is none there)."""


def plain(value: object, index: int | None) -> object:
    """Number, truth, text or None. Raises NotOne. What has no such form (a structure) stays what it is."""
    if isinstance(value, list | tuple):
        if index is None and len(value) != 1:
            raise NotOne(f"an array of {len(value)} values: index is needed")
        if (index or 0) >= len(value):
            raise NotOne(f"an array of {len(value)} values has no element {index}")
        value = value[index or 0]
    elif index is not None:
        raise NotOne("no array, but index is given")
    if isinstance(value, enum.Enum):
        return int(value.value) if isinstance(value.value, int) else str(value.value)
    if isinstance(value, ua.LocalizedText):
        return value.Text or ""
    if isinstance(value, ua.QualifiedName):
        return value.Name
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, ua.NodeId):
        return value.to_string()
    return value


def microseconds(time: datetime | None) -> int | None:
    """UTC microseconds of a time of asyncua (UTC, with or without zone); None for none and for times before 1980."""
    if time is None or time.year < 1980:
        return None
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1e6)
