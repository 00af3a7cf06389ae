"""Mercury frames: requests and how long their replies are. Sans-I/O.

Only requests that read can be built: a monitoring program must not be able to change a meter, and level 1 with the factory
password already may (network address, port speed, clock). `Request` refuses every other command, however it is made.

Source: Incotex, "Описание системы команд приборов учета Меркурий", 05.2023, sections 1.5, 2 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from data_collection.mercury.crc import with_crc

UNIVERSAL: Final = 0x00
"""Whoever is alone on the line answers."""
BROADCAST: Final = 0xFE
"""Executed by all, answered by nobody: never asked here."""

LINK_TEST, OPEN, CLOSE, JOURNAL, ENERGY, MEMORY, PARAMETER, QUADRANTS, RING, SNAPSHOT = (
    0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x15, 0x16, 0x18,
)  # fmt: skip
READ_COMMANDS: Final = frozenset({LINK_TEST, OPEN, CLOSE, JOURNAL, ENERGY, MEMORY, PARAMETER, QUADRANTS, RING, SNAPSHOT})
READER_LEVEL: Final = 1
ONE, FIXED, GROUP = 0x11, 0x14, 0x16  # 08h: one value now, all of the last fix, all now
ALL: Final = 0xA0  # everything in one long reply

# Data bytes of the reply to 08h p (without address and CRC).
PARAMETER_BYTES: Final = {
    0x00: 7, 0x01: 16, 0x02: 4, 0x03: 3, 0x04: 2, 0x05: 2, 0x07: 6, 0x08: 2, 0x09: 2, 0x0A: 6, 0x0B: 4, 0x12: 6, 0x13: 9,
    0x15: 9, 0x17: 2, 0x18: 2, 0x19: 3, 0x1D: 2, 0x21: 2, 0x24: 2, 0x26: 2,
}  # fmt: skip
_EXTENDED_BYTES: Final = {0x01: 24, 0x12: 12}  # with extension 00h
_ONE_TIME_JOURNALS: Final = frozenset({0x07, 0x08, 0x09, 0x0A, *range(0x0B, 0x0F), 0x0F, 0x10, 0x11, 0x15})
_PROFILE_RECORD: Final = 15


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `reply_bytes`: the possible numbers of data bytes in its reply, the usual one first; empty: a status only.

    Raises ValueError for anything that is not a read.
    """

    address: int
    command: int
    body: bytes = field(default=b"", repr=False)  # may hold the password
    reply_bytes: tuple[int, ...] = ()
    frame: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 0xF0:
            raise ValueError(f"address {self.address} is not one a meter answers at (0 to 240)")
        if self.command not in READ_COMMANDS:
            raise ValueError(f"command {self.command:02X}h does not read; only reading is allowed")
        if self.command == OPEN and self.body[:1] != bytes((READER_LEVEL,)):
            raise ValueError("a channel is opened at the reader's level 1 only")
        object.__setattr__(self, "frame", with_crc(bytes((self.address, self.command)) + self.body))

    @property
    def key(self) -> bytes:
        """What tells requests of one meter apart: command and body."""
        return self.frame[1:-2]

    @property
    def frame_for_people(self) -> bytes:
        """The frame as a trace may show it: asterisks (2Ah) for the password and the check sum that gives it away."""
        return self.frame if self.command != OPEN else self.frame[:3] + b"*" * 8

    @property
    def shown(self) -> str:
        """Command and body in hex for messages, without the password."""
        return (self.key if self.command != OPEN else self.key[:2]).hex(" ").upper()

    @property
    def longest_frame(self) -> int:
        """Bytes of the longest possible reply frame (address, data, CRC)."""
        return max(self.reply_bytes, default=1) + 3


def link_test(address: int) -> Request:
    """Is someone there? Its reply is the same four bytes as the request: an echo looks like a meter."""
    return Request(address, LINK_TEST)


def open_channel(address: int, password: bytes) -> Request:
    """Open the channel at level 1 (reader) with the six bytes of the password; it closes 240 s after the last request."""
    if len(password) != 6:
        raise ValueError(f"a password has 6 bytes, not {len(password)}")
    return Request(address, OPEN, bytes((READER_LEVEL,)) + password)


def close_channel(address: int) -> Request:
    return Request(address, CLOSE)


def energy(address: int, array: int = 0, month: int = 0, tariff: int = 0) -> Request:
    """05h: A+, A-, R+, R- of an array (0 since reset ... D); array 6: A+ per phase.

    `tariff`: 0 sum, 1 to 4, 5 technical losses, 6 accelerated: T1, T2, T3, T4, sum (, losses) in one long reply.
    """
    _check_array(array, month)
    if not 0 <= tariff <= 6:
        raise ValueError(f"no tariff {tariff}")
    size = (12,) if array == 6 else (80, 96) if tariff == 6 else (16,)
    return Request(address, ENERGY, bytes((array << 4 | month, tariff)), size)


def quadrants(address: int, array: int = 0, month: int = 0) -> Request:
    """15h: reactive energy of the quadrants R1 to R4."""
    _check_array(array, month)
    return Request(address, QUADRANTS, bytes((array << 4 | month, 0)), (16,))


def snapshot(address: int, array: int, day: int, month: int, year: int, tariff: int = 0) -> Request:
    """18h: counters as they were at the start of a day or month; `year` of the century. Not on every meter."""
    if not (0 <= array <= 15 and 0 <= day <= 31 and 0 <= month <= 12 and 0 <= year <= 99 and 0 <= tariff <= 6):
        raise ValueError("no such snapshot")
    return Request(address, SNAPSHOT, bytes((array, _bcd(day), _bcd(month), _bcd(year), tariff)), (16,))


