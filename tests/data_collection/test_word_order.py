"""The probe finds the order a device uses from believable values."""

from __future__ import annotations

import struct

import pytest

from data_collection.word_order import best_order, probe_orders
from domain.plant import Device
from domain.profile import ModbusPoint, Point, Profile, WordOrder
from domain.quantity import Quantity
from tests.data_collection.modbus.test_block import on_wire

VALUES = {"u": (Quantity.VOLTAGE, "V", 230.4), "f": (Quantity.FREQUENCY, "Hz", 50.01), "p": (Quantity.ACTIVE_POWER, "W", 5123.0)}


def meter(kind: str = "float32") -> Device:
    points = tuple(
        Point(tag, quantity, unit, ModbusPoint("holding", 2 * i, kind))
        for i, (tag, (quantity, unit, _)) in enumerate(VALUES.items())
    )
    return Device("d", "l", Profile("p", {}, "v", "modbus", "s", "H", points), 1)


def words(order: WordOrder, code: str = ">f") -> dict[str, str]:
    return {tag: on_wire(order, struct.pack(code, value)).hex(" ", 2) for tag, (_, _, value) in VALUES.items()}


@pytest.mark.parametrize("order", list(WordOrder))
def test_the_order_of_the_device_is_found(order: WordOrder) -> None:
    probes = probe_orders(meter(), words(order))
    assert best_order(probes) is order
    assert (probes[order].plausible, probes[order].of) == (3, 3)
    assert all(p.plausible < 3 for o, p in probes.items() if o is not order)
    sample = {tag: (value, unit) for tag, value, unit in probes[order].values}
    assert sample["p"] == (pytest.approx(5.123), "kW")
    assert sample["f"] == (pytest.approx(50.01, abs=1e-4), "Hz")


def test_double_precision_too() -> None:
    for order in WordOrder:
        assert best_order(probe_orders(meter("float64"), words(order, ">d"))) is order


def test_zeros_and_single_words_tell_nothing() -> None:
    assert probe_orders(meter(), dict.fromkeys(VALUES, "0000 0000")) == {}
    assert probe_orders(meter("uint16"), dict.fromkeys(VALUES, "00E6")) == {}
    assert probe_orders(meter(), {}) == {}
    assert probe_orders(meter(), {"u": "not hex"}) == {}


def test_no_verdict_where_two_orders_are_equally_good() -> None:
    assert best_order(probe_orders(meter(), {"u": "4366 4366"})) is None


def test_the_profile_s_own_range_counts() -> None:
    point = Point("t", Quantity.OTHER, "x", ModbusPoint("holding", 0, "uint32"), plausible=(0, 70000))
    device = Device("d", "l", Profile("p", {}, "v", "modbus", "s", "H", (point,)), 1)
    assert best_order(probe_orders(device, {"t": "0001 0002"})) is WordOrder.BIG
