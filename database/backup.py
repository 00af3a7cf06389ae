"""Backup and restore: a zip with the schema's revision and one file of JSON lines a table, the same for every database.

So a backup moves between SQLite, MariaDB and PostgreSQL, and is readable without this program. Key files are not in it (S24).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Column, Connection, Date, Integer, Table, and_, delete, func, inspect, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from database import backup_profiles, tables
from database.binary import Binary
from database.engine import Store
from database.migrate import current_revision, head_revision
from domain.errors import Conflict, StorageError

FORMAT = "energy-monitoring-backup-1"
ROWS_A_STEP = 5000
FILES_A_STEP = 100  # rows that hold files or pictures: a step must fit into memory
TABLES = [table for table in tables.metadata.sorted_tables if table is not tables.tables_sessions.web_session]
LARGEST_UNPACKED = 1024**4
PIECE_BYTES = 4 * 2**20


Progress = Callable[[int, int, int], None]
"""Tables written, tables in all, rows written; told again and again while a backup is made."""


async def back_up(
    store: Store, file: Path, progress: Progress = lambda _done, _tables, _rows: None, data_dir: Path | None = None
) -> None:
    """All tables as of one moment, and the own profiles of `data_dir`.

    Written beside `file`, read back, then renamed: an older backup stays until then.

    Also of an older schema, as before an upgrade: what later versions add is not there yet and left out.
    """
    draft = file.with_name(f".{file.name}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        await _write(store, draft, progress, data_dir)
        await _verify(draft)
        draft.replace(file)
    except OSError as exc:
        raise StorageError(f"backup to {file} failed: {exc.strerror or exc}") from exc
    finally:
        draft.unlink(missing_ok=True)


async def _write(store: Store, draft: Path, progress: Progress, data_dir: Path | None) -> None:
    counts: dict[str, int] = {}
    schema = await current_revision(store)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        async with store.read() as connection:
            if store.kind == "postgresql":
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            present = await connection.run_sync(_present)
            if schema == head_revision() and (lost := [table.name for table in TABLES if table.name not in present]):
                raise StorageError(f"the database has no table {', '.join(lost)}, which its schema {schema} should have")
            for table in TABLES:
                if table.name in present:
                    columns = [column for column in table.columns if column.name in present[table.name]]
                    told = partial(_told, progress, len(counts), len(present), sum(counts.values()))
                    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as out:
                        counts[table.name] = await _write_table(connection, table, columns, out, told)
            progress(len(counts), len(counts), sum(counts.values()))
        about = {"format": FORMAT, "schema": schema, "database": store.kind, "rows": counts}
        archive.writestr("about.json", json.dumps(about, indent=1))
        if data_dir is not None:
            await asyncio.to_thread(backup_profiles.pack, archive, data_dir)


def _present(connection: Connection) -> Mapping[str, frozenset[str]]:
    """Columns of the tables that are there."""
    found = inspect(connection)
    names = set(found.get_table_names())
    return {t.name: frozenset(c["name"] for c in found.get_columns(t.name)) for t in TABLES if t.name in names}


def _told(progress: Progress, done: int, tables: int, before: int, rows: int) -> None:
    progress(done, tables, before + rows)


async def _write_table(
    connection: AsyncConnection, table: Table, columns: Sequence[Column[Any]], out: IO[bytes], told: Callable[[int], None]
) -> int:
    """In the order of the key, a step at a time: memory stays small and no cursor stands open for long."""
    keys = list(table.primary_key.columns)
    last: Sequence[Any] | None = None
    count = 0
    while True:
        wanted = select(*columns).order_by(*keys).limit(_step(table))
        if last is not None:
            wanted = wanted.where(_after(keys, last))
        rows = (await connection.execute(wanted)).all()
        if not rows:
            return count
        await asyncio.to_thread(_write_rows, out, rows)
        count += len(rows)
        told(count)
        last = [rows[-1]._mapping[key.name] for key in keys]


def _step(table: Table) -> int:
    """Rows that are read or written at once."""
    return FILES_A_STEP if any(isinstance(column.type, Binary) for column in table.columns) else ROWS_A_STEP


def _after(keys: Sequence[Any], last: Sequence[Any]) -> Any:
    """(k1, k2) > (v1, v2), written so that every database uses its key for it."""
    parts = []
    for i, key in enumerate(keys):
        parts.append(and_(*(k == v for k, v in zip(keys[:i], last[:i], strict=True)), key > last[i]))
    return or_(*parts)


def _write_rows(out: IO[bytes], rows: Sequence[Any]) -> None:
    out.write(b"".join(_line(row) for row in rows))


def _line(row: Any) -> bytes:
    return json.dumps([_plain(value) for value in row], ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    return value.isoformat() if isinstance(value, datetime.date) else value


async def _verify(draft: Path) -> None:
    """Read it back, every byte, a piece at a time: a program that is stopped does not wait for a large one."""
    about, archive = await asyncio.to_thread(_open, draft)
    with archive:
        for name, count in about["rows"].items():
            lines = 0
            try:
                with archive.open(f"{name}.jsonl") as member:
                    while piece := await asyncio.to_thread(member.read, PIECE_BYTES):
                        lines += piece.count(b"\n")
            except (KeyError, zipfile.BadZipFile, zlib.error, EOFError) as exc:
                raise StorageError(f"backup cannot be read back: {name}: {exc}") from exc
            if lines != count:
                raise StorageError(f"backup cannot be read back: {name} is not complete")


def _open(file: Path) -> tuple[dict[str, Any], zipfile.ZipFile]:
    """Raises StorageError when it is no backup of ours."""
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as exc:
        raise StorageError(f"{file} is not a backup: {exc}") from exc
    with contextlib.ExitStack() as stack:
        stack.callback(archive.close)
        try:
            about = json.loads(archive.read("about.json"))
            known = about["format"] == FORMAT and set(about["rows"]) <= {table.name for table in TABLES}
        except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as exc:
            raise StorageError(f"{file} is not a backup: {exc}") from exc
        if not known:
            raise StorageError(f"{file} is not a backup this program understands")
        if sum(member.file_size for member in archive.infolist()) > LARGEST_UNPACKED:
            raise StorageError(f"{file} unpacks to more than a terabyte")
        stack.pop_all()
    return about, archive


async def restore(store: Store, file: Path) -> None:
    """All or nothing, into a database that holds no plant and no samples. Raises Conflict, StorageError."""
    about, archive = await asyncio.to_thread(_open, file)
    with archive:
        if about["schema"] != head_revision():
            raise StorageError(f"{file} was written with schema {about['schema']}, this program has {head_revision()}")
        async with store.write() as connection:
            for table in (tables.sample, tables.plant_document):
                if (await connection.execute(select(table.primary_key.columns[0]).limit(1))).first() is not None:
                    raise Conflict("the database is not empty: restore into a new data folder or database")
            for table in TABLES:
                await connection.execute(delete(table))
                with archive.open(f"{table.name}.jsonl") as lines:
                    count = await _read_table(connection, table, lines)
                if count != about["rows"][table.name]:
                    raise StorageError(f"{file}: table {table.name} has {count} rows instead of {about['rows'][table.name]}")
            if store.kind == "postgresql":
                await _reset_sequences(connection)


async def _read_table(connection: AsyncConnection, table: Table, lines: IO[bytes]) -> int:
    count = 0
    for rows in _steps(table, lines):
        await connection.execute(table.insert(), rows)
        count += len(rows)
    return count


def _steps(table: Table, lines: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    columns = list(table.columns)
    rows: list[dict[str, Any]] = []
    for line in io.TextIOWrapper(lines, "utf-8"):
        values = json.loads(line)
        if not isinstance(values, list) or len(values) != len(columns):
            raise StorageError(f"backup: a row of table {table.name} has the wrong number of columns")
        rows.append({column.name: _typed(column.type, value) for column, value in zip(columns, values, strict=True)})
        if len(rows) == _step(table):
            yield rows
            rows = []
    if rows:
        yield rows


def _typed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, Binary):
        return base64.b64decode(value)
    return datetime.date.fromisoformat(value) if isinstance(kind, Date) else value


async def _reset_sequences(connection: AsyncConnection) -> None:
    """Numbers that the server gives go on behind the restored ones."""
    for table in TABLES:
        key = table.autoincrement_column
        if key is not None and isinstance(key.type, Integer) and key.autoincrement is not False:
            highest = await connection.scalar(select(func.max(key))) or 0
            name = func.pg_get_serial_sequence(table.name, key.name)
            await connection.execute(select(func.setval(name, highest + 1, False)))
