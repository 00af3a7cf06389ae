"""Reads a second of the product's Modbus server beside a bare pymodbus server, asked alike in one run.

    python -m benchmarks.modbus_server [seconds]

Each server runs in a process of its own; one client sends reads of 20 registers over 4 connections, one request at a time on each
(bare bytes, so that the client costs little). The product's server holds a map of 1 000 tags, written 1 000 times a second.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import struct
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

CONNECTIONS, REGISTERS, TAGS = 4, 20, 1000
REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 5000, REGISTERS)
REPLY = 9 + 2 * REGISTERS


async def bare(port: Connection) -> None:
    """pymodbus's server as it comes."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    device = SimDevice(1, simdata=[SimData(0, values=[7] * 6000, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.listen()
    port.send(server.transport.sockets[0].getsockname()[1])  # type: ignore[attr-defined,union-attr]
    await asyncio.Event().wait()


async def ours(port: Connection) -> None:
    """The product's, with samples coming in."""
    from data_transfer.modbus.connections import Limits
    from data_transfer.modbus.server import ModbusServer
    from domain.plant import Device, Plant, Site, Tag
    from domain.profile import Profile
    from domain.quantity import Quantity
    from domain.sample import Batch, TagId
    from runtime.clock import SystemClock
    from tests.data_transfer.test_modbus_server import MemoryBlocks

    tags = [Tag(TagId(n + 1), f"m1.t{n}", "m1", f"t{n}", Quantity.VOLTAGE, "V") for n in range(TAGS)]
    plant = Plant(Site("Shop"), devices=(Device("m1", "l", Profile("p", {}, "", "modbus", "", "L", ())),))
    clock = SystemClock()
    server = ModbusServer("127.0.0.1", 0, Limits(), MemoryBlocks(), list, clock)
    server.apply(plant, tags)
    running = asyncio.create_task(server.run())
    while server.status().state != "ok":  # noqa: ASYNC110 - only a benchmark waits for it
        await asyncio.sleep(0.01)
    port.send(server.port)
    groups = [tuple(tag.id for tag in tags[n : n + 50]) for n in range(0, TAGS, 50)]
    while not running.done():
        for ids in groups:
            server.on_batch(Batch("m1", clock.now_us(), ids, [230.5] * len(ids), [0] * len(ids)))
        await asyncio.sleep(1.0)


def serve(name: str, port: Connection) -> None:
    asyncio.run({"bare": bare, "ours": ours}[name](port))


async def ask(port: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.perf_counter() < until:
        writer.write(REQUEST)
        answer = await reader.readexactly(REPLY)
        if answer[7] != 3:
            raise RuntimeError(f"answered {answer.hex()}")
        done += 1
    writer.close()
    return done


async def reads_per_s(port: int, seconds: float) -> float:
    counts = await asyncio.gather(*(ask(port, time.perf_counter() + seconds) for _ in range(CONNECTIONS)))
    return sum(counts) / seconds


def measure(name: str, seconds: float) -> float:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(name, there), daemon=True)
    process.start()
    try:
        if not here.poll(30):
            raise RuntimeError(f"{name} did not start")
        port: Any = here.recv()
        return asyncio.run(reads_per_s(port, seconds))
    finally:
        process.terminate()
        process.join()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(3):
        for name, found in rates.items():
            found.append(measure(name, seconds))
    best = {name: max(found) for name, found in rates.items()}
    print(f"bare pymodbus {best['bare']:,.0f} reads/s, the product's server {best['ours']:,.0f} reads/s: {best['ours'] / best['bare']:.2f}")


if __name__ == "__main__":
    main()
