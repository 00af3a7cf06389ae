"""The sections `shifts` and `calendar` of a plant file: patterns, breaks, rotation, holidays, exceptional days."""

from __future__ import annotations

import re
from datetime import date, time
from functools import partial
from itertools import combinations

from config.fields import Fields, shown
from config.problems import Path, Report, nearest
from config.public_holidays import countries, public_year
from domain.work_calendar import (
    DAY_MIN,
    Break,
    Clash,
    DayException,
    HolidayEdit,
    Rotation,
    ShiftPattern,
    WorkCalendar,
    clash_around,
    clash_between,
    meet,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_CYCLE = 84  # days: twelve weeks
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])\Z")
_PROBE_YEAR = 2026  # any: reading it loads the country's rules once, at the start
Placed = list[tuple[ShiftPattern, Path]]


def read_shifts(fields: Fields) -> tuple[ShiftPattern, ...]:
    """The shift patterns; no two of them may run at one time on any day."""
    found: Placed = []
    for entry, path in fields.entries("shifts"):
        shift = _read_shift(Fields(entry, path, fields.report))
        if shift is not None:
            found.append((shift, path))
    _check_clashes(found, fields.report)
    return tuple(shift for shift, _ in found)


def read_calendar(fields: Fields, shifts: tuple[ShiftPattern, ...], language: str) -> WorkCalendar:
    """Holidays and exceptions; the days they change are checked for shifts that run at one time."""
    group = fields.group("calendar")
    country, subdivision = _read_country(group)
    edits = [edit for entry, path in group.entries("holidays") if (edit := _read_edit(Fields(entry, path, group.report)))]
    exceptions = [
        (found, path)
        for entry, path in group.entries("exceptions")
        if (found := _read_exception(Fields(entry, path, group.report)))
    ]
    _once([(edit.day, (*group.at("holidays"), index)) for index, edit in enumerate(edits)], group.report)
    _once([(found.day, path) for found, path in exceptions], group.report)
    group.finish()
    calendar = WorkCalendar(
        country, subdivision, tuple(edits), tuple(found for found, _ in exceptions),
        **({"public": partial(public_year, country, subdivision, language)} if country else {}),
    )  # fmt: skip
    for found, path in exceptions:
        clash = clash_around(found.day, calendar, shifts)
        if clash is not None:
            group.report.problem(path, *_clash_words(clash, found.day.isoformat()))
    return calendar


def read_date(fields: Fields, name: str, *, required: bool = False) -> date | None:
    """A day "YYYY-MM-DD"."""
    value = fields.raw(name, required=required, expected='a day "YYYY-MM-DD"')
    if value is None:
        return None
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == len("2026-01-01") else "")
    except ValueError:
        fields.problem(name, f"is {shown(value)}", 'a day "YYYY-MM-DD"')
        return None


# -- one shift ---------------------------------------------------------------------------------------------------------------


def _read_shift(shift: Fields) -> ShiftPattern | None:
    name = shift.text("name", required=True, longest=40)
    start, end = read_clock(shift, "start"), read_clock(shift, "end")
    days = read_days(shift)
    rotation = _rotation(shift) if shift.has("rotation") else None
    holidays = shift.choice("holidays", ("rest", "work"), "rest" if rotation is None else "work")
    breaks = [pause for entry, path in shift.entries("breaks") if (pause := _break(Fields(entry, path, shift.report)))]
    shift.finish()
    if name is None or start is None or end is None or not days:
        return None
    found = ShiftPattern(name, start, end, days, tuple(breaks), rotation, holidays == "work")
    _check_breaks(found, shift)
    return found


def read_clock(fields: Fields, name: str) -> time | None:
    """A time of day "HH:MM"; only an end may be 24:00."""
    value = fields.raw(name, required=True, expected='"HH:MM"')
    if value is None:
        return None
    match = _TIME.match(value) if isinstance(value, str) else None
    hour, minute = (int(match[1]), int(match[2])) if match else (99, 0)
    if hour > 24 or (hour == 24 and (minute or name == "start")):
        fields.problem(name, f"is {shown(value)}", 'a time of day "HH:MM"')
        return None
    return time(hour % 24, minute)


def read_days(fields: Fields) -> frozenset[int]:
    """The field `days`, Monday is 0; all days where it is absent."""
    value = fields.raw("days")
    if value is None:
        return frozenset(range(7))
    days = value if isinstance(value, list | tuple) else []
    wrong = [day for day in days if not isinstance(day, str) or day.lower() not in DAYS]
    if not days or wrong:
        fields.problem("days", f"is {shown(wrong[0] if wrong else value)}", f"a list of {', '.join(DAYS)}")
        return frozenset()
    return frozenset(DAYS.index(str(day).lower()) for day in days)


def _rotation(shift: Fields) -> Rotation | None:
    group = shift.group("rotation")
    cycle = group.whole("cycle_days", low=2, high=LONGEST_CYCLE, required=True)
    anchor = read_date(group, "anchor", required=True)
    expected = f"a list of days of the cycle, 1 to {cycle or LONGEST_CYCLE}"
    on = group.raw("on", required=True, expected=expected)
    crew = group.text("crew", "", longest=40) or ""
    group.finish()
    if cycle is None or anchor is None or on is None:
        return None
    days = list(on) if isinstance(on, list | tuple) else []
    wrong = [day for day in days if isinstance(day, bool) or not isinstance(day, int) or not 1 <= day <= cycle]
    if not days or wrong:
        group.problem("on", f"is {shown(wrong[0] if wrong else on)}", expected)
        return None
    return Rotation(cycle, anchor, frozenset(days), crew)


