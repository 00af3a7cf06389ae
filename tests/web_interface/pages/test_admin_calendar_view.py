"""Shifts, holidays, exceptions and plans between what people type and what the plant file holds."""

from __future__ import annotations

from datetime import date

import pytest

from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden
from domain.work_calendar import DayException, DayKind, HolidayEdit, PublicYear, WorkCalendar
from tests.web_interface.fake_plant import FakePlant
from web_interface.locale import t
from web_interface.pages.admin_calendar_view import (
    breaks_text,
    days_text,
    entries,
    holiday_rows,
    month_days,
    month_of,
    read_breaks,
    rotation_text,
    shift_rows,
    to_shift,
    with_exception,
    with_holiday,
)

MAY_8, MAY_9 = date(2026, 5, 8), date(2026, 5, 9)
ENGINEER = Actor("e", Role.ENGINEER, "test")


def words(key: str, **values: object) -> str:
    return t(key, "en", **values)


def public(year: int) -> PublicYear:
    return PublicYear({date(year, 5, 9): "Victory Day"})


def test_breaks_as_people_type_them() -> None:
    typed = "lunch 11:00–11:45; late tea 14:00-14:15 ;"
    found = read_breaks(typed)
    assert found == [{"name": "lunch", "start": "11:00", "end": "11:45"}, {"name": "late tea", "start": "14:00", "end": "14:15"}]
    assert breaks_text({"breaks": found}) == "lunch 11:00–11:45; late tea 14:00–14:15"
    with pytest.raises(ConfigError, match="breaks: 'lunch at noon' is no break"):
        read_breaks("lunch at noon")


@pytest.mark.parametrize(
    ("days", "said"), [(None, "every day"), (["mon", "tue", "wed"], "Mon–Wed"), (["sat", "mon"], "Mon, Sat"), (["mon", "tue"], "Mon, Tue")]
)
def test_days_in_words(days: object, said: str) -> None:
    assert days_text({"days": days}, words) == said


def test_a_form_becomes_an_entry_and_a_row() -> None:
    entry = to_shift({
        "name": "1", "start": "07:00", "end": "15:00", "days": ["mon"], "breaks": "lunch 11:00-11:30", "holidays": "work",
        "rotation": {"cycle_days": 4, "anchor": "2026-01-05", "on": [1, 2], "crew": "A"},
    })  # fmt: skip
    assert entry["breaks"] == [{"name": "lunch", "start": "11:00", "end": "11:30"}]
    (row,) = shift_rows([entry], words)
    assert (row["cells"]["time"], row["cells"]["rotation"], row["cells"]["holidays"]) == ("07:00–15:00", "2 of 4 days, crew A", "works")
    assert "rotation" not in to_shift({"name": "1", "start": "07:00", "end": "15:00", "rotation": {}})
    assert rotation_text({}, words) == ""


def test_holidays_of_the_country_own_and_removed() -> None:
    calendar = WorkCalendar("RU", edits=(HolidayEdit(MAY_9, None), HolidayEdit(MAY_8, "Founders")), public=public)
    rows = {row["id"]: row["cells"] for row in holiday_rows(calendar, 2026, words, date.isoformat)}
    assert [(rows[d]["name"]["text"], rows[d]["source"]) for d in ("2026-05-08", "2026-05-09")] == [("Founders", "own"), ("Victory Day", "removed")]
    assert {rows[d]["do"]["actions"][0]["name"] for d in rows} == {"holiday-restore"}
    (row,) = holiday_rows(WorkCalendar("RU", public=public), 2026, words, date.isoformat)
    assert row["cells"]["do"]["actions"][0]["name"] == "holiday-remove"


def test_one_edit_a_day_and_back() -> None:
    section = with_holiday({"country": "RU"}, MAY_9, None)
    assert section == {"country": "RU", "holidays": [{"date": "2026-05-09", "removed": True}]}
    assert with_holiday(section, MAY_9, "V-Day")["holidays"] == [{"date": "2026-05-09", "name": "V-Day"}]
    assert with_holiday(section, MAY_9, None, restore=True) == {"country": "RU"}
    assert with_exception(None, "2026-05-08", "mon", "") == {"exceptions": [{"date": "2026-05-08", "works_as": "mon"}]}
    assert with_exception(with_exception(None, "2026-05-08", "closed", "x"), "2026-05-08", "", "") == {}


def test_a_month_is_whole_weeks_and_tells_why_a_day_is_special() -> None:
    calendar = WorkCalendar("RU", public=public, exceptions=(DayException(MAY_8, "repair", closed=True),))
    weeks = month_days(date(2026, 5, 1), calendar, lambda _day: [])
    assert all(len(week) == 7 for week in weeks)
    days = [found for week in weeks for found in week if found is not None]
    assert [found.day.day for found in days] == list(range(1, 32))
    assert (days[7].kind, days[7].name) == (DayKind.CLOSED, "repair")
    assert days[8].kind is DayKind.HOLIDAY


async def test_what_is_saved_is_validated_as_a_plant_file_would_be() -> None:
    plant = FakePlant()
    before = entries(plant.section("shifts"))
    clash = {"name": "X", "start": "06:00", "end": "08:00"}
    with pytest.raises(ConfigError, match="overlaps shift"):
        await plant.save_section("shifts", [*before, clash], ENGINEER)
    assert plant.section("shifts") == before
    await plant.save_section("calendar", {"country": "RU"}, ENGINEER)
    assert plant.plant.calendar.holiday(MAY_9) == "День Победы"
    with pytest.raises(Forbidden):
        await plant.save_section("plans", [], Actor("o", Role.OPERATOR, "test"))


@pytest.mark.parametrize("words", ["", "9999-12", "0001-01", "1969-12", "2026-13", "<b>", "x" * 500])
def test_a_month_that_no_calendar_is_kept_for_is_this_month(words: str) -> None:
    assert month_of(words, date(2026, 11, 26)) == date(2026, 11, 1)


def test_a_month_of_an_address_is_its_first_day() -> None:
    assert month_of("2027-02", date(2026, 11, 26)) == date(2027, 2, 1)
