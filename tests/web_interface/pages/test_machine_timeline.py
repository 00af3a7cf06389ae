"""Notes by the clock and the row of finer states on a machine's page."""

from __future__ import annotations

import pytest

from domain.substate import SubInterval, SubState
from tests.web_interface import fake_shop as shop
from web_interface.format import Format
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
