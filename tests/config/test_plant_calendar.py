"""Sections shifts, calendar and plans of a plant file: what they become, and what is refused with its fix."""

from __future__ import annotations

from datetime import date, time

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.plan import Plan, PlanInterval, PlanScope, plan_on
from domain.plant import Plant
from domain.work_calendar import Break, DayKind, Rotation

CATALOG = ProfileCatalog.load()
SITE = "site: {name: Works, language: en}\n"
TWO = (
    "shifts:\n  - {name: a, start: '07:00', end: '15:00', breaks: [{name: lunch, start: '11:00', end: '11:30'}]}\n"
    "  - {name: n, start: '23:00', end: '07:00', breaks: [{name: meal, start: '03:00', end: '03:20'}]}\n"
)
MACHINES = "machines: [{id: m1, section: Turning}]\n"


def plant(text: str) -> Plant:
    return parse_plant(SITE + text, catalog=CATALOG, environ={}).plant


def problem(text: str) -> str:
    with pytest.raises(PlantFileError) as wrong:
        plant(text)
    assert len(wrong.value.problems) == 1
    return str(wrong.value.problems[0])


def test_breaks_and_rotation_are_read() -> None:
    found = plant(
        TWO + "  - {name: r, start: '15:00', end: '23:00', rotation: {cycle_days: 4, anchor: '2026-01-05', on: [1, 2], crew: B}}\n"
    ).shifts
    assert found[1].breaks == (Break("meal", time(3), time(3, 20)),)
    assert found[2].rotation == Rotation(4, date(2026, 1, 5), frozenset({1, 2}), "B")
    assert [shift.works_holidays for shift in found] == [False, False, True]


def test_holidays_of_the_country_as_edited() -> None:
    calendar = plant(
        TWO + "calendar:\n  country: RU\n  holidays:\n    - {date: '2026-06-12', removed: true}\n    - {date: '2026-07-20', name: Founders}\n"
    ).calendar
    year = calendar.holidays(2026)
    assert year[date(2026, 5, 9)] == "Victory Day"
    assert date(2026, 6, 12) not in year
    assert year[date(2026, 7, 20)] == "Founders"
    assert calendar.kind(date(2024, 4, 27))[0] is DayKind.MOVED  # Saturday that Russia worked for Monday 29 April
    assert calendar.kind(date(2024, 4, 29))[0] is DayKind.HOLIDAY


def test_names_of_holidays_follow_the_language_of_the_site() -> None:
    text = "site: {name: Цех, language: ru}\ncalendar: {country: RU}\n"
    assert parse_plant(text, catalog=CATALOG, environ={}).plant.calendar.holiday(date(2026, 5, 9)) == "День Победы"


def test_plans_in_force() -> None:
    plans = plant(
        TWO + MACHINES + "plans:\n  - {machine: m1, by: shift, kwh: 40, parts: 12}\n"
        "  - {machine: m1, by: shift, shift: n, kwh: 30}\n  - {machine: m1, by: shift, kwh: 50, valid_from: '2026-03-01'}\n"
        "  - {section: Turning, by: day, kwh: 400}\n  - {by: month, parts: 9000}\n"
    ).plans
    assert plans[4] == Plan(PlanScope.SITE, "", PlanInterval.MONTH, parts=9000)

    def kwh(day: date, shift: str) -> float | None:
        found = plan_on(plans, PlanScope.MACHINE, "m1", PlanInterval.SHIFT, day, shift)
        return None if found is None else found.kwh

    assert kwh(date(2026, 2, 28), "a") == 40
    assert kwh(date(2026, 3, 1), "a") == 50
    assert kwh(date(2026, 3, 1), "n") == 30
    assert plan_on(plans, PlanScope.SITE, "", PlanInterval.DAY, date(2026, 3, 1)) is None


SHIFT = "shifts:\n  - {name: a, start: '07:00', end: '15:00', "


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (TWO + "  - {name: b, start: '14:00', end: '16:00', days: [tue]}\n", "shifts[b]", "shift 'b' overlaps shift 'a' at tue 14:00"),
        (TWO.replace("'15:00'", "'23:30'"), "shifts[n]", "end one at 23:00 or begin the other at 23:30"),
        (SHIFT + "breaks: [{name: x, start: '15:00', end: '15:30'}]}\n", "shifts[a].breaks[x]", "lies outside shift 'a'; expected times within 07:00–15:00"),
        (SHIFT + "breaks: [{name: x, start: '09:00', end: '10:00'}, {name: y, start: '09:30', end: '10:00'}]}\n", "breaks[y]", "overlaps break 'x'"),
        (SHIFT + "rotation: {cycle_days: 4, anchor: '2026-01-05', on: [5]}}\n", "rotation.on", "is 5; expected a list of days of the cycle, 1 to 4"),
        (SHIFT + "rotation: {cycle_days: 1, anchor: '2026-01-05', on: [1]}}\n", "rotation.cycle_days", "from 2 to 84"),
        (SHIFT + "rotation: {cycle_days: 4, anchor: 5 May, on: [1]}}\n", "rotation.anchor", "YYYY-MM-DD"),
        (SHIFT + "holidays: never}\n", "holidays", "one of rest, work"),
        ("calendar: {country: RF}\n", "calendar.country", "no country known"),
        ("calendar: {country: DE, subdivision: BAY}\n", "calendar.subdivision", "DE has no subdivision 'BAY'; expected BY"),
        ("calendar: {subdivision: BY}\n", "calendar.subdivision", "without a country"),
        ("calendar: {holidays: [{date: '2026-05-32', name: x}]}\n", "date", "YYYY-MM-DD"),
        ("calendar: {holidays: [{date: '2026-05-08'}]}\n", "calendar.holidays", "either a name or removed"),
        ("calendar: {holidays: [{date: '2026-05-08', name: x}, {date: '2026-05-08', name: y}]}\n", "date", "stands twice"),
        ("calendar: {exceptions: [{date: '2026-05-08', closed: true, works_as: mon}]}\n", "calendar.exceptions", "closed and works_as at once"),
        ("calendar: {exceptions: [{date: '2026-05-08'}]}\n", "calendar.exceptions", "exactly one of"),
        (
            TWO.replace("name: n, ", "name: n, days: [thu], ") +
            "calendar: {exceptions: [{date: '2026-05-08', shifts: [{name: z, start: '06:00', end: '09:00'}]}]}\n",
            "calendar.exceptions", "shift 'z' overlaps shift 'n' at 2026-05-08 06:00",
        ),
        ("plans: [{machine: m9, by: day, kwh: 1}]\n" + MACHINES, "plans", "there is no machine 'm9'"),
        ("plans: [{by: week, kwh: 1}]\n", "plans[0].by", "one of shift, day, month"),
        ("plans: [{by: day}]\n", "plans[0]", "kwh, parts or both"),
        ("plans: [{by: day, kwh: 1}, {by: day, kwh: 2}]\n", "plans[1]", "stands twice"),
        ("plans: [{by: day, shift: a, kwh: 1}]\n" + TWO, "plans[0].shift", "no meaning with by: day"),
    ],
)  # fmt: skip
def test_what_is_refused_names_place_and_fix(text: str, place: str, words: str) -> None:
    said = problem(text)
    assert place in said
    assert words in said
