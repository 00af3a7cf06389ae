"""The schema goes up and down on every database, is what the program says, and a newer one is refused."""

from __future__ import annotations

import asyncio
import json
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from database.engine import Store, parse_url
from database.migrate import NewerSchema, current_revision, downgrade, head_revision, upgrade
from database.open import open_database
from database.tables import metadata
from domain.errors import ConfigError, StorageError
from tests.conftest import FakeClock


async def test_schema_goes_up_and_down_and_up(empty_database_url: str) -> None:
    store = Store(empty_database_url)
    try:
        assert await upgrade(store) is True
        assert await upgrade(store) is False
        assert await current_revision(store) == head_revision()
        async with store.read() as connection:
            names = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
            assert set(metadata.tables) <= names
        await downgrade(store, "base")
        async with store.read() as connection:
            names = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
            assert names <= {"alembic_version"}
        assert await upgrade(store) is True
    finally:
        await store.close()


async def test_migrations_make_what_the_tables_say(empty_database_url: str) -> None:
    store = Store(empty_database_url)
    try:
        await upgrade(store)
        async with store.read() as connection:
            differences = await connection.run_sync(
                lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": False}), metadata)
            )
        assert differences == []
    finally:
        await store.close()


async def test_a_half_made_schema_is_completed(empty_database_url: str) -> None:
    """MariaDB cannot roll back a migration that was killed: some tables are there, the version is not."""
    store = Store(empty_database_url)
    try:
        await upgrade(store)
        async with store.write() as connection:
            await connection.execute(text("DELETE FROM alembic_version"))
            await connection.execute(text("DROP VIEW v_latest"))
            await connection.execute(text("DROP TABLE sample"))
        assert await upgrade(store) is True
        async with store.read() as connection:
            assert (await connection.execute(text("SELECT * FROM v_latest"))).all() == []
    finally:
        await store.close()


async def test_a_newer_schema_is_refused_in_plain_words(empty_database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(empty_database_url, tmp_path / "data", fake_clock):
        pass
    store = Store(empty_database_url)
    async with store.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(NewerSchema, match="9999, which is newer than this program knows"):
        async with open_database(empty_database_url, tmp_path / "data", fake_clock):
            pass


async def test_an_older_schema_is_backed_up_as_it_is_before_it_is_brought_up_to_date(
    empty_database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    """Tables that the upgrade is going to make are not there yet."""
    async with open_database(empty_database_url, tmp_path / "data", fake_clock) as database:
        await database.audit.append(1, "anna", "test", "login", "anna")
    store = Store(empty_database_url)
    await downgrade(store, "0001")
    await store.close()
    async with open_database(empty_database_url, tmp_path / "data", fake_clock) as database:
        assert await current_revision(database.store) == head_revision()
        assert [entry.actor for entry in await database.audit.entries(5)][-1] == "anna"
    (backup,) = (tmp_path / "data" / "backups").iterdir()
    with zipfile.ZipFile(backup) as archive:
        about = json.loads(archive.read("about.json"))
        assert (about["schema"], about["rows"]["audit"], "trend_view" in about["rows"]) == ("0001", 1, False)


async def test_two_processes_may_start_at_once(empty_database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async def start() -> str:
        async with open_database(empty_database_url, tmp_path / "data", fake_clock) as database:
            return str(await current_revision(database.store))

    assert list(await asyncio.gather(*(start() for _ in range(6)))) == [head_revision()] * 6


@pytest.mark.parametrize("url", ["nonsense", "oracle://x/y", "sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite://"])
def test_a_wrong_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"database\.url"):
        Store(url)


def test_a_url_without_driver_gets_the_async_one_and_hides_its_password() -> None:
    assert parse_url("postgresql://u:geheim@h/d").drivername == "postgresql+asyncpg"
    with pytest.raises(ConfigError) as caught:
        parse_url("oracle://u:geheim@h/d")
    assert "geheim" not in str(caught.value)


async def test_a_server_that_is_not_there_is_a_storage_error(tmp_path: Path, fake_clock: FakeClock) -> None:
    with pytest.raises(StorageError):
        async with open_database("postgresql+asyncpg://u:geheim@127.0.0.1:1/d", tmp_path, fake_clock):
            pass
