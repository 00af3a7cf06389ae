"""Gathers the figures of a report from the services that pages and API ask. No drawing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from zoneinfo import ZoneInfo

from analysis.accounting import LONG_SPAN_US
from analysis.calendar import to_local
from analysis.efficiency import Inputs, evaluate
from domain.alert import Alert
from domain.balance import BalanceReport
from domain.cube import CubeAnswer, CubeRow, Dimension
from domain.efficiency import DEFAULT_CARD
from domain.energy import Efficiency, EnergyAccount, ShiftWindow
from domain.figures import SITE, Cost, CostHour, Demand, IdleLedger, PowerFactor
from domain.health import Books
from domain.loop import ControlLoop, LoopReport
from domain.plan import PlanFact, PlanInterval, PlanScope
from domain.plant import Machine, Plant, Tag
from domain.ports import Clock, History, Step
from domain.report import FigureKind, Part, PeriodKind, ReportTemplate
from domain.state import MachineState
from reports.loops import LONGEST_US
from reports.model import DayRow, Finding, MachineRow, Report
from reports.templates import BY_ID

QUARTER_US = 900 * 1_000_000
MOST_ALERTS = 1000
_PLANNED = {PeriodKind.SHIFT: PlanInterval.SHIFT, PeriodKind.DAY: PlanInterval.DAY, PeriodKind.MONTH: PlanInterval.MONTH}


class Accounts(Protocol):
    """What the report asks of the energy accounting."""

    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency: ...


class AlertHistory(Protocol):
    async def history(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[Alert]: ...


class Cube(Protocol):
    async def ask(
        self, from_us: int, to_us: int, by: Sequence[Dimension], machines: Sequence[str] = (), sections: Sequence[str] = ()
    ) -> CubeAnswer: ...


class MoneyFigures(Protocol):
    async def cost(self, subject: str, from_us: int, to_us: int) -> Cost: ...
    async def cost_hours(self, subject: str, from_us: int, to_us: int) -> Sequence[CostHour]: ...
    async def idle_ledger(self, from_us: int, to_us: int) -> IdleLedger: ...
    async def demand(self, from_us: int, to_us: int) -> Demand: ...
    async def power_factor(self, subject: str, from_us: int, to_us: int) -> PowerFactor: ...


class PlanFigures(Protocol):
    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]: ...


class BalanceFigures(Protocol):
    async def report(self, from_us: int, to_us: int) -> BalanceReport: ...


class LoopFigures(Protocol):
    @property
    def loops(self) -> Sequence[ControlLoop]: ...
    async def report(self, loop_id: str, from_us: int, to_us: int) -> LoopReport: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The services behind the figures, the same that pages and API ask."""

    plant: Callable[[], Plant]
    tags: Callable[[], Sequence[Tag]]
    history: History
    accounts: Accounts
    cube: Cube
    money: MoneyFigures
    plans: PlanFigures
    balance: BalanceFigures
    loops: LoopFigures
    alerts: AlertHistory
    books: Callable[[], Books]
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Whom:
    """Machines of the report; `subject` as the money figures name them, None for a mixed choice. `gone`: ids no longer there."""

    machines: tuple[Machine, ...]
    subject: str | None
    gone: int = 0

    @property
    def site(self) -> bool:
        return self.subject == SITE


