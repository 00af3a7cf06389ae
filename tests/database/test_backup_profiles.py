"""Own profiles in a backup: packed, brought back, and nothing else of an archive leaves the folder of profiles."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from database.backup_profiles import pack, unpack
from domain.errors import StorageError


def test_own_profiles_travel_and_a_present_one_stays(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    files = ((old, "acme.yaml", "a"), (old, "both.yaml", "old"), (old, "Not A Name.yaml", "x"), (new, "both.yaml", "new"))
    for folder, name, text in files:
        (folder / "profiles").mkdir(parents=True, exist_ok=True)
        (folder / "profiles" / name).write_text(text, encoding="utf-8")
    (old / "profiles" / "earlier").mkdir()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        pack(archive, old)
    assert unpack(tmp_path / "b.zip", new) == ["acme"]
    assert {path.name: path.read_text() for path in (new / "profiles").iterdir()} == {"acme.yaml": "a", "both.yaml": "new"}


def test_a_name_that_leaves_the_folder_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name in ("profiles/../evil.yaml", "profiles/a/b.yaml", "/profiles/abs.yaml", "evil.yaml", "profiles/x.sh"):
            archive.writestr(name, "x")
    assert unpack(tmp_path / "b.zip", tmp_path / "data") == []
    assert not (tmp_path / "data").exists()
    (tmp_path / "bad.zip").write_bytes(b"PK nonsense")
    with pytest.raises(StorageError):
        unpack(tmp_path / "bad.zip", tmp_path / "data")
