"""Tab "Balance": do the meters agree with each other, and if not, which one is likely wrong and what to do about it?"""

from __future__ import annotations

from domain.balance import BalanceFinding, BalanceReport, NodeBalance
from web_interface.components import Card, DataTable, el, empty, icon
from web_interface.components.parts import LiveChart
from web_interface.pages import energy_balance_view as view_of
from web_interface.pages.energy_baselines_view import chart_view
from web_interface.pages.energy_later import draw_later
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.explain import explainable

DAY_US = 86_400_000_000
LONGEST_US = 62 * DAY_US


async def build(view: EnergyView) -> None:
    """Computed for the page's period as the samples stand now; of more than 62 days the last 62."""
    page, period = view.page, view.period
    end = min(period.to_us, page.hub.shop().now_us)
    begin = max(period.from_us, end - LONGEST_US)
    draw_later(view, lambda: page.services.balance.report(begin, max(begin, end)), lambda report: _draw(view, report))


def _draw(view: EnergyView, report: BalanceReport) -> None:
    with el("div", "em-stack", testid="balance"):
        _build_nodes(view, report)
        _build_findings(view, report)
        for node in report.nodes:
            if any(i.main_kwh is not None for i in node.intervals):
                _build_chart(view, report, node)
        _build_meters(view, report)


def _build_nodes(view: EnergyView, report: BalanceReport) -> None:
    page = view.page
    plant, fmt = page.services.plant.plant, page.viewer.fmt
    with Card(page.t("balance.title"), note=page.t("balance.note"), testid="balance-nodes"):
        if not report.nodes:
            empty("rule", page.t("balance.none"), page.t("balance.none.words"))
        for node in report.nodes:
            name, tone = view_of.STATUS_ICON[node.status]
            with el("div", f"em-verdict-line em-tone-{tone}", testid=f"balance-node-{node.device_id}") as line:
                icon(name)
                el("b", text=view_of.node_words(node, plant, fmt))
            explainable(page, line, "balance.difference", "site", (report.from_us, report.to_us), {"meter": node.device_id})


def _build_findings(view: EnergyView, report: BalanceReport) -> None:
    page = view.page
    with Card(page.t("balance.findings"), note=page.t("balance.findings.note"), testid="balance-findings"):
        if not report.findings:
            with el("div", "em-reason", testid="balance-healthy"):
                icon("task_alt", "em-quiet")
                el("span", text=page.t("balance.healthy"))
        for number, finding in enumerate(report.findings):
            _build_finding(view, finding, number)


def _build_finding(view: EnergyView, finding: BalanceFinding, number: int) -> None:
    page = view.page
    plant, fmt = page.services.plant.plant, page.viewer.fmt
    fault, evidence, fix = view_of.finding_words(finding, plant, fmt)
    name = view_of.meter_name(finding.device_id, plant, page.lang)
    with el("div", "em-reason em-finding", testid=f"balance-finding-{number}"):
        icon("error", "em-alarm" if finding.confidence >= 0.6 else "em-quiet")
        with el("div", "em-reason-words"):
            with el("div", "em-finding-head"):
                el("b", text=f"{name}: {fault}")
                el("span", "em-quiet", page.t("balance.confidence", share=fmt.percent(finding.confidence, 0)))
            el("span", text=evidence)
            with el("span", "em-finding-fix"):
                icon("lightbulb", "em-quiet")
                el("span", text=fix)


def _build_chart(view: EnergyView, report: BalanceReport, node: NodeBalance) -> None:
    page = view.page
    plant, fmt = page.services.plant.plant, page.viewer.fmt
    name = view_of.meter_name(node.device_id, plant, page.lang)
    days = report.interval_s * len(node.intervals) > 2 * 86_400
    note = page.t("balance.chart.note", width=fmt.duration(report.interval_s))
    label = page.t("balance.chart.title", name=name)
    begins = [i.from_us for i in node.intervals]
    with Card(label, note=note, testid=f"balance-chart-{node.device_id}"), el("div", "em-baseline-chart"):
        LiveChart(
            view_of.node_chart(node, fmt), chart_view(begins, fmt, plant.site.timezone, label, days=days, digits=2),
            testid=f"balance-line-{node.device_id}",
        )  # fmt: skip


def _build_meters(view: EnergyView, report: BalanceReport) -> None:
    page = view.page
    plant, fmt = page.services.plant.plant, page.viewer.fmt
    columns = view_of.meter_columns(page.lang, fmt.unit("kWh"))
    with Card(page.t("balance.meters"), note=page.t("balance.meters.note"), testid="balance-meters"):
        DataTable(columns, view_of.meter_rows(report, plant, fmt), testid="balance-meters-table", empty=page.t("balance.none"),
                  two_lines=True)  # fmt: skip


TAB = Tab("balance", build)
