"""What happens, as feeds tell it. Pure. (kind, identity) is the same however often an event is sent."""

from __future__ import annotations

from data_transfer.destination import Directory
from domain.alert import Alert
from domain.feed import FeedEvent
from domain.sample import TagEvent
from domain.state import StateInterval


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
