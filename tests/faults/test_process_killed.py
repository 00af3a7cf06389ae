"""The program under load, killed, stopped and started twice: what was read is kept, and nobody else touches the data (T10, T22)."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.e2e.generator import Generator, generator
from tests.e2e.numbered import QUERY, Numbered, check, numbered
from tests.e2e.process import Product, command, product


def stored(folder: Path) -> Numbered:
    with closing(sqlite3.connect(folder / "energy.db")) as connection:
        return numbered(connection.execute(QUERY))


async def running(found: Product, made: Generator) -> None:
    """Started and polling again."""
    before = [len(unit.answered) for unit in made.units]
    await found.start()
    await eventually(lambda: all(len(u.answered) > b + 3 for u, b in zip(made.units, before, strict=True)), 15.0)


@pytest.mark.timeout(300)
async def test_kill_9_at_random_moments_loses_two_seconds_at_most(tmp_path: Path) -> None:
    rng = random.Random(20)
    folder, plant = tmp_path / "data", tmp_path / "plant.yaml"
    stops = []
    async with generator() as made, product(folder, PLANT_FILE=str(plant)) as found:
        plant.write_text(made.plant())
        for _ in range(4):
            await running(found, made)
            await asyncio.sleep(rng.uniform(0.2, 3.0))
            stops.append(time.time())
            await found.kill()
        await running(found, made)
        books = await found.get("/api/books")
        rejected = sum(books["rejected"].values())
        assert books["read"] == books["kept"] + books["filtered"] + rejected + books["in_flight"]
        stops.append(time.time())
        found.signal(signal.SIGTERM)
        assert await found.ended(10.0) == 0
    assert check(made, stored(folder), stops) > 1000
    checked = await command(folder, "check")
    assert checked.code == 0, checked
    assert "balanced: True" in checked.out
    assert "all is well" in checked.out


@pytest.mark.timeout(300)
async def test_sigterm_under_load_keeps_everything_that_was_read(tmp_path: Path) -> None:
    folder, plant = tmp_path / "data", tmp_path / "plant.yaml"
    in_flight: dict[int, set[int]] = defaultdict(set)  # one question at a time: the last answer may not have been read any more
    async with generator() as made, product(folder, PLANT_FILE=str(plant)) as found:
        plant.write_text(made.plant())
        for _ in range(2):
            await running(found, made)
            await asyncio.sleep(0.7)
            found.signal(signal.SIGTERM)
            assert await found.ended(10.0) == 0
            await made.server.stop()
            for unit in made.units:
                in_flight[unit.number].add(len(unit.answered) - 1)
            for (number, tag), own in stored(folder).items():
                missing = set(range(len(made.units[number - 1].answered))) - {n for _, n in own}
                assert missing <= in_flight[number], f"unit {number} tag {tag}"
            await made.server.start(port=made.server.port)
        assert "Traceback" not in found.output.read_text()


@pytest.mark.timeout(300)
async def test_a_second_instance_and_a_taken_port_are_refused_in_plain_words(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with product(folder) as found:
        await found.start()
        assert found.process is not None
        other = await command(folder, "serve", env={**found.env, "ENERGY_WEB__PORT": str(found.port + 1)})
        assert other.code == 2
        assert f"is in use by process {found.process.pid}" in other.err
        assert "Traceback" not in other.err
        taken = await command(tmp_path / "elsewhere", "serve", env={"ENERGY_WEB__PORT": str(found.port)})
        assert taken.code == 2
        assert f"port {found.port} on 127.0.0.1 is in use" in taken.err
        assert "ENERGY_WEB__PORT" in taken.err
        assert "Traceback" not in taken.err
        assert await found.get("/api/books")  # the first one goes on
