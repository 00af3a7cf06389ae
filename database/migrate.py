"""Bringing the schema up to date, and refusing one that is newer than this program."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from database.engine import Store
from domain.errors import ConfigError

log = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells at each look what kind of database it sees

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_NAME, LOCK_NUMBER, LOCK_WAIT_S = "energy_monitoring_schema", 0x454D5343, 60


class NewerSchema(ConfigError):
    """The database was written by a later version of this program."""


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic without an ini file; the connection is ours, so no URL with a password is handed around."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """(newest, all): looked up once, for Alembic compiles every migration to learn their names."""
    scripts = ScriptDirectory.from_config(alembic_config())
    head = scripts.get_current_head()
    assert head is not None  # noqa: S101 - there is always a first migration
    return head, frozenset(script.revision for script in scripts.walk_revisions())


def head_revision() -> str:
    """The schema this program needs."""
    return _revisions()[0]


async def current_revision(store: Store) -> str | None:
    """The schema the database has; None when it is empty. Raises NewerSchema when this program does not know it."""
    async with store.read() as connection:
        current: str | None = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    if current is not None and current not in _revisions()[1]:
        raise NewerSchema(
            f"the database has schema {current}, which is newer than this program knows (its newest is {head_revision()}); "
            "install the newer version, or restore the backup made before its upgrade"
        )
    return current


async def upgrade(store: Store, before_change: Callable[[], Awaitable[None]] | None = None) -> bool:
    """Bring the schema up to date; True when something changed. `before_change` runs before an existing schema is touched.

    Safe when two processes start at once, and when killed in the middle: SQLite and PostgreSQL roll a half-done step back;
    on MariaDB, which cannot, each step skips what is there already.
    """
    current = await current_revision(store)
    if current == head_revision():
        return False
    if current is not None and before_change is not None:
        await before_change()
    log.info("bringing the schema from %s to %s", current or "nothing", head_revision())
    await _change(store, command.upgrade, "head")
    return True


async def downgrade(store: Store, revision: str) -> None:
    """Back to an older schema ("base": none); for tests and rescue."""
    await _change(store, command.downgrade, revision)


async def _change(store: Store, change: Callable[[Config, str], None], revision: str) -> None:
    """In one transaction, while no other process does so."""
    async with _alone(store), store.write() as connection:
        if store.kind == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK_NUMBER})
        await connection.run_sync(lambda sync: change(alembic_config(sync), revision))


@contextlib.asynccontextmanager
async def _alone(store: Store) -> AsyncIterator[None]:
    """MariaDB's lock belongs to a session: one of its own holds it until the change is committed, or who waits would read the
    old version."""
    if store.kind != "mysql":
        yield
        return
    async with store.read() as guard:
        await guard.execute(text("SELECT GET_LOCK(:name, :wait)"), {"name": LOCK_NAME, "wait": LOCK_WAIT_S})
        try:
            yield
        finally:
            await guard.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": LOCK_NAME})


def existing_tables(connection: Connection) -> frozenset[str]:
    """Names of tables and views that are there; migrations skip them (see upgrade)."""
    found = inspect(connection)
    return frozenset(found.get_table_names()) | frozenset(found.get_view_names())
