"""Decoding: every type, word order, sentinel, scale, bit and text, against bytes made independently."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_collection.modbus.block import Block, ReadRequest, locate
from domain.profile import ModbusPoint, Point, WordOrder
from domain.quality import Quality
from domain.quantity import Quantity

GOOD, NO_VALUE = int(Quality.GOOD), int(Quality.NO_VALUE)


def block(*points: Point, ct: float = 1.0, vt: float = 1.0) -> Block:
    located = [locate(p, p.where, ct, vt) for p in points if isinstance(p.where, ModbusPoint)]
    return Block(sorted(located, key=lambda p: p.start), 0)


def point(tag: str, address: int, type: str, quantity: Quantity = Quantity.OTHER, unit: str = "", **more: object) -> Point:
    place = {k: more.pop(k) for k in ("word_order", "bit", "length", "sentinel", "table", "bytes_per_register") if k in more}
    return Point(tag, quantity, unit, ModbusPoint(str(place.pop("table", "holding")), address, type, **place), **more)  # type: ignore[arg-type]


def on_wire(order: WordOrder, big_endian: bytes) -> bytes:
    """Bytes ABCD(EFGH) as that order sends them, by the definition in words, not by index tables."""
    words = [big_endian[i : i + 2] for i in range(0, len(big_endian), 2)]
    if order in {WordOrder.LITTLE, WordOrder.LITTLE_SWAPPED}:
        words.reverse()
    if order in {WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED}:
        words = [word[::-1] for word in words]
    return b"".join(words)


@pytest.mark.parametrize(
    ("order", "wire"),
    [(WordOrder.BIG, "42480A3D"), (WordOrder.LITTLE, "0A3D4248"), (WordOrder.BIG_SWAPPED, "48423D0A"),
     (WordOrder.LITTLE_SWAPPED, "3D0A4842")],
)
def test_the_same_50_01_hz_in_all_four_orders(order: WordOrder, wire: str) -> None:
    values, qualities = block(point("f", 10, "float32", Quantity.FREQUENCY, "Hz", word_order=order)).decode(bytes.fromhex(wire))
    assert values[0] == pytest.approx(50.01, abs=1e-5)
    assert list(qualities) == [GOOD]


TYPES: dict[str, tuple[str, st.SearchStrategy[float]]] = {
    "int16": (">h", st.integers(-(2**15), 2**15 - 1)),
    "uint16": (">H", st.integers(0, 2**16 - 1)),
    "int32": (">i", st.integers(-(2**31), 2**31 - 1)),
    "uint32": (">I", st.integers(0, 2**32 - 1)),
    "int64": (">q", st.integers(-(2**63), 2**63 - 1)),
    "uint64": (">Q", st.integers(0, 2**64 - 1)),
    "float32": (">f", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "float64": (">d", st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)),
}


@given(data=st.data())
def test_every_type_in_every_order_side_by_side(data: st.DataObject) -> None:
    """A block of mixed types, orders and gaps decodes to what was put in."""
    wire, points, expected, address = b"", [], [], 100
    for i in range(data.draw(st.integers(1, 6))):
        name = data.draw(st.sampled_from(sorted(TYPES)))
        order = data.draw(st.sampled_from(list(WordOrder)))
        code, values = TYPES[name]
        value = data.draw(values)
        gap = data.draw(st.integers(0, 2))
        wire += b"\xa5" * 2 * gap
        address += gap
        packed = struct.pack(code, value)
        wire += on_wire(order, packed)
        points.append(point(f"p{i}", address, name, word_order=order))
        expected.append(float(value))
        address += len(packed) // 2
    compiled = block(*points)
    values_read, qualities = compiled.decode(wire[2 * (compiled.request.address - 100) :])
    assert list(values_read) == expected
    assert set(qualities) == {GOOD}
    assert compiled.names == tuple(p.tag for p in points)


@pytest.mark.parametrize("type_and_nan", [("float32", struct.pack(">f", math.nan)), ("float64", struct.pack(">d", math.nan))])
def test_nan_is_no_value_and_its_neighbours_stay(type_and_nan: tuple[str, bytes]) -> None:
    kind, nan = type_and_nan
    size = len(nan) // 2
    packed = struct.pack(">f" if kind == "float32" else ">d", 7.5)
    compiled = block(point("a", 0, kind), point("b", size, kind), point("c", 2 * size, kind))
    values, qualities = compiled.decode(packed + nan + packed)
    assert list(values) == [7.5, None, 7.5]
    assert list(qualities) == [GOOD, NO_VALUE, GOOD]


def test_an_infinite_float_is_undecodable() -> None:
    values, qualities = block(point("a", 0, "float32")).decode(struct.pack(">f", math.inf))
    assert (values[0], qualities[0]) == (None, Quality.DECODE_ERROR)


@pytest.mark.parametrize(
    ("type", "raw", "sentinel", "is_value"),
    [("int16", "8000", 0x8000, False), ("int16", "8000", -32768, False), ("int16", "8001", 0x8000, True),
     ("uint16", "FFFF", 0xFFFF, False), ("uint32", "FFFFFFFF", 0xFFFFFFFF, False), ("int32", "7FFFFFFF", 0x7FFFFFFF, False),
     ("float32", "FF7FFFFF", 0xFF7FFFFF, False), ("float32", "42480A3D", 0xFF7FFFFF, True),
     ("uint64", "FFFFFFFFFFFFFFFF", 2**64 - 1, False)],
)
def test_sentinels_are_raw_integers(type: str, raw: str, sentinel: int, is_value: bool) -> None:
    values, qualities = block(point("x", 5, type, sentinel=(sentinel,))).decode(bytes.fromhex(raw))
    assert (values[0] is not None) is is_value
    assert qualities[0] == (GOOD if is_value else NO_VALUE)


def test_a_sentinel_beside_values_without_one() -> None:
    values, qualities = block(point("a", 0, "uint16", sentinel=(65535,)), point("b", 1, "uint16")).decode(b"\xff\xff\xff\xff")
    assert list(values) == [None, 65535.0]
    assert list(qualities) == [NO_VALUE, GOOD]


@pytest.mark.parametrize(
    ("quantity", "unit", "scale", "offset", "raw", "expected"),
    [(Quantity.ACTIVE_POWER, "W", 1.0, 0.0, 12345, 12.345), (Quantity.VOLTAGE, "V", 0.1, 0.0, 2301, 230.1),
     (Quantity.ENERGY_IMPORT, "MWh", 0.001, 0.0, 5, 5.0), (Quantity.TEMPERATURE, "°C", 0.5, -40.0, 200, 60.0),
     (Quantity.POWER_FACTOR, "%", 1.0, 0.0, 95, 0.95)],
)
def test_scale_offset_and_unit(quantity: Quantity, unit: str, scale: float, offset: float, raw: int, expected: float) -> None:
    compiled = block(point("x", 0, "uint16", quantity, unit, scale=scale, offset=offset))
    assert compiled.decode(raw.to_bytes(2, "big"))[0][0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("quantity", "unit", "factor"),
    [(Quantity.ACTIVE_POWER, "kW", 200), (Quantity.ENERGY_IMPORT, "kWh", 200), (Quantity.CURRENT, "A", 20),
     (Quantity.VOLTAGE, "V", 10), (Quantity.POWER_FACTOR, "1", 1), (Quantity.FREQUENCY, "Hz", 1)],
)
def test_secondary_values_are_multiplied_by_their_transformers(quantity: Quantity, unit: str, factor: float) -> None:
    secondary = block(point("x", 0, "uint16", quantity, unit, secondary=True), ct=20, vt=10)
    primary = block(point("x", 0, "uint16", quantity, unit), ct=20, vt=10)
    assert secondary.decode(b"\0\x03")[0][0] == pytest.approx(3 * factor)
    assert primary.decode(b"\0\x03")[0][0] == pytest.approx(3)


def test_sixteen_inputs_share_one_mask_register() -> None:
    """Mask 8005h: inputs 1, 3 and 16 are on (worked frame of the MV110)."""
    compiled = block(*(point(f"di_{i + 1}", 51, "bit", Quantity.STATE, "1", bit=i) for i in range(16)))
    assert compiled.request == ReadRequest(3, 51, 1)
    values, _ = compiled.decode(bytes.fromhex("8005"))
    assert [i + 1 for i, v in enumerate(values) if v == 1.0] == [1, 3, 16]


def test_bool_of_a_register_and_bit_tables() -> None:
    assert list(block(point("a", 0, "bool"), point("b", 1, "bool")).decode(b"\0\x07\0\0")[0]) == [1.0, 0.0]
    coils = block(*(point(f"c{a}", a, "bit", table="coil") for a in (3, 4, 12)))
    assert coils.request == ReadRequest(1, 3, 10)
    assert coils.request.reply_bytes == 2
    assert list(coils.decode(bytes((0b0000_0010, 0b10)))[0]) == [0.0, 1.0, 1.0]


def test_texts_do_not_travel_as_values() -> None:
    serial = Point("serial", Quantity.TEXT, "", ModbusPoint("holding", 0, "string", length=4))
    state = Point("mode", Quantity.TEXT, "", ModbusPoint("holding", 4, "uint16"), enum={2: "auto"})
    compiled = block(serial, state, point("x", 5, "uint16"))
    data = b"AB\x0712\0zz" + b"\0\x02" + b"\0\x09"
    assert compiled.names == ("x",)
    assert list(compiled.decode(data)[0]) == [9.0]
    assert compiled.texts(data) == {"serial": "AB12", "mode": "auto"}
    swapped = Point("s", Quantity.TEXT, "", ModbusPoint("holding", 0, "string", WordOrder.BIG_SWAPPED, length=2))
    assert block(swapped).texts(b"BADC") == {"s": "ABCD"}


def test_raw_words_for_the_electrician() -> None:
    compiled = block(point("f", 10, "float32"), point("n", 13, "uint16"))
    assert compiled.raw(bytes.fromhex("42480A3D0000BEEF")) == {"f": "4248 0A3D", "n": "BEEF"}


def test_two_readings_of_the_same_registers() -> None:
    """A probe may lay several types over the same words."""
    orders = [point(o.name, 0, "float32", word_order=o) for o in WordOrder]
    values, _ = block(*orders, point("hi", 0, "uint16"), point("lo", 1, "uint16")).decode(bytes.fromhex("42480A3D"))
    assert values[0] == pytest.approx(50.01, abs=1e-5)
    assert list(values[4:]) == [0x4248, 0x0A3D]


def test_decode_is_a_few_microseconds() -> None:
    """10 floats in any order: the budget of the hot path is 10 us a block, of the processor: others may have the machine."""
    import time
    import timeit

    def cost_us(decode: Callable[[bytes], object], data: bytes) -> float:
        return min(timeit.repeat(lambda: decode(data), timer=time.thread_time, number=2000, repeat=5)) / 2000 * 1e6

    for order in WordOrder:
        compiled = block(*(point(f"p{i}", 2 * i, "float32", Quantity.VOLTAGE, "mV", word_order=order) for i in range(10)))
        data = b"".join(on_wire(order, struct.pack(">f", 1000.0 + i)) for i in range(10))
        assert compiled.decode(data)[0][9] == pytest.approx(1.009)
        assert cost_us(compiled.decode, data) < 50


def a_byte_each(order: WordOrder, big_endian: bytes) -> bytes:
    """Each byte in a register of its own, by the definition in words."""
    parts = big_endian[::-1] if order in {WordOrder.LITTLE, WordOrder.LITTLE_SWAPPED} else big_endian
    upper = order in {WordOrder.BIG_SWAPPED, WordOrder.LITTLE_SWAPPED}
    return b"".join(bytes((byte, 0)) if upper else bytes((0, byte)) for byte in parts)


@pytest.mark.parametrize("order", list(WordOrder))
def test_registers_that_hold_one_byte_each(order: WordOrder) -> None:
    points = [
        point("u", 10, "int32", Quantity.VOLTAGE, "V", scale=0.001, word_order=order, bytes_per_register=1),
        point("p", 14, "int32", Quantity.ACTIVE_POWER, "kW", scale=0.001, word_order=order, bytes_per_register=1),
        point("f", 18, "float32", Quantity.FREQUENCY, "Hz", scale=0.001, word_order=order, bytes_per_register=1),
        point("plain", 22, "uint16"),
    ]
    compiled = block(*points)
    assert (compiled.request.address, compiled.request.count) == (10, 13)
    data = b"".join((
        a_byte_each(order, struct.pack(">i", 230_517)), a_byte_each(order, struct.pack(">i", -1_500)),
        a_byte_each(order, struct.pack(">f", 50_010.0)), b"\x12\x34",
    ))  # fmt: skip
    values, qualities = compiled.decode(data)
    assert values == pytest.approx([230.517, -1.5, 50.01, 0x1234])
    assert list(qualities) == [GOOD] * 4


def test_a_single_value_of_one_byte_each_is_not_taken_for_neighbours() -> None:
    compiled = block(point("n", 0, "uint32", bytes_per_register=1))
    assert compiled.decode(bytes((0, 1, 0, 2, 0, 3, 0, 4)))[0] == [0x01020304]
