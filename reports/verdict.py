"""The one sentence on top: was the shift good? Figures in, sentence out."""

from __future__ import annotations

from reports.model import ShiftReport
from reports.wording import Wording


def deviation(value: float | None, plan: float | None) -> float | None:
    """(value - plan) / plan, None where one is missing."""
    return (value - plan) / plan if value is not None and plan else None


def verdict(report: ShiftReport, words: Wording) -> tuple[str, str]:
    """(judgement, reasons). The judgement speaks only of what was measured; without a plan it says so."""
    t = words.t
    if report.total_kwh is None or not report.machines:
        return t("report.verdict.nothing"), ""
    delta = deviation(report.total_kwh, report.plan_kwh)
    over = report.contract_kw is not None and report.max_half_hour is not None and report.max_half_hour[1] > report.contract_kw
    head = t(_judgement(running=report.running, over=over, delta=delta))
    parts = [t("report.verdict.energy", value=words.number(report.total_kwh, 0))]
    if delta is not None:
        parts = [t("report.verdict.below" if delta <= 0 else "report.verdict.above", value=words.percent(abs(delta)))]
    if report.contract_kw is not None and report.max_half_hour is not None:
        parts.append(t("report.verdict.contract_over" if over else "report.verdict.contract_ok"))
    body = ", ".join(parts) + "."
    if report.machines_kwh > 0:
        share = words.percent(report.idle_kwh / report.machines_kwh, 0)
        if report.tariff_per_kwh is not None:
            money = f"{words.number(report.idle_kwh * report.tariff_per_kwh, 0)}\u00a0{report.currency}"
            body += " " + t("report.verdict.idle_cost", share=share, money=money)
        else:
            body += " " + t("report.verdict.idle", share=share, kwh=words.number(report.idle_kwh))
    return head, body


def _judgement(*, running: bool, over: bool, delta: float | None) -> str:
    if running:
        return "report.verdict.running"
    if over:
        return "report.verdict.over_contract"
    if delta is None:
        return "report.verdict.no_plan"
    return "report.verdict.within" if delta <= 0.01 else "report.verdict.over_plan"
