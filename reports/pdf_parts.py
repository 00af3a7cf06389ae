"""The parts of a PDF below its summary: days, sections, money, peaks, reactive energy, balance, findings, alerts, formulas."""

from __future__ import annotations

from xml.sax.saxutils import escape

from reportlab.platypus import Flowable, KeepTogether, Paragraph, Spacer, Table, TableStyle

from domain.alert import Alert
from domain.report import Part
from reports.charts import DayBars
from reports.fonts import BOLD
from reports.model import Report
from reports.names import alert_subject, meter_name
from reports.pdf_base import heading, part, style, table, text, width_of
from reports.texts import MOST_ALERTS, clean, known, moment, peak_name, quality, short_day, zone_name
from reports.texts import findings as sentences
from reports.wording import Wording


def days(report: Report, words: Wording) -> list[Flowable]:
    """A bar and a line a day."""
    t, n = words.t, words.number
    if not report.days:
        return []
    width = width_of(report)
    many = len(report.days) > 14
    bars = [
        (str(day.day.day) if many else short_day(day.day, words), day.energy_kwh, day.idle_kwh) for day in report.days
    ]
    chart = DayBars(bars, width=width, height=110, number=lambda kwh: n(kwh, 0))
    rows = [
        [f"{words.date(d.day)}, {escape(t(f'report.weekday.{d.day.weekday()}'))}", n(d.energy_kwh),
         n(known(d.idle_kwh, d.energy_kwh)), n(d.kef, 2),
         n(d.site_kwh), n(d.cost, 0), words.percent(d.completeness)]
        for d in report.days
    ]
    rows.append([
        escape(t("report.total")), n(sum(d.energy_kwh or 0.0 for d in report.days)), n(sum(d.idle_kwh for d in report.days)),
        n(report.kef, 2), n(_sum([d.site_kwh for d in report.days])), n(_sum([d.cost for d in report.days]), 0), "",
    ])  # fmt: skip
    heads = [t("report.col.day"), t("report.col.energy"), t("report.col.idle_kwh"), t("report.col.kef"),
             t("report.col.site_kwh"), t("report.col.cost", currency=report.currency), t("report.completeness")]
    listed = table(heads, rows, (0.26, 0.13, 0.13, 0.08, 0.14, 0.13, 0.13), width, total=True)
    return [*part(heading(t("report.days"), t("report.days.note")), chart), Spacer(1, 8), listed]


def areas(report: Report, words: Wording) -> list[Flowable]:
    """A line a section of the plant."""
    t, n = words.t, words.number
    if not report.areas:
        return []
    rows = [
        [text(a.name) or escape(t("report.no_area")), n(a.machines, 0), n(a.energy_kwh), n(known(a.production_kwh, a.energy_kwh)),
         n(known(a.idle_kwh, a.energy_kwh)),
         n(a.kef, 2), n(a.cost, 0)]
        for a in report.areas
    ]
    heads = [t("report.col.section"), t("report.col.count"), t("report.col.energy"), t("report.col.production_kwh"),
             t("report.col.idle_kwh"), t("report.col.kef"), t("report.col.cost", currency=report.currency)]
    return part(heading(t("report.areas")), table(heads, rows, (0.26, 0.1, 0.14, 0.18, 0.13, 0.08, 0.11), width_of(report)))


def money(report: Report, words: Wording) -> list[Flowable]:
    """Energy and money by zone of the tariff."""
    t, n, cost = words.t, words.number, report.money
    if cost is None or not cost.zones:
        return []
    rows = [[escape(zone_name(z.zone, words)), n(z.hours, 0), n(z.energy_kwh), n(z.price_per_kwh, 2), n(z.cost, 0)]
            for z in cost.zones]
    for charge in cost.power:
        rows.append([escape(t(f"report.charge.{charge.kind}", kw=n(charge.power_kw))), "", "", n(charge.per_kw_month, 2),
                     n(charge.cost, 0)])
    heads = [t("report.col.zone"), t("report.col.hours"), t("report.col.energy"),
             t("report.col.price", currency=report.currency), t("report.col.cost", currency=report.currency)]
    blocks: list[Flowable] = [table(heads, rows, (0.36, 0.12, 0.18, 0.16, 0.18), width_of(report))]
    if cost.unpriced_kwh > 0.05:
        blocks.append(Paragraph(escape(t("report.unpriced", kwh=n(cost.unpriced_kwh))), style(8.8)))
    return part(heading(t("report.money")), *blocks)


