"""A small plant with names that need escaping, and what its feeds carry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from data_transfer.destination import Directory
from data_transfer.runner import FeedRunner
from database.columns import PlanCache, encode
from database.outbox import DiskOutbox
from domain.feed import FeedEvent, FeedStatus, Kept
from domain.plant import Machine, Plant, Site, Tag
from domain.quantity import Quantity
from domain.sample import Batch, TagId, TextSample
from runtime.clock import SystemClock

T = 1_763_548_800_000_000
TAGS = (
    Tag(TagId(1), "m1.active_power", "m1", "active_power", Quantity.ACTIVE_POWER, "kW"),
    Tag(TagId(2), "m1.energy_import", "m1", "energy_import", Quantity.ENERGY_IMPORT, "kWh"),
    Tag(TagId(3), "m1.voltage_l1", "m1", "voltage_l1", Quantity.VOLTAGE, "V"),
    Tag(TagId(4), "hh.program", "hh", "program", Quantity.TEXT, ""),
)
PLANT = Plant(
    Site("Цех №1, стр. 2"),
    machines=(Machine("lathe-1", "16К20 №1", "Токарный участок, A=B", "m1"),),
)


def directory() -> Directory:
    found = Directory()
    found.apply(PLANT, TAGS)
    return found


def value(tag: int, number: int) -> float:
    """A function of tag and number: a swap or loss shows."""
    return tag * 1000 + number + 0.25


def batch(number: int, text: str | None = None) -> Batch:
    ids = (TagId(1), TagId(2), TagId(3))
    us = T + number * 1_000_000
    texts = (TextSample(TagId(4), us, text),) if text is not None else ()
    return Batch("m1", us, ids, [value(tag, number) for tag in ids], [0, 0, 0], texts)


_plans = PlanCache()


def kept(number: int, batches: Sequence[Batch] | None = None, kept_before: int | None = None) -> Kept:
    """The writer's block `number` (from 1)."""
    columns, block = encode(batches if batches is not None else [batch(number)], _plans)
    before = (number - 1) * 3 if kept_before is None else kept_before
    return Kept(number, before, len(columns), *columns.span_us, block)


def event(number: int) -> FeedEvent:
    return FeedEvent("state", "lathe-1", "m1", T + number * 1_000_000, f"lathe-1:{number}", {"state": "idle", "why": 'a "b" \\ c'})


def runner(name: str, connect: object, folder: Path, *, limit: int = 10**9, most: int = 10_000) -> FeedRunner:
    outbox = DiskOutbox(folder / name, b"0123456789abcdef", limit)
    return FeedRunner(name, "test", outbox, connect, SystemClock(), gather_s=0.02, most_at_once=most)  # type: ignore[arg-type]


@asynccontextmanager
async def running(one: FeedRunner) -> AsyncIterator[FeedRunner]:
    """Open and at work."""
    await one.open()
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await one.close()


def balanced(status: FeedStatus) -> bool:
    """Is everything that was taken somewhere?"""
    book = status.book
    return book.taken == book.delivered + book.waiting + book.quarantined + book.dropped
