"""Shifts, holidays and plans in words and rows; breaks and days as people type them. No element, no service."""

from __future__ import annotations

import re
from calendar import monthcalendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.energy import ShiftWindow
from domain.errors import ConfigError
from domain.work_calendar import DayKind, WorkCalendar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAYS = DAYS[:5]
YEARS = (1970, 2099)  # for which a calendar is shown
Entry = dict[str, Any]
Words = Callable[..., str]
_BREAK = re.compile(r"(?P<name>.+?)\s+(?P<start>\d{1,2}:\d\d)\s*[-–—]\s*(?P<end>\d{1,2}:\d\d)\Z")


def month_of(words: str, today: date) -> date:
    """First day of the month that an address names ("2026-11"); this month where it names none that a calendar is kept for."""
    try:
        found = date.fromisoformat(f"{words}-01")
    except ValueError:
        return today.replace(day=1)
    return found if YEARS[0] <= found.year <= YEARS[1] else today.replace(day=1)


def entries(section: object) -> list[Entry]:
    """A stored list of a section as entries that may be changed."""
    return [dict(entry) for entry in section if isinstance(entry, Mapping)] if isinstance(section, Sequence) else []


def breaks_text(entry: Mapping[str, Any]) -> str:
    """"lunch 11:00–11:45; tea 14:00–14:15"."""
    return "; ".join(f"{b['name']} {b['start']}–{b['end']}" for b in entries(entry.get("breaks")))


def read_breaks(text: str) -> list[Entry]:
    """The inverse. Raises ConfigError at the field `breaks`."""
    found: list[Entry] = []
    for part in (piece.strip() for piece in text.split(";")):
        if not part:
            continue
        match = _BREAK.match(part)
        if match is None:
            raise ConfigError(f"breaks: {part!r} is no break; expected a name and its times, such as lunch 11:00–11:45")
        found.append(match.groupdict())
    return found


def days_text(entry: Mapping[str, Any], t: Words) -> str:
    """Mon–Fri, every day, or the days one by one."""
    days = [day for day in DAYS if day in (entry.get("days") or DAYS)]
    if len(days) == len(DAYS):
        return t("calendar.every_day")
    positions = [DAYS.index(day) for day in days]
    names = [t(f"calendar.day.{day}") for day in days]
    if len(days) > 2 and positions == list(range(positions[0], positions[-1] + 1)):
        return f"{names[0]}–{names[-1]}"
    return ", ".join(names)


def rotation_text(entry: Mapping[str, Any], t: Words) -> str:
    """"2 of 4 days, crew A"; empty without."""
    rotation = entry.get("rotation")
    if not isinstance(rotation, Mapping):
        return ""
    words = t("calendar.rotation.words", on=len(rotation.get("on") or ()), n=rotation.get("cycle_days"))
    return f"{words}, {t('calendar.crew.words', crew=rotation['crew'])}" if rotation.get("crew") else words


def shift_rows(section: object, t: Words) -> list[Entry]:
    """Rows of the table of shifts; the id is the place in the list."""
    remove = {"name": "shift-delete", "icon": "delete_outline", "label": t("calendar.shift.delete"), "kind": "quiet"}
    return [
        {
            "id": n,
            "clickable": True,
            "cells": {
                "name": {"text": str(entry.get("name", "")), "bold": True},
                "time": f"{entry.get('start')}–{entry.get('end')}",
                "days": days_text(entry, t),
                "breaks": breaks_text(entry) or "—",
                "rotation": rotation_text(entry, t) or "—",
                "holidays": t(f"calendar.holidays.{entry.get('holidays') or ('work' if entry.get('rotation') else 'rest')}"),
                "do": {"text": "", "actions": [remove]},
            },
        }
        for n, entry in enumerate(entries(section))
    ]


def to_shift(values: Mapping[str, Any]) -> Entry:
    """A form's values as an entry of the plant file. Raises ConfigError."""
    entry = {name: values[name] for name in ("name", "start", "end", "holidays") if values.get(name)}
    if values.get("days"):
        entry["days"] = list(values["days"])
    breaks = read_breaks(str(values.get("breaks") or ""))
    if breaks:
        entry["breaks"] = breaks
    rotation = {name: value for name, value in (values.get("rotation") or {}).items() if value not in (None, "", [])}
    if rotation:
        entry["rotation"] = rotation
    return entry


def holiday_rows(calendar: WorkCalendar, year: int, t: Words, day_words: Callable[[date], str]) -> list[Entry]:
    """Holidays of a year, those that the site removed among them."""
    edits = {edit.day: edit for edit in calendar.edits if edit.day.year == year}
    found = dict(calendar.holidays(year))
    public = calendar.public(year).holidays
    found.update({day: public.get(day, "") for day, edit in edits.items() if edit.name is None})
    rows = []
    for day in sorted(found):
        edit = edits.get(day)
        source = "public" if edit is None else "removed" if edit.name is None else "own"
        action = "remove" if source == "public" else "restore"
        act = {"name": f"holiday-{action}", "text": t(f"calendar.holiday.{action}"), "label": t(f"calendar.holiday.{action}")}
        rows.append({
            "id": day.isoformat(),
            "cells": {
                "day": day_words(day), "weekday": t(f"calendar.day.{DAYS[day.weekday()]}"),
                "name": {"text": found[day], "tone": "quiet" if source == "removed" else ""},
                "source": t(f"calendar.source.{source}"), "do": {"text": "", "actions": [act]},
            },
        })  # fmt: skip
    return rows


def with_holiday(section: object, day: date, name: str | None, *, restore: bool = False) -> Entry:
    """The section `calendar` with one edit put in place of any of that day; `restore` takes it away."""
    calendar = dict(section) if isinstance(section, Mapping) else {}
    kept = [edit for edit in entries(calendar.get("holidays")) if edit.get("date") != day.isoformat()]
    if not restore:
        kept.append({"date": day.isoformat(), "name": name} if name else {"date": day.isoformat(), "removed": True})
    calendar["holidays"] = sorted(kept, key=lambda edit: str(edit["date"]))
    return {key: value for key, value in calendar.items() if value not in ([], "", None)}


def with_exception(section: object, day: str, kind: str, name: str) -> Entry:
    """The section with one exception; `kind` closed, a weekday it works as, or "" to take it away."""
    calendar = dict(section) if isinstance(section, Mapping) else {}
    kept = [found for found in entries(calendar.get("exceptions")) if found.get("date") != day]
    if kind:
        what: Entry = {"closed": True} if kind == "closed" else {"works_as": kind}
        kept.append({"date": day, **what, **({"name": name} if name else {})})
    calendar["exceptions"] = sorted(kept, key=lambda found: str(found["date"]))
    return {key: value for key, value in calendar.items() if value not in ([], "", None)}


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One day as the month shows it: `kind` and `name` as the calendar rules it, its shifts with their hours."""

    day: date
    kind: DayKind
    name: str
    shifts: Sequence[ShiftWindow]


def month_days(
    first: date, calendar: WorkCalendar, shifts_of_day: Callable[[date], Sequence[ShiftWindow]]
) -> list[list[MonthDay | None]]:
    """Weeks of the month, Monday first; None for days of other months."""
    weeks: list[list[MonthDay | None]] = []
    for week in monthcalendar(first.year, first.month):
        row: list[MonthDay | None] = []
        for number in week:
            day = first.replace(day=number) if number else None
            row.append(None if day is None else MonthDay(day, *calendar.kind(day), shifts_of_day(day)))
        weeks.append(row)
    return weeks
