"""Where power and energy go: branches, other load, what is estimated, and the words for who does not see the drawing."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.energy import EnergyAccount
from domain.quality import Quality
from tests.web_interface import fake_shop
from tests.web_interface.fakes import build_services
from web_interface.components import PowerFlow
from web_interface.format import Format
from web_interface.pages.overview_chart import day_bounds_us
from web_interface.pages.overview_flow import DAY, SHIFT, Data, fed_kwh, flow
from web_interface.services.live import MachineNow, ShopNow

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))
HOUR = 3_600_000_000
FIVE_MIN = HOUR // 12
SITE = fake_shop.plant().site


@pytest.fixture
def shop() -> ShopNow:
    return build_services(fake_shop.ShopClock(running=False)).live.shop()


def rows(data: Data) -> dict[str, Data]:
    return {row["id"]: row for group in data["groups"] for row in group["rows"]}


def account(m: MachineNow, kwh: float | None, estimated: float = 0.0, source: str = "counter") -> EnergyAccount:
    return EnergyAccount(m.machine.id, 0, HOUR, kwh, estimated, 1.0, source)


def test_the_flow_adds_up(shop: ShopNow) -> None:
    data = flow(replace(shop, power_kw=200.0, machines=[m for m in shop.machines if m.power_kw is not None]), SITE, RU)
    assert sum(r["value"] for r in rows(data).values()) + data["rest"]["value"] == pytest.approx(200.0, abs=0.2)
    assert data["rest"]["text"].startswith("Прочее ")
    assert data["rest"]["label"].startswith("Прочее: ")


def test_energy_through_the_main_meter(shop: ShopNow) -> None:
    start = shop.now_us - 2 * HOUR
    trend = [(start + i * FIVE_MIN, 60.0) for i in range(24)]
    now = start + 2 * HOUR - FIVE_MIN // 2  # half of the last mean is still to come
    fed = replace(shop, power_trend=trend, now_us=now)
    assert fed_kwh(fed, SITE, start) == pytest.approx(117.5)
    assert fed_kwh(fed, SITE, start + HOUR) == pytest.approx(57.5)
    assert fed_kwh(fed, replace(SITE, main_meter=None), start) is None
    assert fed_kwh(fed, SITE, start - HOUR) is None  # a night shift began before the day did
    assert fed_kwh(replace(fed, power_trend=[*trend[:3], *((at, None) for at, _ in trend[3:6]), *trend[6:]]), SITE, start) is None


def test_energy_that_no_machine_accounts_for_is_other(shop: ShopNow) -> None:
    midnight = day_bounds_us(shop.now_us, RU)[0]
    trend = [(at, 100.0) for at in range(midnight, shop.now_us, FIVE_MIN)]
    hours = (shop.now_us - midnight) / HOUR
    day = {m.machine.id: account(m, 50.0) for m in shop.machines}
    data = flow(replace(shop, power_trend=trend), SITE, EN, DAY, day)
    assert data["rest"]["value"] == pytest.approx(hours * 100 - 50 * len(day), abs=0.2)
    assert data["main"]["text"].startswith("≈")  # from mean power, not from a counter
    assert data["label"] == "Where the power goes: Today"
    even = {m.machine.id: account(m, hours * 100 / len(shop.machines) * 0.99) for m in shop.machines}
    assert flow(replace(shop, power_trend=trend), SITE, EN, DAY, even)["rest"] is None  # within what the sum of means can tell


def test_without_a_main_meter_the_feed_is_the_sum(shop: ShopNow) -> None:
    total = sum(m.shift.energy_kwh or 0.0 for m in shop.machines if m.shift is not None)
    data = flow(replace(shop, shift_energy_kwh=total), replace(SITE, main_meter=None), RU, SHIFT)
    assert data["main"]["text"] == f"{RU.number(total, 0)}\u00a0кВт·ч"
    assert data["rest"] is None


@pytest.mark.parametrize(
    ("kwh", "estimated", "source", "about"),
    [(100.0, 0.0, "counter", False), (100.0, 0.5, "counter", False), (100.0, 5.0, "counter", True), (9.0, 0.0, "integrated_power", True)],
)
def test_estimated_energy_is_marked(shop: ShopNow, kwh: float, estimated: float, source: str, about: bool) -> None:
    first = shop.machines[0]
    data = flow(shop, SITE, EN, DAY, {first.machine.id: account(first, kwh, estimated, source)})
    row = rows(data)[first.machine.id]
    assert (row["estimated"], row["text"].startswith("≈")) == (about, about)
    assert data["words"]["estimated"] == "{name}: {text}\u00a0kWh, {share} of the feed, estimated"
    assert data["groups"][0]["text"].startswith("≈") is about


def test_a_machine_without_an_account_has_no_data_and_no_zero(shop: ShopNow) -> None:
    row = next(iter(rows(flow(shop, SITE, EN, DAY, {})).values()))
    assert (row["missing"], row["text"], row["value"]) == (True, "—", 0.0)
    assert flow(shop, SITE, EN, DAY, {})["words"]["none"] == "{name}: no data"


def test_a_day_that_is_not_known_yet_is_not_all_other_load(shop: ShopNow) -> None:
    data = flow(shop, SITE, RU, DAY)
    assert data["rest"] is None
    assert {row["text"] for row in rows(data).values()} == {"—"}


def test_doubtful_power_is_about(shop: ShopNow) -> None:
    first = replace(shop.machines[0], power_kw=7.0, power_quality=Quality.HELD)
    data = flow(replace(shop, power_kw=140.0, machines=[first, *shop.machines[1:]]), SITE, RU)
    row = rows(data)[first.machine.id]
    assert (row["text"], row["share"], row["estimated"]) == ("≈\u00a07,0", "5\u00a0%", True)
    assert data["words"]["estimated"] == "{name}: {text}\u00a0кВт, {share} от ввода, оценка"


def test_only_what_changed_of_the_flow_is_sent(shop: ShopNow) -> None:
    part = PowerFlow.__new__(PowerFlow)  # the element itself needs an open page
    part._data, part._taken, part._props = dict(flow(shop, SITE, EN)), None, {}  # type: ignore[assignment]
    first = shop.machines[0]
    other = flow(replace(shop, machines=[replace(first, power_kw=(first.power_kw or 0) + 9), *shop.machines[1:]]), SITE, EN)
    changes = part.flow_changes(other)
    assert set(changes["rows"]) == {first.machine.id}
    assert {"value", "text"} <= set(changes["rows"][first.machine.id])
    board = next(g for g in other["groups"] if g["name"] == first.machine.board)
    assert changes["texts"] == {first.machine.board: {"text": board["text"], "label": board["label"]}}
