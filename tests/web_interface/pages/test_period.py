"""The period bar: what an address means, where the arrows lead, what may be asked at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from analysis.calendar import Calendar
from domain.plant import ShiftPattern
from web_interface.period import Period, Periods

ZONE = ZoneInfo("Europe/Moscow")
EVERY_DAY = frozenset(range(7))
TWO_SHIFTS = (ShiftPattern("1", time(7), time(15), EVERY_DAY), ShiftPattern("2", time(15), time(23), EVERY_DAY))
WORKDAYS = (ShiftPattern("day", time(8), time(17), frozenset(range(5))),)
ROUND_THE_CLOCK = (*TWO_SHIFTS, ShiftPattern("3", time(23), time(7), EVERY_DAY))


def us(text: str, zone: ZoneInfo = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).timestamp() * 1e6)


def periods(shifts: tuple[ShiftPattern, ...] = TWO_SHIFTS, now: str = "2026-11-19T13:42", zone: ZoneInfo = ZONE) -> Periods:
    return Periods(zone, Calendar(str(zone), shifts).shifts_of_day, us(now, zone))


def span(period: Period | None) -> tuple[int, int]:
    assert period is not None
    return period.from_us, period.to_us


def test_today_runs_and_yesterday_is_over() -> None:
    today, yesterday = periods().find("today"), periods().find("yesterday")
    assert span(today) == (us("2026-11-19T00:00"), us("2026-11-20T00:00"))
    assert (today.running, yesterday.running) == (True, False)
    assert span(yesterday) == (us("2026-11-18T00:00"), us("2026-11-19T00:00"))


@pytest.mark.parametrize(
    ("shifts", "begin", "end"),
    [
        (TWO_SHIFTS, "2026-11-18T23:00", "2026-11-19T07:00"),
        (WORKDAYS, "2026-11-18T18:00", "2026-11-19T08:00"),
        (ROUND_THE_CLOCK, "2026-11-18T22:00", "2026-11-19T06:00"),
        ((), "2026-11-18T22:00", "2026-11-19T06:00"),
    ],
)
def test_the_night_is_the_time_without_planned_work(shifts: tuple[ShiftPattern, ...], begin: str, end: str) -> None:
    assert span(periods(shifts).find("night")) == (us(begin), us(end))


def test_before_the_first_shift_last_night_is_the_one_that_is_over() -> None:
    assert span(periods(now="2026-11-19T05:00").find("night")) == (us("2026-11-17T23:00"), us("2026-11-18T07:00"))


def test_a_night_over_the_change_of_summer_time_has_its_real_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = periods(now="2026-10-25T12:00", zone=berlin).find("night")
    assert night.to_us - night.from_us == 9 * 3_600_000_000


def test_week_begins_on_monday_and_month_on_the_first() -> None:
    assert span(periods().find("week")) == (us("2026-11-16T00:00"), us("2026-11-23T00:00"))
    assert span(periods().find("month", "2026-12-24")) == (us("2026-12-01T00:00"), us("2027-01-01T00:00"))


def test_the_shift_is_the_running_one_unless_named() -> None:
    running = periods().find("shift")
    assert running.shift is not None
    assert running.shift.name == "1"
    assert running.running
    named = periods().find("shift", "2026-11-17/2")
    assert span(named) == (us("2026-11-17T15:00"), us("2026-11-17T23:00"))


@pytest.mark.parametrize("kind", ["today", "yesterday", "night", "shift", "week", "month", "custom"])
def test_the_address_brings_the_period_back(kind: str) -> None:
    found = periods().find(kind, "2026-11-12", "2026-11-14") if kind == "custom" else periods().find(kind)
    query = found.query
    assert periods().find(query["period"], query.get("at", ""), query.get("to", "")) == found


@pytest.mark.parametrize("kind", ["today", "yesterday", "night", "shift", "week", "month", "custom"])
def test_earlier_and_later_meet_again(kind: str) -> None:
    found = periods().find(kind, "2026-11-12", "2026-11-14") if kind == "custom" else periods().find(kind)
    earlier = periods().moved(found, -1)
    assert earlier is not None
    if kind not in {"night", "shift"}:  # between two of these lies time of neither
        assert earlier.to_us == found.from_us
    assert span(periods().moved(earlier, 1)) == span(found)


def test_there_is_no_later_than_now() -> None:
    assert periods().moved(periods().find("today"), 1) is None
    assert periods().moved(periods().find("month"), 1) is None
    day_before = periods().moved(periods().find("yesterday"), -1)
    assert day_before is not None
    assert (day_before.kind, day_before.first) == ("custom", date(2026, 11, 17))


@pytest.mark.parametrize(("kind", "at", "to"), [("", "", ""), ("nonsense", "x", "y"), ("today", "2026-99-99", "")])
def test_nonsense_in_the_address_gives_today(kind: str, at: str, to: str) -> None:
    assert periods().find(kind, at, to).kind == "today"


def test_a_custom_period_is_sorted_and_bounded() -> None:
    assert periods().find("custom", "2026-11-14", "2026-11-12").first == date(2026, 11, 12)
    long = periods().find("custom", "2020-01-01", "2026-11-12")
    assert (long.last - long.first).days == 399
    assert long.told == "cut"


@pytest.mark.parametrize(("kind", "at", "to", "told"), [
    ("custom", "1926-01-01", "2126-01-01", "unread"), ("custom", "2026-11-12", "tomorrow", "unread"), ("week", "0001-01-01", "", "unread"),
    ("night", "0001-01-01", "", "unread"), ("month", "9999-12-31", "", "unread"), ("shift", "9999-12-31/1", "", "unread"),
    ("month", "2031-01-01", "", "future"), ("custom", "2030-01-01", "2030-01-02", "future"), ("month", "2026-01-01", "", ""),
    ("today", "x", "", ""), ("month", "", "", ""),
])  # fmt: skip
def test_a_period_that_is_another_than_was_asked_for_says_why(kind: str, at: str, to: str, told: str) -> None:
    found = periods().find(kind, at, to)
    assert found.told == told
    assert 1970 <= found.first.year <= 2200


def test_the_arrows_end_where_days_can_be_reckoned_with() -> None:
    assert periods().moved(periods().find("month", "1970-01-01"), -1) is None
    assert periods().moved(periods().find("custom", "1970-01-01", "1970-01-07"), -1) is None
