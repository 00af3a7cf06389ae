"""OPC UA: 5 000 monitored items that all change each second, through the whole product; CPU, and the time from source to kept.

`python -m benchmarks.opcua [--items 5000] [--seconds 20]`. The server (benchmarks.opcua_source) runs in a process of its own. Beside it
asyncua's own client with the same items, which looks at nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from benchmarks.kept import online, product
from benchmarks.measure import Result, answer, child, line_of
from benchmarks.opcua_source import URI

DEVICES, ITEMS, SECONDS, WARM_UP_S, BARE_S = 50, 5000, 20.0, 6.0, 10.0


def plant_text(port: int, items: int) -> str:
    """`DEVICES` devices with the same number of items each, on one session."""
    each = items // DEVICES
    devices = [
        {"id": f"d{d}", "line": "l", "scan_s": 1.0, "points": [
            {"tag": f"v{n}", "quantity": "other", "unit": "1", "node": f"ns=2;s=v{n}", "namespace": URI} for n in range(d * each, (d + 1) * each)
        ]} for d in range(DEVICES)
    ]  # fmt: skip
    line = {"id": "l", "transport": "opcua", "url": f"opc.tcp://127.0.0.1:{port}", "timeout_s": 10, "connect_timeout_s": 60}
    return json.dumps({"site": {"name": "Benchmark"}, "lines": [line], "devices": devices})


async def _part(port: int, items: int, seconds: float) -> dict[str, Any]:
    async with product(plant_text(port, items)) as kept:
        await online(kept, DEVICES)
        await asyncio.sleep(WARM_UP_S)
        return await kept.stretch(seconds)


class _Ignore:
    """Takes what asyncua's client hands on."""

    came = 0

    def datachange_notification(self, _node: Any, _value: Any, _data: Any) -> None:
        self.came += 1


async def _bare(port: int, items: int, seconds: float) -> dict[str, Any]:
    """asyncua alone on the same items."""
    from asyncua import Client, ua

    ignore = _Ignore()
    async with Client(f"opc.tcp://127.0.0.1:{port}", timeout=60) as client:
        index = await client.get_namespace_index(URI)
        subscription = await client.create_subscription(250, ignore)
        nodes = [client.get_node(ua.NodeId(f"v{n}", index)) for n in range(items)]
        for first in range(0, items, 500):
            await subscription.subscribe_data_change(nodes[first : first + 500])
        await asyncio.sleep(WARM_UP_S)
        cpu, wall, before = time.process_time(), time.monotonic(), ignore.came
        await asyncio.sleep(seconds)
        cpu, wall, came = time.process_time() - cpu, time.monotonic() - wall, ignore.came - before
    return {"cpu_share": cpu / wall, "samples_s": came / wall, "cpu_us": 1e6 * cpu / max(1, came)}


def benchmark(items: int = ITEMS, seconds: float = SECONDS) -> Result:
    """One row of CPU, one of time."""
    result = Result(
        "OPC UA", f"{items} items of {DEVICES} devices on one session, each changes once a second; the whole product but the pages, "
        "SQLite with synchronous FULL. The server puts its changes into the publish responses as bytes.",
    )
    for moments, told in ((DEVICES, "those of a device at one moment"), (items, "each at a moment of its own")):
        with child("benchmarks.opcua_source", str(items), str(moments), core=1) as server:
            port = line_of(server)
            found = answer("benchmarks.opcua", "--port", port, "--items", str(items), "--seconds", str(seconds), core=0)
        with child("benchmarks.opcua_source", str(items), str(moments), core=1) as server:
            asked = ("--bare", "--port", line_of(server), "--items", str(items), "--seconds", str(min(seconds, BARE_S)))
            bare = answer("benchmarks.opcua", *asked, core=0)
        _tell(result, told, found, bare, came=found["samples_s"] >= 0.98 * items, judged=moments == DEVICES)
    return result


def _tell(result: Result, told: str, found: dict[str, Any], bare: dict[str, Any], *, came: bool, judged: bool) -> None:
    def add(what: str, figure: str, beside: str, goal: str, met: bool) -> None:
        result.add(f"{what}, {told}", figure, beside, goal if judged else "", met and came if judged else None)

    each = f"{found['samples_s']:,.0f} samples/s, {found['cpu_us']:.0f} µs each; asyncua's client alone {bare['cpu_share']:.0%}, {bare['cpu_us']:.0f} µs each"
    add("CPU", f"{found['cpu_share']:.0%} of one core", each, "≤ 40 %", found["cpu_share"] <= 0.4)
    add("from source to kept", f"p99 {found['lag_p99_ms']:.0f} ms", f"p50 {found['lag_p50_ms']:.0f} ms", "p99 ≤ 1 s", found["lag_p99_ms"] <= 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    if options.port:
        part = _bare if options.bare else _part
        print(json.dumps(asyncio.run(part(options.port, options.items, options.seconds))))
    else:
        print(benchmark(options.items, options.seconds).markdown())


if __name__ == "__main__":
    main()
