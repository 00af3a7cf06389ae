"""Topics and payloads of the MQTT feed. Pure.

    PREFIX/status                       online | offline (last will), retained
    PREFIX/DEVICE/TAG                   {"value", "unit", "quality", "reason", "time", "time_us"} or {"text", "time", "time_us"}
    PREFIX/DEVICE                       the message of data_transfer.messages, where one message a device is asked for
    PREFIX/events/KIND                  the event of data_transfer.messages, not retained
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_transfer.destination import TagFace
from data_transfer.messages import Message, as_json, quality_words, rfc3339
from domain.feed import Refused
from domain.quality import FIRST_BAD
from domain.quantity import Kind, Quantity

LONGEST_PAYLOAD = 200_000  # bytes; a broker that is sent more than it takes cuts the connection
LONGEST_TOPIC = 60_000
_NO_LEVEL = str.maketrans({"/": "_", "+": "_", "#": "_", "\0": "", "\n": " ", "\r": " "})


@dataclass(frozen=True, slots=True)
class Publication:
    """One message as it is published. `message`: what it says, for the quarantine."""

    topic: str
    payload: bytes
    retain: bool
    message: Message | None = None

    def wrong(self) -> str:
        """Why no broker would take it; "" when one may."""
        if len(self.payload) > LONGEST_PAYLOAD:
            return f"too large for one message: {len(self.payload)} bytes"
        return "the topic is too long" if len(self.topic.encode()) > LONGEST_TOPIC else ""

    def refused(self, reason: str) -> Refused:
        return self.message.refused(reason) if self.message is not None else Refused(reason)


def level(name: str) -> str:
    """A name as one level of a topic."""
    return name.translate(_NO_LEVEL).strip() or "_"


def status_topic(prefix: str) -> str:
    return f"{prefix}/status"


def tag_topic(prefix: str, face: TagFace) -> str:
    return f"{prefix}/{level(face.tag.device_id)}/{level(face.tag.point)}"


def publications(message: Message, prefix: str, site: str, *, per_tag: bool, retain: bool) -> Iterator[Publication]:
    """What one message of a parcel becomes."""
    if message.event is not None:
        yield Publication(f"{prefix}/events/{level(message.event.kind)}", as_json(message, site), False, message)
        return
    if not per_tag:
        yield Publication(f"{prefix}/{level(message.device)}", as_json(message, site), retain, message)
        return
    when = {"time": rfc3339(message.time_us), "time_us": message.time_us}
    for face, row in message.rows:
        grade, reason = quality_words(row[3])
        body = {
            "value": row[2] if row[3] < FIRST_BAD else None, "unit": face.tag.unit, "quality": grade, "reason": reason, **when,
        }  # fmt: skip
        part = Message(message.device, message.time_us, face, rows=[(face, row)])
        yield Publication(tag_topic(prefix, face), _json(body), retain, part)
    for face, text in message.texts:
        part = Message(message.device, message.time_us, face, texts=[(face, text)])
        yield Publication(tag_topic(prefix, face), _json({"text": text.text, **when}), retain, part)


# quantity -> device class of Home Assistant (its documentation of sensors); the rest has none
_CLASSES = {
    Quantity.ACTIVE_POWER: "power", Quantity.REACTIVE_POWER: "reactive_power", Quantity.APPARENT_POWER: "apparent_power",
    Quantity.VOLTAGE: "voltage", Quantity.CURRENT: "current", Quantity.FREQUENCY: "frequency",
    Quantity.POWER_FACTOR: "power_factor", Quantity.ENERGY_IMPORT: "energy", Quantity.ENERGY_EXPORT: "energy",
    Quantity.TEMPERATURE: "temperature", Quantity.PRESSURE: "pressure", Quantity.DURATION: "duration",
    Quantity.FLOW: "volume_flow_rate",
}  # fmt: skip


def discovery(faces: Sequence[TagFace], prefix: str, discovery_prefix: str) -> Iterator[Publication]:
    """Home Assistant's discovery: one retained configuration a tag. Unavailable while we are, or while the value is bad."""
    for face in faces:
        topic = tag_topic(prefix, face)
        identity = f"{level(prefix).replace(' ', '_')}_{level(face.tag.device_id)}_{level(face.tag.point)}".replace(" ", "_")
        config = _json(_config(face, prefix, topic, identity))
        yield Publication(f"{discovery_prefix}/sensor/{_word(identity)}/config", config, True)


def _config(face: TagFace, prefix: str, topic: str, identity: str) -> Mapping[str, Any]:
    tag, machine = face.tag, face.machine
    text = tag.kind is Kind.TEXT
    good = "{{ 'offline' if value_json.quality == 'bad' else 'online' }}"
    config: dict[str, Any] = {
        "name": tag.point.replace("_", " "), "unique_id": identity, "state_topic": topic,
        "value_template": "{{ value_json.text }}" if text else "{{ value_json.value }}",
        "availability_mode": "all",
        "availability": [{"topic": status_topic(prefix)}, *([] if text else [{"topic": topic, "value_template": good}])],
        "device": {
            "identifiers": [f"{level(prefix)}_{level(tag.device_id)}"],
            "name": f"{machine.name} ({tag.device_id})" if machine is not None else tag.device_id,
            **({"suggested_area": machine.section} if machine is not None and machine.section else {}),
        },
        "origin": {"name": "Energy Monitoring"},
    }  # fmt: skip
    if tag.unit not in {"", "1"}:
        config["unit_of_measurement"] = tag.unit
    if tag.quantity in _CLASSES:
        config["device_class"] = _CLASSES[tag.quantity]
    if not text:
        config["state_class"] = "total_increasing" if tag.kind is Kind.COUNTER else "measurement"
    return config


def _word(identity: str) -> str:
    """Home Assistant takes letters, digits, dash and underscore in a discovery topic."""
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else f"x{ord(sign):x}" for sign in identity)


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
