"""The payloads of a Sparkplug B edge node: births, data, deaths, numbers. Pure but for what it has told.

Every device is a Sparkplug device, every tag a metric (Double, or String) with its unit as the property engUnit; a bad value is
null with the property Quality 0. Times go in milliseconds, as Sparkplug has them.
Source: Eclipse Sparkplug 3.0.0, chapters 5 (operations) and 6 (payloads).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from data_transfer.destination import TagFace
from data_transfer.messages import Message
from data_transfer.mqtt.topics import Publication, level
from domain.quality import FIRST_BAD
from domain.quantity import Kind
from domain.sparkplug import NAMESPACE, payload_class

INT32, INT64, DOUBLE, BOOLEAN, STRING = 3, 4, 10, 11, 12  # data types of Sparkplug
BAD_QUALITY = 0
REBIRTH = "Node Control/Rebirth"
BIRTH_NUMBER = "bdSeq"
HISTORICAL_US = 60_000_000  # older than that it comes out of the outbox, and is marked so

_Told = tuple[float | str | None, int]  # value and time in microseconds


class EdgeNode:
    """One edge node on one connection after another."""

    def __init__(self, group: str, node: str, first_birth: int = 0) -> None:
        """`first_birth`: number of the first birth, 0 to 255; another after each start, so that no old death fits a new birth."""
        self._group, self._node = level(group), level(node)
        self._birth = (first_birth - 1) % 256
        self._sequence = 0
        self._aliases: dict[int, int] = {}  # tag id -> alias, as of the last birth
        self._last: dict[int, _Told] = {}

    def begin(self) -> None:
        """A new connection: its birth and death have a number of their own."""
        self._birth = (self._birth + 1) % 256

    def topic(self, kind: str, device: str | None = None) -> str:
        return f"{NAMESPACE}/{self._group}/{kind}/{self._node}" + (f"/{level(device)}" if device is not None else "")

    def death(self) -> Publication:
        """NDEATH: the last will, and the farewell of who stops in good order."""
        payload = payload_class()()
        self._number(payload)
        return Publication(self.topic("NDEATH"), payload.SerializeToString(), False)

    def births(self, faces: Sequence[TagFace], now_us: int) -> Iterator[Publication]:
        """NBIRTH, then DBIRTH of every device with the newest value of each tag (null while there is none)."""
        self._aliases = {face.tag.id: number for number, face in enumerate(faces, 1)}
        self._sequence = -1
        node = self._payload(now_us)
        self._number(node)
        node.metrics.add(name=REBIRTH, datatype=BOOLEAN, boolean_value=False, timestamp=now_us // 1000)
        yield Publication(self.topic("NBIRTH"), node.SerializeToString(), False)
        by_device: dict[str, list[TagFace]] = {}
        for face in faces:
            by_device.setdefault(face.tag.device_id, []).append(face)
        for device, tags in by_device.items():
            payload = self._payload(now_us)
            for face in tags:
                self._birth_of(payload, face, now_us)
            yield Publication(self.topic("DBIRTH", device), payload.SerializeToString(), False)

    def data(self, message: Message, now_us: int) -> Publication | None:
        """DDATA of one device and instant; None when nothing in it was told at the birth."""
        values: list[tuple[TagFace, float | str | None]] = [
            (face, row[2] if row[3] < FIRST_BAD else None) for face, row in message.rows
        ]
        values += [(face, text.text) for face, text in message.texts]
        values = [(face, value) for face, value in values if face.tag.id in self._aliases]
        if not values:
            return None
        payload = self._payload(message.time_us)
        for face, value in values:
            metric = payload.metrics.add(alias=self._aliases[face.tag.id], timestamp=message.time_us // 1000)
            if now_us - message.time_us > HISTORICAL_US:
                metric.is_historical = True
            _fill(metric, face, value)
            if message.time_us >= self._last.get(face.tag.id, (None, 0))[1]:
                self._last[face.tag.id] = (value, message.time_us)
        return Publication(self.topic("DDATA", message.device), payload.SerializeToString(), False, message)

    def asks_rebirth(self, topic: str, payload: bytes) -> bool:
        """Is this the command of a host that missed our birth?"""
        if topic != self.topic("NCMD"):
            return False
        command = payload_class()()
        try:
            command.ParseFromString(payload)
        except Exception:  # noqa: BLE001 - protobuf's own kinds of error; whoever sends nonsense is not obeyed
            return False
        return any(metric.name == REBIRTH and metric.boolean_value for metric in command.metrics)

    def _payload(self, time_us: int) -> Any:
        self._sequence = (self._sequence + 1) % 256
        payload = payload_class()()
        payload.timestamp, payload.seq = time_us // 1000, self._sequence
        return payload

    def _number(self, payload: Any) -> None:
        payload.metrics.add(name=BIRTH_NUMBER, datatype=INT64, long_value=self._birth)

    def _birth_of(self, payload: Any, face: TagFace, now_us: int) -> None:
        value, time_us = self._last.get(face.tag.id, (None, now_us))
        metric = payload.metrics.add(
            name=face.tag.point, alias=self._aliases[face.tag.id], timestamp=time_us // 1000,
            datatype=STRING if face.tag.kind is Kind.TEXT else DOUBLE,
        )  # fmt: skip
        _fill(metric, face, value)
        if face.tag.unit:
            metric.properties.keys.append("engUnit")
            metric.properties.values.add(type=STRING, string_value=face.tag.unit)


def _fill(metric: Any, face: TagFace, value: float | str | None) -> None:
    if value is None:
        metric.is_null = True
        if face.tag.kind is not Kind.TEXT:
            metric.properties.keys.append("Quality")
            metric.properties.values.add(type=INT32, int_value=BAD_QUALITY)
    elif isinstance(value, str):
        metric.string_value = value
    else:
        metric.double_value = value
