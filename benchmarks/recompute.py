"""One year of 100 machines computed anew: states and the cube of energy, from stored minutes back into the tables.

`python -m benchmarks.recompute [--machines 100] [--days 365] [--tags 10]`. The database (SQLite) holds `--tags` meters with a year of
1-min power and 15-min consumption each; every machine reads one of them in full and stores states and cells of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from datetime import time as clock
from pathlib import Path

import numpy as np

from analysis.calendar import Calendar
from application.recompute import PROCESSES, recompute_all
from benchmarks.measure import Result, rss_mib
from database.open import open_database
from domain.plant import Device, Line, Machine, Plant, ShiftPattern, Site, Tag, tags_of
from domain.profile import Group, ModbusPoint, Point, Profile, Quirks
from domain.quantity import Quantity
from domain.sample import TagId
from domain.state import StateThresholds
from domain.work_calendar import Break
from runtime.clock import SystemClock

FIRST = date(2025, 1, 1)
MINUTE_US = 60_000_000
GOAL_S, GOAL_MIB = 60.0, 1024.0
LEVELS_KW = (0.05, 2.0, 6.0)  # off, idle, production
DAILY = frozenset(range(7))
SHIFTS = (
    ShiftPattern("1", clock(7), clock(15), DAILY, (Break("lunch", clock(11), clock(11, 30)),)),
    ShiftPattern("2", clock(15), clock(23), DAILY, (Break("supper", clock(19), clock(19, 30)),)),
    ShiftPattern("3", clock(23), clock(7), DAILY, (Break("meal", clock(3), clock(3, 30)),)),
)
PROFILE = Profile(
    "bench", {"en": "bench"}, "none", "modbus", "a measurement", "H",
    (
        Point("active_power", Quantity.ACTIVE_POWER, "kW", ModbusPoint("holding", 0, "float32")),
        Point("energy_import", Quantity.ENERGY_IMPORT, "kWh", ModbusPoint("holding", 2, "float32"), group=Group.SLOW),
    ),
    Quirks(timeout_s=1.0),
)  # fmt: skip


def year(rng: np.random.Generator, minutes: int) -> np.ndarray:
    """Mean power of each minute, kW: stretches of 3 to 90 min in one of three modes, 5 % noise."""
    lengths = rng.integers(3, 90, minutes // 40)
    levels = np.repeat(rng.choice(LEVELS_KW, len(lengths)), lengths)[:minutes]
    levels = np.pad(levels, (0, minutes - len(levels)))
    power: np.ndarray = levels * (1 + 0.05 * rng.standard_normal(minutes))
    return power


def rows(tag: int, begin_us: int, width_us: int, values: list[float], *, counter: bool) -> Iterator[tuple[object, ...]]:
    """Rows of a roll-up table."""
    for n, value in enumerate(values):
        at = begin_us + n * width_us
        if counter:
            yield tag, at, 15, 15, value, value, None, value, value, width_us, value, 0.0
        else:
            yield tag, at, 60, 60, value, value, value, value, value, width_us, None, None


def fill(file: Path, begin_us: int, minutes: int, meters: int) -> None:
    """Roll-ups of the meters: tag 2n + 1 is a power, 2n + 2 its counter."""
    rng = np.random.default_rng(1)
    insert = "INSERT INTO {} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    with sqlite3.connect(file) as connection:
        for meter in range(meters):
            power = year(rng, minutes)
            quarters = power[: minutes // 15 * 15].reshape(-1, 15).sum(axis=1) / 60.0
            connection.executemany(
                insert.format("rollup_1m"), rows(2 * meter + 1, begin_us, MINUTE_US, power.tolist(), counter=False)
            )
            connection.executemany(
                insert.format("rollup_15m"), rows(2 * meter + 2, begin_us, 15 * MINUTE_US, quarters.tolist(), counter=True)
            )
    connection.close()


def shop(machines: int, meters: int) -> tuple[Plant, list[Tag]]:
    """Machines on meters; `machines` more than `meters` share them."""
    devices = tuple(Device(f"d{n}", "l", PROFILE, n % 240 + 1) for n in range(meters))
    thresholds = StateThresholds(0.3, 3.0, 10)
    made = tuple(Machine(f"m{n:03}", f"m{n:03}", f"s{n % 5}", f"d{n % meters}", 11.0, thresholds) for n in range(machines))
    tags = [replace(tag, id=TagId(n + 1)) for n, tag in enumerate(tag for device in devices for tag in tags_of(device))]
    return Plant(Site("bench", "Europe/Berlin"), SHIFTS, (Line("l", "modbus-tcp"),), devices, made), tags


class Memory(threading.Thread):
    """The highest resident memory of this process and its children together, MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self.over = 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            try:
                children = " ".join(file.read_text() for file in Path("/proc/self/task").glob("*/children")).split()
                self.peak = max(self.peak, rss_mib() + sum(rss_mib(int(pid)) for pid in children))
            except (FileNotFoundError, ProcessLookupError):  # a thread or process ended meanwhile
                continue


