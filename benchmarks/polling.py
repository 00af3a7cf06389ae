"""Polling over Modbus TCP: the whole way from poll to stored, beside a bare client and a plain pymodbus loop.

`python -m benchmarks.polling`. A transaction reads 10 float32 values. The product judges them, keeps them (journal and SQLite,
synchronous FULL), rolls them up, watches limits and shows them live; both peers throw the bytes away. The server runs in a
process of its own on the other core.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from benchmarks.measure import Result, answer, child, cpu_s, line_of, median, rss_mib

TAGS = 10
SECONDS = 6.0
ROUNDS = 3
PACED_POLLS_S = 2000.0
WARM_UP_S = 4.0
PARTS = ("bare", "pymodbus", "product")


# -- the peers ---------------------------------------------------------------------------------------------------------------


class _Bare(asyncio.Protocol):
    """Sends a request, takes the bytes of the reply for it, looks at nothing."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(data)


async def _bare(port: int, unit: int, until: float) -> int:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(_Bare, "127.0.0.1", port)
    request = b"\0\1\0\0\0\6" + bytes((unit, 3, 0, 0, 0, 2 * TAGS))
    count = 0
    while time.monotonic() < until:
        protocol.waiting = loop.create_future()
        transport.write(request)
        await protocol.waiting
        count += 1
    transport.close()
    return count


async def _pymodbus(port: int, unit: int, until: float) -> int:
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0)
    await client.connect()
    count = 0
    while time.monotonic() < until:
        reply = await client.read_holding_registers(0, count=2 * TAGS, device_id=unit)
        if reply.isError():
            raise RuntimeError(str(reply))
        count += 1
    client.close()
    return count


async def _peer(one: Callable[[int, int, float], Awaitable[int]], port: int, connections: int, seconds: float) -> dict[str, Any]:
    began, cpu = time.monotonic(), cpu_s()
    counts = await asyncio.gather(*(one(port, n + 1, began + seconds) for n in range(connections)))
    took = time.monotonic() - began
    return {"transactions": sum(counts), "wall_s": took, "cpu_s": cpu_s() - cpu}


# -- the product -------------------------------------------------------------------------------------------------------------


def plant_text(port: int, devices: int, tags: int, scan_s: float, *, lines: int, machines: bool = False) -> str:
    """A plant file: devices with float32 values, spread over so many connections to one server."""
    kinds = ("active_power", "active_power_l1", "active_power_l2", "active_power_l3", "voltage_l1", "voltage_l2", "voltage_l3",
             "current_l1", "current_l2", "current_l3", "reactive_power", "reactive_power_l1", "reactive_power_l2",
             "reactive_power_l3", "apparent_power", "apparent_power_l1", "apparent_power_l2", "apparent_power_l3", "frequency",
             "power_factor")
    units = {"active": "kW", "reactive": "kvar", "apparent": "kVA", "voltage": "V", "current": "A", "frequency": "Hz",
             "power": "1"}
    points = []
    for number, kind in enumerate(kinds[:tags]):
        quantity = kind.rpartition("_l")[0] if kind[-3:-1] == "_l" else kind
        unit = units[kind.partition("_")[0]]
        points.append({"tag": kind, "quantity": quantity, "unit": unit, "table": "holding", "address": 2 * number,
                       "type": "float32", "plausible": [-100000, 100000], "group": "fast"})
    plant: dict[str, Any] = {
        "site": {"name": "Benchmark", "timezone": "Europe/Moscow"},
        "shifts": [{"name": str(n + 1), "start": f"{8 * n:02d}:00", "end": f"{8 * n + 8:02d}:00"} for n in range(3)],
        "lines": [{"id": f"l{n + 1}", "transport": "modbus-tcp", "host": "127.0.0.1", "port": port} for n in range(lines)],
        "devices": [
            {"id": f"d{n + 1}", "line": f"l{n % lines + 1}", "address": n + 1, "scan_s": scan_s, "points": points}
            for n in range(devices)
        ],
    }
    if machines:
        plant["machines"] = [
            {"id": f"m{n + 1}", "name": f"Станок {n + 1}", "meter": f"d{n + 1}", "rated_kw": 100,
             "states": {"idle_above_kw": 0.3, "production_above_kw": 1.3}} for n in range(devices)
        ]
        plant["limits"] = [{"tag": f"d{n + 1}.active_power", "high": 90000} for n in range(devices)]
    return json.dumps(plant, ensure_ascii=False)  # JSON is YAML


