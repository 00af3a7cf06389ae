"""What the live analysis of a shop costs: states, limits, silence, virtual tags, detectors. `python -m benchmarks.live_analysis`.

The product's own parts are fed with batches as processing would hand them on, second by second of a clock that runs as fast as the
machine can: CPU time over the played time is the share of one core. Nothing is read from devices and no sample is written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from application.build import Application, open_application
from application.common import cli_actor
from benchmarks.measure import Result
from benchmarks.polling import plant_text
from config.settings import Settings
from domain.sample import Batch, TagId
from tests.e2e.play_clock import PlayClock

DEVICES, TAGS, LIMITS, VIRTUAL = 100, 20, 500, 50
START_US = 1_763_548_800_000_000
PARTS = ("analysis", "virtual", "detectors")
LIMITED = ("active_power", "voltage_l1", "voltage_l2", "current_l1", "frequency")


def _plant() -> str:
    plant: dict[str, Any] = json.loads(plant_text(1502, DEVICES, TAGS, 1.0, lines=10, machines=True))
    per_device = LIMITS // DEVICES
    plant["limits"] = [
        {"tag": f"d{n + 1}.{point}", "high": 90000, "low": -90000, "hysteresis": 1, "on_delay_s": 5}
        for n in range(DEVICES) for point in LIMITED[:per_device]
    ]  # fmt: skip
    plant["virtual_tags"] = [
        {"tag": f"v{n + 1}.power", "formula": f"d{2 * n + 1}.active_power + d{2 * n + 2}.active_power", "unit": "kW",
         "quantity": "active_power"}
        for n in range(VIRTUAL)
    ]
    return json.dumps(plant, ensure_ascii=False)


class _Meters:
    """What the devices would show: power that works and idles, voltages and currents that move."""

    def __init__(self, app: Application) -> None:
        ids: dict[str, list[tuple[TagId, str]]] = {}
        for tag in app.live.tags():
            if tag.device_id.startswith("d"):
                ids.setdefault(tag.device_id, []).append((tag.id, tag.point))
        self._devices = [
            (name, tuple(i for i, _ in tags), [point for _, point in tags], number) for number, (name, tags) in enumerate(ids.items())
        ]

    def second(self, step: int, time_us: int) -> list[Batch]:
        found = []
        for name, tag_ids, points, number in self._devices:
            busy = (step + 37 * number) % 600 < 400
            power = (6.0 if busy else 0.8) + 0.3 * math.sin(step / 7 + number)
            base = {"active_power": power, "voltage": 230 + math.sin(step / 11), "frequency": 50.0, "power_factor": 0.8}
            values = [base.get(point, base.get(point.rpartition("_l")[0], power / 3)) for point in points]
            found.append(Batch(name, time_us, tag_ids, values, [0] * len(tag_ids)))
        return found


def _timed(sink: Callable[[Batch], None], spent: Counter[str], name: str) -> Callable[[Batch], None]:
    def call(batch: Batch) -> None:
        began = time.perf_counter()
        sink(batch)
        spent[name] += time.perf_counter() - began

    return call


async def _play(app: Application, clock: PlayClock, meters: _Meters, seconds: int) -> tuple[float, Counter[str]]:
    """CPU seconds of the analysis, and of its intake by part."""
    spent: Counter[str] = Counter()
    sinks = [(name, _timed(sink, spent, name)) for name, sink in app.bus._sinks if name in PARTS]
    app.bus._sinks[:] = sinks
    made, whole = 0.0, time.process_time()
    for step in range(seconds):
        began = time.process_time()
        batches = meters.second(step, clock.now_us())
        made += time.process_time() - began
        for batch in batches:
            app.bus.publish(batch)
        clock.jump(1.0)
        for _ in range(20):
            await asyncio.sleep(0)
        if step % 10 == 0:
            await asyncio.sleep(0.01)  # threads of the store
    return time.process_time() - whole - made, spent


async def _measure(folder: Path, seconds: int) -> tuple[float, Counter[str]]:
    clock = PlayClock(START_US)
    async with open_application(Settings(data_dir=folder), clock, {}, connect={}) as app:
        await app.plant.import_yaml(_plant(), cli_actor())
        jobs = [asyncio.create_task(app.jobs[name]()) for name in PARTS]
        await asyncio.sleep(0.5)
        meters = _Meters(app)
        await _play(app, clock, meters, 60)  # warm: plans compiled, first states stored
        found = await _play(app, clock, meters, seconds)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    return found


def benchmark(seconds: int = 600) -> Result:
    """Share of one core."""
    result = Result(
        f"Live analysis of {DEVICES * TAGS:,} tags each second",
        f"{DEVICES} devices of {TAGS} values, {DEVICES} machines with states, limits on {LIMITS} tags, {VIRTUAL} virtual tags, all "
        f"detectors, storing of states and findings included; {seconds} s played.",
    )
    with tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        cpu, spent = asyncio.run(_measure(Path(folder), seconds))
    share = cpu / seconds
    parts = ", ".join(f"{name} {1e3 * s / seconds:.1f} ms" for name, s in spent.most_common())
    result.add("CPU", f"{share:.1%} of one core", f"intake each second: {parts}", "≤ 10 %", share <= 0.1)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=600)
    print(benchmark(parser.parse_args().seconds).markdown())
