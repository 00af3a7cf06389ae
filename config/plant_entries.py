"""A section of a plant file that is a list of entries with ids of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from config.fields import Fields
from config.plant_lines import read_id
from config.problems import Path

T = TypeVar("T")


def read_entries(
    fields: Fields, section: str, kind: str, most: int, read: Callable[[Fields, str | None], T | None]
) -> tuple[T, ...]:
    """Each by itself; ids are unique among them. `kind`: what one is called; `read`: from an entry and its id."""
    entries = fields.entries(section)
    if len(entries) > most:
        fields.problem(section, f"has {len(entries)} entries", f"at most {most}")
        return ()
    taken: dict[str, Path] = {}
    found = []
    for entry, path in entries:
        group = Fields(entry, path, fields.report)
        one = read(group, read_id(group, taken, kind))
        group.finish()
        if one is not None:
            found.append(one)
    return tuple(found)
