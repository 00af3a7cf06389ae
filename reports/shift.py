"""Gathers the figures of the shift report from accounts, history and alerts. No drawing here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.alert import Alert
from domain.energy import Efficiency, ShiftWindow
from domain.health import Books
from domain.plant import Plant, Tag
from domain.ports import Clock, History, Step
from domain.state import MachineState
from reports.model import Finding, MachineRow, ShiftReport

QUARTER_US = 900 * 1_000_000


class Accounts(Protocol):
    """What the report asks of the energy accounting."""

    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency: ...


class AlertHistory(Protocol):
    async def history(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[Alert]: ...


class ShiftReportBuilder:
    """Builds the figures of any shift window."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, accounts: Accounts,
        alerts: AlertHistory, books: Callable[[], Books], clock: Clock,
    ) -> None:
        self._plant, self._tags, self._history, self._accounts = plant, tags, history, accounts
        self._alerts, self._books, self._clock = alerts, books, clock

    async def build(self, window: ShiftWindow, shifts: Sequence[ShiftWindow] = ()) -> ShiftReport:
        """Figures of `window`; a shift that still runs is reported up to now and says so. The plan of `shifts`, those that the
        window touches, counts by the part of each that is reported: half a shift is not below plan for being half."""
        plant, now_us = self._plant(), self._clock.now_us()
        to_us = min(window.to_us, now_us)
        rows = [await self._machine(plant, machine.id, window.from_us, to_us) for machine in plant.machines]
        measured_kwh = await self._main_meter_kwh(plant, window.from_us, to_us)
        machines_kwh = sum(row.energy_kwh or 0.0 for row in rows)
        total_kwh = machines_kwh if measured_kwh is None else measured_kwh
        power = await self._power(plant, window.from_us, to_us)
        produced = sum(row.production_kwh for row in rows)
        tariff = plant.site.tariff_per_kwh
        alerts = list(await self._alerts.history(window.from_us, to_us))
        completeness = sum(row.completeness for row in rows) / len(rows) if rows else 0.0
        return ShiftReport(
            site=plant.site.name,
            timezone=plant.site.timezone,
            currency=plant.site.currency,
            number=f"{window.day.isoformat()}-{window.name}",
            shift=window.name,
            day=window.day,
            from_us=window.from_us,
            to_us=window.to_us,
            issued_us=now_us,
            running=now_us < window.to_us,
            machines=rows,
            total_kwh=total_kwh,
            machines_kwh=machines_kwh,
            other_kwh=None if measured_kwh is None else measured_kwh - machines_kwh,
            idle_kwh=sum(row.idle_kwh for row in rows),
            kef=produced / machines_kwh if machines_kwh > 0 else None,
            kef_target=plant.site.kef_target,
            plan_kwh=_planned_kwh(plant.site.shift_plan_kwh, shifts or (window,), window.from_us, to_us),
            contract_kw=plant.site.contract_kw,
            tariff_per_kwh=tariff,
            cost=total_kwh * tariff if tariff is not None else None,
            power_kw=power,
            max_half_hour=_max_half_hour(power, ZoneInfo(plant.site.timezone)),
            tg_phi=await self._tg_phi(plant, window.from_us, to_us),
            alerts=alerts,
            findings=_findings(rows, alerts, machines_kwh),
            completeness=completeness,
            estimated_kwh=sum(row.estimated_kwh for row in rows),
            books_balanced=self._books().balanced,
        )

    async def _machine(self, plant: Plant, machine_id: str, from_us: int, to_us: int) -> MachineRow:
        machine = plant.machine(machine_id)
        card = await self._accounts.efficiency(machine_id, from_us, to_us)
        account, tariff = card.account, plant.site.tariff_per_kwh
        energy = account.energy_kwh if account else None
        by_state = account.by_state_kwh if account else {}
        return MachineRow(
            machine_id=machine_id,
            name=machine.name,
            section=machine.section,
            seconds=dict(account.by_state_s) if account else {},
            energy_kwh=energy,
            idle_kwh=by_state.get(MachineState.IDLE, 0.0),
            production_kwh=by_state.get(MachineState.PRODUCTION, 0.0),
            kef=card.value,
            cost=energy * tariff if energy is not None and tariff is not None else None,
            completeness=account.completeness if account else 0.0,
            estimated_kwh=account.estimated_kwh if account else 0.0,
        )

    def _main_tag(self, plant: Plant, point: str) -> Tag | None:
        wanted = f"{plant.site.main_meter}.{point}"
        return next((tag for tag in self._tags() if tag.name == wanted), None)

    async def _main_meter_kwh(self, plant: Plant, from_us: int, to_us: int) -> float | None:
        """Energy of the main meter by its counter; minutes the counter has not settled yet are taken from its mean power."""
        counter, power = self._main_tag(plant, "energy_import"), self._main_tag(plant, "active_power")
        if counter is None:
            return None
        minutes = (await self._history.rollup(counter.id, Step.M1, from_us, to_us)).rows
        settled = {row.time_us: row.consumption for row in minutes if row.consumption is not None}
        if not settled:
            return None
        total = sum(settled.values())
        if power is not None:
            last = max(settled)
            tail = (await self._history.rollup(power.id, Step.M1, last + 1, to_us)).rows
            total += sum(row.mean * row.covered_us / 3.6e9 for row in tail if row.mean is not None and row.time_us > last)
        return total

    async def _power(self, plant: Plant, from_us: int, to_us: int) -> list[tuple[int, float | None]]:
        """Mean power of each quarter hour: the main meter's, else the sum of the machines'."""
        names = [plant.site.main_meter] if plant.site.main_meter else [m.meter for m in plant.machines if m.meter]
        wanted = {f"{name}.active_power" for name in names}
        sums: dict[int, float] = {}
        for tag in self._tags():
            if tag.name in wanted:
                series = await self._history.rollup(tag.id, Step.M15, from_us, to_us)
                for row in series.rows:
                    if row.mean is not None:
                        sums[row.time_us] = sums.get(row.time_us, 0.0) + row.mean
        start = from_us - from_us % QUARTER_US
        return [(t, sums.get(t)) for t in range(start, to_us, QUARTER_US)]

    async def _tg_phi(self, plant: Plant, from_us: int, to_us: int) -> float | None:
        """W_Q / W_P of the main meter's counters over the shift; None where it counts no reactive energy."""
        grown: list[float] = []
        for point in ("energy_import", "reactive_energy_import"):
            tag = self._main_tag(plant, point)
            if tag is None:
                return None
            rows = (await self._history.rollup(tag.id, Step.M1, from_us, to_us)).rows
            grown.append(sum(row.consumption or 0.0 for row in rows))
        return grown[1] / grown[0] if grown[0] > 0 else None


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


def _findings(rows: Sequence[MachineRow], alerts: Sequence[Alert], machines_kwh: float) -> list[Finding]:
    """At most four sentences: where idling cost most, the lowest КЭФ, data gaps, alerts."""
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
    taken = sum(1 for alert in alerts if alert.acknowledged_us is not None)
    found.append(Finding("report.finding.alerts", {"n": len(alerts), "taken": taken}))
    return found
