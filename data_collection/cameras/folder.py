"""The newest picture of a cycle in a folder. Blocks (a share may hang): for a thread."""

from __future__ import annotations

import fnmatch
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.camera import Camera, NoPicture

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
MOST_FILES: Final = 20_000  # that are looked at: a folder nobody tidies must not cost seconds


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file of a folder, `time_us` of its last change."""

    path: Path
    time_us: int
    size_bytes: int


def newest(camera: Camera, opened_us: int, closed_us: int) -> bytes:
    """The bytes of the newest file whose time lies in (opened, closed]. Raises NoPicture."""
    return content(camera, newest_file(camera, opened_us, closed_us))


def newest_file(camera: Camera, opened_us: int, closed_us: int) -> PictureFile:
    """The newest file whose time lies in (opened, closed]. Raises NoPicture."""
    folder = Path(camera.folder or "")
    found: PictureFile | None = None
    try:
        with os.scandir(folder) as entries:
            for n, entry in enumerate(entries):
                if n >= MOST_FILES:
                    raise NoPicture("unreachable", f"{folder} holds more than {MOST_FILES} files: old ones are to be moved away")
                if not _wanted(entry.name, camera.pattern):
                    continue
                about = entry.stat(follow_symlinks=False)
                time_us = about.st_mtime_ns // 1000
                newer = found is None or time_us > found.time_us
                if stat.S_ISREG(about.st_mode) and opened_us < time_us <= closed_us and newer:
                    found = PictureFile(Path(entry.path), time_us, about.st_size)
    except OSError as exc:
        raise NoPicture("unreachable", f"{folder}: {exc.strerror or exc}") from exc
    if found is None:
        raise NoPicture("none", f"no file of the cycle in {folder}")
    return found


def content(camera: Camera, file: PictureFile) -> bytes:
    """What the file holds. Raises NoPicture."""
    if file.size_bytes > camera.largest_bytes:
        raise NoPicture("too_large", f"{file.path.name} has {file.size_bytes / 1e6:.1f} MB")
    try:
        with file.path.open("rb") as opened:
            return opened.read(camera.largest_bytes + 1)
    except OSError as exc:
        raise NoPicture("unreachable", f"{file.path}: {exc.strerror or exc}") from exc


def _wanted(name: str, pattern: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and fnmatch.fnmatch(name.lower(), pattern.lower())
