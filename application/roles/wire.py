"""Values of the domain as JSON and back: what the roles hand each other when one asks and the other does.

Only the classes reachable from the ones named here can be made by reading, whatever stands in a message.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, Final

from data_collection.driver import ScanHit
from domain.browse import BrowsedNode
from domain.camera import Camera, Shot
from domain.commissioning import Found
from domain.line_frame import LineFrames
from domain.places import Place
from domain.places.lsv2 import Lsv2Place
from domain.places.mqtt import MqttPlace
from domain.places.mtconnect import MtconnectPlace
from domain.places.opcua import OpcUaPlace
from domain.places.s7 import S7Place
from domain.places.tcp_frames import FramePlace
from domain.plant import Device, Line
from domain.plugin import PluginTrial
from domain.quality import Quality
from domain.sample import Reading

PLACES: Final[tuple[type[Place], ...]] = (FramePlace, Lsv2Place, MqttPlace, MtconnectPlace, OpcUaPlace, S7Place)
_ROOTS: Final = (BrowsedNode, Camera, Device, Found, Line, LineFrames, PluginTrial, Quality, Reading, ScanHit, Shot, *PLACES)


def packed(value: Any) -> Any:
    """As JSON has it: anything but plain values and lists is an object with one key that tells its kind. Raises TypeError."""
    if isinstance(value, Enum):
        return {"enum": [_known(type(value)), value.value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, list):
        return [packed(one) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [packed(one) for one in value]}
    if isinstance(value, Mapping):
        return {"map": [[packed(key), packed(one)] for key, one in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: packed(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": _known(type(value)), "fields": fields}
    raise TypeError(f"{type(value).__name__} does not cross between the roles")


def unpacked(found: Any) -> Any:
    """The inverse. Raises ValueError for what `packed` does not write; fields of a later version are skipped."""
    try:
        return _unpacked(found)
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no value of the roles: {type(exc).__name__} {exc}") from exc


def _unpacked(found: Any) -> Any:
    if isinstance(found, list):
        return [_unpacked(one) for one in found]
    if not isinstance(found, dict):
        return found
    if "class" in found:
        kind = _classes()[found["class"]]
        names = {field.name for field in dataclasses.fields(kind)}
        return kind(**{name: _unpacked(one) for name, one in found["fields"].items() if name in names})
    if "enum" in found:
        name, value = found["enum"]
        return _classes()[name](value)
    (kind_name, body), = found.items()
    return _PLAIN[kind_name](body)


_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "bytes": bytes.fromhex, "date": date.fromisoformat, "tuple": lambda body: tuple(map(_unpacked, body)),
    "map": lambda body: {_unpacked(key): _unpacked(one) for key, one in body},
}  # fmt: skip


def _known(kind: type) -> str:
    if _classes().get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__name__} does not cross between the roles")
    return str(kind.__name__)


@cache
def _classes() -> Mapping[str, Any]:
    """By name: the roots and whatever their fields are made of."""
    found: dict[str, Any] = {}
    waiting: list[Any] = list(_ROOTS)
    while waiting:
        kind = waiting.pop()
        if kind.__name__ not in found:
            found[kind.__name__] = kind
            if dataclasses.is_dataclass(kind):
                waiting += [one for hint in typing.get_type_hints(kind).values() for one in _named_in(hint)]
    return found


def _named_in(hint: Any) -> Iterator[Any]:
    """Dataclasses and enumerations in a type."""
    if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or issubclass(hint, Enum)):
        yield hint
    for part in typing.get_args(hint):
        yield from _named_in(part)