def measured(machines: int, days: int, meters: int, folder: Path) -> Result:
    """Build the database, compute, look at what came of it."""
    plant, tags = shop(machines, meters)
    last = FIRST + timedelta(days=days - 1)
    calendar = Calendar.of(plant)
    begin_us, end_us = calendar.day_window(FIRST).from_us, calendar.day_window(last).to_us
    file = folder / "energy.db"
    url = f"sqlite+aiosqlite:///{file}"

    async def create() -> None:
        async with open_database(url, folder, SystemClock()):
            pass

    asyncio.run(create())
    fill(file, begin_us, (end_us - begin_us) // MINUTE_US, meters)
    memory = Memory()
    memory.start()
    before, cpu_before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    cells = recompute_all(url, plant, tags, FIRST, last, states=True)
    took_s, cpu = time.monotonic() - before, resource.getrusage(resource.RUSAGE_CHILDREN)
    memory.over.set()
    memory.join()
    cpu_s = cpu.ru_utime + cpu.ru_stime - cpu_before.ru_utime - cpu_before.ru_stime
    with sqlite3.connect(file) as connection:
        stored = connection.execute("SELECT SUM(energy_kwh), COUNT(*) FROM cube_cell").fetchone()
        states = connection.execute("SELECT COUNT(*) FROM machine_state").fetchone()[0]
        true = connection.execute("SELECT tag_id, SUM(consumption) FROM rollup_15m GROUP BY tag_id").fetchall()
    connection.close()
    exact = sum(kwh for _, kwh in true) * machines / meters
    result = Result(
        "States and cube of the past, computed anew",
        f"{machines} machines, {days} days of 1-min power and 15-min consumption ({meters} distinct meters), SQLite, "
        f"{PROCESSES} processes; states and cells are stored.",
    )
    result.add("from the start to the last commit", f"{took_s:.1f} s", goal=f"≤ {GOAL_S:.0f} s", met=took_s <= GOAL_S)
    result.add("CPU of the processes", f"{cpu_s:.1f} s", f"{cpu_s / PROCESSES:.1f} s on each core")
    result.add("memory, all processes", f"{memory.peak:.0f} MiB", goal=f"≤ {GOAL_MIB:.0f} MiB", met=memory.peak <= GOAL_MIB)
    result.add("stored", f"{cells} cells, {states} states", f"{stored[1]} rows")
    off = abs(stored[0] - exact)
    result.add("sum of the cells against the counters", f"{off:.6f} kWh off", f"{exact:.1f} kWh", "≤ 0.001", met=off <= 1e-3)
    return result


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--machines", type=int, default=100)
    options.add_argument("--days", type=int, default=365)
    options.add_argument("--tags", type=int, default=10, help="distinct meters")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(measured(given.machines, given.days, given.tags, Path(folder)).markdown())


if __name__ == "__main__":
    main()
