"""The report of a month of 100 machines: from the tables to the file, and what the event loop feels of it.

`python -m benchmarks.reports [--machines 100] [--days 30]`. The product is composed as `serve` composes it, over SQLite with roll-ups
and cells of the cube of the month; drawing happens in the worker process. Memory is that of both processes together.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import yaml

from application.build import Application, open_application
from application.recompute import recompute_all
from benchmarks.measure import ROOT as ROOT_FOLDER
from benchmarks.measure import Result, rss_mib
from benchmarks.recompute import MINUTE_US, Memory, rows, year
from config.settings import Settings
from domain.access import Actor, Role
from runtime.clock import SystemClock
from runtime.memory import settle_memory

GOAL_S, GOAL_MIB, GOAL_LAG_MS = 5.0, 300.0, 50.0
LAG_STEP_S, REST_S = 0.005, 3.0
ROOT = Actor("bench", Role.ADMIN, "bench")
QUARTER_US = 15 * MINUTE_US
POINTS = [
    {"tag": "active_power", "quantity": "active_power", "unit": "kW", "table": "holding", "address": 0, "type": "float32"},
    {"tag": "energy_import", "quantity": "energy_import", "unit": "kWh", "table": "holding", "address": 2, "type": "float64"},
]


def plant_of(machines: int) -> str:
    """A plant file: three shifts, two tariff zones, machines in five sections."""
    shifts = [{"name": n, "start": a, "end": b, "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
              for n, a, b in (("1", "07:00", "15:00"), ("2", "15:00", "23:00"), ("3", "23:00", "07:00"))]  # fmt: skip
    states = {"idle_above_kw": 0.3, "production_above_kw": 3.0, "min_dwell_s": 10}
    return yaml.safe_dump({
        "site": {"name": "bench", "timezone": "Europe/Moscow", "language": "ru", "tariff_per_kwh": 8.2, "contract_kw": 400},
        "shifts": shifts, "lines": [{"id": "l", "transport": "modbus-tcp", "host": "127.0.0.1", "port": 1}],
        "devices": [{"id": f"d{n}", "line": "l", "address": n % 240 + 1, "scan_s": 60, "points": POINTS} for n in range(machines)],
        "machines": [{"id": f"m{n:03}", "name": f"Станок {n}", "section": f"Участок {n % 5}", "meter": f"d{n}", "states": states}
                     for n in range(machines)],
    }, allow_unicode=True)  # fmt: skip


def fill(file: Path, tags: dict[str, int], begin_us: int, minutes: int, machines: int) -> None:
    """Minutes of power; quarters of power and counter; as the roll-up keeper would have made them."""
    rng = np.random.default_rng(1)
    insert = "INSERT INTO {} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    with sqlite3.connect(file) as connection:
        for n in range(machines):
            power = year(rng, minutes)
            gauge, counter = tags[f"d{n}.active_power"], tags[f"d{n}.energy_import"]
            means = power[: minutes // 15 * 15].reshape(-1, 15).mean(axis=1)
            for table, tag, width, values, counted in (
                ("rollup_1m", gauge, MINUTE_US, power, False), ("rollup_15m", gauge, QUARTER_US, means, False),
                ("rollup_15m", counter, QUARTER_US, means / 4.0, True),
            ):  # fmt: skip
                made = rows(tag, begin_us, width, values.tolist(), counter=counted)
                connection.executemany(insert.format(table), made)
    connection.close()


class Lag(Memory):
    """Longest delay of a short sleep of the event loop, ms, beside the memory."""

    longest_ms = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(LAG_STEP_S)
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - before - LAG_STEP_S) * 1e3)


async def prepared(folder: Path, machines: int) -> dict[str, int]:
    """The plant stored; ids of its tags by name."""
    async with open_application(Settings(data_dir=folder), SystemClock(), {}) as app:
        await app.plant.load()
        await app.plant.import_yaml(plant_of(machines), ROOT)
        return {tag.name: int(tag.id) for tag in await app.database.plants.tags()}


async def cells(folder: Path, first: date, last: date) -> None:
    """The cube of the month, made as the keeper makes it."""
    async with open_application(Settings(data_dir=folder), SystemClock(), {}) as app:
        await app.plant.load()
        plant, tags = app.plant.plant, await app.database.plants.tags()
        url = str(app.database.store.url)
    await asyncio.to_thread(recompute_all, url, plant, tags, first, last, states=True)


async def issued(app: Application, kind: str, window: tuple[int, int]) -> tuple[float, float, float, int]:
    """Seconds, MiB of both processes, longest lag in ms, bytes."""
    watch = Lag()
    watch.start()
    watching = asyncio.create_task(watch.watch())
    before = time.perf_counter()
    stored = await app.reports.issue("month", kind, *window, "ru", ROOT)
    took_s = time.perf_counter() - before
    watching.cancel()
    watch.over.set()
    await asyncio.to_thread(watch.join)
    return took_s, watch.peak, watch.longest_ms, stored.size_bytes


async def built(folder: Path, machines: int, days: int) -> tuple[int, int]:
    """The month in the tables; its begin and end."""
    first = date.today().replace(day=1) - timedelta(days=days)  # noqa: DTZ011 - any month of the past
    tags = await prepared(folder, machines)
    async with open_application(Settings(data_dir=folder), SystemClock(), {}) as app:
        await app.plant.load()
        calendar = app.energy.calendar
        begin_us = calendar.day_window(first).from_us
        end_us = calendar.day_window(first + timedelta(days=days - 1)).to_us
    file = await asyncio.to_thread(lambda: next(folder.glob("*.db")))
    await asyncio.to_thread(fill, file, tags, begin_us, (end_us - begin_us) // MINUTE_US, machines)
    await cells(folder, first, first + timedelta(days=days - 1))
    return begin_us, end_us


async def _at_rest_ms() -> float:
    """Longest delay of a short sleep while nothing is asked for: what the machine itself adds."""
    watch = Lag()
    watching = asyncio.create_task(watch.watch())
    await asyncio.sleep(REST_S)
    watching.cancel()
    return watch.longest_ms


async def measured(folder: Path, window: tuple[int, int]) -> Result:
    """The month as PDF and XLSX, the first time and again, in a process that did nothing else."""
    async with open_application(Settings(data_dir=folder), SystemClock(), {}) as app:
        await app.plant.load()
        result = Result(
            "Report of a month", f"{len(app.plant.plant.machines)} machines, {(window[1] - window[0]) // 86_400_000_000} days, SQLite; "
            f"gathered from the tables, drawn in the worker, kept in the archive. The product before it: {rss_mib():.0f} MiB.",
        )  # fmt: skip
        settle_memory()  # as serve does
        beside = f"at rest {await _at_rest_ms():.0f} ms"
        for what in ("first", "again"):
            for kind in ("pdf", "xlsx"):
                took_s, mib, lag_ms, size = await issued(app, kind, window)
                name = f"{kind.upper()}, {what}"
                result.add(name, f"{took_s:.2f} s", f"{size / 1000:.0f} kB", f"≤ {GOAL_S:.0f} s", met=took_s <= GOAL_S)
                result.add(f"{name}: longest lag", f"{lag_ms:.0f} ms", beside, f"≤ {GOAL_LAG_MS:.0f} ms", met=lag_ms <= GOAL_LAG_MS)
                result.add(f"{name}: memory", f"{mib:.0f} MiB", "", f"≤ {GOAL_MIB:.0f} MiB", met=mib <= GOAL_MIB)
    return result


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--machines", type=int, default=100)
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--of", nargs=3, metavar=("FOLDER", "FROM", "TO"), help="measure what is built already")
    given = options.parse_args()
    if given.of:
        print(asyncio.run(measured(Path(given.of[0]), (int(given.of[1]), int(given.of[2])))).markdown())
        return
    with tempfile.TemporaryDirectory() as folder:
        window = asyncio.run(built(Path(folder), given.machines, given.days))
        start = "from benchmarks.reports import main; main()"  # a worker starts as under main.py: without importing this again
        command = [sys.executable, "-c", start, "--of", folder, *map(str, window)]
        subprocess.run(command, check=True, cwd=ROOT_FOLDER)


if __name__ == "__main__":
    main()
