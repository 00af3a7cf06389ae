"""Samples and events as InfluxDB line protocol. Pure.

One sample: measurement = its quantity; tags device, tag, unit and, where known, machine, section, site; fields `value` (always a
float, absent when the value is bad), `quality` (integer) and, unless good, `reason`. Its identity at the destination is the
measurement with these tags and the time in microseconds: sent twice, it is there once.
Source of the escaping rules: InfluxDB line protocol reference (measurement: comma and space; tags: also the equals sign; strings:
double quote and backslash; no line breaks outside of strings).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from data_transfer.destination import Directory, TagFace
from domain.feed import ALIGNED, LOOP_EPISODE, FeedEvent, Parcel, Refused, SampleRow
from domain.quality import Quality
from domain.sample import TextSample

TEXT_MEASUREMENT, EVENT_MEASUREMENT = "text", "event"
_ONE_LINE = str.maketrans({"\n": " ", "\r": " ", "\0": ""})
EPISODE_FIELDS = (
    "before", "after", "iae", "ise", "itae", "itse", "completeness", "output_variation", "rise_s", "peak_s", "overshoot",
    "settling_s", "steady_error",
)  # fmt: skip
LONGEST_STRING = 60_000  # InfluxDB takes 64 KiB in a string field
_PLAIN = str.maketrans({"\n": " ", "\r": " ", "\t": " ", "\0": "", "\\": "/"})  # a backslash could escape what follows it


@dataclass(frozen=True, slots=True)
class Line:
    """One point and where it came from, for the quarantine."""

    measurement: str
    data: bytes
    sample: SampleRow | None = None
    text: TextSample | None = None
    event: FeedEvent | None = None

    def refused(self, reason: str) -> Refused:
        return Refused(
            reason, (self.sample,) if self.sample else (), (self.text,) if self.text else (), (self.event,) if self.event else ()
        )


class Encoder:
    """Lines of parcels. What all points of a tag share is made once and again when the plant changes."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._version = -1
        self._heads: dict[int, tuple[str, str] | None] = {}

    def lines(self, parcel: Parcel) -> tuple[list[Line], list[Refused]]:
        """All that can be said as lines, in the parcel's order, and what cannot, with the reason."""
        if self._version != self._directory.version:
            self._version = self._directory.version
            self._heads.clear()
        lines: list[Line] = []
        refused: list[Refused] = []
        for row in parcel.samples:
            line = self._sample(row)
            if isinstance(line, Line):
                lines.append(line)
            else:
                refused.append(Refused(line, (row,)))
        for text in parcel.texts:
            line = self._text(text)
            if isinstance(line, Line):
                lines.append(line)
            else:
                refused.append(Refused(line, texts=(text,)))
        lines += [self._event(event) for event in parcel.events]
        return lines, refused

    def _sample(self, row: SampleRow) -> Line | str:
        tag_id, time_us, value, quality = row
        head = self._head(tag_id)
        if head is None:
            return f"tag {tag_id} is not known"
        if value is None or not math.isfinite(value):
            if quality < 64:
                return "no finite value although the quality is not bad"
            fields = f'quality={quality}i,reason="{_reason(quality)}"'
        elif quality == 0:
            fields = f"value={value!r},quality=0i"
        else:
            fields = f'value={value!r},quality={quality}i,reason="{_reason(quality)}"'
        return Line(head[0], f"{head[1]} {fields} {time_us}".encode(), sample=row)

    def _text(self, text: TextSample) -> Line | str:
        face = self._directory.face(text.tag_id)
        if face is None:
            return f"tag {text.tag_id} is not known"
        head = _series(TEXT_MEASUREMENT, face, self._directory.site)
        return Line(TEXT_MEASUREMENT, f"{head} text={string(text.text)} {text.time_us}".encode(), text=text)

    def _event(self, event: FeedEvent) -> Line:
        site = self._directory.site
        if event.kind == ALIGNED:
            return _frame(event, site)
        if event.kind == LOOP_EPISODE:
            return _episode(event, site)
        tags = [("kind", event.kind), ("subject", event.subject), ("device", event.device_id or ""), ("site", site)]
        body = json.dumps(event.body, ensure_ascii=False, sort_keys=True)
        fields = f"id={string(event.identity)},detail={string(body)}"
        return Line(
            EVENT_MEASUREMENT, f"{EVENT_MEASUREMENT}{_tags(tags)} {fields} {event.time_us}".encode(), event=event
        )

    def _head(self, tag_id: int) -> tuple[str, str] | None:
        if tag_id not in self._heads:
            face = self._directory.face(tag_id)
            measurement = "" if face is None else face.tag.quantity.value
            found = None if face is None else (measurement, _series(measurement, face, self._directory.site))
            self._heads[tag_id] = found
        return self._heads[tag_id]


def _frame(event: FeedEvent, site: str) -> Line:
    """Measurement `aligned`: a float field a tag, absent where it has no value; `complete`, and `missing` with the reasons."""
    head = ALIGNED + _tags([("alignment", event.subject), ("site", site)])
    fields = [f"{tag_value(tag)}={value!r}" for tag, value in event.body["values"].items() if value is not None]
    missing = event.body["missing"]
    fields.append(f"complete={'false' if missing else 'true'}")
    if missing:
        fields.append("missing=" + string(", ".join(f"{tag}: {reason}" for tag, reason in missing.items())))
    return Line(ALIGNED, f"{head} {','.join(fields)} {event.time_us}".encode(), event=event)


def _episode(event: FeedEvent, site: str) -> Line:
    """Measurement `loop_episode` at the begin of the episode: each figure that is known a float field."""
    body = event.body
    head = LOOP_EPISODE + _tags([("loop", event.subject), ("machine", body["machine"] or ""), ("site", site)])
    fields = [f"{name}={float(body[name])!r}" for name in EPISODE_FIELDS if body[name] is not None]
    fields += [f"duration_s={(body['to_us'] - body['from_us']) / 1e6!r}", f"rule_version={body['rule_version']}i"]
    return Line(LOOP_EPISODE, f"{head} {','.join(fields)} {event.time_us}".encode(), event=event)


def _series(measurement: str, face: TagFace, site: str) -> str:
    machine = face.machine
    return measurement_name(measurement) + _tags([
        ("device", face.tag.device_id), ("tag", face.tag.point), ("unit", face.tag.unit),
        ("machine", machine.id if machine else ""), ("section", machine.section if machine else ""), ("site", site),
    ])  # fmt: skip


def _tags(tags: Sequence[tuple[str, str]]) -> str:
    """`,key=value` of each that has a value, sorted by key as the documentation advises."""
    return "".join(f",{name}={tag_value(value)}" for name, value in sorted(tags) if tag_value(value))


def measurement_name(name: str) -> str:
    return name.translate(_PLAIN).replace(",", r"\,").replace(" ", r"\ ")


def tag_value(value: str) -> str:
    """Escaped; "" when nothing is left."""
    clean = value.translate(_PLAIN).strip()
    return clean.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")


def string(value: str) -> str:
    """A string field, quotes included; in one line (VictoriaMetrics knows no other), cut where InfluxDB would refuse it."""
    clean = value.translate(_ONE_LINE).encode()[:LONGEST_STRING].decode(errors="ignore")
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_REASONS = {int(quality): quality.reason or "" for quality in Quality}


def _reason(quality: int) -> str:
    return _REASONS.get(quality, str(quality))
