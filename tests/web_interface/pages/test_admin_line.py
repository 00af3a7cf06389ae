"""The page of a line: its figures in words, errors by kind, frames for people."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.line_frame import FrameMeaning, LineFrame
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages import admin_line

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))


def frame(meaning: FrameMeaning, data: bytes = b"\x11\x03") -> LineFrame:
    return LineFrame(7, 1_763_548_800_123_000, "tx", "m1", data, len(data), meaning)


def test_figures_of_a_line_name_what_is_measured_and_what_is_calculated() -> None:
    services = build_services()
    status = replace(services.status.lines()[0], load_calculated=0.42, cycle_asked_s=2.0, warning="line.tight")
    devices = [replace(d, timeouts=5, polls=100) for d in services.status.devices()[:1]]
    found = admin_line.facts(status, devices, RU)
    assert "31\u00a0% измерено, 42\u00a0% расчёт" in found["load"]
    assert "500\u00a0мс измерено, 400\u00a0мс расчёт, задано 2,00\u00a0с" in found["cycle"]
    assert found["timeouts"].startswith("5 (5,0")
    assert admin_line.advice_words(status, "en").startswith("The line is busy")
    assert admin_line.advice_words(None, "en") == ""
    assert admin_line.facts(None, [], RU)


def test_errors_stand_by_kind_in_the_users_language() -> None:
    status = replace(build_services().status.devices()[0], errors={"timeout": 3, "damaged": 1, "odd_kind": 2, "late": 0})
    assert admin_line.row(status, RU)["cells"]["kinds"]["text"] == "повреждён: 1, odd kind: 2, нет ответа: 3"


@pytest.mark.parametrize(("meaning", "words"), [
    (FrameMeaning("modbus.read", {"unit": 17, "function": 3, "address": 100, "count": 2}),
     "чтение регистров holding: адрес 100, количество 2, устройство 17 (функция 3)"),
    (FrameMeaning("modbus.exception", {"unit": 17, "function": 3, "code": 2}), "отказ 2, устройство 17 (функция 3)"),
    (FrameMeaning("mercury.open", {"unit": 12, "command": "01h", "name": "open"}), "открыть канал, адрес 12, пароль скрыт"),
    (FrameMeaning("mercury.request", {"unit": 12, "command": "05h", "name": "energy"}), "энергия, адрес 12 (команда 05h)"),
    (FrameMeaning(), ""),
])  # fmt: skip
def test_a_frame_is_said_in_words(meaning: FrameMeaning, words: str) -> None:
    assert admin_line.meaning_words(frame(meaning), "ru") == words
    assert not set("абвгдежз") & set(admin_line.meaning_words(frame(meaning), "en"))


def test_a_long_frame_is_cut_for_the_page_and_its_time_has_milliseconds() -> None:
    row = admin_line.frame_row(frame(FrameMeaning(sum_fits=False), bytes(100)), EN)
    assert row["hex"].count("00") == admin_line.SHOWN_BYTES
    assert row["hex"].endswith("+36")
    assert row["at"].endswith(".123")
    assert row["sum"] == "bad"


def test_only_administrators_listen() -> None:
    with pytest.raises(Forbidden):
        build_services().line_watch.frames("gw1", 0, Actor("egor", Role.ENGINEER))
