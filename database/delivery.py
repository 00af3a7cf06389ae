"""Samples into the tables: one transaction brings rows, texts, events, roll-up marks and the books. One class a database.

Idempotent: the same parcel again changes nothing but the books' row, which is absolute.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Table, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.columns import Columns
from database.engine import BUSY_TIMEOUT_MS, SQLITE_PRAGMAS, Store, plain, translated
from domain.errors import StorageError

_R = TypeVar("_R")
ROWS_A_STATEMENT = 1000  # SQLite: one step a statement; a step a row would hand the interpreter's lock over for each row


class RefusedForGood(StorageError):
    """The database will never take one of these rows, however often it is tried."""


class DiskFull(StorageError):
    """No room on the disk."""


class Damaged(StorageError):
    """The database file is damaged."""


class Overtaken(StorageError):
    """Another process has moved this position on: the parcel is not ours any more."""


@dataclass(frozen=True, slots=True)
class Move:
    """A reader's position in one partition goes on, and what became of the samples between the two offsets."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int
    delivered: int
    refused: int
    rejected: int
    now_us: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """`columns`: sorted by key, each identity once. `dirty`: (tag_id, minute) whose roll-ups these samples outdate, `mark` the
    number of this reason.

    `refused`: rows of table quarantine. `events`: rows of table tag_event. `book`: the row of table book; None for a reader of
    Kafka, whose `moves` take its place: each must find its position where it says, or nothing of the parcel counts.
    """

    columns: Columns
    mark: int
    book: Mapping[str, Any] | None = None
    dirty: Sequence[tuple[int, int]] = ()
    refused: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, Any]] = ()
    moves: Sequence[Move] = ()


class Delivery(Protocol):
    async def book(self) -> Mapping[str, Any] | None:
        """The row of table book; None when nothing was ever delivered."""
        ...

    async def deliver(self, parcel: Parcel) -> None:
        """Commit it. Raises StorageError (try again later), RefusedForGood, DiskFull, Damaged, Overtaken."""
        ...

    async def rows(self, columns: Columns) -> None:
        """Commit only the samples' rows: to find out which one is refused."""
        ...

    async def close(self) -> None: ...


def delivery(store: Store) -> Delivery:
    """The one for the store's database."""
    return SqliteDelivery(store) if store.kind == "sqlite" else ServerDelivery(store)


# -- SQLite ------------------------------------------------------------------------------------------------------------------


class SqliteDelivery:
    """Through the driver itself in one thread: a third of the cost of the way round the engine."""

    def __init__(self, store: Store) -> None:
        self._path = str(store.url.database)
        self._thread = ThreadPoolExecutor(1, "sample-writer")
        self._connection: sqlite3.Connection | None = None
        upserts = (tables.sample, tables.text_sample, tables.rollup_dirty, tables.book)
        self._upserts = {table.name: sqlite_upsert(table) for table in upserts}

    async def book(self) -> Mapping[str, Any] | None:
        return await self._run(self._read_book)

    async def deliver(self, parcel: Parcel) -> None:
        await self._run(lambda: self._commit(lambda c: self._write(c, parcel)))

    async def rows(self, columns: Columns) -> None:
        await self._run(lambda: self._commit(lambda c: self._write_rows(c, columns)))

    async def close(self) -> None:
        with contextlib.suppress(StorageError):
            await self._run(self._disconnect)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[], _R]) -> _R:
        try:
            return work()
        except (sqlite3.Error, OverflowError, OSError) as exc:
            self._disconnect()
            raise _sqlite_error(exc) from exc

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            for pragma in (*SQLITE_PRAGMAS, "cache_size=-32768"):
                self._connection.execute(f"PRAGMA {pragma}")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _read_book(self) -> Mapping[str, Any] | None:
        cursor = self._connect().execute("SELECT * FROM book")
        row = cursor.fetchone()
        return None if row is None else dict(zip([column[0] for column in cursor.description], row, strict=True))

    def _commit(self, write: Callable[[sqlite3.Connection], None]) -> None:
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            write(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _write(self, connection: sqlite3.Connection, parcel: Parcel) -> None:
        self._write_rows(connection, parcel.columns)
        texts = [(text.tag_id, text.time_us, text.text) for text in parcel.columns.texts]
        connection.executemany(self._upserts["text_sample"](1), texts)
        _many(connection, self._upserts["rollup_dirty"], [(0, tag_id, minute, parcel.mark) for tag_id, minute in parcel.dirty])
        if parcel.book is not None:
            connection.execute(self._upserts["book"](1), [parcel.book[column.name] for column in tables.book.columns])
        for table, rows in (("quarantine", parcel.refused), ("tag_event", parcel.events)):
            for row in rows:
                names = ",".join(row)
                places = ",".join("?" * len(row))
                connection.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})", list(row.values()))  # noqa: S608 - own names

    def _write_rows(self, connection: sqlite3.Connection, columns: Columns) -> None:
        _many(connection, self._upserts["sample"], columns.rows())


