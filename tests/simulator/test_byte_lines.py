"""Byte lines of a served plant: gateways and pseudo-terminals, Modbus and Mercury side by side, read by the product's drivers."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from domain.errors import ConfigError, DeviceError, DeviceUnreachable
from domain.plant import Device, Line, Machine, Plant, Site
from runtime.clock import SystemClock
from simulator.faults import Outage
from simulator.playback import Column, Playback, Recording
from simulator.serve import Simulation, simulate
from tests.simulator.plants import LATHE, SHIFTS, meter

CATALOG = ProfileCatalog.shipped()
GATEWAY = Line("l1", "rtu-over-tcp", {"host": "127.0.0.1", "port": 0, "baud": 9600})
MERCURY = Device("q1", "l1", CATALOG.get("mercury-234"), 21)


def plant_of(*devices: Device, line: Line = GATEWAY, machines: tuple[Machine, ...] = (replace(LATHE, meter="q1"),)) -> Plant:
    return Plant(Site("Цех"), SHIFTS, (line,), devices, machines)


async def read(simulation: Simulation, device_id: str) -> dict[str, float | None]:
    collector = Collector(SystemClock(), lambda reading: None)
    device = simulation.plant.device(device_id)
    readings = await collector.read_once(device, simulation.plant.line(device.line))
    return {point: value for reading in readings for point, value in zip(reading.points, reading.values, strict=True)}


async def test_modbus_and_mercury_share_a_gateway() -> None:
    async with simulate(plant_of(MERCURY, meter("m1", 3)), clock=SystemClock(), free_ports=True) as simulation:
        simulation.put("q1", {"active_power": 12.345, "current_l2": 17.89, "energy_import": 4321.987})
        simulation.put("m1", {"active_power": 6.5})
        mercury, modbus = await read(simulation, "q1"), await read(simulation, "m1")
        assert (mercury["active_power"], mercury["current_l2"]) == pytest.approx((12.345, 17.89))
        assert mercury["energy_import"] == pytest.approx(4321.987)
        assert mercury["voltage_angle_l12"] == pytest.approx(120, abs=1)
        assert modbus["active_power"] == pytest.approx(6.5)


@pytest.mark.parametrize(("profile", "address", "options", "password"), [
    ("mercury-234", 21, {"ct_ratio": 20}, None),
    ("mercury-230", 145, {}, None),
    ("mercury-230", 3, {}, "hex:090909090909"),
    ("mercury-236", 77, {}, "123456"),
])  # fmt: skip
async def test_a_meter_suits_its_profile_password_and_ratio(
    profile: str, address: int, options: dict[str, object], password: str | None,
) -> None:
    device = Device("q1", "l1", CATALOG.get(profile), address, 1.0, options, password)
    async with simulate(plant_of(device), clock=SystemClock(), free_ports=True) as simulation:
        simulation.put("q1", {"active_power": 40.0, "current_l1": 300.0, "voltage_l1": 231.5, "energy_import": 1000.02})
        found = await read(simulation, "q1")
        assert found["active_power"] == pytest.approx(40.0)
        assert found["current_l1"] == pytest.approx(300.0)
        assert found["voltage_l1"] == pytest.approx(231.5)
        assert found["energy_import"] == pytest.approx(1000.02)


async def test_a_wrong_password_is_refused() -> None:
    device = replace(MERCURY, password="654321")
    async with simulate(plant_of(device), clock=SystemClock(), free_ports=True) as simulation:
        asking = replace(simulation.plant, devices=(replace(device, password="111111"),))
        simulation.plant = asking
        with pytest.raises(DeviceError):
            await read(simulation, "q1")


async def test_a_serial_line_is_a_terminal_behind_its_name(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    line = Line("l1", "serial", {"device": str(port), "baud": 19200, "parity": "N"})
    async with simulate(plant_of(MERCURY, meter("m1", 3), line=line), clock=SystemClock()) as simulation:
        assert port.is_symlink()
        assert os.stat(port).st_rdev  # noqa: PTH116 - a device, not a file
        simulation.put("m1", {"active_power": 6.5})
        assert (await read(simulation, "m1"))["active_power"] == pytest.approx(6.5)
        assert (await read(simulation, "q1"))["voltage_l1"] is not None
    assert not port.exists()


async def test_a_port_that_is_there_is_left_alone(tmp_path: Path) -> None:
    port = tmp_path / "ttyS0"
    port.write_text("mine")
    line = Line("l1", "serial", {"device": str(port), "baud": 9600})
    with pytest.raises(ConfigError, match="exists already"):
        async with simulate(plant_of(meter("m1", 3), line=line), clock=SystemClock()):
            pass
    assert port.read_text() == "mine"


async def test_an_ascii_line() -> None:
    line = Line("l1", "serial", {"device": "", "baud": 9600, "mode": "ascii", "timeout_s": 5.0})  # of a busy computer
    async with simulate(plant_of(meter("m1", 3), line=line), clock=SystemClock(), free_ports=True) as simulation:
        simulation.put("m1", {"active_power": 6.5, "energy_import": 77.123})
        found = await read(simulation, "m1")
        assert (found["active_power"], found["energy_import"]) == pytest.approx((6.5, 77.123))


async def test_a_paced_line_is_as_slow_as_its_baud() -> None:
    slow = replace(GATEWAY, options={**GATEWAY.options, "baud": 2400, "timeout_s": 5.0})
    async with simulate(plant_of(meter("m1", 3), line=slow), clock=SystemClock(), free_ports=True, paced=True) as simulation:
        begun = time.monotonic()
        await read(simulation, "m1")
        registers = 22 + 4 + 4  # fast block at least, energy, serial number
        assert time.monotonic() - begun > (3 * 13 + 2 * (registers - 1)) * 10 / 2400


async def test_faults_and_outages_on_a_byte_line() -> None:
    clock = SystemClock()
    always = Outage("m1", every_s=10.0, lasts_s=10.0)
    plant = plant_of(MERCURY, meter("m1", 3), meter("m2", 4))
    async with simulate(plant, clock=clock, free_ports=True, outages=[always]) as simulation:
        with pytest.raises(DeviceUnreachable):
            await read(simulation, "m1")
        simulation.put("q1", {"active_power": 1.25})
        simulation.fault("q1", "split")
        assert (await read(simulation, "q1"))["active_power"] == pytest.approx(1.25)
        simulation.clear("q1")
        simulation.fault("q1", "silence")
        with pytest.raises(DeviceUnreachable):
            await read(simulation, "q1")
        assert (await read(simulation, "m2"))["active_power"] is not None
        simulation.clear("q1")
        simulation.fault("q1", "freeze")
        first = await read(simulation, "q1")
        simulation.put("q1", {"active_power": 99.0})
        assert (await read(simulation, "q1"))["active_power"] == first["active_power"]


async def test_a_recording_on_a_mercury_meter_is_exact_to_its_digit() -> None:
    recording = Recording({"kWh": [3196.2, None, 3197.455]})
    async with simulate(plant_of(MERCURY), clock=SystemClock(), free_ports=True) as simulation:
        playback = Playback(simulation, recording, [Column("kWh", "q1", "energy_import", factor=1000.0)])
        playback.step(0)
        assert (await read(simulation, "q1"))["energy_import"] == pytest.approx(3196.2, abs=1e-9)
        playback.step(1)
        assert (await read(simulation, "q1"))["energy_import"] is None
        playback.step(2)
        assert (await read(simulation, "q1"))["energy_import"] == pytest.approx(3197.455, abs=1e-9)


async def test_lines_of_other_transports_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    other = Line("dmg", "profinet", {"host": "127.0.0.1"})
    plant = replace(plant_of(MERCURY), lines=(GATEWAY, other))
    odd = Device("d", "dmg", replace(CATALOG.get("mercury-234"), protocol="profinet"))
    async with simulate(replace(plant, devices=(MERCURY, odd)), clock=SystemClock(), free_ports=True) as simulation:
        assert "d" not in simulation.devices
        assert (await read(simulation, "q1"))["active_power"] is not None
    assert "transport profinet is not simulated" in caplog.text
