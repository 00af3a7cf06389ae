"""What InfluxDB and VictoriaMetrics answer to a write, and what to do next. Pure.

1.x: {"error": "partial write: field type conflict: input field \\"value\\" on measurement \\"x\\" is type float, already exists
as type integer dropped=2"}; the other points were written. {"error": "unable to parse 'LINE': reason"}, one line of text each.
2.x: {"code": "invalid" | "unprocessable entity", "message": the same words}. 3.x: {"error": "partial write of line protocol
occurred", "data": [{"error_message", "line_number" (from 1), "original_line"}]}.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from time import time

from data_transfer.influxdb.lines import Line

_UNPARSABLE = re.compile(r"unable to parse '(.*?)': ([^\n]*)", re.DOTALL)
_CONFLICT = re.compile(r'on measurement "([^"]*)"')
_LATER = {404, 408, 425, 429, 503}
_DROPPED = re.compile(r"dropped=(\d+)")


class Next(Enum):
    """taken: written for good; split: too large; single_out: some points are refused for good; away: try all again later."""

    TAKEN = "taken"
    SPLIT = "split"
    SINGLE_OUT = "single_out"
    NO_DATABASE = "no_database"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Verdict:
    next: Next
    words: str
    retry_after_s: float | None = None
    at_points: bool = False  # it may be what was sent, not the server


def judge(status: int, body: bytes, retry_after: str | None) -> Verdict:
    """What an answer means."""
    words = _words(body) or f"HTTP {status}"
    if 200 <= status < 300:
        return Verdict(Next.TAKEN, words)
    if status == 413:
        return Verdict(Next.SPLIT, f"too large: {words}")
    if status == 404 and "database" in words:
        return Verdict(Next.NO_DATABASE, words)
    if status in {400, 422}:
        return Verdict(Next.SINGLE_OUT, words)
    if status in {401, 403}:
        return Verdict(Next.AWAY, f"the login was refused (HTTP {status}): {words}")
    return Verdict(Next.AWAY, f"HTTP {status}: {words}", retry_seconds(retry_after), status not in _LATER and retry_after is None)


def suspects(body: bytes, lines: list[Line]) -> tuple[dict[int, str], list[int]]:
    """Of a SINGLE_OUT answer: lines (by index) that are named as refused, with the reason; and those one of which must be it.

    Named lines need no second look. Without any hint all lines are suspects.
    """
    named = _named(body, lines)
    if named:
        return named, []
    words = _words(body)
    found = _CONFLICT.search(words)
    if found is None:
        return {}, list(range(len(lines)))
    of_measurement = [index for index, line in enumerate(lines) if line.measurement == found.group(1)]
    dropped = _DROPPED.search(words)
    if dropped is not None and int(dropped.group(1)) == len(of_measurement):
        return dict.fromkeys(of_measurement, words), []
    return {}, of_measurement or list(range(len(lines)))


def _named(body: bytes, lines: list[Line]) -> dict[int, str]:
    document = _json(body)
    data = document.get("data")
    found: dict[int, str] = {}
    for entry in data if isinstance(data, list) else []:
        number = entry.get("line_number") if isinstance(entry, dict) else None
        if isinstance(number, int) and 1 <= number <= len(lines):
            found[number - 1] = str(entry.get("error_message") or document.get("error"))
    if found:
        return found
    by_text: dict[str, list[int]] = {}
    for index, line in enumerate(lines):
        by_text.setdefault(line.data.decode(), []).append(index)
    for text, reason in _UNPARSABLE.findall(_words(body)):
        for index in by_text.get(text, ()):
            found[index] = f"unable to parse: {reason}"
    return found


def retry_seconds(value: str | None) -> float | None:
    """Retry-After, as seconds or as a date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None


def _words(body: bytes) -> str:
    document = _json(body)
    for key in ("error", "message"):
        if isinstance(document.get(key), str):
            return str(document[key])
    return body[:2000].decode(errors="replace").strip()


def _json(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
