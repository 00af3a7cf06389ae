"""Messages become readings by what profiles say: topic, path, time field. Pure but for the counts it keeps.

A bad message costs itself: it is counted by kind, and the last one is named with its topic.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from data_collection.mqtt import json_path, topic
from data_collection.point_value import Assembler, Raw
from data_collection.source_time import FUTURE_US, time_us
from domain.errors import ConfigError
from domain.plant import Device
from domain.profile import OtherPoint, Point
from domain.quality import Quality
from domain.sample import Reading

LARGEST_PAYLOAD: Final = 1_048_576
FORMATS: Final = ("json", "text", "sparkplug", "plugin")
_ROUTES: Final = 10_000  # topics whose devices are kept looked up


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came. `received_us`: UTC µs; `retained`: the broker kept it, so it may be of any age."""

    topic: str
    payload: bytes
    received_us: int
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message, or a value of one, was not used. `kind` is stable; `detail` is for people and names the topic."""

    kind: str
    detail: str
    device_id: str | None = None


class BadMessage(Exception):
    """A payload that cannot be read; `kind` as counted."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def document_of(message: Message, payload_format: str) -> object:
    """What the payload says. Raises BadMessage."""
    if len(message.payload) > LARGEST_PAYLOAD:
        raise BadMessage("too_large", f"{len(message.payload)} bytes, at most {LARGEST_PAYLOAD} are read")
    try:
        text = message.payload.decode()
    except UnicodeDecodeError as exc:
        raise BadMessage("encoding", f"not UTF-8 at byte {exc.start}") from exc
    if payload_format == "text":
        return text
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise BadMessage("json", "nested too deeply") from exc
    except ValueError as exc:
        raise BadMessage("json", f"no JSON: {exc}") from exc


@dataclass(frozen=True, slots=True)
class _Field:
    """Where one point lies: filter of its topic, steps of its path, steps of its own time (None: the message's)."""

    tag: str
    topic_filter: str
    steps: tuple[json_path.Step, ...]
    time: tuple[json_path.Step, ...] | None


class DeviceMap:
    """One device of a line, compiled. `format`: json, text, sparkplug or plugin. Raises ConfigError naming device and field."""

    def __init__(self, device: Device, line_topic: str = "#") -> None:
        self.device = device
        self.assembler = Assembler(device)
        self.settings: Mapping[str, object] = {**device.profile.parameters, **device.options}
        try:
            self.format = self._choice()
            self.zone = _zone(self.settings.get("clock_timezone"))
            self.id_steps = json_path.parse(self._text("id_path")) if self._text("id_path") else None
            self.cnc_id = self._text("cnc_id")
            base = self._text("topic") or line_topic
            self._time = json_path.parse(self._text("time_path")) if self._text("time_path") else None
            mapped = self.format in {"json", "text"}
            self.fields = tuple(self._field(p, base) for p in device.profile.points) if mapped else ()
            self.filters = tuple(dict.fromkeys(f.topic_filter for f in self.fields)) or (topic.filled(base, self.settings),)
        except ConfigError as exc:
            raise ConfigError(f"device {device.id}: {exc}") from exc
        if self.id_steps is not None and not self.cnc_id and mapped:
            raise ConfigError(f"device {device.id}: id_path is given, but no cnc_id to look for there")

    def concerns(self, message_topic: str) -> bool:
        """Do messages of that topic tell about this device, as far as the topic goes?"""
        return any(topic.matches(wanted, message_topic) for wanted in self.filters)

    def is_meant(self, document: object) -> bool:
        """Does the document name this device, where devices are told apart by a field?"""
        if self.id_steps is None:
            return True
        return str(json_path.find(document, self.id_steps)) == self.cnc_id

    def readings(self, message: Message, document: object) -> tuple[list[Reading], list[Fault]]:
        """What one message says about this device: one reading for each time it names."""
        found: dict[int, dict[str, Raw]] = {}
        faults: list[Fault] = []
        doubt: dict[int, Quality] = {}
        for field in self.fields:
            if not topic.matches(field.topic_filter, message.topic):
                continue
            value = json_path.find(document, field.steps)
            if value is json_path.MISSING:
                continue
            if isinstance(value, dict | list):
                faults.append(self._fault("type", message, f"{field.tag}: a group of values stands where one is expected"))
                continue
            at_us, quality, fault = self._time_of(message, document, field.time)
            if fault is not None and fault not in faults:
                faults.append(fault)
            found.setdefault(at_us, {})[field.tag] = value if isinstance(value, str | int | float) else None
            doubt[at_us] = quality
        readings = []
        for at_us, raws in found.items():
            reading, refused = self.assembler.reading(at_us, raws, quality=doubt[at_us])
            faults += [self._fault("type", message, f"{r.point}: {r.shown} is not what the point expects") for r in refused]
            if reading is not None:
                readings.append(reading)
        return readings, faults

    def stamped(self, message: Message, stamp_us: int | None) -> tuple[int, Quality, Fault | None]:
        """The time to keep for a message with that stamp: a clock ahead is not believed, an age that is not known is said."""
        if stamp_us is None:
            return message.received_us, Quality.HELD if message.retained else Quality.GOOD, None
        if stamp_us > message.received_us + FUTURE_US:
            ahead_s = (stamp_us - message.received_us) / 1e6
            return message.received_us, Quality.CLOCK, self._fault("clock", message, f"its clock is {ahead_s:.0f} s ahead")
        return stamp_us, Quality.GOOD, None

    def _time_of(
        self, message: Message, document: object, steps: tuple[json_path.Step, ...] | None
    ) -> tuple[int, Quality, Fault | None]:
        if steps is None:
            return self.stamped(message, None)
        stamp = json_path.find(document, steps)
        if stamp is json_path.MISSING:
            return self.stamped(message, None)
        at_us = time_us(stamp, self.zone)
        if at_us is None:
            fault = self._fault("time", message, f"{str(stamp)[:40]!r} is no time")
            return message.received_us, Quality.CLOCK, fault
        return self.stamped(message, at_us)

    def _fault(self, kind: str, message: Message, detail: str) -> Fault:
        return Fault(kind, f"{message.topic}: {detail}", self.device.id)

    def _field(self, point: Point, base: str) -> _Field:
        own = point.where.fields if isinstance(point.where, OtherPoint) else {}
        path, wanted, when = own.get("path", ""), own.get("topic", base), own.get("time")
        if not isinstance(path, str) or not isinstance(wanted, str) or not isinstance(when, str | None):
            raise ConfigError(f"point {point.tag}: topic, path and time are texts")
        steps = self._time if when is None else json_path.parse(when)
        return _Field(point.tag, topic.filled(wanted, self.settings), json_path.parse(path), steps)

    def _text(self, name: str) -> str:
        value = self.settings.get(name, "")
        return str(value) if value is not None else ""

    def _choice(self) -> str:
        value = self._text("format") or "json"
        if value not in FORMATS:
            raise ConfigError(f"format is {value!r}; expected one of {', '.join(FORMATS)}")
        return value


