"""What goes wrong between us and the devices, seen through the whole product: API, alerts, stored samples (T1, T4, T5, T9)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.quality import FIRST_BAD, Quality
from runtime.clock import SystemClock
from simulator.modbus_server import ModbusTcpServer
from simulator.stream_server import StreamServer
from tests.conftest import eventually
from tests.e2e.running import Running, running

SCAN_S, TIMEOUT_S = 0.5, 0.4
LOST_WITHIN_S = 2 * SCAN_S + TIMEOUT_S
SLACK_S = 1.0  # for a machine that runs other tests beside
POINTS = """    points:
      - {tag: active_power, quantity: active_power, unit: kW, table: holding, address: 0, type: float32}
      - {tag: voltage_l1, quantity: voltage, unit: V, table: holding, address: 2, type: float32}
"""
LINES = {
    "tcp": "{id: line1, transport: modbus-tcp, host: 127.0.0.1, port: @line1@, timeout_s: 0.4, connect_timeout_s: 1}",
    "gateway": "{id: line1, transport: rtu-over-tcp, host: 127.0.0.1, port: @line1@, baud: 38400, timeout_s: 0.4, "
    "connect_timeout_s: 1}",
}
MACHINES = "machines:\n  - {id: lathe, name: Lathe, meter: d1}\n"
METER = """
site: {name: Shop, timezone: Europe/Moscow, language: en}
lines:
  - {id: line1, transport: rtu-over-tcp, host: 127.0.0.1, port: @line1@, baud: 38400}
devices:
  - {id: d1, profile: mercury-234, line: line1, address: 31, scan_s: 0.5}
  - {id: d2, profile: mercury-234, line: line1, address: 32, scan_s: 0.5}
"""
D1, D2 = (5.5, 230.5), (7.25, 231.25)  # exact as float32


def modbus_plant(kind: str, devices: int = 2) -> str:
    made = "".join(f"  - id: d{n}\n    line: line1\n    address: {n}\n    scan_s: {SCAN_S}\n{POINTS}" for n in range(1, devices + 1))
    return f"site: {{name: Shop, timezone: Europe/Moscow, language: en}}\nlines:\n  - {LINES[kind]}\ndevices:\n{made}{MACHINES}"


@asynccontextmanager
async def shop(folder: Path, plant: str) -> AsyncIterator[Running]:
    clock = SystemClock()
    async with running(folder, plant, clock, clock) as (app, simulation):
        for device, (power, voltage) in (("d1", D1), ("d2", D2)):
            simulation.devices[device].put_wire({"active_power": power, "voltage_l1": voltage})
        found = Running(app, simulation)
        await eventually(lambda: all(d.state == "online" for d in app.collector.devices()), 20.0)
        yield found


async def latest(get: Callable[..., Any], device: str) -> dict[str, dict[str, Any]]:
    return {item["tag"].split(".")[1]: item for item in (await get("/api/data/latest", device=device))["items"]}


async def quality(get: Callable[..., Any], device: str) -> str:
    return str((await latest(get, device))["active_power"]["quality"])


async def turned(get: Callable[..., Any], device: str, wanted: str, within_s: float) -> float:
    """Seconds until a device's power is of that quality."""
    began = time.monotonic()

    async def is_so() -> bool:
        return await quality(get, device) == wanted

    await eventually(is_so, within_s)
    return time.monotonic() - began


async def device_status(get: Callable[..., Any], device: str) -> dict[str, Any]:
    items = (await get("/api/devices/status"))["items"]
    found: dict[str, Any] = next(item for item in items if item["device"] == device)
    return found


