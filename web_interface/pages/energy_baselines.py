"""Tab "Baselines": what was expected for what was produced, what was saved, and how far the model can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from domain.access import Role
from domain.baseline import Baseline, Period, Reason, Savings
from web_interface.components import Card, Confirm, DataTable, button, el, empty, icon
from web_interface.components.parts import LiveChart
from web_interface.pages import energy_baselines_view as view_of
from web_interface.pages.admin_frame import attempt
from web_interface.pages.energy_baseline_dialog import BaselineDialog
from web_interface.pages.energy_later import draw_later
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.explain import explainable

SHORT = frozenset({"today", "yesterday", "night", "shift"})


async def build(view: EnergyView) -> None:
    """The list at the left, the chosen one with its savings at the right."""
    tab = BaselinesTab(view)
    draw_later(view, tab.fetch, tab.draw)


@dataclass(frozen=True, slots=True)
class Found:
    """What is drawn. `since`: the savings are those since the training, not of the page's period."""

    baselines: Sequence[Baseline]
    savings: Savings | None
    since: bool


class BaselinesTab:
    """One open tab."""

    def __init__(self, view: EnergyView) -> None:
        self._view, self._page = view, view.page
        self._plant = view.page.services.plant.plant

    async def fetch(self) -> Found:
        """All baselines, the chosen one, and savings against it. Raises what the services raise."""
        every = await self._page.services.baselines.all()
        wanted = self._view.options.get("baseline", "")
        shown = view_of.latest(every)
        chosen = next((b for b in every if str(b.id) == wanted), shown[0] if shown else None)
        if chosen is None:
            return Found(shown, None, False)
        begin, end, since = self._window(chosen)
        return Found(shown, await self._page.services.baselines.savings(chosen.id, begin, max(end, begin)), since)

    def draw(self, found: Found) -> None:
        """The list, and what there is of the chosen one."""
        page, savings = self._page, found.savings
        chosen = None if savings is None else savings.baseline
        with el("div", "em-baselines", testid="baselines"):
            with Card(page.t("baseline.list"), testid="baselines-card", classes="em-baselines-list") as card:
                if page.viewer.may(Role.ENGINEER):
                    with card.tools:
                        words = page.t("baseline.new")
                        button(words, self._new, kind="primary", icon_name="add", small=True, testid="baseline-new")
                self._list(found.baselines, chosen)
            with el("div", "em-stack em-baselines-main"):
                if savings is None:
                    with Card(testid="baseline-none"):
                        empty("show_chart", page.t("baseline.none"), page.t("baseline.none.words"))
                    return
                self._build_result(savings, found.since)
                if savings.points:
                    self._build_charts(savings)
                self._build_model(savings.baseline)

    def _list(self, baselines: Sequence[Baseline], chosen: Baseline | None) -> None:
        for b in baselines:
            active = chosen is not None and b.definition.name == chosen.definition.name
            href = self._view.href(baseline=str(b.id))
            with el("a", "em-baseline-link" + (" em-selected" if active else ""), testid=f"baseline-{b.id}", href=href):
                icon("task_alt" if b.fit.holds else "error", "em-quiet" if b.fit.holds else "em-alarm")
                with el("span", "em-baseline-name"):
                    el("b", text=b.definition.name)
                    subject = view_of.subject_words(b.definition.subject, self._plant, self._page.lang)
                    state = self._page.t("baseline.holds" if b.fit.holds else "baseline.fails")
                    el("span", "em-quiet", f"{subject} · {state}")

    def _window(self, baseline: Baseline) -> tuple[int, int, bool]:
        """The page's period; where it holds no whole period of the model, all since its training."""
        period, now_us = self._view.period, self._page.hub.shop().now_us
        long = baseline.definition.period in {Period.DAY, Period.WEEK}
        if long and period.kind in SHORT:
            return baseline.definition.train_to_us, now_us, True
        return period.from_us, min(period.to_us, now_us), False

    def _build_result(self, found: Savings, since: bool) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        definition = found.baseline.definition
        fmt_span = view_of.span_words(found.from_us, found.to_us, fmt)
        note = page.t("baseline.since_training", span=fmt_span) if since else fmt_span
        with Card(definition.name, note=note, testid="baseline-result"):
            tone, words = view_of.verdict(found, fmt)
            with el("div", f"em-verdict-line em-tone-{tone}", testid="baseline-verdict", data_tone=tone):
                icon({"good": "check_circle", "alarm": "error", "quiet": "pause_circle"}[tone])
                el("b", text=words)
            if found.saving_kwh is not None:
                with el("div", "em-summary-figures"):
                    window = (found.from_us, found.to_us)
                    tile = self._figure("saving", view_of.kwh(found.saving_kwh, fmt))
                    explainable(
                        page, tile, "baseline.saving", definition.subject, window, {"baseline": str(found.baseline.id)}
                    )
                    self._figure("expected", view_of.kwh(found.expected_kwh, fmt))
                    self._figure("measured", view_of.kwh(found.measured_kwh, fmt))
                    self._figure("improvement", fmt.percent(found.improvement))
                el("p", "em-quiet", view_of.signal_words(found, fmt), "baseline-signal")
            self._reasons(found.reasons)

    def _figure(self, name: str, value: str) -> ui.element:
        with el("div", "em-summary-figure", testid=f"baseline-{name}") as box:
            el("span", text=self._page.t(f"baseline.tile.{name}"))
            el("b", text=value)
        return box

    def _reasons(self, reasons: Sequence[Reason]) -> None:
        """What speaks against it, and what would help."""
        for reason in reasons:
            wrong, fix = view_of.reason_words(reason, self._page.viewer.fmt)
            with el("div", "em-reason", testid=f"reason-{reason.key}"):
                icon("error" if reason.blocking else "help_outline", "em-alarm" if reason.blocking else "em-quiet")
                with el("div", "em-reason-words"):
                    el("b" if reason.blocking else "span", text=wrong)
                    el("span", "em-quiet", fix)

    def _build_charts(self, found: Savings) -> None:
        page, fmt, zone = self._page, self._page.viewer.fmt, self._plant.site.timezone
        begins = [p.row.from_us for p in found.points]
        days = found.baseline.definition.period in {Period.DAY, Period.WEEK}
        for name, options in (
            ("energy", view_of.energy_chart(found.points, fmt)), ("cusum", view_of.cusum_chart(found, fmt)),
        ):  # fmt: skip
            if name == "cusum" and found.saving_kwh is None:
                continue
            label, note = page.t(f"baseline.chart.{name}.title"), page.t(f"baseline.chart.{name}.note")
            with Card(label, note=note, testid=f"baseline-{name}-card"), el("div", "em-baseline-chart"):
                LiveChart(options, view_of.chart_view(begins, fmt, zone, label, days=days), testid=f"baseline-{name}-chart")

    def _build_model(self, baseline: Baseline) -> None:
        page, fmt, lang = self._page, self._page.viewer.fmt, self._page.lang
        made, definition = baseline.fit, baseline.definition
        trained = view_of.span_words(definition.train_from_us, definition.train_to_us, fmt)
        with Card(page.t("baseline.model"), note=page.t("baseline.version", n=baseline.version), testid="baseline-model") as card:
            if page.viewer.may(Role.ENGINEER):
                with card.tools:
                    button(page.t("baseline.again"), lambda: self._again(baseline), icon_name="refresh", small=True,
                           testid="baseline-again")  # fmt: skip
                    button(page.t("baseline.delete"), lambda: self._delete(baseline), kind="quiet", small=True,
                           testid="baseline-delete")  # fmt: skip
            words = page.t("baseline.verdict.holds" if made.holds else "baseline.verdict.fails")
            with el("div", f"em-verdict-line em-tone-{'quiet' if made.holds else 'alarm'}", testid="baseline-validity"):
                icon("task_alt" if made.holds else "error")
                el("b", text=words)
            el("code", "em-formula-line em-mono", view_of.formula_words(baseline, fmt), "baseline-formula")
            el("p", "em-quiet", page.t("baseline.trained", span=trained, by=baseline.fitted_by, day=fmt.day(baseline.fitted_us),
                                       period=page.t(f"baseline.period.{definition.period.value}")))  # fmt: skip
            with el("div", "em-baseline-tables"):
                DataTable(view_of.coefficient_columns(lang), view_of.coefficient_rows(baseline, self._plant, fmt),
                          testid="baseline-coefficients", two_lines=True)  # fmt: skip
                DataTable(view_of.validity_columns(lang), view_of.validity_rows(made, definition.period.value, fmt),
                          testid="baseline-validity-table", two_lines=True)  # fmt: skip

    # -- changing --------------------------------------------------------------------------------------------------

    async def _new(self) -> None:
        made = await BaselineDialog(self._page, None).ask()
        if made is not None:
            ui.navigate.to(self._view.href(baseline=str(made.id)))

    async def _again(self, baseline: Baseline) -> None:
        made = await BaselineDialog(self._page, baseline).ask()
        if made is not None:
            ui.navigate.to(self._view.href(baseline=str(made.id)))

    async def _delete(self, baseline: Baseline) -> None:
        page = self._page
        sure = Confirm(page.lang, page.t("baseline.delete.title"), page.t("baseline.delete.words"), page.t("baseline.delete"))
        if await sure.ask() and await attempt(page, lambda: page.services.baselines.delete(baseline.id, page.actor())):
            ui.navigate.to(self._view.href(baseline=""))


TAB = Tab("baselines", build)
