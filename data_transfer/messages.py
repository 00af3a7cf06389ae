"""Parcels as messages for brokers: what one device said at one instant is one message. Pure.

Schema 1 of a message of samples:
    {"schema": 1, "site", "device", "machine", "section", "time", "time_us", "samples": [
        {"tag", "quantity", "unit", "value", "quality": "good" | "uncertain" | "bad", "reason"} or {"tag", "quantity", "text"}]}
`time` is RFC 3339 in UTC with microseconds, `time_us` the same as a number; `value` is null exactly when quality is bad. The
identity of a sample is (device, tag, time_us) however often and in whatever company it comes.
Of an event: {"schema": 1, "site", "kind", "id", "subject", "device", "time", "time_us", "detail": {...}}; identity (kind, id).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from data_transfer.destination import Directory, TagFace
from domain.feed import FeedEvent, Parcel, Refused, SampleRow
from domain.quality import FIRST_BAD, Quality
from domain.sample import TextSample

SCHEMA = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUALITIES = {int(quality): (quality.grade, quality.reason) for quality in Quality}


@dataclass(slots=True)
class Message:
    """`device` is its key; the parts of the parcel in it, for the quarantine."""

    device: str
    time_us: int
    face: TagFace | None = None
    rows: list[tuple[TagFace, SampleRow]] = field(default_factory=list)
    texts: list[tuple[TagFace, TextSample]] = field(default_factory=list)
    event: FeedEvent | None = None

    def refused(self, reason: str) -> Refused:
        """All of it."""
        events = (self.event,) if self.event is not None else ()
        return Refused(reason, [row for _face, row in self.rows], [text for _face, text in self.texts], events)


def messages_of(parcel: Parcel, directory: Directory) -> tuple[list[Message], list[Refused]]:
    """In the parcel's order; what has no name or no finite value is refused."""
    messages: list[Message] = []
    refused: list[Refused] = []
    at: Message | None = None
    face_of = directory.face
    for row in parcel.samples:
        tag_id, time_us, value, quality = row
        face = face_of(tag_id)
        if face is None:
            refused.append(Refused(f"tag {tag_id} is not known", [row]))
        elif quality < FIRST_BAD and (value is None or value - value != 0.0):  # of what is not finite that is NaN
            refused.append(Refused("no finite value although the quality is not bad", [row]))
        else:
            if at is None or at.time_us != time_us or at.device != face.tag.device_id:
                at = Message(face.tag.device_id, time_us, face)
                messages.append(at)
            at.rows.append((face, row))
    messages += _texts(parcel.texts, directory)
    messages += [Message(event.device_id or event.subject, event.time_us, event=event) for event in parcel.events]
    return messages, refused


def _texts(texts: Iterable[TextSample], directory: Directory) -> list[Message]:
    found = []
    for text in texts:
        face = directory.face(text.tag_id)
        if face is not None:
            found.append(Message(face.tag.device_id, text.time_us, face, texts=[(face, text)]))
    return found


def as_document(message: Message, site: str) -> Mapping[str, Any]:
    """The JSON object of the schema above."""
    when = {"time": rfc3339(message.time_us), "time_us": message.time_us}
    event = message.event
    if event is not None:
        return {
            "schema": SCHEMA, "site": site, "kind": event.kind, "id": event.identity, "subject": event.subject,
            "device": event.device_id, **when, "detail": event.body,
        }  # fmt: skip
    machine = message.face.machine if message.face is not None else None
    return {
        "schema": SCHEMA, "site": site, "device": message.device, "machine": machine.id if machine else None,
        "section": machine.section if machine else None, **when,
        "samples": [*map(_sample, message.rows), *map(_text, message.texts)],
    }  # fmt: skip


class JsonWriter:
    """`as_document` as JSON. What stands still between messages is written once: a large plant has 20 000 values a second."""

    def __init__(self) -> None:
        self._heads: dict[int, tuple[TagFace, str]] = {}
        self._begins: dict[tuple[str, str, str | None, str | None], str] = {}
        self._tails: dict[int, str] = {}

    def __call__(self, message: Message, site: str) -> bytes:
        if message.event is not None:
            return _json(as_document(message, site)).encode()
        samples = [self._sample(face, row) for face, row in message.rows]
        samples += [_json(_text(part)) for part in message.texts]
        when = f',"time":"{rfc3339(message.time_us)}","time_us":{message.time_us},"samples":['
        return (self._begin(message, site) + when + ",".join(samples) + "]}").encode()

    def _begin(self, message: Message, site: str) -> str:
        machine = message.face.machine if message.face is not None else None
        key = (site, message.device, None, None) if machine is None else (site, message.device, machine.id, machine.section)
        found = self._begins.get(key)
        if found is None:
            names = {"schema": SCHEMA, **dict(zip(("site", "device", "machine", "section"), key, strict=True))}
            found = self._begins[key] = _json(names)[:-1]
        return found

    def _sample(self, face: TagFace, row: SampleRow) -> str:
        tag_id, _time_us, value, quality = row
        known = self._heads.get(tag_id)
        if known is None or known[0] is not face:
            known = self._heads[tag_id] = (face, _json(_named(face))[:-1] + ',"value":')
        tail = self._tails.get(quality)
        if tail is None:
            tail = self._tails[quality] = "," + _json(_judged(quality))[1:]
        return known[1] + ("null" if quality >= FIRST_BAD else _json(value)) + tail


as_json = JsonWriter()


def _json(content: Any) -> str:
    if isinstance(content, float):
        return float.__repr__(content)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _sample(part: tuple[TagFace, SampleRow]) -> Mapping[str, Any]:
    face, (_tag_id, _time_us, value, quality) = part
    return {**_named(face), "value": value if quality < FIRST_BAD else None, **_judged(quality)}


def _named(face: TagFace) -> Mapping[str, Any]:
    return {"tag": face.tag.point, "quantity": face.tag.quantity.value, "unit": face.tag.unit}


def _judged(quality: int) -> Mapping[str, Any]:
    grade, reason = quality_words(quality)
    return {"quality": grade, "reason": reason}


def _text(part: tuple[TagFace, TextSample]) -> Mapping[str, Any]:
    face, text = part
    return {"tag": face.tag.point, "quantity": face.tag.quantity.value, "text": text.text}


def quality_words(quality: int) -> tuple[str, str | None]:
    """(grade, reason) of a quality."""
    return _QUALITIES.get(quality, ("bad" if quality >= FIRST_BAD else "uncertain", str(quality)))


def rfc3339(time_us: int) -> str:
    """UTC with microseconds."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
