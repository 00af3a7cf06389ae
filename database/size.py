"""How large the database is on its disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from database.engine import Store

_ASK = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "mysql": "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()",
}


async def database_bytes(store: Store) -> int:
    """Tables and indexes as the server reckons, of SQLite the files. Raises StorageError."""
    if store.kind == "sqlite":
        return await asyncio.to_thread(_files_bytes, str(store.url.database))
    async with store.read() as connection:
        return int(await connection.scalar(text(_ASK[store.kind])) or 0)


def _files_bytes(path: str) -> int:
    files = [Path(path + end) for end in ("", "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())
