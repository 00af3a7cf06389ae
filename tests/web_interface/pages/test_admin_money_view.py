"""Tariffs between what people type, what the plant file holds and what the page says of them."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.fields import Fields
from config.plant_money import read_money
from config.problems import Report
from domain.errors import ConfigError
from domain.tariff import HOLIDAY, Tariff, Zone, ZoneSpan
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_money_view as view

FMT = Format("ru", ZoneInfo("Europe/Moscow"))
TODAY = date(2026, 11, 19)
DAY = {"name": "day", "price_per_kwh": 9.12, "spans": [{"from": "07:00", "to": "23:00"}]}
NIGHT = {"name": "night", "price_per_kwh": 4.65, "spans": [{"from": "23:00", "to": "07:00"}]}


def words(key: str, **values: object) -> str:
    return t(key, "en", **values)


def read(*tariffs: dict[str, Any]) -> tuple[tuple[Tariff, ...], list[str]]:
    """As the plant file's reader takes them, with what it says against them."""
    document = {"tariffs": list(tariffs)}
    report = Report("plant", document)
    found = read_money(Fields(document, (), report))
    return found.tariffs, [problem.message for problem in report.problems]


def test_the_running_entry_is_the_last_that_began_and_has_not_ended() -> None:
    listed = view.dated([{"valid_from": "2027-01-01"}, {"valid_from": "2026-01-01"}, {"valid_from": "2026-07-01"}])
    assert [view.day_of(entry) for entry in listed] == ["2026-01-01", "2026-07-01", "2027-01-01"]
    assert view.running_of(listed, TODAY) == 1
    said = [view.state_words(listed, n, TODAY, "en") for n in range(3)]
    assert said == [t(f"money.state.{key}", "en") for key in ("past", "running", "future")]
    assert view.running_of([{"valid_from": "2026-01-01", "valid_to": "2026-03-31"}], TODAY) is None
    assert view.running_of([], TODAY) is None
    assert view.dated(None) == []


def test_an_entry_takes_the_place_of_the_old_one_in_order_of_time() -> None:
    listed = view.dated([{"valid_from": "2026-01-01"}, {"valid_from": "2026-07-01"}])
    later = {"valid_from": "2026-09-01"}
    assert view.with_entry(listed, listed[0], later) == ([{"valid_from": "2026-07-01"}, later], 1)
    assert view.with_entry(listed, None, later)[0] == [*listed, later]


def test_prices_in_one_line() -> None:
    assert view.prices_words({"category": 1, "price_per_kwh": 8.2}, FMT) == "8,2\u00a0₽/кВт·ч"
    assert view.prices_words({"category": 2, "zones": [DAY, NIGHT]}, FMT) == "День 9,12 · Ночь 4,65\u00a0₽/кВт·ч"
    assert "contract-4" in view.prices_words({"category": 3, "table": "contract-4"}, FMT)
    power = {"capacity_per_kw_month": 812.5, "network_per_kw_month": 940}
    assert view.power_words({"category": 4, "power": power}, FMT).startswith("812,5 + 940 ₽")
    assert view.power_words({"category": 1}, FMT) == "—"


@pytest.mark.parametrize(
    ("tariffs", "fallback", "found"),
    [
        ((), None, ("no_price", None)),
        ((), 8.2, ("single", 8.2)),
        ((Tariff(date(2026, 1, 1), 1, 7.5),), 8.2, ("single", 7.5)),
        ((Tariff(date(2026, 1, 1), 3, table="x"),), 8.2, ("hourly", None)),
        ((Tariff(date(2026, 1, 1), 2, zones=(Zone("all", 5.0, (ZoneSpan(0, 0, frozenset(range(7))),)),)),), None, ("all", 5.0)),
        ((Tariff(date(2026, 1, 1), 2, zones=(Zone("feast", 1.0, (ZoneSpan(0, 0, frozenset({HOLIDAY})),)),), holidays=True),), None,
         ("feast", 1.0)),
    ],
)  # fmt: skip
def test_the_price_of_a_minute(tariffs: tuple[Tariff, ...], fallback: float | None, found: tuple[str, float | None]) -> None:
    assert view.price_now(tariffs, fallback, TODAY, 600, holiday=True) == found


def test_the_week_shows_what_no_zone_and_what_two_zones_hold() -> None:
    workdays = list(view.DAYS[:5])
    zones = [
        {"spans": [{"from": "07:00", "to": "23:00", "days": workdays}]},
        {"spans": [{"from": "22:00", "to": "07:00", "days": workdays}, {"from": "nonsense", "to": "07:00"}]},
    ]
    working, weekend = view.week_of(zones)
    assert (working.kinds, weekend.kinds) == ((0, 1, 2, 3, 4), (5, 6))
    assert [(s.start_min, s.end_min, s.zones) for s in working.stretches] == [
        (0, 420, (1,)), (420, 1320, (0,)), (1320, 1380, (0, 1)), (1380, 1440, (1,)),
    ]  # fmt: skip
    assert [s.zones for s in weekend.stretches] == [()]
    assert [view.kinds_words(row.kinds, words) for row in (working, weekend)] == ["Mon–Fri", "Sat, Sun"]


@pytest.mark.parametrize("key", view.TEMPLATES)
def test_the_usual_hours_are_taken_by_the_plant_file_once_they_have_prices(key: str) -> None:
    zones = [{**zone, "price_per_kwh": n + 1} for n, zone in enumerate(view.TEMPLATES[key])]
    (tariff,), problems = read(view.tariff_entry({"valid_from": "2026-07-01", "category": 2}, zones))
    assert problems == []
    assert [zone.name for zone in tariff.zones] == [zone["name"] for zone in zones]
    rows = view.week_of(zones)
    assert all(len(stretch.zones) == 1 for row in rows for stretch in row.stretches)
    assert (rows[-1].kinds == (HOLIDAY,)) is tariff.holidays


def test_what_is_typed_becomes_an_entry_of_the_file() -> None:
    every = frozenset(view.KINDS)
    zone = view.zone_entry(" day ", 9.0, [("07:00", "23:00", every), ("23:00", "07:00", frozenset({"sun", "mon"}))])
    spans = [{"from": "07:00", "to": "23:00"}, {"from": "23:00", "to": "07:00", "days": ["mon", "sun"]}]
    assert zone == {"name": "day", "price_per_kwh": 9, "spans": spans}
    assert view.zone_entry("", None, []) == {"spans": []}
    form = {"valid_from": "2026-07-01", "category": 3, "table": "x", "power": {"peak_hours": "2026-11-02 17\n2026-11-03 18"}}
    entry = view.tariff_entry(form, [zone])
    assert entry["power"] == {"peak_hours": [{"day": "2026-11-02", "hour": 17}, {"day": "2026-11-03", "hour": 18}]}
    assert "zones" not in entry
    assert view.peaks_text(entry) == "2026-11-02 17\n2026-11-03 18"
    assert read(entry)[1] == []
    with pytest.raises(ConfigError, match="peak_hours: 'Monday' is no hour of a day"):
        view.tariff_entry({**form, "power": {"peak_hours": "Monday"}}, [])


@pytest.mark.parametrize(("text", "minute"), [("07:15", 435), ("24:00", 1440), ("00:00", 0), ("07:10", None), ("25:00", None), ("", None)])
def test_quarter_hours_of_a_day(text: str, minute: int | None) -> None:
    assert view.minute_of(text) == minute