def clock(address: int) -> Request:
    """04h 00: the meter's own time."""
    return Request(address, JOURNAL, b"\x00", (8,))


def journal(address: int, number: int, record: int = 0xFF, extension: bytes = b"") -> Request:
    """04h: a record 0 to 9 of a journal; FFh the last one, with one more byte: its number."""
    if not (0 < number <= 0xFF and 0 <= record <= 0xFF) or len(extension) > 1:
        raise ValueError("no such journal record")
    size = 6 if number in _ONE_TIME_JOURNALS else 12
    if 0x30 <= number <= 0x32 and extension:
        size = 16  # counts of dips by their length
    elif record == 0xFF:
        size += 1
    return Request(address, JOURNAL, bytes((number, record)) + extension, (size,))


def profile_records(address: int, kind: int, place: int, *, second: bool = False, many: bool = False) -> Request:
    """06h: one record (15 bytes) of the load profile, or 17 of them in a long reply. `kind`: 0 all four, 1 A+ ... 4 R-.

    A meter raises an error on its own display for any other number of bytes, so no other can be asked for.
    """
    if not (0 <= kind <= 4 and 0 <= place <= 0x1FFFF):
        raise ValueError("no such place in the load profile")
    selector = (place >> 16) << 7 | kind << 4 | (5 if second else 3)
    body = bytes((selector, place >> 8 & 0xFF, place & 0xFF, 0xFF if many else _PROFILE_RECORD))
    return Request(address, MEMORY, body, (17 * _PROFILE_RECORD if many else _PROFILE_RECORD,))


def display_serial(address: int) -> Request:
    """06h: serial number of the remote display, the one documented read of memory 2."""
    return Request(address, MEMORY, bytes((0x02, 0x01, 0x65, 0x04)), (4,))


def recent_records(address: int, back: int = 0, count: int = 1, *, second: bool = False) -> Request:
    """16h: `count` records of the load profile counted back from the newest (0). Not on old firmware."""
    if not (0 <= back <= 0xFFFF and 1 <= count <= 17):
        raise ValueError("no such records")
    return Request(address, RING, bytes((5 if second else 3, back >> 8, back & 0xFF, count)), (count * _PROFILE_RECORD,))


def parameter(address: int, number: int, extension: bytes = b"") -> Request:
    """08h: one of PARAMETER_BYTES; extension 00h asks for the longer form of 01h (passport) and 12h (variant).

    0Ch needs the month, 1Ah the tariff as extension. Raises ValueError for others, since the reply's length is not known.
    """
    if number in {0x0C, 0x1A}:
        size = {0x0C: 8, 0x1A: 4}[number]
        if len(extension) != 1:
            raise ValueError(f"08h {number:02X}h needs one more byte")
    elif extension:
        if extension != b"\x00" or number not in _EXTENDED_BYTES:
            raise ValueError(f"08h {number:02X}h has no such extension")
        size = _EXTENDED_BYTES[number]
    elif number in PARAMETER_BYTES:
        size = PARAMETER_BYTES[number]
    else:
        raise ValueError(f"no parameter {number:02X}h that can be read")
    return Request(address, PARAMETER, bytes((number,)) + extension, (size,))


def serial(address: int) -> Request:
    """08h 00: serial number and date of manufacture; answered without an open channel."""
    return parameter(address, 0x00)


def one(address: int, bwri: int) -> Request:
    """08h 11h: one value now."""
    size = 2 if bwri >> 4 in {6, 7} else 3
    return Request(address, PARAMETER, bytes((ONE, _known(bwri))), (size,))


def group(address: int, bwri: int) -> Request:
    """08h 16h: one quantity of all phases now, or (A0h) everything."""
    sizes = {0: (12,), 1: (9,), 2: (9,), 3: (12, 9), 4: (3,), 5: (9,), 6: (6,), 7: (2,), 8: (9,), 0xA: (86, 95)}
    return Request(address, PARAMETER, bytes((GROUP, _known(bwri))), sizes[bwri >> 4])


def fixed(address: int, bwri: int) -> Request:
    """08h 14h: the same from the last fix of all data; power in 4 bytes, E0h its time, F0h to F4h energy."""
    kind = bwri >> 4
    if kind in {0xE, 0xF}:
        if bwri not in {0xE0, *range(0xF0, 0xF5)}:
            raise ValueError(f"no measurement {bwri:02X}h")
        size: tuple[int, ...] = (8,) if kind == 0xE else (16,)
    else:
        sizes = {0: (16,), 1: (9,), 2: (9,), 3: (12, 9), 4: (3,), 5: (9,), 6: (6,), 7: (2,), 8: (9,), 0xA: (178,)}
        size = sizes[_known(bwri) >> 4]
    return Request(address, PARAMETER, bytes((FIXED, bwri)), size)


def _known(bwri: int) -> int:
    """A BWRI byte (quantity, kind of power, phase) that exists. Raises ValueError."""
    quantity, low = bwri >> 4, bwri & 0x0F
    if not (
        (quantity == 0 and low <= 0x0B) or (quantity in {1, 2, 5, 6, 8} and 1 <= low <= 3) or (quantity == 3 and low <= 3)
        or bwri in {0x40, 0x70, ALL}
    ):  # fmt: skip
        raise ValueError(f"no measurement {bwri:02X}h")
    return bwri


def _check_array(array: int, month: int) -> None:
    if not (0 <= array <= 0xD and 0 <= month <= 12) or array in {7, 8}:
        raise ValueError(f"no energy array {array:X} with month {month}")


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10
