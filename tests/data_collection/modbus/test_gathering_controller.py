"""A controller that gathers meters: Modbus ASCII at a serial port, one byte in each register, thousandths."""

from __future__ import annotations

import time
from typing import Final

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.plant_forms import point_to_fields
from config.profile_catalog import ProfileCatalog
from data_collection.driver import Trace
from data_collection.modbus.block import ReadRequest
from data_collection.modbus.plan import Plan
from data_collection.modbus.shared import Piece, SharedUnit, assembled, common_reads
from data_collection.registry import connects
from domain.plant import Plant
from domain.profile import Group, ModbusPoint
from runtime.clock import SystemClock
from simulator.serve import simulate
from simulator.stream_server import StreamServer

METERS: Final = 14
LINE: Final = "site: {name: S}\nlines:\n  - {id: ems, transport: serial, device: /dev/ttyEMS, baud: 9600, parity: E, stopbits: 2, bytesize: 7, mode: ascii, timeout_s: 10}\n"  # noqa: E501


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


class Forward:
    """The time module of the stream, which a test can put forward."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.by_s

    def time_ns(self) -> int:
        return time.time_ns() + round(1e9 * self.by_s)


async def test_fourteen_devices_of_one_controller_share_the_fewest_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Forward()
    monkeypatch.setattr("data_collection.modbus.stream.time", clock)
    plant = plant_of("".join(
        f"  - {{id: m{n}, profile: ems-meter, line: ems, address: 1, base_address: {64 * n}, scan_s: 20}}\n" for n in range(METERS)
    ))  # fmt: skip
    async with simulate(plant, clock=SystemClock(), free_ports=True) as simulation:
        (line,), server = simulation.plant.lines, simulation.servers["ems"]
        assert isinstance(server, StreamServer)
        async with connects()["serial"](line) as driver:
            plans = [driver.prepare(device) for device in simulation.plant.devices]
            asked, shown = [], []
            for cycle in range(4):
                clock.by_s = 20.0 * cycle
                for n in range(METERS):
                    simulation.put(f"m{n}", {"voltage_l1": 100.0 * cycle + n, "frequency": 50.0 + 0.001 * n})
                before = server.wire.requests
                readings = [await driver.read(plan, Group.FAST) for plan in plans]
                asked.append(server.wire.requests - before)
                values = [dict(zip(r.points, r.values, strict=True)) for r in readings]
                shown.append([v["voltage_l1"] for v in values])
                assert all(set(r.qualities) == {0} for r in readings)
                assert [v["frequency"] for v in values] == pytest.approx([50.0 + 0.001 * n for n in range(METERS)])
    assert asked[0] == METERS  # nobody knows yet who is polled regularly
    assert asked[-1] == 8
    assert shown == [pytest.approx([100.0 * cycle + n for n in range(METERS)]) for cycle in range(4)]  # never of the cycle before


def views(count: int, gap: int = 0) -> list[Plan]:
    devices = plant_of("".join(
        f"  - {{id: m{n}, profile: ems-meter, line: ems, address: 1, base_address: {(64 + gap) * n}, scan_s: 2}}\n" for n in range(count)
    )).devices  # fmt: skip
    return [Plan(device) for device in devices]


def test_a_piece_is_given_once_to_each_and_never_old() -> None:
    one, two, three = views(3)
    unit = SharedUnit(Group.FAST, 2.0)
    request = one.groups[Group.FAST].blocks[0].request
    for now in (0.0, 2.0, 4.0):
        assert unit.reads_for(one, request, now) == ()
        unit.note(one, now)
        unit.note(two, now)
        unit.note(three, now)
    (first,) = unit.reads_for(one, request, 4.0)
    assert (first.address, first.count) == (0, 124)
    assert len(unit.reads_for(two, two.groups[Group.FAST].blocks[0].request, 4.0)) == 2
    assert unit.take(one, first, 4.0) is None
    unit.keep(one, first, Piece(bytes(248), 4.0, 1))
    assert unit.take(one, first, 4.1) is None  # it has had it
    assert unit.take(two, first, 4.1) is not None
    assert unit.take(two, first, 4.2) is None
    unit.keep(one, first, Piece(bytes(248), 6.0, 2))
    assert unit.take(two, first, 7.1) is None  # too old
    unit.give_up(7.1)
    assert unit.reads_for(one, request, 7.2) == ()


def test_devices_that_lie_far_apart_share_nothing() -> None:
    assert common_reads(views(3, gap=200), Group.FAST) == ()
    assert common_reads(views(2), Group.FAST) == ()  # 128 registers are two reads anyway
    assert [(r.address, r.count) for r in common_reads(views(3), Group.FAST)] == [(0, 124), (124, 68)]


def test_bytes_out_of_longer_reads() -> None:
    request = ReadRequest(3, 10, 4)
    pieces = [(ReadRequest(3, 8, 4), bytes(range(8))), (ReadRequest(3, 12, 2), b"abcd")]
    assert assembled(request, pieces) == b"\x04\x05\x06\x07abcd"


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
