"""The energy page's data: one plain sentence, sums that agree, ticks at the site's clock, what is missing is a dash."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.figures import Cost, IdleLedger, Trust
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_money import FakeMoney
from web_interface.format import Format
from web_interface.pages import energy_view as view
from web_interface.pages.machine_advice import advice_words

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow"), "₽") for lang in ("ru", "en"))
HOUR = 3_600_000_000
NIGHT = (shop.local_us(shop.TODAY, shop.time(0)) - 2 * HOUR, shop.local_us(shop.TODAY, shop.time(6)))
MONEY = FakeMoney(shop.ShopClock(running=False))


def name(machine_id: str) -> str:
    return next(t.machine.name for t in shop.TOOLS if t.machine.id == machine_id)


async def test_the_sentence_says_who_why_how_long_and_what_it_cost() -> None:
    ledger = await MONEY.idle_ledger(*NIGHT)
    assert ledger.worst is not None
    ru, en = (view.worst_sentence(ledger.worst, name, fmt) for fmt in (RU, EN))
    assert ru.startswith("DMU 50: не выключили после смены 2")
    assert en.startswith("DMU 50 was left on after shift 2 and idled for 7h 48m")
    for words in (ru, en):
        assert "242" in words
        assert "{" not in words


async def test_rows_of_machines_carry_the_idling_of_the_ledger() -> None:
    ledger, costs = await MONEY.idle_ledger(*NIGHT), await MONEY.costs("machine", *NIGHT)
    rows = {row["id"]: row["cells"] for row in view.machine_rows(costs, ledger, name, lambda _m: "", lambda m: f"/m/{m}", RU)}
    assert rows["dmu-50"]["idle_energy"]["text"] == "26,5"
    assert rows["mill-1"]["idle_energy"]["text"] == "—"
    assert sum(cells["idle_energy"]["sort"] for cells in rows.values()) == pytest.approx(ledger.energy_kwh)


async def test_short_stretches_stay_in_the_sums_and_out_of_the_list() -> None:
    ledger = await MONEY.idle_ledger(NIGHT[0], NIGHT[0] + 4 * 60_000_000)
    assert ledger.entries
    assert view.idle_rows(ledger.entries, name, RU, may_note=True) == []


async def test_the_chart_breaks_where_a_zone_ends_and_days_add_up() -> None:
    hours = await MONEY.cost_hours("site", *NIGHT)
    options, shown = view.cost_chart(hours, *NIGHT, RU, "Europe/Moscow")
    assert [series["name"] for series in options["series"]] == ["День", "Ночь"]
    assert all(series["data"][-1][1] is None for series in options["series"])
    assert [label for _, label, _ in shown["ticks"]][:3] == ["22:00", "23:00", "00:00"]
    month = (NIGHT[0] - 20 * 24 * HOUR, NIGHT[1])
    daily, _ = view.cost_chart(await MONEY.cost_hours("site", *month), *month, RU, "Europe/Moscow")
    points = [v for _, v in daily["series"][0]["data"] if v is not None]
    total = sum(h.cost or 0.0 for h in await MONEY.cost_hours("site", *month))
    assert sum(points) - points[-1] == pytest.approx(total, abs=0.2)  # the last one is drawn to its end


def test_money_and_energy_have_their_units() -> None:
    assert view.money(242.4, RU) == "242\u00a0₽"
    assert view.money(None, RU) == "—"
    assert view.energy(12_345.0, EN) == "12.3\u00a0MWh"


@pytest.mark.parametrize(("machine_id", "words"), [("lathe-2", "switching off pays from 31"), ("dmu-50", "")])
async def test_a_machine_that_idles_has_its_advice_in_words(machine_id: str, words: str) -> None:
    found = advice_words(await MONEY.standby_of(machine_id), EN)
    assert (words in found) if words else found == ""


async def test_a_period_nobody_measured_wasted_a_dash_not_nothing() -> None:
    trust = Trust(0.0, 0.0)
    site = Cost("site", 0, HOUR, None, None, 0.0, (), trust)
    ledger = IdleLedger(0, HOUR, (), (), None, 0.0, 0.0, None, trust)
    assert view.unmeasured(site, ledger)
    tile = view.tiles(site, None, ledger, RU)["idle"]
    assert (tile["value"], tile["note"]) == ("—", [["Данных нет", "em-quiet"]])
