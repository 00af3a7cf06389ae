"""Notes by the clock and the row of finer states on a machine's page."""

from __future__ import annotations

import pytest

from domain.kpi import SpecificEnergy
from domain.production import ProgramStretch
from domain.substate import SubInterval, SubState
from tests.web_interface import fake_shop as shop
from web_interface.format import Format
from web_interface.pages.machine_programs import program_lane
from web_interface.pages.machine_timeline import instant_of, sub_row

RU = Format("ru", shop.ZONE)
MIN, HOUR = shop.MIN, 60 * shop.MIN
NOW = shop.START_US  # 13:42:08


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("13:42", NOW),
        ("13:40", NOW - 2 * MIN - 8 * shop.S),
        ("9:05", NOW - 4 * HOUR - 37 * MIN - 8 * shop.S),
        ("13:43", NOW - 24 * HOUR + MIN - 8 * shop.S),  # not yet today: yesterday
        ("25:00", None),
        ("", None),
        ("half past", None),
    ],
)
def test_a_note_is_about_the_last_time_the_clock_showed_that(clock: str, expected: int | None) -> None:
    assert instant_of(clock, NOW, "Europe/Moscow") == expected


def test_kinds_of_idling_have_their_bars_times_and_shares_on_the_axis_of_the_window() -> None:
    window = (NOW - 4 * HOUR, NOW + 4 * HOUR)
    parts = [
        SubInterval("m", SubState.PROCESSING, NOW - 5 * HOUR, NOW - 3 * HOUR),
        SubInterval("m", SubState.STANDBY, NOW - 3 * HOUR, NOW - 2 * HOUR),
        SubInterval("m", SubState.WARM_UP, NOW - 2 * HOUR, NOW - 2 * HOUR + 15 * MIN),
        SubInterval("m", SubState.READY, NOW - 45 * MIN, NOW),
    ]
    row = sub_row(parts, window, NOW, RU)
    assert row is not None
    assert [bar[3] for bar in row["bars"]] == ["standby", "warm_up", "ready"]
    assert row["bars"][0][:2] == [12.5, 12.5]
    assert [item["kind"] for item in row["legend"]] == ["standby", "warm_up", "ready"]
    assert [item["share"] for item in row["legend"]] == [RU.percent(0.5), RU.percent(0.125), RU.percent(0.375)]


def test_without_idling_there_is_no_row() -> None:
    part = SubInterval("m", SubState.PROCESSING, NOW - HOUR, NOW)
    assert sub_row([part], (NOW - HOUR, NOW), NOW, RU) is None


def stretch(program: str | None, begin_h: float, end_h: float, main: str | None = None) -> ProgramStretch:
    return ProgramStretch("m", program, NOW + round(begin_h * HOUR), NOW + round(end_h * HOUR), main=main)


def took(program: str | None, kwh: float, parts: int | None) -> SpecificEnergy:
    return SpecificEnergy("m", NOW, NOW + HOUR, program, 3600.0, kwh, 0.0, parts, kwh / parts if parts else None, 1.0)


def test_programs_lie_on_the_axis_with_what_each_took_and_made() -> None:
    window = (NOW, NOW + 8 * HOUR)
    found = [stretch("SHAFT", 0, 2), stretch("TNC:\\sub\\DRILL.H", 2, 3, "SHAFT"), stretch(None, 3, 4), stretch("SHAFT", 4, 6)]
    lane = program_lane(found, [took("SHAFT", 12.4, 17), took("TNC:\\sub\\DRILL.H", 1.0, None)], window, RU)
    assert lane is not None
    assert [bar[:2] for bar in lane["bars"]] == [[0, 25], [25, 12.5], [37.5, 12.5], [50, 25]]
    assert [bar[3:] for bar in lane["bars"]] == [["SHAFT", "0"], ["DRILL.H", "1"], ["", "none"], ["SHAFT", "0"]]
    assert "вызвана из SHAFT" in lane["bars"][1][2]
    assert "программа неизвестна" in lane["bars"][2][2]
    first, second = lane["legend"]
    assert [part in first["words"] for part in (RU.duration(3600), "12,4", "17 деталей", "0,73 кВт·ч/шт")] == [True] * 4
    assert second["name"] == "DRILL.H"
    assert "шт" not in second["words"]
    assert program_lane([], [], window, RU) is None


def test_a_control_that_calls_hundreds_of_programs_has_few_bars_and_no_time_is_lost() -> None:
    window, each = (NOW, NOW + 8 * HOUR), 8 / 4000
    short = [stretch(f"SUB{n % 3}", n * each, (n + 1) * each) for n in range(2000)]
    lane = program_lane([*short, stretch("LONG", 4, 8)], [], window, RU)
    assert lane is not None
    assert [bar[:2] for bar in lane["bars"]] == [[0, 50], [50, 50]]
    assert "SUB0, SUB1, SUB2" in lane["bars"][0][2]
