"""A line of the program's own log, as its viewer shows it."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class LogLine:
    """`number` grows with each line; `time_us` UTC; `error`: the traceback, "" without one. Secrets are masked."""

    number: int
    time_us: int
    level: str
    logger: str
    message: str
    error: str = ""
