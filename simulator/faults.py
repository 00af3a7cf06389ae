"""What can be wrong with a simulated device, on command or on a timetable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KINDS = frozenset(
    {
        "silence",  # no reply
        "delay",  # the reply comes `seconds` late
        "exception",  # Modbus exception `code` instead of data
        "foreign_tid",  # reply with another transaction id (Modbus TCP)
        "wrong_unit",  # reply of another unit
        "wrong_function",  # reply to another function
        "wrong_count",  # byte count does not match the request
        "double",  # the reply comes twice
        "swap",  # two replies of one connection change places (Modbus TCP)
        "drop",  # the connection is closed instead of a reply (Modbus TCP)
        "freeze",  # values stand still
        "refuse_gaps",  # exception 2 for blocks that touch a register without a point
        "bad_crc",  # damaged check sum (RTU, ASCII)
        "echo",  # the request comes back before the reply (byte lines)
        "split",  # the reply comes in single bytes (byte lines)
        "noise",  # foreign bytes before the reply (byte lines, LSV2)
        "cut",  # half a reply, then nothing (LSV2)
        "stop",  # the controller's CPU is in STOP (S7)
        "refuse_login",  # the login is refused (LSV2)
    }
)


@dataclass(slots=True)
class Fault:
    """One fault that stands until cleared, or for the next `times` requests. `seconds` of a delay, `code` of an exception."""

    kind: str
    seconds: float = 0.0
    code: int = 4
    times: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; known: {', '.join(sorted(KINDS))}")


class FaultBox:
    """The faults that stand on one device."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def set(self, fault: Fault) -> None:
        """A fault of the same kind is replaced."""
        self._faults[fault.kind] = fault

    def clear(self, kind: str | None = None) -> None:
        """End one kind, or all."""
        if kind is None:
            self._faults.clear()
        else:
            self._faults.pop(kind, None)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def peek(self, kind: str) -> Fault | None:
        """The standing fault without using it up."""
        return self._faults.get(kind)

    def take(self, kind: str) -> Fault | None:
        """The standing fault of that kind; uses up one of its `times`."""
        fault = self._faults.get(kind)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self._faults[kind]
        return fault


@dataclass(frozen=True, slots=True)
class Outage:
    """A timetable of lost communication: silent for `lasts_s` in each period of `every_s`, `after_s` into it (UTC).

    A function of time alone, so that the history before the start and the live part agree.
    """

    device_id: str
    every_s: float
    lasts_s: float
    after_s: float = 0.0

    def at(self, time_us: int) -> bool:
        """Is the device silent at this time?"""
        return (time_us / 1e6 - self.after_s) % self.every_s < self.lasts_s


def silent_at(outages: Iterable[Outage], device_id: str, time_us: int) -> bool:
    """Does any timetable silence that device at this time?"""
    return any(o.device_id == device_id and o.at(time_us) for o in outages)
