"""How two plant documents differ: by entry and field for people, line by line as plant files. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from config.plant_file import dump_plant
from config.plant_reader import SECTIONS
from domain.plant_version import ChangeKind, EntryChange, FieldChange

KEYS = ("id", "tag", "name")  # what tells the entries of a list apart, the first that all of them have
CONTEXT_LINES = 2


def plant_changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[EntryChange, ...]:
    """What turns `old` into `new`, in the order of a plant file's sections. The order of entries is no difference."""
    names = [name for name in SECTIONS if name in old or name in new]
    names += [name for name in {**old, **new} if name not in SECTIONS]
    return tuple(change for name in names for change in _section(name, old.get(name), new.get(name)))


def yaml_changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    """A unified diff of both as plant files, without its two head lines; empty when they are equal."""
    before, after = dump_plant(old).splitlines(), dump_plant(new).splitlines()
    return tuple(difflib.unified_diff(before, after, lineterm="", n=CONTEXT_LINES))[2:]


def _section(name: str, old: object, new: object) -> Iterator[EntryChange]:
    key = _key(old, new)
    if key is None:
        if fields := _fields(old, new):
            kind = ChangeKind.ADDED if not old else ChangeKind.REMOVED if not new else ChangeKind.CHANGED
            yield EntryChange(name, "", "", kind, fields)
        return
    before, after = _by(key, old), _by(key, new)
    for entry in {**before, **after}:
        was, now = before.get(entry), after.get(entry)
        if fields := _fields(was, now):
            kind = ChangeKind.ADDED if was is None else ChangeKind.REMOVED if now is None else ChangeKind.CHANGED
            yield EntryChange(name, entry, _title(now if now is not None else was, key), kind, fields)


def _title(entry: Any, key: str) -> str:
    return str(entry.get("name") or "") if key != "name" else ""


def _key(old: object, new: object) -> str | None:
    """The field by which both lists' entries are known; None when they are no such lists."""
    sides = [side for side in (old, new) if side]
    if not sides:
        return None
    for key in KEYS:
        if all(_known_by(key, side) for side in sides):
            return key
    return None


def _known_by(key: str, side: object) -> bool:
    if not isinstance(side, list) or not all(isinstance(entry, Mapping) and entry.get(key) is not None for entry in side):
        return False
    return len({str(entry[key]) for entry in side}) == len(side)


def _by(key: str, side: object) -> dict[str, Any]:
    return {str(entry[key]): entry for entry in side} if isinstance(side, list) else {}


def _fields(old: object, new: object) -> tuple[FieldChange, ...]:
    before, after = dict(_flat("", old)), dict(_flat("", new))
    return tuple(
        FieldChange(name, before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name) or (name in before) != (name in after)
    )


def _flat(place: str, value: object) -> Iterator[tuple[str, object]]:
    """Leaves with their places. A list of known entries is walked, any other is one value."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(f"{place}.{name}" if place else str(name), item)
    elif isinstance(value, list) and (key := _key(value, None)) is not None:
        for name, item in _by(key, value).items():
            yield from _flat(f"{place}[{name}]", {k: v for k, v in item.items() if k != key} or True)
    elif value is not None:
        yield place, value
