"""The process one plug-in runs in: loads its file, answers messages line by line until its input ends.

Run as `python -m data_collection.mqtt.plugin_worker FILE`. First out: {"ready": class, "cnc_ids": [...], "example": {...}} or
{"broken": text}. Then for each {"message": {...}} one {"readings": [[tag, value, time_us], ...]} or
{"error": text}.
What the plug-in prints goes to standard error, never between the answers.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from data_collection.mqtt.plugin import CncMessage, CncPlugin, CncReading

MEMORY_BYTES = 1 << 30
MOST_READINGS = 10_000


def main(file: str) -> int:
    """Serve until the input ends. Exit code 1 when the file does not load."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    _limit_memory()
    try:
        plugin = load(Path(file))
    except BaseException as exc:  # noqa: BLE001 (a plug-in may do anything while it is imported, leaving included)
        _answer(answers, {"broken": told(exc, file)})
        return 1
    kind = type(plugin)
    _answer(answers, {"ready": kind.__name__, "cnc_ids": list(kind.cnc_ids), "example": dict(kind.example)})
    for line in sys.stdin:
        _answer(answers, _work(plugin, line, file))
    return 0


def load(file: Path) -> CncPlugin:
    """The one plug-in of a file, made. Raises whatever its import raises, or TypeError saying what is expected."""
    spec = importlib.util.spec_from_file_location(f"plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise TypeError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = _classes(module)
    if len(found) != 1:
        classes = ", ".join(sorted(kind.__name__ for kind in found)) or "none"
        raise TypeError(f"expected one class derived from CncPlugin, found {classes}")
    kind = found[0]
    names: object = kind.cnc_ids  # whatever the author wrote there
    if not isinstance(names, tuple | list) or not names or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{kind.__name__}.cnc_ids: expected a tuple of names, such as ('DMG-*',)")
    return kind()


def _classes(module: ModuleType) -> list[type[CncPlugin]]:
    return [
        kind for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, CncPlugin) and kind is not CncPlugin and kind.__module__ == module.__name__
    ]


def _work(plugin: CncPlugin, line: str, file: str) -> Mapping[str, object]:
    try:
        message = message_of(json.loads(line)["message"])
        readings: list[list[object]] = []
        for reading in plugin.readings(message) or ():
            if len(readings) >= MOST_READINGS:
                raise ValueError(f"more than {MOST_READINGS} readings of one message")
            readings.append(_row(reading))
        json.dumps(readings, allow_nan=True)
    except Exception as exc:  # noqa: BLE001 (that is what the process is for)
        return {"error": told(exc, file)}
    return {"readings": readings}


def _row(reading: object) -> list[object]:
    if not isinstance(reading, CncReading):
        raise TypeError(f"expected CncReading, got {type(reading).__name__}")
    if reading.value is not None and not isinstance(reading.value, bool | int | float | str):
        raise TypeError(f"{reading.tag}: a value is a number, a text, true, false or None, not {type(reading.value).__name__}")
    if reading.time is not None and reading.time.tzinfo is None:
        raise ValueError(f"{reading.tag}: its time names no zone")
    return [str(reading.tag), reading.value, None if reading.time is None else round(reading.time.timestamp() * 1e6)]


def message_of(fields: Mapping[str, Any]) -> CncMessage:
    """The typed message of what came over the pipe."""
    stamp = fields.get("time_us")
    return CncMessage(
        fields["topic"], fields["cnc_id"], fields.get("part_program"),
        None if stamp is None else datetime.fromtimestamp(stamp / 1e6, UTC),
        datetime.fromtimestamp(fields["received_us"] / 1e6, UTC), fields.get("payload") or {}, bool(fields.get("retained")),
    )


def told(exc: BaseException, file: str) -> str:
    """An exception in one line: what it is, and the line of the plug-in it came from."""
    text = f"{type(exc).__name__}: {exc}".splitlines()[0][:300]
    if isinstance(exc, SyntaxError) and exc.lineno:
        return f"{text} (line {exc.lineno})"
    own = [frame for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == file]
    return f"{text} (line {own[-1].lineno})" if own else text


def _answer(answers: IO[str], fields: Mapping[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        answers.write(json.dumps(fields) + "\n")
        answers.flush()


def _limit_memory() -> None:
    """A plug-in that eats memory ends itself, not the machine."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 (only where the system has it)

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
