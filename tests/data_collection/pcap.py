"""A reader of classic packet captures, just enough for TCP over IPv4 on Ethernet."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment with payload."""

    time_s: float
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    payload: bytes


def segments(path: Path) -> Iterator[Segment]:
    """TCP segments with payload, in the order of the capture."""
    data = path.read_bytes()
    order = "<" if data[:4] in {b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"} else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, kept, _ = struct.unpack(order + "IIII", data[at : at + 16])
        packet = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        segment = _tcp(packet, link, seconds + fraction / 1e6)
        if segment is not None:
            yield segment


def _tcp(packet: bytes, link: int, time_s: float) -> Segment | None:
    start = {1: 14, 101: 0, 113: 16}[link]
    if link == 1:
        kind = int.from_bytes(packet[12:14], "big")
        while kind == 0x8100:  # VLAN tag
            kind, start = int.from_bytes(packet[start + 2 : start + 4], "big"), start + 4
        if kind != 0x0800:
            return None
    ip = packet[start:]
    if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != 6:
        return None
    total, header = int.from_bytes(ip[2:4], "big"), 4 * (ip[0] & 15)
    tcp = ip[header:total]
    if len(tcp) < 20:
        return None
    source, target, sequence = struct.unpack(">HHI", tcp[:8])
    payload = tcp[4 * (tcp[12] >> 4) :]
    if not payload:
        return None
    return Segment(time_s, (_address(ip[12:16]), source), (_address(ip[16:20]), target), sequence, payload)


def _address(four: bytes) -> str:
    return ".".join(str(b) for b in four)
