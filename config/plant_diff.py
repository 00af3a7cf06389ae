"""How two plant documents differ: by entry and field for people, line by line as plant files. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from config.plant_file import dump_plant
from config.plant_reader import SECTIONS
from domain.plant_changes import document_changes
from domain.plant_version import EntryChange

CONTEXT_LINES = 2


def plant_changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[EntryChange, ...]:
    """What turns `old` into `new`, in the order of a plant file's sections. The order of entries is no difference."""
    return document_changes(old, new, SECTIONS)


def yaml_changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    """A unified diff of both as plant files, without its two head lines; empty when they are equal."""
    before, after = dump_plant(old).splitlines(), dump_plant(new).splitlines()
    return tuple(difflib.unified_diff(before, after, lineterm="", n=CONTEXT_LINES))[2:]
