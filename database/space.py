"""Room on the disk: a reserve to go on with when it is full, and how much is left (P15)."""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import os
import time
from pathlib import Path

log = logging.getLogger(__name__)

SEEN_FOR_S = 1.0
RESERVE_BYTES = 16 * 1024 * 1024
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskSpace:
    """Of the data folder. A full disk refuses even deleting inside SQLite: freeing the reserve lets everything move again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = (-math.inf, 0, 0)  # monotonic s, free, total: pages ask often, and a busy disk answers slowly
        self._reserve = folder / "reserve.bin"

    def free_bytes(self) -> int:
        """Free for us; 0 when it cannot be told."""
        return self._figures()[0]

    def share_free(self) -> float:
        """0..1"""
        free, total = self._figures()
        return free / total if total else 1.0

    def hold_reserve(self) -> None:
        """Have the reserve, a tenth of what is free at most; again after it was used and room came back."""
        free, _total = self._figures(now=True)
        size = min(RESERVE_BYTES, free // 10)
        if self._reserve.exists() or size < 4096 or free < 4 * size:
            return
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as exc:
            log.warning("no reserve on the disk: %s", exc)
        finally:
            os.close(descriptor)

    def free_reserve(self) -> bool:
        """True when there was one to free."""
        with contextlib.suppress(FileNotFoundError):
            self._reserve.unlink()
            log.error("the disk is full: the reserve is given up so that samples can be kept")
            return True
        return False

    def _figures(self, *, now: bool = False) -> tuple[int, int]:
        """(free, total) bytes, a second old at most."""
        asked = time.monotonic()
        if now or asked - self._seen[0] > SEEN_FOR_S:
            try:
                found = os.statvfs(self._folder)
                self._seen = asked, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
            except OSError:
                self._seen = asked, 0, 0
        return self._seen[1:]


def no_room(exc: OSError) -> bool:
    """Is a full disk (or quota) the cause?"""
    return exc.errno in NO_ROOM
