"""One machine: what is it doing, what did idling cost, and why is КЭФ what it is?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from nicegui import background_tasks, ui
from nicegui.element import Element

from domain.efficiency import DEFAULT_CARD
from domain.errors import MonitorError, NotFound
from domain.kpi import SpecificEnergy
from domain.plant import Tag
from web_interface.components import (
    Card,
    DataTable,
    Hub,
    LiveChart,
    Part,
    Segmented,
    StateGantt,
    StateMark,
    Tick,
    button,
    el,
    empty,
    error,
    state_name,
)
from web_interface.pages import admin_words, shell
from web_interface.pages import machine_view as view
from web_interface.pages.explain import show
from web_interface.pages.later import Later
from web_interface.pages.machine_advice import advice_line
from web_interface.pages.machine_conflict import ConflictMark
from web_interface.pages.machine_figures import MachineFigures
from web_interface.pages.machine_findings import fill as fill_findings
from web_interface.pages.machine_load import LoadView
from web_interface.pages.machine_passport import build as build_passport
from web_interface.pages.machine_timeline import Timeline
from web_interface.pages.trend import UNIT_STYLE, axis, state_borders, time_ticks, trend_points
from web_interface.services import Services
from web_interface.services.live import MachineNow

log = logging.getLogger(__name__)

Changes = list[tuple[Element, Mapping[str, Any]]]
CHARTS = {
    "power": ("active_power",),
    "voltage": ("voltage_l1", "voltage_l2", "voltage_l3"),
    "current": ("current_l1", "current_l2", "current_l3"),
}
MODES = ("shift", "heat", "duration")
COLOURS = ("var(--s1)", "var(--s2)", "var(--s3)")
DASHES: tuple[Any, ...] = ("solid", [6, 3], [2, 2])
HOUR_US = 3_600_000_000


class Phasor(Part, component="../components/phasor.js"):
    """Arrows of voltages and currents."""


class ExplainPanel(Part, component="../components/explain_panel.js"):
    """Where a number comes from."""


def register(services: Services, hub: Hub) -> None:
    """The pages at /machines/{id}."""

    @ui.page("/machines/{machine_id}", title="")
    def machine_page(machine_id: str, chart: str = "") -> None:
        site = services.plant.plant.site
        try:
            now = services.live.machine(machine_id)
        except NotFound as exc:
            with shell.page(services, hub, active="machines", title_key="nav.machines") as page:
                error(page.lang, page.t("machine.unknown"), page.t("machine.unknown.words"), admin_words.said(exc, page.lang))
            return
        crumbs: list[tuple[str, str | None]] = [(site.name, "/")]
        if now.machine.section:
            crumbs.append((now.machine.section, f"/machines?find={quote(now.machine.section)}"))
        with shell.page(services, hub, active="machines", title=now.machine.name, crumbs=crumbs) as page:
            MachinePage(page, now, chart).build()


class MachinePage:
    """One open page of a machine."""

    def __init__(self, page: shell.Page, now: MachineNow, chart: str) -> None:
        self._page, self._now = page, now
        self._fmt = page.viewer.fmt
        self._chart_kind = chart if chart in self._kinds() else "power"
        self._chart: LiveChart | None = None
        self._chart_tags: list[Tag] = []
        self._ends: list[int] = []
        self._states: list[tuple[StateMark, Any]] = []
        self._window = self._current_window()
        self._figures: MachineFigures | None = None
        self._timeline = Timeline(page=page, machine=now.machine, window=lambda: self._window, totals=self._programs)

    def build(self) -> None:
        """Live values, then power over states, then the explanation of КЭФ."""
        with self._page.actions:
            self._conflict = ConflictMark(self._page, self._now.machine.id)
            self._build_state("machine-state")
            self._build_neighbours()
        with el("div", "em-machine-page"):
            with el("div", "em-machine-left"):
                with el("div", "em-machine-phone"):  # a phone's top bar has no room for it
                    self._build_state("machine-state-phone")
                    self._build_neighbours()
                advice_line(self._page, self._now.machine.id)
                self._build_now()
                self._build_history()
                self._figures = MachineFigures(page=self._page, machine=self._now.machine, window=self._elapsed)
                build_passport(self._page, self._now.machine)
                findings = el("div")
            self._build_explain()
        self._page.every(self.live)
        background_tasks.create(self._draw_chart(), name="machine:trend")
        background_tasks.create(fill_findings(self._page, self._now.machine.id, findings), name="machine:findings")

    def live(self, tick: Tick) -> Changes:
        """What changed in the last second."""
        self._now = self._page.services.live.machine(self._now.machine.id)
        window = self._current_window()
        if window != self._window:
            self._window = window
            background_tasks.create(self._draw_chart(), name="machine:trend")
        points = self._points()
        words = self._state_words()
        self._conflict.live()
        changes: Changes = []
        for mark, label in self._states:
            changes.append((mark, mark.state_changes(self._now.state)))
            if words != label.text:
                label.set_text(words)
        if self._phases is not None:
            changes.append((self._phases, self._phases.row_changes(view.phase_rows(points, self._fmt))))
            changes.append((self._phasor, self._phasor.change(view.phasor(points, self._fmt))))
        self._live_others(points)
        self._timeline.live()
        changes.append((self._gantt, self._gantt.change(self._gantt_data())))
        changes += self._live_explain()
        if self._chart is not None:
            changes.append((self._chart, self._live_chart(points)))
        if self._figures is not None:
            self._figures.live()
        return changes

    def _programs(self) -> Sequence[SpecificEnergy]:
        return () if self._figures is None else self._figures.programs

    # ---- top ---------------------------------------------------------------------------------------------------------
    def _build_state(self, testid: str) -> None:
        with el("span", "em-machine-state", testid=testid):
            mark, label = StateMark(self._now.state, self._page.lang), el("span", text=self._state_words())
        self._states.append((mark, label))

    def _state_words(self) -> str:
        seconds = (self._page.hub.shop().now_us - self._now.state_since_us) / 1e6
        return f"{state_name(self._now.state, self._page.lang)} {self._fmt.duration(seconds)}"

    def _build_neighbours(self) -> None:
        """Previous and next machine of the plant."""
        ids = [m.id for m in self._page.services.plant.plant.machines]
        if self._now.machine.id not in ids:  # taken away this moment: there is nothing beside it
            return
        place = ids.index(self._now.machine.id)
        for step, name in ((-1, "chevron_left"), (1, "chevron_right")):
            target = ids[(place + step) % len(ids)]
            label = self._page.t("machine.previous" if step < 0 else "machine.next")
            with el("a", "em-btn em-btn-plain em-btn-icon", href=f"/machines/{target}", aria_label=label, title=label):
                ui.icon(name).classes("em-icon")

    # ---- live values ---------------------------------------------------------------------------------------------------
    def _points(self) -> dict[str, Any]:
        values = self._page.services.live.latest(machine=self._now.machine.id)
        return view.by_point(values, self._now.machine.meter)

    def _build_now(self) -> None:
        page, points = self._page, self._points()
        with Card(page.t("machine.now"), note=self._now.machine.meter or "", testid="now-card", classes="em-now-card") as card:
            with card.tools:
                self._frequency: Any = el("span", "em-machine-fact", testid="frequency")
                self._imbalance: Any = el("span", "em-machine-fact", testid="imbalance")
            self._phases: DataTable | None = None
            if not points:
                empty("schedule", page.t("machine.no_values"), page.t("machine.no_values.words"), testid="no-values")
            elif view.has_phases(points):
                with el("div", "em-now-grid"):
                    rows = view.phase_rows(points, self._fmt)
                    self._phases = DataTable(view.phase_columns(page.lang), rows, testid="phases")
                    self._phasor = Phasor(view.phasor(points, self._fmt), "phasor")
            with el("dl", "em-others", testid="other-values"):
                self._others: dict[str, Any] = {}
                for point, name, words in view.other_rows(points, self._fmt, with_phases=self._phases is not None):
                    with el("div", "em-other"):
                        el("dt", "em-quiet", name)
                        self._others[point] = el("dd", text=words, testid=f"value-{point}")
        self._live_others(points)

    def _live_others(self, points: Mapping[str, Any]) -> None:
        for point, _name, words in view.other_rows(points, self._fmt, with_phases=self._phases is not None):
            label = self._others.get(point)
            if label is not None and label.text != words:
                label.set_text(words)
        frequency, unbalanced = points.get("frequency"), view.imbalance(points)
        hertz = self._page.t("machine.frequency", value=view.value_words(frequency, self._fmt)) if frequency else ""
        share = self._page.t("machine.imbalance", value=self._fmt.percent(unbalanced)) if unbalanced is not None else ""
        for label, words in ((self._frequency, hertz), (self._imbalance, share)):
            if label.text != words:
                label.set_text(words)

    # ---- power and states --------------------------------------------------------------------------------------------------
    def _current_window(self) -> tuple[int, int]:
        """The running shift, else the last eight hours by the hour."""
        shop = self._page.hub.shop()
        if shop.shift is not None:
            return shop.shift.from_us, shop.shift.to_us
        end = shop.now_us // HOUR_US * HOUR_US + HOUR_US
        return end - 8 * HOUR_US, end

    def _build_history(self) -> None:
        page = self._page
        with Card(page.t("machine.history"), testid="history-card", classes="em-history-card") as card:
            with card.tools:
                modes = {mode: page.t(f"machine.history.{mode}") for mode in MODES}
                Segmented(modes, MODES[0], self._show_mode, testid="history-mode", label=page.t("machine.history"))
            self._load_box = el("div", "em-machine-load", testid="load-box")
            self._load_box.set_visibility(False)
            self._shift_box = el("div", "em-machine-shift")
            with self._shift_box:
                with el("div", "em-machine-kinds"):
                    self._timeline.build_button()
                    options = {kind: page.t(f"machine.chart.{kind}") for kind in self._kinds()}
                    Segmented(
                        options, self._chart_kind, self._switch, testid="chart-kind", label=page.t("machine.history"),
                        address="chart",
                    )  # fmt: skip
                self._chart_box = el("div", "em-machine-chart", testid="chart-box")
                self._gantt = StateGantt(self._gantt_data(), "gantt")
                self._timeline.build_events()
        self._timeline.live()

    async def _show_mode(self, mode: str) -> None:
        """The shift on its axis, or four weeks: hour by day, or by duration."""
        self._shift_box.set_visibility(mode == MODES[0])
        self._load_box.set_visibility(mode != MODES[0])
        self._load_box.clear()
        if mode == MODES[0]:
            return
        tag = next((tag for tag in self._tags() if tag.point == "active_power"), None)
        with self._load_box:
            await Later(self._page).fill(lambda: LoadView(self._page, self._now.machine, tag).build(mode))

    def _kinds(self) -> list[str]:
        names = {tag.point for tag in self._tags()}
        return [kind for kind, points in CHARTS.items() if kind == "power" or names.intersection(points)]

    def _tags(self) -> Sequence[Tag]:
        meter = self._now.machine.meter
        return [tag for tag in self._page.services.live.tags() if tag.device_id == meter]

    def _gantt_data(self) -> dict[str, Any]:
        site = self._page.services.plant.plant.site
        shop = self._page.hub.shop()
        states = view.gantt(self._now, self._window, shop.now_us, self._fmt, shop.shift_price.so_far, site.currency)
        return {**states, **self._timeline.data(self._window, shop.now_us)}

    async def _switch(self, kind: str) -> None:
        self._chart_kind = kind
        await self._draw_chart()

    async def _draw_chart(self) -> None:
        """The chosen quantity over the window; the line breaks where data are missing."""
        page, (from_us, to_us) = self._page, self._window
        wanted = CHARTS[self._chart_kind]
        tags = sorted((tag for tag in self._tags() if tag.point in wanted), key=lambda tag: wanted.index(tag.point))
        now_us = page.hub.shop().now_us
        try:
            lines = [await trend_points(page.services.history, tag, from_us, min(now_us, to_us)) for tag in tags]
        except (MonitorError, OSError) as exc:  # the database is away: live values go on
            log.warning("no trend for %s: %s", self._now.machine.id, exc)
            lines = [[] for _ in tags]
        if self._chart_box.is_deleted:
            return  # the page was left meanwhile
        self._chart_box.clear()
        self._chart_tags = tags
        with self._chart_box:
            self._chart = LiveChart(self._options(tags, lines), self._view(tags), testid="machine-chart")

    def _options(self, tags: Sequence[Tag], lines: Sequence[Any]) -> dict[str, Any]:
        states = self._now.machine.states
        marks = [states.production_above_kw] if self._chart_kind == "power" and states is not None else []
        series = [self._line(n, tag, line) for n, (tag, line) in enumerate(zip(tags, lines, strict=True))]
        values = [point[1] for line in lines for point in line]
        unit = {"name": self._fmt.unit(tags[0].unit) if tags else "", "nameGap": 8, "nameTextStyle": UNIT_STYLE}
        return {
            "grid": {"left": 44, "right": 20, "top": 26, "bottom": 24},
            "xAxis": {"splitLine": {"show": True, "lineStyle": {"color": "var(--line)", "type": [2, 3]}}},
            "yAxis": axis(values, zero=self._chart_kind != "voltage", marks=marks) | unit,
            "series": series,
        }

    def _line(self, number: int, tag: Tag, points: Any) -> dict[str, Any]:
        power = self._chart_kind == "power"
        line: dict[str, Any] = {
            "name": tag.point.rsplit("_", 1)[-1].upper() if not power else self._page.t("machine.chart.power"),
            "type": "line", "data": points, "symbol": "none", "connectNulls": False, "sampling": "lttb",
            "lineStyle": {"color": COLOURS[number], "width": 2, "type": DASHES[number]}, "itemStyle": {"color": COLOURS[number]},
        }
        if power:
            line["areaStyle"] = {"color": "var(--s1)", "opacity": "var(--area)"}
            line["markLine"] = state_borders(self._now.machine.states, self._fmt)
        return line

    def _view(self, tags: Sequence[Tag]) -> dict[str, Any]:
        from_us, to_us = self._window
        site = self._page.services.plant.plant.site
        return {
            "ticks": time_ticks(from_us, to_us, self._fmt), "range": [from_us // 1000, to_us // 1000], "lang": self._page.lang,
            "unit": self._fmt.unit(tags[0].unit) if tags else "", "digits": 1 if self._chart_kind == "voltage" else 2,
            "zone": site.timezone, "label": self._page.t("machine.history"),
        }

    def _live_chart(self, points: Mapping[str, Any]) -> dict[str, Any]:
        """New points since the last second."""
        pushes = []
        for number, tag in enumerate(self._chart_tags):
            value = points.get(tag.point)
            if value is not None and value.value is not None and value.time_us >= self._window[0]:
                pushes.append([number, value.time_us / 1000, round(value.value, 4)])
        return {"push": pushes} if pushes else {}

    # ---- КЭФ -------------------------------------------------------------------------------------------------------------
    def _build_explain(self) -> None:
        page = self._page
        settings = self._now.machine.kef
        note = page.t(f"kef.card.{settings.card if settings is not None else DEFAULT_CARD}")
        with Card(page.t("machine.kef"), note=note, testid="kef-card", classes="em-kef-card") as card:
            with card.tools:
                button(icon_name="table_view", on_click=self._open_kef, label=page.t("kef.open"), testid="kef-open", kind="quiet")
            self._explain_box = el("div")
            self._explain: ExplainPanel | None = None
            self._live_explain()

    async def _open_kef(self) -> None:
        await show(self._page, "kef", self._now.machine.id, self._elapsed())

    def _elapsed(self) -> tuple[int, int]:
        """The window up to now."""
        return self._window[0], min(self._window[1], self._page.hub.shop().now_us)

    def _live_explain(self) -> Changes:
        hours = () if self._figures is None else self._figures.hours
        data = view.explain(self._now, self._page.services.plant.plant, self._fmt, hours)
        if data is None:
            if self._explain is not None or not self._explain_box.default_slot.children:
                self._explain = None
                self._explain_box.clear()
                with self._explain_box:
                    t = self._page.t
                    empty("schedule", t("machine.kef.none"), t("machine.kef.none.words"), testid="kef-empty")
            return []
        if self._explain is None:
            self._explain_box.clear()
            with self._explain_box:
                self._explain = ExplainPanel(data, "explain")
            return []
        return [(self._explain, self._explain.change(data))]
