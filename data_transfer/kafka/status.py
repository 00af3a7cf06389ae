"""What the roles tell of themselves, as messages of the topic of statuses. Key: the name of the process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from domain.camera import CameraStatus
from domain.health import DestinationBook, DeviceStatus, LineStatus
from domain.plugin import PluginStatus
from domain.role import FieldReport, Refusals, RoleStatus, Share


def encoded(status: RoleStatus | FieldReport) -> bytes:
    kind = "role" if isinstance(status, RoleStatus) else "field"
    return json.dumps({"schema": 1, "kind": kind, **asdict(status)}, ensure_ascii=False, separators=(",", ":")).encode()


def decoded(value: bytes) -> RoleStatus | FieldReport:
    """Raises ValueError. Fields of a later version are skipped."""
    try:
        document = json.loads(value)
        if document["kind"] == "role":
            fields = _known(RoleStatus, document)
            shares = tuple(Share(**_known(Share, share)) for share in document["shares"])
            books = tuple(DestinationBook(**_known(DestinationBook, book)) for book in document.get("books", ()))
            refusals = tuple(Refusals(**_known(Refusals, one)) for one in document.get("refusals", ()))
            parts = {"shares": shares, "line_ids": tuple(document["line_ids"]), "books": books, "refusals": refusals}
            return RoleStatus(**{**fields, **parts})
        lines = tuple(LineStatus(**_known(LineStatus, line)) for line in document["lines"])
        devices = tuple(DeviceStatus(**_known(DeviceStatus, device)) for device in document["devices"])
        cameras = tuple(CameraStatus(**_known(CameraStatus, camera)) for camera in document.get("cameras", ()))
        plugins = tuple(_plugin(plugin) for plugin in document.get("plugins", ()))
        return FieldReport(str(document["name"]), int(document["time_us"]), lines, devices, cameras, plugins)
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no status of a role: {type(exc).__name__} {exc}") from exc


def _plugin(document: Mapping[str, Any]) -> PluginStatus:
    return PluginStatus(**{**_known(PluginStatus, document), "cnc_ids": tuple(document["cnc_ids"])})


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in kind.__dataclass_fields__ if name in document}