def peaks(report: Report, words: Wording) -> list[Flowable]:
    """The highest demand windows and the machines that made them."""
    t, n, demand = words.t, words.number, report.demand
    if demand is None:
        return []
    if not demand.peaks:
        return part(heading(t("report.peaks")), Paragraph(escape(t("report.peaks.none")), style(9)))
    names = {row.machine_id: row.name for row in report.machines}
    rows = []
    for peak in demand.peaks:
        who = ", ".join(f"{text(names.get(m, m), 24)} {n(kw, 0)}" for m, kw in peak.machines[:4])
        over = None if demand.contract_kw is None else (peak.window.demand_kw or 0.0) - demand.contract_kw
        begin = f"{words.day(peak.window.from_us)} {words.clock(peak.window.from_us)}"
        rows.append([begin, who or "—", n(peak.window.demand_kw), n(over)])
    heads = [t("report.col.when"), t("report.col.makers"), f"{peak_name(report, words)}, {words.unit('kW')}",
             t("report.col.over")]
    note = "" if demand.contract_kw is None else t("report.peaks.over", n=demand.over_contract, kw=n(demand.contract_kw, 0))
    return part(heading(t("report.peaks"), note), table(heads, rows, (0.2, 0.48, 0.16, 0.16), width_of(report), left=2))


def reactive(report: Report, words: Wording) -> list[Flowable]:
    """Reactive energy of the period, tg φ against its limit, and the capacitors it asks for."""
    t, n, factor = words.t, words.number, report.factor
    if factor is None or factor.tg_phi is None:
        return part(heading(t("report.reactive")), Paragraph(escape(t("report.reactive.none")), style(9)))
    worst = max((v for _, v in factor.windows if v is not None), default=None)
    rows = [
        [escape(t("report.reactive.active")), n(factor.active_kwh), words.unit("kWh")],
        [escape(t("report.reactive.energy")), n(factor.reactive_kvarh), words.unit("kvarh")],
        [escape(t("report.kpi.tg_phi")), n(factor.tg_phi, 2), ""],
        [escape(t("report.reactive.cos")), n(factor.cos_phi, 2), ""],
        [escape(t("report.reactive.high")), n(factor.high_tg_phi, 2), ""],
        [escape(t("report.reactive.limit")), n(factor.tg_limit, 2), ""],
        [escape(t("report.reactive.worst")), n(worst, 2), ""],
        [escape(t("report.reactive.required")), n(factor.required_kvar, 0), words.unit("kvar")],
        [escape(t("report.reactive.surcharge")), n(factor.surcharge, 0), text(report.currency)],
    ]
    heads = [t("report.col.figure"), t("report.col.value"), t("report.col.unit")]
    return part(heading(t("report.reactive")), table(heads, rows, (0.6, 0.2, 0.2), width_of(report)))


def balance(report: Report, words: Wording) -> list[Flowable]:
    """Feeding meters against what is behind them; counters against the integral of their power."""
    t, n, found = words.t, words.number, report.balance
    if found is None:
        return []
    width = width_of(report)

    def named(device_id: str) -> str:
        return text(meter_name(device_id, report, words))

    nodes = [
        [named(node.device_id), n(node.main_kwh), n(node.sum_kwh), n(node.difference_kwh), n(node.tolerance_kwh),
         escape(t(f"report.balance.{node.status}"))]
        for node in found.nodes
    ]
    meters = [
        [named(m.device_id), n(m.counter_kwh), n(m.integrated_kwh), n(_difference(m.counter_kwh, m.integrated_kwh)),
         n(m.tolerance_kwh), escape(t(f"report.balance.{m.status}"))]
        for m in found.meters
    ]
    shares = (0.28, 0.15, 0.15, 0.14, 0.14, 0.14)
    last = [t("report.col.difference"), t("report.col.tolerance"), t("report.col.verdict")]
    node_heads = [t("report.col.meter"), t("report.col.feeding"), t("report.col.behind"), *last]
    meter_heads = [t("report.col.meter"), t("report.col.counter"), t("report.col.integrated"), *last]
    shown: Flowable = table(node_heads, nodes, shares, width) if nodes else Paragraph(escape(t("report.balance.none")), style(9))
    faults = [
        f"{named(f.device_id)}: {escape(t(f'balance.fault.{f.kind.value}'))} ({words.percent(f.confidence, 0)})"
        for f in found.findings
    ]
    blocks = [*part(heading(t("report.balance.nodes")), shown)]
    if faults:
        blocks += part(heading(t("report.balance.faults")), *(Paragraph(line, style(9, leading=13)) for line in faults))
    return [*blocks, *part(heading(t("report.balance.meters")), table(meter_heads, meters, shares, width))]


