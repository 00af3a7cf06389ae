"""A stream of bytes becomes frames, and finds its way back after bytes that are none. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final

LONGEST: Final = 65_536


class FrameSplitter:
    """Frames of `length` bytes, or ended by `delimiter` (which is taken off). `faults` counts by kind what was no frame.

    A stream has no frames of its own: one that is too long or too short is seen by what is left over when the peer pauses.
    `paused` is to be called then; it drops the rest, so that the next byte begins a frame.
    """

    def __init__(self, length: int | None = None, delimiter: bytes | None = None) -> None:
        if (length is None) == (delimiter is None):
            raise ValueError("a frame ends by its length or by a delimiter")
        self.length, self.delimiter = length, delimiter
        self.faults: Counter[str] = Counter()
        self.last_dropped = b""
        self._rest = bytearray()
        self._burst = 0  # whole frames since the last pause

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete."""
        self._rest += data
        frames = self._by_length() if self.length is not None else self._by_delimiter()
        self._burst += len(frames)
        return frames

    def paused(self) -> None:
        """The peer is quiet: what is left over belongs to no frame."""
        if self._rest:
            self._drop("too_long" if self._burst else "too_short")
        self._burst = 0

    def _by_length(self) -> list[bytes]:
        size = self.length or 1
        whole = len(self._rest) // size
        frames = [bytes(self._rest[i * size:(i + 1) * size]) for i in range(whole)]
        del self._rest[:whole * size]
        return frames

    def _by_delimiter(self) -> list[bytes]:
        *frames, rest = bytes(self._rest).split(self.delimiter or b"\n")
        self._rest = bytearray(rest)
        if len(self._rest) > LONGEST:
            self._drop("too_long")
        good = [frame for frame in frames if len(frame) <= LONGEST]
        self.faults["too_long"] += len(frames) - len(good)
        if not self.faults["too_long"]:
            del self.faults["too_long"]
        return good

    def _drop(self, kind: str) -> None:
        self.faults[kind] += 1
        self.last_dropped = bytes(self._rest[:64])
        self._rest.clear()
