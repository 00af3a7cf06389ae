"""The database server killed under the running program and started again: all samples once, in order; people are told (T14)."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from database.engine import Store
from tests.conftest import eventually
from tests.e2e.generator import Generator, generator
from tests.e2e.numbered import lost, orderly, stored
from tests.e2e.process import product
from tests.faults.outage import alerts_of, away, caught_up, storage_alert_over
from tests.servers import Server

AWAY_S = 6.0


async def polls(made: Generator) -> None:
    """The devices are asked as if nothing had happened."""
    before = [len(unit.answered) for unit in made.units]
    started = time.monotonic()
    await asyncio.sleep(AWAY_S)
    expected = (time.monotonic() - started) / 0.2
    for unit, was in zip(made.units, before, strict=True):
        assert len(unit.answered) - was > 0.7 * expected


@pytest.mark.server
@pytest.mark.timeout(300)
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
            assert await alerts_of(found, "storage")
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
    store = Store(url)
    rows = await stored(store)
    await store.close()
    orderly(made, rows)
    assert not lost(made, rows), errors  # a whole answer or one value, and what the line saw of it
