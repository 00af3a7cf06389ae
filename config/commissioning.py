"""A device with its line, machine and limits joins the plant's document in one step, and leaves it again. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.alert import LimitRule
from domain.commissioning import Connected, Connection
from domain.errors import Conflict, NotFound

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that came, went or changed, as the audit names it."""

    action: str
    subject: str
    old: Document | None
    new: Document | None


def limit_entry(rule: LimitRule) -> Document:
    """A limit as the plant file writes it."""
    borders = {name: getattr(rule, name) for name in ("high", "critical_high", "low", "critical_low")}
    damping = {name: getattr(rule, name) for name in ("hysteresis", "on_delay_s", "off_delay_s")}
    return {
        "tag": rule.tag,
        **{name: value for name, value in borders.items() if value is not None},
        **{name: value for name, value in damping.items() if value},
    }


def connected(before: Mapping[str, Any], wanted: Connection) -> tuple[Document, Sequence[Change], Connected]:
    """The document with all of `wanted`, what changed, and how to take it back. Raises Conflict, NotFound."""
    document, changes = copy.deepcopy(dict(before)), list[Change]()
    device = dict(wanted.device)
    device_id = str(device.get("id", ""))
    line_id = joined = meter_before = made = None
    if wanted.line is not None:
        line_id = str(wanted.line.get("id", ""))
        _add(document, "lines", "line", dict(wanted.line), changes)
    _add(document, "devices", "device", device, changes)
    if wanted.machine is not None:
        machine = {**wanted.machine, "meter": device_id}
        if wanted.machine_new:
            made = str(machine.get("id", ""))
            _add(document, "machines", "machine", machine, changes)
        else:
            joined, meter_before = _meter(document, str(machine["id"]), device_id, changes)
    for rule in wanted.limits:
        entry = limit_entry(rule)
        document.setdefault("limits", []).append(entry)
        changes.append(Change("limit_save", rule.tag, None, entry))
    return document, changes, Connected(
        device_id, line_id, made, joined, meter_before, tuple(rule.tag for rule in wanted.limits)
    )


def disconnected(before: Mapping[str, Any], done: Connected) -> tuple[Document, Sequence[Change]]:
    """The document without what `done` made; what others built on it meanwhile is a Conflict, what is gone already is no fault.

    The line stays when another device lies on it by now.
    """
    document, changes = copy.deepcopy(dict(before)), list[Change]()
    for entry in [e for e in document.get("limits") or [] if e.get("tag") in done.limits]:
        document["limits"].remove(entry)
        changes.append(Change("limit_delete", str(entry["tag"]), entry, None))
    users = [m for m in document.get("machines") or [] if m.get("meter") == done.device]
    for machine in users:
        if machine["id"] == done.machine:
            _remove(document, "machines", "machine", machine["id"], changes)
        elif machine["id"] == done.joined:
            devices = {known.get("id") for known in document.get("devices") or []}
            back = done.meter_before if done.meter_before in devices else None
            _meter(document, machine["id"], back, changes)
        else:
            raise Conflict(f"device {done.device!r} is the meter of {machine['id']}")
    _remove(document, "devices", "device", done.device, changes)
    if done.line is not None and not any(d.get("line") == done.line for d in document["devices"]):
        _remove(document, "lines", "line", done.line, changes)
    return document, changes


def _meter(document: Document, machine_id: str, meter: str | None, changes: list[Change]) -> tuple[str, str | None]:
    """Give the machine a meter (None: none); its id and the meter it had."""
    machines = document.get("machines") or []
    place = next((i for i, known in enumerate(machines) if known.get("id") == machine_id), None)
    if place is None:
        raise NotFound("machine", machine_id, tuple(str(known.get("id")) for known in machines[:5]))
    old = machines[place]
    machines[place] = {k: v for k, v in old.items() if k != "meter"} | ({"meter": meter} if meter is not None else {})
    changes.append(Change("machine_update", machine_id, old, machines[place]))
    return machine_id, old.get("meter")


def _add(document: Document, section: str, what: str, entry: Document, changes: list[Change]) -> None:
    entries: list[Document] = document.setdefault(section, [])
    entry_id = str(entry.get("id", ""))
    if any(known.get("id") == entry_id for known in entries):
        raise Conflict(f"{what} {entry_id!r} exists already")
    entries.append(entry)
    changes.append(Change(f"{what}_create", entry_id, None, entry))


def _remove(document: Document, section: str, what: str, entry_id: str, changes: list[Change]) -> None:
    entries: list[Document] = document.get(section) or []
    old = next((known for known in entries if known.get("id") == entry_id), None)
    if old is not None:
        entries.remove(old)
        changes.append(Change(f"{what}_delete", entry_id, old, None))
