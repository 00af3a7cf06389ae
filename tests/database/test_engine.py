"""The engine's connections end with what uses them."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from sqlalchemy import text

from database.engine import Store
from tests.conftest import eventually

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n"


async def test_a_query_cancelled_twice_leaves_no_task_behind(tmp_path: Path) -> None:
    """A stop cancels what is already being cancelled; one task that never ends would hold the process for ever."""
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    await store.prepare()

    async def query() -> None:
        async with store.read() as connection:
            await connection.execute(text(LONG))

    before = asyncio.all_tasks()
    task = asyncio.create_task(query())
    await asyncio.sleep(0.1)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.05)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await eventually(lambda: asyncio.all_tasks() <= before, 10.0)
    async with store.read() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await store.close()
