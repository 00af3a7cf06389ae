"""Log lines are JSON, cannot be forged by what they quote, and repeats do not fill the disk."""

import json
import logging
from pathlib import Path

import pytest

from runtime.logs import REPEATS_A_MINUTE, CollapseRepeats, JsonFormatter, set_up_logging
from runtime.recent_log import LONGEST_MESSAGE, RecentLines, masked


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


def test_the_newest_lines_stay_in_memory_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.recent_log.MOST_LINES", 3)
    recent = RecentLines()
    for n in range(9):
        recent.handle(logging.LogRecord("x", logging.INFO, "f", 1, "line %s " + "y" * 9000, (n,), None))
    found = recent.lines()
    assert [line.message[:6] for line in found] == ["line 6", "line 7", "line 8"]
    assert max(len(line.message) for line in found) == LONGEST_MESSAGE


@pytest.mark.parametrize(
    "text",
    [
        "cannot open mysql+aiomysql://u:geheim@db/e", "login with password=geheim failed", "body {'token': 'geheim'}",
        'sent {"api_key": "geheim"}', "authorization='geheim'", "Authorization: Bearer geheimgeheim", "key em_geheim0123456789 used",
        "SETUP CODE geheim-geheim : open /setup within 60 min",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    recent = RecentLines()
    recent.handle(logging.LogRecord("x", logging.INFO, "f", 1, text, None, None))
    (line,) = recent.lines()
    assert "geheim" not in line.message
    assert "***" in line.message


def test_words_about_secrets_stay_as_they_are() -> None:
    for text in ("secret 'device:m1' was sealed with another key file", "password: is missing", "token m1.x is unknown"):
        assert masked(text) == text


def test_lines_from_before_the_start_are_there_and_damaged_ones_are_passed_over(tmp_path: Path) -> None:
    good = '{"time": "2026-11-19T10:00:00.250Z", "level": "ERROR", "logger": "a.b", "message": "ended", "error": "Boom"}'
    (tmp_path / "l.log").write_text(f"half a line\n{good}\n[1]\n{{\n", encoding="utf-8")
    recent = RecentLines()
    recent.read_tail(tmp_path / "l.log")
    recent.read_tail(tmp_path / "missing.log")
    (line,) = recent.lines()
    assert (line.time_us, line.level, line.logger, line.message, line.error) == (
        1_795_082_400_250_000, "ERROR", "a.b", "ended", "Boom",
    )
