"""S7 addresses, types, blocks and packets: pure, against bytes written by hand and by the library's own setters."""

from __future__ import annotations

import struct
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snap7 import util

from data_collection.s7.block import Block, Located, merged, packets, split
from data_collection.s7.plan import Plan
from data_collection.s7.texts import READERS
from data_collection.values import PointValue
from domain.errors import ConfigError
from domain.places.s7 import Address, S7Place, parsed_address
from domain.plant import Device
from domain.profile import Group, Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity


def point(tag: str, address: str, type: str, quantity: Quantity = Quantity.OTHER, unit: str = "", **more: object) -> Point:
    place = {k: more.pop(k) for k in ("length", "encoding") if k in more}
    return Point(tag, quantity, unit, S7Place(address, type, **place), **more)  # type: ignore[arg-type]


def located(*points: Point) -> list[Located]:
    found = []
    for p in points:
        assert isinstance(p.where, S7Place)
        found.append(Located(p.where, p.where.parsed, PointValue(p)))
    return found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("DB10.DBD4", Address("DB", 10, 4, None, "D")), ("%db10.dbx8.2", Address("DB", 10, 8, 2)),
        ("DB7.26", Address("DB", 7, 26, None)), ("DB7.26.5", Address("DB", 7, 26, 5)), ("MW20", Address("M", 0, 20, None, "W")),
        ("M10.3", Address("M", 0, 10, 3)), ("%I0.7", Address("I", 0, 0, 7)), ("E0.7", Address("I", 0, 0, 7)),
        ("AW4", Address("Q", 0, 4, None, "W")), ("QB1", Address("Q", 0, 1, None, "B")),
    ],
)  # fmt: skip
def test_addresses_as_the_engineering_tools_write_them(text: str, address: Address) -> None:
    assert parsed_address(text) == address


@pytest.mark.parametrize("text", ["", "DB0.DBD0", "DB1", "DB1.DBX3", "DB1.DBW2.1", "M10.8", "T5", "MD70000", "DB1.DBD-4", "MW 2 0"])
def test_what_is_no_address(text: str) -> None:
    assert parsed_address(text) is None


def test_every_type_against_the_setters_of_the_library() -> None:
    data = bytearray(400)
    util.set_bool(data, 0, 3, True)
    util.set_usint(data, 1, 200)
    util.set_sint(data, 2, -100)
    util.set_word(data, 4, 0xBEEF)
    util.set_int(data, 6, -30_000)
    util.set_uint(data, 8, 60_000)
    util.set_dword(data, 10, 0xDEADBEEF)
    util.set_dint(data, 14, -2_000_000_000)
    util.set_udint(data, 18, 4_000_000_000)
    util.set_real(data, 22, 50.01)
    util.set_lreal(data, 26, 123_456_789.123)
    struct.pack_into(">qQ", data, 34, -(2**60), 2**63)
    struct.pack_into(">iqH", data, 50, 90_500, 1_500_000_000, 0x1250)
    util.set_string(data, 70, "ВАЛ-7".encode("cp1251").decode("latin-1"), 20)
    util.set_wstring(data, 100, "Деталь", 20)
    util.set_date(data, 150, date(2026, 11, 26))
    data[160:168] = bytes.fromhex("2611261359593215")
    data[170:182] = struct.pack(">H6BI", 2026, 11, 26, 5, 13, 59, 58, 123_000_000)
    struct.pack_into(">I", data, 190, 49_500_250)
    numbers = [
        ("bool", "DB1.DBX0.3", "BOOL", 1.0), ("usint", "DB1.DBB1", "USINT", 200.0), ("sint", "DB1.DBB2", "SINT", -100.0),
        ("word", "DB1.DBW4", "WORD", float(0xBEEF)), ("int", "DB1.DBW6", "INT", -30_000.0), ("uint", "DB1.DBW8", "UINT", 60_000.0),
        ("dword", "DB1.DBD10", "DWORD", float(0xDEADBEEF)), ("dint", "DB1.DBD14", "DINT", -2e9), ("udint", "DB1.DBD18", "UDINT", 4e9),
        ("real", "DB1.DBD22", "REAL", pytest.approx(50.01)), ("lreal", "DB1.26", "LREAL", 123_456_789.123),
        ("lint", "DB1.34", "LINT", -(2.0**60)), ("ulint", "DB1.42", "ULINT", 2.0**63), ("time", "DB1.DBD50", "TIME", 90_500.0),
        ("ltime", "DB1.54", "LTIME", 1.5e9), ("s5time", "DB1.DBW62", "S5TIME", 25_000.0),
    ]  # fmt: skip
    texts = [
        ("string", "DB1.70", "STRING", "ВАЛ-7"), ("wstring", "DB1.100", "WSTRING", "Деталь"), ("date", "DB1.DBW150", "DATE", "2026-11-26"),
        ("dt", "DB1.160", "DT", "2026-11-26 13:59:59.321"), ("dtl", "DB1.170", "DTL", "2026-11-26 13:59:58.123"),
        ("tod", "DB1.DBD190", "TOD", "13:45:00.250"),
    ]  # fmt: skip
    points = [point(tag, address, kind) for tag, address, kind, _ in numbers]
    points += [
        point(tag, address, kind, Quantity.TEXT, length=20 if "STRING" in kind else 0, encoding="cp1251") for tag, address, kind, _ in texts
    ]
    (block,) = merged(located(*points), 462, 48)
    values, qualities = block.decode(bytes(data[: block.size]))
    found = dict(zip((p.tag for p in block.numbers), values, strict=True))
    assert found == {tag: value for tag, _, _, value in numbers}
    assert set(qualities) == {0}
    assert block.decode_texts(bytes(data[: block.size])) == {tag: text for tag, _, _, text in texts}


