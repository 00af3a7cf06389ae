"""Stations on byte lines: the worked frames of the counting module, silence where a device would be silent, ASCII frames."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.profile_catalog import ProfileCatalog
from domain.plant import Device
from simulator.faults import Fault
from simulator.modbus_rtu import ModbusAsciiStation, ModbusRtuStation, crc16, lrc
from simulator.registers import ModbusMap


def module() -> ModbusMap:
    made = ModbusMap(Device("parts", "l1", ProfileCatalog.shipped().get("owen-mv110-16dn"), 16))
    made.write({"di_1": 1.0, "di_3": 1.0, "di_16": 1.0})
    made.write({"counter_1": 65534.0, "counter_2": 3.0})
    return made


@pytest.mark.parametrize(("request_", "reply"), [
    ("10 03 00 33 00 01 77 44", "10 03 02 80 05 E5 84"),
    ("10 04 00 40 00 10 F3 53", "10 04 20 FF FE 00 03" + " 00" * 28 + " BE 2D"),
    ("10 03 00 33 00 1D 76 8D", "10 83 02 90 F4"),
])  # fmt: skip
def test_worked_frames_of_the_fact_sheet(request_: str, reply: str) -> None:
    assert ModbusRtuStation(module().unit).feed(bytes.fromhex(request_), 0.0) == bytes.fromhex(reply)


def test_counters_wrap_at_sixteen_bits() -> None:
    made = module()
    made.write({"counter_1": 65537.0})
    request = bytes.fromhex("100300400001")
    reply = ModbusRtuStation(made.unit).feed(request + crc16(request), 0.0)
    assert reply is not None
    assert int.from_bytes(reply[3:5]) == 1


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=12))
def test_foreign_and_damaged_frames_get_silence(noise: bytes) -> None:
    assert ModbusRtuStation(module().unit).feed(noise, 0.0) is None
    assert ModbusAsciiStation(module().unit).feed(noise, 0.0) is None


def test_frames_to_others_and_broadcasts_get_silence() -> None:
    station = ModbusRtuStation(module().unit)
    for address in (0, 15, 17):
        frame = bytes((address,)) + bytes.fromhex("0300330001")
        assert station.feed(frame + crc16(frame), 0.0) is None


def test_faults_of_a_station() -> None:
    made = module()
    station = ModbusRtuStation(made.unit)
    request = bytes.fromhex("1003003300017744")
    good = station.feed(request, 0.0)
    assert good is not None
    made.unit.faults.set(Fault("silence", times=1))
    assert station.feed(request, 0.0) is None
    made.unit.faults.set(Fault("bad_crc", times=1))
    spoilt = station.feed(request, 0.0)
    assert spoilt is not None
    assert spoilt != good
    assert crc16(spoilt[:-2]) != spoilt[-2:]
    made.unit.faults.set(Fault("wrong_unit", times=1))
    foreign = station.feed(request, 0.0)
    assert foreign is not None
    assert foreign[0] == 17
    assert crc16(foreign[:-2]) == foreign[-2:]
    assert station.feed(request, 0.0) == good


def test_an_ascii_station_answers_in_ascii() -> None:
    station = ModbusAsciiStation(module().unit)
    body = bytes.fromhex("100300330001")
    request = b":" + (body + bytes((lrc(body),))).hex().upper().encode() + b"\r\n"
    reply = bytes.fromhex("1003028005")
    assert station.feed(request, 0.0) == b":" + (reply + bytes((lrc(reply),))).hex().upper().encode() + b"\r\n"
    assert station.feed(request.replace(b"33", b"34"), 0.0) is None