def _zone(name: object) -> tzinfo:
    return ZoneInfo(name) if isinstance(name, str) and name else UTC


class Router:
    """The devices of one line that are mapped: which of them a message tells about. `faults` counts by kind since start."""

    def __init__(self, devices: Iterable[DeviceMap]) -> None:
        self.devices = tuple(devices)
        self.faults: Counter[str] = Counter()
        self.last_fault: Fault | None = None
        self._routes: OrderedDict[str, tuple[DeviceMap, ...]] = OrderedDict()

    def candidates(self, message_topic: str) -> tuple[DeviceMap, ...]:
        """Devices that messages of the topic may tell about."""
        found = self._routes.get(message_topic)
        if found is None:
            found = tuple(device for device in self.devices if device.concerns(message_topic))
            self._routes[message_topic] = found
            if len(self._routes) > _ROUTES:
                self._routes.popitem(last=False)
        return found

    def take(self, message: Message) -> list[Reading]:
        """The readings of a message, by device. Never raises: what is wrong is counted."""
        candidates = self.candidates(message.topic)
        if not candidates:
            self.fault(Fault("topic", f"{message.topic}: no device is described by this topic"))
            return []
        documents: dict[str, object] = {}
        readings: list[Reading] = []
        meant = False
        for device in candidates:
            if device.format not in documents:
                try:
                    documents[device.format] = document_of(message, device.format)
                except BadMessage as exc:
                    self.fault(Fault(exc.kind, f"{message.topic}: {exc}"))
                    return readings
            document = documents[device.format]
            if device.is_meant(document):
                meant = True
                found, faults = device.readings(message, document)
                readings += found
                for fault in faults:
                    self.fault(fault)
        if not meant:
            self.fault(Fault("id", f"{message.topic}: names a machine that no device describes"))
        return readings

    def fault(self, fault: Fault) -> None:
        """Count one."""
        self.faults[fault.kind] += 1
        self.last_fault = fault


def subscriptions(devices: Sequence[DeviceMap]) -> tuple[str, ...]:
    """The fewest filters that bring everything the devices need: a filter under a wider one would bring messages twice."""
    wanted = list(dict.fromkeys(f for device in devices for f in device.filters))
    return tuple(f for f in wanted if not any(other != f and topic.covers(other, f) for other in wanted))