@pytest.mark.parametrize(
    ("type", "data"),
    [("DTL", bytes(12)), ("DTL", struct.pack(">H6BI", 2026, 2, 30, 1, 0, 0, 0, 0)), ("DT", b"\xff" * 8), ("STRING", b"\x05\xc8hello"),
     ("WSTRING", b"\0\2\0\5" + bytes(4)), ("TOD", b"\xff" * 4), ("DATE", b"\xff\xff")],
)  # fmt: skip
def test_bytes_that_are_no_date_and_no_text(type: str, data: bytes) -> None:
    block = Block(located(point("t", "DB1.0", type, Quantity.TEXT, length=5 if type == "STRING" else 2 if type == "WSTRING" else 0)))
    assert block.decode_texts(data.ljust(block.size, b"\0")) == {"t": None}


def test_units_scale_and_numbers_that_are_none() -> None:
    block = Block(located(
        point("p", "DB1.DBD0", "REAL", Quantity.ACTIVE_POWER, "W"), point("u", "DB1.DBD4", "REAL", Quantity.VOLTAGE, "V", scale=0.1),
        point("t", "DB1.DBW8", "INT", Quantity.TEMPERATURE, "°C", scale=0.1, offset=-20.0),
    ))  # fmt: skip
    values, qualities = block.decode(struct.pack(">ffh", 1500.0, float("nan"), 215))
    assert values == [1.5, None, pytest.approx(1.5)]
    assert list(qualities) == [0, Quality.NO_VALUE, 0]


def test_points_are_read_in_as_few_blocks_and_packets_as_the_pdu_allows() -> None:
    points = [point(f"r{i}", f"DB1.DBD{4 * i}", "REAL") for i in range(200)]
    points += [point("far", "DB1.DBD2000", "REAL"), point("m", "M10.3", "BOOL"), point("i", "IW4", "INT"), point("q", "QB1", "BYTE")]
    blocks = merged(located(*points), 462, 48)
    assert [(b.area, b.start, b.size) for b in blocks] == [
        ("DB", 0, 460), ("DB", 460, 340), ("DB", 2000, 4), ("I", 4, 2), ("M", 10, 1), ("Q", 1, 1),
    ]  # fmt: skip
    assert [[b.area for b in packet] for packet in packets(blocks, 480)] == [["DB"], ["DB", "DB", "I", "M", "Q"]]
    small = merged(located(*points), 222, 48)
    assert all(b.size <= 222 for b in small)
    assert all(sum(4 + b.size + b.size % 2 for b in packet) + 14 <= 240 for packet in packets(small, 240))


def test_a_refused_block_is_split_at_gaps_then_in_halves() -> None:
    (block,) = merged(located(point("a", "DB1.DBW0", "INT"), point("b", "DB1.DBW10", "INT"), point("c", "DB1.DBW12", "INT")), 462, 48)
    assert [[p.tag for p in part.located] for part in split(block)] == [["a"], ["b", "c"]]
    (_, pair) = split(block)
    assert [[p.tag for p in part.located] for part in split(pair)] == [["b"], ["c"]]
    assert split(split(pair)[0]) == []
    (bits,) = merged(located(point("x", "M0.0", "BOOL"), point("y", "M0.1", "BOOL")), 462, 48)
    assert split(bits) == []


def test_a_profile_with_the_number_of_its_block_open() -> None:
    profile = Profile("p", {}, "", "s7", "", "M", (point("a", "DB{db}.DBD0", "REAL"),), parameters={"db": 100})
    plan = Plan(Device("d", "l", profile, options={"db": 7}), 1.0, 480)
    assert plan.groups[Group.FAST].blocks[0].db == 7
    with pytest.raises(ConfigError, match=r"d: point a: 'DB0\.DBD0' is no S7 address"):
        Plan(Device("d", "l", profile, options={"db": 0}), 1.0, 480)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=24, max_size=24))
def test_no_bytes_break_a_text(data: bytes) -> None:
    for kind in sorted(READERS):
        length = {"STRING": 22, "WSTRING": 10}.get(kind, 0)
        block = Block(located(point("t", "DB1.0", kind, Quantity.TEXT, length=length, encoding="utf-8")))
        (text,) = block.decode_texts(data[: block.size]).values()
        assert text is None or text == "" or text.isprintable()
