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
import math
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
    for row in parcel.samples:
        face = directory.face(row[0])
        wrong = f"tag {row[0]} is not known" if face is None else _wrong(row)
        if face is None or wrong:
            refused.append(Refused(wrong, [row]))
            continue
        if at is None or at.time_us != row[1] or at.device != face.tag.device_id:
            at = Message(face.tag.device_id, row[1], face)
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


def _wrong(row: SampleRow) -> str:
    value, quality = row[2], row[3]
    bad = quality >= FIRST_BAD
    if (value is None or not math.isfinite(value)) and not bad:
        return "no finite value although the quality is not bad"
    return ""


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


def as_json(message: Message, site: str) -> bytes:
    return json.dumps(as_document(message, site), ensure_ascii=False, separators=(",", ":")).encode()


def _sample(part: tuple[TagFace, SampleRow]) -> Mapping[str, Any]:
    face, (_tag_id, _time_us, value, quality) = part
    grade, reason = quality_words(quality)
    return {
        "tag": face.tag.point, "quantity": face.tag.quantity.value, "unit": face.tag.unit,
        "value": value if quality < FIRST_BAD else None, "quality": grade, "reason": reason,
    }  # fmt: skip


def _text(part: tuple[TagFace, TextSample]) -> Mapping[str, Any]:
    face, text = part
    return {"tag": face.tag.point, "quantity": face.tag.quantity.value, "text": text.text}


def quality_words(quality: int) -> tuple[str, str | None]:
    """(grade, reason) of a quality."""
    return _QUALITIES.get(quality, ("bad" if quality >= FIRST_BAD else "uncertain", str(quality)))


def rfc3339(time_us: int) -> str:
    """UTC with microseconds."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
