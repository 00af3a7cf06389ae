"""Windows in the site's zone, their neighbours, what they are compared with, and their addresses."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from tests.web_interface import fake_shop as shop
from tests.web_interface.fakes import FakeEnergy
from web_interface.trends.window import KINDS, ROLLING_S, BadWindow, Window, Windows

NOW = shop.START_US
DAY_US = shop.DAY_US


@pytest.fixture
def windows() -> Windows:
    return Windows(shop.ZONE, FakeEnergy().shifts_of_day, NOW)


def test_presets_in_the_zone_of_the_site(windows: Windows) -> None:
    midnight = shop.local_us(shop.TODAY, time(0))
    today, yesterday = windows.find("today"), windows.find("yesterday")
    assert (today.from_us, today.to_us, today.follows, today.slides) == (midnight, midnight + DAY_US, True, False)
    assert (yesterday.from_us, yesterday.to_us, yesterday.follows) == (midnight - DAY_US, midnight, False)
    week, year = windows.find("7d"), windows.find("year")
    assert (week.to_us, week.length_us, week.follows, week.slides) == (NOW, 7 * DAY_US, True, True)
    assert (windows.words(year.from_us), windows.words(year.to_us)) == ("2026-01-01T00:00:00", "2027-01-01T00:00:00")
    assert windows.words(windows.find("shift").from_us) == "2026-11-19T07:00:00"
    assert windows.words(windows.find("month").to_us) == "2026-12-01T00:00:00"
    assert windows.find("nonsense") == today


@pytest.mark.parametrize("kind", KINDS)
def test_the_address_brings_the_window_back(windows: Windows, kind: str) -> None:
    window = windows.find(kind, begin="2026-11-10T07:30", end="2026-11-12")
    said = windows.query(window)
    again = windows.find(said["period"], said.get("at", ""), said.get("from", ""), said.get("to", ""))
    assert (again.from_us, again.to_us, again.kind) == (window.from_us, window.to_us, window.kind)


def test_two_times_and_a_hundred_years(windows: Windows) -> None:
    found = windows.find("custom", begin="1971-01-01", end="2071-01-01")
    assert found.length_us > 36_500 * DAY_US
    assert found.follows
    whole = windows.find("custom", begin="2026-11-10", end="2026-11-10")
    assert whole.length_us == DAY_US, "a date alone is the whole day"


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        ("2026-11-10", "2026-11-09T00:00", "backwards"), ("2026-11-10T07:00", "2026-11-10T07:00", "backwards"),
        ("10.11.2026", "2026-11-12", "format"), ("2026-02-30", "2026-03-01", "format"), ("", "", "format"),
        ("1066-10-14", "2026-01-01", "outside"), ("2026-01-01", "9999-12-31", "outside"), ("2026-01-01", "2026-01-01T25:00", "format"),
    ],
)  # fmt: skip
def test_what_is_no_window_says_why(windows: Windows, begin: str, end: str, reason: str) -> None:
    with pytest.raises(BadWindow, match=reason):
        windows.find("custom", begin=begin, end=end)


def test_neighbours_end_at_the_present_and_at_the_first_day(windows: Windows) -> None:
    def moved(window: Window, steps: int) -> str:
        found = windows.moved(window, steps)
        assert found is not None
        return windows.words(found.from_us)

    assert moved(windows.find("year"), -1) == "2025-01-01T00:00:00"
    assert moved(windows.find("month"), -1) == "2026-10-01T00:00:00"
    assert moved(windows.find("shift"), -1) == "2026-11-18T23:00:00"
    assert moved(windows.find("today"), -2) == "2026-11-17T00:00:00"
    for kind in ("year", "month", "today", *ROLLING_S):
        assert windows.moved(windows.find(kind), 1) is None, kind
    assert windows.moved(windows.find("custom", begin="1970-01-03", end="1980-01-01"), -1) is None
    assert windows.moved(windows.find("year", "1971"), -1) is None


def test_compared_periods_are_by_the_clock_of_the_site() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = round(datetime(2026, 10, 26, 12, tzinfo=berlin).timestamp() * 1e6)  # summer time ended the night before last
    windows = Windows(berlin, lambda _day: (), now)
    today = windows.find("today")
    assert windows.earlier_us(today, "day") == 25 * 3600 * 1_000_000
    assert windows.earlier_us(today, "week") == (7 * 24 + 1) * 3600 * 1_000_000
    assert windows.earlier_us(today, "2026-10-20") == (6 * 24 + 1) * 3600 * 1_000_000
    assert windows.earlier_us(windows.find("month"), "period") == 30 * DAY_US
    assert windows.earlier_us(windows.find("7d"), "period") == 7 * DAY_US
    for wrong in ("", "none", "yesterday-ish", "2026-13-01", today_text := date(2026, 10, 26).isoformat()):
        assert windows.earlier_us(today, wrong) is None, (wrong, today_text)
