"""What happens, as feeds tell it. Pure. (kind, identity) is the same however often an event is sent."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any, Final

from data_transfer.destination import Directory
from domain.alert import Alert
from domain.alignment import Alignment, Frame
from domain.feed import ALIGNED, GAP, ITEM, LOOP_EPISODE, FeedEvent, FeedGap
from domain.inspection import InspectedItem
from domain.loop import ControlLoop, LoopEpisode
from domain.sample import TagEvent
from domain.state import StateInterval

LARGEST_PICTURE: Final = 500_000  # bytes; with base64 and all else a message stays below a broker's usual megabyte


def of_state(interval: StateInterval, directory: Directory) -> FeedEvent:
    """A machine's state begins (`to` null) or is over (`to` set). Times UTC microseconds, energy kWh."""
    body = {
        "machine": interval.machine_id, "state": interval.state.value, "from_us": interval.from_us, "to_us": interval.to_us,
        "energy_kwh": interval.energy_kwh,
    }  # fmt: skip
    over = interval.to_us is not None
    identity = f"{interval.machine_id}:{interval.from_us}:{'end' if over else 'begin'}"
    time_us = interval.from_us if interval.to_us is None else interval.to_us
    return FeedEvent("state", interval.machine_id, directory.meter_of(interval.machine_id), time_us, identity, body)


def of_alert(alert: Alert) -> FeedEvent | None:
    """One transition of an alert; None for an alert that was only read."""
    change = alert.change
    if change is None:
        return None
    body = {
        "id": alert.id, "key": alert.key, "rule": alert.rule, "priority": alert.priority.value, "state": change.state.value,
        "action": change.action.value, "number": change.number, "machine": alert.machine_id, "device": alert.device_id,
        "tag": alert.tag, "value": alert.value, "limit": alert.limit, "unit": alert.unit, "raised_us": alert.raised_us,
        "actor": change.actor, "detail": alert.detail,
    }  # fmt: skip
    identity = f"{alert.key}:{alert.raised_us}:{change.number}"
    return FeedEvent("alert", alert.machine_id or alert.key, alert.device_id, change.time_us, identity, body)


def of_tag(event: TagEvent, directory: Directory) -> FeedEvent:
    """Rollover, reset, exchange, gap ... of one tag."""
    face = directory.face(event.tag_id)
    name = face.tag.name if face is not None else str(event.tag_id)
    body = {"tag": name, "event": event.kind, "detail": event.detail}
    device = face.tag.device_id if face is not None else None
    return FeedEvent("tag", name, device, event.time_us, f"{name}:{event.time_us}:{event.kind}", body)


def of_item(item: InspectedItem) -> FeedEvent:
    """An inspected part: features in canonical units, what is thought of it, was that written back in time, its picture.

    A picture that no message can hold stays behind.
    """
    verdict = item.verdict
    body: dict[str, Any] = {
        "device": item.device_id, "number": item.number, "opened_us": item.opened_us, "closed_us": item.closed_us,
        "features": dict(item.features), "outcome": verdict.outcome.value, "score": verdict.score,
        "reasons": [str(reason) for reason in verdict.reasons], "causes": [reason.stored for reason in verdict.reasons],
        "model": verdict.model, "written_back": item.written_back,
    }  # fmt: skip
    picture = item.picture
    if picture is not None and 0 < len(picture.jpeg) <= LARGEST_PICTURE:
        region = picture.region
        body["picture"] = {
            "width": picture.width, "height": picture.height, "jpeg": base64.b64encode(picture.jpeg).decode(),
            "region": None if region is None else [region.x, region.y, region.width, region.height],
        }  # fmt: skip
    return FeedEvent(ITEM, item.device_id, item.device_id, item.closed_us, f"{item.device_id}:{item.number}", body)


def of_frame(alignment: Alignment, frame: Frame) -> FeedEvent:
    """All series of an alignment at one grid time: values by tag, null with its reason in `missing`; times of samples."""
    named = [(series.tag, value) for series, value in zip(alignment.series, frame.values, strict=True)]
    body = {
        "alignment": alignment.id, "grid_ms": alignment.grid_ms, "values": {tag: value.value for tag, value in named},
        "missing": {tag: value.reason for tag, value in named if value.reason is not None},
        "sample_us": {tag: value.sample_us for tag, value in named if value.sample_us is not None},
    }  # fmt: skip
    return FeedEvent(ALIGNED, alignment.id, None, frame.time_us, f"{alignment.id}:{frame.time_us}", body)


def of_episode(loop: ControlLoop, episode: LoopEpisode) -> FeedEvent:
    """The answer of a control loop to one step of its set point, with its figures. Units as in domain.loop."""
    figures = dataclasses.asdict(episode)
    errors = figures.pop("errors")
    body = {**figures, **errors, "machine": loop.machine, "process": loop.process}
    return FeedEvent(LOOP_EPISODE, loop.id, None, episode.from_us, f"{loop.id}:{episode.from_us}", body)


def of_gap(feed: str, gap: FeedGap) -> FeedEvent:
    """What the feed could not keep for its destination. Times UTC microseconds."""
    body = {"feed": feed, "from_us": gap.from_us, "to_us": gap.to_us, "items": gap.items, "reason": gap.reason}
    return FeedEvent(GAP, feed, None, gap.to_us, f"{feed}:{gap.from_us}:{gap.to_us}:{gap.noticed_us}", body)
