"""How two plant documents differ by entry and field, and how two people's changes of one part of it come together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.errors import Conflict
from domain.plant_version import ChangeKind, EntryChange, FieldChange

KEYS = ("id", "tag", "valid_from", "date", "name", "device")  # what tells entries of a list apart: the first that all have
_ABSENT = object()


def document_changes(old: Mapping[str, object], new: Mapping[str, object], order: Sequence[str] = ()) -> tuple[EntryChange, ...]:
    """What turns `old` into `new`, its sections in this order and then their own. The order of entries is no difference."""
    names = [name for name in order if name in old or name in new]
    names += [name for name in {**old, **new} if name not in order]
    return tuple(change for name in names for change in _section(name, old.get(name), new.get(name)))


def merged(known: object, wanted: object, stored: object) -> object:
    """What two changes of `known` make together: into `wanted`, and into `stored` by somebody else meanwhile.

    Groups come together field by field, lists entry by entry; an entry is changed by one of both only. Raises Conflict where
    both changed the same.
    """
    if alike(stored, known) or alike(stored, wanted):
        return wanted
    if alike(wanted, known):
        return stored
    if isinstance(known or {}, Mapping) and isinstance(wanted, Mapping) and isinstance(stored, Mapping):
        return _merged_fields(known or {}, wanted, stored)
    before, theirs = known or [], stored or []
    if isinstance(before, list) and isinstance(wanted, list) and isinstance(theirs, list):
        return _merged_lists(before, wanted, theirs)
    raise Conflict("both changed the same")


def alike(one: object, other: object) -> bool:
    """Do both say the same, whatever the order of their fields? What is absent says as much as what is empty."""
    return _text(one) == _text(other)


def _text(value: object) -> str:
    if value in ([], {}, ""):
        return "null"
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _merged_fields(known: Any, wanted: Mapping[str, object], stored: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in {**stored, **wanted}:
        value = merged(known.get(name), wanted.get(name), stored.get(name))
        if value is not None:
            found[name] = value
    return found


def _merged_lists(known: list[Any], wanted: list[Any], stored: list[Any]) -> list[Any]:
    key = _key(known, wanted, stored)
    before, mine, theirs = (_placed(side, key) for side in (known, wanted, stored))
    both = [name for name in before if mine.get(name, _ABSENT) is _ABSENT and theirs.get(name, _ABSENT) is _ABSENT]
    if key is None and both and (mine.keys() - before.keys() or theirs.keys() - before.keys()):
        raise Conflict("both changed the same")  # nothing tells whether what came stands in the place of what went
    found: dict[str, Any] = {}
    for name in {**theirs, **mine}:
        value = _one_of(before.get(name, _ABSENT), mine.get(name, _ABSENT), theirs.get(name, _ABSENT))
        if value is not _ABSENT:
            found[name] = value
    entries = list(found.values())
    return sorted(entries, key=lambda entry: str(entry[key])) if key in {"valid_from", "date"} else entries


def _one_of(before: object, mine: object, theirs: object) -> object:
    """An entry that at most one of both changed. Raises Conflict."""
    if mine is not _ABSENT and theirs is not _ABSENT and alike(mine, theirs):
        return mine
    if mine is before or (mine is not _ABSENT and before is not _ABSENT and alike(mine, before)):
        return theirs
    if theirs is before or (theirs is not _ABSENT and before is not _ABSENT and alike(theirs, before)):
        return mine
    if mine is theirs:  # both took it away
        return mine
    raise Conflict("both changed the same")


def _placed(side: list[Any], key: str | None) -> dict[str, Any]:
    """Entries by what tells them apart; without a key by what they say, equal ones counted."""
    if key is not None:
        return _by(key, side)
    seen: Counter[str] = Counter()
    found: dict[str, Any] = {}
    for entry in side:
        text = _text(entry)
        seen[text] += 1
        found[f"{text} {seen[text]}"] = entry
    return found


def _section(name: str, old: object, new: object) -> Iterator[EntryChange]:
    key = _key(old, new)
    if key is None:
        if fields := field_changes(old, new):
            kind = ChangeKind.ADDED if not old else ChangeKind.REMOVED if not new else ChangeKind.CHANGED
            yield EntryChange(name, "", "", kind, fields)
        return
    before, after = _by(key, old), _by(key, new)
    for entry in {**before, **after}:
        was, now = before.get(entry), after.get(entry)
        if fields := field_changes(was, now):
            kind = ChangeKind.ADDED if was is None else ChangeKind.REMOVED if now is None else ChangeKind.CHANGED
            yield EntryChange(name, entry, _title(now if now is not None else was, key), kind, fields)


def _title(entry: Any, key: str) -> str:
    return str(entry.get("name") or "") if key != "name" else ""


def _key(*lists: object) -> str | None:
    """The field by which the entries of all these lists are known; None when they are no such lists."""
    sides = [side for side in lists if side]
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


def field_changes(old: object, new: object) -> tuple[FieldChange, ...]:
    """The fields in which two entries differ; a bare value has the empty name."""
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
    elif isinstance(value, list) and (key := _key(value)) is not None:
        for name, item in _by(key, value).items():
            yield from _flat(f"{place}[{name}]", {k: v for k, v in item.items() if k != key} or True)
    elif value is not None:
        yield place, value
