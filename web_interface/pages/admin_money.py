"""Tariffs and money: what a kWh costs, terms of the connection point, carbon and fuel; each a list of dated entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from web_interface.components import Card, Confirm, DataTable, Hub, button, el, empty, facts, link_button, notify
from web_interface.pages import admin_frame, shell
from web_interface.pages import admin_money_view as view
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.admin_site import PATH as SITE
from web_interface.pages.energy_view import zone_name
from web_interface.services import Services

LIST = "/admin/money"
PRICES = "/energy?tab=curve"


@dataclass(frozen=True, slots=True)
class Factor:
    """A list of factors: its section, the number's field and the largest it may be."""

    section: str
    field: str
    high: float
    icon: str


FACTORS = (Factor("co2", "kg_per_kwh", 5.0, "cloud"), Factor("fuel", "t_per_mwh", 1.0, "local_fire_department"))


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/money."""

    @ui.page(LIST, title="")
    async def money_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "money") as page:
            MoneyPage(page).build()
        return None


class MoneyPage:
    """One open page."""

    def __init__(self, page: shell.Page) -> None:
        self._page, self._fmt = page, page.viewer.fmt
        self._local = self._fmt.local(page.hub.shop().now_us)
        self._today = self._local.date()
        self._known = self._sections()
        self._lists = {name: view.dated(self._known[name]) for name in ("tariffs", "connection", "co2", "fuel")}

    def build(self) -> None:
        """What counts now first, then what it comes of."""
        with el("div", "em-money-page"):
            admin_frame.tell_of_others(self._page, self._changed)
            self._build_now()
            self._build_tariffs()
            self._build_connection()
            with el("div", "em-calendar-pair"):
                for factor in FACTORS:
                    self._build_factor(factor)

    def _sections(self) -> dict[str, object]:
        plant = self._page.services.plant
        return {name: plant.section(name) for name in ("tariffs", "connection", "co2", "fuel", "site")}

    def _changed(self) -> bool:
        return self._sections() != self._known

    # ---- now ---------------------------------------------------------------------------------------------------------
    def _build_now(self) -> None:
        page, t, fmt = self._page, self._page.t, self._fmt
        plant = page.services.plant.plant
        holiday = plant.calendar.holiday(self._today) is not None
        minute = self._local.hour * 60 + self._local.minute
        zone, price = view.price_now(plant.money.tariffs, plant.site.tariff_per_kwh, self._today, minute, holiday=holiday)
        words = t("money.none") if zone == "no_price" else zone_name(zone, page.lang)
        if price is not None:
            words = f"{view.per_kwh(price, fmt)}, {words}"
        rows = [(t("money.now.price"), words)]
        place = view.running_of(self._lists["connection"], self._today)
        terms = {} if place is None else self._lists["connection"][place]
        contract = terms.get("contract_kw") or plant.site.contract_kw
        rows.append((t("money.now.contract"), t("money.none") if contract is None else self._value(contract, "kW")))
        for factor in FACTORS:
            running = view.running_of(self._lists[factor.section], self._today)
            value = None if running is None else self._lists[factor.section][running].get(factor.field)
            said = t("money.none") if value is None else self._factor_words(factor, value)
            rows.append((t(f"money.{factor.section}"), said))
        with Card(t("money.now"), note=t("money.now.note"), testid="money-now") as card:
            if page.viewer.may(Role.ADMIN):
                with card.tools:
                    link_button(t("money.site"), SITE, icon_name="edit", testid="money-site")
            facts(rows, testid="money-facts")

    def _value(self, value: float, unit: str) -> str:
        return f"{view.plain_number(value, self._page.lang)}\u00a0{self._fmt.unit(unit)}"

    def _factor_words(self, factor: Factor, value: object) -> str:
        return f"{view.plain_number(value, self._page.lang)}\u00a0{self._page.t(f'money.{factor.section}.unit')}"

    # ---- tariffs -----------------------------------------------------------------------------------------------------
    def _build_tariffs(self) -> None:
        t, fmt = self._page.t, self._fmt
        listed = self._lists["tariffs"]
        copy = {"name": "tariff-copy", "icon": "content_copy", "label": t("money.tariff.copy"), "kind": "quiet"}
        remove = {"name": "tariff-delete", "icon": "delete_outline", "label": t("action.delete"), "kind": "quiet"}
        rows = [
            {"id": view.day_of(entry), "clickable": True, "cells": {
                **self._dates("tariffs", n),
                "what": {"text": str(entry.get("name") or t(f"money.category.{entry.get('category')}")),
                         "sub": t(f"money.category.{entry.get('category')}") if entry.get("name") else ""},
                "prices": view.prices_words(entry, fmt), "power": view.power_words(entry, fmt),
                "do": {"text": "", "actions": [copy, remove]},
            }}
            for n, entry in enumerate(listed)
        ]  # fmt: skip
        columns: list[dict[str, Any]] = [
            *self._date_columns(), {"key": "what", "name": t("money.col.tariff"), "align": "left"},
            {"key": "prices", "name": t("money.col.prices"), "align": "left", "grow": True, "sort": False},
            {"key": "power", "name": t("money.col.power"), "align": "left", "sort": False},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        with Card(t("money.tariffs"), note=t("money.tariffs.note"), testid="tariffs-card") as card:
            with card.tools:
                button(t("money.tariff.new"), lambda: ui.navigate.to(f"{LIST}/tariffs/new"), kind="primary", icon_name="add",
                       testid="tariff-new")  # fmt: skip
            if not rows:
                empty("payments", t("money.tariffs.none"), t("money.tariffs.none.words"), testid="tariffs-empty")
                return
            DataTable(columns, rows, testid="tariffs-table", two_lines=True, on_row=self._open_tariff,
                      on_action=self._tariff_action)  # fmt: skip
            with el("p", "em-quiet em-money-foot"):
                el("span", text=t("money.prices.words"))
                el("a", text=t("money.prices.link"), href=PRICES, testid="money-prices")

    def _open_tariff(self, day: Any) -> None:
        ui.navigate.to(f"{LIST}/tariffs/{day}/edit")

    async def _tariff_action(self, day: Any, name: str) -> None:
        if name == "tariff-copy":
            ui.navigate.to(f"{LIST}/tariffs/new?copy={day}")
            return
        place = next(n for n, entry in enumerate(self._lists["tariffs"]) if view.day_of(entry) == day)
        await self._delete("tariffs", place)

    # ---- connection --------------------------------------------------------------------------------------------------
    def _build_connection(self) -> None:
        t = self._page.t
        rows = [
            {"id": n, "clickable": True, "cells": {
                **self._dates("connection", n),
                "contract": {"text": self._value(entry["contract_kw"], "kW") if "contract_kw" in entry else "—", "bold": True},
                "window": self._value(entry.get("demand_window_min") or 30, "min"),
                "voltage": str(entry.get("voltage") or "—"),
                "tg": view.plain_number(entry.get("tg_limit"), self._page.lang),
                "hours": view.hours_words(entry.get("high_load_hours")) or t("money.all_day"),
                "do": self._remove("connection"),
            }}
            for n, entry in enumerate(self._lists["connection"])
        ]  # fmt: skip
        names = ("contract", "window", "voltage", "tg", "hours")
        columns = [
            *self._date_columns(),
            *({"key": key, "name": t(f"money.col.{key}"), "align": "left", "sort": False, "grow": key == "hours"}
              for key in names),
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        with Card(t("money.connection"), note=t("money.connection.note"), testid="connection-card") as card:
            with card.tools:
                button(t("money.connection.new"), lambda: self._ask_connection(None), icon_name="add", testid="connection-new")
            DataTable(columns, rows, testid="connection-table", empty=t("money.connection.none"), two_lines=True,
                      on_row=lambda n: self._ask_connection(int(n)),
                      on_action=lambda n, _name: self._delete("connection", int(n)))  # fmt: skip

    async def _ask_connection(self, place: int | None) -> None:
        t = self._page.t
        windows = {minutes: self._value(minutes, "min") for minutes in (15, 30, 60)}
        fields = [
            self._day_field(),
            Field("contract_kw", "number", t("admin.field.contract_kw"), unit=t("unit.kW"), hint=t("money.hint.contract_kw"),
                  above=0),
            Field("demand_window_min", "choice", t("admin.field.demand_window_min"), options=windows, default=30,
                  hint=t("money.hint.demand_window")),
            Field("voltage", "text", t("admin.field.voltage"), hint=t("money.hint.voltage")),
            Field("tg_limit", "number", t("admin.field.tg_limit"), hint=t("money.hint.tg_limit"), above=0, high=5),
            Field("high_load_hours", "list", t("admin.field.high_load_hours"), hint=t("money.hint.hours")),
        ]  # fmt: skip
        await self._ask("connection", place, fields)

    # ---- factors -----------------------------------------------------------------------------------------------------
    def _build_factor(self, factor: Factor) -> None:
        t, name = self._page.t, factor.section
        rows = [
            {"id": n, "clickable": True, "cells": {
                **self._dates(name, n), "value": {"text": self._factor_words(factor, entry.get(factor.field)), "bold": True},
                "source": str(entry.get("source") or "—"), "do": self._remove(name),
            }}
            for n, entry in enumerate(self._lists[name])
        ]  # fmt: skip
        columns: list[dict[str, Any]] = [
            *self._date_columns(), {"key": "value", "name": t(f"money.{name}"), "align": "left", "sort": False},
            {"key": "source", "name": t("admin.field.source"), "align": "left", "grow": True, "sort": False},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]
        with Card(t(f"money.{name}"), note=t(f"money.{name}.note"), testid=f"{name}-card") as card:
            with card.tools:
                button(t("money.factor.new"), lambda: self._ask_factor(factor, None), icon_name="add", testid=f"{name}-new")
            DataTable(columns, rows, testid=f"{name}-table", empty=t("money.factor.none"), two_lines=True,
                      on_row=lambda n: self._ask_factor(factor, int(n)),
                      on_action=lambda n, _name: self._delete(name, int(n)))  # fmt: skip

    async def _ask_factor(self, factor: Factor, place: int | None) -> None:
        t = self._page.t
        fields = [
            self._day_field(),
            Field(factor.field, "number", t(f"admin.field.{factor.field}"), required=True, above=0, high=factor.high,
                  hint=t(f"money.hint.{factor.field}")),
            Field("source", "text", t("admin.field.source"), required=True, hint=t("money.hint.source")),
        ]  # fmt: skip
        await self._ask(factor.section, place, fields)

    # ---- what the lists share ----------------------------------------------------------------------------------------
    def _date_columns(self) -> list[dict[str, Any]]:
        return [{"key": "from", "name": self._page.t("admin.field.valid_from"), "align": "left"}]

    def _dates(self, name: str, place: int) -> dict[str, Any]:
        """Since when, until when, and whether it holds now."""
        listed, page = self._lists[name], self._page
        running = view.running_of(listed, self._today) == place
        said = view.state_words(listed, place, self._today, page.lang)
        if end := view.until(listed, place):
            said = page.t("money.until", state=said, day=self._date(end))
        day = view.day_of(listed[place])
        return {"from": {"text": self._date(day), "sub": said, "bold": running, "sort": day}}

    def _date(self, day: str) -> str:
        try:
            return self._fmt.date(date.fromisoformat(day))
        except ValueError:
            return day

    def _remove(self, name: str) -> dict[str, Any]:
        act = {"name": f"{name}-delete", "icon": "delete_outline", "label": self._page.t("action.delete"), "kind": "quiet"}
        return {"text": "", "actions": [act]}

    def _day_field(self) -> Field:
        return Field("valid_from", "date", self._page.t("admin.field.valid_from"), required=True,
                     hint=self._page.t("money.hint.valid_from"))  # fmt: skip

    async def _ask(self, name: str, place: int | None, fields: Sequence[Field]) -> None:
        """One entry of a list, in a dialog."""
        page, listed = self._page, self._lists[name]
        old = None if place is None else listed[place]
        places: list[int] = []

        async def save(found: dict[str, object]) -> None:
            entries, at = view.with_entry(listed, old, dict(found))
            places[:] = [at]
            await page.services.plant.save_section(name, entries, page.actor(), known=self._known[name] or [])

        title = page.t(f"money.{name}.entry")
        if old is not None:
            title = page.t("money.entry.of", what=title, day=self._date(view.day_of(old)))
        dialog = FormDialog(page, title, fields, old or {}, testid=f"{name}-dialog")
        if await dialog.ask(save, own=lambda _found: f"{name}[{places[0]}]" if places else f"{name}["):
            self._saved()

    async def _delete(self, name: str, place: int) -> None:
        page, listed = self._page, self._lists[name]
        words = page.t("money.delete.words", day=self._date(view.day_of(listed[place])))
        if not await Confirm(page.lang, page.t("money.delete"), words, page.t("action.delete"), testid="delete").ask():
            return
        left = [entry for n, entry in enumerate(listed) if n != place]
        if await admin_frame.attempt(
            page, lambda: page.services.plant.save_section(name, left, page.actor(), known=self._known[name] or [])
        ):
            self._saved()

    def _saved(self) -> None:
        """Everything on the page follows from what was saved: it is drawn anew."""
        self._known = self._sections()
        notify(self._page.t("admin.saved"))
        ui.navigate.to(LIST)
