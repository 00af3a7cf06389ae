"""Prices of any time and what energy costs by them. Pure: tariffs, prices and energies in, money out.

Energy comes in stretches of at most a quarter hour (analysis/quarters.py), so each lies in one zone and in one hour of a price
table. Cost is the sum of energy times price; energy whose price is unknown is told apart and never counted as free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from analysis.calendar import to_local
from analysis.energy import Floats, Ints
from domain.figures import PowerCharge, ZoneCost
from domain.tariff import HOLIDAY, HourPrice, PowerTerms, Tariff, tariff_on

HOUR_US = 3_600_000_000
QUARTER_US = HOUR_US // 4
SINGLE = "single"  # zone of a tariff without zones
HOURLY = "hourly"  # zone of hourly prices
NO_PRICE = "no_price"


class PriceBook:
    """What a kWh costs at any time. `fallback_per_kwh`: the site's simplest tariff, where no dated one holds."""

    def __init__(
        self, tariffs: Sequence[Tariff], zone: ZoneInfo, *, fallback_per_kwh: float | None = None,
        is_holiday: Callable[[date], bool] = lambda _day: False,
        hourly: Mapping[str, Mapping[int, float]] | None = None,
    ) -> None:
        """`hourly`: prices of each table by the begin of their hour, UTC microseconds."""
        self._tariffs, self._zone, self._fallback, self._is_holiday = tuple(tariffs), zone, fallback_per_kwh, is_holiday
        self._hourly = hourly or {}
        self._known: dict[int, tuple[str, float | None]] = {}

    def at(self, time_us: int) -> tuple[str, float | None]:
        """(zone, currency per kWh) of the quarter hour that holds the time; None where no price is known."""
        quarter = time_us // QUARTER_US
        found = self._known.get(quarter)
        if found is None:
            found = self._known[quarter] = self._find(quarter * QUARTER_US)
        return found

    def _find(self, time_us: int) -> tuple[str, float | None]:
        local = to_local(time_us, self._zone)
        day = local.date()
        tariff = tariff_on(self._tariffs, day)
        if tariff is None:
            return (SINGLE, self._fallback) if self._fallback is not None else (NO_PRICE, None)
        if tariff.category == 1:
            return SINGLE, tariff.price_per_kwh
        if tariff.category == 2:
            kind = HOLIDAY if tariff.holidays and self._is_holiday(day) else day.weekday()
            zone = tariff.zone_at(kind, local.hour * 60 + local.minute)
            return (NO_PRICE, None) if zone is None else (zone.name, zone.price_per_kwh)
        price = self._hourly.get(tariff.table, {}).get(time_us // HOUR_US * HOUR_US)
        return (NO_PRICE, None) if price is None else (HOURLY, price)

    def columns(self, times_us: Iterable[int]) -> tuple[list[str], Floats]:
        """Zone and price of each time; the price is NaN where it is unknown."""
        found = [self.at(int(time_us)) for time_us in times_us]
        return [name for name, _ in found], np.array([np.nan if p is None else p for _, p in found], dtype=np.float64)


def tables_needed(tariffs: Sequence[Tariff]) -> frozenset[str]:
    """Names of the hourly tables that some tariff reads."""
    return frozenset(tariff.table for tariff in tariffs if tariff.table)


def by_hour(prices: Iterable[HourPrice]) -> dict[int, float]:
    """As PriceBook takes them."""
    return {price.time_us: price.price_per_kwh for price in prices}


def cost_by_zone(times_us: Ints, energy_kwh: Floats, book: PriceBook, seconds: Floats) -> tuple[ZoneCost, ...]:
    """Energy, money and hours of each zone, in order of first appearance; NaN energy is left out.

    `energy_kwh[i]` was used within the quarter hour that holds `times_us[i]`, over `seconds[i]`.
    """
    names, prices = book.columns(times_us)
    known = ~np.isnan(energy_kwh)
    found = []
    for name in dict.fromkeys(names):
        mine = np.array([n == name for n in names]) & known
        energy = float(energy_kwh[mine].sum())
        priced = mine & ~np.isnan(prices)
        cost = float((energy_kwh[priced] * prices[priced]).sum()) if priced.any() or not mine.any() else None
        found.append(ZoneCost(name, energy, cost, float(seconds[mine].sum()) / 3600.0, _one_price(prices[priced])))
    return tuple(found)


def _one_price(prices: Floats) -> float | None:
    """The price of a zone where it was one all the time."""
    return float(prices[0]) if len(prices) and float(np.ptp(prices)) == 0.0 else None


def total_cost(zones: Sequence[ZoneCost]) -> tuple[float | None, float]:
    """(money, kWh whose price is unknown); the money is None when nothing is priced."""
    priced = [zone.cost for zone in zones if zone.cost is not None]
    unpriced = sum(zone.energy_kwh for zone in zones if zone.cost is None)
    return (sum(priced) if priced else None), unpriced


def power_charges(
    hourly_kw: Mapping[int, float], terms: PowerTerms, zone: ZoneInfo, works: Callable[[date], bool]
) -> tuple[PowerCharge, ...]:
    """Charges of one month for power, from the site's mean power of each hour (by the hour's begin, UTC microseconds).

    `works`: is it a working day? Capacity: mean over the published peak hours that are known. Network: mean over working days of
    the greatest power within the operator's window. Source: docs/formulas.md, price categories.
    """
    local = {to_local(time_us, zone): kw for time_us, kw in hourly_kw.items()}
    found = []
    if terms.capacity_per_kw_month is not None:
        at_peak = [kw for when, kw in local.items() if terms.peak_hours.get(when.date()) == when.hour]
        found.append(_charge("capacity", at_peak, terms.capacity_per_kw_month))
    if terms.network_per_kw_month is not None:
        greatest: dict[date, float] = {}
        for when, kw in local.items():
            if when.hour in terms.network_hours and works(when.date()):
                greatest[when.date()] = max(kw, greatest.get(when.date(), 0.0))
        found.append(_charge("network", list(greatest.values()), terms.network_per_kw_month))
    return tuple(found)


def _charge(kind: str, powers_kw: Sequence[float], per_kw: float) -> PowerCharge:
    mean = sum(powers_kw) / len(powers_kw) if powers_kw else None
    return PowerCharge(kind, mean, per_kw, None if mean is None else mean * per_kw, len(powers_kw))


def months_of(first: date, last: date) -> list[tuple[date, date]]:
    """(first day, last day) of each calendar month that lies wholly within the days."""
    months = []
    begin = first if first.day == 1 else (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    while begin <= last:
        following = (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
        if following - timedelta(days=1) <= last:
            months.append((begin, following - timedelta(days=1)))
        begin = following
    return months
