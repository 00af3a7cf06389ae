"""What a screen on the wall says about a shop, without a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from domain.energy import ShiftWindow
from domain.state import MachineState
from tests.web_interface import fake_shop
from tests.web_interface.fakes import build_services
from web_interface.components import WallMachines
from web_interface.format import Format
from web_interface.pages import floor_view, overview_view
from web_interface.pages import wall_view as view
from web_interface.pages.overview_chart import day_bounds_us
from web_interface.services.live import ShopNow

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))
HOUR = 3_600_000_000
SITE = fake_shop.plant().site


@pytest.fixture
def shop() -> ShopNow:
    return build_services(fake_shop.ShopClock(running=False)).live.shop()


@pytest.fixture
def nothing() -> ShopNow:
    """A plant without machines, shifts or data."""
    return ShopNow(fake_shop.START_US, None, None, None, 0.0, None, [], 0.0, 0, 0)


def note(power: view.Data) -> str:
    return "".join(words for words, _ in power["note"])


def test_power_against_the_contract_in_words(shop: ShopNow) -> None:
    under = view.power(replace(shop, power_kw=139.0), SITE, RU)
    assert (under["value"], under["unit"], under["over"], note(under)) == ("139", "кВт", False, "Запас до договора 21\u00a0кВт")
    over = view.power(replace(shop, power_kw=171.4), SITE, EN)
    assert (over["over"], note(over)) == (True, "Over the contract by 11\u00a0kW")


def test_a_silent_shop_shows_a_dash_and_why(nothing: ShopNow) -> None:
    power = view.power(nothing, SITE, RU)
    assert (power["value"], power["known"], power["curve"]["now"]) == ("—", False, None)
    assert "молчат" in note(power)
    assert view.machines(nothing, EN)["tiles"] == []
    assert view.shift_words(nothing, EN) == "No shift now"
    assert note(view.power(replace(nothing, power_kw=5.0), replace(SITE, contract_kw=None), EN)) == "no contract power set"


def test_the_curve_spans_the_shift_and_ends_now(shop: ShopNow) -> None:
    curve = view.curve(shop, SITE, RU)
    assert [words for _, words in curve["ticks"]] == ["07:00", "09:00", "11:00", "13:00", "15:00"]
    assert curve["today"][0][0] == 0.0
    assert curve["today"][-1][0] <= curve["now"][0]
    assert curve["yesterday"][-1][0] > curve["now"][0]
    assert curve["contract"]["text"] == "договор 160\u00a0кВт"
    assert 0 < curve["contract"]["y"] <= 100


def test_a_shift_over_midnight_is_drawn_on_the_day(shop: ShopNow) -> None:
    start, end = day_bounds_us(shop.now_us, RU)
    night = replace(shop, shift=ShiftWindow("3", date(2026, 11, 18), start - HOUR, start + 7 * HOUR))
    assert view.window_us(night, RU) == (start, end)
    assert [words for _, words in view.curve(night, SITE, RU)["ticks"]] == ["00:00", "06:00", "12:00", "18:00", "24:00"]


def test_missing_power_breaks_the_line_and_is_one_gap(shop: ShopNow) -> None:
    assert shop.shift is not None
    start = shop.shift.from_us
    trend = [(start, 5.0), (start + HOUR, None), (start + 2 * HOUR, None), (start + 3 * HOUR, 7.0)]
    curve = view.curve(replace(shop, power_trend=trend), SITE, RU)
    assert [y is None for _, y in curve["today"]] == [False, True, True, False]
    assert curve["gaps"] == [[12.5, 25.0]]


def test_tiles_in_the_plants_order_with_a_silent_machine_as_such(shop: ShopNow) -> None:
    drawn = view.machines(shop, RU)
    assert [tile["id"] for tile in drawn["tiles"]] == [m.machine.id for m in shop.machines]
    assert [n for *_, n in drawn["counts"]] == [7, 2, 1, 1, 1]
    silent = next(tile for tile in drawn["tiles"] if tile["state"] == MachineState.NO_DATA.value)
    assert (silent["value"], silent["silent"]) == ("", ["Нет данных", "6\u00a0мин"])


def test_only_what_changed_of_a_tile_is_sent(shop: ShopNow) -> None:
    drawn = view.machines(shop, EN)
    part = WallMachines.__new__(WallMachines)  # the element itself needs an open page
    part._data, part._taken, part._props = dict(drawn), None, {}  # type: ignore[assignment]
    first = shop.machines[0]
    other = view.machines(replace(shop, machines=[replace(first, power_kw=99.94), *shop.machines[1:]]), EN)
    changes = part.tile_changes(other)
    assert changes["tiles_changed"][first.machine.id]["value"] == "99.9"
    assert list(changes) == ["tiles_changed"]
    assert part.tile_changes(other) == {}
    fewer = view.machines(replace(shop, machines=shop.machines[1:]), EN)
    assert len(part.tile_changes(fewer)["tiles"]) == len(shop.machines) - 1


def test_the_most_urgent_alert_comes_first_and_all_are_counted() -> None:
    services = build_services(fake_shop.ShopClock(running=False))
    drawn = view.alerts(services.alerts.active(), services.plant.plant, fake_shop.START_US, RU)
    assert (drawn["rows"][0]["priority"], drawn["rows"][0]["name"]) == ("critical", "Печь СНО-4")
    assert [n for *_, n in drawn["counts"]] == [1, 2, 1, 1]
    assert view.alerts([], services.plant.plant, fake_shop.START_US, EN)["empty"]


def test_a_machine_without_data_shows_no_power_even_when_its_meter_has_one(shop: ShopNow) -> None:
    silent = replace(shop.machines[0], state=MachineState.NO_DATA, power_kw=0.0)
    tile = view.tile(silent, shop, RU)
    assert (tile["value"], tile["silent"][0]) == ("", "Нет данных")
    assert overview_view.card(silent, shop, RU)["kw"] is None
    [mark] = floor_view.marks(replace(shop, machines=[silent]), RU)
    assert (mark["kw"], mark["unit"]) == ("—", "")
