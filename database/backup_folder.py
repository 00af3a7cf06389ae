"""The folder of backups: what lies in it, and safe ways to one of its files. Names come from outside and are never trusted."""

from __future__ import annotations

import json
import re
import shutil
import stat
import time
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from database.migrate import head_revision
from domain.backup import BackupFile
from domain.errors import NotFound, StorageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.zip")
DRAFT_OLD_S = 86_400


class BackupFolder:
    """Every call reads the disk: ask from a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new_name(self, time_us: int) -> str:
        return f"energy-monitoring-{datetime.fromtimestamp(time_us / 1e6, UTC):%Y%m%dT%H%M%SZ}.zip"

    def files(self) -> Sequence[BackupFile]:
        """Newest first; what is no backup is left out. Raises StorageError when the folder cannot be read."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StorageError(f"the folder of backups cannot be read: {exc.strerror}") from exc
        found = [self._described(name) for name in names if NAME.fullmatch(name)]
        return sorted((file for file in found if file is not None), key=lambda file: (-file.time_us, file.name))

    def path(self, name: str) -> Path:
        """Of an existing backup: a plain file of the folder itself, never a link. Raises NotFound."""
        path = self.folder / name
        if not NAME.fullmatch(name) or not _is_file(path):
            raise NotFound("backup", name[:100])
        return path

    def delete(self, name: str) -> None:
        """Raises NotFound, StorageError."""
        try:
            self.path(name).unlink()
        except OSError as exc:
            raise StorageError(f"the backup cannot be deleted: {exc.strerror}") from exc

    def free_bytes(self) -> int:
        """Room on the folder's disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free

    def clear_drafts(self) -> None:
        """What a killed process left half-written, once it is old enough to be nobody's."""
        for path in self.folder.glob(".*.zip.part"):
            if _is_file(path) and time.time() - path.lstat().st_mtime > DRAFT_OLD_S:
                path.unlink(missing_ok=True)

    def _described(self, name: str) -> BackupFile | None:
        path = self.folder / name
        if not _is_file(path):
            return None
        try:
            found = path.stat()
            with zipfile.ZipFile(path) as archive:
                schema = str(json.loads(archive.read("about.json"))["schema"])
        except FileNotFoundError:
            return None
        except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
            schema = ""
        return BackupFile(name, int(found.st_mtime * 1e6), found.st_size, schema, schema == head_revision())


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
