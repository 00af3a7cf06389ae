"""Nominal load: 100 devices x 20 tags x 1 s, the whole product, ten browsers on the overview. `python -m benchmarks.nominal`."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.browsers import chromium, logged_in, opened
from benchmarks.measure import Result, child, line_of
from benchmarks.polling import plant_text
from benchmarks.product import Running, running

DEVICES, TAGS, PAGES = 100, 20, 10
WARM_UP_S, SECONDS = 20.0, 60.0


async def _stretch(product: Running, seconds: float, what: str) -> dict[str, Any]:
    product.begin()
    await asyncio.sleep(seconds)
    found = await asyncio.to_thread(product.end)
    print(what, json.dumps(found), flush=True)
    return found


async def _measure(product: Running, seconds: float, pages: int, growth_s: float) -> dict[str, dict[str, Any]]:
    await asyncio.sleep(WARM_UP_S)
    found = {"no page": await _stretch(product, seconds, "no page")}
    if pages:
        async with chromium() as browser:
            context = await logged_in(browser, product.url)
            kept = [await opened(context, product.url) for _ in range(pages)]
            reloads = [0]
            for page in kept:
                page.on("framenavigated", lambda _frame: reloads.__setitem__(0, reloads[0] + 1))
            await asyncio.sleep(10.0)
            reloads[0] = 0
            found["pages"] = await _stretch(product, seconds, f"{pages} pages")
            if growth_s:
                found["growth"] = await _stretch(product, growth_s, "growth")
            found["pages"]["reloads"] = reloads[0]
            shown = [await page.inner_text("[data-testid=tile-power]") for page in kept]
            print(shown[0].replace("\n", " "), flush=True)
    return found


def benchmark(
    seconds: float = SECONDS, pages: int = PAGES, growth_s: float = 0.0, words: tuple[str, ...] = (), devices: int = DEVICES
) -> Result:
    """CPU, memory, lateness, lag."""
    result = Result(
        f"{devices} devices, {TAGS} values each, every second",
        f"`main.py serve` on SQLite with {devices} machines, states, limits and roll-ups; every device has a TCP connection of its own; the "
        f"pages are the overview in real Chromium. The product has one core, servers and browsers the other. {seconds:.0f} s a stretch.",
    )
    with child("benchmarks.units", str(devices), core=1) as server, tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        port = int(line_of(server))
        plant = Path(folder) / "plant.yaml"
        plant.write_text(plant_text(port, devices, TAGS, 1.0, lines=devices, machines=True))
        with running(Path(folder) / "data", plant=plant, core=0, words=words) as product:
            found = asyncio.run(_measure(product, seconds, pages, growth_s))
    for name, f in found.items():
        label = {"no page": "no page open", "pages": f"{pages} pages open", "growth": f"{growth_s:.0f} s with {pages} pages"}[name]
        judged = name == "pages"
        goal = (lambda text: text) if judged else (lambda _text: "")
        beside = f"{f['samples_s']:,.0f} samples/s; other programs took {f['others_share']:.0%} of a core"
        result.add(f"CPU, {label}", f"{f['cpu_share']:.0%} of one core", beside, goal("≤ 40 %"), f["cpu_share"] <= 0.4 if judged else None)
        growth = f"{f['rss_mib'] - f['rss_before_mib']:+.1f} MiB in {f['wall_s']:.0f} s; {f['handles']} handles, {f['tasks']} tasks"
        result.add(f"memory, {label}", f"{f['rss_mib']:.0f} MiB", growth, goal("≤ 300 MiB"), f["rss_mib"] <= 300 if judged else None)
        result.add(f"polls late, {label}", f"p99 {f['late_p99_ms']:.0f} ms", f"p50 {f['late_p50_ms']:.1f} ms, {f['polls']} polls",
                   goal("p99 ≤ 100 ms"), f["late_p99_ms"] <= 100 if judged else None)
        result.add(f"event-loop lag, {label}", f"p99 {f['lag_p99_ms']:.0f} ms", f"longest {f['lag_max_ms']:.0f} ms",
                   goal("p99 ≤ 100 ms"), f["lag_p99_ms"] <= 100 if judged else None)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--growth", type=float, default=0.0)
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    print(benchmark(options.seconds, options.pages, options.growth, tuple(options.words), options.devices).markdown())
