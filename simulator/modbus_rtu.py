"""Modbus on a byte line: stations that answer RTU or ASCII frames. A stream server carries the bytes.

Source: Modbus over Serial Line V1.02. A station is silent to damaged frames, to frames of others and to broadcasts.
"""

from __future__ import annotations

import binascii

from simulator.modbus_unit import ModbusUnit

_POLYNOMIAL = 0xA001


def _crc_of_byte(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ _POLYNOMIAL if value & 1 else value >> 1
    return value


_CRC = tuple(_crc_of_byte(n) for n in range(256))


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first, as it is sent."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def lrc(data: bytes) -> int:
    """Longitudinal redundancy check of ASCII frames: two's complement of the sum."""
    return -sum(data) & 0xFF


class ModbusRtuStation:
    """A unit on an RTU line. `feed` gets what arrived up to a pause."""

    def __init__(self, unit: ModbusUnit) -> None:
        self.unit = unit

    @property
    def address(self) -> int:
        return self.unit.address

    def feed(self, request: bytes, now_s: float) -> bytes | None:
        """The reply frame, None for silence."""
        del now_s  # Modbus has no sessions
        if len(request) < 4 or request[0] != self.unit.address or crc16(request[:-2]) != request[-2:]:
            return None
        faults = self.unit.faults
        if faults and faults.take("silence") is not None:
            return None
        reply = bytes(request[:1]) + self.unit.answer(bytes(request[1:-2]))
        if faults and faults.take("wrong_unit") is not None:
            reply = bytes(((reply[0] + 1) & 0xFF,)) + reply[1:]
        check = crc16(reply)
        if faults and faults.take("bad_crc") is not None:
            check = bytes((check[0] ^ 0x55, check[1]))
        reply += check
        return reply + reply if faults and faults.take("double") is not None else reply


class ModbusAsciiStation:
    """A unit on an ASCII line: `:` + hexadecimal + LRC + CR LF."""

    def __init__(self, unit: ModbusUnit) -> None:
        self.unit = unit

    @property
    def address(self) -> int:
        return self.unit.address

    def feed(self, request: bytes, now_s: float) -> bytes | None:
        """The reply frame, None for silence."""
        del now_s
        body = request.strip()
        if not body.startswith(b":"):
            return None
        try:
            frame = binascii.unhexlify(body[1:])
        except binascii.Error:
            return None
        if len(frame) < 3 or frame[0] != self.unit.address or lrc(frame[:-1]) != frame[-1]:
            return None
        faults = self.unit.faults
        if faults and faults.take("silence") is not None:
            return None
        reply = frame[:1] + self.unit.answer(frame[1:-1])
        check = lrc(reply)
        if faults and faults.take("bad_crc") is not None:
            check ^= 0x55
        return b":" + binascii.hexlify(reply + bytes((check,))).upper() + b"\r\n"
