"""Time stamps as sources write them. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

FUTURE_US: Final = 60_000_000
"""A stamp later than that before our clock is a wrong clock."""
_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,12}))?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?\Z")
_SCALES: Final = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (1e20, 1e-3))  # below: s, ms, µs, ns


def time_us(stamp: object, zone: tzinfo = UTC) -> int | None:
    """UTC microseconds of an ISO 8601 text or of a number of s, ms, µs or ns since 1970; None when it is neither.

    `zone`: of texts that name none. Fractions are cut to microseconds. The unit of a number follows from its size: seconds
    up to 1e11 (year 5138).
    """
    if isinstance(stamp, bool):
        return None
    if isinstance(stamp, int | float):
        return _number_us(stamp)
    if not isinstance(stamp, str):
        return None
    text = stamp.strip()
    match = _ISO.match(text)
    if match is None:
        try:
            return _number_us(float(text))
        except ValueError:
            return None
    offset = match[4] or ""
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{'+00:00' if offset in {'Z', 'z'} else offset}")
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        seconds = int(moment.timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds * 1_000_000 + int((match[3] or "0")[:6].ljust(6, "0"))


def _number_us(number: float) -> int | None:
    for limit, factor in _SCALES:
        if 0 < number < limit:
            return round(number * factor) if factor >= 1 else int(number * factor)
    return None
