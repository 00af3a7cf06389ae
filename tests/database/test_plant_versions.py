"""Versions of the plant's document on every database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from database.migrate import downgrade, upgrade
from database.open import open_database
from domain.plant_version import Authorship
from tests.conftest import FakeClock
from tests.database.test_repositories import plant

DOCUMENT = {"site": {"name": "Цех №1"}, "devices": [{"id": "m1"}]}


async def test_versions_are_kept_newest_first_with_their_documents(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    by = Authorship(5, "Анна", "10.0.0.7", "device_update", "m" * 400)
    async with open_database(database_url, tmp_path, fake_clock) as database:
        for n in range(4):
            await database.plants.save({**DOCUMENT, "n": n}, plant("m1"), by)
        found = await database.plants.versions(2, before=4)
        assert [version.number for version in found] == [3, 2]
        assert (found[0].by.author, found[0].by.time_us, found[0].by.subject) == ("Анна", 5, "m" * 300)
        stored = await database.plants.document(2)
        assert stored is not None
        assert stored[1] == {**DOCUMENT, "n": 1}
        assert await database.plants.document(9) is None
        assert await database.plants.document(2**70) is None


async def test_the_plant_of_an_older_schema_becomes_the_first_version(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with open_database(database_url, tmp_path, fake_clock) as database:
        await database.plants.save(DOCUMENT, plant("m1"))
        assert await database.plants.versions(5) == []
        await downgrade(database.store, "0012")
        await upgrade(database.store)
        (found,) = await database.plants.versions(5)
        assert (found.number, found.by.action) == (1, "before_history")
        stored = await database.plants.document(1)
        assert stored is not None
        assert stored[1] == await database.plants.load()
        async with database.store.write() as connection:  # a step killed after the copy is done again
            await connection.execute(text("UPDATE alembic_version SET version_num = '0012'"))
        await upgrade(database.store)
        assert len(await database.plants.versions(5)) == 1
