"""The newest lines of the log in memory, for the page that shows them: bounded, secrets masked, begun with the file's end."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from domain.log_line import LEVELS, LogLine

MOST_LINES = 2000
LONGEST_MESSAGE = 2000
LONGEST_ERROR = 4000  # its end tells most
TAIL_BYTES = 256 * 1024
_FORMAT = logging.Formatter()
_MASKS = (
    (re.compile(r"(://[^/\s:@]*:)[^@\s/]+@"), r"\1***@"),
    (re.compile(r"(?i)\b(bearer|basic) [A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"(?i)\b(set-?up code:? )[A-Z0-9-]{8,}"), r"\1***"),
    (re.compile(r"\bem_[A-Za-z0-9_-]{12,}"), "em_***"),
    (
        re.compile(r"(?i)((?:password|passwd|secret|token|api_?key|authorization)[\"']?\s*(?:=|(?<=[\"'])\s*:)\s*[\"']?)[^\s\"',;&}]+"),
        r"\1***",
    ),
)


class RecentLines(logging.Handler):
    """Keeps the newest `MOST_LINES` lines. Nothing secret is logged; what looks like a secret all the same is masked here."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._number = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a line that cannot be formatted is told of by logging itself."""
        try:
            error = _FORMAT.formatException(record.exc_info) if record.exc_info else ""
            self._add(int(record.created * 1e6), record.levelname, record.name, record.getMessage(), error)
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)

    def lines(self) -> Sequence[LogLine]:
        """Oldest first; a copy."""
        self.acquire()
        try:
            return list(self._lines)
        finally:
            self.release()

    def read_tail(self, file: Path) -> None:
        """What stood in the log before this start: why it ended is often there. What is no line of ours is passed over."""
        try:
            with file.open("rb") as log:
                log.seek(max(0, file.stat().st_size - TAIL_BYTES))
                text = log.read(TAIL_BYTES).decode("utf-8", "replace")
        except OSError:
            return
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                time_us = int(datetime.fromisoformat(entry["time"]).timestamp() * 1e6)
                self._add(time_us, str(entry["level"]), str(entry["logger"]), str(entry["message"]), str(entry.get("error", "")))
            except (ValueError, KeyError, TypeError):
                continue

    def _add(self, time_us: int, level: str, logger: str, message: str, error: str) -> None:
        self._number += 1
        known = level if level in LEVELS else "INFO"
        self._lines.append(
            LogLine(self._number, time_us, known, logger[:100], masked(message)[:LONGEST_MESSAGE], masked(error)[-LONGEST_ERROR:])
        )


def masked(text: str) -> str:
    """Without passwords in addresses, keys of the API and values that are named as secrets."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def recent_lines() -> RecentLines:
    """The one that was set up with logging; an empty one where logging was not set up."""
    found = (handler for handler in logging.getLogger().handlers if isinstance(handler, RecentLines))
    return next(found, None) or RecentLines()
