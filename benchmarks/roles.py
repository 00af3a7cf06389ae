"""The roles apart: how much goes through journal, Kafka and ingesters, and a whole plant of simulated meters.

    python -m benchmarks.roles flow [--samples 400000] [--ingesters 1,2,3]
    python -m benchmarks.roles shop [--meters 1000] [--seconds 60] [--ingesters 2]

Real Apache Kafka (one node) and PostgreSQL, everything on this machine: the brokers and the database share its cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer
from sqlalchemy.engine import make_url

from benchmarks.measure import Result, child, cpu_s, line_of, rss_mib
from benchmarks.polling import plant_text
from data_transfer.destination import Directory
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.producer import Kafka
from data_transfer.runner import FeedRunner
from database.intake import EdgeIntake
from database.open import open_database
from database.outbox import DiskOutbox
from domain.plant import Plant, Site, Tag
from domain.sample import Batch
from runtime.clock import SystemClock
from tests.e2e.process import Product, command
from tests.e2e.roles import RoleProcess
from tests.feed_servers import KafkaServer
from tests.servers import PostgreSQL, running_server

TAGS = 20
UNITS_A_SERVER = 200
LINES_A_SERVER = 20
PARTITIONS = 12
T = time.time_ns() // 1000 - 3_600_000_000  # Kafka deletes what is older than its retention, by the time of the sample


def plant_of(ports: Sequence[int], meters: int) -> str:
    """Meters spread over servers of 200 units, 10 meters a connection, each with a machine."""
    plant = json.loads(plant_text(0, meters, TAGS, 1.0, lines=1, machines=True))
    plant["lines"] = [
        {"id": f"l{s}-{n}", "transport": "modbus-tcp", "host": "127.0.0.1", "port": port}
        for s, port in enumerate(ports) for n in range(LINES_A_SERVER)
    ]  # fmt: skip
    for n, device in enumerate(plant["devices"]):
        server, unit = divmod(n, UNITS_A_SERVER)
        device |= {"line": f"l{server}-{unit % LINES_A_SERVER}", "address": unit + 1}
    return json.dumps(plant)


async def registered(url: str, folder: Path, plant: str) -> list[Tag]:
    """The plant imported; its tags."""
    (folder / "plant.yaml").write_text(plant)
    done = await command(folder / "admin", "plant", "import", str(folder / "plant.yaml"), env={"ENERGY_DATABASE__URL": url})
    assert done.code == 0, done
    async with open_database(url, folder / "admin", SystemClock()) as database:
        return list(await database.plants.tags())


async def fill(options: KafkaOptions, folder: Path, tags: Sequence[Tag], samples: int) -> tuple[float, float]:
    """(samples/s, CPU µs a sample) of journal and Kafka: batches put, until the receipt of the last is there."""
    names = Directory()
    names.apply(Plant(Site("Benchmark")), tags)
    runner = FeedRunner("kafka", "", DiskOutbox(folder / "outbox", b"x" * 16, 2**31), Kafka(options, names).open, SystemClock())
    await runner.open()
    intake = EdgeIntake(SystemClock(), [(runner.take, lambda: runner.source)])
    devices: dict[str, list[Any]] = {}
    for tag in tags:
        devices.setdefault(tag.device_id, []).append(tag.id)
    plans = {device: tuple(ids) for device, ids in devices.items()}
    task = asyncio.create_task(runner.run())
    began, cpu, second = time.perf_counter(), cpu_s(), 0
    while intake.taken < samples:
        for n, (device, ids) in enumerate(plans.items()):
            intake.put(Batch(device, T + second * 1_000_000 + n, ids, [second * 0.125 + i for i in range(len(ids))], [0] * len(ids)))
        second += 1
        intake.flush()
        while intake.taken - runner.status().book.taken > 100_000:  # noqa: ASYNC110 - a figure is polled
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
    while runner.status().book.delivered < intake.taken:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    took, used = time.perf_counter() - began, cpu_s() - cpu
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await runner.close()
    return intake.taken / took, used / intake.taken * 1e6


def plain_url(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def rows_of(url: str) -> int:
    connection = await asyncpg.connect(plain_url(url))
    try:
        return int(await connection.fetchval("SELECT coalesce(sum(delivered_count), 0) FROM ingest_position"))
    finally:
        await connection.close()


async def bare(options: KafkaOptions, url: str, ids: dict[str, int], samples: int) -> float:
    """Samples/s of a loop that reads, decodes and inserts the same rows, with no marks, positions, checks or quarantine."""
    connection = await asyncpg.connect(plain_url(url))
    consumer = AIOKafkaConsumer(
        options.samples, bootstrap_servers=options.bootstrap, group_id="bare", auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    began, count = 0.0, 0
    while count < samples:
        got = await consumer.getmany(timeout_ms=500, max_records=2000)
        began = began or time.perf_counter()
        tag_ids, times, values, qualities = [], [], [], []
        for records in got.values():
            for record in records:
                message = json.loads(record.value)
                for sample in message["samples"]:
                    tag_ids.append(ids[f"{message['device']}.{sample['tag']}"])
                    times.append(message["time_us"])
                    values.append(sample["value"])
                    qualities.append(0)
        await connection.execute(
            "INSERT INTO sample (tag_id, time_us, value, quality) SELECT * FROM unnest($1::int[], $2::bigint[], $3::float8[], "
            "$4::smallint[]) ON CONFLICT DO NOTHING", tag_ids, times, values, qualities,
        )  # fmt: skip
        await consumer.commit()
        count += len(values)
    took = time.perf_counter() - began
    await consumer.stop()
    await connection.close()
    return count / took


async def ingested(common: dict[str, str], folder: Path, url: str, count: int, samples: int) -> tuple[float, float]:
    """(samples/s, CPU µs a sample) of so many ingesters over everything in the topic, from their first commit on."""
    found = [RoleProcess("ingest", folder / f"ingest{count}-{n}", **{**common, "DATABASE__URL": url}) for n in range(count)]
    for one in found:
        await one.start()
    try:
        while not (first := await rows_of(url)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        began, cpu = time.perf_counter(), sum(cpu_s(one.process.pid) for one in found if one.process)
        while await rows_of(url) < samples:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        took = time.perf_counter() - began
        used = sum(cpu_s(one.process.pid) for one in found if one.process) - cpu
    finally:
        for one in found:
            await one.close()
    return (samples - first) / took, used / (samples - first) * 1e6


async def flow(kafka: KafkaServer, database: PostgreSQL, folder: Path, samples: int, counts: Sequence[int]) -> Result:
    """Through journal and Kafka, then into the tables by 1, 2, 3 ingesters, beside a bare loop."""
    result = Result("Roles: journal, Kafka, ingesters", f"{samples} samples in messages of {TAGS}, {PARTITIONS} partitions, PostgreSQL.")
    url = database.new_url()
    plant = plant_of([1], UNITS_A_SERVER)
    tags = await registered(url, folder, plant)
    options = KafkaOptions(kafka.bootstrap, "flow", partitions=PARTITIONS)
    rate, cpu = await fill(options, folder, tags, samples)
    result.add("through journal and Kafka, samples/s", f"{rate:,.0f}", f"{cpu:.1f} µs of CPU each")
    print(result.rows[-1], flush=True)
    samples -= samples % (TAGS * UNITS_A_SERVER)
    loop = await bare(options, url, {tag.name: tag.id for tag in tags}, samples)
    common = {"KAFKA__BOOTSTRAP": kafka.bootstrap, "KAFKA__TOPIC_PREFIX": "flow"}
    for count in counts:
        mine = database.new_url()
        await registered(mine, folder, plant)
        rate, cpu = await ingested(common, folder, mine, count, samples)
        result.add(f"{count} ingesters, samples/s", f"{rate:,.0f}", f"bare loop {loop:,.0f}; {cpu:.1f} µs of CPU each")
        print(result.rows[-1], flush=True)
    return result


async def shop(kafka: KafkaServer, database: PostgreSQL, folder: Path, meters: int, seconds: float, ingesters: int) -> Result:
    """All roles over simulated meters."""
    url = database.new_url()
    result = Result(f"Roles: {meters} meters, {TAGS} values each, every second", f"collect, {ingesters} ingest, web; {seconds:.0f} s.")
    with contextlib.ExitStack() as stack:
        sizes = [min(UNITS_A_SERVER, meters - at) for at in range(0, meters, UNITS_A_SERVER)]
        servers = [stack.enter_context(child("benchmarks.units", str(size))) for size in sizes]
        await registered(url, folder, plant_of([int(line_of(server)) for server in servers], meters))
        common = {"DATABASE__URL": url, "KAFKA__BOOTSTRAP": kafka.bootstrap, "KAFKA__TOPIC_PREFIX": "shop", "KAFKA__PARTITIONS": str(PARTITIONS)}
        processes = [RoleProcess("collect", folder / "collect", **common)]
        processes += [RoleProcess("ingest", folder / f"ingest{n}", **common) for n in range(ingesters)]
        web = Product(folder / "web", "web", ROLE__NAME="web", **common)
        web.starts_s = 180.0  # all start at once, with the meters and the servers
        async with _running(processes, web):
            await asyncio.sleep(15.0)
            pids = {p.folder.name: p.process.pid for p in [*processes] if p.process} | {"web": web.process.pid if web.process else 0}
            cpu, rows, began = {name: cpu_s(pid) for name, pid in pids.items()}, await rows_of(url), time.perf_counter()
            await asyncio.sleep(seconds)
            took = time.perf_counter() - began
            result.add("samples/s into the tables", f"{(await rows_of(url) - rows) / took:,.0f}", f"{meters * TAGS:,} asked for")
            result.add("newest row is behind by, s", f"{await _behind_s(url):.1f}")
            for name, pid in pids.items():
                result.add(f"{name}: CPU, share of a core", f"{(cpu_s(pid) - cpu[name]) / took:.0%}", f"{rss_mib(pid):.0f} MiB")
            for process in processes:
                status = process.status()
                result.add(f"{process.folder.name}: waiting", str(status["waiting"]), str(status["state"]))
            print(result.markdown(), flush=True)
            live = (await web.get("/api/data/latest", tag="d1.active_power"))["items"]
            result.add("web: the live value's time", str(live[0]["time"] if live else None), time.strftime("now %H:%M:%S", time.gmtime()))
    return result


async def _behind_s(url: str) -> float:
    connection = await asyncpg.connect(plain_url(url))
    try:
        newest = await connection.fetchval("SELECT max(time_us) FROM sample WHERE tag_id = (SELECT min(id) FROM tag)")
        return time.time() - newest / 1e6
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _running(processes: Sequence[RoleProcess], web: Product) -> AsyncIterator[None]:
    try:
        for process in processes:
            await process.start()
        await web.start()
        yield
    finally:
        for process in processes:
            await process.close()
        await web.close()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.roles")
    parser.add_argument("what", choices=("flow", "shop"))
    parser.add_argument("--samples", type=int, default=400_000)
    parser.add_argument("--ingesters", default="")
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    with running_server(KafkaServer) as kafka, running_server(PostgreSQL) as database, tempfile.TemporaryDirectory() as folder:
        if options.what == "flow":
            counts = [int(part) for part in (options.ingesters or "1,2,3").split(",")]
            made = asyncio.run(flow(kafka, database, Path(folder), options.samples, counts))
        else:
            made = asyncio.run(shop(kafka, database, Path(folder), options.meters, options.seconds, int(options.ingesters or "2")))
    print(made.markdown())


if __name__ == "__main__":
    main(sys.argv[1:])