class ReportBuilder:
    """Builds the figures of any window."""

    def __init__(self, sources: Sources) -> None:
        self._s = sources

    async def build(
        self, window: ShiftWindow, shifts: Sequence[ShiftWindow] = (), template: ReportTemplate = BY_ID["shift"]
    ) -> Report:
        """Figures of `window`; one that still runs is reported up to now and says so. The plan of `shifts`, those that the
        window touches, counts by the part of each that is reported: half a shift is not below plan for being half."""
        plant, now_us = self._s.plant(), self._s.clock.now_us()
        begin, end = window.from_us, min(window.to_us, now_us)
        whom = _whom(plant, template)
        parts = set(template.parts)
        rows, pending_us = await self._machines(whom, begin, end)
        cost = await self._cost(whom, begin, end)
        machines_kwh = sum(row.energy_kwh or 0.0 for row in rows)
        metered = cost.energy_kwh if cost is not None and whom.site and plant.site.main_meter is not None else None
        known = metered is not None or any(row.energy_kwh is not None for row in rows)
        total_kwh = machines_kwh if metered is None else metered
        power = await self._power(plant, whom, begin, end) if Part.POWER in parts else []
        await asyncio.sleep(0)
        demand = await self._s.money.demand(begin, end) if whom.site and plant.machines and _wants_demand(template) else None
        await asyncio.sleep(0)
        factor = await self._factor(whom, begin, end, template)
        await asyncio.sleep(0)
        alerts = [a for a in await self._s.alerts.history(begin, end, MOST_ALERTS) if _concerns(a, whom)]
        produced = sum(row.production_kwh for row in rows)
        return Report(
            site=plant.site.name, timezone=plant.site.timezone, currency=plant.site.currency,
            number=_number(window, template), shift=window.name, day=window.day, from_us=begin, to_us=window.to_us if
            window.to_us <= now_us else end, issued_us=now_us, running=now_us < window.to_us, machines=rows,
            total_kwh=total_kwh if known else None, machines_kwh=machines_kwh,
            other_kwh=None if metered is None or pending_us else metered - machines_kwh,
            idle_kwh=sum(row.idle_kwh for row in rows),
            kef=produced / machines_kwh if machines_kwh > 0 else None, kef_target=plant.site.kef_target,
            plan_kwh=await self._plan(plant, window, shifts, end, template) if whom.site else None,
            contract_kw=demand.contract_kw if demand is not None else (plant.site.contract_kw if whom.site else None),
            tariff_per_kwh=plant.site.tariff_per_kwh,
            cost=cost.cost if cost is not None else _sum([row.cost for row in rows]),
            power_kw=power, max_half_hour=_peak(demand, power, ZoneInfo(plant.site.timezone)),
            demand_min=demand.window_min if demand is not None else 30,
            tg_phi=factor.tg_phi if factor is not None else None, alerts=alerts,
            findings=_findings(rows, alerts, machines_kwh, whom.gone),
            completeness=sum(row.completeness for row in rows) / len(rows) if rows else 0.0,
            estimated_kwh=sum(row.estimated_kwh for row in rows), books_balanced=self._s.books().balanced, template=template,
            days=await self._days(whom, begin, end) if Part.DAYS in parts else (), money=cost, demand=demand, factor=factor,
            balance=await self._balance(begin, end) if Part.BALANCE in parts else None,
            loops=await self._loops(whom, begin, end) if Part.LOOPS in parts else (),
            pending_s=pending_us / 1e6,
            meters={machine.meter: machine.name for machine in plant.machines if machine.meter},
            main_meter=plant.site.main_meter or "", idle_cost=await self._idle_cost(whom, begin, end),
        )  # fmt: skip

    # -- machines --------------------------------------------------------------------------------------------------

    async def _machines(self, whom: _Whom, from_us: int, to_us: int) -> tuple[list[MachineRow], int]:
        """Up to a day from the accounts, as the machine's page shows it; longer from the cube, as the energy page does.

        Besides: how much time of machines the cube has still to compute, microseconds.
        """
        long = to_us - from_us > LONG_SPAN_US
        cards, pending_us = await self._from_cube(whom, from_us, to_us) if long else ({}, 0)
        rows = []
        for machine in whom.machines:
            card = cards.get(machine.id) if long else await self._s.accounts.efficiency(machine.id, from_us, to_us)
            cost = await self._s.money.cost(machine.id, from_us, to_us) if machine.meter is not None else None
            rows.append(_row(machine, card, cost, (to_us - from_us) / 1e6))
            await asyncio.sleep(0)  # figures from memory give way too
        return rows, pending_us

    async def _from_cube(self, whom: _Whom, from_us: int, to_us: int) -> tuple[dict[str, Efficiency], int]:
        if not whom.machines:
            return {}, 0
        ids = [] if whom.site else [machine.id for machine in whom.machines]
        answer = await self._s.cube.ask(from_us, to_us, (Dimension.MACHINE, Dimension.STATE), ids)
        by_machine: dict[str, list[CubeRow]] = {}
        for row in answer.rows:
            by_machine.setdefault(str(row.key[Dimension.MACHINE]), []).append(row)
        cards = {
            machine_id: evaluate(DEFAULT_CARD, Inputs(_account(machine_id, rows, from_us, to_us)))
            for machine_id, rows in by_machine.items()
        }
        return cards, answer.pending_us

    async def _days(self, whom: _Whom, from_us: int, to_us: int) -> list[DayRow]:
        if not whom.machines:
            return []
        ids = [] if whom.site else [machine.id for machine in whom.machines]
        answer = await self._s.cube.ask(from_us, to_us, (Dimension.DAY, Dimension.STATE), ids)
        zone = ZoneInfo(self._s.plant().site.timezone)
        money = await self._day_costs(whom, from_us, to_us, zone)
        by_day: dict[date, list[CubeRow]] = {}
        for row in answer.rows:
            day = row.key[Dimension.DAY]
            if isinstance(day, date):
                by_day.setdefault(day, []).append(row)
        found = []
        for day, rows in sorted(by_day.items()):
            account = _account("", rows, from_us, to_us)
            card = evaluate(DEFAULT_CARD, Inputs(account))
            kwh, cost = money.get(day, (None, None))
            found.append(
                DayRow(day, account.energy_kwh, account.by_state_kwh.get(MachineState.PRODUCTION, 0.0),
                       account.by_state_kwh.get(MachineState.IDLE, 0.0), card.value, kwh, cost, account.completeness)
            )  # fmt: skip
        return found

    async def _day_costs(
        self, whom: _Whom, from_us: int, to_us: int, zone: ZoneInfo
    ) -> dict[date, tuple[float | None, float | None]]:
        """Energy and money of each day of the subject, from its hours."""
        if whom.subject is None:
            return {}
        by_day: dict[date, list[CostHour]] = {}
        for hour in await self._s.money.cost_hours(whom.subject, from_us, to_us):
            by_day.setdefault(to_local(hour.time_us, zone).date(), []).append(hour)
        return {day: (_sum([h.energy_kwh for h in hours]), _sum([h.cost for h in hours])) for day, hours in by_day.items()}

    # -- figures of the whole --------------------------------------------------------------------------------------

    async def _cost(self, whom: _Whom, from_us: int, to_us: int) -> Cost | None:
        if whom.subject is None or not whom.machines:
            return None
        return await self._s.money.cost(whom.subject, from_us, to_us)

    async def _idle_cost(self, whom: _Whom, from_us: int, to_us: int) -> float | None:
        """Of the chosen machines, as the energy page and the API say it."""
        chosen = {machine.id for machine in whom.machines}
        ledger = await self._s.money.idle_ledger(from_us, to_us)
        known = [row.cost for row in ledger.sums if row.machine_id in chosen]
        return _sum(known) if known or ledger.trust.completeness == 0 else 0.0  # nothing idled is known, too

    async def _factor(self, whom: _Whom, from_us: int, to_us: int, template: ReportTemplate) -> PowerFactor | None:
        wanted = Part.REACTIVE in template.parts or FigureKind.TG_PHI in template.figures
        if not wanted or whom.subject is None or not whom.machines:
            return None
        return await self._s.money.power_factor(whom.subject, from_us, to_us)

    async def _loops(self, whom: _Whom, from_us: int, to_us: int) -> Sequence[LoopReport]:
        """Those of the chosen machines, of a report about the whole site all; none of a window that is too long for them."""
        if to_us - from_us > LONGEST_US:
            return ()
        chosen = {machine.id for machine in whom.machines}
        wanted = [loop for loop in self._s.loops.loops if whom.site or loop.machine in chosen]
        return [await self._s.loops.report(loop.id, from_us, to_us) for loop in wanted]

    async def _balance(self, from_us: int, to_us: int) -> BalanceReport | None:
        return await self._s.balance.report(from_us, to_us)

    async def _plan(
        self, plant: Plant, window: ShiftWindow, shifts: Sequence[ShiftWindow], end_us: int, template: ReportTemplate
    ) -> float | None:
        """The plan in force for exactly this interval, as far as it is due; else the plan of a shift by its shares."""
        interval = _PLANNED.get(template.period)
        if interval is not None and plant.plans:
            for fact in await self._s.plans.facts(interval, window.from_us, window.to_us):
                mine = fact.plan.scope is PlanScope.SITE and (fact.from_us, fact.to_us) == (window.from_us, window.to_us)
                if mine and fact.kwh is not None:
                    return fact.kwh.expected
        return _planned_kwh(plant.site.shift_plan_kwh, shifts or (window,), window.from_us, end_us)

    async def _power(self, plant: Plant, whom: _Whom, from_us: int, to_us: int) -> list[tuple[int, float | None]]:
        """Mean power of each quarter hour: the main meter's, else the sum of the machines'."""
        main = plant.site.main_meter if whom.site else None
        names = [main] if main else [m.meter for m in whom.machines if m.meter]
        wanted = {f"{name}.active_power" for name in names}
        sums: dict[int, float] = {}
        for tag in self._s.tags():
            if tag.name in wanted:
                series = await self._s.history.rollup(tag.id, Step.M15, from_us, to_us)
                for row in series.rows:
                    if row.mean is not None:
                        sums[row.time_us] = sums.get(row.time_us, 0.0) + row.mean
        start = from_us - from_us % QUARTER_US
        return [(t, sums.get(t)) for t in range(start, to_us, QUARTER_US)]