async def test_a_silent_device_turns_bad_in_time_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with shop(tmp_path, modbus_plant("tcp")) as run, run.api() as get:
        await turned(get, "d1", "good", 30.0)  # on a loaded machine a first poll may have come too late
        good = (await latest(get, "d1"))["active_power"]
        assert (good["value"], good["quality"], good["unit"]) == (5.5, "good", "kW")
        run.simulation.fault("d1", "silence")
        silent_us = run.app.clock.now_us()
        assert await turned(get, "d1", "bad", 10.0) <= LOST_WITHIN_S + SLACK_S
        for item in (await latest(get, "d1")).values():
            assert item["value"] is None  # nothing old looks live
            assert item["reason"] == "timeout"
            assert item["last_good"] in (5.5, 230.5)
            assert item["last_good_time"] < item["time"]
        status = await device_status(get, "d1")
        assert status["state"] == "offline"
        assert status["timeouts"] >= 1
        assert "no answer" in status["last_error"]
        assert status["next_attempt"] is not None
        assert await quality(get, "d2") == "good"

        async def no_data() -> list[Any]:
            items = (await get("/api/alerts/active"))["items"]
            return [item for item in items if item["rule"] == "no_data"]

        (alert,) = await eventually(no_data, 20.0)  # type: ignore[misc]
        assert alert["machine"] == "lathe"
        run.simulation.clear("d1")
        back_us = run.app.clock.now_us()
        await turned(get, "d1", "good", 30.0)
        assert (await device_status(get, "d1"))["state"] == "online"
        stored = await run.stored("d1.active_power")
        gap = [(t, v, q) for t, v, q in stored if silent_us + 1e6 * LOST_WITHIN_S < t < back_us]
        assert gap
        assert {(v, q) for _, v, q in gap} == {(None, Quality.TIMEOUT)}  # a fault is recorded, not skipped
        assert {v for _, v, q in stored if q == 0} == {5.5}
        healthy = [t for t, _, q in await run.stored("d2.active_power") if q == 0 and silent_us < t < back_us]
        assert len(healthy) >= 0.8 * (back_us - silent_us) / 1e6 / SCAN_S  # the neighbour is asked as before


async def test_a_line_that_goes_takes_its_devices_along_and_brings_them_back(tmp_path: Path) -> None:
    async with shop(tmp_path, modbus_plant("tcp")) as run, run.api() as get:
        server = run.simulation.servers["line1"]
        assert isinstance(server, ModbusTcpServer)
        port = server.port
        await server.stop()
        assert await turned(get, "d1", "bad", 10.0) <= LOST_WITHIN_S + SLACK_S
        assert await turned(get, "d2", "bad", 10.0) <= SLACK_S
        assert {item["reason"] for item in (await latest(get, "d2")).values()} == {"line_down"}
        (line,) = (await get("/api/lines/status"))["items"]
        assert line["state"] == "down"
        assert line["last_error"]
        await server.start(port=port)
        await turned(get, "d1", "good", 30.0)
        await turned(get, "d2", "good", 10.0)
        assert (await latest(get, "d2"))["voltage_l1"]["value"] == 231.25
        assert len(server.connections) == 1  # never more than one connection to a line


