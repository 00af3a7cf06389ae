"""What a control answers, decoded. Pure. Raises DecodeError where the bytes make no sense.

Texts are Latin-1, padded with NUL or blanks. Numbers are big-endian, but for PLC memory and the tool's measures (little-endian).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import DecodeError

Value = float | str
NO_MORE_ALARMS: Final = 57
NO_PRIVILEGE: Final = 23
NOT_LOGGED_IN: Final = 49
TOO_MANY_CONNECTIONS: Final = 80
ERRORS: Final[Mapping[int, str]] = {
    20: "badly formed telegram", 21: "unexpected telegram", 22: "unknown telegram", 23: "no privilege for it",
    24: "wrong parameter", 25: "broken off by the user", 30: "wrong key or password", 46: "not in this DNC state",
    49: "not logged in for it", 50: "wrong parameter", 52: "no such memory address", 56: "not in this operating mode",
    57: "no further message", 58: "time-out of the access", 60: "not while a program runs", 61: "reference point missing",
    63: "not found", 67: "not activated", 72: "out of range", 73: "no such axis", 80: "too many connections",
    81: "no free handle", 90: "busy", 91: "busy", 92: "not connected",
}  # fmt: skip
UNSUPPORTED: Final = frozenset({20, 21, 22, 24, 50, 52, 63, 67, 72, 73})  # will not change by asking again soon


def error_text(payload: bytes) -> tuple[int, str]:
    """Code and meaning of a T_ER (class, code)."""
    code = payload[1] if len(payload) >= 2 else payload[0] if payload else 0
    return code, f"error {code} ({ERRORS.get(code, 'unknown')})"


def text(data: bytes) -> str:
    """A text without padding and control characters."""
    return "".join(c for c in data.split(b"\0", 1)[0].decode("latin-1") if c.isprintable()).strip()


def _unpack(layout: str, data: bytes, what: str, *, at: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, at)
    except struct.error:
        raise DecodeError(f"{what}: {len(data)} bytes, too few: {data[:32].hex(' ')}") from None


def _texts(data: bytes, at: int, count: int, what: str) -> list[str]:
    """So many NUL-terminated texts from `at`."""
    parts = data[at:].split(b"\0")
    if len(parts) <= count:  # the last part is what follows the last NUL
        raise DecodeError(f"{what}: {len(parts) - 1} texts instead of {count}: {data[:40].hex(' ')}")
    return [text(part) for part in parts[:count]]


def number16(data: bytes) -> Mapping[str, Value]:
    """State of execution, status of the program."""
    if len(data) != 2:
        raise DecodeError(f"state: {len(data)} bytes instead of 2: {data[:16].hex(' ')}")
    return {"": float(int.from_bytes(data))}


def seconds32(data: bytes) -> Mapping[str, Value]:
    """A running time [s]."""
    if len(data) != 4:
        raise DecodeError(f"running time: {len(data)} bytes instead of 4: {data[:16].hex(' ')}")
    return {"": float(int.from_bytes(data))}


def program_stack(data: bytes) -> Mapping[str, Value]:
    """`line`: block number; `main`: the selected program; `current`: the one (perhaps a subprogram) that runs."""
    (line,) = _unpack(">I", data, "program stack")
    main, current = _texts(data, 4, 2, "program stack")
    return {"line": float(line), "main": main, "current": current}


def overrides(data: bytes) -> Mapping[str, Value]:
    """Feed, spindle, rapid [%]."""
    feed, spindle, rapid = _unpack(">3I", data, "overrides")
    return {"feed": feed / 100, "spindle": spindle / 100, "rapid": rapid / 100}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A message that stands on the control's screen. `kind`: its class, as the control numbers them."""

    kind: int
    group: int
    number: int
    text: str


def alarm(data: bytes) -> Alarm:
    """One message."""
    kind, group, number = _unpack(">HHi", data, "alarm")
    return Alarm(kind, group, number, text(data[8:]))


def alarms(messages: Sequence[Alarm]) -> Mapping[str, Value]:
    """`active` 1 or 0, `count`, `number`, `class`, `group` and `text` of the first; all texts joined in `texts`."""
    first = messages[0] if messages else Alarm(0, 0, 0, "")
    return {
        "active": 1.0 if messages else 0.0, "count": float(len(messages)), "number": float(first.number),
        "class": float(first.kind), "group": float(first.group), "text": first.text,
        "texts": "; ".join(m.text for m in messages),
    }  # fmt: skip


def axes(data: bytes) -> Mapping[str, Value]:
    """Positions by the name of the axis [mm or °]."""
    _, count = _unpack(">BB", data, "axes")
    parts = _texts(data, 2, 2 * count, "axes")
    try:
        positions = [float(part) for part in parts[:count]]
    except ValueError:
        raise DecodeError(f"axes: a position is no number: {parts[:count]}") from None
    return dict(zip(parts[count:], positions, strict=True))


_TOOL_AXES: Final = {0: "X", 1: "Y", 2: "Z"}


def tool(data: bytes) -> Mapping[str, Value]:
    """Number, index and axis of the tool in the spindle; length and radius [mm] where the control tells them."""
    number, index, axis = _unpack(">IHH", data, "tool")
    found: dict[str, Value] = {"number": float(number), "index": float(index), "axis": _TOOL_AXES.get(axis, str(axis))}
    if len(data) >= 24:
        length, radius = struct.unpack_from("<2d", data, 8)
        if not (math.isfinite(length) and math.isfinite(radius)):
            raise DecodeError("tool: length or radius is no number")
        found |= {"length": length, "radius": radius}
    return found


def version(data: bytes) -> Mapping[str, Value]:
    """Control, NC software, PLC software, options; five texts where there is a safety PLC."""
    parts = [text(part) for part in data.rstrip(b"\0").split(b"\0")]
    if len(parts) < 3 or not parts[0]:
        raise DecodeError(f"version: {len(parts)} texts: {data[:40].hex(' ')}")
    return {"control": parts[0], "nc_software": parts[1], "plc_software": parts[2], "options": parts[-1]}


@dataclass(frozen=True, slots=True)
class Area:
    """One area of PLC memory: where it begins, and its size in bytes."""

    start: int
    size: int


class MemoryMap:
    """Areas of a control's PLC memory, from its parameters."""

    def __init__(self, data: bytes) -> None:
        """`data`: payload of S_PR. Raises DecodeError."""
        if len(data) not in {120, 124}:
            raise DecodeError(f"parameters: {len(data)} bytes instead of 120 or 124")
        numbers = struct.unpack_from(">14I8B8I", data)
        words = Area(numbers[10], 2 * numbers[11])
        self._areas: Mapping[str, Area] = {
            "marker": Area(numbers[0], numbers[1]), "input": Area(numbers[2], numbers[3]),
            "output": Area(numbers[4], numbers[5]), "counter": Area(numbers[6], numbers[7]),
            "timer": Area(numbers[8], numbers[9]), "byte": words, "word": words, "dword": words,
        }  # fmt: skip

    def area(self, kind: str) -> Area:
        return self._areas[kind]


def _bit(data: bytes) -> Value:
    return 1.0 if data[0] else 0.0


def _signed(data: bytes) -> Value:
    return float(int.from_bytes(data, "little", signed=True))


MEMORY: Final[Mapping[str, Callable[[bytes], Value]]] = {  # how a value of each kind of memory is read
    **dict.fromkeys(("marker", "input", "output", "counter", "timer"), _bit), **dict.fromkeys(("byte", "word", "dword"), _signed),
}  # fmt: skip