async def _product(port: int, connections: int, seconds: float, polls_s: float | None) -> dict[str, Any]:
    """Polls without pause, or `polls_s` a second over all connections, for so long; then until all is in the tables."""
    from application.build import open_application
    from application.common import cli_actor
    from config.settings import Settings
    from runtime.clock import SystemClock

    with tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        settings = Settings(data_dir=Path(folder))
        async with open_application(settings, SystemClock(), {}) as app:
            await app.plant.import_yaml(plant_text(port, connections, TAGS, 0.05, lines=connections), cli_actor())
            plant = app.plant.plant
            scan_s = connections / polls_s if polls_s else 0.0
            app.collector.apply(replace(plant, devices=tuple(replace(d, scan_s=scan_s) for d in plant.devices)))
            jobs = {name: job for name, job in app.jobs.items() if name != "collector"}
            others = asyncio.create_task(app.supervisor.run(jobs))
            await asyncio.sleep(1.0)
            gc.collect()
            collecting = asyncio.create_task(app.collector.run())
            if polls_s:
                await asyncio.sleep(WARM_UP_S)  # lines start one after the other
            began, cpu, before = time.monotonic(), cpu_s(), app.processing.read
            await asyncio.sleep(seconds)
            polled, cpu_polled, read = time.monotonic() - began, cpu_s() - cpu, app.processing.read - before
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)
            await app.database.writer.settled()
            found = {"polling_s": polled, "cpu_polling_s": cpu_polled, "samples": read, "rss_mib": rss_mib()}
            found |= {"wall_s": time.monotonic() - began, "cpu_s": cpu_s() - cpu, "transactions": read // TAGS}
            lateness = app.collector.lateness()
            others.cancel()
            await asyncio.gather(others, return_exceptions=True)
            books = app.database.writer.books()
        found |= {"read": books.read, "rows": _rows(Path(folder)), "late_p99_ms": lateness.p99_ms}
    return found


def _rows(folder: Path) -> int:
    import sqlite3

    with sqlite3.connect(next(folder.glob("*.db"))) as connection:
        return int(connection.execute("SELECT count(*) FROM sample WHERE quality = 0").fetchone()[0])


# -- putting them side by side -----------------------------------------------------------------------------------------------


def _part(options: argparse.Namespace) -> None:
    if options.part == "product":
        work = _product(options.port, options.connections, options.seconds, options.polls)
    else:
        one = _bare if options.part == "bare" else _pymodbus
        work = _peer(one, options.port, options.connections, options.seconds)
    print(json.dumps(run(work, uvloop=options.loop == "uvloop")))


def run(work: Any, *, uvloop: bool) -> Any:
    """On the loop that the product runs on, or on asyncio's own."""
    if uvloop:
        import uvloop as faster

        with asyncio.Runner(loop_factory=faster.new_event_loop) as runner:
            return runner.run(work)
    return asyncio.run(work)


def _measure(part: str, port: int, connections: int, *more: str, seconds: float) -> dict[str, Any]:
    return answer("benchmarks.polling", "--part", part, "--port", str(port), "--connections", str(connections),
                  "--seconds", str(seconds), *more, core=0)


def benchmark(seconds: float = SECONDS, rounds: int = ROUNDS) -> Result:
    """All figures; the parts take turns so that a busy moment of the machine hits all of them."""
    result = Result(
        "Polling over Modbus TCP",
        f"{TAGS} float32 values a transaction, SQLite with synchronous FULL, the server in a process of its own on the other core, "
        "each client kept on one core with all its threads. Transactions a second, in brackets microseconds of CPU time a "
        "transaction. The product's time ends when everything polled is in the tables. Median of the rounds; the clients took turns.",
    )
    lost = 0
    with child("benchmarks.units", "50", core=1) as server:
        port = int(line_of(server))
        for connections in (1, 50):
            found: dict[str, list[dict[str, Any]]] = {}
            for _ in range(rounds):
                for part in PARTS:
                    one = _measure(part, port, connections, seconds=seconds)
                    found.setdefault(part, []).append(one)
                    print(connections, part, one, flush=True)
            _compare(result, connections, found)
            lost += sum(abs(p["read"] - p["rows"]) for p in found["product"])
        paced = [_measure("product", port, 50, "--polls", str(PACED_POLLS_S), seconds=2 * seconds) for _ in range(rounds)]
        print(paced, flush=True)
    share = median([p["cpu_polling_s"] / p["polling_s"] for p in paced])
    rate = median([p["samples"] / p["polling_s"] for p in paced])
    late = median([p["late_p99_ms"] for p in paced])
    result.add(f"{PACED_POLLS_S:.0f} polls/s asked for, 50 connections", f"{rate:,.0f} samples/s on {share:.0%} of one core",
               f"polls late by {late:.1f} ms (p99)", "≥ 20 000 on ≤ 60 %", rate >= 0.995 * 20_000 and share <= 0.6)
    lost += sum(abs(p["read"] - p["rows"]) for p in paced)
    result.add("values read and not in the table afterwards", str(lost), "all rounds", "0", lost == 0)
    return result


def _compare(result: Result, connections: int, found: dict[str, list[dict[str, Any]]]) -> None:
    rate = {part: median([f["transactions"] / f["wall_s"] for f in runs]) for part, runs in found.items()}
    cpu = {part: median([1e6 * f["cpu_s"] / f["transactions"] for f in runs]) for part, runs in found.items()}
    beside = {"bare": "bare asyncio client", "pymodbus": "pymodbus loop"}
    plural = "" if connections == 1 else "s"
    for part, goal in (("bare", 0.35), ("pymodbus", 0.5)):
        ratio = rate["product"] / rate[part]
        peer = f"{beside[part]}: {rate[part]:,.0f}/s ({cpu[part]:.0f} µs)"
        ratios = f"{ratio:.2f}, by CPU time {cpu[part] / cpu['product']:.2f}"
        result.add(f"{connections} connection{plural}", f"{rate['product']:,.0f}/s ({cpu['product']:.0f} µs)",
                   f"{peer}; ratio {ratios}", f"≥ {goal}", ratio >= goal)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=("bare", "pymodbus", "product"))
    parser.add_argument("--port", type=int)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--polls", type=float)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    return parser.parse_args()


if __name__ == "__main__":
    chosen = _options()
    if chosen.part:
        _part(chosen)
    else:
        print(benchmark(chosen.seconds, chosen.rounds).markdown())
