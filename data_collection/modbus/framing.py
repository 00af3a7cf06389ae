"""Modbus RTU and ASCII frames. Pure: bytes in, bytes out; pymodbus's framers do the encoding and the check sums.

There is no transaction id: a reply is recognised by unit, function, byte count and check sum, wherever it begins in what
arrived. Bytes before it (noise, foreign frames, an echo) do not hide it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from pymodbus.framer import FramerAscii, FramerRTU
from pymodbus.pdu import DecodePDU

from data_collection.modbus.block import ReadRequest

_READS: Final = frozenset({1, 2, 3, 4})
_PDU: Final = struct.Struct(">BHH")


@dataclass(frozen=True, slots=True)
class Frame:
    """An undamaged reply: `pdu` begins with the function code; it ends at `end` of the bytes it was found in."""

    unit: int
    pdu: bytes
    end: int

    def mismatch(self, unit: int, request: ReadRequest) -> str | None:
        """What does not match: "unit", "function" or "length"; None when it is the answer."""
        if self.unit != unit:
            return "unit"
        if self.pdu[0] & 0x7F != request.function:
            return "function"
        if not self.pdu[0] & 0x80 and len(self.pdu) != 2 + request.reply_bytes:
            return "length"
        return None


class Framing(Protocol):
    """How a PDU is dressed on the wire."""

    def build(self, unit: int, request: ReadRequest) -> bytes: ...

    def frames(self, data: bytes, unit: int, request: ReadRequest) -> Iterator[Frame]:
        """Undamaged replies in `data`, in order, whatever lies before them; stops where the awaited one is still incomplete."""
        ...

    def reply_size(self, request: ReadRequest) -> int:
        """Bytes of a complete reply on the wire."""
        ...


class RtuFraming:
    """Unit, PDU, CRC16."""

    def __init__(self) -> None:
        self._framer = FramerRTU(DecodePDU(False))

    def build(self, unit: int, request: ReadRequest) -> bytes:
        return self._framer.encode(_PDU.pack(request.function, request.address, request.count), unit, 0)

    def reply_size(self, request: ReadRequest) -> int:
        return 5 + request.reply_bytes

    def frames(self, data: bytes, unit: int, request: ReadRequest) -> Iterator[Frame]:
        awaited = bytes((unit, request.function, request.reply_bytes & 0xFF))
        at = 0
        while at + 5 <= len(data):
            size = self._size(data, at)
            if size and at + size <= len(data):
                if self._intact(data[at : at + size]):
                    at += size
                    yield Frame(data[at - size], data[at - size + 1 : at - 2], at)
                    continue
            elif data.startswith(awaited, at):
                return  # its content must not be searched for frames
            at += 1

    @staticmethod
    def _size(data: bytes, at: int) -> int:
        """Length of the read reply or exception that would begin there; 0 if none can."""
        function = data[at + 1]
        if function & 0x7F not in _READS:
            return 0
        return 5 if function & 0x80 else 5 + data[at + 2] if data[at + 2] else 0

    @staticmethod
    def _intact(frame: bytes) -> bool:
        return bool(FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big")))


class AsciiFraming:
    """Colon, hexadecimal digits, LRC, CR LF."""

    def __init__(self) -> None:
        self._framer = FramerAscii(DecodePDU(False))

    def build(self, unit: int, request: ReadRequest) -> bytes:
        return self._framer.encode(_PDU.pack(request.function, request.address, request.count), unit, 0)

    def reply_size(self, request: ReadRequest) -> int:
        return 11 + 2 * request.reply_bytes

    def frames(self, data: bytes, unit: int, request: ReadRequest) -> Iterator[Frame]:
        end = 0
        for line in data.split(b"\r\n")[:-1]:
            end += len(line) + 2
            digits = line[line.rfind(b":") + 1 :] if b":" in line else b""
            try:
                content = bytes.fromhex(digits.decode("ascii"))
            except ValueError:
                continue
            if len(content) < 4 or not FramerAscii.check_LRC(content[:-1], content[-1]):
                continue
            pdu = content[1:-1]
            well_formed = len(pdu) == 2 if pdu[0] & 0x80 else len(pdu) == 2 + pdu[1]
            if pdu[0] & 0x7F in _READS and well_formed:
                yield Frame(content[0], pdu, end)
