"""What went over a line, for people who look for a fault: frames with their time, and what they seem to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FrameMeaning:
    """`kind`: a known kind of frame (modbus.read, modbus.data, modbus.exception, mercury.request ...), "" when it is none.

    `values`: its parts (unit, function, address, count ...). `sum_fits`: does the check sum fit; None where there is none.
    """

    kind: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    sum_fits: bool | None = None


@dataclass(frozen=True, slots=True)
class LineFrame:
    """One frame. `number` grows; `direction`: tx (sent by us) | rx. `data`: the first 512 of `size` bytes, without secrets.

    `error`: what the poll that it belongs to ended with, on its last frame; "" when it went well.
    """

    number: int
    time_us: int
    direction: str
    device: str
    data: bytes
    size: int
    meaning: FrameMeaning
    error: str = ""


@dataclass(frozen=True, slots=True)
class LineFrames:
    """Frames after a number, the oldest first. `missed`: how many fell out before they were fetched.

    `visible`: False where the line's protocol hands out no frames.
    """

    frames: Sequence[LineFrame]
    last: int
    missed: int = 0
    visible: bool = True
