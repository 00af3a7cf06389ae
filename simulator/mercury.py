"""A simulated Mercury meter: a station on a byte line that obeys the vendor's description, silences included.

Source: Incotex, "Описание системы команд приборов учета Меркурий", 05.2023; what firmware does differently is an option.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from simulator.faults import FaultBox
from simulator.mercury_values import MeterValues, energy_row, fixed_power_rows, fixed_row, four, group_rows, one_row, other_rows
from simulator.modbus_rtu import crc16

OPEN_FOR_S: Final = 240.0
_UNIVERSAL, _BROADCAST = 0x00, 0xFE
_DONE, _NOT_ALLOWED, _LEVEL, _NOT_OPEN = 0, 1, 3, 5
_LENGTHS: Final[Mapping[int, frozenset[int]]] = {  # whole request frames, by command
    0x00: frozenset({4}), 0x01: frozenset({11}), 0x02: frozenset({4}), 0x04: frozenset({5, 6, 7}), 0x05: frozenset({6}),
    0x06: frozenset({8}), 0x08: frozenset({5, 6}), 0x15: frozenset({6}), 0x16: frozenset({8}), 0x17: frozenset({6}),
    0x18: frozenset({9}),
}  # fmt: skip
_NOTHING = (0.0, 0.0, 0.0, 0.0)

Snapshots = Mapping[tuple[int, int], tuple[float | None, ...]]
"""(array, month) to A+, A-, R+, R- in Wh: what 05h and 18h answer beside array 0."""


def default_address(serial: str, *, d_protocol: bool) -> int:
    """The address a meter leaves the factory with, by its serial number."""
    last = int(serial[-3:])
    if not d_protocol:
        return (last if last <= 239 else int(serial[-2:])) or 1
    address = last if last <= 124 else int(serial[-2:])
    while address < 17:
        address += 10
    return address


@dataclass(frozen=True, slots=True)
class Habits:
    """How this firmware behaves where meters differ."""

    refusal: Literal["status", "silence"] = "status"  # of a wrong password
    all_in_one: Literal["86", "95", "refused", "silent"] = "86"  # 08h 16h A0h
    power_factor: Literal[9, 12] = 12  # bytes of 08h 16h 31h
    snapshots: Literal["yes", "refused", "silent"] = "yes"  # 18h
    accelerated: bool = True  # 05h with tariff 6
    repeats_command: bool = False
    line_voltages: bool = True  # 08h 16h 81h
    temperature: bool = True


@dataclass(slots=True)
class MercuryMeter:
    """One meter. `values`: what it measures now (secondary); `local_time`: its own clock; `password_1`, `password_2`: six
    bytes, by default the factory's: digits in ASCII with index D, in binary without. `writes`: what someone tried to set."""

    address: int
    serial: str
    values: Callable[[], MeterValues]
    local_time: Callable[[], datetime]
    d_protocol: bool = True
    password_1: bytes = b""
    password_2: bytes = b""
    kn: int = 1
    kt: int = 1
    made: date = date(2023, 5, 15)
    firmware: tuple[int, int, int] = (9, 0, 0)
    two_directions: bool = True
    nominal_v: float = 230.0
    errors: frozenset[int] = frozenset()  # E-xx numbers that stand
    multiplier: int = 1
    habits: Habits = Habits()
    snapshots: Snapshots = field(default_factory=dict)
    faults: FaultBox = field(default_factory=FaultBox)
    asked: int = 0  # valid requests
    opened: int = 0
    denied: int = 0
    writes: list[bytes] = field(default_factory=list)
    _level: int = 0
    _last_s: float = 0.0
    _fixed: tuple[MeterValues, bytes] | None = None

    def __post_init__(self) -> None:
        low, high = (17, 124) if self.d_protocol else (1, 239)
        if not low <= self.address <= high:
            raise ValueError(f"a meter {'with' if self.d_protocol else 'without'} index D has an address from {low} to {high}")
        self.password_1 = self.password_1 or (b"111111" if self.d_protocol else b"\1" * 6)
        self.password_2 = self.password_2 or (b"222222" if self.d_protocol else b"\2" * 6)

    # ---- the line ----

    def feed(self, request: bytes, now_s: float) -> bytes | None:
        """What a pause has ended. The reply, or None: silent for others, damaged frames, wrong lengths and broadcasts."""
        if len(request) < 4 or crc16(request[:-2]) != request[-2:]:
            return None
        address, command = request[0], request[1]
        if address == _BROADCAST:
            if request[1:-2] == b"\x03\x08":
                self._fix()
            return None
        if address not in {self.address, _UNIVERSAL} or not self._fits(request):
            return None
        faults = self.faults
        if faults and faults.take("silence") is not None:
            return None
        self.asked += 1
        if self._level and now_s - self._last_s > OPEN_FOR_S:
            self._level = 0
        if self._level:
            self._last_s = now_s
        answer = self._answer(command, request[2:-2], now_s)
        return None if answer is None else self._frame(address, command, answer)

    def _fits(self, request: bytes) -> bool:
        """Right number of bytes for the command; writes are not for the universal address."""
        command = request[1]
        if command == 0x03:
            return request[0] != _UNIVERSAL and len(request) >= 5
        return command not in _LENGTHS or len(request) in _LENGTHS[command]

    def _frame(self, address: int, command: int, answer: bytes | int) -> bytes:
        """A status (int) or data as a frame, with the faults that lie in it."""
        status = answer if isinstance(answer, int) else _DONE
        body = b"" if isinstance(answer, int) else answer
        if self.habits.repeats_command:
            body = bytes((command, 0x80 if command == 0 else status)) + body
        elif isinstance(answer, int):
            body = bytes((status,))
        faults = self.faults
        if faults and faults.take("wrong_unit") is not None:
            address = address + 1 & 0xFF
        reply = bytes((address,)) + body
        reply += crc16(reply)
        if faults and faults.take("bad_crc") is not None:
            reply = reply[:1] + bytes((reply[1] ^ 0x10,)) + reply[2:]
        return reply + reply if faults and faults.take("double") is not None else reply

    # ---- commands ----

    def _answer(self, command: int, body: bytes, now_s: float) -> bytes | int | None:
        if command == 0x00:
            return _DONE
        if command == 0x01:
            return self._open(body, now_s)
        if command == 0x03:
            return self._write(body)
        if command == 0x08 and body == b"\x00":
            return self._serial()
        if not self._level:
            return _NOT_OPEN
        if command == 0x02:
            self._level = 0
            return _DONE
        if command in {0x05, 0x15}:
            return self._energy(command, body)
        if command == 0x18:
            return self._snapshot(body)
        if command == 0x04:
            return self._journal(body)
        if command == 0x08:
            return self._parameter(body)
        return _NOT_ALLOWED

    def _open(self, body: bytes, now_s: float) -> int | None:
        right = {1: self.password_1, 2: self.password_2}.get(body[0])
        if right is None or body[1:] != right:
            self.denied += 1
            return None if self.habits.refusal == "silence" else _LEVEL
        self._level, self._last_s = body[0], now_s
        self.opened += 1
        return _DONE

    def _write(self, body: bytes) -> int:
        if body == b"\x08":
            self._fix()
            return _DONE
        self.writes.append(body)
        if not self._level:
            return _NOT_OPEN
        return _NOT_ALLOWED if self._level == 2 else _LEVEL

    def _fix(self) -> None:
        self._fixed = (self._now(), self._clock())

    def _now(self) -> MeterValues:
        values = self.values()
        return values if self.two_directions else values.one_direction()

    def _energy(self, command: int, body: bytes) -> bytes | int:
        array, month, tariff = body[0] >> 4, body[0] & 0x0F, body[1]
        values = self._now()
        if command == 0x15:
            reactive = values.energy.get(0, _NOTHING)
            return energy_row((reactive[2], 0.0, 0.0, reactive[3])) if array == 0 else _NOT_ALLOWED
        if array == 6:
            return b"".join(four(v) for v in values.energy_phase) if tariff == 0 else _NOT_ALLOWED
        if array:
            kept = self.snapshots.get((array, month))
            return energy_row(kept) if kept is not None and tariff == 0 else _NOT_ALLOWED
        if tariff == 6:
            if not self.habits.accelerated:
                return _NOT_ALLOWED
            return b"".join(energy_row(values.energy.get(t, _NOTHING)) for t in (1, 2, 3, 4, 0))
        return energy_row(values.energy.get(tariff, _NOTHING)) if tariff <= 4 else _NOT_ALLOWED

    def _snapshot(self, body: bytes) -> bytes | int | None:
        if self.habits.snapshots != "yes":
            return None if self.habits.snapshots == "silent" else _NOT_ALLOWED
        kept = self.snapshots.get((body[0], int(f"{body[2]:x}")))
        return _NOT_ALLOWED if kept is None else energy_row(kept)

    def _journal(self, body: bytes) -> bytes | int:
        if body[:1] == b"\x00":
            return self._clock()
        if len(body) < 2 or not (body[1] <= 9 or body[1] == 0xFF):
            return _NOT_ALLOWED
        return bytes(13 if body[1] == 0xFF else 12)

    def _parameter(self, body: bytes) -> bytes | int | None:
        number, extension = body[0], body[1:]
        if number in {0x11, 0x14, 0x16}:
            return self._measurement(number, extension[0]) if extension else None
        if number == 0x0A:
            return self._status_word()
        variant = self._variant()
        known = {
            0x01: self._serial() + bytes(self.firmware) + variant, 0x02: self.kn.to_bytes(2, "big") + self.kt.to_bytes(2, "big"),
            0x03: bytes(self.firmware), 0x04: bytes((0, self.multiplier)), 0x05: bytes((0, self.address)), 0x12: variant,
            0x1D: bytes((0, self.multiplier)), 0x26: b"\x4e\x51",
        }  # fmt: skip
        return _NOT_ALLOWED if extension or number not in known else known[number]

    def _measurement(self, how: int, bwri: int) -> bytes | int | None:
        habits = self.habits
        if how == 0x14:
            return self._fixed_measurement(bwri)
        if (bwri >> 4 == 7 and not habits.temperature) or (bwri >> 4 == 8 and not habits.line_voltages):
            return _NOT_ALLOWED
        if how == 0x11:
            return one_row(self._now(), bwri) or _NOT_ALLOWED
        if bwri == 0xA0 and habits.all_in_one in {"refused", "silent"}:
            return None if habits.all_in_one == "silent" else _NOT_ALLOWED
        rows = group_rows(self._now())
        if bwri == 0xA0:
            return rows[bwri][: int(habits.all_in_one)]
        if bwri == 0x31:
            return rows[0x30][12 - habits.power_factor :]
        return rows.get(bwri, _NOT_ALLOWED)

    def _fixed_measurement(self, bwri: int) -> bytes | int:
        if self._fixed is None:
            return _NOT_ALLOWED
        values, when = self._fixed
        if bwri >> 4 == 0xF and bwri & 0x0F <= 4:
            return energy_row(values.energy.get(bwri & 0x0F, _NOTHING))
        rows: dict[int, bytes] = {**fixed_power_rows(values), **other_rows(values), 0xE0: when}
        return fixed_row(values, when) if bwri == 0xA0 else rows.get(bwri, _NOT_ALLOWED)

    # ---- what it tells about itself ----

    def _serial(self) -> bytes:
        digits = bytes(int(self.serial[i : i + 2]) for i in range(0, 8, 2))
        return digits + bytes((self.made.day, self.made.month, self.made.year - 2000))

    def _variant(self) -> bytes:
        nominal = 0 if self.nominal_v < 100 else 1
        return bytes((
            0xB0 | nominal << 2, (0 if self.two_directions else 0x80) | 0x20 | (0 if nominal == 0 else 3), 0x42, 0x97, 0xDF,
            0x40 if self.habits.snapshots == "yes" else 0,
        ))  # fmt: skip

    def _status_word(self) -> bytes:
        word = bytearray(6)
        places = (4, 5, 2, 3, 0, 1)
        for number in self.errors:
            word[places[(number - 1) // 8]] |= 1 << (number - 1) % 8
        return bytes(word)

    def _clock(self) -> bytes:
        now = self.local_time()
        numbers = (now.second, now.minute, now.hour, now.isoweekday(), now.day, now.month, now.year - 2000)
        return bytes(n // 10 << 4 | n % 10 for n in numbers) + b"\x01"
