"""Values into registers: each type, order, scale and "no value", against bytes that are known or decoded independently."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profile import ModbusPoint, Quirks, WordOrder
from domain.quantity import Quantity
from simulator.modbus_unit import Registers
from simulator.registers import ModbusMap, quantise, reorder, writer_of
from tests.simulator.plants import meter, point, profile

ORDERS = list(WordOrder)
INTEGERS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}


def wire_to_big(data: bytes, order: WordOrder) -> bytes:
    """Independent of the code under test: put wire bytes back in ABCD order, place by place."""
    pairs = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in (WordOrder.LITTLE, WordOrder.LITTLE_SWAPPED):
        pairs = pairs[::-1]
    if order in (WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED):
        pairs = [bytes((low, high)) for high, low in pairs]
    return b"".join(pairs)


@pytest.mark.parametrize(
    ("order", "words"), [("big", "42480A3D"), ("little", "0A3D4248"), ("big-swapped", "48423D0A"), ("little-swapped", "3D0A4842")]
)
def test_the_four_orders_of_a_float_are_those_of_the_fact_sheet(order: str, words: str) -> None:
    unit = ModbusMap(meter(of=profile(point("f", Quantity.FREQUENCY, "Hz", 10, order=WordOrder(order)))))
    unit.write({"f": 50.01})
    assert unit.unit.tables["holding"].read(10, 2).hex().upper() == words


@settings(deadline=None)  # the machine may be busy
@given(kind=st.sampled_from(sorted(INTEGERS)), order=st.sampled_from(ORDERS), data=st.data())
def test_every_integer_type_and_order_holds_every_value(kind: str, order: WordOrder, data: st.DataObject) -> None:
    code = INTEGERS[kind]
    bits = 8 * struct.calcsize(code)
    low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    value = data.draw(st.integers(max(low, -(2**53)), min(high, 2**53)))
    writer = writer_of(point("x", Quantity.OTHER, "", 0, kind, order=order), {})
    assert struct.unpack(">" + code, wire_to_big(writer.encode(float(value)), order)) == (value,)


@settings(deadline=None)  # the machine may be busy
@given(st.floats(width=32, allow_nan=False), st.sampled_from(ORDERS))
def test_float32_keeps_its_bits(value: float, order: WordOrder) -> None:
    writer = writer_of(point("x", Quantity.OTHER, "", 0, "float32", order=order), {})
    assert wire_to_big(writer.encode(value), order) == struct.pack(">f", value)


@settings(deadline=None)  # the machine may be busy
@given(st.binary(min_size=2, max_size=8).filter(lambda b: len(b) % 2 == 0), st.sampled_from(ORDERS))
def test_reordering_twice_changes_nothing(data: bytes, order: WordOrder) -> None:
    assert reorder(reorder(data, order), order) == data


def test_scale_offset_unit_and_ratio_are_inverted() -> None:
    power = point("p", Quantity.ACTIVE_POWER, "W", 0, "int32", scale=0.1, offset=5.0, secondary=True)
    writer = writer_of(power, {"ct_ratio": 20, "vt_ratio": 1})
    raw = int.from_bytes(writer.encode(12.5), signed=True)
    assert (raw * 0.1 + 5.0) * 20 / 1000 == pytest.approx(12.5, abs=0.002)


def test_counters_are_cut_gauges_rounded_and_wrapped() -> None:
    energy = writer_of(point("e", Quantity.ENERGY_IMPORT, "kWh", 0, "uint32"), {})
    assert int.from_bytes(energy.encode(12.999)) == 12
    volts = writer_of(point("u", Quantity.VOLTAGE, "V", 0, "uint16"), {})
    assert int.from_bytes(volts.encode(229.6)) == 230
    parts = writer_of(point("n", Quantity.COUNT, "1", 0, "uint16", wrap_at=65536.0), {})
    assert int.from_bytes(parts.encode(65536 * 3 + 7)) == 7


def test_a_value_beyond_the_register_stops_at_its_end() -> None:
    writer = writer_of(point("x", Quantity.OTHER, "", 0, "int16"), {})
    assert int.from_bytes(writer.encode(1e9), signed=True) == 32767
    assert int.from_bytes(writer.encode(-1e9), signed=True) == -32768


def test_no_value_is_the_sentinel_or_not_a_number() -> None:
    power = writer_of(point("p", Quantity.ACTIVE_POWER, "W", 0, "int32", sentinel=(0x7FFFFFFF,)), {})
    assert power.encode(None).hex() == "7fffffff"
    volts = writer_of(point("u", Quantity.VOLTAGE, "V", 0), {})
    assert math.isnan(struct.unpack(">f", volts.encode(None))[0])


def test_bits_share_a_register_and_coils_are_bits() -> None:
    inputs = [point(f"di_{n + 1}", Quantity.STATE, "1", 51, "uint16", bit=n) for n in range(16)]
    coil = point("run", Quantity.STATE, "1", 3, "bool", table="coil")
    device = ModbusMap(meter(of=profile(*inputs, coil)))
    device.write({"di_1": 1.0, "di_3": 1.0, "di_16": 1.0, "run": 1.0})
    assert device.unit.tables["holding"].read(51, 1).hex() == "8005"  # the fact sheet's example
    assert device.unit.tables["coil"].read(3, 1) == b"\x01"
    device.write({"di_3": 0.0, "run": 0.0})
    assert device.unit.tables["holding"].read(51, 1).hex() == "8001"
    assert device.unit.tables["coil"].read(3, 1) == b"\x00"


def test_a_bit_of_a_long_word_keeps_the_others() -> None:
    bits = [point(f"b{n}", Quantity.STATE, "1", 8, "uint32", bit=n, order=WordOrder.LITTLE) for n in (0, 17, 31)]
    device = ModbusMap(meter(of=profile(*bits)))
    device.write({"b0": 1.0, "b17": 1.0, "b31": 1.0})
    device.write({"b0": 0.0})
    assert device.unit.tables["holding"].read(8, 2).hex() == "00008002"


def test_text_fills_its_registers() -> None:
    device = ModbusMap(meter(of=profile(point("serial", Quantity.TEXT, "", 60, "string", length=4))))
    device.write({"serial": "A-12345"})
    assert device.unit.tables["holding"].read(60, 4) == b"A-12345\x00"


def test_holes_up_to_the_tolerated_gap_read_as_zero_wider_ones_are_refused() -> None:
    table = Registers([10, 11, 14, 40], gap=2)
    table.write(14, b"\x12\x34")
    assert table.readable(10, 5, strict=False)
    assert table.read(10, 5).hex() == "00000000000000001234"
    assert not table.readable(10, 5, strict=True)
    assert not table.readable(14, 27, strict=False)
    assert not table.readable(9, 2, strict=False)
    assert not table.readable(40, 2, strict=False)


@settings(deadline=None)  # the machine may be busy
@given(st.floats(-1e4, 1e4), st.sampled_from(["int32", "float32", "float64"]))
def test_history_shows_what_the_register_shows(value: float, kind: str) -> None:
    power = point("p", Quantity.ACTIVE_POWER, "W", 0, kind, scale=0.1)
    raw = writer_of(power, {}).encode(value)
    code = {"int32": ">i", "float32": ">f", "float64": ">d"}[kind]
    expected = struct.unpack(code, raw)[0] * 0.1 / 1000
    assert quantise(power, {}, np.array([value]))[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_longer_reads_than_the_device_can_do_are_its_limit() -> None:
    points = [point(f"x{n}", Quantity.OTHER, "", n, "uint16") for n in range(30)]
    device = ModbusMap(meter(of=profile(*points, quirks=Quirks(20))))
    assert device.unit.answer(bytes.fromhex("0300000014"))[:2] == b"\x03\x28"
    assert device.unit.answer(bytes.fromhex("0300000015")) == b"\x83\x03"


def test_a_point_of_another_protocol_is_no_register() -> None:
    odd = point("x", Quantity.OTHER, "", 0)
    assert isinstance(odd.where, ModbusPoint)
    with pytest.raises(TypeError):
        writer_of(type(odd)("x", Quantity.OTHER, "", object()), {})  # type: ignore[arg-type]
