"""Tariffs, factors, connection and stand-by of a plant file: what is taken, what is refused with place and fix."""

from __future__ import annotations

from datetime import date

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.plant import Plant
from domain.tariff import Connection, Factor, Standby, tariff_on

HEAD = "site: {name: S}\n"
ZONES = """
    zones:
      - {name: day, price_per_kwh: 9.1, spans: [{from: "07:00", to: "23:00"}]}
      - {name: night, price_per_kwh: 4.2, spans: [{from: "23:00", to: "07:00"}]}
"""


def parse(text: str) -> Plant:
    return parse_plant(HEAD + text, catalog=ProfileCatalog.shipped(), environ={}).plant


def problems(text: str) -> str:
    with pytest.raises(PlantFileError) as caught:
        parse(text)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_dated_tariffs_are_read_in_order_of_time() -> None:
    plant = parse(f"tariffs:\n  - valid_from: 2026-07-01\n    category: 2{ZONES}  - {{valid_from: 2026-01-01, category: 1, price_per_kwh: 8.2}}\n")
    first, second = plant.money.tariffs
    assert (first.valid_from, first.price_per_kwh) == (date(2026, 1, 1), 8.2)
    assert [zone.name for zone in second.zones] == ["day", "night"]
    assert tariff_on(plant.money.tariffs, date(2025, 12, 31)) is None
    assert tariff_on(plant.money.tariffs, date(2026, 6, 30)) is first


def test_factors_connection_and_standby() -> None:
    plant = parse(
        "co2: [{valid_from: 2026-01-01, kg_per_kwh: 0.35, source: S1}]\n"
        "fuel: [{valid_from: 2026-01-01, t_per_mwh: 0.123, source: S2}]\n"
        "connection: [{valid_from: 2026-01-01, voltage: 0.4 kV, contract_kw: 160, tg_limit: 0.35, high_load_hours: [8-11, 17], "
        "demand_window_min: 15}]\n"
        "machines: [{id: a, standby: {warm_up_kwh: 1.2, warm_up_min: 10, off_kw: 0.1, idle_kw: 2.4}}]\n"
    )
    assert plant.money.co2 == (Factor(date(2026, 1, 1), 0.35, "S1"),)
    assert plant.money.fuel == (Factor(date(2026, 1, 1), 0.123, "S2"),)
    assert plant.money.connections == (Connection(date(2026, 1, 1), 160.0, 15, 0.35, frozenset({8, 9, 10, 17}), "0.4 kV"),)
    assert plant.machine("a").standby == Standby(1.2, 10.0, 0.1, 2.4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tariffs: [{valid_from: 2026-01-01, category: 1}]", "price_per_kwh: is missing: category 1 needs it"),
        ("tariffs: [{valid_from: soon, category: 1, price_per_kwh: 1}]", "a day such as 2026-07-01"),
        ("tariffs: [{valid_from: 2026-01-01, category: 7, price_per_kwh: 1}]", "a whole number from 1 to 4"),
        ("tariffs: [{valid_from: 2026-01-01, category: 3}]", "table: is missing: category 3 needs it"),
        ("tariffs: [{valid_from: 2026-01-01, category: 4, table: t}]", "network_per_kw_month"),
        ("tariffs: [{valid_from: 2026-01-01, category: 1, price_per_kwh: 1, table: t}]", "table: does not belong to category 1"),
        (
            "tariffs: [{valid_from: 2026-01-01, category: 1, price_per_kwh: 1}, {valid_from: 2026-01-01, category: 1, price_per_kwh: 2}]",
            "stands twice",
        ),
        (
            "tariffs: [{valid_from: 2026-01-01, valid_to: 2026-01-31, category: 1, price_per_kwh: 1}, "
            "{valid_from: 2026-03-01, category: 1, price_per_kwh: 2}]",
            "leaves a hole after the entry that ends on 2026-01-31; expected 2026-02-01",
        ),
        (
            "tariffs: [{valid_from: 2026-01-01, valid_to: 2026-03-31, category: 1, price_per_kwh: 1}, "
            "{valid_from: 2026-03-01, category: 1, price_per_kwh: 2}]",
            "overlaps the entry that ends on 2026-03-31",
        ),
        (
            'tariffs: [{valid_from: 2026-01-01, category: 2, zones: [{name: day, price_per_kwh: 1, spans: [{from: "07:00", to: "23:00"}]}]}]',
            "mon 00:00 belongs to no zone",
        ),
        (
            'tariffs: [{valid_from: 2026-01-01, category: 2, zones: [{name: a, price_per_kwh: 1, spans: [{from: "00:00", to: "24:00"}]}, '
            '{name: b, price_per_kwh: 2, spans: [{from: "10:00", to: "11:00", days: [sat]}]}]}]',
            "sat 10:00 belongs to a and b",
        ),
        (
            'tariffs: [{valid_from: 2026-01-01, category: 2, zones: [{name: a, price_per_kwh: 1, spans: [{from: "07:05", to: "24:00"}]}]}]',
            "a quarter hour of the day",
        ),
        ("co2: [{valid_from: 2026-01-01, kg_per_kwh: 0.35}]", "source: is missing"),
        ("connection: [{valid_from: 2026-01-01, demand_window_min: 20}]", "one of 15, 30, 60"),
        ("connection: [{valid_from: 2026-01-01, high_load_hours: [11-8]}]", "hours of the day, such as"),
        ("machines: [{id: a, standby: {off_kw: 3, idle_kw: 2}}]", "less than idle_kw (2)"),
        ("tariffs: [{valid_from: 2026-01-01, category: 1, price_per_kwh: 1, zone: []}]", "unknown field 'zone' (did you mean zones?)"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_the_fix(text: str, words: str) -> None:
    assert words in problems(text)


def test_holidays_must_be_covered_where_a_zone_names_them() -> None:
    text = (
        "tariffs: [{valid_from: 2026-01-01, category: 2, zones: ["
        '{name: a, price_per_kwh: 1, spans: [{from: "00:00", to: "24:00", days: [mon, tue, wed, thu, fri, sat, sun]}]}, '
        '{name: b, price_per_kwh: 2, spans: [{from: "00:00", to: "12:00", days: [holiday]}]}]}]'
    )
    assert "holiday 12:00 belongs to no zone" in problems(text)
