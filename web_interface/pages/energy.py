"""Energy and money: where do the kilowatt-hours and roubles go, in the period that the bar on top chooses?

The frame only. Each tab is a module of its own (web_interface/pages/energy_tab.py says how) and is built when it is opened.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.element import Element

from domain.access import Role
from web_interface.components import Hub, banner, el, icon
from web_interface.components.controls import button, link_button
from web_interface.pages import (
    energy_balance,
    energy_baselines,
    energy_cube,
    energy_curve,
    energy_demand,
    energy_findings,
    energy_machine,
    energy_money,
    shell,
)
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.later import Later
from web_interface.period import FIRST_YEAR, KINDS, LAST_YEAR, LONGEST_DAYS, Period, Periods
from web_interface.services import Services

TABS: tuple[Tab, ...] = (
    energy_money.TAB,
    energy_machine.TAB,
    energy_demand.TAB,
    energy_curve.TAB,
    energy_cube.TAB,
    energy_baselines.TAB,
    energy_balance.TAB,
    energy_findings.TAB,
)
OPTIONS = ("machine", "section", "shift", "card", "by", "baseline")  # further parts of the address that tabs may use


def register(services: Services, hub: Hub) -> None:
    """The page at /energy."""
    shell.offer("energy")

    @ui.page("/energy", title="")
    async def energy_page(tab: str = "", period: str = "", at: str = "", to: str = "") -> None:
        with shell.page(services, hub, active="energy", title_key="nav.energy") as page:
            opened = EnergyPage(page, tab, period or "night", at, to)
            opened.build()
        await opened.fill()


class EnergyPage:
    """One open energy page."""

    def __init__(self, page: shell.Page, tab: str, kind: str, at: str, to: str) -> None:
        self._page = page
        self._tabs = [t for t in TABS if page.viewer.may(t.needs)]
        self._tab = next((t for t in self._tabs if t.key == tab), self._tabs[0])
        energy, site = page.services.energy, page.services.plant.plant.site
        periods = Periods(ZoneInfo(site.timezone), energy.shifts_of_day, page.hub.shop().now_us)
        asked = page.client.request.query_params
        options = {name: asked[name] for name in OPTIONS if name in asked}
        self._view = EnergyView(page, periods.find(kind, at, to), periods, self._tab.key, options)

    def build(self) -> None:
        """The bar, the tabs, and grey blocks where the chosen one will stand."""
        with el("div", "em-energy"):
            with el("div", "em-energy-bar", testid="energy-bar"):
                self._build_kinds()
                self._build_arrows()
            if told := self._view.period.told:
                words = self._page.t(f"energy.told.{told}", n=LONGEST_DAYS, first=FIRST_YEAR, last=LAST_YEAR)
                banner(words, tone="quiet", icon_name="info", testid="period-told")
            if len(self._tabs) > 1:
                self._build_tabs()
            self._body = Later(self._page, "em-energy-body", f"energy-tab-body-{self._tab.key}")

    async def fill(self) -> None:
        """The chosen tab in place of the grey blocks, from what is drawn first to what comes last."""
        await self._body.fill(self._build_tab)

    async def _build_tab(self) -> None:
        begins_us = await self._page.services.history.begins_us()
        if begins_us is None or self._view.period.from_us < begins_us:
            self._tell_begin(begins_us)
        await self._tab.build(self._view)

    def _tell_begin(self, begins_us: int | None) -> None:
        """Of a period before anything was kept: since when something is, and what to do next."""
        page, fmt, period = self._page, self._page.viewer.fmt, self._view.period
        with el("section", "em-admin-note", testid="energy-begins", role="status"):
            icon("info")
            if begins_us is None:
                el("p", text=page.t("energy.begins.none"))
                if page.viewer.may(Role.ENGINEER):
                    link_button(page.t("energy.begins.connect"), "/admin/devices/new", kind="primary", testid="energy-connect")
                return
            day, since = fmt.local(begins_us).date(), f"{fmt.day(begins_us)} {fmt.clock(begins_us)}"
            whole = period.to_us <= begins_us
            el("p", text=page.t("energy.begins.before" if whole else "energy.begins.inside", since=since))
            if whole:
                first = self._view.periods.find("custom", day.isoformat(), day.isoformat())
                el("a", "em-link", page.t("energy.begins.first"), "energy-first-day", href=self._view.href(period=first))

    def _build_kinds(self) -> None:
        page, view = self._page, self._view
        with el("nav", "em-seg em-period", testid="period", aria_label=page.t("energy.period")):
            for kind in KINDS:
                if kind == "custom":
                    self._build_custom()
                    continue
                self._kind_link(kind, view.href(period=view.periods.find(kind)))

    def _kind_link(self, kind: str, href: str) -> Element:
        attrs = {"aria_current": "true"} if kind == self._view.period.kind else {}
        return el("a", "em-seg-item", self._page.t(f"energy.period.{kind}"), f"period-{kind}", href=href, **attrs)

    def _build_custom(self) -> None:
        """Two days chosen from a small menu."""
        page, view = self._page, self._view
        attrs = {"aria_current": "true"} if view.period.kind == "custom" else {}
        words = page.t("energy.period.custom")
        with el("button", "em-seg-item", testid="period-custom", type="button", **attrs):
            el("span", text=words)
            with ui.menu().classes("em-menu"), el("form", "em-period-form", action="/energy", method="get"):
                el("input", type="hidden", name="tab", value=view.tab)
                el("input", type="hidden", name="period", value="custom")
                for name, value in view.options.items():
                    el("input", type="hidden", name=name, value=value)
                for name, day in (("at", view.period.first), ("to", view.period.last)):
                    with el("label", "em-field"):
                        el("span", "em-field-label", page.t(f"energy.custom.{name}"))
                        el("input", "em-date", type="date", name=name, value=day.isoformat(), required=True)
                with el("button", "em-btn em-btn-primary", testid="period-show", type="submit"):
                    el("span", text=page.t("energy.custom.show"))

    def _build_arrows(self) -> None:
        page, view = self._page, self._view
        with el("div", "em-period-move"):
            self._arrow("chevron_left", "energy.earlier", view.periods.moved(view.period, -1))
            with el("div", "em-period-words"):
                el("b", text=period_words(view.period, page), testid="period-words")
                el("span", "em-quiet", page.t("energy.running") if view.period.running else page.t("energy.over"))
            self._arrow("chevron_right", "energy.later", view.periods.moved(view.period, 1))

    def _arrow(self, icon_name: str, key: str, to: Period | None) -> None:
        words = self._page.t(key)
        if to is None:
            made = button(icon_name=icon_name, label=words, testid=key.replace(".", "-"))
            made.props["disabled"] = True
            return
        with el(
            "a",
            "em-btn em-btn-plain em-btn-icon",
            testid=key.replace(".", "-"),
            href=self._view.href(period=to),
            aria_label=words,
            title=words,
        ):
            icon(icon_name)

    def _build_tabs(self) -> None:
        page = self._page
        with el("nav", "em-tabs em-energy-tabs", testid="energy-tabs", aria_label=page.t("energy.tabs")):
            for tab in self._tabs:
                attrs = {"aria_current": "page"} if tab is self._tab else {}
                with el("a", "em-tab", testid=f"energy-tab-{tab.key}", href=self._view.href(tab=tab.key), **attrs):
                    el("span", text=page.t(f"energy.tab.{tab.key}"))


def period_words(period: Period, page: shell.Page) -> str:
    """The period in words of its days and hours."""
    fmt = page.viewer.fmt
    if period.kind == "shift" and period.shift is not None:
        hours = f"{fmt.clock(period.from_us)}–{fmt.clock(period.to_us)}"
        return page.t("reports.shift_words", day=fmt.date(period.shift.day), name=period.shift.name, hours=hours)
    if period.kind == "night":
        return f"{fmt.day(period.from_us)} {fmt.clock(period.from_us)} – {fmt.day(period.to_us)} {fmt.clock(period.to_us)}"
    if period.kind == "month":
        return f"{page.t(f'energy.month.{period.first.month}')} {period.first.year}"
    if period.first == period.last:
        return fmt.date(period.first)
    return f"{fmt.date(period.first)} – {fmt.date(period.last)}"