async def test_late_replies_are_never_taken_for_the_next_answer(tmp_path: Path) -> None:
    """A gateway that answers after the time-out: two devices with replies of one shape, one slow now and then."""
    async with shop(tmp_path, modbus_plant("gateway")) as run, run.api() as get:
        for _ in range(2):
            run.simulation.fault("d1", "delay", seconds=TIMEOUT_S * 1.3, times=1)
            before = (await device_status(get, "d1"))["timeouts"]

            async def noticed(before: int = before) -> bool:
                return bool((await device_status(get, "d1"))["timeouts"] > before)

            await eventually(noticed, 10.0)
            await turned(get, "d1", "good", 20.0)
        await run.app.database.writer.settled()
        for device, (power, voltage) in (("d1", D1), ("d2", D2)):
            assert {v for _, v, q in await run.stored(f"{device}.active_power") if q < FIRST_BAD} == {power}
            assert {v for _, v, q in await run.stored(f"{device}.voltage_l1") if q < FIRST_BAD} == {voltage}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("tcp", "foreign_tid"), ("tcp", "wrong_unit"), ("tcp", "wrong_function"), ("tcp", "wrong_count"), ("tcp", "drop"),
     ("tcp", "exception"), ("gateway", "bad_crc"), ("gateway", "wrong_unit"), ("gateway", "noise"), ("gateway", "split"),
     ("gateway", "double"), ("gateway", "wrong_function")],
)  # fmt: skip
async def test_damaged_and_foreign_frames_bring_no_value_and_are_counted(tmp_path: Path, kind: str, fault: str) -> None:
    async with shop(tmp_path, modbus_plant(kind)) as run, run.api() as get:
        before = sum((await device_status(get, "d1"))["errors"].values())
        polls = (await device_status(get, "d1"))["polls"]
        run.simulation.fault("d1", fault, times=2)

        async def passed() -> bool:
            return not run.simulation.devices["d1"].faults and (await device_status(get, "d1"))["polls"] >= polls + 3

        await eventually(passed, 40.0)
        await turned(get, "d1", "good", 40.0)
        errors = (await device_status(get, "d1"))["errors"]
        harmless = {"split", "double", "noise"}  # the answer is in there, whole
        assert fault in harmless or sum(errors.values()) > before, errors
        for device, (power, voltage) in (("d1", D1), ("d2", D2)):
            assert {v for _, v, q in await run.stored(f"{device}.active_power") if q < FIRST_BAD} == {power}
            assert {v for _, v, q in await run.stored(f"{device}.voltage_l1") if q < FIRST_BAD} == {voltage}
        assert all(task.restarts == 0 for task in run.app.supervisor.statuses())


async def test_a_wrong_mercury_password_is_told_and_not_tried_again_and_again(tmp_path: Path) -> None:
    plant = METER.replace("address: 32, scan_s: 0.5", "address: 32, scan_s: 0.5, password_encoding: ascii")
    clock = SystemClock()
    async with running(tmp_path, plant, clock, clock) as (app, simulation):
        meter = simulation.devices["d2"].meter
        assert meter is not None
        meter.password_1 = b"987654"
        run = Running(app, simulation)
        simulation.devices["d1"].put_wire({"active_power": 5500.0})
        async with run.api() as get:

            async def told() -> bool:
                return "access" in (await device_status(get, "d2"))["errors"]

            await eventually(told, 20.0)
            await eventually(lambda: app.collector.devices()[0].state == "online", 20.0)
            tried = meter.denied
            assert tried <= 2
            status = await device_status(get, "d2")
            assert "password" in status["last_error"]
            assert "987654" not in str(status)
            items = await latest(get, "d2")
            assert {item["reason"] for item in items.values() if item["value"] is None} == {"access_denied"}
            await asyncio.sleep(3.0)
            assert meter.denied == tried  # a meter locks its channel after some wrong ones
            assert (await latest(get, "d1"))["active_power"]["value"] == 5.5


async def test_a_gateway_that_restarts_with_all_its_meters(tmp_path: Path) -> None:
    clock = SystemClock()
    async with running(tmp_path, METER, clock, clock) as (app, simulation):
        run = Running(app, simulation)
        for device in ("d1", "d2"):
            simulation.devices[device].put_wire({"active_power": 5500.0, "energy_import": 1234567.0})
        async with run.api() as get:
            await eventually(lambda: all(d.state == "online" for d in app.collector.devices()), 20.0)
            gateway = simulation.servers["line1"]
            assert isinstance(gateway, StreamServer)
            gateway.drop_connections()
            port = gateway.port
            await gateway.stop()
            await turned(get, "d1", "bad", 10.0)
            await gateway.start(port=port)
            await turned(get, "d1", "good", 30.0)
            await turned(get, "d2", "good", 30.0)

            async def counted() -> bool:  # asked again at once, not at its next minute
                return bool((await latest(get, "d1"))["energy_import"]["value"] == pytest.approx(1234.567))

            await eventually(counted, 10.0)
            assert gateway.accepted <= 4
