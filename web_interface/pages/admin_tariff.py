"""The editor of a tariff: as it is typed, what is wrong is said, and the week, this hour and this month are shown by it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import ConfigError, MonitorError
from domain.figures import TariffTrial
from web_interface.components import Card, Confirm, Hub, button, el, facts, icon, link_button, loading, notify
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages import admin_money_view as view
from web_interface.pages.admin_form import Field, Form
from web_interface.pages.admin_money import LIST
from web_interface.pages.admin_tariff_zones import ZoneEditor, week
from web_interface.pages.admin_words import Trouble
from web_interface.pages.energy_view import energy, money, zone_name
from web_interface.services import Services

PAUSE_S = 0.4  # after the last key, before the draft is looked at
CATEGORIES = (1, 2, 3, 4)
BY_TABLE = frozenset({3, 4})
PEAKS = "power.peak_hours"


def register(services: Services, hub: Hub) -> None:
    """The pages at /admin/money/tariffs/new (`copy`: valid_from of the one to begin with) and .../{valid_from}/edit."""

    @ui.page(f"{LIST}/tariffs/new", title="")
    async def new_page(copy: str = "") -> Response | None:
        return await _show(services, hub, None, copy)

    @ui.page(f"{LIST}/tariffs/{{day}}/edit", title="")
    async def edit_page(day: str) -> Response | None:
        return await _show(services, hub, day, "")


async def _show(services: Services, hub: Hub, day: str | None, copy: str) -> Response | None:
    if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
        return answer
    title = admin_frame.text_for(services, "money.tariff.new" if day is None else "money.tariff.edit")
    with admin_frame.section_page(services, hub, "money", title=title, parent=LIST) as page:
        listed = view.dated(services.plant.section("tariffs"))
        wanted = copy if day is None else day
        found = next((entry for entry in listed if view.day_of(entry) == wanted), None)
        if day is not None and found is None:
            el("p", "em-quiet", page.t("money.tariff.unknown", day=day[:20]), "tariff-unknown")
            return None
        editor = TariffEditor(page, listed, found, new=day is None)
        editor.build()
    await page.client.connected()
    await editor.fill()
    return None


class TariffEditor:
    """One open editor. `stored`: the entry that is changed, or that a new one begins with."""

    def __init__(self, page: shell.Page, listed: list[view.Entry], stored: view.Entry | None, *, new: bool) -> None:
        self._page, self._fmt = page, page.viewer.fmt
        self._known = page.services.plant.section("tariffs")
        self._listed, self._stored, self._new = listed, None if new else stored, new
        self._today = self._fmt.local(page.hub.shop().now_us).date()
        self._values: dict[str, Any] = dict(stored or {"category": 2})
        if new:
            self._values |= {"valid_from": _next_month(self._today).isoformat()}
            self._values.pop("valid_to", None)
        self._tables: list[str] = []
        self._turn = 0
        self._form: Form
        self._own: Form  # the fields of the category
        self._zones: ZoneEditor

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def build(self) -> None:
        """When it holds and how it counts; prices; what comes of it; the foot."""
        page = self._page
        admin_frame.tell_of_others(page, lambda: page.services.plant.section("tariffs") != self._known)
        with el("div", "em-tariff"):
            with el("div", "em-tariff-left"):
                with Card(page.t("money.tariff.when"), testid="tariff-card"):
                    self._form = Form(self._head(), self._values, lang=page.lang, testid="tariff-form", on_change=self._changed)
                self._prices = el("div", "em-tariff-prices")
                self._draw_prices()
            with Card(page.t("money.trial"), note=page.t("money.trial.note"), testid="trial-card", classes="em-tariff-trial"):
                self._trial = el("div", "em-tariff-trial-body", testid="trial", aria_live="polite")
                with self._trial:
                    loading(4)
        self._whole = el("div", "em-form-troubles", testid="tariff-wrong", role="alert")
        with el("footer", "em-card em-admin-foot", testid="tariff-foot"):
            link_button(page.t("action.cancel"), LIST, testid="tariff-cancel")
            if not self._new:
                button(page.t("action.delete"), self._delete, kind="danger", testid="tariff-delete")
            el("span", "em-quiet em-admin-foot-words", page.t("money.tariff.foot"))
            with el("div", "em-admin-foot-right"):
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="tariff-save")

    def _head(self) -> list[Field]:
        t = self._page.t
        return [
            Field("valid_from", "date", t("admin.field.valid_from"), required=True, hint=t("money.hint.valid_from")),
            Field("valid_to", "date", t("admin.field.valid_to"), hint=t("money.hint.valid_to")),
            Field("name", "text", t("admin.field.name"), hint=t("money.hint.name")),
            Field("category", "choice", t("admin.field.category"), required=True, hint=t("money.hint.category"),
                  options={n: t(f"money.category.{n}") for n in CATEGORIES}),
        ]  # fmt: skip

    def _category(self) -> int:
        return int(self._form["category"] or 1)

    def _draw_prices(self) -> None:
        """The fields of the category; what was typed for another one is kept in mind."""
        page, category = self._page, self._category()
        self._prices.clear()
        with self._prices, Card(page.t("money.tariff.prices"), testid="prices-card"):
            self._zones = ZoneEditor(page, self._values.get("zones") or (), self._touched, self._fmt.currency)
            if category == 2:
                self._zones.build()
            fields = self._own_fields(category)
            values = {**self._values, "power": {**(self._values.get("power") or {}), "peak_hours": view.peaks_text(self._values)}}
            self._own = Form(fields, values, lang=page.lang, testid="prices-form", on_change=lambda _name: self._touched())

    def _own_fields(self, category: int) -> list[Field]:
        t = self._page.t
        unit, month = f"{self._fmt.currency}/{self._fmt.unit('kWh')}", t("money.unit.kw_month", currency=self._fmt.currency)
        found = []
        if category == 1:
            hint = t("money.hint.price_per_kwh")
            label = t("admin.field.price_per_kwh")
            found.append(Field("price_per_kwh", "number", label, unit=unit, required=True, low=0, hint=hint))
        if category in BY_TABLE:
            found.append(self._table_field())
            found.append(Field("power.capacity_per_kw_month", "number", t("admin.field.capacity_per_kw_month"), unit=month, low=0,
                               hint=t("money.hint.capacity")))  # fmt: skip
        if category == 4:
            found.append(Field("power.network_per_kw_month", "number", t("admin.field.network_per_kw_month"), unit=month, low=0,
                               required=True, hint=t("money.hint.network")))  # fmt: skip
            found.append(Field("power.network_hours", "list", t("admin.field.network_hours"), required=True,
                               hint=t("money.hint.hours")))  # fmt: skip
        if category in BY_TABLE:
            found.append(Field(PEAKS, "lines", t("admin.field.peak_hours"), hint=t("money.hint.peak_hours")))
        kvarh = f"{self._fmt.currency}/{self._fmt.unit('kvarh')}"
        found.append(Field("reactive_per_kvarh", "number", t("admin.field.reactive_per_kvarh"), unit=kvarh, low=0,
                           hint=t("money.hint.reactive")))  # fmt: skip
        return found

    def _table_field(self) -> Field:
        """A choice of the tables that are there; a text while there is none."""
        t = self._page.t
        if self._tables:
            names = {name: name for name in self._tables}
            return Field("table", "choice", t("money.field.table"), options=names, required=True, hint=t("money.hint.table"))
        return Field("table", "text", t("money.field.table"), required=True, hint=t("money.hint.table.none"))

    async def fill(self) -> None:
        """What the store knows: tables of prices, and what the draft makes of this month."""
        try:
            self._tables = [name for name, *_ in await self._page.services.money.price_tables()]
        except (MonitorError, OSError):
            self._tables = []
        if self._tables and self._category() in BY_TABLE and not self._prices.is_deleted:
            self._draw_prices()
        await self._look()

    # ---- what is typed -----------------------------------------------------------------------------------------------
    async def _changed(self, name: str) -> None:
        if name == "category":
            self._remember()
            self._draw_prices()
        await self._touched()

    async def _touched(self) -> None:
        """Look at the draft once the typing pauses."""
        self._turn += 1
        turn = self._turn
        await asyncio.sleep(PAUSE_S)
        if turn == self._turn and not self._trial.is_deleted:
            await self._look()

    def _remember(self) -> None:
        """What was typed for the category that is left stays for the way back."""
        with contextlib.suppress(ConfigError):
            self._values |= view.tariff_entry({**self._own.values(), **self._form.values(), "category": None}, ())
        self._values["category"] = self._category()
        if zones := self._zones.entries():
            self._values["zones"] = zones

    def _typed(self) -> dict[str, Any]:
        """Everything as it stands, whatever the category needs of it. Raises ConfigError at `peak_hours`."""
        return view.tariff_entry({**self._form.values(), **self._own.values()}, self._zones.entries())

    def _drafted(self) -> tuple[list[view.Entry], int]:
        """All tariffs as they would be stored, and the place of this one."""
        return view.with_entry(self._listed, self._stored, self._typed())

    # ---- what comes of it --------------------------------------------------------------------------------------------
    async def _look(self) -> None:
        """The week at once; what is wrong; else this hour and this month."""
        turn, page = self._turn, self._page
        try:
            listed, place = self._drafted()
            plant = await page.services.plant.draft_section("tariffs", listed)
            trial = await page.services.money.try_tariff(plant.money.tariffs[place])
        except MonitorError as exc:
            if turn == self._turn and not self._trial.is_deleted:
                self._show_errors(exc, final=False)
                self._show_trial(None)
            return
        if turn == self._turn and not self._trial.is_deleted:
            self._clear_errors()
            self._show_trial(trial)

    def _show_trial(self, trial: TariffTrial | None) -> None:
        page, fmt, lang = self._page, self._fmt, self._page.lang
        self._trial.clear()
        with self._trial:
            if self._category() == 2:
                week(page, self._zones.entries())
            if trial is None:
                with el("p", "em-quiet em-tariff-wait"):
                    icon("edit_note")
                    el("span", text=page.t("money.trial.wait"))
                return
            now = page.t("money.none") if trial.price_per_kwh is None else view.per_kwh(trial.price_per_kwh, fmt)
            before = "—" if trial.running_price_per_kwh is None else view.per_kwh(trial.running_price_per_kwh, fmt)
            with el("div", "em-tariff-figures"):
                self._figure("trial-hour", page.t("money.trial.hour"), now,
                             page.t("money.trial.hour.note", zone=zone_name(trial.zone, lang), before=before))  # fmt: skip
                self._figure("trial-month", page.t("money.trial.month"), money(trial.cost, fmt), self._month_words(trial))
            if len(trial.zones) > 1:
                facts([(zone_name(z.zone, lang), f"{energy(z.energy_kwh, fmt)} · {money(z.cost, fmt)}") for z in trial.zones],
                      testid="trial-zones")  # fmt: skip
            if trial.unpriced_kwh > 0:
                el("p", "em-quiet", page.t("money.trial.unpriced", energy=energy(trial.unpriced_kwh, fmt)))

    def _month_words(self, trial: TariffTrial) -> str:
        page, fmt = self._page, self._fmt
        if trial.energy_kwh is None:
            return page.t("energy.no_data")
        if trial.cost is None or trial.running_cost is None:
            return energy(trial.energy_kwh, fmt)
        change = trial.cost - trial.running_cost
        key = "same" if abs(change) < 0.5 else "more" if change > 0 else "less"
        return page.t(f"money.trial.{key}", change=money(abs(change), fmt), before=money(trial.running_cost, fmt),
                      energy=energy(trial.energy_kwh, fmt))  # fmt: skip

    def _figure(self, testid: str, name: str, value: str, note: str) -> None:
        with el("div", "em-tariff-figure", testid=testid):
            el("span", "em-quiet", name)
            el("b", "em-tariff-value", value)
            el("span", "em-quiet", note)

    # ---- what is wrong -----------------------------------------------------------------------------------------------
    def _clear_errors(self) -> None:
        self._form.clear()
        self._own.clear()
        self._zones.clear()
        self._whole.clear()

    def _show_errors(self, exc: MonitorError, *, final: bool) -> None:
        """Each at its field; what is only not filled in yet waits until somebody saves."""
        self._clear_errors()
        problems = getattr(exc, "problems", None)
        missing = {tuple(p.path) for p in problems or () if p.message.startswith("is missing")} if not final else set()
        try:
            place = self._drafted()[1]
        except ConfigError:
            place = -1
        head: list[Trouble] = []
        own: list[Trouble] = []
        for trouble in admin_words.troubles(exc, self._page.lang):
            rest = trouble.path[2:] if trouble.path[:2] == ("tariffs", place) else ()
            if tuple(trouble.path) in missing:
                continue
            if rest and rest[0] == "zones":
                self._zones.show(rest[1:], trouble.words)
                continue
            field = _field_of(rest) or (PEAKS if trouble.field == "peak_hours" else trouble.field)
            named = replace(trouble, field=field, place="" if rest else trouble.place)
            if named.field in self._form:
                head.append(named)
            elif named.field in self._own:
                own.append(named)
            else:
                self._show_whole(named, final=final)
        self._form.show(head)
        self._own.show(own)

    def _show_whole(self, trouble: Trouble, *, final: bool) -> None:
        """What belongs to no field, above the foot; told aloud once somebody wants to save."""
        words = f"{trouble.place}: {trouble.words}" if trouble.place else trouble.words
        with self._whole, el("div", "em-form-trouble"):
            icon("error", "em-alarm")
            el("span", text=words)
        if final:
            notify(words, good=False)

    # ---- doing it ----------------------------------------------------------------------------------------------------
    async def _save(self) -> None:
        page = self._page
        self._turn += 1  # a look that is under way no longer matters
        if not (self._form.check() & self._own.check()):
            return

        async def store() -> None:
            listed, _place = self._drafted()
            await page.services.plant.save_section("tariffs", listed, page.actor(), known=self._known or [])
            self._known = page.services.plant.section("tariffs")

        if await admin_frame.attempt(page, store, lambda exc: self._show_errors(exc, final=True)):
            notify(page.t("admin.saved"))
            ui.navigate.to(LIST)

    async def _delete(self) -> None:
        page = self._page
        words = page.t("money.delete.words", day=view.day_of(self._stored or {}))
        if not await Confirm(page.lang, page.t("money.delete"), words, page.t("action.delete"), testid="delete").ask():
            return
        left = [entry for entry in self._listed if entry is not self._stored]
        if await admin_frame.attempt(
            page, lambda: page.services.plant.save_section("tariffs", left, page.actor(), known=self._known or [])
        ):
            ui.navigate.to(LIST)


def _next_month(today: date) -> date:
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1)


def _field_of(path: tuple[str | int, ...]) -> str:
    """The form's field of a place within the entry; lists are one field."""
    names: list[str] = []
    for step in path:
        if not isinstance(step, str):
            break
        names.append(step)
    return ".".join(names)

