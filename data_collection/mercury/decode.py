"""Data fields of Mercury replies to values. Pure; secondary values as the meter holds them.

Units: W, var, VA, V, A, Hz, degrees, percent, degrees Celsius, Wh, varh. None: the meter has no value (all bits set).
Every function raises DecodeError, and nothing else, for bytes that cannot be what was asked for.

Source: Incotex, "Описание системы команд приборов учета Меркурий", 05.2023, sections 4.2 to 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.errors import DecodeError

Values = dict[str, float | None]
LARGEST_3_BYTE: Final = 0x3FFFFF / 100
"""W: what the 22 bits of a power in 11h and 16h can carry."""

ACTIVE_REVERSE, REACTIVE_REVERSE = 0x80, 0x40
PHASES: Final = ("l1", "l2", "l3")
SUM_AND_PHASES: Final = ("sum", *PHASES)
_ANGLES: Final = ("angle_12", "angle_13", "angle_23")
_LINES: Final = ("u_l12", "u_l23", "u_l13")


def three_bytes(b: bytes) -> int | None:
    """Wire order 1-3-2; the two top bits are directions."""
    _need(b, 3)
    return None if b == b"\xff\xff\xff" else (b[0] & 0x3F) << 16 | b[2] << 8 | b[1]


def four_bytes(b: bytes) -> int | None:
    """Wire order 2-1-4-3: energy counters."""
    _need(b, 4)
    return None if b == b"\xff\xff\xff\xff" else b[1] << 24 | b[0] << 16 | b[3] << 8 | b[2]


def fixed_power(b: bytes) -> int | None:
    """Wire order 2-1-4-3 with the directions in the second byte: power in 14h."""
    _need(b, 4)
    return None if b == b"\xff\xff\xff\xff" else (b[1] & 0x3F) << 24 | b[0] << 16 | b[3] << 8 | b[2]


def _need(b: bytes, *sizes: int) -> None:
    if len(b) not in sizes:
        raise DecodeError(f"{len(b)} data bytes where {' or '.join(map(str, sizes))} belong: {b.hex(' ')}")


def _scaled(b: bytes, divisor: float, reverse: int = 0) -> float | None:
    """A 3-byte value; negative when the direction bit `reverse` is set."""
    number = three_bytes(b)
    if number is None:
        return None
    return -number / divisor if b[0] & reverse else number / divisor


def _row(data: bytes, names: Sequence[str], divisor: float, reverse: int = 0) -> Values:
    _need(data, 3 * len(names))
    return {name: _scaled(data[3 * i : 3 * i + 3], divisor, reverse) for i, name in enumerate(names)}


_REVERSE: Final = {"p": ACTIVE_REVERSE, "q": REACTIVE_REVERSE, "s": 0}


def power(letter: str, data: bytes) -> Values:
    """P, Q or S of sum and phases (16h), W. `letter`: p, q or s.

    The phases' sum replaces a total that 22 bits cannot carry (a directly connected meter above 41.9 kW).
    """
    names = [f"{letter}_{phase}" for phase in SUM_AND_PHASES]
    values = _row(data, names, 100.0, _REVERSE[letter])
    phases = [values[name] for name in names[1:]]
    total = sum(v for v in phases if v is not None)
    if abs(total) > LARGEST_3_BYTE and None not in phases:
        values[names[0]] = total
    return values


def power_fixed(letter: str, data: bytes) -> Values:
    """P, Q or S of sum and phases from the last fix (14h: 4 bytes each), W."""
    _need(data, 16)
    values: Values = {}
    for i, phase in enumerate(SUM_AND_PHASES):
        field = data[4 * i : 4 * i + 4]
        number = fixed_power(field)
        sign = -1 if field[1] & _REVERSE[letter] else 1
        values[f"{letter}_{phase}"] = None if number is None else sign * number / 100
    return values


def voltages(data: bytes) -> Values:
    return _row(data, [f"u_{p}" for p in PHASES], 100.0)


def currents(data: bytes) -> Values:
    return _row(data, [f"i_{p}" for p in PHASES], 1000.0)


def power_factors(data: bytes) -> Values:
    """Sum and phases; some firmware sends the phases only (9 bytes): then the sum has no value."""
    _need(data, 9, 12)
    if len(data) == 9:
        return {"pf_sum": None, **_row(data, [f"pf_{p}" for p in PHASES], 1000.0, ACTIVE_REVERSE)}
    return _row(data, [f"pf_{p}" for p in SUM_AND_PHASES], 1000.0, ACTIVE_REVERSE)


def frequency(data: bytes) -> Values:
    return _row(data, ("f",), 100.0)


def angles(data: bytes) -> Values:
    """Between the phase voltages, degrees."""
    return _row(data, _ANGLES, 100.0)


def distortion(data: bytes) -> Values:
    """Voltage distortion per phase, percent: 2 bytes each, low byte first."""
    _need(data, 6)
    words = [int.from_bytes(data[i : i + 2], "little") for i in (0, 2, 4)]
    return {f"thd_u_{p}": None if w == 0xFFFF else w / 100 for p, w in zip(PHASES, words, strict=True)}


def temperature(data: bytes) -> Values:
    """Inside the case, degrees Celsius: high byte first, signed."""
    _need(data, 2)
    return {"temperature": None if data == b"\xff\xff" else float(int.from_bytes(data, "big", signed=True))}


def line_voltages(data: bytes) -> Values:
    return _row(data, _LINES, 100.0)


def all_values(data: bytes) -> Values:
    """16h A0h: everything, 86 data bytes, or 95 with line voltages."""
    _need(data, 86, 95)
    values = {
        **power("p", data[0:12]), **power("q", data[12:24]), **power("s", data[24:36]), **voltages(data[36:45]),
        **angles(data[45:54]), **currents(data[54:63]), **power_factors(data[63:75]), **frequency(data[75:78]),
        **distortion(data[78:84]), **temperature(data[84:86]),
    }  # fmt: skip
    if len(data) == 95:
        values |= line_voltages(data[86:95])
    return values


def one_value(bwri: int, data: bytes) -> float | None:
    """08h 11h: a single value of the measurement `bwri`."""
    quantity = bwri >> 4
    if quantity == 0 and bwri < 0x0C:
        return _scaled(data, 100.0, _REVERSE["pqs"[bwri >> 2]])
    if quantity == 6:
        _need(data, 2)
        return None if data == b"\xff\xff" else int.from_bytes(data, "little") / 100
    if quantity == 7:
        return temperature(data)["temperature"]
    if quantity not in {1, 2, 3, 4, 5, 8}:
        raise DecodeError(f"no measurement {bwri:02X}h")
    return _scaled(data, 1000.0 if quantity in {2, 3} else 100.0, ACTIVE_REVERSE if quantity == 3 else 0)


GROUPS: Final[Mapping[int, Callable[[bytes], Values]]] = {
    0x00: lambda data: power("p", data), 0x04: lambda data: power("q", data), 0x08: lambda data: power("s", data),
    0x11: voltages, 0x21: currents, 0x30: power_factors, 0x40: frequency, 0x51: angles, 0x61: distortion, 0x70: temperature,
    0x81: line_voltages, 0xA0: all_values,
}  # fmt: skip
"""What 08h 16h with this BWRI byte brings."""

ENERGIES: Final = ("a_plus", "a_minus", "r_plus", "r_minus")


def energies(data: bytes, suffix: str = "") -> Values:
    """05h, 18h, 14h F0h: A+, A-, R+, R-, Wh and varh."""
    _need(data, 16)
    return {name + suffix: _float(four_bytes(data[4 * i : 4 * i + 4])) for i, name in enumerate(ENERGIES)}


def energies_by_tariff(data: bytes) -> Values:
    """05h with tariff 6: T1, T2, T3, T4, sum; technical losses may follow and are left out."""
    _need(data, 80, 96)
    values: Values = {}
    for i, suffix in enumerate(("_t1", "_t2", "_t3", "_t4", "")):
        values |= energies(data[16 * i : 16 * i + 16], suffix)
    return values


def energies_by_phase(data: bytes) -> Values:
    """05h array 6: A+ of each phase, Wh."""
    _need(data, 12)
    return {f"a_plus_{p}": _float(four_bytes(data[4 * i : 4 * i + 4])) for i, p in enumerate(PHASES)}


def quadrants(data: bytes) -> Values:
    """15h, 18h array 3: reactive energy R1 to R4, varh."""
    _need(data, 16)
    return {f"r{i + 1}": _float(four_bytes(data[4 * i : 4 * i + 4])) for i in range(4)}


def _float(number: int | None) -> float | None:
    return None if number is None else float(number)


@dataclass(frozen=True, slots=True)
class Ratios:
    """Transformer ratios as set in the meter: Kn voltage, Kt current."""

    kn: int
    kt: int


def ratios(data: bytes) -> Ratios:
    """08h 02h: high byte first."""
    _need(data, 4)
    return Ratios(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big"))


@dataclass(frozen=True, slots=True)
class Serial:
    """Serial number and date of manufacture."""

    number: str
    made: date | None


def serial(data: bytes) -> Serial:
    """08h 00h: each byte of the number is two decimal digits in binary; date day, month, year."""
    _need(data, 7)
    if max(data[:4]) > 99:
        raise DecodeError(f"no serial number: {data.hex(' ')}")
    return Serial("".join(f"{b:02d}" for b in data[:4]), _date(data[4], data[5], data[6]))


def _date(day: int, month: int, year: int) -> date | None:
    try:
        return date(2000 + year, month, day)
    except ValueError:
        return None


def firmware(data: bytes) -> str:
    """08h 03h."""
    _need(data, 3)
    return ".".join(str(b) for b in data)


@dataclass(frozen=True, slots=True)
class Variant:
    """What the meter is made of (08h 12h). Nominal voltage V and current A, constant imp/kWh; None: code not documented."""

    raw: str
    nominal_v: float | None
    nominal_a: float | None
    constant: int | None
    two_directions: bool
    three_phases: bool
    load_profile: bool
    sum_by_magnitude: bool
    internal_tariff: bool
    number: int
    per_phase_energy: bool
    power_quality: bool
    relay: bool
    snapshots: bool


def variant(data: bytes) -> Variant:
    """08h 12h, the six bytes (of the longer form: the first six)."""
    _need(data, 6, 12)
    b1, b2, b3, _b4, b5, b6 = data[:6]
    return Variant(
        raw=data.hex(" ").upper(),
        nominal_v={0: 57.7, 1: 230.0}.get(b1 >> 2 & 3),
        nominal_a={0: 5.0, 1: 1.0, 2: 10.0}.get(b1 & 3),
        constant={0: 5000, 1: 25000, 2: 1250, 3: 500, 4: 1000, 5: 250}.get(b2 & 0x0F),
        two_directions=not b2 & 0x80, three_phases=not b2 & 0x10, load_profile=bool(b2 & 0x20),
        sum_by_magnitude=bool(b3 & 0x80), internal_tariff=bool(b3 & 0x40), number=b3 & 0x0F,
        per_phase_energy=bool(b5 & 0x01), power_quality=bool(b5 & 0x02), relay=bool(b5 & 0x80), snapshots=bool(b6 & 0x40),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passport:
    """08h 01h: serial number, firmware and variant in one reply."""

    serial: Serial
    firmware: str
    variant: Variant


def passport(data: bytes) -> Passport:
    _need(data, 16, 24)
    return Passport(serial(data[:7]), firmware(data[7:10]), variant(data[10:16]))


def _bcd(b: int) -> int:
    if b >> 4 > 9 or b & 0x0F > 9:
        raise DecodeError(f"{b:02X}h is no decimal number")
    return (b >> 4) * 10 + (b & 0x0F)


@dataclass(frozen=True, slots=True)
class MeterTime:
    """The meter's wall clock: local time of where it was set, to the second; weekday 1 is Monday."""

    at: datetime
    weekday: int
    winter: bool


