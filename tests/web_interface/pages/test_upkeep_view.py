"""Backups and the log in words."""

from __future__ import annotations

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.backup import BackupFile, BackupJob, BackupState
from domain.log_line import LogLine
from web_interface.format import Format
from web_interface.pages import admin_backups, status_log

RU = Format("ru", ZoneInfo("Europe/Moscow"))
JOB = BackupJob("b.zip", BackupState.RUNNING, 0, "anna", 2, 40, 1_250_000)
LINE = LogLine(7, 1_795_082_400_000_000, "ERROR", "a.b", "failed <b>", "Traceback\n  x\nValueError: no")


def test_how_far_a_backup_is() -> None:
    assert admin_backups.job_words(JOB, RU) == "Создаётся копия: таблиц 2 из 40, строк 1\u00a0250\u00a0000"
    assert admin_backups.job_words(replace(JOB, tables_done=40), RU) == "Копия записана, идёт проверка чтением"
    assert admin_backups.job_words(replace(JOB, state=BackupState.DONE), RU) == "Копия готова и проверена: b.zip"


@pytest.mark.parametrize("reason", ["no_room", "not_writable", "database"])
def test_why_it_failed(reason: str) -> None:
    words = admin_backups.job_words(replace(JOB, state=BackupState.FAILED, reason=reason), RU)
    assert words.startswith("Копия не создана. ")
    assert "backups.why" not in words


def test_a_file_of_another_version_says_who_restores_it() -> None:
    (row,) = admin_backups.rows([BackupFile("b.zip", 0, 3_400_000_000, "0007", False)], RU)
    assert row["cells"]["size"]["text"] == "3,4\u00a0ГБ"
    assert row["cells"]["schema"]["sub"] == [["восстановит программа той же версии", "em-quiet"]]
    (row,) = admin_backups.rows([BackupFile("b.zip", 0, 10, "", False)], RU)
    assert row["cells"]["schema"]["tone"] == "alarm"


def test_a_line_shows_what_its_error_says_at_the_end() -> None:
    (row,) = status_log.rows([LINE], RU)
    assert row["cells"]["level"] == {"text": "ошибка", "icon": "error", "tone": "alarm"}
    assert row["cells"]["message"] == {"text": "failed <b>", "sub": [["ValueError: no", "em-mono em-quiet"]]}


def test_the_download_is_lines_of_json_oldest_first() -> None:
    text = status_log.as_file([LINE, replace(LINE, number=6, message="first", error="")])
    first, second = [json.loads(line) for line in text.splitlines()]
    assert (first["message"], "error" in first) == ("first", False)
    assert (second["time"], second["error"]) == ("2026-11-19T10:00:00.000+00:00", LINE.error)
