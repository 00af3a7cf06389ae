"""What the overview says about a shop, without a browser."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.alert import AlertState
from domain.energy import ShiftWindow
from domain.state import MachineState, StateInterval
from tests.web_interface import fake_shop
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages import overview_view as view
from web_interface.pages.overview_chart import (
    chart_options,
    chart_series,
    chart_view,
    day_bounds_us,
    gaps,
    series_changes,
    top_kw,
)
from web_interface.pages.overview_flow import flow
from web_interface.pages.overview_tiles import cost_tile, elapsed_share, energy_tile, power_tile, tiles
from web_interface.services.live import ShopNow

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))
HOUR = 3_600_000_000


@pytest.fixture
def shop() -> ShopNow:
    return build_services(fake_shop.ShopClock(running=False)).live.shop()


@pytest.fixture
def nothing() -> ShopNow:
    """A plant without machines, shifts or data."""
    return ShopNow(fake_shop.START_US, None, None, None, 0.0, None, [], 0.0, 0, 0)


SITE = fake_shop.plant().site


def words(parts: Any) -> str:
    """Rich text as a desktop shows it."""
    return "".join(text for text, cls in parts if cls != "em-instead")


def test_tiles_of_the_picture(shop: ShopNow) -> None:
    drawn = tiles(shop, SITE, RU)
    assert (drawn["power"]["value"], drawn["power"]["unit"]) == ("138", "кВт")
    assert words(drawn["power"]["note"]) == "Договор 160 · запас 22"
    assert (drawn["energy"]["value"], drawn["energy"]["unit"]) == ("742", "кВт·ч")
    assert (drawn["cost"]["value"], drawn["cost"]["unit"]) == ("6,11", "тыс.\u00a0₽")
    assert words(drawn["kef"]["note"]) == "▲\u00a00,03 к цели 0,82: лучше"
    assert [count for *_, count in drawn["states"]["states"]] == ["7", "2", "1", "1", "1"]
    assert words(drawn["states"]["note"]) == "7 работают · 1 авария"
    assert (drawn["data"]["value"], words(drawn["data"]["note"])) == ("99,8", "Молчит HAAS VF-2, 6\u00a0мин")


def test_more_power_than_the_contract_is_said_in_words_and_colour(shop: ShopNow) -> None:
    tile = power_tile(replace(shop, power_kw=171.4), SITE, EN)
    assert words(tile["note"]) == "Contract 160 · over by 11"
    assert tile["note"][1][1] == "em-alarm"
    assert tile["bar"]["tone"] == "over"


@pytest.mark.parametrize(
    ("kwh", "note", "tone"),
    [(742, "▼\u00a00,4", ""), (700, "экономия", "em-good"), (800, "перерасход", "em-alarm"), (745.5, "по плану", "")],
)
def test_a_rise_of_energy_is_bad_and_a_fall_is_good(shop: ShopNow, kwh: float, note: str, tone: str) -> None:
    tile = energy_tile(replace(shop, shift_energy_kwh=kwh), SITE, RU)
    if tone:
        assert note in words(tile["note"])
        assert all(tone in cls for _, cls in (tile["note"][0], tile["note"][-1]))
        gives_way = tile["note"][1][1]  # before the word of the meaning would be cut
        assert gives_way == ("em-spare-soon" if note == "перерасход" else "em-spare")
    else:
        assert "по плану" in words(tile["note"])


def test_in_the_first_minutes_of_a_shift_the_plan_is_told_instead_of_a_wild_percentage(shop: ShopNow) -> None:
    assert shop.shift is not None
    began = replace(shop, now_us=shop.shift.from_us + 7_000_000, shift_energy_kwh=2.0)
    assert words(energy_tile(began, SITE, RU)["note"]) == "план смены 890\u00a0кВт·ч"


def test_a_shop_without_anything_still_says_what_is_missing(nothing: ShopNow) -> None:
    for fmt in (RU, EN):
        bare = replace(SITE, contract_kw=None, tariff_per_kwh=None, kef_target=None, shift_plan_kwh=None)
        for site in (SITE, bare):
            for name, tile in tiles(nothing, site, fmt).items():
                assert words(tile.get("stale") or tile["note"]), name
    assert tiles(nothing, SITE, RU)["power"]["value"] == "—"
    assert flow(nothing, SITE, RU)["groups"] == []
    assert chart_series(nothing) == {0: [], 1: [], 2: []}
    assert chart_options(nothing, replace(SITE, contract_kw=None), RU)["yAxis"]["max"] > 0
    assert view.by_section(nothing.machines) == {}


def test_cost_forecast_and_plan_are_told_in_one_unit(shop: ShopNow) -> None:
    """At the beginning of a shift 767 roubles are heading for thousands: beside a figure in roubles these read as less."""
    tile = cost_tile(replace(shop, shift_cost=767.0), SITE, RU)
    assert (tile["value"], tile["unit"]) == ("0,77", "тыс.\u00a0₽")
    assert "".join(part for part, _ in tile["note"]) == "К концу ≈\u00a01,95, план 7,33"


def test_a_silent_machine_shows_a_dash_and_what_it_was_never_zero(shop: ShopNow) -> None:
    silent = next(m for m in shop.machines if m.state is MachineState.NO_DATA)
    card = view.card(silent, shop, RU)
    assert card["kw"] is None
    assert card["was"].startswith("было ")
    row = next(r for g in flow(shop, SITE, RU)["groups"] for r in g["rows"] if r["id"] == silent.machine.id)
    assert row["missing"]
    assert row["text"].startswith("≈")


def test_cards_stand_in_the_plants_order_by_section(shop: ShopNow) -> None:
    sections = view.by_section(shop.machines)
    assert list(sections) == ["Токарный участок · ЩР-1", "Фрезерный участок · ЩР-2", "Отделка и термообработка · ЩР-3"]
    assert [m.machine.name for m in sections["Фрезерный участок · ЩР-2"]] == ["ГФ2171", "6Р13", "HAAS VF-2", "DMU 50"]
    ranks = {m.machine.name: view.card(m, shop, RU)["rank"] for m in shop.machines}
    assert sorted(ranks, key=lambda name: ranks[name])[:2] == ["Печь СНО-4", "HAAS VF-2"]


def test_the_strip_ends_at_now_and_is_clipped_to_the_shift(shop: ShopNow) -> None:
    assert shop.shift is not None
    machine = replace(
        shop.machines[0],
        intervals=[
            StateInterval("x", MachineState.OFF, shop.shift.from_us - 5 * HOUR, shop.shift.from_us + 2 * HOUR),
            StateInterval("x", MachineState.PRODUCTION, shop.shift.from_us + 2 * HOUR, None),
        ],
    )
    now = shop.shift.from_us + 4 * HOUR
    assert view.strip(machine, shop.shift, now) == [[0.0, 25.0, "off"], [25.0, 25.0, "production"]]
    assert view.strip(machine, None, now) == []


def test_the_spark_breaks_where_there_is_no_value(shop: ShopNow) -> None:
    assert shop.shift is not None
    at = shop.shift.from_us
    machine = replace(shop.machines[0], spark=[(at, 5.0), (at + HOUR, None), (at + 2 * HOUR, 10.0), (at - HOUR, 99.0)])
    points = view.spark(machine, shop.shift)
    assert [x for x, _ in points] == [0.0, 12.5, 25.0]
    assert points[1][1] is None
    assert points[0][1] is not None
    assert points[0][1] < points[2][1]  # type: ignore[operator]


def test_alerts_that_wait_come_first_then_by_priority() -> None:
    services = build_services(fake_shop.ShopClock(running=False))
    data = view.alerts(services.alerts.active(), services.plant.plant, fake_shop.START_US, RU, may_acknowledge=True)
    assert [(r["priority"], r["open"]) for r in data["rows"]] == [
        ("critical", True),
        ("high", True),
        ("medium", False),
        ("low", False),
        ("high", True),
    ]
    assert (data["rows"][0]["name"], data["rows"][0]["text"]) == ("Печь СНО-4", "Ток L2 78,4\u00a0А, предел 75\u00a0А")
    assert data["rows"][3]["name"] == "Ввод"
    assert data["rows"][4]["returned"]


def test_an_alert_that_is_not_stored_yet_cannot_be_acknowledged() -> None:
    services = build_services(fake_shop.ShopClock(running=False))
    alert = replace(next(a for a in services.alerts.active() if a.state is AlertState.UNACKNOWLEDGED), id=0)
    assert not view.alert_row(alert, services.plant.plant, fake_shop.START_US, EN)["mayAck"]


def test_chart_pushes_only_what_grew() -> None:
    old = {0: [[1, 5.0], [2, 6.0]], 1: [[1, 1.0]], 2: [[2, 6.0]]}
    assert series_changes(old, {0: [[1, 5.0], [2, 7.0], [3, 8.0]], 1: [[1, 1.0]], 2: [[3, 8.0]]}) == {
        "push": [[0, 2, 7.0], [0, 3, 8.0]],
        "set": {"2": [[3, 8.0]]},
    }
    assert series_changes(old, old) == {}
    assert series_changes(old, {**old, 0: [[9, 1.0]]}) == {"set": {"0": [[9, 1.0]]}}
    assert series_changes(old, {**old, 0: [[1, 5.5], [2, 6.0]]}) == {"set": {"0": [[1, 5.5], [2, 6.0]]}}


@pytest.mark.parametrize(("high", "top", "step"), [(139.0, 180, 60), (20.0, 180, 60), (171.0, 200, 40), (800.0, 900, 300)])
def test_the_axis_ends_at_a_round_step_over_everything(shop: ShopNow, high: float, top: float, step: float) -> None:
    flat = replace(shop, power_trend=[(0, high)], yesterday=[], power_kw=high)
    assert top_kw(flat, SITE)[0] >= max(high, 160)
    assert top_kw(flat, SITE) == (top, step)


def test_the_day_of_the_chart_follows_the_clock_changes() -> None:
    berlin = Format("en", ZoneInfo("Europe/Berlin"))
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 19), 24)):
        noon = round(__import__("datetime").datetime(day.year, day.month, day.day, 12, tzinfo=berlin.zone).timestamp() * 1e6)
        start, end = day_bounds_us(noon, berlin)
        assert (end - start) / HOUR == hours
        ticks = chart_view(ShopNow(noon, None, None, None, 0, None, [], 0, 0, 0), SITE, berlin)["ticks"]
        assert (len(ticks), ticks[0][1], ticks[-1][1]) == (hours + 1, "00:00", "24:00")


def test_a_gap_is_drawn_with_its_length(shop: ShopNow) -> None:
    start = fake_shop.SHIFT_US
    trend = [(start + i * HOUR // 12, None if 3 <= i < 28 else 5.0) for i in range(36)]
    found = gaps(replace(shop, power_trend=trend, now_us=trend[-1][0] + 1), RU)
    assert found == [
        {"from": trend[3][0] // 1000, "to": trend[28][0] // 1000, "name": "нет данных\n2\u00a0ч\u00a05\u00a0мин"},
    ]
    silent = replace(shop, power_trend=trend[:10], power_kw=None, now_us=trend[10][0])
    assert [(g["from"], g["to"], g["name"]) for g in gaps(silent, RU)] == [(trend[3][0] // 1000, trend[10][0] // 1000, "")]
    assert gaps(replace(shop, power_trend=[]), RU) == []


def test_share_of_the_shift() -> None:
    shift = ShiftWindow("1", date(2026, 11, 19), 0, 8 * HOUR)
    assert elapsed_share(shift, 2 * HOUR) == 0.25
    assert elapsed_share(shift, 9 * HOUR) == 1.0
    assert elapsed_share(None, 5) == 0.0


def test_a_view_of_the_whole_shop_is_cheap(shop: ShopNow) -> None:
    """Drawn once a second for all pages of a language: well under a tenth of a core even on a slow PC."""
    started = time.thread_time()
    for _ in range(10):
        tiles(shop, SITE, RU)
        flow(shop, SITE, RU)
        for m in shop.machines:
            view.card(m, shop, RU)
    assert (time.thread_time() - started) / 10 < 0.1
