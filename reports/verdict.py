"""The one sentence on top: was the shift good? Figures in, sentence out."""

from __future__ import annotations

from domain.report import Part, PeriodKind
from reports.loops import loop_verdict
from reports.model import Report
from reports.names import meter_name
from reports.wording import Wording

ENOUGH = 0.9  # what was measured for less of the time is not compared with a plan


def deviation(value: float | None, plan: float | None) -> float | None:
    """(value - plan) / plan, None where one is missing."""
    return (value - plan) / plan if value is not None and plan else None


def verdict(report: Report, words: Wording) -> tuple[str, str]:
    """(judgement, reasons). The judgement speaks only of what was measured; without a plan it says so."""
    parts = set(report.template.parts)
    if not parts & {Part.MACHINES, Part.AREAS, Part.DAYS, Part.MONEY}:  # about something else than energy against its plan
        judges = ((Part.BALANCE, _balance), (Part.REACTIVE, _reactive), (Part.LOOPS, loop_verdict), (Part.ALERTS, _alerts))
        for of, judge in judges:
            if of in parts:
                return judge(report, words)
    return _energy(report, words)


def _energy(report: Report, words: Wording) -> tuple[str, str]:
    t = words.t
    kind = "" if report.template.period is PeriodKind.SHIFT else ".period"
    if report.pending_s > 0:
        used = t("report.verdict.energy", value=words.number(report.total_kwh, 0)) + "."
        return t("report.verdict.pending"), "" if report.total_kwh is None else used
    if report.total_kwh is None or not report.machines:
        return t(f"report.verdict.nothing{kind}"), ""
    incomplete = report.completeness < ENOUGH
    delta = None if incomplete else deviation(report.total_kwh, report.plan_kwh)
    over = report.contract_kw is not None and report.max_half_hour is not None and report.max_half_hour[1] > report.contract_kw
    judgement = _judgement(running=report.running, over=over, delta=delta)
    if incomplete and report.plan_kwh is not None and judgement == "report.verdict.no_plan":
        return t("report.verdict.incomplete", share=words.percent(report.completeness)), _reasons(report, words, delta, over=over)
    head = t(judgement + (kind if judgement in _NAMES_THE_SHIFT else ""))
    return head, _reasons(report, words, delta, over=over)


def _reasons(report: Report, words: Wording, delta: float | None, *, over: bool) -> str:
    t = words.t
    parts = [t("report.verdict.energy", value=words.number(report.total_kwh, 0))]
    if delta is not None:
        parts = [t("report.verdict.below" if delta <= 0 else "report.verdict.above", value=words.percent(abs(delta)))]
    if report.contract_kw is not None and report.max_half_hour is not None:
        parts.append(t("report.verdict.contract_over" if over else "report.verdict.contract_ok"))
    return ", ".join(parts) + "." + _idle_words(report, words)


def _idle_words(report: Report, words: Wording) -> str:
    """What idling took, in money where the price is known."""
    if report.machines_kwh <= 0:
        return ""
    share = words.percent(report.idle_kwh / report.machines_kwh, 0)
    if report.idle_cost is not None:
        money = f"{words.number(report.idle_cost, 0)}\u00a0{report.currency}"
        return " " + words.t("report.verdict.idle_cost", share=share, money=money)
    return " " + words.t("report.verdict.idle", share=share, kwh=words.number(report.idle_kwh))


def _balance(report: Report, words: Wording) -> tuple[str, str]:
    t, found = words.t, report.balance
    if found is None or not found.nodes:
        return t("report.verdict.balance.none"), ""
    beyond = [meter_name(node.device_id, report, words) for node in found.nodes if node.status == "beyond"]
    if beyond:
        return t("report.verdict.balance.beyond"), t("report.verdict.balance.which", names=", ".join(beyond[:5])) + "."
    unknown = any(node.status == "unknown" for node in found.nodes)
    return t("report.verdict.balance.unknown" if unknown else "report.verdict.balance.within"), ""


def _reactive(report: Report, words: Wording) -> tuple[str, str]:
    t, factor = words.t, report.factor
    if factor is None or factor.tg_phi is None:
        return t("report.verdict.reactive.none"), ""
    judged = factor.high_tg_phi if factor.high_tg_phi is not None else factor.tg_phi
    value = t("report.verdict.reactive.value", value=words.number(judged, 2))
    if factor.tg_limit is None:
        return t("report.verdict.reactive.no_limit"), value
    over = judged > factor.tg_limit
    reason = t("report.verdict.reactive.required", kvar=words.number(factor.required_kvar, 0)) if over else ""
    return t("report.verdict.reactive.over" if over else "report.verdict.reactive.within"), f"{value} {reason}".strip()


def _alerts(report: Report, words: Wording) -> tuple[str, str]:
    t = words.t
    if not report.alerts:
        return t("report.verdict.alerts.none"), ""
    taken = sum(1 for alert in report.alerts if alert.acknowledged_us is not None)
    return t("report.verdict.alerts.some", n=len(report.alerts)), t("report.verdict.alerts.taken", n=taken)


_NAMES_THE_SHIFT = ("report.verdict.running", "report.verdict.no_plan", "report.verdict.within")


def _judgement(*, running: bool, over: bool, delta: float | None) -> str:
    if running:
        return "report.verdict.running"
    if over:
        return "report.verdict.over_contract"
    if delta is None:
        return "report.verdict.no_plan"
    return "report.verdict.within" if delta <= 0.01 else "report.verdict.over_plan"
