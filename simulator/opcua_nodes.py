"""From points of OPC UA devices to variables of a server: node ids, types, and values as they lie on the wire. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from asyncua import ua

from domain.places.opcua import OpcUaPlace
from domain.plant import Device
from domain.profile import Point
from domain.quantity import Kind, Quantity, canonical_factor
from simulator.registers import Value

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
_INDEX = re.compile(r"ns=(\d+);")
_NUMBERED = re.compile(r"(\d{1,5}):(.+)\Z", re.DOTALL)
_ELEMENTS = 8  # of an array of which some are shown


class Variable:
    """One point as a variable (or an element of one). `node` is set when the server has it."""

    def __init__(self, device: Device, point: Point, place: OpcUaPlace) -> None:
        known = {"address": device.address, "device": device.id, **device.profile.parameters, **device.options}
        text = _PLACEHOLDER.sub(lambda match: str(known.get(match[1]) or match[1]), place.node)
        self.tag, self._point, self._index = point.tag, point, place.index
        self.namespace = place.namespace
        self.path = text if text.startswith("/") else ""
        self._text = text
        self.node: ua.NodeId | None = None
        self.kind = _type_of(point)
        self._array: list[object] | None = None if place.index is None else [self._zero()] * max(_ELEMENTS, place.index + 1)
        self._last: object = None

    @property
    def name(self) -> str:
        """Last part of the node's id."""
        return re.split(r"[./|]", self._text)[-1].strip('"') or self.tag

    @property
    def number(self) -> int:
        """Number of the namespace that the node id itself names; 0 where it names none."""
        match = _INDEX.match(self._text)
        return int(match[1]) if match else 0

    def node_id(self, uris: Sequence[str]) -> ua.NodeId:
        if self.namespace is None:
            return ua.NodeId.from_string(self._text)
        return ua.NodeId.from_string(f"ns={uris.index(self.namespace)};{_INDEX.sub('', self._text, count=1)}")

    def path_names(self, uris: Sequence[str]) -> list[tuple[int, str]]:
        """(namespace, name) of each part of a path."""
        default = uris.index(self.namespace) if self.namespace is not None else 0
        found = []
        for part in self.path.strip("/").split("/"):
            match = _NUMBERED.match(part)
            found.append((int(match[1]), match[2]) if match else (default, part))
        return found

    def share(self, other: Variable) -> None:
        """Both are elements of one array."""
        mine, theirs = self._array, other._array
        if mine is not None and theirs is not None:
            theirs += [self._zero()] * (len(mine) - len(theirs))
            self._array = theirs

    def first(self) -> object:
        return list(self._array) if self._array is not None else self._zero()

    def written(self, value: Value) -> ua.DataValue | None:
        """What to write for a canonical value (None: the device has none); None where nothing changed."""
        raw = None if value is None else self._raw(value)
        if raw == self._last and self._last is not None:
            return None
        if raw is None and self._last is _NOTHING:
            return None
        self._last = _NOTHING if raw is None else raw
        if raw is None:
            empty = ua.Variant(self.first(), self.kind)
            return ua.DataValue(empty, ua.StatusCode(ua.StatusCodes.BadNoCommunication), SourceTimestamp=_now())
        if self._array is not None and self._index is not None:
            self._array[self._index] = raw
            raw = list(self._array)
        return ua.DataValue(ua.Variant(raw, self.kind), SourceTimestamp=_now())

    def _raw(self, value: float | str) -> object:
        point = self._point
        if point.kind is Kind.TEXT:
            return str(value)
        if isinstance(value, str):
            return None
        raw = (value / canonical_factor(point.quantity, point.unit) - point.offset) / point.scale
        return float(raw) if self.kind is ua.VariantType.Double else round(raw)

    def _zero(self) -> object:
        return "" if self.kind is ua.VariantType.String else 0.0 if self.kind is ua.VariantType.Double else 0


_NOTHING = object()


def _now() -> object:
    from datetime import UTC, datetime  # noqa: PLC0415 - asyncua wants it without a zone

    return datetime.now(UTC).replace(tzinfo=None)


def _type_of(point: Point) -> ua.VariantType:
    if point.kind is Kind.TEXT:
        return ua.VariantType.String
    if point.quantity is Quantity.STATE:
        return ua.VariantType.Int32
    return ua.VariantType.UInt32 if point.quantity is Quantity.COUNT and point.scale == 1 else ua.VariantType.Double


def variables_of(device: Device) -> list[Variable]:
    """All points of an OPC UA device."""
    return [Variable(device, p, p.where) for p in device.profile.points if isinstance(p.where, OpcUaPlace)]


def namespaces_of(variables: Iterable[Variable], standard: Sequence[str]) -> list[str]:
    """The server's array of namespaces: where a profile names a number, it has that many; named ones come where there is room."""
    known = list(variables)
    uris = list(standard)
    numbered = {v.number: v.namespace for v in known if v.number}
    for number in range(len(uris), max(numbered, default=0) + 1):
        uri = numbered.get(number)
        uris.append(uri if uri and uri not in uris else f"urn:energy-monitoring:simulator:{number}")
    for variable in known:
        if variable.namespace is not None and variable.namespace not in uris:
            uris.append(variable.namespace)
    return uris
