"""CRC16/Modbus, as Mercury frames carry it: polynomial A001h reflected, start FFFFh, low byte first. Pure."""

from __future__ import annotations

from typing import Final


def _entry(byte: int) -> int:
    crc = byte
    for _ in range(8):
        crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_TABLE: Final = tuple(_entry(byte) for byte in range(256))


def crc16(data: bytes | bytearray | memoryview) -> int:
    """The check sum of `data`."""
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def with_crc(data: bytes) -> bytes:
    """`data` followed by its check sum."""
    return data + crc16(data).to_bytes(2, "little")


def crc_fits(frame: bytes | bytearray | memoryview) -> bool:
    """Does the frame end with its own check sum? (The remainder over data and check sum is 0.)"""
    return len(frame) >= 3 and crc16(frame) == 0
