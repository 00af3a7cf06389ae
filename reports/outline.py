"""A report in words: what a preview shows while its template is being changed. The same figures and texts as the files."""

from __future__ import annotations

from domain.report import Part, ReportOutline
from reports.loops import loop_words
from reports.model import Report
from reports.names import meter_name
from reports.texts import clean, findings, moment, subtitle, tiles, title, zone_name
from reports.verdict import verdict
from reports.wording import Wording

LINES = 4


def outline(report: Report, words: Wording) -> ReportOutline:
    """Title, verdict, figures, and the first lines of each block."""
    blocks = [(words.t(f"reports.block.{part.value}"), tuple(_lines(part, report, words))) for part in report.template.parts]
    shown = tuple((name, value, unit, tuple(notes)) for name, value, unit, notes in tiles(report, words))
    return ReportOutline(title(report, words), subtitle(report, words), verdict(report, words), shown, tuple(blocks))


def _lines(part: Part, report: Report, words: Wording) -> list[str]:
    n, kwh, kw = words.number, words.unit("kWh"), words.unit("kW")
    made: list[str] = []
    if part is Part.MACHINES:
        made = [f"{clean(row.name)}: {n(row.energy_kwh)} {kwh}" for row in report.machines]
    elif part is Part.AREAS:
        made = [f"{clean(a.name) or words.t('report.no_area')}: {n(a.energy_kwh)} {kwh}" for a in report.areas]
    elif part is Part.DAYS:
        made = [f"{words.date(day.day)}: {n(day.energy_kwh)} {kwh}" for day in report.days]
    elif part is Part.FINDINGS:
        made = findings(report, words)
    elif part is Part.ALERTS:
        made = [f"{moment(a.raised_us, report, words)} {words.alert(a)}" for a in report.alerts]
    elif part is Part.POWER and report.max_half_hour is not None:
        made = [f"{words.t('report.kpi.half_hour')}: {n(report.max_half_hour[1], 0)} {kw}"]
    elif part is Part.MONEY and report.money is not None:
        made = [f"{zone_name(z.zone, words)}: {n(z.cost, 0)} {report.currency}" for z in report.money.zones]
    elif part is Part.PEAKS and report.demand is not None:
        made = [f"{moment(p.window.from_us, report, words)}: {n(p.window.demand_kw)} {kw}" for p in report.demand.peaks]
    elif part is Part.BALANCE and report.balance is not None:
        made = [f"{clean(meter_name(b.device_id, report, words))}: {n(b.difference_kwh)} {kwh}" for b in report.balance.nodes]
    elif part is Part.LOOPS:
        made = [f"{clean(loop.loop.name)}: {loop_words(loop, words)}" for loop in report.loops]
    return made[:LINES] + (["…"] if len(made) > LINES else [])
