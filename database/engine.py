"""Connections: one engine a database, safe settings on each connection, reading and writing transactions."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, Table, event, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from database.sqlite_connection import connecting
from domain.errors import ConfigError, StorageError

BUSY_TIMEOUT_MS = 10_000
SQLITE_PRAGMAS = (
    "synchronous=FULL",  # NORMAL lost all since the last checkpoint in a power cut
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "foreign_keys=ON",
    "wal_autocheckpoint=8000",  # pages: a hot page is written to the file once for many commits
    "journal_size_limit=67108864",
)
DRIVERS = {"sqlite": "aiosqlite", "mysql": "aiomysql", "mariadb": "aiomysql", "postgresql": "asyncpg"}


def parse_url(url: str) -> URL:
    """The URL with an async driver filled in. Raises ConfigError naming what is understood; never shows the password."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise ConfigError("database.url is not a database URL; expected e.g. sqlite+aiosqlite:///data/energy.db") from None
    if backend not in DRIVERS:
        raise ConfigError(f"database.url: {backend!r} is not supported; expected sqlite, mysql, mariadb or postgresql")
    if "+" not in parsed.drivername:
        parsed = parsed.set(drivername=f"{backend}+{DRIVERS[backend]}")
    return parsed


class Store:
    """An engine with what the rest of the room needs: reading and writing transactions, upserts of each dialect.

    Library errors leave as StorageError: the caller keeps what it has and retries.
    """

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        backend = self.url.get_backend_name()
        self.kind = "mysql" if backend == "mariadb" else backend  # sqlite | mysql | postgresql
        self.engine = _make_engine(self.url, self.kind)
        self._writing = self.engine.execution_options(em_write=True)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading, one consistent view."""
        with translated():
            async with self.engine.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for writing: committed at the end, rolled back on any error."""
        with translated():
            async with self._writing.begin() as connection:
                yield connection

    async def prepare(self) -> None:
        """Once, before anything else: what is a property of the file, not of a connection."""
        if self.kind == "sqlite":
            with translated():
                await asyncio.to_thread(_switch_to_wal, Path(str(self.url.database)))

    async def close(self) -> None:
        await self.engine.dispose()

    def upsert(self, table: Table, *, update: Sequence[str] | None = None) -> Executable:
        """INSERT that updates the row of the same primary key; `update`: columns to take over, None all others."""
        keys = [column.name for column in table.primary_key]
        columns = [c.name for c in table.columns if c.name not in keys] if update is None else list(update)
        return self._upsert(table, keys, columns)

    def insert_missing(self, table: Table, keys: Sequence[str]) -> Executable:
        """INSERT that leaves an existing row (same `keys`) as it is."""
        return self._upsert(table, list(keys), [])

    def _upsert(self, table: Table, keys: list[str], columns: list[str]) -> Executable:
        if self.kind == "mysql":
            statement = mysql.insert(table)
            taken = {name: statement.inserted[name] for name in columns or keys[:1]}
            return statement.on_duplicate_key_update(**taken)
        conflict = sqlite.insert(table) if self.kind == "sqlite" else postgresql.insert(table)
        if not columns:
            return conflict.on_conflict_do_nothing(index_elements=keys)
        return conflict.on_conflict_do_update(index_elements=keys, set_={name: conflict.excluded[name] for name in columns})

    async def insert_id(self, connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> int:
        """Insert one row, the number it got."""
        result = await connection.execute(table.insert().values(**row))
        key = result.inserted_primary_key
        return int(key[0]) if key else 0

    async def weak_settings(self) -> tuple[str, ...]:
        """Settings of a server under which a power cut may lose what it confirmed (P1), as warnings."""
        async with self.read() as connection:
            if self.kind == "mysql":
                return await _weak_mysql(connection)
            if self.kind == "postgresql":
                return await _weak_postgresql(connection)
        return ()


@contextlib.contextmanager
def translated() -> Any:
    """Driver and network errors as StorageError; the first line only, and never the statement's values."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as exc:
        raise StorageError(plain(exc)) from exc


def plain(exc: BaseException) -> str:
    """What went wrong, in one line."""
    inner = exc.orig if isinstance(exc, DBAPIError) and exc.orig is not None else exc
    lines = str(inner).strip().splitlines()
    return f"{type(inner).__name__}: {lines[0] if lines else 'no text'}"[:300]


def _make_engine(url: URL, kind: str) -> AsyncEngine:
    options: dict[str, Any] = {"pool_pre_ping": True}
    if kind == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigError("database.url: the embedded database needs a file, e.g. sqlite+aiosqlite:///data/energy.db")
        options |= {"async_creator": connecting(url.database, BUSY_TIMEOUT_MS / 1000), "pool_size": 6, "max_overflow": 6}
    else:
        options |= {"pool_recycle": 1800, "pool_timeout": 10, "pool_size": 6, "max_overflow": 6}
        options["connect_args"] = _connect_args(url)
    engine = create_async_engine(url, **options)
    if kind == "sqlite":
        event.listen(engine.sync_engine, "connect", _sqlite_connect)
        event.listen(engine.sync_engine, "begin", _sqlite_begin)
    return engine


def _connect_args(url: URL) -> dict[str, Any]:
    driver = url.get_driver_name()
    if driver == "asyncpg":
        return {"timeout": 5, "command_timeout": 60}
    return {"connect_timeout": 5, "charset": "utf8mb4"}


def _switch_to_wal(file: Path) -> None:
    """SQLite answers "locked" at once, whatever its timeout, when two processes do it at the same moment: they queue here."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
    with file.with_name(f"{file.name}.setup").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        with contextlib.closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise OSError(f"{file.name}: the file system does not allow SQLite's WAL mode; is it a network share?")


def _sqlite_connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own mode starts no transaction at SELECT: updates get lost
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("em_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


async def _weak_mysql(connection: AsyncConnection) -> tuple[str, ...]:
    found: list[str] = []
    safe = {"innodb_flush_log_at_trx_commit": ("1",), "innodb_doublewrite": ("ON", "1", "DETECT_AND_RECOVER")}
    names = ", ".join(f"'{name}'" for name in safe)
    rows = await connection.execute(text(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
    for name, value in rows.all():
        if str(value).upper() not in safe.get(str(name), (str(value).upper(),)):
            found.append(f"{name} = {value}: a power cut of the server can lose confirmed samples; expected {safe[name][0]}")
    return tuple(found)


async def _weak_postgresql(connection: AsyncConnection) -> tuple[str, ...]:
    found: list[str] = []
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        value = (await connection.execute(text(f"SHOW {name}"))).scalar_one()
        if value in {"off", "local"} and not (name == "synchronous_commit" and value == "local"):
            found.append(f"{name} = {value}: a power cut of the server can lose confirmed samples; expected on")
    return tuple(found)
