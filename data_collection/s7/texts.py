"""Texts, dates and times as an S7 controller keeps them. Pure. Each takes the bytes of its type; None: no such date or text.

Source: Siemens, TIA Portal help, "Overview of the valid data types". Times of day are the controller's own, without zone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

_FIRST_DAY: Final = date(1990, 1, 1)
_LAST_DAY: Final = (date(2168, 12, 31) - _FIRST_DAY).days
_DAY_NS: Final = 86_400 * 10**9


def string(data: bytes, encoding: str) -> str | None:
    """STRING: greatest length, length, characters."""
    if len(data) < 2 or data[1] > data[0]:
        return None
    return data[2 : 2 + data[1]].decode(encoding, "replace")


def wide_string(data: bytes, _encoding: str) -> str | None:
    """WSTRING: the same in 16-bit units."""
    most, length = struct.unpack_from(">HH", data)
    return None if length > most else data[4 : 4 + 2 * length].decode("utf-16-be", "replace")


def char(data: bytes, encoding: str) -> str:
    """CHAR."""
    return data[:1].decode(encoding, "replace")


def wide_char(data: bytes, _encoding: str) -> str:
    """WCHAR."""
    return data[:2].decode("utf-16-be", "replace")


def day(data: bytes, _encoding: str) -> str | None:
    """DATE: days since 1990-01-01."""
    days = int.from_bytes(data[:2])
    return (_FIRST_DAY + timedelta(days=days)).isoformat() if days <= _LAST_DAY else None


def time_of_day(data: bytes, _encoding: str) -> str | None:
    """TIME_OF_DAY: ms since midnight."""
    return _clock(int.from_bytes(data[:4]) * 10**6)


def long_time_of_day(data: bytes, _encoding: str) -> str | None:
    """LTIME_OF_DAY: ns since midnight."""
    return _clock(int.from_bytes(data[:8]))


def _clock(ns: int) -> str | None:
    if ns >= _DAY_NS:
        return None
    seconds, rest = divmod(ns, 10**9)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest // 10**6:03d}"


def date_and_time(data: bytes, _encoding: str) -> str | None:
    """DATE_AND_TIME: BCD, years 90 to 89 are 1990 to 2089; the last half byte is the weekday."""
    digits = [(byte >> 4, byte & 15) for byte in data[:8]]
    if any(high > 9 or low > 9 for high, low in digits):
        return None
    year, month, day_, hour, minute, second, ms_high = (10 * high + low for high, low in digits[:7])
    return _moment(year + (1900 if year >= 90 else 2000), month, day_, hour, minute, second, 10 * ms_high + digits[7][0])


def dtl(data: bytes, _encoding: str) -> str | None:
    """DTL: year, month, day, weekday, hour, minute, second, ns."""
    year, month, day_, _weekday, hour, minute, second, ns = struct.unpack_from(">H6BI", data)
    return _moment(year, month, day_, hour, minute, second, ns // 10**6) if ns < 10**9 else None


def _moment(year: int, month: int, day_: int, hour: int, minute: int, second: int, ms: int) -> str | None:
    try:
        return datetime(year, month, day_, hour, minute, second, ms * 1000).isoformat(" ", "milliseconds")  # noqa: DTZ001
    except ValueError:
        return None


READERS: Final[Mapping[str, Callable[[bytes, str], str | None]]] = {
    "STRING": string, "WSTRING": wide_string, "CHAR": char, "WCHAR": wide_char, "DATE": day, "TOD": time_of_day,
    "LTOD": long_time_of_day, "DT": date_and_time, "DTL": dtl,
}  # fmt: skip


def s5_time_ms(word: int) -> float:
    """S5TIME: a base of 10 ms to 10 s and three BCD digits."""
    base = (10, 100, 1000, 10_000)[word >> 12 & 3]
    return float(base * (100 * (word >> 8 & 15) + 10 * (word >> 4 & 15) + (word & 15)))
