"""How fast a feed drains its outbox: points/s to a real InfluxDB 1.x and VictoriaMetrics, beside bare posts of ready-made bodies.

    python -m benchmarks.feeds [samples]
"""

from __future__ import annotations

import asyncio
import gzip
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from data_transfer.influxdb.lines import Encoder
from data_transfer.influxdb.writer import LINES_AT_ONCE, InfluxDB, InfluxOptions
from domain.feed import Parcel
from domain.plant import Machine, Plant, Site, Tag
from domain.quantity import Quantity
from domain.sample import Batch, TagId
from tests.data_transfer.plant import Directory, kept, runner
from tests.feed_servers import InfluxServer, VictoriaServer
from tests.servers import running_server

T = 1_763_548_800_000_000
DEVICES, TAGS_EACH = 20, 50


def plant() -> tuple[Directory, list[tuple[TagId, ...]]]:
    names = Directory()
    ids = [tuple(TagId(device * TAGS_EACH + n + 1) for n in range(TAGS_EACH)) for device in range(DEVICES)]
    tags = [
        Tag(tag, f"m{device}.t{n}", f"m{device}", f"t{n}", Quantity.VOLTAGE, "V")
        for device, row in enumerate(ids) for n, tag in enumerate(row)
    ]  # fmt: skip
    machines = tuple(Machine(f"machine-{n}", f"Machine {n}", "Turning", f"m{n}") for n in range(DEVICES))
    names.apply(Plant(Site("Shop"), machines=machines), tags)
    return names, ids


def second(number: int, ids: Sequence[tuple[TagId, ...]]) -> list[Batch]:
    """One second of nominal load: 1 000 samples of 20 devices."""
    us = T + number * 1_000_000
    return [Batch(f"m{d}", us + d, row, [230.0 + (number * 7 + n) % 100 / 10 for n in range(len(row))], [0] * len(row)) for d, row in enumerate(ids)]


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def drain(url: str, samples: int) -> tuple[float, float]:
    """(points/s, CPU µs a point) of the feed."""
    names, ids = plant()
    influx = InfluxDB(InfluxOptions(url), names)
    with tempfile.TemporaryDirectory() as folder:
        one = runner("influxdb", influx.open, Path(folder))
        await one.open()
        per_second = DEVICES * TAGS_EACH
        for number in range(samples // per_second):
            one.take(kept(number + 1, second(number, ids), number * per_second))
            await one._flush()
        began, cpu = time.perf_counter(), cpu_s()
        task = asyncio.create_task(one.run())
        while one.status().book.delivered < samples:  # noqa: ASYNC110 - a figure is polled
            await asyncio.sleep(0.01)
        took, used = time.perf_counter() - began, cpu_s() - cpu
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.close()
    return samples / took, used / samples * 1e6


async def bare(url: str, samples: int) -> float:
    """Points/s of posting the same bodies, made and compressed before."""
    names, ids = plant()
    rows = [row for number in range(samples // (DEVICES * TAGS_EACH)) for b in second(number, ids) for row in zip(b.tag_ids, [b.time_us] * len(b), b.values, b.qualities, strict=True)]
    lines, _refused = Encoder(names).lines(Parcel(1, rows))
    bodies = [gzip.compress(b"\n".join(x.data for x in lines[i : i + LINES_AT_ONCE]), 1) for i in range(0, len(lines), LINES_AT_ONCE)]
    async with httpx.AsyncClient(timeout=60) as client:
        began = time.perf_counter()
        for body in bodies:
            (await client.post(f"{url}/write?db=energy&precision=u", content=body, headers={"Content-Encoding": "gzip"})).raise_for_status()
        return samples / (time.perf_counter() - began)


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    for kind in (InfluxServer, VictoriaServer):
        with running_server(kind) as server:
            rate, cost = asyncio.run(drain(server.base, samples))
            print(f"{server.name}: {rate:,.0f} points/s through the feed, {cost:.1f} µs of CPU a point; bare posts {asyncio.run(bare(server.base, samples)):,.0f} points/s")


if __name__ == "__main__":
    main()
