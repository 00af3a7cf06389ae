"""Transitions of alerts that wait for the database: a file of lines that survives the process."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, Priority

log = logging.getLogger(__name__)

LARGEST_BYTES = 32 * 1024 * 1024


class AlertSpoolFile:
    """Implements analysis.alert_recorder.AlertSpool. One JSON object a line; a line cut by a crash is passed over and told."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, alerts: Sequence[Alert]) -> None:
        """On the disk when it returns. Raises OSError, also when the file is full."""
        data = "".join(json.dumps(_plain(alert), ensure_ascii=False) + "\n" for alert in alerts).encode()
        if self._path.exists() and self._path.stat().st_size + len(data) > LARGEST_BYTES:
            raise OSError(f"{self._path.name} holds {LARGEST_BYTES // 2**20} MiB already")
        with self._path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def load(self) -> Sequence[Alert]:
        """What was appended since the last `clear`, oldest first. Raises OSError."""
        if not self._path.exists():
            return []
        found = []
        for number, line in enumerate(self._path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            try:
                found.append(_alert(json.loads(line)))
            except (ValueError, KeyError, TypeError) as exc:
                log.error("%s, line %d is no transition of an alert: %s", self._path.name, number, exc)
        return found

    def clear(self) -> None:
        """All of it is stored."""
        self._path.unlink(missing_ok=True)


def _plain(alert: Alert) -> dict[str, Any]:
    fields = {field.name: getattr(alert, field.name) for field in dataclasses.fields(alert)}
    fields |= {"priority": alert.priority.value, "state": alert.state.value, "message": dict(alert.message)}
    if alert.hold is not None:
        fields["hold"] = {**_fields(alert.hold), "kind": alert.hold.kind.value}
    if alert.change is not None:
        change = alert.change
        fields["change"] = {**_fields(change), "action": change.action.value, "state": change.state.value, "to": list(change.to)}
    return fields


def _fields(record: Hold | Change) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _alert(fields: dict[str, Any]) -> Alert:
    hold, change = fields.get("hold"), fields.get("change")
    return Alert(**{
        **fields,
        "priority": Priority(fields["priority"]),
        "state": AlertState(fields["state"]),
        "hold": None if hold is None else Hold(**{**hold, "kind": HoldKind(hold["kind"])}),
        "change": None if change is None else Change(**{
            **change, "action": Action(change["action"]), "state": AlertState(change["state"]), "to": tuple(change["to"]),
        }),
    })  # fmt: skip