def sqlite_upsert(table: Table) -> Callable[[int], str]:
    """SQL of an upsert of so many rows in one statement."""
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    taken = ",".join(f"{name}=excluded.{name}" for name in names if name not in keys)
    place = "(" + ",".join("?" * len(names)) + ")"
    head = f"INSERT INTO {table.name} ({','.join(names)}) VALUES "  # noqa: S608 - names of our own tables
    tail = f" ON CONFLICT({','.join(keys)}) DO UPDATE SET {taken}"
    known: dict[int, str] = {}

    def statement(rows: int) -> str:
        if rows not in known:
            known[rows] = head + ",".join([place] * rows) + tail
        return known[rows]

    return statement


def _many(connection: sqlite3.Connection, statement: Callable[[int], str], rows: Sequence[tuple[Any, ...]]) -> None:
    """In few statements of few sizes, so that they stay prepared."""
    at = 0
    for size in (ROWS_A_STATEMENT, 100, 10, 1):
        while len(rows) - at >= size:
            connection.execute(statement(size), list(itertools.chain.from_iterable(rows[at : at + size])))
            at += size


def _sqlite_error(exc: Exception) -> StorageError:
    name = getattr(exc, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return DiskFull(plain(exc))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Damaged(plain(exc))
    if isinstance(exc, (OverflowError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)):
        return RefusedForGood(plain(exc))
    return StorageError(plain(exc))


# -- MariaDB, MySQL, PostgreSQL ----------------------------------------------------------------------------------------------

_PG_SAMPLES = (
    "INSERT INTO sample (tag_id, time_us, value, quality) "
    "SELECT * FROM unnest($1::int[], $2::bigint[], $3::float8[], $4::smallint[]) "
    "ON CONFLICT (tag_id, time_us) DO UPDATE SET value = excluded.value, quality = excluded.quality"
)
_MY_SAMPLES = (
    "INSERT INTO sample (tag_id, time_us, value, quality) VALUES (%s, %s, %s, %s) "
    "ON DUPLICATE KEY UPDATE value = VALUES(value), quality = VALUES(quality)"
)


class ServerDelivery:
    """Through the engine; the samples' rows by the driver's own bulk call within the same transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts = store.upsert(tables.text_sample)
        self._dirty = store.upsert(tables.rollup_dirty)
        self._book = store.upsert(tables.book)
        self._events = store.insert_missing(tables.tag_event, ["tag_id", "time_us", "kind"])

    async def book(self) -> Mapping[str, Any] | None:
        async with self._store.read() as connection:
            row = (await connection.execute(select(tables.book))).mappings().first()
            return None if row is None else dict(row)

    async def deliver(self, parcel: Parcel) -> None:
        async with self._transaction() as connection:
            if parcel.book is not None:
                await connection.execute(self._book, dict(parcel.book))  # first: opens the transaction, queues other writers
            for move in parcel.moves:
                await _move(connection, move)
            await self._write_rows(connection, parcel.columns)
            if parcel.columns.texts:
                texts = {(t.tag_id, t.time_us): t.text for t in parcel.columns.texts}
                rows = [{"tag_id": tag_id, "time_us": us, "text": text} for (tag_id, us), text in texts.items()]
                await connection.execute(self._texts, rows)
            if parcel.dirty:
                marks = [{"level": 0, "tag_id": t, "bucket_us": us, "mark": parcel.mark} for t, us in parcel.dirty]
                await connection.execute(self._dirty, marks)
            if parcel.refused:
                await connection.execute(insert(tables.quarantine), [dict(row) for row in parcel.refused])
            if parcel.events:
                await connection.execute(self._events, [dict(row) for row in parcel.events])

    async def rows(self, columns: Columns) -> None:
        async with self._transaction() as connection:
            await connection.execute(select(1))
            await self._write_rows(connection, columns)

    async def close(self) -> None:
        """The engine is the store's."""

    @contextlib.asynccontextmanager
    async def _transaction(self) -> Any:
        try:
            with translated():
                async with self._store.engine.begin() as connection:
                    yield connection
        except StorageError as exc:
            if _refused(exc.__cause__):
                raise RefusedForGood(str(exc)) from exc
            raise
        except Exception as exc:
            if not _driver_error(exc):
                raise
            raise (RefusedForGood if _refused(exc) else StorageError)(plain(exc)) from exc

    async def _write_rows(self, connection: AsyncConnection, columns: Columns) -> None:
        if not len(columns):
            return
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None  # noqa: S101 - the connection is open
        if self._store.kind == "postgresql":
            values: list[float | None] = [row[2] for row in columns.rows()]
            keys = columns.tag_ids.tolist(), columns.times_us.tolist()
            await raw.execute(_PG_SAMPLES, *keys, values, columns.qualities.tolist())
        else:
            async with raw.cursor() as cursor:
                await cursor.executemany(_MY_SAMPLES, columns.rows())


async def _move(connection: AsyncConnection, move: Move) -> None:
    """Only from where it is believed to be: a process that was asleep while its share went to another writes nothing.

    Raises Overtaken."""
    position = tables.tables_roles.ingest_position
    here = (position.c.topic == move.topic) & (position.c.partition_number == move.partition)
    moved = await connection.execute(
        update(position).where(here, position.c.next_offset == move.from_offset).values(
            next_offset=move.to_offset, delivered_count=position.c.delivered_count + move.delivered,
            refused_count=position.c.refused_count + move.refused, rejected_count=position.c.rejected_count + move.rejected,
            committed_us=move.now_us,
        )
    )  # fmt: skip
    if moved.rowcount != 1:
        where = f"{move.topic} partition {move.partition}"
        raise Overtaken(f"{where} is not at {move.from_offset} any more: another process reads it")


_MY_REFUSALS = frozenset({1048, 1264, 1265, 1366, 1406, 3819, 4025})
"""What the MySQL driver calls operational although it is the data's fault: NULL, range, truncation, checks."""


def _driver_error(exc: BaseException) -> bool:
    """Raised by a driver's own call, past the engine (both drivers' errors live in modules of their name)."""
    return any(base.__module__.partition(".")[0] in {"asyncpg", "pymysql", "aiomysql", "asyncmy"} for base in type(exc).__mro__)


def _refused(exc: BaseException | None) -> bool:
    """Is it the data's fault? Names of the classes, as all drivers have them after PEP 249 or SQLSTATE class 22 and 23."""
    inner = exc.orig if isinstance(exc, DBAPIError) else exc
    causes = (inner, inner.__cause__) if inner is not None else ()  # the engine calls the classes of asyncpg just Error
    names = {base.__name__ for cause in causes for base in type(cause).__mro__}
    code = inner.args[0] if inner is not None and inner.args else None
    return bool(names & {"DataError", "IntegrityError", "IntegrityConstraintViolationError"}) or code in _MY_REFUSALS
