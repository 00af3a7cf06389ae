"""Digests of sessions that ended and that the database was not told of yet: a file of lines that survives the process."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")


class EndedSessionsFile:
    """Implements domain.stores.EndedSessions. All calls block on the disk and raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, digests: Collection[str]) -> None:
        """On the disk when it returns. A line that a crash cut before is closed first, so that it takes none of these with it."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(("\n" + "".join(f"{digest}\n" for digest in sorted(digests))).encode())
            file.flush()
            os.fsync(file.fileno())

    def load(self) -> Collection[str]:
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").split()
        except FileNotFoundError:
            return frozenset()
        return frozenset(line for line in lines if _DIGEST.fullmatch(line))

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)
