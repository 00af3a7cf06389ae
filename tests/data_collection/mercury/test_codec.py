"""The 86 worked frames: requests come out byte for byte, replies decode to the printed values. Nothing that writes is built."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from data_collection.mercury import codec, decode
from data_collection.mercury.codec import Request
from data_collection.mercury.crc import crc16, crc_fits, with_crc
from data_collection.mercury.reply import Habits, Reply, ReplyParser
from tests.data_collection.mercury.worked_frames import FRAMES

Check = tuple[Callable[[], Request], Callable[[bytes], object] | None, object]
WRITES = {42, 43, 44, 45, 46}
BINARY, TEXT = b"\1" * 6, b"111111"
NO = None


def energies(data: bytes) -> tuple[float | None, ...]:
    return tuple(decode.energies(data).values())


def row(bwri: int) -> Callable[[bytes], tuple[float | None, ...]]:
    return lambda data: tuple(decode.GROUPS[bwri](data).values())


def single(bwri: int) -> Callable[[bytes], float | None]:
    return lambda data: decode.one_value(bwri, data)


def status(code: int) -> object:
    return ("status", code)


def moment(data: bytes) -> object:
    found = decode.clock(data)
    return found.at, found.weekday, found.winter


def some(data: bytes) -> object:
    """A few values of the long reply."""
    v = decode.all_values(data)
    names = ("p_sum", "q_sum", "s_sum", "u_l1", "angle_12", "i_l1", "pf_sum", "f", "thd_u_l1", "temperature")
    return tuple(v[name] for name in names)


def variant_facts(data: bytes) -> object:
    v = decode.variant(data)
    return v.raw, v.nominal_v, v.constant, v.two_directions


def passport_facts(data: bytes) -> object:
    p = decode.passport(data)
    return p.serial.number, p.serial.made, p.firmware, p.variant.raw


def last_record(data: bytes) -> object:
    r = decode.last_record(data)
    return r.place, r.status, r.at, r.period_min


def at(*numbers: int) -> datetime:
    return datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001


c = codec
CHECKS: dict[int, Check] = {
    1: (lambda: c.open_channel(0, BINARY), None, status(0)),
    2: (lambda: c.energy(0), energies, (3196200, NO, 300444, NO)),
    3: (lambda: c.energy(0, 6), lambda d: tuple(decode.energies_by_phase(d).values()), (3196201, 3145769, 300445)),
    4: (lambda: c.one(0, 0x11), single(0x11), 241.28),
    5: (lambda: c.one(0, 0x13), single(0x13), 504.05),
    6: (lambda: c.one(0, 0x21), single(0x21), 0.069),
    7: (lambda: c.one(0, 0x23), single(0x23), 0.102),
    8: (lambda: c.one(0, 0x40), single(0x40), 1.44),
    9: (lambda: c.one(0, 0x61), single(0x61), 368.65),
    10: (lambda: c.one(0, 0x70), single(0x70), 24),
    11: (lambda: c.one(0, 0x00), single(0x00), 5530.95),
    12: (lambda: c.one(0, 0x01), single(0x01), -5530.95),
    13: (lambda: c.one(0, 0x04), single(0x04), -5530.95),
    14: (lambda: c.one(0, 0x12), None, status(5)),
    15: (lambda: c.link_test(0x30), None, status(0)),
    16: (lambda: c.parameter(0x30, 5), lambda d: d[1], 48),
    17: (lambda: c.parameter(0x30, 3), decode.firmware, "8.0.0"),
    18: (lambda: c.parameter(0x30, 0x26), bytes.hex, "4e51"),
    19: (lambda: c.parameter(0x30, 2), decode.ratios, decode.Ratios(1, 1)),
    20: (lambda: c.link_test(0x91), None, None),
    21: (lambda: c.close_channel(0x91), None, None),
    22: (lambda: c.serial(0x91), None, None),
    23: (lambda: c.parameter(0x91, 0x12), None, None),
    24: (lambda: c.energy(0x91, 6), None, None),
    25: (lambda: c.group(0x91, 0x00), row(0x00), (7360.0, 7360.0, 0.0, -12.34)),
    26: (lambda: c.one(0x91, 0x01), None, None),
    27: (lambda: c.one(0x91, 0x03), None, None),
    28: (lambda: c.group(0x4D, 0x40), row(0x40), (50.03,)),
    29: (lambda: c.energy(0x4D), None, None),
    30: (lambda: c.group(0x4D, 0x11), None, None),
    31: (lambda: c.group(0x4D, 0x21), None, None),
    32: (lambda: c.link_test(0x31), None, None),
    33: (lambda: c.open_channel(0x31, BINARY), None, None),
    34: (lambda: c.energy(0x31, tariff=1), None, None),
    35: (lambda: c.group(0x31, 0x00), None, None),
    36: (lambda: c.group(0x31, 0x51), None, None),
    37: (lambda: c.parameter(5, 1), None, None),
    38: (lambda: c.parameter(0x22, 0x18), bytes.hex, "0008"),
    39: (lambda: c.link_test(0x80), None, status(0)),
    40: (lambda: c.open_channel(0x80, TEXT), None, status(0)),
    41: (lambda: c.close_channel(0x80), None, status(0)),
    47: (lambda: c.clock(0x80), moment, (at(2008, 2, 27, 16, 14, 43), 3, True)),
    48: (
        lambda: c.journal(0x80, 2), decode.journal_times, (at(2008, 1, 23, 10, 23, 53), at(2008, 1, 23, 10, 23, 59), 0)
    ),
    49: (lambda: c.journal(0x80, 9, 0), decode.journal_time, at(2008, 3, 3, 18, 1, 7)),
    50: (lambda: c.journal(0x80, 0x0B, 0), decode.journal_time, at(2008, 2, 20, 12, 15, 2)),
    51: (lambda: c.journal(0x42, 0x13, 5), lambda d: d.hex(" "), "01 08 18 05 41 10 00 00 00 00 02 00"),
    52: (
        lambda: c.journal(0x80, 0x20, 1), decode.journal_times, (at(2008, 1, 18, 15, 9, 43), at(2008, 1, 18, 15, 10, 30), NO)
    ),
    53: (
        lambda: c.journal(0x14, 0x30, 0xF9, b"\2"),
        lambda d: [int.from_bytes(d[i : i + 2], "little") for i in range(0, 16, 2)], [0, 3, 3, 0, 0, 4, 0, 0],
    ),
    54: (lambda: c.energy(0x80, 3, 1), energies, (2672, NO, 1000, 0)),
    55: (lambda: c.quadrants(0x14), lambda d: tuple(decode.quadrants(d).values()), (1645, 0, 0, 241)),
    56: (lambda: c.snapshot(0x14, 3, 1, 2, 19), lambda d: tuple(decode.quadrants(d).values()), (2510, 0, 0, 274)),
    57: (lambda: c.serial(0x80), decode.serial, decode.Serial("41906467", date(2020, 6, 22))),
    58: (
        lambda: c.parameter(0x42, 1), passport_facts, ("32874766", date(2018, 6, 26), "9.0.0", "B4 E3 C2 97 DF 58")
    ),
    59: (lambda: c.parameter(0x80, 0x1D), lambda d: d[1], 1),
    60: (lambda: c.parameter(0x80, 0x07), bytes.hex, "020703030710"),
    61: (lambda: c.parameter(0x80, 0x08), lambda d: int.from_bytes(d, "little"), 30),
    62: (lambda: c.parameter(0x80, 0x09), bytes.hex, "8421"),
    63: (lambda: c.parameter(0x80, 0x0A), decode.status_word, ("E-03",)),
    64: (lambda: c.parameter(0x80, 0x0B), bytes.hex, "80827366"),
    65: (lambda: c.parameter(0x80, 0x0C, b"\2"), bytes.hex, "0009001100180020"),
    66: (
        lambda: c.fixed(0x80, 0x08), lambda d: tuple(decode.power_fixed("s", d).values()), (107.27, 107.27, 0.0, 0.0)
    ),
    67: (lambda: c.one(0x80, 0x11), single(0x11), 221.07),
    68: (lambda: c.one(0x80, 0x40), single(0x40), 49.99),
    69: (lambda: c.one(0x80, 0x61), single(0x61), 2.01),
    70: (lambda: c.one(0x80, 0x70), single(0x70), 24),
    71: (lambda: c.fixed(0x80, 0xF0), energies, (13868, NO, 1839, 0)),
    72: (lambda: c.parameter(0x42, 0x12), variant_facts, ("B4 E3 C2 97 DF 58", 230.0, 500, False)),
    73: (lambda: c.parameter(0x80, 0x13), last_record, (0x0010, 0x0A, at(2008, 3, 4, 9, 0), 30)),
    74: (lambda: c.parameter(0x80, 0x17), bytes.hex, "0000"),
    75: (lambda: c.parameter(0x80, 0x18), bytes.hex, "0902"),
    76: (lambda: c.parameter(0x80, 0x19), decode.three_bytes, 20),
    77: (lambda: c.parameter(0x80, 0x21), tuple, (20, 10)),
    78: (lambda: c.parameter(0x80, 0x24), bytes.hex, "0402"),
    79: (lambda: c.parameter(0x80, 0x26), bytes.hex, "7ef5"),
    80: (lambda: c.display_serial(0x49), bytes.hex, "00816803"),
    81: (lambda: c.group(0x11, 0x11), row(0x11), (231.07, 229.84, 232.51)),
    82: (lambda: c.group(0x11, 0x21), row(0x21), (4.512, 0.0, 3.987)),
    83: (lambda: c.group(0x11, 0x04), row(0x04), (-1523.45, -523.45, 600.0, -400.0)),
    84: (lambda: c.group(0x11, 0x51), row(0x51), (NO, NO, NO)),
    85: (lambda: c.energy(0x11), None, status(3)),
    86: (
        lambda: c.group(0x11, codec.ALL), some,
        (7123.45, 2100.22, 7426.6, 231.07, 120.1, 10.82, 0.959, 50.01, 1.5, 31),
    ),
}


def reply_to(request: Request, frame: bytes) -> Reply:
    parser = ReplyParser(request, Habits())
    reply = parser.feed(frame) or parser.settle()
    assert reply is not None, f"no reply found in {frame.hex(' ')}"
    return reply


def test_every_worked_frame_is_covered() -> None:
    assert set(FRAMES) == set(range(1, 87)) == set(CHECKS) | WRITES


@pytest.mark.parametrize("number", sorted(CHECKS))
def test_worked_frame(number: int) -> None:
    build, read, expected = CHECKS[number]
    asked, answered = (bytes.fromhex(text) for text in FRAMES[number])
    request = build()
    assert request.frame == asked
    if not answered:
        assert expected is None
        return
    reply = reply_to(request, answered)
    if read is None:
        assert status(reply.status or 0) == expected
        assert reply.status is not None
        return
    found: Any = read(reply.data)
    wanted: Any = expected
    close = isinstance(wanted, float) or (isinstance(wanted, tuple) and any(isinstance(x, float) for x in wanted))
    assert found == (pytest.approx(wanted, abs=1e-9) if close else wanted)


@pytest.mark.parametrize("number", sorted(WRITES))
def test_what_writes_cannot_be_built(number: int) -> None:
    asked = bytes.fromhex(FRAMES[number][0])
    assert crc_fits(asked)
    with pytest.raises(ValueError, match="only reading"):
        Request(asked[0], asked[1], asked[2:-2])


def test_only_reading_commands_and_the_readers_level_can_be_built() -> None:
    allowed = set()
    for command in range(256):
        try:
            Request(17, command, b"\1")
            allowed.add(command)
        except ValueError:
            continue
    assert allowed == {0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x15, 0x16, 0x18}
    for level in (0, 2, 3):
        with pytest.raises(ValueError, match="level 1"):
            Request(17, 0x01, bytes((level,)) + b"222222")


@pytest.mark.parametrize("address", [-1, 0xF1, 0xFD, codec.BROADCAST, 0xFF, 256])
def test_addresses_nobody_answers_at_cannot_be_asked(address: int) -> None:
    with pytest.raises(ValueError, match="address"):
        codec.link_test(address)


@pytest.mark.parametrize(
    "build",
    [
        lambda: c.energy(17, 7), lambda: c.energy(17, 0, 13), lambda: c.energy(17, 0, 0, 7), lambda: c.one(17, 0x0C),
        lambda: c.group(17, 0x10), lambda: c.group(17, 0x41), lambda: c.fixed(17, 0xF5), lambda: c.parameter(17, 0x0D),
        lambda: c.parameter(17, 0x03, b"\0"), lambda: c.parameter(17, 0x0C), lambda: c.open_channel(17, b"12345"),
        lambda: c.profile_records(17, 5, 0), lambda: c.recent_records(17, 0, 18), lambda: c.snapshot(17, 3, 32, 1, 24),
    ],
)
def test_questions_with_unknown_replies_are_refused(build: Callable[[], Request]) -> None:
    with pytest.raises(ValueError, match=r"."):
        build()


def test_a_password_shows_in_no_text() -> None:
    request = codec.open_channel(17, b"S3CR3T")
    for text in (repr(request), str(request), request.shown, request.frame_for_people.hex(" ")):
        assert "S3CR3T" not in text
        assert b"S3CR3T".hex(" ") not in text.lower()


def test_check_sum_agrees_with_the_bitwise_definition() -> None:
    def slow(data: bytes) -> int:
        crc = 0xFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        return crc

    for size in range(60):
        data = bytes((7 * size + 31 * i) & 0xFF for i in range(size))
        assert crc16(data) == slow(data)
        assert crc_fits(with_crc(data)) or not data


def test_a_profile_record_is_asked_for_with_exactly_one_or_seventeen() -> None:
    assert codec.profile_records(17, 0, 0x10).frame[1:-2].hex(" ") == "06 03 00 10 0f"
    assert codec.profile_records(17, 3, 0x1ABC0, second=True, many=True).frame[1:-2].hex(" ") == "06 b5 ab c0 ff"
    assert codec.profile_records(17, 0, 0, many=True).reply_bytes == (255,)
    assert codec.recent_records(17, 258, 2).frame[1:-2].hex(" ") == "16 03 01 02 02"
