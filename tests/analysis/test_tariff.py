"""Prices of any time, cost by zone, charges for power."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analysis.tariff import NO_PRICE, PriceBook, cost_by_zone, months_of, power_charges, total_cost
from domain.tariff import HOLIDAY, PowerTerms, Tariff, Zone, ZoneSpan

ZONE = ZoneInfo("Europe/Moscow")
DAY_NIGHT = (
    Zone("day", 10.0, (ZoneSpan(7 * 60, 23 * 60),)),
    Zone("night", 4.0, (ZoneSpan(23 * 60, 7 * 60),)),
)
TWO_ZONES = Tariff(date(2026, 1, 1), 2, zones=DAY_NIGHT)


def us(text: str, zone: ZoneInfo = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("at", "zone", "price"),
    [
        ("2026-11-18T22:59", "day", 10.0),
        ("2026-11-18T23:00", "night", 4.0),
        ("2026-11-19T06:59", "night", 4.0),
        ("2026-11-19T07:00", "day", 10.0),
    ],
)
def test_zones_change_at_the_wall_clocks_border(at: str, zone: str, price: float) -> None:
    assert PriceBook([TWO_ZONES], ZONE).at(us(at)) == (zone, price)


def test_dated_tariffs_follow_each_other_at_local_midnight() -> None:
    book = PriceBook([Tariff(date(2026, 1, 1), 1, 8.0), Tariff(date(2026, 7, 1), 1, 9.0)], ZONE)
    assert book.at(us("2026-06-30T23:59"))[1] == 8.0
    assert book.at(us("2026-07-01T00:00"))[1] == 9.0


def test_before_the_first_tariff_the_sites_simplest_holds_and_without_it_none() -> None:
    assert PriceBook([TWO_ZONES], ZONE, fallback_per_kwh=8.2).at(us("2025-12-31T12:00")) == ("single", 8.2)
    assert PriceBook([TWO_ZONES], ZONE).at(us("2025-12-31T12:00")) == (NO_PRICE, None)
    ended = Tariff(date(2026, 1, 1), 1, 8.0, valid_to=date(2026, 1, 31))
    assert PriceBook([ended], ZONE).at(us("2026-02-01T00:00")) == (NO_PRICE, None)


def test_a_holiday_is_its_weekday_unless_the_tariff_names_holidays() -> None:
    zones = (
        Zone("work", 10.0, (ZoneSpan(0, 1440, frozenset(range(5))),)),
        Zone("rest", 5.0, (ZoneSpan(0, 1440, frozenset({5, 6, HOLIDAY})),)),
    )
    wednesday = us("2026-11-04T12:00")
    named = Tariff(date(2026, 1, 1), 2, zones=zones, holidays=True)
    unnamed = Tariff(date(2026, 1, 1), 2, zones=zones)
    assert PriceBook([named], ZONE, is_holiday=lambda day: day == date(2026, 11, 4)).at(wednesday)[0] == "rest"
    assert PriceBook([unnamed], ZONE, is_holiday=lambda day: day == date(2026, 11, 4)).at(wednesday)[0] == "work"


def test_hourly_prices_come_from_their_table_and_a_missing_hour_is_unknown() -> None:
    hour = us("2026-11-19T10:00")
    book = PriceBook([Tariff(date(2026, 1, 1), 3, table="supplier")], ZONE, hourly={"supplier": {hour: 6.5}})
    assert book.at(us("2026-11-19T10:45")) == ("hourly", 6.5)
    assert book.at(us("2026-11-19T11:00")) == (NO_PRICE, None)


def test_cost_is_energy_times_the_price_of_its_zone() -> None:
    times = np.array([us("2026-11-19T06:45"), us("2026-11-19T07:00"), us("2026-11-19T07:15")])
    zones = cost_by_zone(times, np.array([2.0, 3.0, np.nan]), PriceBook([TWO_ZONES], ZONE), np.full(3, 900.0))
    assert [(z.zone, z.energy_kwh, z.cost, z.hours, z.price_per_kwh) for z in zones] == [
        ("night", 2.0, 8.0, 0.25, 4.0),
        ("day", 3.0, 30.0, 0.25, 10.0),
    ]
    assert total_cost(zones) == (38.0, 0.0)


def test_energy_without_a_price_is_told_apart_and_not_free() -> None:
    times = np.array([us("2025-12-31T23:45"), us("2026-01-01T00:00")])
    zones = cost_by_zone(times, np.array([5.0, 2.0]), PriceBook([TWO_ZONES], ZONE), np.full(2, 900.0))
    assert total_cost(zones) == (8.0, 5.0)
    nothing = cost_by_zone(times[:1], np.array([5.0]), PriceBook([TWO_ZONES], ZONE), np.full(1, 900.0))
    assert total_cost(nothing) == (None, 5.0)


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-10-25", 100), ("2026-11-19", 96)])
def test_zones_of_a_day_hold_all_its_hours_over_both_changes_of_summer_time(day: str, quarters: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    times = us(f"{day}T00:00", berlin) + np.arange(quarters) * 900_000_000
    zones = cost_by_zone(times, np.ones(quarters), PriceBook([TWO_ZONES], berlin), np.full(quarters, 900.0))
    assert sum(z.hours for z in zones) == quarters / 4
    assert next(z.hours for z in zones if z.zone == "day") == 16.0


def test_capacity_is_the_mean_of_published_hours_and_network_the_mean_of_daily_greatest() -> None:
    hours = {
        us("2026-11-02T10:00"): 100.0, us("2026-11-02T18:00"): 140.0,
        us("2026-11-03T10:00"): 120.0, us("2026-11-03T18:00"): 90.0,
        us("2026-11-07T10:00"): 500.0,  # Saturday
    }  # fmt: skip
    terms = PowerTerms(800.0, {date(2026, 11, 2): 18, date(2026, 11, 3): 10}, 1500.0, frozenset({10, 18}))
    capacity, network = power_charges(hours, terms, ZONE, lambda day: day.weekday() < 5)
    assert (capacity.power_kw, capacity.cost, capacity.hours_known) == (130.0, 104_000.0, 2)
    assert (network.power_kw, network.cost, network.hours_known) == (130.0, 195_000.0, 2)


def test_a_charge_without_known_hours_is_unknown() -> None:
    (capacity,) = power_charges({}, PowerTerms(800.0), ZONE, lambda day: day.weekday() < 5)
    assert (capacity.power_kw, capacity.cost) == (None, None)


def test_only_whole_months_are_charged() -> None:
    assert months_of(date(2026, 11, 1), date(2026, 12, 30)) == [(date(2026, 11, 1), date(2026, 11, 30))]
    assert months_of(date(2026, 11, 2), date(2026, 11, 30)) == []
