"""Log lines as JSON: one line an event, control characters escaped, repeats collapsed, bounded on disk (S33)."""

from __future__ import annotations

import json
import logging
import logging.handlers
import time
from pathlib import Path

from runtime.recent_log import RecentLines

REPEATS_A_MINUTE = 10
FILE_BYTES = 20 * 2**20
LOG_FILE = "energy-monitoring.log"
FILES = 9  # with the current one: 200 MiB in all


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC, ms), level, logger, message, error."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        entry = {"time": stamp, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class CollapseRepeats(logging.Filter):
    """Lets ten lines of a kind (same template of the same logger) a minute through; then says once that more follow."""

    def __init__(self) -> None:
        super().__init__()
        self._minute = 0
        self._seen: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        decided: bool | None = getattr(record, "collapse_passed", None)
        if decided is None:  # several handlers share this filter: each line is judged once
            decided = record.collapse_passed = self._judge(record)
        return decided

    def _judge(self, record: logging.LogRecord) -> bool:
        minute = int(record.created // 60)
        if minute != self._minute:
            self._minute = minute
            self._seen.clear()
        kind = (record.name, str(record.msg))
        count = self._seen[kind] = self._seen.get(kind, 0) + 1
        if count == REPEATS_A_MINUTE + 1:
            record.msg = f"{record.getMessage()} (more of this kind are left out for a minute)"
            record.args, record.exc_info = (), None
        return count <= REPEATS_A_MINUTE + 1


def set_up_logging(level: str, directory: Path | None, *, json_console: bool) -> None:
    """Console, the newest lines in memory and, with `directory`, a rotating file of JSON lines. Replaces an earlier call's."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    console = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    console.setFormatter(JsonFormatter() if json_console else plain)
    recent = RecentLines()
    handlers: list[logging.Handler] = [console, recent]
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        recent.read_tail(directory / LOG_FILE)
        file = logging.handlers.RotatingFileHandler(
            directory / LOG_FILE, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8"
        )
        file.setFormatter(JsonFormatter())
        handlers.append(file)
    collapse = CollapseRepeats()
    for handler in handlers:
        handler.addFilter(collapse)
        root.addHandler(handler)
    for noisy in ("pymodbus", "asyncio", "uvicorn.access", "watchfiles", "matplotlib", "fontTools", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # each failed read would be a line; the poller tells it once
