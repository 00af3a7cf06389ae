"""Samples that can be checked: each value is a function of its tag and number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from database import tables
from database.open import Database, open_database
from domain.ports import Clock
from domain.sample import Batch, TagId
from tests.conftest import FakeClock

T = 1_763_548_800_000_000
TAGS = tuple(TagId(n) for n in range(1, 11))


def value(tag_id: int, number: int) -> float:
    return tag_id * 1e6 + number + 0.5


def batch(number: int, tags: tuple[TagId, ...] = TAGS, step_us: int = 1_000_000) -> Batch:
    """Number `number` of a device that is asked each second; each tenth value is bad, each seventh uncertain."""
    values = [None if (number + tag) % 10 == 0 else value(tag, number) for tag in tags]
    qualities = [64 if v is None else 2 if (number + tag) % 7 == 0 else 0 for v, tag in zip(values, tags, strict=True)]
    return Batch("m1", T + number * step_us, tags, values, qualities)


def expected(numbers: Iterable[int], tags: tuple[TagId, ...] = TAGS, step_us: int = 1_000_000) -> dict[tuple[int, int], Any]:
    """(tag, time) -> (value, quality) of those batches."""
    found = {}
    for number in numbers:
        made = batch(number, tags, step_us)
        for tag, v, q in zip(made.tag_ids, made.values, made.qualities, strict=True):
            found[int(tag), made.time_us] = (v, q)
    return found


async def stored(database: Database) -> dict[tuple[int, int], Any]:
    """Everything in table sample."""
    async with database.store.read() as connection:
        rows = (await connection.execute(select(tables.sample))).all()
    return {(row.tag_id, row.time_us): (row.value, row.quality) for row in rows}


async def count(database: Database, table: Any) -> int:
    async with database.store.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


@asynccontextmanager
async def opened(url: str, folder: Path, clock: Clock | None = None, **options: Any) -> AsyncIterator[Database]:
    async with open_database(url, folder / "data", clock or FakeClock(), **options) as database:
        yield database
