"""Versions of the configuration: what is kept of each change of the plant, and how two documents differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

KEPT_VERSIONS = 500
BEFORE = "before_history"  # action of the version that stood when versions began to be kept


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who changed the plant, when (UTC, µs) and how; `action`, `subject` as in the audit ("device_update", "m1")."""

    time_us: int
    author: str
    source: str
    action: str
    subject: str


@dataclass(frozen=True, slots=True)
class PlantVersion:
    """`number` grows by one with each change; the highest is what runs."""

    number: int
    by: Authorship


class PlantVersionStore(Protocol):
    """The newest `KEPT_VERSIONS` documents; one is added with each save of the plant."""

    async def version(self) -> int:
        """Number of the version that runs; 0 when there is no plant yet."""
        ...

    async def versions(self, limit: int, before: int | None = None) -> Sequence[PlantVersion]:
        """Newest first; `before`: only lower numbers."""
        ...

    async def document(self, number: int) -> tuple[PlantVersion, Mapping[str, object]] | None:
        """One version with its document, None when it is not kept."""
        ...


class ChangeKind(Enum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`field`: place inside the entry ("states.idle_above_kw"); a side that has no such field is None."""

    field: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry of a section that came, went or changed. `entry` "": the section as a whole; `title`: its name, "" without one."""

    section: str
    entry: str
    title: str
    kind: ChangeKind
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class PlantDiff:
    """How one document becomes another. `yaml`: lines of a unified diff of both plant files; `base`: version that runs now."""

    base: int
    changes: tuple[EntryChange, ...]
    yaml: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """A version and what it changed of the one before; `changes` None when the one before is no longer kept."""

    version: PlantVersion
    changes: tuple[EntryChange, ...] | None


@dataclass(frozen=True, slots=True)
class VersionFile:
    """A version as its plant file; without secrets, as every plant file."""

    version: PlantVersion
    yaml: str