def clock(data: bytes) -> MeterTime:
    """04h 00h: sec, min, hour, weekday, day, month, year in BCD, 1 = winter."""
    _need(data, 8)
    return MeterTime(_moment(*(_bcd(data[i]) for i in (6, 5, 4, 2, 1, 0))), _bcd(data[3]), data[7] == 1)


def journal_times(data: bytes) -> tuple[datetime | None, datetime | None, int | None]:
    """04h with two times (on/off, before/after) and, when the last record was asked for, its number. None: no entry."""
    _need(data, 12, 13)
    return _event(data[0:6]), _event(data[6:12]), data[12] if len(data) == 13 else None


def journal_time(data: bytes) -> datetime | None:
    """04h with one time."""
    _need(data, 6, 7)
    return _event(data[:6])


def _event(b: bytes) -> datetime | None:
    """sec, min, hour, day, month, year in BCD; an empty record is all zeros or all bits set."""
    if b in {b"\0" * 6, b"\xff" * 6}:
        return None
    return _moment(*(_bcd(b[i]) for i in (5, 4, 3, 2, 1, 0)))


def _moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime:
    try:
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 (a meter knows no zone)
    except ValueError as exc:
        raise DecodeError(f"no time: {exc}") from exc


def status_word(data: bytes) -> tuple[str, ...]:
    """08h 0Ah: error flags that are set, E-01 to E-48. Three words, the highest first, low byte first in each."""
    _need(data, 6)
    found = []
    for i, byte in enumerate((data[4], data[5], data[2], data[3], data[0], data[1])):
        found += [f"E-{8 * i + bit + 1:02d}" for bit in range(8) if byte >> bit & 1]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """Newest record of a load profile: where it lies in memory, its time (local) and period in minutes."""

    place: int
    status: int
    at: datetime
    period_min: int


def last_record(data: bytes) -> ProfileRecord:
    """08h 13h / 15h: the address is counted in units of 16 bytes."""
    _need(data, 9)
    hour, minute, day, month, year = (_bcd(b) for b in data[3:8])
    return ProfileRecord(int.from_bytes(data[:2], "big") << 4, data[2], _moment(year, month, day, hour, minute, 0), data[8])
