"""Messages become readings by what profiles say: topic, path, time field. Pure but for what it keeps of each device.

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

from data_collection.mqtt import json_path, sparkplug, topic
from data_collection.picture import Picture, Seen
from data_collection.placeholders import parameters_of
from data_collection.source_time import FUTURE_US, time_us
from domain.errors import ConfigError
from domain.places.mqtt import MqttPlace
from domain.plant import Device
from domain.profile import Point
from domain.quality import Quality
from domain.sample import Reading
from domain.sparkplug import NAMESPACE

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
    """Where one point lies: filter of its topic, steps of its path, steps of its time."""

    tag: str
    topic_filter: str
    steps: tuple[json_path.Step, ...]
    time: tuple[json_path.Step, ...] | None


class MqttPlan(Picture):
    """One device of a line, compiled. Raises ConfigError naming device and field.

    `format`: json, text, sparkplug or plugin; `filters`: the topics it needs; `last_fault`: what went wrong last, for people.
    """

    def __init__(self, device: Device, line_topic: str = "#") -> None:
        super().__init__(device)
        self.last_fault: str | None = None
        self.settings: Mapping[str, object] = parameters_of(device)
        self.cnc_id = self._text("cnc_id")
        try:
            self.format = self._choice()
            zone = self._text("clock_timezone")
            self.zone: tzinfo = ZoneInfo(zone) if zone else UTC
            self.id_steps = json_path.parse(self._text("id_path")) if self._text("id_path") else None
            self._time = json_path.parse(self._text("time_path")) if self._text("time_path") else None
            self.address = sparkplug.Address.parse(self._text("sparkplug")) if self.format == "sparkplug" else None
            self._metrics = self._metrics_of()
            base = self._base_topic(line_topic)
            mapped = self.format in {"json", "text"}
            self.fields = tuple(self._field(point, base) for point in device.profile.points) if mapped else ()
            self.filters = tuple(dict.fromkeys(f.topic_filter for f in self.fields)) or (topic.filter_of(base, device),)
        except (ConfigError, ValueError) as exc:
            text = str(exc)
            raise ConfigError(text if device.id in text else f"device {device.id}: {text}") from exc
        if self.format == "plugin" and not self.cnc_id:
            raise ConfigError(f"device {device.id}: a plug-in is chosen by cnc_id, and the device names none")
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

    def mapped(self, message: Message, document: object) -> list[Reading]:
        """What one message says about this device: one reading for each time it names."""
        tags: list[str] = []
        late: dict[int, dict[str, object]] = {}
        times: dict[tuple[json_path.Step, ...] | None, tuple[int, Quality]] = {}
        for field in self.fields:
            if not topic.matches(field.topic_filter, message.topic):
                continue
            value = json_path.find(document, field.steps)
            if value is json_path.MISSING:
                continue
            if isinstance(value, dict | list):
                self.fault("type", f"{message.topic}: {field.tag}: a group of values stands where one is expected")
                continue
            if field.time not in times:
                times[field.time] = self._time_of(message, document, field.time)
            at_us, quality = times[field.time]
            self._put(field.tag, value, at_us, quality, tags, late)
        return self._handed(message.topic, tags, late)

    def told(self, source: str, values: Sequence[tuple[str, object, int, Quality]]) -> list[Reading]:
        """Values by tag, as (tag, raw, UTC µs, quality), of a plug-in or of Sparkplug; a tag that is no point is counted."""
        tags: list[str] = []
        late: dict[int, dict[str, object]] = {}
        for tag, raw, at_us, quality in values:
            if tag in self.values:
                self._put(tag, raw, at_us, quality, tags, late)
            else:
                self.fault("tag", f"{source}: {tag!r} is no point of the device")
        return self._handed(source, tags, late)

    def tag_of(self, metric: str) -> str | None:
        """The point of a Sparkplug metric."""
        return self._metrics.get(metric)

    def stamped(self, message: Message, stamp_us: int | None) -> tuple[int, Quality]:
        """The time to keep for a message with that stamp: a clock ahead is not believed, an age that is not known is said."""
        if stamp_us is None:
            return message.received_us, Quality.HELD if message.retained else Quality.GOOD
        if stamp_us > message.received_us + FUTURE_US:
            self.fault("clock", f"{message.topic}: its clock is {(stamp_us - message.received_us) / 1e6:.0f} s ahead")
            return message.received_us, Quality.CLOCK
        return stamp_us, Quality.GOOD

    def stamp_of(self, message: Message, stamp: object) -> tuple[int, Quality]:
        """The same for a time stamp as it came."""
        at_us = time_us(stamp, self.zone)
        if at_us is None:
            self.fault("time", f"{message.topic}: {str(stamp)[:40]!r} is no time")
            return message.received_us, Quality.CLOCK
        return self.stamped(message, at_us)

    def fault(self, kind: str, detail: str) -> None:
        """Count one and keep it for people."""
        self.faults[kind] += 1
        self.last_fault = detail

    def _put(
        self, tag: str, raw: object, at_us: int, quality: Quality, tags: list[str], late: dict[int, dict[str, object]]
    ) -> None:
        """A value older than what is known keeps its own time and changes nothing; the same value again is nothing new."""
        last = self.seen(tag)
        if last is not None and at_us < last.time_us:
            if not self.values[tag].text:
                late.setdefault(at_us, {})[tag] = raw
            return
        if last is not None and at_us == last.time_us and self._same(tag, raw, last):
            self.faults["duplicate"] += 1
            return
        self.take(tag, raw, at_us, quality)
        tags.append(tag)

    def _same(self, tag: str, raw: object, last: Seen) -> bool:
        meaning = self.values[tag]
        return meaning.words(raw) == last.text if meaning.text else meaning.number(raw)[0] == last.value

    def _handed(self, source: str, tags: Sequence[str], late: Mapping[int, Mapping[str, object]]) -> list[Reading]:
        for tag in tags:
            seen = self.seen(tag)
            if seen is not None and seen.quality == Quality.DECODE_ERROR:
                self.last_fault = f"{source}: {tag} is not what its point expects"
        return [self.late(raws, at_us) for at_us, raws in sorted(late.items())] + self.readings(tags)

    def _time_of(
        self, message: Message, document: object, steps: tuple[json_path.Step, ...] | None
    ) -> tuple[int, Quality]:
        stamp = json_path.MISSING if steps is None else json_path.find(document, steps)
        return self.stamped(message, None) if stamp is json_path.MISSING else self.stamp_of(message, stamp)

    def _field(self, point: Point, base: str) -> _Field:
        place = point.where
        if not isinstance(place, MqttPlace):
            raise ConfigError(f"point {point.tag} has no place in a message")
        wanted = place.topic or base
        steps = self._time if place.time is None else json_path.parse(place.time)
        return _Field(point.tag, topic.filter_of(wanted, self.device), json_path.parse(place.path), steps)

    def _metrics_of(self) -> dict[str, str]:
        found = {}
        for point in self.device.profile.points if self.format == "sparkplug" else ():
            if isinstance(point.where, MqttPlace):
                found[point.where.metric or point.tag] = point.tag
        return found

    def _base_topic(self, line_topic: str) -> str:
        if self.address is None:
            return self._text("topic") or line_topic
        return f"{NAMESPACE}/{self.address.group}/+/{self.address.node}/#"  # the node's own topics are under it too

    def _text(self, name: str) -> str:
        value = self.settings.get(name, "")
        return str(value) if value is not None else ""

    def _choice(self) -> str:
        value = self._text("payload") or "json"
        if value not in FORMATS:
            raise ConfigError(f"payload is {value!r}; expected one of {', '.join(FORMATS)}")
        return value


class Router:
    """The devices of one line: which of them a message tells about.

    `faults` counts messages that no device could be blamed for; `last_fault` names the last one.
    """

    def __init__(self, plans: Iterable[MqttPlan]) -> None:
        self.plans = tuple(plans)
        self.faults: Counter[str] = Counter()
        self.last_fault: Fault | None = None
        self._sparkplug = sparkplug.Listener()
        self._routes: OrderedDict[str, tuple[MqttPlan, ...]] = OrderedDict()
        self.dead: set[sparkplug.Address] = set()

    def candidates(self, message_topic: str) -> tuple[MqttPlan, ...]:
        """Devices that messages of the topic may tell about."""
        found = self._routes.get(message_topic)
        if found is None:
            found = tuple(plan for plan in self.plans if plan.concerns(message_topic))
            self._routes[message_topic] = found
            if len(self._routes) > _ROUTES:
                self._routes.popitem(last=False)
        return found

    def take(self, message: Message, now_s: float = 0.0) -> tuple[list[Reading], list[tuple[MqttPlan, object]]]:
        """The readings of a message, and what plug-ins have to read: (device, document). Nothing a message holds raises."""
        candidates = self.candidates(message.topic)
        if not candidates:
            self.fault("topic", f"{message.topic}: no device is described by this topic")
            return [], []
        documents: dict[str, object] = {}
        readings: list[Reading] = []
        for_plugins: list[tuple[MqttPlan, object]] = []
        meant = False
        if any(plan.format == "sparkplug" for plan in candidates):
            readings += self._of_sparkplug(message, candidates, now_s)
            meant = True
        for plan in candidates:
            if plan.format == "sparkplug":
                continue
            kind = "text" if plan.format == "text" else "json"
            if kind not in documents:
                try:
                    documents[kind] = document_of(message, kind)
                except BadMessage as exc:
                    for other in candidates:
                        other.fault(exc.kind, f"{message.topic}: {exc}")
                    return readings, []
            document = documents[kind]
            if not plan.is_meant(document):
                continue
            meant = True
            if not message.retained:  # what the broker kept is no sign of life
                plan.heard(now_s)
            if plan.format == "plugin":
                for_plugins.append((plan, document))
            else:
                readings += plan.mapped(message, document)
        if not meant:
            self.fault("id", f"{message.topic}: names a machine that no device describes")
        return readings, for_plugins

    def fault(self, kind: str, detail: str) -> None:
        """Count one that belongs to the line."""
        self.faults[kind] += 1
        self.last_fault = Fault(kind, detail)

    def _of_sparkplug(self, message: Message, candidates: Sequence[MqttPlan], now_s: float) -> list[Reading]:
        try:
            told = self._sparkplug.take(message.topic, message.payload)
        except sparkplug.Refused as exc:
            for plan in candidates:
                plan.fault(exc.kind, f"{message.topic}: {exc}")
            return []
        if told is None:
            return []
        mine = [p for p in candidates if p.address == told.address]
        for kind, detail in told.faults:
            for plan in mine or candidates[:1]:
                plan.fault(kind, f"{message.topic}: {detail}")
        if told.dead:
            node_gone = not told.address.device
            gone = [p for p in self.plans if p.address is not None and (
                p.address == told.address
                or (node_gone and (p.address.group, p.address.node) == (told.address.group, told.address.node))
            )]
            self.dead |= {p.address for p in gone if p.address is not None}
            return []
        self.dead.discard(told.address)
        readings: list[Reading] = []
        for plan in mine:
            plan.heard(now_s)
            values = []
            for metric in told.metrics:
                tag = plan.tag_of(metric.name)
                if tag is not None:
                    at_us, quality = plan.stamped(message, metric.time_us)
                    values.append((tag, metric.value, at_us, quality))
            readings += plan.told(message.topic, values)
        return readings


def subscriptions(plans: Sequence[MqttPlan]) -> tuple[str, ...]:
    """The fewest filters that bring everything the devices need: a filter under a wider one would bring messages twice."""
    wanted = list(dict.fromkeys(f for plan in plans for f in plan.filters))
    return tuple(f for f in wanted if not any(other != f and topic.covers(other, f) for other in wanted))
