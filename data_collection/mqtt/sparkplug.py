"""Sparkplug B: births, deaths, aliases and sequence of edge nodes. Pure but for what the births told.

Source: Eclipse Sparkplug 3.0.0, chapters 4 (topics), 5 (operations) and 6 (payloads). Only what a listener needs is decoded;
fields it does not know (properties, data sets, templates) are passed over. Nothing is ever published: a lost birth is told, not
asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from domain.sparkplug import NAMESPACE, payload_class

Raw = float | int | bool | str | None
"""A value as it came; None is "no value"."""
_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}  # Int8 .. Int64 travel as unsigned
_UNUSABLE: Final = frozenset({16, 17, 18, 19})  # DataSet, Bytes, File, Template


class Kind(Enum):
    """Message types that tell about metrics; the others (commands, STATE) are not ours."""

    NODE_BIRTH = "NBIRTH"
    DEVICE_BIRTH = "DBIRTH"
    NODE_DATA = "NDATA"
    DEVICE_DATA = "DDATA"
    NODE_DEATH = "NDEATH"
    DEVICE_DEATH = "DDEATH"

    @property
    def is_birth(self) -> bool:
        return self in {Kind.NODE_BIRTH, Kind.DEVICE_BIRTH}


@dataclass(frozen=True, slots=True)
class Address:
    """Of an edge node (`device` empty) or of a device behind it."""

    group: str
    node: str
    device: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """`group/node` or `group/node/device`. Raises ValueError."""
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            raise ValueError(f"{text!r} is no Sparkplug address; expected group/node or group/node/device")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Metric:
    """One value as it came. `time_us` of the metric itself, else of the message; `historical`: older than what is known."""

    name: str
    value: Raw
    time_us: int | None
    historical: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What one message means: metrics of an address, or the end of it (and of all devices behind an edge node)."""

    address: Address
    metrics: tuple[Metric, ...] = ()
    dead: bool = False
    faults: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """A message that means nothing; `kind` as counted."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


@dataclass(slots=True)
class _Node:
    birth_number: int | None = None  # bdSeq of its birth: an older death is not this one's
    sequence: int | None = None
    alive: bool = False
    aliases: dict[int, tuple[str, str, int]] = field(default_factory=dict)  # alias -> device, name, data type
    types: dict[tuple[str, str], int] = field(default_factory=dict)


class Listener:
    """Follows the edge nodes of one broker."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], _Node] = {}

    def take(self, topic: str, payload: bytes) -> Told | None:
        """What a message tells; None for messages that are not about metrics. Raises Refused for one that cannot be read."""
        parsed = kind_of(topic)
        if parsed is None:
            return None
        kind, address = parsed
        message = _decode(payload)
        node = self._nodes.setdefault((address.group, address.node), _Node())
        if kind is Kind.NODE_DEATH:
            return self._node_death(node, address, message)
        faults = self._sequence(node, kind, message)
        if kind is Kind.DEVICE_DEATH:
            return Told(address, dead=True, faults=tuple(faults))
        if kind is Kind.NODE_BIRTH:
            node.aliases.clear()
            node.types.clear()
            node.alive, node.birth_number = True, _birth_number(message)
        elif not node.alive:
            faults.append(("no_birth", f"{address.group}/{address.node} has sent no birth since we listen"))
        metrics = []
        sent_us = message.timestamp * 1000 if message.HasField("timestamp") else None
        for item in message.metrics:
            try:
                metrics.append(self._metric(node, kind, address, item, sent_us))
            except Refused as exc:
                faults.append((exc.kind, str(exc)))
        return Told(address, tuple(metrics), faults=tuple(faults))

    def _node_death(self, node: _Node, address: Address, message: Any) -> Told | None:
        """The broker speaks a node's will. The will of an older session says nothing about the present one."""
        number = _birth_number(message)
        if node.alive and None not in {number, node.birth_number} and number != node.birth_number:
            return Told(address, faults=(("stale_death", f"death {number} belongs to an older birth than {node.birth_number}"),))
        node.alive, node.sequence = False, None
        return Told(address, dead=True)

    def _sequence(self, node: _Node, kind: Kind, message: Any) -> list[tuple[str, str]]:
        """Numbers run from 0 to 255 and round; a step missed is a message lost on its way."""
        if not message.HasField("seq"):
            return []
        expected = None if node.sequence is None or kind is Kind.NODE_BIRTH else (node.sequence + 1) % 256
        node.sequence = int(message.seq) % 256
        if expected is None or expected == node.sequence:
            return []
        return [("sequence", f"message {node.sequence} where {expected} was due: some were lost")]

    def _metric(self, node: _Node, kind: Kind, address: Address, item: Any, sent_us: int | None) -> Metric:
        name, datatype = item.name, item.datatype
        if kind.is_birth:
            node.types[(address.device, name)] = datatype
            if item.HasField("alias"):
                node.aliases[item.alias] = (address.device, name, datatype)
        elif not name and item.HasField("alias"):
            known = node.aliases.get(item.alias)
            if known is None or known[0] != address.device:
                raise Refused("alias", f"alias {item.alias} was named by no birth of {address.group}/{address.node}")
            name, datatype = known[1], datatype or known[2]
        elif not datatype:
            datatype = node.types.get((address.device, name), 0)
        stamp = item.timestamp * 1000 if item.HasField("timestamp") else sent_us
        return Metric(name, _value(item, datatype), stamp, bool(item.is_historical))


def kind_of(topic: str) -> tuple[Kind, Address] | None:
    """Message type and sender of a Sparkplug topic; None for any other topic or message type."""
    parts = topic.split("/")
    if len(parts) not in {4, 5} or parts[0] != NAMESPACE:
        return None
    try:
        kind = Kind(parts[2])
    except ValueError:
        return None
    of_device = kind in {Kind.DEVICE_BIRTH, Kind.DEVICE_DATA, Kind.DEVICE_DEATH}
    if of_device != (len(parts) == 5):
        return None
    return kind, Address(parts[1], parts[3], parts[4] if of_device else "")


def _birth_number(message: Any) -> int | None:
    for item in message.metrics:
        if item.name == "bdSeq":
            return int(item.long_value if item.WhichOneof("value") == "long_value" else item.int_value)
    return None


def _value(item: Any, datatype: int) -> Raw:
    chosen = item.WhichOneof("value")
    if item.is_null or chosen is None or datatype in _UNUSABLE or chosen == "bytes_value":
        return None
    value = getattr(item, chosen)
    bits = _SIGNED_BITS.get(datatype)
    if bits is not None and chosen in {"int_value", "long_value"}:
        width = 64 if chosen == "long_value" else 32
        value &= (1 << width) - 1
        # an Int8 or Int16 comes sign-extended to 32 bits from some senders, in its own width from others
        narrow = value & ((1 << bits) - 1)
        value = narrow - (1 << bits) if narrow >> (bits - 1) else narrow
    return value if isinstance(value, bool | int | float | str) else None


def _decode(payload: bytes) -> Any:
    message = payload_class()()
    try:
        message.ParseFromString(payload)
    except Exception as exc:
        raise Refused("sparkplug", f"no Sparkplug payload ({len(payload)} bytes): {exc}") from exc
    return message
