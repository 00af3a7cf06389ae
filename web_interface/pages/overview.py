"""Overview: are we under the contract, on plan, and which machine needs me?"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.element import Element

from domain.access import Role
from domain.alert import Priority
from domain.energy import EnergyAccount
from domain.errors import Conflict, Forbidden, MonitorError
from domain.plant import Site
from web_interface.components import (
    STATE_ORDER,
    AlarmMark,
    AlertList,
    Card,
    DataTable,
    Hub,
    KpiTile,
    LiveChart,
    LiveText,
    MachineCard,
    Part,
    PowerFlow,
    Segmented,
    StateMark,
    Tick,
    difference,
    differences,
    el,
    empty,
    flow_difference,
    icon,
    link_button,
    notify,
    row_difference,
    state_name,
)
from web_interface.format import Format
from web_interface.pages import overview_flow as flow_view
from web_interface.pages import overview_view as view
from web_interface.pages import shell
from web_interface.pages import wall as wall_page
from web_interface.pages.explain import explainable
from web_interface.pages.machine_table import machine_columns, machine_groups, machine_rows, machine_search
from web_interface.pages.overview_chart import (
    chart_options,
    chart_series,
    chart_view,
    day_bounds_us,
    gap_area,
    gaps,
    legend_words,
    narrow_options,
    series_changes,
    top_kw,
)
from web_interface.pages.overview_periods import Link, back_links, energy_href
from web_interface.pages.overview_tiles import tiles
from web_interface.period import Periods
from web_interface.services import Services
from web_interface.services.live import ShopNow

log = logging.getLogger(__name__)
MODES = ("cards", "table")  # of the machines
FLOW_OF = (flow_view.NOW, flow_view.SHIFT, flow_view.DAY)
Changes = list[tuple[Element, Mapping[str, Any]]]
T = TypeVar("T")
DAY_PERIOD_S = 60.0
NO_WALL = ("0", "no", "false")  # ?wall alone asks for it
# tile -> figure that it opens
EXPLAINED = {"power": "power", "energy": "energy", "cost": "cost", "kef": "kef", "data": "completeness"}


def register(services: Services, hub: Hub) -> None:
    """The page at /."""
    shell.offer("overview")

    @ui.page("/", title="")
    def overview_page(wall: str | None = None, machines: str = "", flow: str = "") -> None:
        if wall is not None and wall not in NO_WALL:
            wall_page.build(services, hub)
            return
        site = services.plant.plant.site
        with shell.page(services, hub, active="overview", title=site.name) as page:
            Overview(page, machines, flow).build()


class Overview:
    """One open overview."""

    def __init__(self, page: shell.Page, mode: str = "", flow_of: str = "") -> None:
        self._page = page
        self._fmt: Format = page.viewer.fmt
        self._cards: dict[str, MachineCard] = {}
        self._sections: dict[str, LiveText] = {}
        self._drawn_cards: dict[str, dict[str, Any]] = {}
        self._drawn_sections: dict[str, dict[str, Any]] = {}
        self._rows: list[dict[str, Any]] = []
        self._heads: dict[str, Any] = {}
        self._shape: tuple[Any, ...] = ()
        self._mode = mode if mode in MODES else MODES[0]
        self._flow_of = flow_of if flow_of in FLOW_OF else flow_view.NOW
        self._day_accounts: Mapping[str, EnergyAccount] | None = None
        self._table: DataTable | None = None

    def build(self) -> None:
        """Everything from memory, at once."""
        shop = self._shop()
        self._shape = _shape(shop, self._site())
        with el("div", "em-overview", testid="overview"):
            self._drawn_tiles = self._view("tiles", lambda s: tiles(s, self._site(), self._fmt))
            self._tiles = {name: _tile(name, data) for name, data in self._drawn_tiles.items()}
            for name, figure in EXPLAINED.items():
                explainable(self._page, self._tiles[name], figure, "site", self._window, onward=self._back)
            self._build_chart(shop)
            self._build_alerts()
            self._build_machines(shop)
            self._build_flow()
        self._build_shift(shop)
        with self._page.actions:
            link_button(self._page.t("wall.enter"), wall_page.HREF, icon_name="tv", testid="wall-enter")
        self._page.every(self.live)

    def live(self, tick: Tick) -> Changes:
        """One second later: what changed."""
        shop = self._shop()
        shape = _shape(shop, self._site())
        if shape != self._shape:
            self._shape = shape  # asked for once: a slow load must not be begun anew at each tick
            with self._page.client:
                ui.navigate.reload()  # at its own address, which holds what was chosen
            return []
        return [*self._live_tiles(), *self._live_chart(shop), *self._live_alerts(), *self._live_machines(), *self._live_flow()]

    # ---- parts -----------------------------------------------------------------------------------------------------
    def _shop(self) -> ShopNow:
        return self._page.hub.shop()

    def _view(self, kind: str, make: Callable[[ShopNow], T], *more: Hashable) -> T:
        """What all overviews in this language show of it, drawn once a tick."""
        return self._page.hub.view((kind, self._fmt.lang, *more), make)

    def _live_tiles(self) -> Changes:
        old = self._drawn_tiles
        new = self._drawn_tiles = self._view("tiles", lambda s: tiles(s, self._site(), self._fmt))
        return _taken(self._tiles, self._page.hub.step(("tiles", self._fmt.lang), old, new, differences), new)

    def _window(self) -> tuple[int, int]:
        """What the tiles tell of: the running shift, between shifts the day, up to now."""
        shop = self._shop()
        midnight = self._fmt.local(shop.now_us).replace(hour=0, minute=0, second=0, microsecond=0)
        return shop.shift.from_us if shop.shift is not None else round(midnight.timestamp()) * 1_000_000, shop.now_us

    def _periods(self) -> Periods:
        """Those of the site, from now."""
        services = self._page.services
        return Periods(ZoneInfo(services.plant.plant.site.timezone), services.energy.shifts_of_day, self._shop().now_us)

    def _back(self, figure: str) -> Sequence[Link]:
        """From a tile's figure to the same of other shifts and days."""
        return back_links(self._periods(), figure, self._page.lang, in_shift=self._shop().shift is not None)

    def _site(self) -> Site:
        return self._page.services.plant.plant.site

    def _build_shift(self, shop: ShopNow) -> None:
        """The running shift in the top bar."""
        if shop.shift is not None:
            page, periods = self._page, self._periods()
            shift = periods.find("shift")
            hours = f"{self._fmt.clock(shop.shift.from_us)}–{self._fmt.clock(shop.shift.to_us)}"
            with page.actions:
                if (earlier := periods.before(shift)) is not None:
                    words = page.t("overview.back.shift_before")
                    attrs = {"href": energy_href(earlier), "title": words, "aria_label": words}
                    with el("a", "em-btn em-chip-before", testid="shift-before", **attrs):
                        icon("chevron_left")
                chip = page.t("shift.chip", name=shop.shift.name, hours=hours)
                el("a", "em-chip", chip, "shift", href=energy_href(shift), title=page.t("overview.back.shift"))

    def _build_chart(self, shop: ShopNow) -> None:
        note = self._page.t("chart.power.note")
        with Card(self._page.t("chart.power"), note=note, testid="power-chart-card", classes="em-chart-card") as card:
            with card.tools:
                self._legend = {key: _legend(key) for key in ("today", "yesterday")}
            self._chart = LiveChart(
                chart_options(shop, self._site(), self._fmt),
                self._chart_view(),
                testid="power-chart",
                narrow=narrow_options(self._fmt),
            )
        self._series = self._view("chart", chart_series)
        self._day = self._chart_view()["range"]
        self._gaps = self._view("chart-gaps", lambda s: gaps(s, self._fmt))
        self._axis = self._view("chart-axis", lambda s: top_kw(s, self._site()))
        self._legend_now(shop)

    def _chart_view(self) -> dict[str, Any]:
        return self._view("chart-view", lambda s: chart_view(s, self._site(), self._fmt))

    def _legend_now(self, shop: ShopNow) -> None:
        for key, words in legend_words(shop, self._fmt).items():
            if self._legend[key].text != words:
                self._legend[key].set_text(words)

    def _live_chart(self, shop: ShopNow) -> Changes:
        """New points only: the running five minutes, the dot of now; all when a new day began."""
        fresh = self._view("chart", chart_series)
        changes = {**self._page.hub.step("chart", self._series, fresh, series_changes)}
        self._series = fresh
        day = self._chart_view()
        if day["range"] != self._day:
            self._day = day["range"]
            changes["view"] = day
        missing = self._view("chart-gaps", lambda s: gaps(s, self._fmt))
        if [g["from"] for g in missing] != [g["from"] for g in self._gaps] or (missing and "push" in changes):
            self._gaps = missing
            changes["options"] = {"series": [{}, {}, {"markArea": gap_area(missing)}]}
        axis = self._view("chart-axis", lambda s: top_kw(s, self._site()))
        if axis != self._axis:
            self._axis = axis
            changes["options"] = {**changes.get("options", {}), "yAxis": {"max": axis[0], "interval": axis[1]}}
        if "push" in changes:
            self._legend_now(shop)
        return [(self._chart, changes)]

    def _build_alerts(self) -> None:
        page = self._page
        with Card(page.t("alerts.title"), testid="alerts-card", classes="em-alerts-card") as card:
            with card.tools:
                self._counts = {p: _count(p, self._fmt.lang) for p in Priority}
            self._shown_alerts = self._alert_view()
            self._alerts = AlertList(self._shown_alerts, self._acknowledge)
        if card.title_element is not None and card.title_element.parent_slot is not None:
            with card.title_element.parent_slot:
                self._all = el("a", "em-link em-card-note", "", "alerts-all", href="/alerts")
                self._all.move(target_index=1)
        self._counts_now()

    def _alert_data(self, shop: ShopNow) -> dict[str, Any]:
        page = self._page
        plant = page.services.plant.plant
        return view.alerts(
            page.services.alerts.active(), plant, shop.now_us, self._fmt, may_acknowledge=page.viewer.may(Role.OPERATOR)
        )

    def _alert_view(self) -> dict[str, Any]:
        return self._view("alerts", self._alert_data, self._page.viewer.may(Role.OPERATOR))

    def _live_alerts(self) -> Changes:
        self._counts_now()
        old, new = self._shown_alerts, self._alert_view()
        self._shown_alerts = new
        return [(self._alerts, self._alerts.change(new))] if new is not old else []

    def _counts_now(self) -> None:
        counts = self._page.hub.view("alert-counts", lambda _s: Counter(a.priority for a in self._page.services.alerts.active()))
        for priority, label in self._counts.items():
            words = str(counts[priority])
            if label.text != words:
                label.set_text(words)
        words = self._page.t("alerts.all", n=counts.total())
        if self._all.text != words:
            self._all.set_text(words)

    async def _acknowledge(self, alert_id: int) -> None:
        page = self._page
        try:
            await page.services.alerts.acknowledge(alert_id, page.actor())
        except Forbidden:
            notify(page.t("error.forbidden"), good=False)
        except Conflict:
            notify(page.t("alerts.taken"), good=False)
        except MonitorError:
            log.exception("acknowledging alert %s failed", alert_id)
            notify(page.t("error.unexpected"), good=False)
        self._alerts.show(self._alert_data(self._shop()))

    def _build_machines(self, shop: ShopNow) -> None:
        page = self._page
        with Card(
            page.t("machines.title"),
            note=page.t("machines.note"),
            note_phone=page.t("machines.note.phone"),
            testid="machines-card",
            classes="em-machines-card",
        ) as card:
            with card.tools:
                with el("div", "em-state-legend"):
                    for state in STATE_ORDER:
                        with el("span", "em-legend-state"):
                            StateMark(state, self._fmt.lang)
                            el("span", text=state_name(state, self._fmt.lang))
                options = {mode: page.t(f"machines.{mode}") for mode in (*MODES, "plan")}
                Segmented(
                    options, self._mode, self._switch, testid="machines-view", label=page.t("machines.title"),
                    address="machines", elsewhere=("plan",),
                )  # fmt: skip
            self._machines_box = el("div", "em-machines-box")
        self._fill_machines(shop)

    def _switch(self, mode: str) -> None:
        if mode == "plan":  # too large for a part of this page
            ui.navigate.to("/floor")
            return
        self._mode = mode
        self._fill_machines(self._shop())

    def _fill_machines(self, shop: ShopNow) -> None:
        self._machines_box.clear()
        self._cards, self._sections, self._table = {}, {}, None
        with self._machines_box:
            if not shop.machines:
                empty(
                    "precision_manufacturing",
                    self._page.t("machines.empty"),
                    self._page.t("machines.empty.words"),
                    self._page.t("machines.empty.action") if self._page.viewer.may(Role.ADMIN) else "",
                    "/admin/devices/new",
                )
            elif self._mode == "table":
                self._rows, self._heads = self._table_view()
                self._table = DataTable(
                    machine_columns(self._fmt), self._rows, testid="machines-table", dense=True,
                    search=machine_search(self._fmt.lang), more=self._heads,
                )  # fmt: skip
            else:
                self._fill_cards(shop)

    def _fill_cards(self, shop: ShopNow) -> None:
        self._drawn_cards, self._drawn_sections = self._card_view(), self._section_view()
        with el("div", "em-sections"):
            for title, machines in view.by_section(shop.machines).items():
                with el("section", "em-section"):
                    with el("header", "em-section-head"):
                        el("h3", text=title)
                        el("i", "em-section-line")
                        self._sections[title] = LiveText(self._drawn_sections[title])
                        el("span", text=self._fmt.unit("kW"))
                    with el("div", "em-cards"):
                        for m in machines:
                            self._cards[m.machine.id] = MachineCard(self._drawn_cards[m.machine.id], f"machine-{m.machine.id}")

    def _table_view(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        return self._view("table", lambda s: (machine_rows(s, self._fmt), {"groups": machine_groups(s, self._fmt)}))

    def _card_view(self) -> dict[str, dict[str, Any]]:
        return self._view("cards", lambda s: {m.machine.id: view.card(m, s, self._fmt) for m in s.machines})

    def _section_view(self) -> dict[str, dict[str, Any]]:
        return self._view(
            "sections",
            lambda s: {title: {"text": view.section_kw(m, self._fmt)} for title, m in view.by_section(s.machines).items()},
        )

    def _live_machines(self) -> Changes:
        hub, lang = self._page.hub, self._fmt.lang
        if self._table is not None:
            rows, heads = self._table_view()
            changes = {**hub.step(("table", lang), self._rows, rows, row_difference), **difference(self._heads, heads)}
            self._rows, self._heads = rows, heads
            self._table.take({**self._table.shown, **heads, "rows": rows})
            return [(self._table, changes)]
        if not self._cards:
            return []
        cards, sections = self._drawn_cards, self._drawn_sections
        self._drawn_cards, self._drawn_sections = self._card_view(), self._section_view()
        fresh = hub.step(("sections", lang), sections, self._drawn_sections, differences)
        changed = hub.step(("cards", lang), cards, self._drawn_cards, differences)
        return _taken(self._sections, fresh, self._drawn_sections) + _taken(self._cards, changed, self._drawn_cards)

    def _build_flow(self) -> None:
        page = self._page
        with Card(page.t("flow.title"), testid="flow-card", classes="em-flow-card") as card:
            with card.tools:
                options = {of: page.t(f"flow.{of}") for of in FLOW_OF}
                Segmented(
                    options, self._flow_of, self._switch_flow, testid="flow-mode", label=page.t("flow.title"), address="flow"
                )
            self._drawn_flow = self._flow_picture()
            self._flow = PowerFlow(self._drawn_flow, "flow")
            by_day = self._flow_of == flow_view.DAY
            self._day_timer = ui.timer(DAY_PERIOD_S, self._follow_day, active=by_day, immediate=by_day)

    def _flow_view(self) -> dict[str, Any]:
        return self._view("flow", self._flow_data, self._flow_of)

    def _live_flow(self) -> Changes:
        if self._flow_of == flow_view.DAY:  # the day's accounts are asked for once a minute
            return []
        new = self._flow_view()
        changes = self._page.hub.step(("flow", self._fmt.lang, self._flow_of), self._drawn_flow, new, flow_difference)
        self._drawn_flow = new
        self._flow.take(new)
        return [(self._flow, changes)]

    def _flow_picture(self) -> dict[str, Any]:
        return self._flow_data(self._shop()) if self._flow_of == flow_view.DAY else self._flow_view()

    def _show_flow(self) -> None:
        self._drawn_flow = self._flow_picture()
        self._flow.show(self._drawn_flow)

    def _flow_data(self, shop: ShopNow) -> dict[str, Any]:
        return flow_view.flow(shop, self._site(), self._fmt, self._flow_of, self._day_accounts)

    async def _switch_flow(self, of: str) -> None:
        self._flow_of = of
        self._day_timer.active = of == flow_view.DAY
        self._show_flow()  # the day as last known, if at all
        if of == flow_view.DAY:
            await self._follow_day()

    async def _follow_day(self) -> None:
        """The accounts since midnight, drawn when they have come unless another period was chosen meanwhile."""
        shop = self._shop()
        try:
            accounts = await self._page.services.energy.energy("day", day_bounds_us(shop.now_us, self._fmt)[0], shop.now_us)
        except MonitorError:
            log.exception("energy of the day is not known")
            notify(self._page.t("error.unexpected"), good=False)
            return
        self._day_accounts = {account.machine_id: account for account in accounts}
        if self._flow_of == flow_view.DAY:
            self._show_flow()


def _shape(shop: ShopNow, site: Site) -> tuple[Any, ...]:
    """What the page is built around: plant, site, the running shift. When it changes, the page is built anew."""
    shift = shop.shift.from_us if shop.shift else None
    return site, shift, *((m.machine.id, m.machine.name, m.machine.section, m.machine.board) for m in shop.machines)


def _tile(name: str, data: dict[str, Any]) -> KpiTile:
    tile = KpiTile(data, f"tile-{name}")
    tile.classes(f"em-t-{name}")
    return tile


def _legend(key: str) -> Any:
    with el("span", f"em-legend em-legend-{key}"):
        el("i", "em-legend-line")
        return el("span", testid=f"legend-{key}")


def _count(priority: Priority, lang: str) -> Any:
    with el("span", "em-count-small", testid=f"alerts-{priority.value}"):
        AlarmMark(priority, lang)
        return el("b")


def _taken(parts: Mapping[str, Part], changes: Mapping[str, Mapping[str, Any]], drawn: Mapping[str, dict[str, Any]]) -> Changes:
    """The changes of a shared view for this page's parts, which show `drawn` from now on."""
    found: Changes = []
    for name, change in changes.items():
        if (part := parts.get(name)) is not None:
            part.take(drawn[name])
            found.append((part, change))
    return found
