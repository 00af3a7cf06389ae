"""What a frame seems to say, and the same frame without what must not be shown. Pure; never raises."""

from __future__ import annotations

import struct
from typing import Final

from data_collection.mercury.crc import crc16
from domain.line_frame import FrameMeaning

_MBAP: Final = struct.Struct(">HHHBB")
_ASK: Final = struct.Struct(">HH")
_OPEN, _OPEN_BYTES = 0x01, 11  # Mercury: address, command, level, six bytes of password, check sum
_COMMANDS: Final = {
    0x00: "test", 0x01: "open", 0x02: "close", 0x04: "journal", 0x05: "energy", 0x06: "memory", 0x08: "parameter",
    0x15: "quadrants", 0x16: "ring", 0x18: "snapshot",
}  # fmt: skip


def without_secrets(transport: str, data: bytes) -> bytes:
    """Asterisks (2Ah) for the password of a Mercury channel and the check sum that would give it away, wherever it lies."""
    if transport not in {"serial", "rtu-over-tcp"} or len(data) < _OPEN_BYTES:
        return data
    shown = bytearray(data)
    for at in range(len(data) - _OPEN_BYTES + 1):
        frame = data[at : at + _OPEN_BYTES]
        if frame[1] == _OPEN and frame[2] <= 3 and crc16(frame) == 0:
            shown[at + 3 : at + _OPEN_BYTES] = b"*" * 8
    return bytes(shown)


def meaning(transport: str, mode: str, protocol: str, direction: str, data: bytes) -> FrameMeaning:
    """`protocol`: of the device that was asked (modbus, mercury ...); `mode`: of a serial line, rtu or ascii."""
    if transport == "modbus-tcp":
        return _modbus_tcp(direction, data)
    if protocol == "modbus":
        return _ascii(direction, data) if mode == "ascii" else _rtu(direction, data)
    if protocol == "mercury":
        return _mercury(direction, data)
    text = data[4:8].decode("ascii", "replace") if protocol == "lsv2" else ""
    return FrameMeaning("lsv2", {"telegram": text}) if text.isprintable() and text else FrameMeaning()


def _modbus_tcp(direction: str, data: bytes) -> FrameMeaning:
    if len(data) < _MBAP.size:
        return FrameMeaning()
    _tid, zero, _length, unit, function = _MBAP.unpack_from(data)
    return _pdu(direction, unit, function, data[_MBAP.size :]) if zero == 0 else FrameMeaning()


def _rtu(direction: str, data: bytes) -> FrameMeaning:
    if len(data) < 4:
        return FrameMeaning()
    found = _pdu(direction, data[0], data[1], data[2:-2])
    return FrameMeaning(found.kind, found.values, crc16(data) == 0)


def _ascii(direction: str, data: bytes) -> FrameMeaning:
    text = data.strip()
    try:
        body = bytes.fromhex(text[1:].decode("ascii")) if text[:1] == b":" else b""
    except ValueError:
        body = b""
    if len(body) < 4:
        return FrameMeaning()
    found = _pdu(direction, body[0], body[1], body[2:-1])
    return FrameMeaning(found.kind, found.values, sum(body) & 0xFF == 0)


def _pdu(direction: str, unit: int, function: int, rest: bytes) -> FrameMeaning:
    if function & 0x80:
        return FrameMeaning("modbus.exception", {"unit": unit, "function": function & 0x7F, "code": rest[0] if rest else 0})
    if direction == "tx" and len(rest) >= _ASK.size:
        address, count = _ASK.unpack_from(rest)
        return FrameMeaning("modbus.read", {"unit": unit, "function": function, "address": address, "count": count})
    if direction == "rx" and rest:
        return FrameMeaning("modbus.data", {"unit": unit, "function": function, "bytes": rest[0]})
    return FrameMeaning()


def _mercury(direction: str, data: bytes) -> FrameMeaning:
    if len(data) < 4:
        return FrameMeaning()
    masked = data.endswith(b"*" * 8)
    fits = None if masked else crc16(data) == 0
    if direction == "tx":
        command = _COMMANDS.get(data[1])
        values = {"unit": data[0], "command": f"{data[1]:02X}h", "name": command or ""}
        return FrameMeaning("mercury.open" if command == "open" else "mercury.request", values, fits)
    if len(data) == 4:
        return FrameMeaning("mercury.status", {"unit": data[0], "code": data[1] & 0x0F}, fits)
    return FrameMeaning("mercury.data", {"unit": data[0], "bytes": len(data) - 3}, fits)
