"""What every writer says alike: title, whom and when the report is about, its quality, its figures' notes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from unicodedata import category

from domain.report import FigureKind, PeriodKind
from domain.state import MachineState
from reports.model import Report
from reports.verdict import ENOUGH, deviation
from reports.wording import Wording

NAME_CHARS = 60
MOST_ALERTS = 200  # rows of the table; the sum stands in the findings
STATES = (MachineState.PRODUCTION, MachineState.IDLE, MachineState.OFF, MachineState.ALARM, MachineState.NO_DATA)
DAY_US = 86_400_000_000
COMMON_ZONES = ("day", "night", "peak")
Tile = tuple[str, str, str, list[str]]


def clean(text: str, most: int = NAME_CHARS) -> str:
    """Foreign text as text: control characters gone, length bounded."""
    plain = "".join(c if c.isprintable() or category(c) == "Zs" else " " for c in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def title(report: Report, words: Wording) -> str:
    """Of the template: its own name or the catalogues'."""
    return clean(report.template.name) or words.t(f"report.{report.template.id}.title")


def subtitle(report: Report, words: Wording) -> str:
    """Site, shift, days and hours."""
    site = clean(report.site)
    if report.template.period is PeriodKind.SHIFT:
        times = f"{words.clock(report.from_us)}–{words.clock(report.to_us)}"
        when = f"{words.weekday(report.day)} {words.date(report.day)}, {times}"
        return f"{site} · {words.t('report.shift.of', name=clean(report.shift))} · {when}"
    return f"{site} · {span(report, words)}"


def span(report: Report, words: Wording) -> str:
    """Days, and hours where they are not midnight."""
    begin, end = report.from_us, report.to_us
    if words.clock(begin) == words.clock(end) == "00:00":
        first, last = words.day(begin), words.day(end - 1)
        return first if first == last else f"{first} – {last}"
    return f"{words.day(begin)} {words.clock(begin)} – {words.day(end)} {words.clock(end)}"


def moment(time_us: int, report: Report, words: Wording) -> str:
    """Time of day; with the date where the report covers more than a day."""
    short = report.to_us - report.from_us <= DAY_US + 3_600_000_000
    return words.clock(time_us) if short else f"{words.day(time_us)} {words.clock(time_us)}"


def template_line(report: Report, words: Wording) -> str:
    """Which template in which version made it."""
    name = clean(report.template.name, 30) or words.t(f"report.{report.template.id}.template")
    return words.t("report.template", name=name, version=report.template.version)


def quality(report: Report, words: Wording) -> list[str]:
    """How far to trust the figures."""
    t = words.t
    lines = [
        t("report.quality.complete", value=words.percent(report.completeness)),
        t("report.quality.estimated", value=words.number(report.estimated_kwh)),
        t("report.quality.balanced" if report.books_balanced else "report.quality.unbalanced"),
    ]
    kind = "" if report.template.period is PeriodKind.SHIFT else ".period"
    first = [t(f"report.quality.running{kind}")] if report.running else []
    if report.pending_s > 0:
        first.append(t("report.quality.pending", hours=words.number(report.pending_s / 3600, 0)))
    return [*first, *lines]


def zone_name(zone: str, words: Wording) -> str:
    """Of the tariff, as the site calls it; the common ones in the reader's language."""
    if zone in COMMON_ZONES:
        return words.t(f"energy.zone.{zone}")
    return clean(zone) or words.t("report.zone.all")


def known(value: float, energy_kwh: float | None) -> float | None:
    """A part of an energy that is not known is not known either."""
    return None if energy_kwh is None else value


def findings(report: Report, words: Wording) -> list[str]:
    """The generated sentences."""
    written: dict[str, Callable[[Any], str]] = {
        "kwh": words.number, "kef": lambda v: words.number(v, 2), "share": words.percent, "idle_s": words.duration, "name": clean,
    }
    return [
        words.t(finding.key, **{k: written[k](v) if k in written else v for k, v in finding.values.items()})
        for finding in report.findings
    ]


def short_day(day: dt.date, words: Wording) -> str:
    """Without the year: 19.11 or 19 Nov."""
    text = words.date(day)
    return text[:5] if words.lang == "ru" else text[:-5]


# -- tiles -------------------------------------------------------------------------------------------------------------------


def tiles(report: Report, words: Wording) -> list[Tile]:
    """(name, value, unit, notes) of the figures that the template asks for and the data know."""
    made = {kind: make(report, words) for kind, make in _TILES.items() if kind in report.template.figures}
    return [tile for kind in report.template.figures if (tile := made[kind]) is not None]


def _energy(report: Report, words: Wording) -> Tile:
    digits = 1 if report.total_kwh is not None and report.total_kwh < 100 else 0
    return (words.t("report.kpi.energy"), words.number(report.total_kwh, digits), words.unit("kWh"), _plan_notes(report, words))