def _break(fields: Fields) -> Break | None:
    name = fields.text("name", required=True, longest=40)
    start, end = read_clock(fields, "start"), read_clock(fields, "end")
    fields.finish()
    return None if name is None or start is None or end is None else Break(name, start, end)


def _check_breaks(shift: ShiftPattern, fields: Fields) -> None:
    """Inside the shift, one after the other."""
    begin, end = shift.span_min
    taken: list[tuple[int, int, str]] = []
    for index, pause in enumerate(shift.breaks):
        place = f"breaks.{index}"
        from_min, to_min = shift.break_span_min(pause)
        path = (*fields.at("breaks"), index)
        if not begin <= from_min < to_min <= end:
            fields.report.problem(
                path, f"break {pause.name!r} {_span(from_min, to_min)} lies outside shift {shift.name!r}",
                f"times within {_span(begin, end)}",
            )  # fmt: skip
        for other_from, other_to, other in taken:
            if max(from_min, other_from) < min(to_min, other_to):
                fields.report.problem(path, f"break {pause.name!r} overlaps break {other!r}", "breaks that follow each other")
        taken.append((from_min, to_min, pause.name or place))


def _check_clashes(shifts: Placed, report: Report) -> None:
    """No moment belongs to two shifts; a name may return on other days with other times."""
    for (a, _), (b, path) in combinations(shifts, 2):
        clash = clash_between(a, b)
        if clash is not None:
            report.problem(path, *_clash_words(clash, ""))
        elif a.name == b.name and meet(a, b):
            report.problem((*path, "name"), f"shift {b.name!r} stands twice for one day", "each name once a day")


def _clash_words(clash: Clash, day: str) -> tuple[str, str]:
    """What is wrong and how to put it right."""
    a, b = clash.first, clash.second
    weekday = day or DAYS[(clash.day.weekday() + clash.from_min // DAY_MIN) % 7]
    message = f"shift {b.name!r} overlaps shift {a.name!r} at {weekday} {_hm(clash.from_min)}, until {_hm(clash.to_min)}"
    return message, f"shifts that follow each other: end one at {_hm(clash.from_min)} or begin the other at {_hm(clash.to_min)}"


def _hm(minute: int) -> str:
    return f"{minute % DAY_MIN // 60:02}:{minute % 60:02}"


def _span(from_min: int, to_min: int) -> str:
    return f"{_hm(from_min)}–{_hm(to_min)}"


# -- holidays and exceptions -------------------------------------------------------------------------------------------------


def _read_country(group: Fields) -> tuple[str, str]:
    country = group.text("country", "", longest=2) or ""
    subdivision = group.text("subdivision", "", longest=30) or ""
    if not country:
        if subdivision:
            group.problem("subdivision", "is given without a country", "country: RU")
        return "", ""
    known = countries()
    if country not in known:
        near = nearest(country, known)
        group.problem("country", f"{shown(country)} is no country known", ", ".join(near) or "two letters, such as RU, DE, KZ")
        return "", ""
    if subdivision and subdivision not in known[country]:
        parts = known[country]
        expected = ", ".join(nearest(subdivision, parts) or parts[:20]) or "no subdivision: the country has none"
        group.problem("subdivision", f"{country} has no subdivision {shown(subdivision)}", expected)
        return "", ""
    public_year(country, subdivision, "ru", _PROBE_YEAR)
    return country, subdivision


def _read_edit(fields: Fields) -> HolidayEdit | None:
    day = read_date(fields, "date", required=True)
    removed = fields.flag("removed")
    name = fields.text("name", longest=100)
    fields.finish()
    if day is None:
        return None
    if removed == (name is not None):
        fields.problem("", f"{day} needs either a name or removed", "name: … to add or rename it, or removed: true")
        return None
    return HolidayEdit(day, None if removed else name)


def _read_exception(fields: Fields) -> DayException | None:
    day = read_date(fields, "date", required=True)
    name = fields.text("name", "", longest=100) or ""
    closed = fields.flag("closed")
    works_as = fields.choice("works_as", DAYS)
    shifts: Placed = []
    for entry, path in fields.entries("shifts"):
        shift = _read_shift(Fields(entry, path, fields.report))
        if shift is not None:
            shifts.append((shift, path))
    given = [word for word, there in (("closed", closed), ("works_as", works_as), ("shifts", shifts)) if there]
    fields.finish()
    if day is None:
        return None
    if len(given) != 1:
        said = "says nothing" if not given else f"says {' and '.join(given)} at once"
        fields.problem("", f"the exception of {day} {said}", "exactly one of closed: true, works_as: mon, shifts: […]")
        return None
    own = tuple(shift for shift, _ in shifts)
    return DayException(day, name, closed, DAYS.index(works_as) if works_as else None, own)


def _once(days: list[tuple[date, Path]], report: Report) -> None:
    seen: set[date] = set()
    for day, path in days:
        if day in seen:
            report.problem((*path, "date"), f"{day} stands twice", "each date once")
        seen.add(day)
