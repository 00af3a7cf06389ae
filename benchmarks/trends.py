"""A year's trend of five tags, as the page asks for it: tables to JSON, on the server.

`python -m benchmarks.trends [--tags 100] [--tries 15]`. The database (SQLite) holds a year of roll-ups of `--tags` tags in all tiers above
the minute, and of the five also of the minute; every third is a counter. Each question is asked `--tries` times; the first of a window
is told by itself. Goal: at most 1 s for the year.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from benchmarks.measure import median
from database.open import open_database
from domain.plant import Tag
from domain.quantity import Quantity
from domain.sample import TagId
from reports.series_sheet import series_xlsx
from runtime.clock import SystemClock
from web_interface.api.trends import curve_item
from web_interface.trends.reader import TrendReader

DAY_US = 86_400_000_000
WIDTHS_US = {"rollup_1m": 60_000_000, "rollup_15m": 900_000_000, "rollup_1h": 3_600_000_000, "rollup_1d": DAY_US}
SHOWN = 5
GOAL_S = 1.0
WINDOWS = {"year": 365, "half a year": 182, "month": 30, "week": 7, "day": 1}


def tags(count: int) -> list[Tag]:
    """Two gauges and a counter by turns."""
    kinds = (Quantity.ACTIVE_POWER, Quantity.VOLTAGE, Quantity.ENERGY_IMPORT)
    return [
        Tag(TagId(n + 1), f"m{n}.{(q := kinds[n % 3]).value}", f"m{n}", q.value, q, q.unit, interval_s=1.0) for n in range(count)
    ]  # fmt: skip


def rows(tag: Tag, first_us: int, last_us: int, width_us: int, rng: np.random.Generator) -> Iterator[tuple[object, ...]]:
    """One a bucket: a wandering mean with its extremes; now and then a bucket with bad samples, or none."""
    begins = range(first_us, last_us, width_us)
    values = 50 + 20 * np.sin(np.arange(len(begins)) / 50) + rng.standard_normal(len(begins))
    counter = tag.quantity is Quantity.ENERGY_IMPORT
    count = width_us // 1_000_000
    for n, (at, value) in enumerate(zip(begins, values.tolist(), strict=True)):
        if n % 997 == 996:
            continue
        good = count - (count // 10 if n % 211 == 0 else 0)
        grown, guessed = (value, value / 5 if n % 500 == 0 else 0.0) if counter else (None, None)
        yield tag.id, at, count, good, value - 9, value + 30, value, value, value, width_us, grown, guessed


def fill(file: Path, all_tags: Sequence[Tag], first_us: int, last_us: int, minutes_of: int = SHOWN) -> int:
    """Straight into the tables; the number of rows. `minutes_of`: of so many tags also the minutes."""
    rng = np.random.default_rng(7)
    total = 0
    with sqlite3.connect(file) as connection:
        for table, width_us in WIDTHS_US.items():
            for tag in all_tags[: minutes_of if table == "rollup_1m" else None]:
                done = connection.executemany(
                    f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    rows(tag, first_us, last_us, width_us, rng),
                )
                total += done.rowcount
    return total


async def ask(reader: TrendReader, shown: Sequence[Tag], from_us: int, to_us: int, earlier_us: int = 0) -> tuple[float, int, int]:
    """Seconds, points and bytes of the answer."""
    begun = time.perf_counter()
    stretches = list(await reader.read(shown, from_us, to_us))
    if earlier_us:
        stretches += await reader.read(shown, from_us - earlier_us, to_us - earlier_us)
    curves = await asyncio.to_thread(lambda: [stretch.curve() for stretch in stretches])
    body = orjson.dumps([curve_item(curve) for curve in curves])
    return time.perf_counter() - begun, sum(len(curve.points) for curve in curves), len(body)


async def main(count: int, tries: int) -> None:
    """Fill, ask, print."""
    clock = SystemClock()
    now_us = clock.now_us()
    last_us = now_us // DAY_US * DAY_US
    first_us = last_us - 2 * 365 * DAY_US
    every = tags(count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "energy.db"
        async with open_database(f"sqlite+aiosqlite:///{file}", Path(folder) / "data", clock) as database:
            total = await asyncio.to_thread(fill, file, every, first_us, last_us)
            print(f"{total:,} rows of roll-ups, {file.stat().st_size / 2**20:,.0f} MiB")

            async def kept() -> Sequence[Tag]:
                return every

            reader = TrendReader(database.samples, lambda: every, kept, clock, series_xlsx)
            for name, days in WINDOWS.items():
                for words, earlier_us in ((name, 0), (f"{name}, compared", days * DAY_US)):
                    answers = [await ask(reader, every[:SHOWN], last_us - days * DAY_US, last_us, earlier_us) for _ in range(tries)]
                    times = [seconds for seconds, _, _ in answers]
                    _, points, size = answers[0]
                    print(
                        f"{words:22} first {times[0] * 1e3:6.0f} ms, median {median(times) * 1e3:6.0f} ms, worst {max(times) * 1e3:6.0f} ms;"
                        f" {points:,} points, {size / 1024:,.0f} KiB" + (f"; goal {GOAL_S:.0f} s" if days == 365 else "")
                    )


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--tags", type=int, default=100)
    options.add_argument("--tries", type=int, default=15)
    chosen = options.parse_args()
    asyncio.run(main(chosen.tags, chosen.tries))
