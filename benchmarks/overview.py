"""Fifty overviews of 100 machines: CPU, time from a sample to the pixel, bytes on the wire, first paint. `python -m benchmarks.overview`.

One page is a real Chromium, the others are `benchmarks.listeners`. The powers of all machines are set at random moments, each to a value it
never had; the product's own table tells the time of the sample that brought it, Chromium when the machine's card showed it and when that
frame was painted. All of them read one clock.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.browsers import PATIENCE_MS, chromium, connected, logged_in, opened
from benchmarks.measure import Result, child, line_of, percentile, place_descendants
from benchmarks.nominal import PAGES_OF_ONE, heard, session, stretch
from benchmarks.pixel import WATCH, key_of
from benchmarks.polling import plant_text
from benchmarks.product import Running, running

MACHINES, TAGS, PAGES = 100, 20, 50
WARM_UP_S, SECONDS, ROUND_S = 20.0, 30.0, 1.6
PATHS = ("/", "/machines/m1", "/trends", "/energy", "/alerts", "/reports", "/status", "/admin")
FIRST_VALUE = 1000.5
_LASTING = f"""document.addEventListener("DOMContentLoaded", () => {{
  ({WATCH})();
  const kept = JSON.parse(sessionStorage.getItem("noted") || "[{{}}, {{}}, 0]");
  Object.assign(window.arrived, kept[0]);
  Object.assign(window.shown, kept[1]);
  window.loads = kept[2] + 1;
  addEventListener("pagehide", () => sessionStorage.setItem("noted", JSON.stringify([window.arrived, window.shown, window.loads])));
}})"""  # a page that starves on a busy machine is loaded again: what it shows late then counts as late


@dataclass
class Found:
    """What one run found. `painted`: first paint by path, ms; `arrived`, `shown`: by machine and value, ms since 1970."""

    painted: dict[str, float] = field(default_factory=dict)
    painted_beside: float = float("nan")
    figures: dict[str, Any] = field(default_factory=dict)
    listened: dict[str, float] = field(default_factory=dict)
    extensions: str = ""
    rounds: int = 0
    loads: int = 0
    arrived: dict[str, float] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)


async def first_paint_ms(browser: Any, context: Any, url: str) -> float:
    """Of a page in a browser that has nothing cached, ms after the navigation began."""
    fresh = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="ru-RU", storage_state=await context.storage_state())
    page = await opened(fresh, url)
    name = "performance.getEntriesByName('first-contentful-paint')[0]"
    await page.wait_for_function(f"{name} !== undefined", timeout=PATIENCE_MS)
    at_ms = float(await page.evaluate(f"{name}.startTime"))
    await fresh.close()
    return at_ms


def _set_all(server: subprocess.Popen[str], value: float) -> None:
    """The power of each machine."""
    assert server.stdin is not None
    server.stdin.write("".join(f"{unit} {value}\n" for unit in range(1, MACHINES + 1)))
    server.stdin.flush()
    for _ in range(MACHINES):
        line_of(server)


async def _change(server: subprocess.Popen[str], until: float) -> int:
    """Set the powers again and again at random moments; how often."""
    rng, rounds = random.Random(1), 0
    while time.monotonic() < until:
        await asyncio.to_thread(_set_all, server, FIRST_VALUE + rounds)
        rounds += 1
        await asyncio.sleep(rng.uniform(ROUND_S, ROUND_S + 1.0))
    return rounds


async def _watched(context: Any, url: str, found: Found) -> Any:
    """The page that is looked at; tells how its socket compresses."""
    page = await context.new_page()
    await page.add_init_script(_LASTING)
    tools = await context.new_cdp_session(page)
    await tools.send("Network.enable")

    def shaken(event: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        found.extensions = headers.get("sec-websocket-extensions", "none")

    tools.on("Network.webSocketHandshakeResponseReceived", shaken)
    await connected(page, url)
    await tools.detach()
    return page


async def _measure(product: Running, server: subprocess.Popen[str], pages: int, seconds: float) -> Found:
    found = Found()
    async with chromium() as browser:
        context = await logged_in(browser, product.url)
        await asyncio.sleep(WARM_UP_S)
        for path in PATHS:
            found.painted[path] = await first_paint_ms(browser, context, product.url + path)
            print(f"{path} {found.painted[path]:.0f} ms", flush=True)
        cookies = [await session(product.url) for _ in range(0, pages - 1, PAGES_OF_ONE)]
        with child("benchmarks.listeners", product.url, str(pages - 1), *cookies, core=1) as listeners:
            if await asyncio.to_thread(line_of, listeners) != "ready":
                raise RuntimeError("the pages did not open")
            found.painted_beside = await first_paint_ms(browser, context, product.url)
            page = await _watched(context, product.url, found)
            place_descendants(1, ahead=True)
            await asyncio.sleep(10.0)
            before = await asyncio.to_thread(heard, listeners)
            changing = asyncio.create_task(_change(server, time.monotonic() + seconds - 3.0))
            found.figures = await stretch(product, seconds, f"{pages} pages")
            after = await asyncio.to_thread(heard, listeners)
            found.listened = {name: (after[name] - before[name]) / seconds for name in ("messages", "characters", "wire")}
            found.listened["deflate_s"] = after["deflate_s"] / seconds
            found.rounds = await changing
            await asyncio.sleep(2.0)
            found.arrived, found.shown, found.loads = await page.evaluate("[window.arrived, window.shown, window.loads]")
    return found


def _sampled_us(folder: Path, rounds: int) -> dict[str, int]:
    """When each value was first sampled, by the key under which the page noted it; values that no poll saw are missing."""
    with sqlite3.connect(next(folder.glob("*.db"))) as connection:
        rows = connection.execute(
            "SELECT tag.name, sample.value, min(sample.time_us) FROM sample JOIN tag ON tag.id = sample.tag_id "
            "WHERE tag.name LIKE '%.active_power' AND sample.value BETWEEN ? AND ? GROUP BY tag.name, sample.value",
            (FIRST_VALUE, FIRST_VALUE + rounds),
        ).fetchall()
    connection.close()
    return {key_of(int(name.partition(".")[0][1:]), value): at_us for name, value, at_us in rows}


def benchmark(pages: int = PAGES, seconds: float = SECONDS) -> Result:
    """CPU, the way to the pixel, bytes, first paint."""
    result = Result(
        f"{pages} browsers on the overview of {MACHINES} machines",
        f"`main.py serve` on SQLite, {MACHINES} devices of {TAGS} values each second, which change twice a second; {pages - 1} pages "
        f"without drawing and one Chromium. The product has one core, all else the other. {seconds:.0f} s.",
    )
    with child("benchmarks.units", str(MACHINES), core=1) as server, tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        plant, data = Path(folder) / "plant.yaml", Path(folder) / "data"
        plant.write_text(plant_text(int(line_of(server)), MACHINES, TAGS, 1.0, lines=MACHINES, machines=True))
        with running(data, plant=plant, core=0) as product:
            found = asyncio.run(_measure(product, server, pages, seconds))
        sampled = _sampled_us(data, found.rounds)
    _tell(result, found, sampled, pages)
    return result


def _tell(result: Result, found: Found, sampled: dict[str, int], pages: int) -> None:
    f, each = found.figures, {name: value / (pages - 1) for name, value in found.listened.items()}
    others = f"{f['samples_s']:,.0f} samples/s; other programs took {f['others_share']:.0%} of a core"
    result.add("CPU of the product", f"{f['cpu_share']:.0%} of one core", others, "≤ 50 %", f["cpu_share"] <= 0.5)
    shown = [found.shown.get(key, 0.0) or float("inf") for key in sampled]
    painted = [at_ms - us / 1e3 for at_ms, us in zip(shown, sampled.values(), strict=True)]
    arrived = [found.arrived.get(key, float("inf")) - us / 1e3 for key, us in sampled.items()]
    p95 = percentile(arrived, 0.95)
    beside = (f"p50 {percentile(arrived, 0.5):.0f} ms, longest {max(arrived):.0f} ms; painted p50 {percentile(painted, 0.5):.0f} ms, "
              f"p95 {percentile(painted, 0.95):.0f} ms; {len(sampled)} values, page loaded {found.loads} time(s)")  # fmt: skip
    result.add("from the sample to the text in Chromium", f"p95 {p95:.0f} ms", beside, "p95 ≤ 500 ms", p95 <= 500)
    text = f"{each['messages']:.1f} messages, {each['characters'] / 1e3:.1f} kB of text a second; Chromium: {found.extensions}"
    result.add("to each browser, on the wire", f"{each['wire'] / 1e3:.1f} kB/s", text, "≤ 10 kB/s", each["wire"] <= 10e3)
    result.add("of the CPU, compressing for all", f"{found.listened['deflate_s']:.1%} of one core", "the same messages compressed again")
    late = f"p50 {f['late_p50_ms']:.1f} ms, p99.9 {f['late_p999_ms']:.0f} ms, {f['polls']} polls of {MACHINES * f['wall_s']:.0f}"
    result.add("polls late", f"p99 {f['late_p99_ms']:.1f} ms", late, "the cadence holds", f["polls"] >= 0.995 * MACHINES * f["wall_s"])
    result.add("event-loop lag", f"p99 {f['lag_p99_ms']:.1f} ms", f"longest {f['lag_max_ms']:.0f} ms; {f['rss_mib']:.0f} MiB")
    worst = max(found.painted, key=lambda path: found.painted[path])
    listed = ", ".join(f"{path} {ms:.0f}" for path, ms in found.painted.items())
    result.add("first paint, nothing cached, worst page", f"{worst} {found.painted[worst]:.0f} ms", listed, "≤ 1.5 s", found.painted[worst] <= 1500)
    result.add(f"first paint of the overview beside {pages} open ones", f"{found.painted_beside:.0f} ms", "", "≤ 1.5 s", found.painted_beside <= 1500)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    print(benchmark(options.pages, options.seconds).markdown())
