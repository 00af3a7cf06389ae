"""A controller that gathers meters: Modbus ASCII at a serial port, one byte in each register, thousandths."""

from __future__ import annotations

from typing import Final

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.plant_forms import point_to_fields
from config.profile_catalog import ProfileCatalog
from data_collection.driver import Trace
from data_collection.registry import connects
from domain.plant import Plant
from domain.profile import Group, ModbusPoint
from runtime.clock import SystemClock
from simulator.serve import simulate

METERS: Final = 14
LINE: Final = "site: {name: S}\nlines:\n  - {id: ems, transport: serial, device: /dev/ttyEMS, baud: 9600, parity: E, stopbits: 2, bytesize: 7, mode: ascii, timeout_s: 3}\n"  # noqa: E501


def plant_of(devices: str) -> Plant:
    parsed = parse_plant(LINE + "devices:\n" + devices, catalog=ProfileCatalog.shipped(), environ={})
    assert parsed.warnings == ()
    return parsed.plant


def in_place() -> str:
    """14 meters of 16 values each, written in the plant file itself."""
    points = [
        f"      - {{tag: v{meter}_{value}, quantity: other, unit: x, table: holding, type: {kind}, scale: 0.001, "
        f"address: {64 * meter + 4 * value}}}\n"
        for meter in range(METERS) for value in range(16) for kind in ["float32" if value % 2 else "int32"]
    ]  # fmt: skip
    return "  - id: ems1\n    line: ems\n    address: 1\n    bytes_per_register: 1\n    points:\n" + "".join(points)


async def test_224_values_in_place_take_the_fewest_requests_and_come_out_right() -> None:
    plant = plant_of(in_place())
    async with simulate(plant, clock=SystemClock(), free_ports=True) as simulation:
        (device,) = simulation.plant.devices
        shown = {point.tag: 0.001 * (1_000_003 * i - 90_000_000) for i, point in enumerate(device.profile.points)}
        floats = {p.tag for p in device.profile.points if isinstance(p.where, ModbusPoint) and p.where.type == "float32"}
        simulation.put("ems1", shown)
        (line,) = simulation.plant.lines
        async with connects()["serial"](line) as driver:
            plan = driver.prepare(device)
            assert plan.cost(Group.FAST).transactions == 8  # 896 registers at 31 values a read
            trace = Trace()
            reading = await driver.read(plan, Group.FAST, trace)
    assert len([frame for frame in trace.frames if frame[0] == "tx"]) == 8
    assert all(data.startswith(b":") for direction, _, data in trace.frames if direction == "tx")
    assert set(reading.qualities) == {0}
    for tag, value in zip(reading.points, reading.values, strict=True):
        assert value == pytest.approx(shown[tag], rel=1e-6 if tag in floats else 1e-12), tag


async def test_a_meter_behind_the_controller_is_a_device_of_its_own() -> None:
    plant = plant_of("".join(
        f"  - {{id: m{n}, profile: ems-meter, line: ems, address: 1, base_address: {64 * n}, scan_s: 10}}\n" for n in range(3)
    ))  # fmt: skip
    async with simulate(plant, clock=SystemClock(), free_ports=True) as simulation:
        (line,) = simulation.plant.lines
        for n in range(3):
            simulation.put(f"m{n}", {"voltage_l1": 230.0 + n, "active_power": 1.5 * n, "power_factor": 0.9, "energy_import": 1234.567})
        async with connects()["serial"](line) as driver:
            for n, device in enumerate(simulation.plant.devices):
                reading = await driver.read(driver.prepare(device), Group.FAST)
                values = dict(zip(reading.points, reading.values, strict=True))
                assert values["voltage_l1"] == pytest.approx(230.0 + n)
                assert values["active_power"] == pytest.approx(1.5 * n)
                assert values["energy_import"] == pytest.approx(1234.567)


def test_the_layout_survives_the_form_and_nonsense_is_named() -> None:
    (device,) = plant_of("  - {id: e, line: ems, address: 1, bytes_per_register: 1, points: [{tag: a, quantity: other, unit: x, table: holding, address: 0, type: int32}, {tag: b, quantity: state, table: holding, address: 4, bit: 3}]}\n").devices  # noqa: E501
    first, second = device.profile.points
    assert isinstance(first.where, ModbusPoint)
    assert isinstance(second.where, ModbusPoint)
    assert (first.where.bytes_per_register, second.where.bytes_per_register) == (1, 2)
    assert point_to_fields(first, "modbus")["bytes_per_register"] == 1
    assert "bytes_per_register" not in point_to_fields(second, "modbus")
    with pytest.raises(PlantFileError, match="lies over a"):
        plant_of("  - {id: e, line: ems, address: 1, points: [{tag: a, quantity: other, unit: x, table: holding, address: 0, type: int32, bytes_per_register: 1}, {tag: b, quantity: other, unit: x, table: holding, address: 3, type: uint16}]}\n")  # noqa: E501
    with pytest.raises(PlantFileError, match="bytes_per_register: has no meaning for type string"):
        plant_of("  - {id: e, line: ems, address: 1, points: [{tag: a, quantity: text, table: holding, address: 0, type: string, length: 4, bytes_per_register: 1}]}\n")  # noqa: E501
