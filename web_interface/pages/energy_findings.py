"""Tab "Findings": which machines worked inefficiently or unusually in the period, how it is known, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.access import Role
from domain.finding import Finding
from web_interface.components import Card, DataTable, el, empty, icon
from web_interface.pages import admin_detectors
from web_interface.pages import energy_findings_view as view_of
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.shell import Page

MOST = 1000
SHOWN = 60


async def build(view: EnergyView) -> None:
    """Sums by rule, then each finding with its evidence, the newest first."""
    page, period = view.page, view.period
    plant, fmt, now_us = page.services.plant.plant, page.viewer.fmt, page.hub.shop().now_us
    machine = view.options.get("machine")
    known = {view_of.SITE, *(m.id for m in plant.machines)}
    found = await page.services.findings.findings(
        period.from_us, period.to_us, machine=machine if machine in known else None, limit=MOST
    )
    with el("div", "em-stack", testid="findings"):
        if not found:
            with Card(page.t("finding.title"), testid="findings-none"):
                empty("task_alt", page.t("finding.none"), page.t("finding.none.words"))
            return
        with Card(page.t("finding.sums"), note=page.t("finding.sums.note"), testid="findings-sums"):
            columns = view_of.summary_columns(page.lang)
            rows = view_of.summary_rows(found, fmt, now_us)
            DataTable(columns, rows, testid="findings-table", empty=page.t("finding.none"), two_lines=True)
        note = page.t("finding.shown", shown=str(SHOWN), all=str(len(found))) if len(found) > SHOWN else ""
        with Card(page.t("finding.title"), note=note, testid="findings-list"):
            finding_list(page, found[:SHOWN])


def finding_list(page: Page, findings: Sequence[Finding]) -> None:
    """Findings one below the other; the machine's page shows its own with it."""
    plant, fmt, now_us = page.services.plant.plant, page.viewer.fmt, page.hub.shop().now_us
    for number, finding in enumerate(findings):
        told = view_of.words(finding, plant, fmt, now_us)
        with el("div", "em-reason em-finding", testid=f"finding-{number}"):
            icon(told.icon, told.tone)
            with el("div", "em-reason-words"):
                with el("div", "em-finding-head"):
                    if told.href:
                        el("a", "em-finding-subject", told.subject, href=told.href)
                    else:
                        el("span", "em-finding-subject", told.subject)
                    el("b", text=told.title)
                    el("span", "em-quiet", told.when)
                    if told.waste:
                        el("b", text=told.waste, testid=f"finding-waste-{number}")
                el("span", "em-quiet", told.what)
                el("span", text="; ".join(told.evidence))
                if told.because:
                    el("span", text=told.because)
                with el("span", "em-finding-fix"):
                    icon("lightbulb", "em-quiet")
                    el("span", text=told.advice)
                if page.viewer.may(Role.ENGINEER):
                    el("a", "em-finding-rule em-link", page.t("finding.rule"), f"finding-rule-{number}", href=_rule_page(finding))


def _rule_page(finding: Finding) -> str:
    """Where the rule's parameters are set."""
    where = admin_detectors.ALL if finding.subject == view_of.SITE else admin_detectors.path_of(finding.subject)
    return f"{where}#detector-{finding.rule}"


TAB = Tab("findings", build)
