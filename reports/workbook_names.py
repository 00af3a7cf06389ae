"""Names of cells that a customer's workbook may have, and what each is filled with. The same figures as every other writer's.

A list goes down a column or along a row, one machine, section, day, hour or alert a cell. What is not known stays empty.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.report import Part
from domain.state import MachineState
from reports.model import Report
from reports.texts import STATES, clean, findings, known, subtitle, title
from reports.verdict import verdict
from reports.wording import Wording

PREFIX = "EM_"
Value = float | str | dt.datetime | dt.date | None
Fill = Callable[[Report, Wording], Value]
FillList = Callable[[Report, Wording], Sequence[Value]]


@dataclass(frozen=True, slots=True)
class One:
    """A name of one cell. `style`: as in reports.excel (one, two, percent, time ...)."""

    name: str
    style: str
    value: Fill


@dataclass(frozen=True, slots=True)
class Many:
    """A name of a column or row of cells. `part` makes the report gather it."""

    name: str
    style: str
    part: Part
    values: FillList


def _moment(time_us: int | None, report: Report, words: Wording) -> dt.datetime | None:
    return None if time_us is None else words.local(time_us)


def _mean(report: Report, _words: Wording) -> float | None:
    hours = (min(report.to_us, report.issued_us) - report.from_us) / 3.6e9
    return report.mean_kw if report.power_kw or report.total_kwh is None or hours <= 0 else report.total_kwh / hours


def _hours(state: MachineState) -> FillList:
    return lambda r, _w: [row.seconds.get(state, 0.0) / 3600 if row.seconds else None for row in r.machines]


def _co2(report: Report, _words: Wording) -> float | None:
    return report.money.co2_kg if report.money is not None else None


ONES: tuple[One, ...] = (
    One("site", "text", lambda r, w: clean(r.site)),
    One("title", "text", title),
    One("period", "text", subtitle),
    One("number", "text", lambda r, w: r.number),
    One("shift", "text", lambda r, w: r.shift),
    One("from", "time", lambda r, w: _moment(r.from_us, r, w)),
    One("to", "time", lambda r, w: _moment(r.to_us, r, w)),
    One("issued", "time", lambda r, w: _moment(r.issued_us, r, w)),
    One("currency", "text", lambda r, w: r.currency),
    One("verdict", "text", lambda r, w: " ".join(verdict(r, w))),
    One("energy_kwh", "one", lambda r, w: r.total_kwh),
    One("machines_kwh", "one", lambda r, w: r.machines_kwh if r.total_kwh is not None else None),
    One("other_kwh", "one", lambda r, w: r.other_kwh),
    One("production_kwh", "one", lambda r, w: sum(row.production_kwh for row in r.machines) if r.total_kwh is not None else None),
    One("idle_kwh", "one", lambda r, w: r.idle_kwh if r.total_kwh is not None else None),
    One("plan_kwh", "one", lambda r, w: r.plan_kwh),
    One("cost", "two", lambda r, w: r.cost),
    One("tariff_per_kwh", "two", lambda r, w: r.tariff_per_kwh),
    One("kef", "two", lambda r, w: r.kef),
    One("kef_target", "two", lambda r, w: r.kef_target),
    One("mean_kw", "one", _mean),
    One("max_demand_kw", "one", lambda r, w: r.max_half_hour[1] if r.max_half_hour else None),
    One("max_demand_time", "time", lambda r, w: _moment(r.max_half_hour[0] if r.max_half_hour else None, r, w)),
    One("contract_kw", "one", lambda r, w: r.contract_kw),
    One("tg_phi", "two", lambda r, w: r.tg_phi),
    One("co2_kg", "one", _co2),
    One("alerts", "whole", lambda r, w: float(len(r.alerts))),
    One("completeness", "percent", lambda r, w: r.completeness),
    One("estimated_kwh", "one", lambda r, w: r.estimated_kwh),
)

_M, _A, _D = Part.MACHINES, Part.AREAS, Part.DAYS
MANY: tuple[Many, ...] = (
    Many("machine_name", "text", _M, lambda r, w: [row.name for row in r.machines]),
    Many("machine_section", "text", _M, lambda r, w: [row.section for row in r.machines]),
    Many("machine_energy_kwh", "one", _M, lambda r, w: [row.energy_kwh for row in r.machines]),
    Many("machine_production_kwh", "one", _M, lambda r, w: [known(row.production_kwh, row.energy_kwh) for row in r.machines]),
    Many("machine_idle_kwh", "one", _M, lambda r, w: [known(row.idle_kwh, row.energy_kwh) for row in r.machines]),
    *(Many(f"machine_{state.value}_h", "one", _M, _hours(state)) for state in STATES),
    Many("machine_kef", "two", _M, lambda r, w: [row.kef for row in r.machines]),
    Many("machine_cost", "two", _M, lambda r, w: [row.cost for row in r.machines]),
    Many("machine_completeness", "percent", _M, lambda r, w: [row.completeness for row in r.machines]),
    Many("section_name", "text", _A, lambda r, w: [a.name or w.t("report.no_area") for a in r.areas]),
    Many("section_energy_kwh", "one", _A, lambda r, w: [a.energy_kwh for a in r.areas]),
    Many("section_idle_kwh", "one", _A, lambda r, w: [known(a.idle_kwh, a.energy_kwh) for a in r.areas]),
    Many("section_kef", "two", _A, lambda r, w: [a.kef for a in r.areas]),
    Many("section_cost", "two", _A, lambda r, w: [a.cost for a in r.areas]),
    Many("day_date", "day", _D, lambda r, w: [day.day for day in r.days]),
    Many("day_energy_kwh", "one", _D, lambda r, w: [day.energy_kwh for day in r.days]),
    Many("day_supply_kwh", "one", _D, lambda r, w: [day.site_kwh for day in r.days]),
    Many("day_idle_kwh", "one", _D, lambda r, w: [known(day.idle_kwh, day.energy_kwh) for day in r.days]),
    Many("day_kef", "two", _D, lambda r, w: [day.kef for day in r.days]),
    Many("day_cost", "two", _D, lambda r, w: [day.cost for day in r.days]),
    Many("power_time", "time", Part.POWER, lambda r, w: [w.local(time_us) for time_us, _ in r.power_kw]),
    Many("power_kw", "one", Part.POWER, lambda r, w: [kw for _, kw in r.power_kw]),
    Many("finding", "text", Part.FINDINGS, findings),
    Many("alert_time", "time", Part.ALERTS, lambda r, w: [w.local(a.raised_us) for a in r.alerts]),
    Many("alert_text", "text", Part.ALERTS, lambda r, w: [w.alert(a) for a in r.alerts]),
)
BY_NAME: dict[str, One | Many] = {**{one.name: one for one in ONES}, **{many.name: many for many in MANY}}


def parts_for(names: Iterable[str]) -> tuple[Part, ...]:
    """What the report must gather for these names."""
    return tuple(dict.fromkeys(entry.part for name in names if isinstance(entry := BY_NAME.get(name), Many)))
