"""Listening in on a line: its last frames, kept only while somebody looks. A line that nobody watches pays nothing."""

from __future__ import annotations

from collections import deque
from typing import Final

from data_collection.driver import Trace
from data_collection.frame_meaning import meaning, without_secrets
from domain.line_frame import FrameMeaning, LineFrame, LineFrames
from domain.plant import Device, Line
from domain.ports import Clock

KEPT: Final = 500
LONGEST: Final = 512  # bytes of a frame that are kept
LEASE_S: Final = 15.0  # a page that is gone stops asking: the line is left alone again
SHOWN: Final = ("modbus-tcp", "serial", "rtu-over-tcp", "lsv2", "s7")  # transports whose drivers hand out their frames


class LineMonitor:
    """Of one line. `trace()` for each poll, `took` when the poll is over."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line, self._clock = line, clock
        self._frames: deque[LineFrame] = deque(maxlen=KEPT)
        self._number = 0
        self._until = clock.monotonic() + LEASE_S

    @property
    def watched(self) -> bool:
        """Has anybody asked lately?"""
        return self._clock.monotonic() < self._until

    def trace(self) -> Trace:
        """For one poll; the driver reads as it does without."""
        return Trace(by_hand=False)

    def took(self, device: Device, trace: Trace, error: str) -> None:
        """A poll is over: keep its frames, the pieces of an answer together."""
        offset_us = self._clock.now_us() - round(self._clock.monotonic() * 1e6)
        pieces = _joined(trace.frames)
        for index, (direction, at, data) in enumerate(pieces):
            self._number += 1
            shown = without_secrets(self._line.transport, data)
            meant = self._meaning(device, direction, shown)
            told = error if index == len(pieces) - 1 else ""
            self._frames.append(LineFrame(
                self._number, round(at * 1e6) + offset_us, direction, device.id, shown[:LONGEST], len(data), meant, told[:300],
            ))  # fmt: skip

    def after(self, number: int, limit: int = 200) -> LineFrames:
        """Frames with higher numbers, at most the newest `limit`; whoever asks keeps the monitor alive."""
        self._until = self._clock.monotonic() + LEASE_S
        found = [frame for frame in self._frames if frame.number > number]
        shown = found[-limit:]
        missed = (shown[0].number - number - 1) if shown and number else 0
        return LineFrames(shown, self._number, max(0, missed), self._line.transport in SHOWN)

    def _meaning(self, device: Device, direction: str, data: bytes) -> FrameMeaning:
        mode = str(self._line.options.get("mode", "rtu"))
        return meaning(self._line.transport, mode, device.profile.protocol, direction, data)


def _joined(frames: list[tuple[str, float, bytes]]) -> list[tuple[str, float, bytes]]:
    """Bytes that came in several pieces are one answer, with the time of its first."""
    found: list[tuple[str, float, bytes]] = []
    for direction, at, data in frames:
        if found and direction == "rx" and found[-1][0] == "rx":
            found[-1] = ("rx", found[-1][1], found[-1][2] + data)
        elif data:
            found.append((direction, at, data))
    return found
