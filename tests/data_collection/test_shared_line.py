"""A simulated RS-485 wire with its true timing: Mercury meters and Modbus modules side by side, and how well it is used."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from data_collection import cycle
from data_collection.collector import Collector
from data_collection.modbus.plan import Plan
from domain.plant import Line, Plant, Site
from domain.profile import Group
from domain.sample import Reading
from runtime.clock import SystemClock
from simulator.modbus_rtu import ModbusRtuStation
from simulator.modbus_unit import ModbusUnit
from simulator.modbus_unit import Registers as SimulatedRegisters
from simulator.stream_server import serve_stations
from tests.conftest import eventually
from tests.data_collection.mercury import peers as mercury
from tests.data_collection.peers import device, float_words, floats, gateway_line


def module(address: int, *values: float) -> ModbusRtuStation:
    """A Modbus unit with float32 values from holding register 100."""
    words = float_words(*values)
    table = SimulatedRegisters(range(100, 100 + len(words)))
    table.write(100, b"".join(w.to_bytes(2, "big") for w in words))
    return ModbusRtuStation(ModbusUnit(address, {"holding": table}))


async def test_mercury_meters_and_modbus_modules_share_a_wire() -> None:
    """Each value reaches its own tag although both protocols take turns on the same bytes."""
    stations = [mercury.meter(21), module(3, 230.5, 231.5), module(4, 11.25, 12.25)]
    async with serve_stations(stations, baud=38400, latency_s=0.005) as server:
        line = gateway_line(server.port, baud=38400, timeout_s=0.5)
        meter = replace(mercury.device(), line=line.id)
        modules = [device(name, line, floats(2), address, scan_s=0.3) for name, address in (("a", 3), ("b", 4))]
        devices = [meter, *modules]
        readings: list[Reading] = []
        collector = Collector(SystemClock(), readings.append)
        collector.apply(Plant(Site("t"), lines=(line,), devices=tuple(devices)))
        task = asyncio.create_task(collector.run())
        try:
            await eventually(lambda: sum(r.device_id == meter.id for r in readings) >= 6, 20.0)
            await eventually(lambda: sum(r.device_id == "b" for r in readings) >= 6, 20.0)
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert server.accepted == 1
    by_device = {d.id: [r for r in readings if r.device_id == d.id] for d in devices}
    assert {tuple(r.values) for r in by_device["a"]} == {(230.5, 231.5)}
    assert {tuple(r.values) for r in by_device["b"]} == {(11.25, 12.25)}
    seen = {point: value for r in by_device[meter.id] for point, value in mercury.values(r).items()}
    assert {p: seen[p] for p in mercury.PRIMARY if p in seen} == {
        p: pytest.approx(v, rel=1e-9) for p, v in mercury.PRIMARY.items() if p in seen
    }
    assert len(seen) > 20


@pytest.mark.parametrize("baud", [9600, 19200])
async def test_the_wire_is_used_to_within_5_percent_of_what_is_possible(baud: int) -> None:
    """Modbus RTU, blocks of 20 registers, devices with 40 ms latency, polled without pause; the best three cycles in a row count:
    what another program takes from the machine is no defect of the line.
    """
    stations = [module(i, *range(10)) for i in (1, 2, 3)]
    async with serve_stations(stations, baud=baud, latency_s=0.039, pause_s=0.001) as server:
        line = Line("gw", "rtu-over-tcp", {"host": "127.0.0.1", "port": server.port, "baud": baud})
        devices = [device(f"d{i}", line, floats(10), address=i, scan_s=0.0) for i in (1, 2, 3)]
        minimum_s = sum(cycle.seconds(line, Plan(d).cost(Group.FAST)) for d in devices)
        readings: list[Reading] = []
        came: list[float] = []

        def take(reading: Reading) -> None:
            readings.append(reading)
            came.append(time.monotonic())

        collector = Collector(SystemClock(), take)
        collector.apply(Plant(Site("t"), lines=(line,), devices=tuple(devices)))
        task = asyncio.create_task(collector.run())
        await eventually(lambda: len(readings) >= 40, 20.0)
        cycle_s = min(late - early for early, late in zip(came[6:], came[15:], strict=False)) / 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    print(f"{baud} baud: cycle {1e3 * cycle_s:.1f} ms, possible {1e3 * minimum_s:.1f} ms, ratio {cycle_s / minimum_s:.3f}")
    assert all(not any(r.qualities) for r in readings)
    assert cycle_s <= 1.05 * minimum_s + 0.005
