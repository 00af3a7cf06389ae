"""Periods of the site's calendar over both changes of summer time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time

import pytest

from analysis.calendar import Calendar
from domain.errors import ConfigError
from domain.report import PeriodKind
from domain.work_calendar import ShiftPattern
from reports.periods import periods, window_of

EVERY = frozenset(range(7))
CALENDAR = Calendar("Europe/Berlin", [ShiftPattern("N", time(22), time(6), EVERY), ShiftPattern("D", time(6), time(22), EVERY)])
HOUR = 3_600_000_000


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


@pytest.mark.parametrize(("day", "hours", "night"), [("2026-03-29", 23, 7), ("2026-10-25", 25, 9)])
def test_days_and_nights_of_the_change_are_whole(day: str, hours: int, night: int) -> None:
    around = us(f"{day}T00:00") - 40 * HOUR, us(f"{day}T00:00") + 60 * HOUR
    days = {p.name: p for p in periods(CALENDAR, PeriodKind.DAY, *around)}
    assert (days[day].to_us - days[day].from_us) / HOUR == hours
    lengths = {(p.to_us - p.from_us) / HOUR for p in periods(CALENDAR, PeriodKind.SHIFT, *around) if p.name == "N"}
    assert lengths == {8, night}


@pytest.mark.parametrize(("kind", "names"), [
    (PeriodKind.WEEK, ["2026-W13", "2026-W14"]), (PeriodKind.MONTH, ["2026-03", "2026-04"]),
])  # fmt: skip
def test_weeks_and_months_follow_each_other_without_holes(kind: PeriodKind, names: list[str]) -> None:
    found = periods(CALENDAR, kind, us("2026-03-28T12:00"), us("2026-04-02T12:00"))
    assert [p.name for p in found] == names
    assert found[0].to_us == found[1].from_us
    local = [datetime.fromtimestamp(p.from_us / 1e6, CALENDAR.zone) for p in found]
    assert [moment.time() for moment in local] == [time(0), time(0)]


def test_a_year_of_months_ends_where_the_next_begins() -> None:
    found = periods(CALENDAR, PeriodKind.MONTH, us("2025-12-31T23:30"), us("2026-12-31T22:00"))
    assert [p.name for p in found] == [f"2026-{n:02d}" for n in range(1, 13)]
    assert all(one.to_us == other.from_us for one, other in itertools.pairwise(found))


def test_a_window_is_named_after_its_period_or_its_days() -> None:
    month = periods(CALENDAR, PeriodKind.MONTH, us("2026-03-10T00:00"), us("2026-03-11T00:00"))[0]
    assert window_of(CALENDAR, PeriodKind.MONTH, month.from_us, month.to_us).name == "2026-03"
    assert window_of(CALENDAR, PeriodKind.MONTH, us("2026-03-10T00:00"), us("2026-03-12T12:00")).name == "2026-03-10--2026-03-12"
    with pytest.raises(ConfigError, match="no shift lies"):
        window_of(Calendar("Europe/Berlin"), PeriodKind.SHIFT, us("2026-03-10T00:00"), us("2026-03-10T08:00"))
