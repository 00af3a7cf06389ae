"""The database server killed under the running program and started again: all samples once, in order; people are told (T14)."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from database import tables
from database.open import open_database
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.e2e.generator import TAGS, Generator, generator
from tests.e2e.process import Product, product
from tests.servers import Server

AWAY_S = 6.0


async def stored(url: str, folder: Path) -> dict[str, list[int]]:
    """Numbers of the answers that are in the tables, by tag, in order of time; each value must lie under its own tag."""
    found: dict[str, list[int]] = {}
    async with open_database(url, folder, SystemClock()) as database, database.store.read() as connection:
        sample, tag = tables.sample, tables.tag
        wanted = select(tag.c.name, sample.c.value).where(tag.c.id == sample.c.tag_id, sample.c.quality == 0)
        for name, value in (await connection.execute(wanted.order_by(sample.c.time_us))).all():
            unit, rest = divmod(round(value), 100_000_000)
            assert name == f"d{unit}.n{rest // 10_000_000}"
            found.setdefault(name, []).append(rest % 10_000_000)
    return found


async def away(found: Product) -> dict[str, object]:
    """What is told while the database is away."""
    ready: dict[str, object] = await found.get("/readyz")
    return ready if ready["storage"] == "journal" else {}


async def caught_up(found: Product) -> bool:
    ready = await found.get("/readyz")
    (database,) = [d for d in (await found.get("/api/books"))["destinations"] if d["name"] == "database"]
    return bool(ready["storage"] == "ok" and database["pending"] < 500)


async def polls(made: Generator) -> None:
    """The devices are asked as if nothing had happened."""
    before = [len(unit.answered) for unit in made.units]
    started = time.monotonic()
    await asyncio.sleep(AWAY_S)
    expected = (time.monotonic() - started) / 0.2
    for unit, was in zip(made.units, before, strict=True):
        assert len(unit.answered) - was > 0.7 * expected


@pytest.mark.server
@pytest.mark.timeout(180)
async def test_all_samples_once_and_in_order(database_server: Server, tmp_path: Path) -> None:
    folder, plant = tmp_path / "data", tmp_path / "plant.yaml"
    url = database_server.new_url()
    async with generator(3) as made, product(folder, PLANT_FILE=str(plant), DATABASE__URL=url) as found:
        plant.write_text(made.plant(0.2))
        await found.start()
        await found.get("/api/books")  # makes the key while there is a database to keep it
        await eventually(lambda: all(len(unit.answered) > 10 for unit in made.units), 20.0)
        database_server.kill()
        try:
            told = await eventually(lambda: away(found), 20.0)
            assert isinstance(told, dict)
            assert told["ready"] is True  # samples are being kept: in the journal
            assert told["cause"]
            await polls(made)
            latest = (await found.get("/api/data/latest", device="d1"))["items"]
            assert {item["quality"] for item in latest} == {"good"}
            alerts = (await found.get("/api/alerts/active"))["items"]
            assert "storage" in {item["rule"] for item in alerts}
            async with asyncio.timeout(20.0):
                for path in ("/api/machines", "/api/devices/status", "/api/books"):
                    await found.get(path)
        finally:
            database_server.start()
        await eventually(lambda: caught_up(found), 40.0)
        await eventually(lambda: storage_alert_over(found), 30.0)
        errors = {d["device"]: d["errors"] for d in (await found.get("/api/devices/status"))["items"]}
        found.signal(signal.SIGTERM)
        assert await found.ended(10.0) == 0
        await made.server.stop()
        rows = await stored(url, folder)
    assert len(rows) == 3 * TAGS
    lost: dict[str, set[int]] = {}
    for name, numbers in rows.items():
        answered = len(made.units[int(name[1]) - 1].answered)
        assert numbers == sorted(set(numbers)), name
        lost[name] = set(range(answered)) - set(numbers) - {answered - 1}  # at most the one in flight at SIGTERM
    assert not any(lost.values()), (lost, errors)  # a whole answer or one value, and what the line saw of it


async def storage_alert_over(found: Product) -> bool:
    """The condition is gone; nobody had taken the alert, so it waits to be seen."""
    items = (await found.get("/api/alerts/active"))["items"]
    return all(item["state"] == "returned" for item in items if item["rule"] == "storage")
