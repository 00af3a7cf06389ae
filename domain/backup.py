"""Backups as their administrator sees them: the files that lie there, and the one that is being made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class BackupState(Enum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BackupFile:
    """`name` without a folder; `time_us` when it was finished, UTC; `schema` of the database, "" when it cannot be read.

    `fits`: this version of the program can restore it.
    """

    name: str
    time_us: int
    size_bytes: int
    schema: str
    fits: bool


@dataclass(frozen=True, slots=True)
class BackupJob:
    """The last backup asked for. `tables_done` of `tables` are written; equal to it: the file is being read back.

    `reason` when it failed: no_room, not_writable, database.
    """

    name: str
    state: BackupState
    started_us: int
    by: str
    tables_done: int = 0
    tables: int = 0
    rows: int = 0
    reason: str = ""