def findings(report: Report, words: Wording) -> list[Flowable]:
    """Generated sentences beside the quality of the data."""
    t = words.t
    body, head = style(8.8, leading=12.4), style(12, BOLD)
    lines = [f"{number}. {escape(line)}" for number, line in enumerate(sentences(report, words), 1)]
    left = [Paragraph(escape(t("report.findings")), head), Spacer(1, 4), *(Paragraph(line, body) for line in lines)]
    right = [Paragraph(escape(t("report.quality")), head), Spacer(1, 4),
             *(Paragraph(escape(line), body) for line in quality(report, words))]
    width = width_of(report)
    made = Table([[left, right]], colWidths=[width * 0.64, width * 0.36])
    made.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
                              ("RIGHTPADDING", (0, 0), (0, 0), 18)]))
    return [Spacer(1, 6), KeepTogether([made])]


def alerts(report: Report, words: Wording) -> list[Flowable]:
    """The period's alerts, in order of time."""
    t = words.t
    if not report.alerts:
        return [] if Part.FINDINGS in report.template.parts else part(
            heading(t("report.alerts")), Paragraph(escape(t("report.alerts.none")), style(9))
        )
    rows = [_alert_row(alert, report, words) for alert in report.alerts[:MOST_ALERTS]]
    heads = [t(key) for key in ("report.alert.raised", "report.alert.priority", "report.alert.where", "report.alert.value",
                                "report.alert.lasted", "report.alert.taken")]
    blocks: list[Flowable] = [table(heads, rows, (0.15, 0.12, 0.34, 0.15, 0.11, 0.13), width_of(report), left=6)]
    if len(report.alerts) > MOST_ALERTS:
        blocks.append(Paragraph(escape(t("report.alerts.more", n=len(report.alerts) - MOST_ALERTS)), style(8.8)))
    return part(heading(t("report.alerts")), *blocks)


def _alert_row(alert: Alert, report: Report, words: Wording) -> list[str]:
    ended = alert.returned_us or min(report.to_us, report.issued_us)
    where = alert_subject(alert, report, words)
    value = "—" if alert.value is None else words.value(alert.value, alert.unit)  # with the digits of the sentence beside it
    return [
        moment(alert.raised_us, report, words), escape(words.t(f"report.priority.{alert.priority.value}")),
        f"{text(where)}: {escape(clean(words.alert(alert), 140))}", escape(value),
        escape(words.duration((ended - alert.raised_us) / 1e6)), text(alert.acknowledged_by or "—"),
    ]  # fmt: skip


_FORMULAS: dict[str, frozenset[Part]] = {
    "report.formula.k1": frozenset({Part.MACHINES, Part.AREAS, Part.DAYS}),
    "report.formula.energy": frozenset(Part),
    "report.formula.states": frozenset({Part.MACHINES, Part.AREAS, Part.DAYS}),
    "report.formula.half_hour": frozenset({Part.POWER, Part.PEAKS}),
    "report.formula.cost": frozenset({Part.MONEY, Part.MACHINES}),
    "report.formula.tg_phi": frozenset({Part.REACTIVE}),
    "report.formula.balance": frozenset({Part.BALANCE}),
    "report.formula.loops": frozenset({Part.LOOPS}),
    "report.formula.completeness": frozenset(Part),
    "report.formula.rounding": frozenset({Part.MACHINES, Part.AREAS, Part.DAYS, Part.MONEY, Part.BALANCE}),
}


def formulas(report: Report, words: Wording) -> list[Flowable]:
    """How the figures of this report are made."""
    t, body = words.t, style(9, leading=13)
    lines = [Paragraph(escape(t(key)), body) for key, of in _FORMULAS.items() if of & set(report.template.parts)]
    return [KeepTogether([Spacer(1, 12), heading(t("report.formulas")), Spacer(1, 4), *lines])]


def _sum(values: list[float | None]) -> float | None:
    some = [value for value in values if value is not None]
    return sum(some) if some else None


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
