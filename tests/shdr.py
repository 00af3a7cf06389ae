"""Recorded MTConnect SHDR streams, read for tests: `timestamp|item|value|item|value…`. No part of the product."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z?$")
Observation = tuple[int, str, str]
"""(UTC us, item, value)."""


def observations(path: Path) -> Iterator[Observation]:
    """In the order of the file. Conditions give their level; multi-line assets are passed over."""
    asset: str | None = None
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            fields = line.rstrip("\r\n").split("|")
            if asset is not None:
                asset = None if line.startswith(asset) else asset
                continue
            match = _STAMP.match(fields[0])
            if match is None or len(fields) < 3:
                continue
            if fields[1].startswith("@"):
                asset = next((field for field in fields if field.startswith("--multiline--")), None)
                continue
            at_us = stamp_us(match)
            pairs = fields[1:3] if len(fields) == 7 else fields[1:]
            for item, value in zip(pairs[::2], pairs[1::2], strict=False):
                yield at_us, item, value


def stamp_us(match: re.Match[str]) -> int:
    """Fractions of up to seven digits, cut to microseconds."""
    second = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    return int(second.timestamp()) * 1_000_000 + int((match[2] or "0")[:6].ljust(6, "0"))


def changes(path: Path, *items: str) -> list[tuple[int, str]]:
    """(us, value) of the first of the items that the file has, in time order; each change once."""
    rows = [(at, item, value) for at, item, value in observations(path) if item in items]
    wanted = next((item for item in items if any(row[1] == item for row in rows)), "")
    found: list[tuple[int, str]] = []
    for at, item, value in sorted(rows, key=lambda row: row[0]):
        if item == wanted and (not found or found[-1][1] != value):
            found.append((at, value))
    return found


def last_us(path: Path) -> int:
    return max(at for at, _, _ in observations(path))
