"""An entry of the section `inspections` as a form gives it: its password apart, and its place in a document."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


def camera_and_password(entry: Mapping[str, object]) -> tuple[Document, str | None]:
    """The entry as the document may hold it, and what is to be its password: None as it is, empty none."""
    plain = copy.deepcopy(dict(entry))
    camera = plain.get("camera")
    password = camera.pop("password", None) if isinstance(camera, dict) else None
    return plain, None if password is None else str(password)


def asks_over_http(entry: Mapping[str, object]) -> bool:
    """Has the entry's camera an address, hence perhaps a login?"""
    camera = entry.get("camera")
    return isinstance(camera, Mapping) and bool(camera.get("url"))


def with_camera(document: Mapping[str, object], entry: Mapping[str, object]) -> Document:
    """A copy of the document, with `entry` in place of the one of its device."""
    drafted = copy.deepcopy(dict(document))
    listed = drafted.get("inspections")
    entries: list[object] = list(listed) if isinstance(listed, list) else []
    same = [i for i, known in enumerate(entries) if isinstance(known, Mapping) and known.get("device") == entry.get("device")]
    place = same[0] if same else len(entries)
    entries[place : place + 1] = [dict(entry)]
    drafted["inspections"] = entries
    return drafted
