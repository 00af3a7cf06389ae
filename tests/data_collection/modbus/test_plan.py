"""Compiling a profile to reads: merged where allowed, split where refused."""

from __future__ import annotations

import pytest

from data_collection.modbus.plan import Plan, Plans
from data_collection.reads import ASK_AGAIN_S, MERGE_AGAIN_S
from domain.errors import ConfigError
from domain.plant import Device
from domain.profile import Group, MercuryPoint, ModbusPoint, Point, Profile, Quirks
from domain.quantity import Quantity
from tests.data_collection.peers import profile, voltage


def plan(*points: Point, **quirks: object) -> Plan:
    return Plan(Device("d", "l", profile(*points, **quirks), 1))


def reads(compiled: Plan, group: Group = Group.FAST) -> list[tuple[int, int, int]]:
    return [(b.request.function, b.request.address, b.request.count) for b in compiled.groups[group].blocks]


def test_neighbours_and_small_gaps_become_one_read() -> None:
    compiled = plan(voltage("b", 104), voltage("a", 100), voltage("c", 110), max_gap=4)
    assert reads(compiled) == [(3, 100, 12)]
    assert compiled.points(Group.FAST) == ("a", "b", "c")
    assert compiled.points(Group.FAST) is compiled.points(Group.FAST)


def test_a_gap_beyond_the_limit_splits() -> None:
    assert reads(plan(voltage("a", 100), voltage("b", 107), max_gap=4)) == [(3, 100, 2), (3, 107, 2)]
    assert reads(plan(voltage("a", 100), voltage("b", 106), max_gap=4)) == [(3, 100, 8)]


def test_a_read_is_never_larger_than_the_device_takes() -> None:
    compiled = plan(*(voltage(f"u{i}", 2 * i) for i in range(100)), max_registers=60)
    assert reads(compiled) == [(3, 0, 60), (3, 60, 60), (3, 120, 60), (3, 180, 20)]
    assert max(c for _, _, c in reads(plan(*(voltage(f"u{i}", 2 * i) for i in range(100)), max_registers=999))) <= 125


def test_tables_groups_and_bits_stay_apart() -> None:
    points = [
        Point("h", Quantity.OTHER, "", ModbusPoint("holding", 1, "uint16")),
        Point("i", Quantity.OTHER, "", ModbusPoint("input", 1, "uint16")),
        Point("c", Quantity.STATE, "1", ModbusPoint("coil", 1, "bit")),
        Point("d", Quantity.STATE, "1", ModbusPoint("discrete", 1, "bit")),
        Point("e", Quantity.ENERGY_IMPORT, "kWh", ModbusPoint("holding", 2, "uint32"), group=Group.SLOW),
    ]
    compiled = plan(*points)
    assert reads(compiled) == [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 1)]
    assert reads(compiled, Group.SLOW) == [(3, 2, 2)]
    assert not compiled.has(Group.DAILY)


def test_the_cost_is_that_of_the_wire() -> None:
    """One block of 125 registers: 263 bytes, one transaction."""
    cost = plan(*(voltage(f"u{i}", i, "uint16") for i in range(125))).cost(Group.FAST)
    assert (cost.transactions, cost.bytes_on_wire) == (1, 263)


def test_a_refused_block_is_split_at_its_gaps_first() -> None:
    compiled = plan(voltage("a", 51, "uint16"), voltage("b", 64, "uint16"), voltage("c", 65, "uint16"))
    assert reads(compiled) == [(3, 51, 15)]
    parts = compiled.refused(Group.FAST, compiled.groups[Group.FAST].blocks[0], 0.0)
    assert [(p.request.address, p.request.count) for p in parts] == [(51, 1), (64, 2)]
    assert reads(compiled) == [(3, 51, 1), (3, 64, 2)]
    assert [p.start for p in parts] == [0, 1]


def test_a_refused_contiguous_block_is_halved_down_to_single_points() -> None:
    compiled = plan(*(voltage(f"u{i}", 2 * i) for i in range(4)))
    compiled.refused(Group.FAST, compiled.groups[Group.FAST].blocks[0], 0.0)
    assert reads(compiled) == [(3, 0, 4), (3, 4, 4)]
    compiled.refused(Group.FAST, compiled.groups[Group.FAST].blocks[0], 0.0)
    assert reads(compiled) == [(3, 0, 2), (3, 2, 2), (3, 4, 4)]
    single = compiled.groups[Group.FAST].blocks[0]
    assert compiled.refused(Group.FAST, single, 1000.0) == ()
    assert single.refused_until == 1000.0 + ASK_AGAIN_S
    assert compiled.points(Group.FAST) == ("u0", "u1", "u2", "u3")


def test_what_a_device_taught_is_kept_for_that_device_and_tried_anew_after_hours() -> None:
    memory = Plans()
    device = Device("d", "l", profile(*(voltage(f"u{i}", 2 * i) for i in range(4))), 1)
    taught = memory.of(device, 1.0)
    taught.refused(Group.FAST, taught.groups[Group.FAST].blocks[0], 100.0)
    again = memory.of(Device("d", "l", device.profile, 1), 1.0)
    assert reads(again) == [(3, 0, 4), (3, 4, 4)]
    assert reads(memory.of(Device("d", "l", device.profile, 2), 1.0)) == [(3, 0, 8)]
    again.groups[Group.FAST].renew(100.0 + MERGE_AGAIN_S - 1)
    assert len(reads(again)) == 2
    again.groups[Group.FAST].renew(100.0 + MERGE_AGAIN_S + 1)
    assert reads(again) == [(3, 0, 8)]


def test_points_that_share_a_register_are_not_torn_apart() -> None:
    bits = [Point(f"b{i}", Quantity.STATE, "1", ModbusPoint("holding", 7, "bit", bit=i)) for i in range(3)]
    compiled = plan(*bits)
    assert compiled.refused(Group.FAST, compiled.groups[Group.FAST].blocks[0], 0.0) == ()


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (Device("d", "l", profile(voltage("a", 65535)), 1), "outside"),
        (Device("d", "l", profile(voltage("a", 1)), None), "address"),
        (Device("d", "l", profile(voltage("a", 1)), 256), "address"),
        (Device("d", "l", profile(voltage("a", 1)), 1, options={"ct_ratio": -3}), "ct_ratio"),
        (Device("d", "l", Profile("p", {}, "v", "mercury", "s", "H", (), Quirks()), 1), "mercury"),
        (Device("d", "l", profile(Point("m", Quantity.VOLTAGE, "V", MercuryPoint("instant", "u_l1"))), 1), "no Modbus place"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(device: Device, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Plan(device)
