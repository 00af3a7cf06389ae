"""Answers to requests. Pure: a PDU in, a PDU out. Source: Modbus Application Protocol Specification V1.1b3."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from domain.product import NAME, VERSION

READ_HOLDING, READ_INPUT, ENCAPSULATED, DEVICE_IDENTIFICATION = 3, 4, 0x2B, 0x0E
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, GATEWAY_TARGET_SILENT = 1, 2, 3, 0x0B
MOST_REGISTERS: Final = 125
UNITS: Final = frozenset({0, 1, 255})
"""The map answers under these: 255 and 0 mean the server itself over TCP, 1 is what many clients cannot leave out."""
_READ = struct.Struct(">HH")
_CONFORMITY: Final = 0x82  # regular identification, as a stream and one by one


class Memory(Protocol):
    """What can be read."""

    def read(self, address: int, count: int, now_us: int) -> bytes | None:
        """None where one of the registers is not in the map."""
        ...


class Answers:
    """Answers of one server; what is refused is counted by kind."""

    def __init__(self, memory: Memory, refused: Counter[str]) -> None:
        self._memory, self._refused = memory, refused
        self.site = ""

    def answer(self, unit: int, pdu: bytes, now_us: int) -> bytes:
        """To one request of at least a function code: data, or an exception."""
        function = pdu[0]
        if unit not in UNITS:
            return self._exception(function, GATEWAY_TARGET_SILENT, "unit")
        if function in (READ_HOLDING, READ_INPUT):
            return self._registers(function, pdu, now_us)
        if function == ENCAPSULATED and pdu[1:2] == bytes((DEVICE_IDENTIFICATION,)):
            return self._identification(pdu)
        return self._exception(function, ILLEGAL_FUNCTION, "function")

    def _registers(self, function: int, pdu: bytes, now_us: int) -> bytes:
        if len(pdu) != 5:
            return self._exception(function, ILLEGAL_VALUE, "value")
        address, count = _READ.unpack_from(pdu, 1)
        if not 1 <= count <= MOST_REGISTERS:
            return self._exception(function, ILLEGAL_VALUE, "value")
        found = self._memory.read(address, count, now_us)
        if found is None:
            return self._exception(function, ILLEGAL_ADDRESS, "address")
        return bytes((function, len(found))) + found

    def _identification(self, pdu: bytes) -> bytes:
        if len(pdu) != 4 or not 1 <= pdu[2] <= 4:
            return self._exception(ENCAPSULATED, ILLEGAL_VALUE, "value")
        code, first = pdu[2], pdu[3]
        objects = _objects(self.site)
        if code == 4:
            if first not in objects:
                return self._exception(ENCAPSULATED, ILLEGAL_ADDRESS, "address")
            chosen = {first: objects[first]}
        else:
            offered = {number: value for number, value in objects.items() if code > 1 or number < 3}
            chosen = {number: value for number, value in offered.items() if number >= first} if first in offered else offered
        listed = b"".join(bytes((number, len(value))) + value for number, value in chosen.items())
        return bytes((ENCAPSULATED, DEVICE_IDENTIFICATION, code, _CONFORMITY, 0, 0, len(chosen))) + listed

    def _exception(self, function: int, code: int, kind: str) -> bytes:
        self._refused[kind] += 1
        return bytes((function | 0x80, code))


def _objects(site: str) -> Mapping[int, bytes]:
    """Vendor, product code, revision; address of the vendor (none), product, model, application."""
    name = NAME.encode()
    return {0: name, 1: b"energy-monitoring", 2: VERSION.encode(), 3: b"", 4: name, 5: b"Register map 1", 6: site.encode()[:60]}
