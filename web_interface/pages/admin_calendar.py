"""Shifts and calendar: patterns with breaks and rotation, holidays, exceptional days, plans, and the month as it will be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import ConfigError
from web_interface.components import Card, Confirm, DataTable, Hub, button, el, icon, notify
from web_interface.pages import admin_frame, shell
from web_interface.pages.admin_calendar_view import (
    DAYS,
    WORKDAYS,
    Entry,
    MonthDay,
    breaks_text,
    entries,
    holiday_rows,
    month_days,
    month_of,
    shift_rows,
    to_shift,
    with_exception,
    with_holiday,
)
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import NONE, Field
from web_interface.pages.typed_checks import clock_check, whole_list_check
from web_interface.services import Services

_ALIGN = {"kwh": "right", "parts": "right"}
COUNTRIES = ("RU", "BY", "KZ", "UZ", "AM", "DE", "AT", "CH", "PL", "CZ", "IT", "FR", "TR", "CN", "IN", "US")


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/calendar; `month` (2026-11) chooses month and year."""

    @ui.page("/admin/calendar", title="")
    async def calendar_page(month: str = "") -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "calendar") as page:
            CalendarPage(page, month).build()
        return None


class CalendarPage:
    """One open page of shifts and calendar."""

    def __init__(self, page: shell.Page, month: str) -> None:
        self._page = page
        today = page.viewer.fmt.local(page.hub.shop().now_us).date()
        self._first = month_of(month, today)
        self._today = today
        self._known = self._sections()

    def build(self) -> None:
        """The month first: what comes of all that stands below."""
        with el("div", "em-calendar-page"):
            admin_frame.tell_of_others(self._page, lambda: self._sections() != self._known)
            self._build_month()
            self._build_shifts()
            with el("div", "em-calendar-pair"):
                self._build_holidays()
                self._build_exceptions()
            self._build_plans()

    def _sections(self) -> dict[str, object]:
        return {name: self._page.services.plant.section(name) for name in ("shifts", "calendar", "plans")}

    async def _save(self, name: str, value: object) -> None:
        """Raises Conflict when somebody else changed the section since this page was drawn: places in a list would be others."""
        page = self._page
        await page.services.plant.save_section(name, value, page.actor(), known=self._known[name] or [])

    # ---- month -------------------------------------------------------------------------------------------------------
    def _build_month(self) -> None:
        page, t, first = self._page, self._page.t, self._first
        with Card(f"{t(f'energy.month.{first.month}')} {first.year}", note=t("calendar.month.note"), testid="month-card") as card:
            with card.tools:
                for step, icon_name, key in ((-1, "chevron_left", "earlier"), (32, "chevron_right", "later")):
                    other = (first + timedelta(days=step)).replace(day=1)
                    words = t(f"calendar.month.{key}")
                    href = f"/admin/calendar?month={other:%Y-%m}"
                    look, testid = "em-btn em-btn-plain em-btn-icon", f"month-{key}"
                    with el("a", look, testid=testid, href=href, aria_label=words, title=words):
                        icon(icon_name)
            with el("div", "em-month", testid="month"):
                for day in DAYS:
                    el("span", "em-month-head", t(f"calendar.day.{day}"))
                weeks = month_days(first, page.services.plant.plant.calendar, page.services.energy.shifts_of_day)
                for found in (day for week in weeks for day in week):
                    self._month_day(found)

    def _month_day(self, found: MonthDay | None) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        if found is None:
            el("div", "em-month-day em-month-none")
            return
        today = " em-month-today" if found.day == self._today else ""
        with el("div", f"em-month-day em-month-{found.kind.value}{today}", testid=f"day-{found.day}"):
            with el("div", "em-month-number"):
                el("b", text=str(found.day.day))
                name = found.name or (page.t(f"calendar.kind.{found.kind.value}") if found.kind.value != "ordinary" else "")
                if name:
                    el("span", text=name, title=name)
            for shift in found.shifts:
                crew = f" · {shift.crew}" if shift.crew else ""
                hours = f"{fmt.clock(shift.from_us)}–{fmt.clock(shift.to_us)}"
                breaks = "; ".join(f"{b.name} {fmt.clock(b.from_us)}–{fmt.clock(b.to_us)}" for b in shift.breaks)
                with el("div", "em-month-shift", title=breaks or hours):
                    el("b", text=f"{shift.name}{crew}")
                    el("span", text=hours)

    # ---- shifts ------------------------------------------------------------------------------------------------------
    def _build_shifts(self) -> None:
        t = self._page.t
        keys = ("name", "time", "days", "breaks", "rotation", "holidays")
        columns: list[dict[str, Any]] = [
            *({"key": key, "name": t(f"calendar.col.{key}"), "align": "left", "grow": key == "breaks"} for key in keys),
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        with Card(t("calendar.shifts"), note=t("calendar.shifts.note"), testid="shifts-card") as card:
            with card.tools:
                button(t("calendar.shift.new"), self._new_shift, kind="primary", icon_name="add", testid="shift-new")
            rows = shift_rows(self._known["shifts"], t)
            DataTable(columns, rows, testid="shifts-table", empty=t("calendar.shifts.none"), on_row=self._edit_shift,
                      on_action=self._delete_shift)  # fmt: skip

    def _shift_fields(self) -> Sequence[Field]:
        t, lang = self._page.t, self._page.lang
        holidays = {key: t(f"calendar.holidays.{key}") for key in ("rest", "work")}
        days = {day: t(f"calendar.day.{day}") for day in DAYS}
        return [
            Field("name", "text", t("admin.field.name"), required=True),
            Field("start", "text", t("calendar.field.start"), required=True, hint="07:00", check=clock_check(lang)),
            Field("end", "text", t("calendar.field.end"), required=True, hint=t("calendar.hint.end"),
                  check=clock_check(lang, end=True)),
            Field("days", "several", t("calendar.col.days"), options=days, hint=t("calendar.hint.days")),
            Field("breaks", "text", t("calendar.col.breaks"), hint=t("calendar.hint.breaks"), wide=True),
            Field("holidays", "choice", t("calendar.col.holidays"), options=holidays, default=""),
            Field("rotation.cycle_days", "whole", t("calendar.field.cycle"), hint=t("calendar.hint.cycle"), low=2, high=84),
            Field("rotation.anchor", "date", t("calendar.field.anchor")),
            Field("rotation.on", "list", t("calendar.field.on"), hint="1, 2", check=whole_list_check(lang, 1, 84)),
            Field("rotation.crew", "text", t("calendar.col.crew")),
        ]  # fmt: skip

    async def _new_shift(self) -> None:
        await self._ask_shift(None)

    async def _edit_shift(self, place: Any) -> None:
        await self._ask_shift(int(place))

    async def _ask_shift(self, place: int | None) -> None:
        page = self._page
        listed = entries(self._known["shifts"])
        values: Entry = {"days": list(WORKDAYS)} if place is None else dict(listed[place])
        values["breaks"] = breaks_text(values)
        rotated = bool(values.get("rotation"))
        values.setdefault("holidays", "work" if rotated else "rest")
        title = page.t("calendar.shift.new") if place is None else page.t("calendar.shift.words", name=values.get("name", ""))
        dialog = FormDialog(page, title, self._shift_fields(), values, testid="shift-dialog")

        async def save(found: dict[str, object]) -> None:
            entry = to_shift(found)
            shifts = [*listed, entry] if place is None else [*listed[:place], entry, *listed[place + 1 :]]
            await self._save("shifts", shifts)

        if await dialog.ask(save, own=lambda found: f"shifts[{found.get('name', '')}]"):
            self._saved()

    async def _delete_shift(self, place: Any, _name: str) -> None:
        page = self._page
        listed = entries(self._known["shifts"])
        words = page.t("calendar.shift.delete.words", name=listed[int(place)].get("name", ""))
        confirm = Confirm(page.lang, page.t("calendar.shift.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask():
            del listed[int(place)]
            await self._store("shifts", listed)

    # ---- holidays and exceptions -------------------------------------------------------------------------------------
    def _build_holidays(self) -> None:
        page, t = self._page, self._page.t
        work = page.services.plant.plant.calendar
        country = t("calendar.country.none")
        if work.country:
            country = t("calendar.country.words", country=f"{work.country} {work.subdivision}".strip())
        keys = ("day", "weekday", "name", "source")
        columns: list[dict[str, Any]] = [
            *({"key": key, "name": t(f"calendar.col.{key}"), "align": "left", "grow": key == "name"} for key in keys),
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        with Card(t("calendar.holidays_of", year=self._first.year), note=country, testid="holidays-card") as card:
            with card.tools:
                button(t("calendar.country"), self._ask_country, icon_name="public", testid="country")
                button(t("calendar.holiday.new"), self._new_holiday, icon_name="add", testid="holiday-new")
            rows = holiday_rows(work, self._first.year, t, page.viewer.fmt.date)
            DataTable(columns, rows, testid="holidays-table", empty=t("calendar.holidays.none"), dense=True,
                      on_action=self._holiday_action)  # fmt: skip

    async def _ask_country(self) -> None:
        page, t = self._page, self._page.t
        section = self._known["calendar"]
        values = dict(section) if isinstance(section, Mapping) else {}
        codes = dict.fromkeys([*COUNTRIES, *([str(values["country"])] if values.get("country") else [])])
        countries = {NONE: t("calendar.country.none"), **{code: code for code in codes}}
        fields = [
            Field("country", "choice", t("calendar.country"), options=countries, default=NONE),
            Field("subdivision", "text", t("calendar.field.subdivision"), hint=t("calendar.hint.subdivision")),
        ]

        async def save(found: dict[str, object]) -> None:
            kept = {name: values[name] for name in ("holidays", "exceptions") if values.get(name)}
            await self._save("calendar", {**found, **kept})

        dialog = FormDialog(page, t("calendar.country"), fields, values, testid="country-dialog")
        if await dialog.ask(save, own=lambda _found: "calendar."):
            self._saved()

    async def _new_holiday(self) -> None:
        page, t = self._page, self._page.t
        fields = [
            Field("date", "date", t("calendar.col.day"), required=True),
            Field("name", "text", t("admin.field.name"), required=True),
        ]

        async def save(found: dict[str, object]) -> None:
            section = with_holiday(self._known["calendar"], _day(found.get("date")), str(found["name"]))
            await self._save("calendar", section)

        if await FormDialog(page, t("calendar.holiday.new"), fields, {}, testid="holiday-dialog").ask(save):
            self._saved()

    async def _holiday_action(self, day: Any, name: str) -> None:
        section, restore = self._known["calendar"], name == "holiday-restore"
        await self._store("calendar", with_holiday(section, date.fromisoformat(str(day)), None, restore=restore))

    def _build_exceptions(self) -> None:
        page, t = self._page, self._page.t
        columns: list[dict[str, Any]] = [
            {"key": "day", "name": t("calendar.col.day"), "align": "left"},
            {"key": "what", "name": t("calendar.col.what"), "align": "left"},
            {"key": "name", "name": t("calendar.col.name"), "align": "left", "grow": True},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        remove = {"name": "exception-delete", "icon": "delete_outline", "label": t("action.delete"), "kind": "quiet"}
        rows = [
            {"id": found.day.isoformat(), "cells": {
                "day": page.viewer.fmt.date(found.day), "what": self._exception_words(found.closed, found.works_as),
                "name": found.name or "—", "do": {"text": "", "actions": [remove]},
            }}
            for found in page.services.plant.plant.calendar.exceptions
        ]  # fmt: skip
        with Card(t("calendar.exceptions"), note=t("calendar.exceptions.note"), testid="exceptions-card") as card:
            with card.tools:
                button(t("calendar.exception.new"), self._new_exception, icon_name="add", testid="exception-new")
            DataTable(columns, rows, testid="exceptions-table", empty=t("calendar.exceptions.none"), dense=True,
                      on_action=self._delete_exception)  # fmt: skip

    def _exception_words(self, closed: bool, works_as: int | None) -> str:
        t = self._page.t
        if closed:
            return t("calendar.closed")
        return t("calendar.own_shifts") if works_as is None else t("calendar.works_as", day=t(f"calendar.day.{DAYS[works_as]}"))

    async def _new_exception(self) -> None:
        page, t = self._page, self._page.t
        kinds = {"closed": t("calendar.closed"), **{day: t("calendar.works_as", day=t(f"calendar.day.{day}")) for day in DAYS}}
        fields = [
            Field("date", "date", t("calendar.col.day"), required=True),
            Field("kind", "choice", t("calendar.col.what"), options=kinds, required=True),
            Field("name", "text", t("calendar.col.name")),
        ]

        async def save(found: dict[str, object]) -> None:
            day = _day(found.get("date")).isoformat()
            before, name = self._known["calendar"], str(found.get("name") or "")
            after = with_exception(before, day, str(found["kind"]), name)
            await self._save("calendar", after)

        dialog = FormDialog(page, t("calendar.exception.new"), fields, {"kind": "closed"}, testid="exception-dialog")
        if await dialog.ask(save):
            self._saved()

    async def _delete_exception(self, day: Any, _name: str) -> None:
        await self._store("calendar", with_exception(self._known["calendar"], str(day), "", ""))

    # ---- plans -------------------------------------------------------------------------------------------------------
    def _build_plans(self) -> None:
        page, t = self._page, self._page.t
        keys = ("whom", "by", "shift", "kwh", "parts", "valid_from")
        columns: list[dict[str, Any]] = [
            *({"key": k, "name": t(f"calendar.plan.{k}"), "align": _ALIGN.get(k, "left"), "grow": k == "whom"} for k in keys),
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        machines = {machine.id: machine.name for machine in page.services.plant.plant.machines}
        remove = {"name": "plan-delete", "icon": "delete_outline", "label": t("action.delete"), "kind": "quiet"}
        rows = [
            {"id": n, "cells": {
                "whom": {"text": machines.get(str(entry.get("machine")), entry.get("section") or t("plan.site")), "bold": True},
                "by": t(f"calendar.plan.by.{entry.get('by')}"), "shift": entry.get("shift") or "—",
                **{key: page.viewer.fmt.number(entry.get(key), 0) for key in ("kwh", "parts")},
                "valid_from": entry.get("valid_from") or "—", "do": {"text": "", "actions": [remove]},
            }}
            for n, entry in enumerate(entries(self._known["plans"]))
        ]  # fmt: skip
        with Card(t("calendar.plans"), note=t("calendar.plans.note"), testid="plans-card") as card:
            with card.tools:
                button(t("calendar.plan.new"), self._new_plan, icon_name="add", testid="plan-new")
            DataTable(columns, rows, testid="plans-table", empty=t("calendar.plans.none"), dense=True,
                      on_action=self._delete_plan)  # fmt: skip

    async def _new_plan(self) -> None:
        page, t = self._page, self._page.t
        plant = page.services.plant.plant
        whom = {"site": t("plan.site")}
        whom.update({f"section:{name}": name for name in dict.fromkeys(m.section for m in plant.machines if m.section)})
        whom.update({f"machine:{machine.id}": machine.name for machine in plant.machines})
        intervals = {key: t(f"calendar.plan.by.{key}") for key in ("shift", "day", "month")}
        shifts = {NONE: t("calendar.plan.all_shifts"), **{shift.name: shift.name for shift in plant.shifts}}
        fields = [
            Field("whom", "choice", t("calendar.plan.whom"), options=whom, required=True, search=len(whom) > 12),
            Field("by", "choice", t("calendar.plan.by"), options=intervals, required=True),
            Field("shift", "choice", t("calendar.plan.shift"), options=shifts, default=NONE),
            Field("kwh", "number", t("calendar.plan.kwh"), above=0), Field("parts", "number", t("calendar.plan.parts"), above=0),
            Field("valid_from", "date", t("calendar.plan.valid_from")),
        ]  # fmt: skip

        async def save(found: dict[str, object]) -> None:
            kind, _, subject = str(found.pop("whom")).partition(":")
            entry = {**({kind: subject} if subject else {}), **found}
            listed = [*entries(self._known["plans"]), entry]
            await self._save("plans", listed)

        dialog = FormDialog(page, t("calendar.plan.new"), fields, {"whom": "site", "by": "shift"}, testid="plan-dialog")
        if await dialog.ask(save, own=lambda _found: "plans["):
            self._saved()

    async def _delete_plan(self, place: Any, _name: str) -> None:
        listed = entries(self._known["plans"])
        del listed[int(place)]
        await self._store("plans", listed)

    # ---- saving ------------------------------------------------------------------------------------------------------
    async def _store(self, name: str, value: object) -> None:
        page = self._page
        if await admin_frame.attempt(page, lambda: self._save(name, value)):
            self._saved()

    def _saved(self) -> None:
        """Everything on the page follows from what was saved: it is drawn anew."""
        self._known = self._sections()
        notify(self._page.t("admin.saved"))
        ui.navigate.to(f"/admin/calendar?month={self._first:%Y-%m}")


def _day(value: object) -> date:
    """Raises ConfigError at the field `date`."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigError('date: is no day; expected a day "YYYY-MM-DD"') from None
