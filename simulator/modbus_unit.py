"""One Modbus unit: its registers and what it answers to a request. Knows nothing of TCP or serial lines.

Source: Modbus Application Protocol Specification V1.1b3, chapters 6 and 7.
Reads only (function codes 1 to 4), as the product reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulator.faults import FaultBox

TABLE_OF_FUNCTION = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class Registers:
    """Words (or bits) of one table between the lowest and highest defined address."""

    def __init__(self, addresses: Iterable[int], *, bits: bool = False, gap: int = 0) -> None:
        """`addresses`: the defined ones. Holes of up to `gap` between them read as zero; wider ones are refused."""
        defined = sorted(set(addresses))
        if not defined:
            raise ValueError("a table needs at least one register")
        if defined[0] < 0 or defined[-1] > 0xFFFF:
            raise ValueError("a register address lies between 0 and 65535")
        self.defined = tuple(defined)
        self.first, self.end = defined[0], defined[-1] + 1
        self._width = 1 if bits else 2
        self.data = bytearray((self.end - self.first) * self._width)
        self._pointed = bytearray(self.end - self.first)
        self._readable = bytearray(self.end - self.first)
        previous = defined[0]
        for address in defined:
            self._pointed[address - self.first] = 1
            reach = previous if address - previous - 1 <= gap else address
            self._readable[reach - self.first : address + 1 - self.first] = b"\x01" * (address + 1 - reach)
            previous = address

    def readable(self, address: int, count: int, *, strict: bool) -> bool:
        """May this block be read? `strict`: without any hole."""
        start, end = address - self.first, address - self.first + count
        if start < 0 or address + count > self.end:
            return False
        return (self._pointed if strict else self._readable).find(0, start, end) < 0

    def read(self, address: int, count: int) -> bytes:
        """The bytes of a block as they go over the wire (bits: one byte each)."""
        start = (address - self.first) * self._width
        return bytes(self.data[start : start + count * self._width])

    def write(self, address: int, data: bytes) -> None:
        """Set bytes from a register on."""
        start = (address - self.first) * self._width
        self.data[start : start + len(data)] = data


class ModbusUnit:
    """A device behind one unit id.

    `refresh` is called before each answer and brings the registers up to date (it decides itself whether that is due).
    `max_registers`: longer reads get exception 3, as real meters do.
    """

    def __init__(
        self, address: int, tables: dict[str, Registers], *, refresh: Callable[[], None] | None = None,
        max_registers: int = 125, max_bits: int = 2000,
    ) -> None:
        self.address, self.tables, self.refresh = address, tables, refresh
        self.max_registers, self.max_bits = max_registers, max_bits
        self.faults = FaultBox()
        self.requests = 0

    def answer(self, pdu: bytes) -> bytes:
        """The reply to a request (function code on), an exception reply included; only the faults that change its content."""
        self.requests += 1
        function = pdu[0]
        if self.faults:
            fault = self.faults.take("exception")
            if fault is not None:
                return bytes((function | 0x80, fault.code))
        name = TABLE_OF_FUNCTION.get(function)
        table = self.tables.get(name) if name else None
        if table is None:
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        if len(pdu) != 5:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        address, count = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
        if not 1 <= count <= (self.max_bits if function <= 2 else self.max_registers):
            return bytes((function | 0x80, ILLEGAL_VALUE))
        if not table.readable(address, count, strict=self.faults.peek("refuse_gaps") is not None):
            return bytes((function | 0x80, ILLEGAL_ADDRESS))
        if self.refresh is not None and self.faults.peek("freeze") is None:
            self.refresh()
        data = table.read(address, count)
        if function <= 2:
            data = pack_bits(data)
        reply = bytes((function, len(data))) + data
        return self._spoil(reply) if self.faults else reply

    def _spoil(self, reply: bytes) -> bytes:
        """Apply the faults that make a reply one to another question."""
        if self.faults.take("wrong_function") is not None:
            reply = bytes((4 if reply[0] == 3 else 3,)) + reply[1:]
        if self.faults.take("wrong_count") is not None:
            reply = bytes((reply[0], len(reply))) + reply[2:] + b"\x12\x34"
        return reply


def pack_bits(bits: bytes) -> bytes:
    """Eight bits to a byte, the first in the lowest place (specification, 6.1)."""
    packed = bytearray((len(bits) + 7) // 8)
    for index, bit in enumerate(bits):
        if bit:
            packed[index >> 3] |= 1 << (index & 7)
    return bytes(packed)
