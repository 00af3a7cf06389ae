"""Cost, carbon, demand, load curve and power factor of any period: the service behind /energy, its API and explanations.

`subject`: a machine id, "section:<name>" or "site". The site is its main meter where there is one, else the sum of its machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analysis import carbon
from analysis.accounting import EnergyAccounting
from analysis.basic_figures import SECTION, SITE, machines_of
from analysis.demand import demand_windows, highest
from analysis.energy import Floats
from analysis.load_curve import coefficients
from analysis.meter import DeviceTags
from analysis.power_factor import cos_phi, over_limit_kvarh, required_kvar, tg_phi
from analysis.prices import Prices
from analysis.quarter_history import QuarterHistory
from analysis.quarters import QUARTER_US, Quarters, summed, trust_of
from analysis.tariff import cost_by_zone, months_of, power_charges, total_cost
from domain.energy import EnergyAccount
from domain.figures import Cost, CostHour, Demand, DemandWindow, LoadCurve, Peak, PowerCharge, PowerFactor, TariffTrial
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from domain.quantity import Quantity
from domain.state import MachineState
from domain.tariff import Connection, Tariff, tariff_on, valid_on

Mask = NDArray[np.bool_]
PEAKS = 5
MAIN, SUM = "main_meter", "sum_of_machines"


class EnergyFigures:
    """Implements the figures service but for idling and stand-by."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, accounting: EnergyAccounting,
        prices: Prices, clock: Clock,
    ) -> None:
        self._plant, self._tags, self._history = plant, DeviceTags(tags), QuarterHistory(history, clock)
        self._accounting, self._prices, self._clock = accounting, prices, clock

    # -- cost ------------------------------------------------------------------------------------------------------

    async def cost(self, subject: str, from_us: int, to_us: int) -> Cost:
        """Energy, money, CO2 and fuel of the subject. Raises NotFound."""
        columns = await self._quarters(subject, from_us, to_us)
        return await self._cost(subject, columns, from_us, to_us)

    async def costs(self, by: str, from_us: int, to_us: int) -> Sequence[Cost]:
        """`by` machine | section | site: every one of them, the dearest first."""
        subjects = self._subjects(by)
        found = [await self.cost(subject, from_us, to_us) for subject in subjects]
        return sorted(found, key=lambda cost: (-(cost.cost or 0.0), -(cost.energy_kwh or 0.0)))

    async def cost_hours(self, subject: str, from_us: int, to_us: int) -> Sequence[CostHour]:
        """Energy and money hour by hour; an hour without any known energy has None."""
        columns = await self._quarters(subject, from_us, to_us)
        if not columns:
            return ()
        total = summed(columns, whole=False)
        book = await self._prices.book(from_us, to_us)
        names, prices = book.columns(total.times_us)
        hours: dict[int, list[int]] = {}
        for place, time_us in enumerate(total.times_us.tolist()):
            hours.setdefault(time_us // (4 * QUARTER_US), []).append(place)
        return [_hour(at * 4 * QUARTER_US, total.energy[p], prices[p], names[p[0]]) for at, p in hours.items()]

    async def try_tariff(self, tariff: Tariff) -> TariffTrial:
        """This month's energy of the site so far by a draft of a tariff, as if it held all the month."""
        calendar, now_us = self._accounting.calendar, self._clock.now_us()
        from_us = calendar.day_window(calendar.day_of(now_us).replace(day=1)).from_us
        columns = await self._quarters(SITE, from_us, now_us)
        running = await self._prices.book(from_us, now_us)
        draft = await self._prices.book_of((replace(tariff, valid_from=date.min, valid_to=None),), from_us, now_us)
        total = summed(columns, whole=False) if columns else None
        known = [c.total for c in columns if c.total is not None]
        zones, before = (
            () if total is None or not known else cost_by_zone(total.times_us, total.energy, book, total.seconds)
            for book in (draft, running)
        )
        cost, unpriced_kwh = total_cost(zones)
        zone, price = draft.at(now_us)
        return TariffTrial(
            from_us, now_us, sum(known) if known else None, zone, price, running.at(now_us)[1], cost, total_cost(before)[0],
            unpriced_kwh, zones,
        )  # fmt: skip

    async def _cost(self, subject: str, columns: Sequence[Quarters], from_us: int, to_us: int) -> Cost:
        now_us = self._clock.now_us()
        book, money = await self._prices.book(from_us, to_us), self._plant().money
        total = summed(columns, whole=False) if columns else None
        known = [c.total for c in columns if c.total is not None]
        zones = () if total is None or not known else cost_by_zone(total.times_us, total.energy, book, total.seconds)
        cost, unpriced = total_cost(zones)  # of unknown energy the money is unknown too
        days = self._by_day(total) if total is not None and (money.co2 or money.fuel) else []
        co2, co2_source = carbon.co2_kg(days, money.co2)
        fuel, fuel_source = carbon.fuel_t(days, money.fuel)
        return Cost(
            subject, from_us, to_us, sum(known) if known else None, cost, unpriced, zones,
            trust_of(columns, running=to_us > now_us), await self._power_charges(subject, from_us, to_us),
            co2, co2_source, fuel, fuel_source,
        )  # fmt: skip

    def _by_day(self, total: Quarters) -> list[tuple[date, float]]:
        """Known energy of each day of the site that has any."""
        if not len(total.times_us):
            return []
        windows = self._accounting.calendar.overlapping("day", int(total.times_us[0]), int(total.times_us[-1]) + 1)
        known = ~np.isnan(total.energy)
        begins = np.array([window.from_us for window in windows], dtype=np.int64)
        place = np.searchsorted(begins, total.times_us[known], side="right") - 1
        sums = np.bincount(place, total.energy[known], len(windows))
        counts = np.bincount(place, minlength=len(windows))
        return [(window.day, float(kwh)) for window, kwh, n in zip(windows, sums, counts, strict=True) if n]

    async def _power_charges(self, subject: str, from_us: int, to_us: int) -> tuple[PowerCharge, ...]:
        """Of the site and whole months whose tariff has them."""
        calendar, plant = self._accounting.calendar, self._plant()
        if subject != SITE:
            return ()
        found: list[PowerCharge] = []
        for first, last in months_of(calendar.day_of(from_us), calendar.day_of(max(from_us, to_us - 1))):
            tariff = tariff_on(plant.money.tariffs, first)
            begin, end = calendar.day_window(first).from_us, calendar.day_window(last).to_us
            if tariff is None or tariff.power is None or begin < from_us or end > to_us:
                continue
            hourly = summed(await self._quarters(SITE, begin, end)).hourly_kw()
            found += power_charges(hourly, tariff.power, calendar.zone, self._works)
        return tuple(found)

    def _works(self, day: date) -> bool:
        return day.weekday() < 5 and self._plant().calendar.holiday(day) is None

    # -- demand ----------------------------------------------------------------------------------------------------

    async def demand(self, from_us: int, to_us: int) -> Demand:
        """Windows of the site, its highest peaks and who made them."""
        now_us, site = self._clock.now_us(), self._plant().site
        terms = self.connection(from_us)
        columns = await self._quarters(SITE, _floor(from_us, terms.demand_window_min), to_us)
        source = MAIN if self._main() is not None else SUM
        windows: list[DemandWindow] = []
        if columns:
            total = summed(columns)
            windows = demand_windows(total.times_us, total.seconds, total.energy, terms.demand_window_min, now_us)
        await asyncio.sleep(0)
        contract = terms.contract_kw or site.contract_kw
        over = sum(1 for w in windows if w.complete and contract is not None and (w.demand_kw or 0.0) > contract)
        span = (_floor(from_us, terms.demand_window_min), to_us)
        peaks = [Peak(window, await self._running_then(window, span)) for window in highest(windows, PEAKS)]
        return Demand(
            from_us, to_us, terms.demand_window_min, contract, source, windows, peaks, over,
            trust_of(columns, running=to_us > now_us),
        )  # fmt: skip

    async def _running_then(self, window: DemandWindow, span: tuple[int, int]) -> list[tuple[str, float]]:
        """Machines with energy in the window; from the quarters of `span` where they are at hand."""
        await asyncio.sleep(0)  # what is at hand never waits; the event loop has others to serve
        hours = (window.to_us - window.from_us) / 3.6e9
        found = []
        for machine in self._plant().machines:
            kept = self._at_hand(machine.meter, span)
            if kept is not None:
                first, end = np.searchsorted(kept.times_us, (window.from_us, window.to_us))
                energy = kept.energy[first:end]
                total = _sum(energy, ~np.isnan(energy))
            else:
                total = summed(await self._quarters(machine.id, window.from_us, window.to_us), whole=False).total
            if total:
                found.append((machine.id, total / hours))
        return sorted(found, key=lambda pair: -pair[1])

    async def site_energy_kwh(self, from_us: int, to_us: int) -> float | None:
        """Energy of the site, from its main meter or as the sum of its machines; None when nothing is known."""
        columns = await self._quarters(SITE, from_us, to_us)
        return summed(columns, whole=False).total if columns else None

    def connection(self, time_us: int) -> Connection:
        """Terms of the connection point at that time."""
        found = valid_on(self._plant().money.connections, self._accounting.calendar.day_of(time_us))
        return found or Connection(date.min)

    # -- power factor ----------------------------------------------------------------------------------------------

    async def power_factor(self, subject: str, from_us: int, to_us: int) -> PowerFactor:
        """tg φ and cos φ of the period, of each demand window, and of the hours of high load against the limit."""
        now_us, terms = self._clock.now_us(), self.connection(from_us)
        active = await self._quarters(subject, from_us, to_us)
        reactive = await self._quarters(subject, from_us, to_us, reactive=True)
        usable = bool(active) and bool(reactive) and all(c.source != "none" for c in reactive)
        p = summed(active) if active else None
        await asyncio.sleep(0)
        q = summed(reactive) if usable else None
        if p is None or q is None:
            total = None if p is None else p.total
            return PowerFactor(
                subject, from_us, to_us, total, None, None, None, None, terms.tg_limit, None, None, "none", (), trust_of(active)
            )  # fmt: skip
        await asyncio.sleep(0)
        both = ~np.isnan(p.energy) & ~np.isnan(q.energy)
        high = both & self._high_load(p.times_us.tolist(), terms)
        active_kwh, reactive_kvarh = _sum(p.energy, both), _sum(q.energy, both)
        high_kwh, high_kvarh = _sum(p.energy, high), _sum(q.energy, high)
        high_tg, tangent = tg_phi(high_kwh, high_kvarh), tg_phi(active_kwh, reactive_kvarh)
        high_hours = float(p.seconds[high].sum()) / 3600.0
        mean_kw = high_kwh / high_hours if high_kwh is not None and high_hours > 0 else None
        return PowerFactor(
            subject, from_us, to_us, active_kwh, reactive_kvarh, tangent, cos_phi(tangent), high_tg, terms.tg_limit,
            required_kvar(mean_kw, high_tg, terms.tg_limit), self._surcharge(high_kwh, high_kvarh, terms.tg_limit, from_us),
            q.source, _tangents(p, q, terms.demand_window_min), trust_of([*active, *reactive], running=to_us > now_us),
        )  # fmt: skip

    def _high_load(self, times_us: Iterable[int], terms: Connection) -> Mask:
        hours = terms.high_load_hours
        calendar = self._accounting.calendar
        return np.array([not hours or calendar.local_hour(time_us) in hours for time_us in times_us], dtype=np.bool_)

    def _surcharge(self, active_kwh: float | None, reactive_kvarh: float | None, limit: float | None, at_us: int) -> float | None:
        tariff = tariff_on(self._plant().money.tariffs, self._accounting.calendar.day_of(at_us))
        over = over_limit_kvarh(active_kwh, reactive_kvarh, limit)
        return None if tariff is None or tariff.reactive_per_kvarh is None or over is None else over * tariff.reactive_per_kvarh

    # -- load curve ------------------------------------------------------------------------------------------------

    async def load_curves(self, by: str, from_us: int, to_us: int) -> Sequence[LoadCurve]:
        """Of every machine, section or the site."""
        return [await self.load_curve(subject, from_us, to_us) for subject in self._subjects(by)]

    async def load_curve(self, subject: str, from_us: int, to_us: int) -> LoadCurve:
        """Coefficients of the subject's load curve. Raises NotFound."""
        plant, now_us = self._plant(), self._clock.now_us()
        ids = machines_of(plant, subject)
        columns = await self._quarters(subject, from_us, to_us)
        rated = [plant.machine(machine_id).rated_kw for machine_id in ids]
        rated_kw = sum(r for r in rated if r is not None) if rated and all(r is not None for r in rated) else None
        accounts = [await self._accounting.account(machine_id, from_us, to_us) for machine_id in ids]
        on = _switched_on(accounts, rated)
        total = summed(columns, whole=False) if columns else None
        found = coefficients(
            total.times_us if total else np.array([], dtype=np.int64), total.seconds if total else np.array([]),
            total.energy if total else np.array([]), rated_kw=rated_kw, on_kwh=on.kwh,
            on_hours=on.hours if len(ids) == 1 else None, on_rated_kwh=on.rated_kwh,
        )  # fmt: skip
        return LoadCurve(
            subject, from_us, to_us, total.total if total else None, rated_kw, found.mean_kw, found.mean_on_kw, found.max_kw,
            found.rms_kw, found.use, found.load, found.demand, found.maximum, found.form, found.load_factor, found.t_max_h,
            on.producing_s / on.known_s if on.known_s else None, trust_of(columns, running=to_us > now_us),
        )  # fmt: skip

    def forget(self, _from_us: int, _to_us: int, _machine_id: str) -> None:
        """The past changed."""
        self._history.forget()

    # -- meters ----------------------------------------------------------------------------------------------------

    def _subjects(self, by: str) -> list[str]:
        plant = self._plant()
        if by == "site":
            return [SITE]
        if by == "section":
            return [SECTION + name for name in dict.fromkeys(m.section for m in plant.machines) if name]
        if by == "machine":
            return [machine.id for machine in plant.machines]
        raise ValueError(f"by {by!r} is none of machine, section, site")

    def _main(self) -> str | None:
        """The main meter, where it counts energy or measures power."""
        main = self._plant().site.main_meter
        if main is None or self._tags.total(main, Quantity.ENERGY_IMPORT) is None:
            return None
        return main

    def _at_hand(self, meter: str | None, span: tuple[int, int]) -> Quarters | None:
        """Active quarters of a meter over a span that were asked for before."""
        if meter is None:
            return None
        counter, gauge = _ACTIVE
        return self._history.at_hand(self._tags.total(meter, counter), self._tags.total(meter, gauge), *span)

    async def _quarters(self, subject: str, from_us: int, to_us: int, *, reactive: bool = False) -> list[Quarters]:
        """One column a meter of the subject. Raises NotFound."""
        plant = self._plant()
        main = self._main() if subject == SITE else None
        meters = [main] if main is not None else [plant.machine(m).meter for m in machines_of(plant, subject)]
        counter, gauge = _REACTIVE if reactive else _ACTIVE
        found = []
        for meter in (m for m in meters if m is not None):
            counted, power = self._tags.total(meter, counter), self._tags.total(meter, gauge)
            found.append(await self._history.quarters(counted, power, from_us, to_us))
            if len(found) % 25 == 0:
                await asyncio.sleep(0)
        return found


_ACTIVE = (Quantity.ENERGY_IMPORT, Quantity.ACTIVE_POWER)
_REACTIVE = (Quantity.REACTIVE_ENERGY_IMPORT, Quantity.REACTIVE_POWER)


def _floor(time_us: int, window_min: int) -> int:
    width = window_min * 60_000_000
    return time_us // width * width


def _sum(values: Floats, mask: Mask) -> float | None:
    return float(values[mask].sum()) if mask.any() else None


def _hour(
    begin_us: int, energy: Floats, prices: Floats, zone: str
) -> CostHour:
    known = ~np.isnan(energy)
    if not known.any():
        return CostHour(begin_us, None, None, zone)
    priced = known & ~np.isnan(prices)
    cost = float((energy[priced] * prices[priced]).sum()) if priced.any() else None
    return CostHour(begin_us, float(energy[known].sum()), cost, zone)


def _tangents(p: Quarters, q: Quarters, window_min: int) -> list[tuple[int, float | None]]:
    width = window_min * 60_000_000
    groups = p.times_us // width
    found: list[tuple[int, float | None]] = []
    for group in np.unique(groups):
        mine = groups == group
        whole = not (np.isnan(p.energy[mine]).any() or np.isnan(q.energy[mine]).any())
        found.append((int(group) * width, tg_phi(float(p.energy[mine].sum()), float(q.energy[mine].sum())) if whole else None))
    return found


@dataclass(frozen=True, slots=True)
class _SwitchedOn:
    """Sums over machines: energy and time in which they were on, Σ P_nom · that time, seconds of production and known state."""

    kwh: float | None
    hours: float | None
    rated_kwh: float | None
    producing_s: float
    known_s: float


def _switched_on(accounts: Sequence[EnergyAccount], rated_kw: Sequence[float | None]) -> _SwitchedOn:
    kwh = hours = rated_kwh = producing = known = 0.0
    for account, rated in zip(accounts, rated_kw, strict=True):
        for state, seconds in account.by_state_s.items():
            if state is MachineState.NO_DATA:
                continue
            known += seconds
            producing += seconds if state is MachineState.PRODUCTION else 0.0
            if state is not MachineState.OFF:
                kwh += account.by_state_kwh.get(state, 0.0)
                hours += seconds / 3600.0
                rated_kwh += (rated or 0.0) * seconds / 3600.0
    if not hours:
        return _SwitchedOn(None, None, None, producing, known)
    return _SwitchedOn(kwh, hours, None if None in rated_kw else rated_kwh, producing, known)
