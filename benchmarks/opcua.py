"""OPC UA client: 5 000 monitored items that all change each second; CPU of the client, and the time from source to processed.

    .venv/bin/python -m benchmarks.opcua [--items 5000] [--seconds 30]

The server runs in a process of its own; the client is the product's collector and processing, without a database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import socket
import time
from datetime import UTC, datetime

import numpy as np

URI = "urn:benchmark"
DEVICES = 50


async def _serve(port: int, items: int, ready: object) -> None:
    from asyncua import Server, ua

    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    ids = [ua.NodeId(f"v{n}", index) for n in range(items)]
    for n, node in enumerate(ids):
        if n % 100 == 0:  # a folder's list of children is searched at each addition
            folder = await server.nodes.objects.add_folder(index, f"Values {n}")
        await folder.add_variable(node, ua.QualifiedName(f"v{n}", index), 0.0)
    async with server:
        ready.set()  # type: ignore[attr-defined]
        value = 0.0
        due = time.monotonic()
        while True:
            value += 1.0
            for start in range(0, items, 250):  # spread over the second, as a control's variables are
                now = datetime.now(UTC).replace(tzinfo=None)
                for node in ids[start : start + 250]:
                    data = ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=now)
                    await server.write_attribute_value(node, data)
                await asyncio.sleep(0.02)
            due += 1.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _server(port: int, items: int, ready: object) -> None:
    asyncio.run(_serve(port, items, ready))


async def _measure(port: int, items: int, seconds: float) -> dict[str, float]:
    from data_collection.collector import Collector
    from data_processing.processor import Processing
    from domain.places.opcua import OpcUaPlace
    from domain.plant import Device, Line, Plant, Site
    from domain.profile import Point, Profile
    from domain.quantity import Quantity
    from domain.registry import tags_of_plant
    from domain.sample import Reading
    from runtime.clock import SystemClock

    each = items // DEVICES
    devices = [
        Device(f"d{d}", "l", Profile(f"p{d}", {}, "", "opcua", "", "M", tuple(
            Point(f"v{n}", Quantity.OTHER, "1", OpcUaPlace(f"ns=2;s=v{n}", URI)) for n in range(d * each, (d + 1) * each)
        )))
        for d in range(DEVICES)
    ]  # fmt: skip
    plant = Plant(Site("s"), lines=(Line("l", "opcua", {"url": f"opc.tcp://127.0.0.1:{port}"}),), devices=tuple(devices))
    processing = Processing(plant, tags_of_plant(plant))
    clock = SystemClock()
    lags: list[tuple[float, int]] = []
    last: dict[str, float | None] = {}
    counting = False

    def take(reading: Reading) -> None:
        processing.process(reading)
        if counting and reading.values and last.get(reading.device_id) != reading.values[0]:  # not what is only confirmed
            last[reading.device_id] = reading.values[0]
            lags.append(((clock.now_us() - reading.time_us) / 1e3, len(reading.points)))

    collector = Collector(clock, take)
    collector.apply(plant)
    task = asyncio.create_task(collector.run())
    while sum(status.state == "online" for status in collector.devices()) < DEVICES:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.2)
    await asyncio.sleep(5.0)
    counting = True
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    counting = False
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    lag = np.repeat([lag for lag, _ in lags], [n for _, n in lags])
    told = [n for _, n in lags]
    return {
        "items": items, "samples_per_s": sum(told) / wall, "readings_per_s": len(told) / wall, "cpu_percent": 100 * cpu / wall,
        "lag_p50_ms": float(np.percentile(lag, 50)), "lag_p99_ms": float(np.percentile(lag, 99)),
    }  # fmt: skip


def main() -> None:
    """Run it and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    server = context.Process(target=_server, args=(port, options.items, ready), daemon=True)
    server.start()
    ready.wait(60)
    try:
        print(json.dumps(asyncio.run(_measure(port, options.items, options.seconds))))
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
