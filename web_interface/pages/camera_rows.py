"""How the cameras of the plant fare, as rows of a table: on the page of inspection and on the status page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from domain.camera import Camera, CameraStatus
from web_interface.format import MISSING, Format
from web_interface.locale import has, t
from web_interface.pages.device_patterns import technical_words

Rows = list[dict[str, Any]]


def camera_columns(lang: str, *, tools: bool) -> Rows:
    """Heads of the table."""
    heads = [("device", "left"), ("source", "left"), ("taken", "right"), ("missing", "left"), ("last", "left")]
    columns: Rows = [{"key": key, "name": t(f"camera.col.{key}", lang), "align": align} for key, align in heads]
    columns[3]["grow"] = True
    return [*columns, {"key": "do", "name": "", "align": "right", "sort": False}] if tools else columns


def camera_rows(
    cameras: Sequence[Camera], statuses: Sequence[CameraStatus], fmt: Format, now_us: int, *, tools: bool = False
) -> Rows:
    """One row a camera of the plant; one that was not asked yet has no counts."""
    known = {status.device_id: status for status in statuses}
    return [_row(camera, known.get(camera.device_id), fmt, now_us, tools=tools) for camera in cameras]


def _row(camera: Camera, status: CameraStatus | None, fmt: Format, now_us: int, *, tools: bool) -> dict[str, Any]:
    lang = fmt.lang
    actions = [
        {"name": "camera-shoot", "icon": "photo_camera", "label": t("camera.try", lang), "kind": "quiet"},
        {"name": "camera-delete", "icon": "delete_outline", "label": t("camera.delete", lang), "kind": "quiet"},
    ]  # fmt: skip
    missing = {} if status is None else status.missing
    taken = MISSING if status is None else fmt.number(status.taken, 0)
    last = MISSING if status is None or status.last_us is None else fmt.moment(status.last_us, now_us)
    said = [[technical_words(status.last_error, lang), "em-quiet"]] if status is not None and status.last_error else None
    cells: dict[str, Any] = {
        "device": {"text": camera.device_id, "bold": True},
        "source": {"text": source_words(camera), "mono": True},
        "taken": {"text": taken, "sort": 0 if status is None else status.taken},
        "missing": {"text": missing_counts(missing, fmt), "sort": sum(missing.values()), **({"sub": said} if said else {})},
        "last": {"text": last, "sort": 0 if status is None else status.last_us or 0},
    }  # fmt: skip
    if tools:
        cells["do"] = {"text": "", "actions": actions}
    return {"id": camera.device_id, "clickable": tools, "cells": cells}


def source_words(camera: Camera) -> str:
    """The folder with its pattern, or the address without its query, which may hold a key."""
    if camera.folder is not None:
        return camera.folder if camera.pattern == "*" else f"{camera.folder}  {camera.pattern}"
    parts = urlsplit(camera.url or "")
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def missing_counts(missing: Mapping[str, int], fmt: Format) -> str:
    """Items without a picture by reason."""
    words = [f"{reason_name(name, fmt.lang)}\u00a0{fmt.number(n, 0)}" for name, n in sorted(missing.items()) if n]
    return ", ".join(words) or "—"


def reason_name(name: str, lang: str) -> str:
    """Why there is no picture, in a word or two; one without words as it is."""
    key = f"inspection.missing.{name}"
    return t(key, lang) if has(key, lang) else name
