"""Control loops: how well does a loop hold its set point, does it swing, and which of two does better?"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from nicegui import ui

from domain.access import Role
from domain.loop import LoopReport
from web_interface.components import Card, DataTable, Hub, banner, choice_field, el, empty, icon
from web_interface.components.parts import LiveChart
from web_interface.pages import alignments_view, shell
from web_interface.pages import loops_view as view
from web_interface.pages.later import Later
from web_interface.services import Services


def register(services: Services, hub: Hub) -> None:
    """The page at /loops; a loop, one beside it and the window stand in the address."""
    shell.offer("loops")

    @ui.page("/loops", title="")
    async def loops_page(loop: str = "", beside: str = "", window: str = "1h") -> None:
        with shell.page(services, hub, active="loops", title_key="loops.title") as page:
            opened = LoopsPage(page, loop, beside, window)
            opened.build()
        await opened.fill()


class LoopsPage:
    """One open page. What the address says wrong is taken from what there is."""

    def __init__(self, page: shell.Page, loop: str, beside: str, window: str) -> None:
        self._page, self._fmt = page, page.viewer.fmt
        self._names = {known.id: known.name for known in page.services.loops.loops}
        self._gone = loop[:60] if loop and loop not in self._names else ""
        self._loop = loop if loop in self._names else next(iter(self._names), "")
        self._beside = beside if beside in self._names and beside != self._loop else ""
        self._window = window if window in view.WINDOWS_S else "1h"

    def build(self) -> None:
        """The bar at once, the figures later."""
        page = self._page
        with el("div", "em-loops"):
            if not self._names:
                action = (page.t("loops.none.action"), "/admin/plant") if page.viewer.may(Role.ADMIN) else ("", "")
                with el("section", "em-card"), el("div", "em-card-body"):
                    empty("tune", page.t("loops.none"), page.t("loops.none.words"), *action)
                self._body = None
                self._alignments()
                return
            if self._gone:  # an old link: what is shown instead is not to be taken for it
                words = page.t("loops.gone", id=self._gone, name=self._names[self._loop])
                banner(words, tone="quiet", icon_name="info", testid="loop-gone")
            with el("div", "em-loops-bar", testid="loops-bar"):
                self._choices()
            self._body = Later(page, "em-stack", "loops-body")

    async def fill(self) -> None:
        """One loop, or two side by side."""
        if self._body is not None:
            await self._body.fill(self._draw)

    def _choices(self) -> None:
        page = self._page
        choice_field(page.t("loops.loop"), self._names, self._loop, testid="loops-loop", on_change=self._choose)
        others = {"": page.t("loops.alone"), **{k: v for k, v in self._names.items() if k != self._loop}}
        if len(others) > 1:
            choice_field(page.t("loops.beside"), others, self._beside, testid="loops-beside", on_change=self._choose_beside)
        with el("nav", "em-seg em-period", testid="loops-window", aria_label=page.t("loops.window")):
            for key in view.WINDOWS_S:
                attrs = {"aria_current": "true"} if key == self._window else {}
                href, words = self._href(window=key), page.t(f"loops.window.{key}")
                el("a", "em-seg-item", words, f"loops-window-{key}", href=href, **attrs)

    def _href(self, **changed: str) -> str:
        query = {"loop": self._loop, "beside": self._beside, "window": self._window, **changed}
        return "/loops?" + urlencode({name: value for name, value in query.items() if value})

    def _choose(self, loop: str) -> None:
        self._page.client.open(self._href(loop=loop))

    def _choose_beside(self, loop: str | None) -> None:
        self._page.client.open(self._href(beside=loop or ""))

    async def _draw(self) -> None:
        service, now_us = self._page.services.loops, self._page.hub.shop().now_us
        begin_us = now_us - view.WINDOWS_S[self._window] * 1_000_000
        chosen = [loop for loop in (self._loop, self._beside) if loop]
        reports = [await service.report(loop, begin_us, now_us) for loop in chosen]
        with el("div", "em-stack", testid="loops"):
            self._verdicts(reports)
            with el("div", "em-loops-charts"):
                for report in reports:
                    self._charts(report)
            self._figures(reports)
            for report in reports:
                self._episodes(report, now_us)
            self._alignments()

    def _alignments(self) -> None:
        """How well tags meet on their time grids."""
        for status in self._page.services.alignments.statuses():
            testid = f"alignment-{status.alignment.id}"
            title = self._page.t("alignments.title", name=status.alignment.name)
            with Card(title, testid=testid, classes="em-table-card"):
                el("p", "em-alignment-words", alignments_view.note(status, self._fmt), f"{testid}-note")
                DataTable(
                    alignments_view.columns(self._page.lang), alignments_view.rows(status, self._fmt), testid=f"{testid}-table",
                    two_lines=True,
                )  # fmt: skip

    def _verdicts(self, reports: Sequence[LoopReport]) -> None:
        with Card(self._page.t("loops.verdict"), testid="loops-verdict"):
            for report in reports:
                name, tone, words = view.verdict(report, self._fmt)
                with el("div", f"em-verdict-line em-tone-{tone}", testid=f"loop-verdict-{report.loop.id}"):
                    icon(name)
                    el("b", text=f"{report.loop.name}: {words}" if len(reports) > 1 else words)

    def _charts(self, report: LoopReport) -> None:
        page = self._page
        with Card(report.loop.name, note=page.t("loops.chart.note", unit=report.unit), testid=f"loop-chart-{report.loop.id}"):
            with el("div", "em-loop-chart"):
                LiveChart(*view.value_chart(report, self._fmt), testid=f"loop-values-{report.loop.id}")
            output = view.output_chart(report, self._fmt)
            if output is not None:
                el("p", "em-quiet em-loop-output", page.t("loops.output.note", unit=output[1]["unit"]))
                with el("div", "em-loop-chart em-loop-chart-low"):
                    LiveChart(*output, testid=f"loop-output-{report.loop.id}")

    def _figures(self, reports: Sequence[LoopReport]) -> None:
        page = self._page
        with Card(page.t("loops.figures"), note=page.t("loops.figures.note"), testid="loops-figures", classes="em-table-card"):
            DataTable(
                view.figure_columns(reports, page.lang), view.figure_rows(reports, self._fmt), testid="loops-figures-table",
                two_lines=True,
            )  # fmt: skip

    def _episodes(self, report: LoopReport, now_us: int) -> None:
        page = self._page
        title = page.t("loops.episodes", name=report.loop.name)
        with Card(title, note=page.t("loops.episodes.note"), testid=f"loop-episodes-{report.loop.id}", classes="em-table-card"):
            DataTable(
                view.episode_columns(page.lang), view.episode_rows(report, self._fmt, now_us),
                testid=f"loop-episodes-table-{report.loop.id}", empty=page.t("loops.episodes.none"),
            )  # fmt: skip
