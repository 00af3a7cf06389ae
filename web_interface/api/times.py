"""Times at the edge: RFC 3339 outside, UTC microseconds inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+\- ]\d\d:\d\d)")
EARLIEST_US = 0
LATEST_US = 4_102_444_800_000_000  # 2100-01-01


def parse_time(value: object) -> int:
    """UTC microseconds of an RFC 3339 time. Raises ValueError in plain words. A plus that a URL turned into a blank is one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # a default, already microseconds
    if not isinstance(value, str) or (match := _RFC3339.fullmatch(value.strip())) is None:
        raise ValueError("expected an RFC 3339 time with its offset, like 2026-11-19T10:42:08.000Z")
    day, clock, fraction, zone = match.groups()
    if clock.endswith(":60"):
        raise ValueError("leap seconds are not counted here")
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone.replace(' ', '+')}")
        seconds = round(whole.astimezone(UTC).timestamp())
    except (ValueError, OverflowError) as exc:
        raise ValueError("there is no such date or time") from exc
    time_us = seconds * 1_000_000 + (int((fraction or ".0")[1:7].ljust(6, "0")))
    if not EARLIEST_US <= time_us <= LATEST_US:
        raise ValueError("expected a time between 1970 and 2100")
    return time_us


Time = Annotated[
    int,
    BeforeValidator(parse_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-19T10:42:08.000Z"]}),
]


@lru_cache(maxsize=4096)  # the values of a device share their time
def rfc3339(time_us: int) -> str:
    """UTC with milliseconds."""
    seconds, rest = divmod(time_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:03d}Z"


def rfc3339_or_none(time_us: int | None) -> str | None:
    return None if time_us is None else rfc3339(time_us)


def rfc3339_column(times_us: Sequence[int]) -> list[str]:
    """Many at once."""
    stamps = (np.asarray(times_us, dtype="int64") // 1000).astype("datetime64[ms]")
    return [f"{text}Z" for text in np.datetime_as_string(stamps, unit="ms").tolist()]
