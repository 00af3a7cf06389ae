"""The S7 driver against a server of another maker: the C library snap7. Areas, refusals, STOP, few connections, a small PDU, a restart."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from data_collection.collector import Collector
from data_collection.driver import Trace
from data_collection.registry import connects
from domain.errors import LineDown
from domain.plant import Plant, Site
from domain.profile import Group
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_collection.s7.test_driver import POINTS, SHOWN, by_tag, device, line_to, point
from tests.native_s7 import NativeS7, native_s7
from tests.ports import free_port

__all__ = ["native_s7"]
GOOD = {tag: (value, 0) for tag, value in SHOWN.items()}


@pytest.mark.timeout(300)  # the package is fetched at the first run
async def test_values_a_missing_block_stop_and_the_connections_it_grants(
    native_s7: NativeS7, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_collection.s7.driver.CPU_CHECK_S", 0.0)
    port = free_port()
    points = (*POINTS, point("gone", "DB9.DBD0", "REAL"), point("past", "DB1.DBD64", "REAL"))
    with native_s7.serve(port, clients=1) as server:
        async with connects()["s7"](line_to(port)) as driver:
            plan: Any = driver.prepare(device(*points))
            reading = await driver.read(plan, Group.FAST)
            found = by_tag(reading)
            assert {tag: found[tag] for tag in SHOWN} == GOOD
            assert reading.texts == {"name": "SHAFT"}
            assert found["gone"] == found["past"] == (None, Quality.REFUSED)
            assert 'untick "Optimized block access"' in plan.last_fault
            asked: Any = driver
            (seen,) = await asked.survey(1.0)
            assert "PDU" in seen.answer

            await asyncio.to_thread(server.cpu, running=False)
            stopped = await driver.read(plan, Group.FAST)
            assert (set(stopped.qualities), set(stopped.values)) == ({Quality.DEVICE_FAULT}, {None})
            assert "STOP" in plan.last_fault
            await asyncio.to_thread(server.cpu, running=True)
            assert by_tag(await driver.read(plan, Group.FAST))["real"] == (50.5, 0)

            with pytest.raises(LineDown):
                async with connects()["s7"](line_to(port)) as second:
                    await second.read(second.prepare(device()), Group.FAST)


async def test_a_small_pdu_is_kept_to(native_s7: NativeS7) -> None:
    port = free_port()
    wide = tuple(point(f"r{i}", f"DB3.DBD{4 * i}", "REAL", Quantity.OTHER) for i in range(100))
    with native_s7.serve(port, pdu=240):
        async with connects()["s7"](line_to(port)) as driver:
            trace = Trace()
            reading = await driver.read(driver.prepare(device(*wide)), Group.FAST, trace)
    assert list(reading.values) == [float(i) for i in range(100)]
    assert len([data for direction, _, data in trace.frames if direction == "rx"]) == 2
    assert max(len(data) for _, _, data in trace.frames) <= 240


async def test_it_is_killed_and_read_again_after_its_restart(native_s7: NativeS7) -> None:
    port, readings = free_port(), list[Reading]()
    collector = Collector(SystemClock(), readings.append)
    collector.apply(Plant(Site("S"), lines=(line_to(port),), devices=(replace(device(), scan_s=0.2),)))
    polling = asyncio.create_task(collector.run())
    try:
        with native_s7.serve(port):
            await eventually(lambda: readings and readings[-1].qualities[0] == 0, 20)
        await eventually(lambda: readings[-1].qualities[0] == Quality.LINE_DOWN, 20)
        known = len(readings)
        with native_s7.serve(port):
            await eventually(lambda: any(r.qualities[0] == 0 for r in readings[known:]), 30)
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
    assert by_tag(next(r for r in readings[known:] if r.qualities[0] == 0))["real"] == (50.5, 0)
