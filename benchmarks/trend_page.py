"""A year of five tags in the browser: from the click to the drawn curves. `python -m benchmarks.trend_page [--tries 5]`.

The product's own database (SQLite) is filled with roll-ups of two years between two starts; Chromium asks for one year and the other by
turns. Beside it: the same rows read by sqlite3 alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.browsers import PATIENCE_MS, chromium, logged_in, opened
from benchmarks.measure import Result, child, line_of, median, place_descendants
from benchmarks.polling import plant_text
from benchmarks.product import running
from benchmarks.trends import DAY_US, SHOWN, fill
from domain.plant import Tag
from domain.quantity import Quantity
from domain.sample import TagId

YEAR_US, GOAL_S = 365 * DAY_US, 1.0
_SHOW = """() => new Promise((done) => {
  const begun = performance.now();
  document.querySelector("[data-testid=custom-show]").click();
  const look = () => {
    const asked = performance.getEntriesByType("resource").filter((e) => e.name.includes("/api/trends?") && e.startTime > begun).pop();
    if (!asked || document.querySelector(".em-trend").dataset.state !== "ready") return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => done([performance.now() - begun, asked.responseEnd - begun, asked.transferSize]), 0));
  };
  look();
})"""


def _tags(file: Path) -> list[Tag]:
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT id, name FROM tag WHERE name LIKE '%.active_power' ORDER BY id LIMIT ?", (SHOWN,)).fetchall()
    connection.close()
    quantity = Quantity.ACTIVE_POWER
    return [Tag(TagId(n), name, name.partition(".")[0], quantity.value, quantity, quantity.unit, interval_s=1.0) for n, name in rows]


def _bare_s(file: Path, tags: list[Tag], from_us: int, to_us: int) -> float:
    """The rows of the year, read and thrown away."""
    began = time.perf_counter()
    with sqlite3.connect(file) as connection:
        for tag in tags:
            connection.execute("SELECT * FROM rollup_1d WHERE tag_id = ? AND time_us >= ? AND time_us < ?", (tag.id, from_us, to_us)).fetchall()
    connection.close()
    return time.perf_counter() - began


def _local(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M")


async def _ask(url: str, tags: list[Tag], last_us: int, tries: int) -> list[list[float]]:
    """ms to the drawn curves, ms to the answer, bytes."""
    found = []
    async with chromium() as browser:
        context = await logged_in(browser, url)
        page = await opened(context, f"{url}/trends?{'&'.join(f'tag={tag.name}' for tag in tags)}&period=today")
        await page.wait_for_function("!['loading', undefined].includes(document.querySelector('.em-trend')?.dataset.state)", timeout=PATIENCE_MS)
        place_descendants(1, ahead=True)
        for number in range(tries):
            to_us = last_us - (number % 2) * YEAR_US
            await page.click("[data-testid=period-custom]")
            for name, value in (("from", to_us - YEAR_US), ("to", to_us)):
                await page.fill(f"[data-testid=custom-{name}]", _local(value))
            found.append(await page.evaluate(_SHOW))
            await asyncio.sleep(0.5)
    return found


def benchmark(tries: int = 5) -> Result:
    """The first time and the median."""
    result = Result(f"A year of {SHOWN} tags in the browser", f"From the click until Chromium painted the curves; SQLite with two years of roll-ups. {tries} times, one year and the other by turns.")
    last_us = time.time_ns() // 1000 // DAY_US * DAY_US
    with child("benchmarks.units", str(SHOWN), core=1) as server, tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        data, plant = Path(folder) / "data", Path(folder) / "plant.yaml"
        plant.write_text(plant_text(int(line_of(server)), SHOWN, 20, 1.0, lines=SHOWN, machines=True))
        with running(data, plant=plant, core=0):
            pass
        file = next(data.glob("*.db"))
        tags = _tags(file)
        fill(file, tags, last_us - 2 * YEAR_US, last_us, minutes_of=0)
        with running(data, core=0) as product:
            found: list[Any] = asyncio.run(_ask(product.url, tags, last_us, tries))
        bare_s = _bare_s(file, tags, last_us - YEAR_US, last_us)
    drawn = [ms / 1e3 for ms, _, _ in found]
    beside = f"median {median(drawn):.2f} s, longest {max(drawn):.2f} s; answer after {found[0][1] / 1e3:.2f} s, {found[0][2] / 1e3:.0f} kB; rows alone by sqlite3 {bare_s:.3f} s"
    result.add("from the click to the curves, first", f"{drawn[0]:.2f} s", beside, f"≤ {GOAL_S:g} s", max(drawn) <= GOAL_S)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=5)
    print(benchmark(parser.parse_args().tries).markdown())
