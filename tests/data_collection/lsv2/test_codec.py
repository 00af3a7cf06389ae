"""LSV2 telegrams, questions and answers: pure."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyLSV2.const import CMD

from data_collection.lsv2 import decode, requests
from data_collection.lsv2.plan import QUERIES
from data_collection.lsv2.requests import Info, Login, Request
from data_collection.lsv2.telegram import Assembler, Telegram
from domain.errors import DecodeError

READING = {"A_LG", "A_LO", "R_VR", "R_PR", "R_RI", "R_MB"}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.data())
def test_telegrams_are_the_same_however_they_are_cut(payloads: list[bytes], data: st.DataObject) -> None:
    sent = [Telegram("S_RI", payload) for payload in payloads]
    stream = b"".join(t.encode() for t in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    assembler = Assembler()
    found: list[Telegram] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += assembler.feed(stream[start:end])
    assert found == sent
    assert assembler.pending == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=130))
def test_no_answer_breaks_a_decoder(data: bytes) -> None:
    for query in QUERIES.values():
        with contextlib.suppress(DecodeError):
            query.decode(data)
    with contextlib.suppress(DecodeError):
        decode.MemoryMap(data)
    with contextlib.suppress(DecodeError):
        Assembler().feed(data)


@pytest.mark.parametrize("noise", [b"\x00\xf7\x1e\x00\x00\x00\x00T_OK", b"HTTP/1.1 400 Bad", b"\x7f\xff\xff\xffS_RI"])
def test_what_is_no_lsv2_is_said_at_once(noise: bytes) -> None:
    with pytest.raises(DecodeError, match="no LSV2"):
        Assembler().feed(noise)


@pytest.mark.parametrize("name", sorted({c.value for c in CMD} - READING))
def test_a_telegram_that_could_change_anything_cannot_be_built(name: str) -> None:
    with pytest.raises(ValueError, match="no reading telegram"):
        Request(name)


@pytest.mark.parametrize("level", ["FILE", "MONITOR", "DIAGNOSTICS", "OSZI", "FILEPLC", ""])
def test_only_logins_for_reading_can_be_built(level: str) -> None:
    with pytest.raises(ValueError, match="not needed for reading"):
        Request("A_LG", level.encode() + b"\0")


def test_questions_on_the_wire() -> None:
    assert requests.login(Login.PLCDEBUG, "807667").encode() == b"\0\0\0\x10A_LGPLCDEBUG\x00807667\x00"
    assert requests.info(Info.PROGRAM_STATUS).encode() == b"\0\0\0\2R_RI\0\x1a"
    assert requests.memory(0x20010, 4).encode() == b"\0\0\0\5R_MB\x00\x02\x00\x10\x04"
    with pytest.raises(ValueError, match="cannot read 241 bytes"):
        requests.memory(0, 241)


def test_answers() -> None:
    stack = struct.pack(">I", 118) + b"TNC:\\nc_prog\\main.h\0TNC:\\nc_prog\\sub.h\0"
    assert decode.program_stack(stack) == {"line": 118.0, "main": "TNC:\\nc_prog\\main.h", "current": "TNC:\\nc_prog\\sub.h"}
    assert decode.overrides(struct.pack(">3I", 10000, 9550, 2500)) == {"feed": 100.0, "spindle": 95.5, "rapid": 25.0}
    assert decode.axes(b"\0\x02-12.500\x00300.001\x00X\0Y\0") == {"X": -12.5, "Y": 300.001}
    tool = struct.pack(">IHH", 7, 1, 2) + struct.pack("<2d", 81.25, 5.0)
    assert decode.tool(tool) == {"number": 7.0, "index": 1.0, "axis": "Z", "length": 81.25, "radius": 5.0}
    assert decode.tool(tool[:8]) == {"number": 7.0, "index": 1.0, "axis": "Z"}
    message = decode.alarm(struct.pack(">HHi", 2, 3, 1024) + "Zu wenig Öl".encode("latin-1") + b"\0")
    assert message == decode.Alarm(2, 3, 1024, "Zu wenig Öl")
    assert decode.alarms([])["active"] == 0.0
    assert decode.alarms([message, message])["texts"] == "Zu wenig Öl; Zu wenig Öl"


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (decode.number16, b"\1"), (decode.number16, b"\0\1\2"), (decode.seconds32, b"\0\0"), (decode.program_stack, b"\0\0"),
        (decode.program_stack, b"\0\0\0\1TNC:"), (decode.overrides, b"\0" * 11), (decode.alarm, b"\0" * 7),
        (decode.axes, b"\0\x03" + b"1.0\0X\0"), (decode.axes, b"\0\x01abc\0X\0"), (decode.tool, b"\0" * 7),
        (decode.tool, b"\0" * 8 + struct.pack("<2d", float("nan"), 1.0)), (decode.version, b"\0\0\0"),
        (decode.MemoryMap, b"\0" * 119),
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_said(reader: object, data: bytes) -> None:
    with pytest.raises(DecodeError):
        reader(data)  # type: ignore[operator]
