"""Log lines are JSON, cannot be forged by what they quote, and repeats do not fill the disk."""

import json
import logging
from pathlib import Path

import pytest

from runtime.logs import REPEATS_A_MINUTE, CollapseRepeats, JsonFormatter, set_up_logging


def test_line_breaks_in_a_message_stay_inside_one_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "name %s", ('a\n{"level": "ERROR"}\x1b[2J',), None)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert json.loads(line)["message"].startswith("name a\n")


def test_eleventh_line_of_a_kind_says_so_and_later_ones_are_left_out() -> None:
    collapse = CollapseRepeats()
    passed = []
    for n in range(50):
        record = logging.LogRecord("x", logging.INFO, "f", 1, "timeout of %s", (n,), None)
        record.created = 600.0
        if collapse.filter(record):
            passed.append(record.getMessage())
    assert len(passed) == REPEATS_A_MINUTE + 1
    assert "left out" in passed[-1]


def test_file_gets_json(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = list(logging.getLogger().handlers)
    try:
        set_up_logging("INFO", tmp_path, json_console=False)
        logging.getLogger("a").info("Привет %s", "мир")
        text = (tmp_path / "energy-monitoring.log").read_text(encoding="utf-8")
        assert json.loads(text.splitlines()[0])["message"] == "Привет мир"
    finally:
        for handler in list(logging.getLogger().handlers):
            logging.getLogger().removeHandler(handler)
            handler.close()
        for handler in before:
            logging.getLogger().addHandler(handler)
