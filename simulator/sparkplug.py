"""Sparkplug B payloads as an edge node writes them, byte by byte.

Source: Eclipse Sparkplug 3.0.0, chapter 6; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from simulator.control_words import Wire

INT64, DOUBLE, STRING = 4, 10, 12
_MASK: Final = 2**64 - 1


def payload(
    metrics: Mapping[str, Wire], time_us: int, sequence: int | None, aliases: Mapping[str, int] | None, *, birth: bool
) -> bytes:
    """A birth (names, aliases, types) or data (aliases alone, where there are any). `sequence` 0 to 255."""
    stamp = _number(1, time_us // 1000)
    body = b"".join(_bytes(2, _metric(name, value, aliases, birth)) for name, value in metrics.items())
    return stamp + body + (b"" if sequence is None else _number(3, sequence))


def _metric(name: str, value: Wire, aliases: Mapping[str, int] | None, birth: bool) -> bytes:
    alias = None if aliases is None else aliases[name]
    head = b"" if alias is not None and not birth else _bytes(1, name.encode())
    if alias is not None:
        head += _number(2, alias)
    kind = STRING if isinstance(value, str) else INT64 if isinstance(value, int) else DOUBLE
    head += _number(4, kind) if birth or alias is None else b""
    if value is None:
        return head + _number(7, 1)
    if isinstance(value, str):
        return head + _bytes(15, value.encode())
    return head + (_number(11, value) if isinstance(value, int) else b"\x69" + struct.pack("<d", value))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & _MASK)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
