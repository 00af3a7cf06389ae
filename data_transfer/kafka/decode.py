"""Messages of the Kafka feed read again: the inverse of data_transfer.messages and of .protobuf. Pure.

Unknown fields are skipped, so that a reader of this version reads what a later one adds.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import orjson

from data_transfer.kafka.protobuf import CONTENT_TYPE, classes
from domain.camera import ItemPicture, Region
from domain.feed import FeedEvent
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.inspection_reason import reason_of
from domain.quality import FIRST_BAD, Quality
from domain.sample import Reading

_CODES: Mapping[tuple[str, str | None], int] = {(quality.grade, quality.reason): int(quality) for quality in Quality}
_UNKNOWN = {"good": int(Quality.GOOD), "uncertain": int(Quality.ESTIMATED), "bad": int(Quality.INTERNAL)}
MOST_PLANS = 50_000
JSON = "application/json"


class Decoder:
    """Makes readings of messages; the points of equal messages are one tuple, so that what is compiled for it is found again."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, ...], tuple[str, ...]] = {}

    def samples(self, value: bytes, content_type: str = JSON) -> Reading:
        """What one device said at one instant. Raises ValueError that says what is wrong with the message."""
        try:
            document = _protobuf_samples(value) if content_type == CONTENT_TYPE else orjson.loads(value)
            return self._reading(document)
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as exc:
            raise ValueError(f"no message of samples: {type(exc).__name__} {exc}") from exc

    def _reading(self, document: Any) -> Reading:
        points, values, qualities, texts = [], [], [], {}
        for sample in document["samples"]:
            if "text" in sample:
                texts[str(sample["tag"])] = str(sample["text"])
                continue
            judged = sample["quality"], sample.get("reason")
            code = _CODES.get(judged)
            if code is None:
                code = _UNKNOWN[judged[0]]
            value = None if code >= FIRST_BAD else _number(sample.get("value"))
            points.append(sample["tag"])
            qualities.append(code)
            values.append(value)
        device, time_us = document["device"], document["time_us"]
        if not isinstance(device, str) or not isinstance(time_us, int):
            raise ValueError("device is a text, time_us a whole number")
        return Reading(device, time_us, self._shared(tuple(points)), values, qualities, texts)

    def _shared(self, names: tuple[Any, ...]) -> tuple[str, ...]:
        """The one tuple of these names. Raises ValueError for what is no name."""
        known = self._points.get(names)
        if known is None:
            if not all(isinstance(name, str) for name in names):
                raise ValueError("tag is a text")
            if len(self._points) > MOST_PLANS:
                self._points.clear()
            known = self._points[names] = names
        return known


def event_of(value: bytes, content_type: str = JSON) -> FeedEvent:
    """An event. Raises ValueError."""
    try:
        if content_type == CONTENT_TYPE:
            found = _parsed("Event", value)
            device = found.device if found.HasField("device") else None
            return FeedEvent(found.kind, found.subject, device, found.time_us, found.id, json.loads(found.detail_json))
        document = json.loads(value)
        when, detail = int(document["time_us"]), dict(document["detail"])
        return FeedEvent(document["kind"], document["subject"], document["device"], when, document["id"], detail)
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as exc:
        raise ValueError(f"no event: {type(exc).__name__} {exc}") from exc


def item_of(event: FeedEvent) -> InspectedItem:
    """An inspected part, of an event of its kind. Raises ValueError."""
    try:
        body = event.body
        features = {str(name): _number(value) for name, value in body["features"].items()}
        reasons = tuple(reason_of(told) for told in body.get("causes", body["reasons"]))
        verdict = Verdict(int(body["number"]), Outcome(body["outcome"]), _number(body["score"]), reasons, str(body["model"]))
        back = body["written_back"]
        return InspectedItem(
            str(body["device"]), verdict.item, int(body["opened_us"]), int(body["closed_us"]), features, verdict,
            None if back is None else bool(back), picture=_picture_of(body.get("picture")),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"no inspected item: {type(exc).__name__} {exc}") from exc


def _picture_of(body: Mapping[str, Any] | None) -> ItemPicture | None:
    """The picture of an item; None where its event has none."""
    if body is None:
        return None
    region = body["region"]
    jpeg = base64.b64decode(body["jpeg"], validate=True)
    place = None if region is None else Region(*(int(value) for value in region))
    return ItemPicture(int(body["width"]), int(body["height"]), place, jpeg)


def _number(value: Any) -> float:
    if type(value) is float and value - value == 0.0:  # nearly all there are; of what is not finite the difference is NaN
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number although the quality is not bad")
    return float(value)


def _parsed(name: str, value: bytes) -> Any:
    made = classes()[name]()
    try:
        made.ParseFromString(value)
    except Exception as exc:
        raise ValueError(f"no Protobuf message {name}: {exc}") from exc
    return made


def _protobuf_samples(value: bytes) -> Mapping[str, Any]:
    found = _parsed("Samples", value)
    return {
        "device": found.device, "time_us": found.time_us,
        "samples": [
            {"tag": one.tag, "text": one.text} if one.HasField("text") else
            {
                "tag": one.tag, "quality": one.quality, "reason": one.reason if one.HasField("reason") else None,
                "value": one.value if one.HasField("value") else None,
            }
            for one in found.samples
        ],
    }  # fmt: skip
