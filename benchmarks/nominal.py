"""Nominal load: 100 devices x 20 tags x 1 s, the whole product, ten pages open on the overview. `python -m benchmarks.nominal`."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from benchmarks.browsers import chromium, logged_in, opened
from benchmarks.measure import Result, child, line_of
from benchmarks.polling import plant_text
from benchmarks.product import PASSWORD, Running, running

DEVICES, TAGS, PAGES = 100, 20, 10
WARM_UP_S, SECONDS = 20.0, 60.0
PAGES_OF_ONE = 10  # a session may open ten sockets


async def stretch(product: Running, seconds: float, what: str) -> dict[str, Any]:
    product.begin()
    await asyncio.sleep(seconds)
    found = await asyncio.to_thread(product.end)
    print(what, json.dumps(found), flush=True)
    return found


def heard(listeners: subprocess.Popen[str]) -> dict[str, int]:
    assert listeners.stdin is not None
    listeners.stdin.write("\n")
    listeners.stdin.flush()
    found: dict[str, int] = json.loads(line_of(listeners))
    return found


async def session(url: str) -> str:
    """A login of its own; its cookies as a browser sends them."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        await client.post("/login", data={"name": "admin", "password": PASSWORD}, headers={"origin": url})
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


async def _with_pages(product: Running, seconds: float, pages: int, growth_s: float) -> dict[str, dict[str, Any]]:
    """One page in Chromium, the others as listeners that take the same messages."""
    found = {}
    async with chromium() as browser:
        context = await logged_in(browser, product.url)
        page = await opened(context, product.url)
        cookies = [await session(product.url) for _ in range(0, pages - 1, PAGES_OF_ONE)]
        with child("benchmarks.listeners", product.url, str(pages - 1), *cookies, core=1) as listeners:
            if await asyncio.to_thread(line_of, listeners) != "ready":
                raise RuntimeError("the pages did not open")
            await asyncio.sleep(10.0)
            before = await asyncio.to_thread(heard, listeners)
            found["pages"] = await stretch(product, seconds, f"{pages} pages")
            after = await asyncio.to_thread(heard, listeners)
            taken = (after["characters"] - before["characters"]) / seconds / (pages - 1) / 1024
            found["pages"]["each"] = f"{(after['messages'] - before['messages']) / seconds / (pages - 1):.1f} messages, {taken:.1f} KiB"
            if growth_s:
                found["growth"] = await stretch(product, growth_s, "growth")
            print((await page.inner_text("[data-testid=tile-power]")).replace("\n", " "), flush=True)
    return found


async def _measure(product: Running, seconds: float, pages: int, growth_s: float) -> dict[str, dict[str, Any]]:
    await asyncio.sleep(WARM_UP_S)
    found = {"no page": await stretch(product, seconds, "no page")}
    return found | (await _with_pages(product, seconds, pages, growth_s) if pages else {})


def benchmark(
    seconds: float = SECONDS, pages: int = PAGES, growth_s: float = 0.0, words: tuple[str, ...] = (), devices: int = DEVICES
) -> Result:
    """CPU, memory, lateness, lag."""
    result = Result(
        f"{devices} devices, {TAGS} values each, every second",
        f"`main.py serve` on SQLite with {devices} machines, states, limits and roll-ups; every value changes twice a second, every "
        "device has a TCP connection of its own. The pages are the overview with a card for each machine: one in a real Chromium, the "
        "others take and confirm the same messages without drawing, since ten such browsers fill more than this machine. The product "
        f"has one core, servers and browsers the other. {seconds:.0f} s a stretch.",
    )
    with child("benchmarks.units", str(devices), core=1) as server, tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        port = int(line_of(server))
        plant = Path(folder) / "plant.yaml"
        plant.write_text(plant_text(port, devices, TAGS, 1.0, lines=devices, machines=True))
        with running(Path(folder) / "data", plant=plant, core=0, words=words) as product:
            found = asyncio.run(_measure(product, seconds, pages, growth_s))
    labels = {"no page": "no page open", "pages": f"{pages} pages open", "growth": f"{growth_s:.0f} s more with {pages} pages"}
    for name, figures in found.items():
        _tell(result, labels[name], figures, judged=name == "pages")
    return result


def _tell(result: Result, label: str, f: dict[str, Any], *, judged: bool) -> None:
    def add(what: str, figure: str, beside: str, goal: str, met: bool) -> None:
        result.add(f"{what}, {label}", figure, beside, goal if judged else "", met if judged else None)

    each = f"; each page gets {f['each']} a second" if "each" in f else ""
    others = f"other programs took {f['others_share']:.0%} of a core"
    add("CPU", f"{f['cpu_share']:.0%} of one core", f"{f['samples_s']:,.0f} samples/s{each}; {others}", "≤ 40 %", f["cpu_share"] <= 0.4)
    grown = f"{f['rss_mib'] - f['rss_before_mib']:+.1f} MiB in {f['wall_s']:.0f} s; {f['handles']} handles, {f['tasks']} tasks"
    add("memory", f"{f['rss_mib']:.0f} MiB", grown, "≤ 300 MiB", f["rss_mib"] <= 300)
    late = f"p50 {f['late_p50_ms']:.1f} ms, p99.9 {f['late_p999_ms']:.0f} ms, {f['polls']} polls"
    add("polls late", f"p99 {f['late_p99_ms']:.1f} ms", late, "p99 ≤ 100 ms", f["late_p99_ms"] <= 100)
    add("event-loop lag", f"p99 {f['lag_p99_ms']:.1f} ms", f"longest {f['lag_max_ms']:.0f} ms", "p99 ≤ 100 ms", f["lag_p99_ms"] <= 100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--growth", type=float, default=0.0)
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    print(benchmark(options.seconds, options.pages, options.growth, tuple(options.words), options.devices).markdown())
