"""The data folder's disk runs full under the running program and gets room again (T12)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.e2e.generator import TAGS, Generator, generator
from tests.e2e.process import Product, plain_client, product
from tests.faults.test_process_killed import stored

SIZE = "24m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MB; skips the test by name where this user may not mount one."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mounted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    filler = disk / "filler.bin"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return filler


async def full(found: Product, disk: Path) -> object:
    fill(disk)  # whatever was given up meanwhile is taken too
    ready = await readiness(found)
    return ready if ready["storage"] == "full" else None


@contextlib.asynccontextmanager
async def kept_full(disk: Path) -> AsyncIterator[None]:
    """Whatever the product gives up meanwhile, its reserve first of all, is taken at once: else there would be room again."""

    async def forever() -> None:
        while True:
            fill(disk)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def both_alerts(found: Product) -> bool:
    return {item["rule"] for item in (await found.get("/api/alerts/active"))["items"]} >= {"storage", "disk"}


async def readiness(found: Product) -> dict[str, object]:
    async with plain_client(10.0, found.key) as client:
        answer = await client.get(f"{found.url}/readyz")
    ready: dict[str, object] = answer.json()
    assert answer.status_code == (200 if ready["ready"] else 503)
    return ready


async def well(found: Product) -> bool:
    return (await readiness(found))["storage"] == "ok"


async def polling_goes_on(made: Generator, seconds: float) -> None:
    before, began = [len(unit.answered) for unit in made.units], time.monotonic()
    await asyncio.sleep(seconds)
    expected = (time.monotonic() - began) / 0.1
    assert all(len(unit.answered) - b > 0.6 * expected for unit, b in zip(made.units, before, strict=True))


@pytest.mark.timeout(240)
async def test_a_full_disk_stops_nothing_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    folder, plant = small_disk / "data", tmp_path / "plant.yaml"
    logs = str(tmp_path / "logs")
    async with generator(3) as made, product(folder, PLANT_FILE=str(plant), LOG__DIR=logs) as found:
        plant.write_text(made.plant())
        found.output = tmp_path / "output"
        await found.start()
        await found.get("/api/books")
        await eventually(lambda: all(len(unit.answered) > 20 for unit in made.units), 20.0)
        told = await eventually(lambda: full(found, small_disk), 60.0)
        assert isinstance(told, dict)
        assert told["ready"] is False
        assert told["cause"]
        async with kept_full(small_disk):
            await polling_goes_on(made, 5.0)
            latest = (await found.get("/api/data/latest", device="d1"))["items"]
            assert {item["quality"] for item in latest} == {"good"}
            await eventually(lambda: both_alerts(found), 20.0)
        (small_disk / "filler.bin").unlink()
        freed = time.monotonic()
        await eventually(lambda: well(found), 60.0)
        assert time.monotonic() - freed < 60.0
        await asyncio.sleep(2.5)  # samples just after freeing
        books = await found.get("/api/books")
        assert books["rejected"] == {}
        found.signal(signal.SIGTERM)
        assert await found.ended(10.0) == 0
        await found.start()  # and after the next start everything is there
        assert (await readiness(found))["ready"] is True
        found.signal(signal.SIGTERM)
        assert await found.ended(10.0) == 0
        await made.server.stop()
        rows = stored(folder)
        assert len(rows) == 3 * TAGS
        for (number, tag), own in rows.items():
            numbers = [n for _, n in own]
            assert numbers == sorted(set(numbers)), (number, tag)
            answered = len(made.units[number - 1].answered)
            assert len(set(range(answered)) - set(numbers)) <= 2, (number, tag)  # in flight at either SIGTERM
    assert os.path.getsize(found.output) > 0
