"""LSV2 telegrams on a byte stream. Pure: bytes in, telegrams out, however the stream was cut.

A telegram is the length of its payload (4 bytes, big-endian, name not counted), a name of 4 ASCII characters, the payload.
There is no transaction id and no check sum: TCP guards the bytes, the order of the answers is all that joins them to questions.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import DecodeError

LONGEST: Final = 16 * 1024  # payload bytes; the largest block a control sends has 4096
_HEADER: Final = struct.Struct(">I4s")
_NAME: Final = re.compile(rb"[A-Z]_[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True)
class Telegram:
    """One telegram. `name`: four ASCII characters."""

    name: str
    payload: bytes = b""

    def encode(self) -> bytes:
        """As it goes over the wire."""
        return _HEADER.pack(len(self.payload), self.name.encode("ascii")) + self.payload


class Assembler:
    """Puts telegrams together from whatever pieces arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of a telegram that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Sequence[Telegram]:
        """The telegrams that `data` completes. Raises DecodeError when the bytes cannot be LSV2; the stream is lost then."""
        self._buffer += data
        found: list[Telegram] = []
        while len(self._buffer) >= _HEADER.size:
            size, name = _HEADER.unpack_from(self._buffer)
            if not _NAME.match(name) or size > LONGEST:
                raise DecodeError(f"bytes that are no LSV2 telegram: {bytes(self._buffer[:24]).hex(' ')}")
            end = _HEADER.size + size
            if len(self._buffer) < end:
                break
            found.append(Telegram(name.decode("ascii"), bytes(self._buffer[_HEADER.size : end])))
            del self._buffer[:end]
        return found