def _whom(plant: Plant, template: ReportTemplate) -> _Whom:
    """Whom the template is about; machines and sections that no longer exist are counted, not missed."""
    if not template.machines and not template.areas:
        return _Whom(plant.machines, SITE)
    chosen = tuple(m for m in plant.machines if m.id in template.machines or (m.section and m.section in template.areas))
    known, areas = {m.id for m in plant.machines}, {m.section for m in plant.machines}
    gone = sum(1 for m in template.machines if m not in known) + sum(1 for a in template.areas if a not in areas)
    if len(chosen) == 1:
        return _Whom(chosen, chosen[0].id, gone)
    if not template.machines and len(template.areas) == 1:
        return _Whom(chosen, f"section:{template.areas[0]}" if chosen else None, gone)
    return _Whom(chosen, None, gone)


def _wants_demand(template: ReportTemplate) -> bool:
    return Part.PEAKS in template.parts or Part.POWER in template.parts or FigureKind.HALF_HOUR in template.figures


def _concerns(alert: Alert, whom: _Whom) -> bool:
    return whom.site or any(alert.machine_id == machine.id for machine in whom.machines)


def _row(machine: Machine, card: Efficiency | None, cost: Cost | None, window_s: float) -> MachineRow:
    """`window_s`: what the report is about. Days before anything was kept have no account and are not complete either."""
    account = card.account if card is not None else None
    told_s = sum(account.by_state_s.values()) if account else 0.0
    reach = min(1.0, told_s / window_s) if told_s and window_s else 1.0
    by_state = account.by_state_kwh if account else {}
    return MachineRow(
        machine_id=machine.id, name=machine.name, section=machine.section,
        seconds=dict(account.by_state_s) if account else {}, energy_kwh=account.energy_kwh if account else None,
        idle_kwh=by_state.get(MachineState.IDLE, 0.0), production_kwh=by_state.get(MachineState.PRODUCTION, 0.0),
        kef=card.value if card is not None else None, cost=cost.cost if cost is not None else None,
        completeness=account.completeness * reach if account else 0.0, estimated_kwh=account.estimated_kwh if account else 0.0,
    )  # fmt: skip