def _plan_notes(report: Report, words: Wording) -> list[str]:
    delta = None if report.completeness < ENOUGH else deviation(report.total_kwh, report.plan_kwh)
    if delta is None or report.plan_kwh is None:
        hours = max((min(report.to_us, report.issued_us) - report.from_us) / 3.6e9, 1e-9)
        mean = report.mean_kw if report.power_kw else (None if report.total_kwh is None else report.total_kwh / hours)
        return [words.t("report.kpi.mean", value=words.number(mean, 1))]
    word = words.t("report.saving" if delta <= 0 else "report.overrun")
    return [words.t("report.kpi.plan_now" if report.running else "report.kpi.plan", value=words.number(report.plan_kwh, 0)),
            f"{'▼' if delta <= 0 else '▲'} {words.percent(abs(delta))}: {word}"]


def _cost(report: Report, words: Wording) -> Tile:
    t = words.t
    if report.cost is None:
        note = t("report.kpi.no_tariff") if report.total_kwh is not None else ""
    elif report.total_kwh:
        note = t("report.kpi.tariff", value=words.number(report.cost / report.total_kwh, 2), currency=report.currency)
    else:
        note = ""
    return t("report.kpi.cost"), words.number(report.cost, 0), report.currency if report.cost is not None else "", [note]


def _kef(report: Report, words: Wording) -> Tile:
    return words.t("report.kpi.kef"), words.number(report.kef, 2), "", _kef_notes(report, words)


def _kef_notes(report: Report, words: Wording) -> list[str]:
    if report.kef is None or report.kef_target is None:
        return [words.t("report.kpi.kef_note")]
    delta = report.kef - report.kef_target
    word = words.t("report.better" if delta >= 0 else "report.worse")
    return [words.t("report.kpi.target", value=words.number(report.kef_target, 2)),
            f"{'▲' if delta >= 0 else '▼'} {words.number(abs(delta), 2)}: {word}"]


def peak_name(report: Report, words: Wording) -> str:
    """What the greatest demand window is called."""
    if report.demand_min == 30:
        return words.t("report.kpi.half_hour")
    return words.t("report.kpi.demand", n=report.demand_min)


def _half_hour(report: Report, words: Wording) -> Tile:
    t, peak = words.t, report.max_half_hour
    notes = []
    if report.contract_kw is not None:
        notes.append(t("report.kpi.contract", value=words.number(report.contract_kw, 0)))
        if peak is not None:
            notes.append(t("report.kpi.reserve", value=words.number(report.contract_kw - peak[1], 0)))
    elif peak is not None:
        notes.append(moment(peak[0], report, words))
    return peak_name(report, words), words.number(peak[1] if peak else None, 0), words.unit("kW"), notes


def _tg_phi(report: Report, words: Wording) -> Tile | None:
    if report.tg_phi is None:
        return None
    limit = report.factor.tg_limit if report.factor is not None else None
    if limit is None:
        notes = [words.t("report.kpi.tg_phi_note")]
    else:
        over = report.tg_phi > limit
        by = f"▲ {words.number(report.tg_phi - limit, 2)}: {words.t('report.kpi.above_limit')}"
        notes = [words.t("report.kpi.limit", value=words.number(limit, 2)), by if over else words.t("report.kpi.within_limit")]
    return words.t("report.kpi.tg_phi"), words.number(report.tg_phi, 2), "", notes


def _idle(report: Report, words: Wording) -> Tile:
    share = report.idle_kwh / report.machines_kwh if report.machines_kwh > 0 else None
    note = words.t("report.kpi.idle_share", share=words.percent(share))
    return words.t("report.kpi.idle"), words.number(report.idle_kwh, 1), words.unit("kWh"), [note]


def _alerts(report: Report, words: Wording) -> Tile:
    taken = sum(1 for alert in report.alerts if alert.acknowledged_us is not None)
    return words.t("report.alerts"), words.number(len(report.alerts), 0), "", [words.t("report.kpi.taken", n=taken)]


def _co2(report: Report, words: Wording) -> Tile | None:
    if report.money is None or report.money.co2_kg is None:
        return None
    return words.t("report.kpi.co2"), words.number(report.money.co2_kg / 1000, 2), words.unit("t"), [report.money.co2_source[:40]]


_TILES: dict[FigureKind, Callable[[Report, Wording], Tile | None]] = {
    FigureKind.ENERGY: _energy, FigureKind.COST: _cost, FigureKind.KEF: _kef, FigureKind.HALF_HOUR: _half_hour,
    FigureKind.TG_PHI: _tg_phi, FigureKind.IDLE: _idle, FigureKind.ALERTS: _alerts, FigureKind.CO2: _co2,
}
