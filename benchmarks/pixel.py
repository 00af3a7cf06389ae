"""From a register's change to the browser's pixel: a real Modbus server, the product, a real Chromium. `python -m benchmarks.pixel`.

A value is written at a random moment of the scan cycle; the browser notes when its machine's card shows it (and the frame with it was
painted). Server, product and browser read one clock.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.browsers import chromium, logged_in, opened
from benchmarks.measure import Result, child, line_of, percentile
from benchmarks.polling import plant_text
from benchmarks.product import running

TAGS, SCAN_S, CHANGES = 20, 1.0, 60
WATCH = """() => {
  window.shown = {};
  window.arrived = {};
  const note = () => {
    for (const card of document.querySelectorAll("[data-testid^='machine-m']")) {
      const text = card.querySelector("[data-testid=power] .em-figure")?.textContent;
      const key = card.dataset.testid + "=" + text;
      if (text && !(key in window.shown)) {
        window.shown[key] = 0;
        window.arrived[key] = Date.now();
        requestAnimationFrame(() => setTimeout(() => { window.shown[key] = Date.now(); }, 0));
      }
    }
  };
  note();
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def key_of(unit: int, value: float) -> str:
    """Under which `WATCH` notes when the card of that machine came to show the value: in the page `arrived`, painted `shown`, ms."""
    text = f"{value:,.1f}".replace(",", "\u00a0").replace(".", ",")
    return f"machine-m{unit}={text}"


def _set(server: subprocess.Popen[str], unit: int, value: float) -> float:
    """Write the value; when it was there, wall clock s."""
    assert server.stdin is not None
    server.stdin.write(f"{unit} {value}\n")
    server.stdin.flush()
    return float(line_of(server)) + time.time() - time.monotonic()


async def _changes(page: Any, server: subprocess.Popen[str], devices: int, number: int) -> list[float]:
    rng = random.Random(1)
    await page.evaluate(WATCH)
    took = []
    for step in range(number):
        await asyncio.sleep(rng.uniform(0.3, 0.3 + SCAN_S))
        unit, value = step % devices + 1, 1000.5 + step
        at = await asyncio.to_thread(_set, server, unit, value)
        key = key_of(unit, value)
        await page.wait_for_function("key => window.shown[key] > 0", arg=key, timeout=20_000, polling=50)
        took.append(await page.evaluate("key => window.shown[key]", key) / 1000 - at)
    return took


def benchmark(devices: int = 12, number: int = CHANGES) -> Result:
    """p50, p95 and the longest."""
    result = Result(
        f"From register to pixel, {devices} devices of {TAGS} values each second",
        f"{number} values, each written at a random moment of the cycle, until Chromium painted it on the overview. A poll comes "
        f"up to {SCAN_S:g} s after a change, so half of that is the mean of any system that polls.",
    )

    async def measured(url: str, server: subprocess.Popen[str]) -> list[float]:
        async with chromium() as browser:
            page = await opened(await logged_in(browser, url), url)
            await asyncio.sleep(5.0)
            return await _changes(page, server, devices, number)

    with child("benchmarks.units", str(devices), core=1) as server, tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        plant = Path(folder) / "plant.yaml"
        plant.write_text(plant_text(int(line_of(server)), devices, TAGS, SCAN_S, lines=devices, machines=True))
        with running(Path(folder) / "data", plant=plant, core=0) as product:
            took = asyncio.run(measured(product.url, server))
    p95 = percentile(took, 0.95)
    beside = f"p50 {percentile(took, 0.5):.2f} s, longest {max(took):.2f} s"
    result.add("register to pixel", f"p95 {p95:.2f} s", beside, f"p95 ≤ {SCAN_S + 0.5:g} s", p95 <= SCAN_S + 0.5)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=12)
    parser.add_argument("--changes", type=int, default=CHANGES)
    options = parser.parse_args()
    print(benchmark(options.devices, options.changes).markdown())