def _account(machine_id: str, rows: Sequence[CubeRow], from_us: int, to_us: int) -> EnergyAccount:
    """Rows of the cube by state as an account."""
    by_kwh: dict[MachineState, float] = {}
    by_s: dict[MachineState, float] = {}
    for row in rows:
        state = MachineState(str(row.key[Dimension.STATE]))
        by_kwh[state] = by_kwh.get(state, 0.0) + (row.energy_kwh or 0.0)
        by_s[state] = by_s.get(state, 0.0) + row.duration_us / 1e6
    duration_us, known_us = sum(r.duration_us for r in rows), sum(r.known_us for r in rows)
    return EnergyAccount(
        machine_id, from_us, to_us, _sum([row.energy_kwh for row in rows]), sum(row.uncertain_kwh for row in rows),
        known_us / duration_us if duration_us else 0.0, "counter", by_state_kwh=by_kwh, by_state_s=by_s,
    )  # fmt: skip


def _sum(values: Sequence[float | None]) -> float | None:
    """Of the known ones; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _number(window: ShiftWindow, template: ReportTemplate) -> str:
    """What the report is called by: 2026-11-18-1, 2026-11-18, 2026-W47, 2026-11."""
    if template.period is PeriodKind.SHIFT:
        return f"{window.day.isoformat()}-{window.name}"
    return window.name


def _peak(
    demand: Demand | None, power: Sequence[tuple[int, float | None]], zone: ZoneInfo
) -> tuple[int, float] | None:
    """The greatest demand window of the site; of some machines the greatest half hour of their power."""
    if demand is None:
        return _max_half_hour(power, zone)
    highest = demand.peaks[0].window if demand.peaks else None
    return None if highest is None or highest.demand_kw is None else (highest.from_us, highest.demand_kw)


def _planned_kwh(shift_plan_kwh: float | None, shifts: Sequence[ShiftWindow], from_us: int, to_us: int) -> float | None:
    """Plan of the reported time, each shift by its share in it. None without a plan."""
    if shift_plan_kwh is None:
        return None
    shares = (max(0, min(s.to_us, to_us) - max(s.from_us, from_us)) / (s.to_us - s.from_us) for s in shifts)
    return shift_plan_kwh * sum(shares)


def _max_half_hour(power: Sequence[tuple[int, float | None]], zone: ZoneInfo) -> tuple[int, float] | None:
    """The clock half hour with the greatest mean, from its two quarters; None when no half hour is whole."""
    by_time = dict(power)
    best: tuple[int, float] | None = None
    for time_us, first in power:
        second = by_time.get(time_us + QUARTER_US)
        if time_us % (2 * QUARTER_US) or first is None or second is None:
            continue
        mean = (first + second) / 2
        if best is None or mean > best[1]:
            best = (time_us, mean)
    return best


def _findings(rows: Sequence[MachineRow], alerts: Sequence[Alert], machines_kwh: float, gone: int = 0) -> list[Finding]:
    """At most five sentences: where idling cost most, the lowest КЭФ, data gaps, machines that are gone, alerts."""
    found: list[Finding] = []
    idle = sorted((row for row in rows if row.idle_kwh > 0.05), key=lambda row: -row.idle_kwh)
    if idle and machines_kwh > 0:
        worst = idle[0]
        shown = {"name": worst.name, "kwh": worst.idle_kwh, "share": worst.idle_kwh / machines_kwh}
        found.append(Finding("report.finding.idle", shown))
    judged = sorted((row for row in rows if row.kef is not None and (row.energy_kwh or 0) > 0.5), key=lambda row: row.kef or 0.0)
    if judged:
        low = judged[0]
        found.append(
            Finding("report.finding.kef", {"name": low.name, "kef": low.kef, "idle_s": low.seconds.get(MachineState.IDLE, 0.0)})
        )
    gaps = [row for row in rows if row.completeness < 0.995]
    if gaps:
        thin = min(gaps, key=lambda row: row.completeness)
        found.append(Finding("report.finding.gaps", {"n": len(gaps), "name": thin.name, "share": thin.completeness}))
    if gone:
        found.append(Finding("report.finding.gone", {"n": gone}))
    taken = sum(1 for alert in alerts if alert.acknowledged_us is not None)
    found.append(Finding("report.finding.alerts", {"n": len(alerts), "taken": taken}))
    return found
