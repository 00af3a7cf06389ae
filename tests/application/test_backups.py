"""Backups asked for in the pages: made beside everything, listed, fetched, deleted; nothing outside their folder is reached."""

from __future__ import annotations

import asyncio
import contextlib
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from application.backups import MOST_FILES, Backups
from database import Database, open_database
from domain.access import Actor, Role
from domain.backup import BackupJob, BackupState
from domain.errors import Conflict, Forbidden, NotFound
from tests.conftest import FakeClock, eventually

ADMIN, ENGINEER = Actor("anna", Role.ADMIN), Actor("egor", Role.ENGINEER)


class Kept:
    """A database with backups, their task running."""

    def __init__(self, database: Database, clock: FakeClock, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.service = Backups(database, clock, folder)

    async def made(self) -> BackupJob:
        await self.service.start(ADMIN)

        async def over() -> BackupJob | None:
            job = await self.service.job(ADMIN)
            return job if job is not None and job.state is not BackupState.RUNNING else None

        found = await eventually(over)
        assert isinstance(found, BackupJob)
        return found


@pytest.fixture
async def kept(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Kept]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path, fake_clock) as database:
        made = Kept(database, fake_clock, tmp_path / "backups")
        running = asyncio.create_task(made.service.run())
        yield made
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_one_is_made_listed_fetched_and_deleted(kept: Kept) -> None:
    job = await kept.made()
    assert (job.state, job.by, job.tables_done) == (BackupState.DONE, "anna", job.tables)
    assert job.tables > 10
    (file,) = await kept.service.files(ADMIN)
    assert (file.name, file.fits) == (job.name, True)
    path = await kept.service.file(file.name, ADMIN)
    assert path.stat().st_size == file.size_bytes
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        assert "audit.jsonl" in archive.namelist()
    await kept.service.delete(file.name, ADMIN)
    assert await kept.service.files(ADMIN) == []
    actions = [entry.action for entry in await kept.database.audit.entries(9)]
    assert actions == ["backup_delete", "backup_download", "backup"]


async def test_below_admin_nothing_is_given_and_it_is_noted(kept: Kept) -> None:
    name = (await kept.made()).name
    s = kept.service
    for refused in (s.files(ENGINEER), s.job(ENGINEER), s.start(ENGINEER), s.file(name, ENGINEER), s.delete(name, ENGINEER)):
        with pytest.raises(Forbidden):
            await refused
    assert [entry.action for entry in await kept.database.audit.entries(9)].count("refused") == 5


@pytest.mark.parametrize(
    "name", ["../energy.db", "/etc/passwd", "..", "", ".x.zip", "a/b.zip", "a\\b.zip", "x.zip\n", "x.zip\0", "%2e%2e.zip", "link.zip"]
)
async def test_no_name_leads_out_of_the_folder(kept: Kept, name: str) -> None:
    kept.folder.mkdir()
    (kept.folder / "link.zip").symlink_to(kept.folder.parent / "energy.db")
    for refused in (kept.service.file(name, ADMIN), kept.service.delete(name, ADMIN)):
        with pytest.raises(NotFound):
            await refused
    assert (kept.folder.parent / "energy.db").exists()
    assert await kept.service.files(ADMIN) == []


async def test_a_damaged_file_is_listed_as_one_that_does_not_fit(kept: Kept) -> None:
    kept.folder.mkdir()
    (kept.folder / "old.zip").write_bytes(b"PK not a zip")
    (file,) = await kept.service.files(ADMIN)
    assert (file.schema, file.fits) == ("", False)


async def test_one_at_a_time_not_too_many_and_not_without_room(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept.service.start(ADMIN)
    with pytest.raises(Conflict, match="being made"):
        await kept.service.start(ADMIN)
    await eventually(lambda: any(kept.folder.glob("energy-*.zip")))
    for n in range(MOST_FILES):
        (kept.folder / f"b{n}.zip").write_bytes(b"x")
    with pytest.raises(Conflict, match="delete one first"):
        await kept.service.start(ADMIN)
    for n in range(MOST_FILES):
        (kept.folder / f"b{n}.zip").unlink()
    monkeypatch.setattr("application.backups.LEAST_FREE_BYTES", 2**60)
    with pytest.raises(Conflict, match="too little room"):
        await kept.service.start(ADMIN)


async def test_a_failure_has_its_reason_and_leaves_no_draft(kept: Kept) -> None:
    async with kept.database.store.write() as connection:
        await connection.exec_driver_sql("DROP TABLE machine_note")
    job = await kept.made()
    assert (job.state, job.reason) == (BackupState.FAILED, "database")
    assert list(kept.folder.iterdir()) == []
