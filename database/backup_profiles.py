"""Own device profiles travel with a backup: without them a restored plant could not read its devices."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from domain.errors import StorageError

FOLDER = "profiles"  # of the data folder, and of the archive
_MEMBER = re.compile(r"profiles/([a-z0-9][a-z0-9_-]{0,63}\.yaml)")
MOST_FILES = 1000
LARGEST_BYTES = 4_000_000


def pack(archive: zipfile.ZipFile, data_dir: Path) -> None:
    """Every own profile of the data folder; what could not be one is left out."""
    for path in sorted((data_dir / FOLDER).glob("*.yaml"))[:MOST_FILES]:
        name = f"{FOLDER}/{path.name}"
        if _MEMBER.fullmatch(name) and path.is_file() and path.stat().st_size <= LARGEST_BYTES:
            archive.write(path, name)


def unpack(file: Path, data_dir: Path) -> list[str]:
    """Bring them back; one that lies there already stays. Names of those that came. Raises StorageError."""
    made: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if _MEMBER.fullmatch(member.filename)][:MOST_FILES]
            for member in members:
                path = data_dir / FOLDER / member.filename.removeprefix(f"{FOLDER}/")
                if path.exists() or member.file_size > LARGEST_BYTES:
                    continue
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.write_bytes(archive.read(member))
                made.append(path.stem)
    except (OSError, zipfile.BadZipFile) as exc:
        raise StorageError(f"profiles of {file} cannot be written: {exc}") from exc
    return made
