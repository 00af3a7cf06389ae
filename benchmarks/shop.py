"""All protocols at once: the machine tools of docs/examples and 50 meters each second; does the cadence hold? `python -m benchmarks.shop`.

`main.py simulate` plays the plant in a process of its own on one core, `main.py serve` reads it on the other. Beside it the same 50 meters
alone: what they cost and how late they are polled without the other protocols.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmarks.measure import ROOT, Result, pin
from benchmarks.nominal import stretch
from benchmarks.product import running
from tests.ports import free_port

EXAMPLE = ROOT / "docs" / "examples" / "machine-tools.yaml"
METERS, METER_LINES, SECONDS, WARM_UP_S = 50, 5, 40.0, 30.0


def plant_of(*, tools: bool) -> dict[str, Any]:
    """50 meters behind five gateways, with or without the machine tools; every line at a free port."""
    plant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    if not tools:
        plant |= {"lines": [], "devices": [], "machines": []}
    for line in plant["lines"]:
        if "url" in line:
            line["url"] = urlsplit(line["url"])._replace(netloc=f"127.0.0.1:{free_port()}").geturl()
        else:
            line["port"] = free_port()
    plant["lines"] += [{"id": f"gate{n}", "transport": "modbus-tcp", "host": "127.0.0.1", "port": free_port()} for n in range(METER_LINES)]
    plant["devices"] += [{"id": f"meter{n}", "profile": "mercury-234-modbus", "line": f"gate{n % METER_LINES}", "address": n + 1, "scan_s": 1}
                         for n in range(METERS)]
    plant["machines"] += [{"id": f"own{n}", "name": f"Станок {n}", "meter": f"meter{n}", "rated_kw": 11,
                           "states": {"idle_above_kw": 0.3, "production_above_kw": 2.5}} for n in range(METERS)]
    return plant


@contextmanager
def simulated(plant: Path) -> Iterator[None]:
    """`main.py simulate` on the second core."""
    process = subprocess.Popen([sys.executable, "main.py", "simulate", str(plant)], cwd=ROOT, stdout=subprocess.DEVNULL,
                               preexec_fn=lambda: pin(1), env=os.environ)  # noqa: PLW1509 - no thread of ours runs yet
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _found(plant: dict[str, Any], seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        file = Path(folder) / "plant.yaml"
        file.write_text(yaml.safe_dump(plant, allow_unicode=True), encoding="utf-8")
        with simulated(file), running(Path(folder) / "data", plant=file, core=0) as product:

            async def measured() -> dict[str, Any]:
                await asyncio.sleep(WARM_UP_S)
                return await stretch(product, seconds, f"{len(plant['devices'])} devices")

            found = asyncio.run(measured())
    found["expected"] = sum(found["wall_s"] / device["scan_s"] for device in plant["devices"])
    return found


def benchmark(seconds: float = SECONDS) -> Result:
    """Lateness, polls, CPU."""
    result = Result(
        "All protocols at once", f"{METERS} meters each second on {METER_LINES} Modbus TCP gateways, and two or more machines each on OPC UA, S7, "
        f"LSV2, MQTT, MTConnect, TCP frames, Modbus ASCII and Mercury's own protocol, as `docs/examples/machine-tools.yaml` has them; {seconds:.0f} s.",
    )
    alone, together = _found(plant_of(tools=False), seconds), _found(plant_of(tools=True), seconds)
    polls = together["polls"] / together["expected"]
    beside = f"meters alone p99 {alone['late_p99_ms']:.1f} ms; p50 {together['late_p50_ms']:.1f} ms, p99.9 {together['late_p999_ms']:.0f} ms"
    result.add("polls late", f"p99 {together['late_p99_ms']:.1f} ms", beside, "p99 ≤ 100 ms", together["late_p99_ms"] <= 100)
    missing = ", ".join(together["not_online"]) or "none"
    result.add("polls done", f"{polls:.1%} of those due", f"meters alone {alone['polls'] / alone['expected']:.1%}; devices not online: {missing}",
               "≥ 99 %, all online", polls >= 0.99 and not together["not_online"])
    cpu = f"meters alone {alone['cpu_share']:.0%}; {together['samples_s']:,.0f} samples/s; {together['rss_mib']:.0f} MiB"
    result.add("CPU", f"{together['cpu_share']:.0%} of one core", cpu)
    result.add("event-loop lag", f"p99 {together['lag_p99_ms']:.1f} ms", f"longest {together['lag_max_ms']:.0f} ms, meters alone {alone['lag_p99_ms']:.1f} ms (p99)")
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    print(benchmark(parser.parse_args().seconds).markdown())
