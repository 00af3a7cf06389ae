"""From the overview back in time: the same figure of other shifts and days."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from domain.energy import ShiftWindow
from tests.web_interface import fake_shop as shop
from web_interface.pages.overview_periods import back_links
from web_interface.period import Periods

ZONE = ZoneInfo("Europe/Moscow")
HOUR = 3_600_000_000
MIDNIGHT = shop.START_US - shop.START_US % (24 * HOUR) - 3 * HOUR  # of the site, before START


def shifts(day: date) -> list[ShiftWindow]:
    """Two a day: 7 to 15 and 15 to 23."""
    begin = MIDNIGHT + (day - _today()) // timedelta(days=1) * 24 * HOUR
    return [ShiftWindow(name, day, begin + hour * HOUR, begin + (hour + 8) * HOUR) for name, hour in (("1", 7), ("2", 15))]


def _today() -> date:
    return Periods(ZONE, lambda _: [], shop.START_US).today


def asked(links: object) -> dict[str, dict[str, list[str]]]:
    return {key: parse_qs(urlsplit(href).query) for key, _words, href in links}  # type: ignore[attr-defined]


def test_a_tile_leads_to_this_shift_the_one_before_today_and_yesterday() -> None:
    found = asked(back_links(Periods(ZONE, shifts, shop.START_US), "energy", "ru", in_shift=True))
    today, eve = _today().isoformat(), (_today() - timedelta(days=1)).isoformat()
    assert found == {
        "shift": {"period": ["shift"], "at": [f"{today}/1"]},
        "shift_before": {"period": ["shift"], "at": [f"{eve}/2"]},
        "today": {"period": ["today"]},
        "yesterday": {"period": ["yesterday"]},
    }


def test_the_tile_of_power_leads_to_the_windows_of_demand() -> None:
    found = asked(back_links(Periods(ZONE, shifts, shop.START_US), "power", "en", in_shift=True))
    assert {query["tab"][0] for query in found.values()} == {"demand"}


def test_between_shifts_the_last_one_is_the_one_before_and_a_shop_without_shifts_has_days() -> None:
    late = asked(back_links(Periods(ZONE, shifts, MIDNIGHT + 23 * HOUR + 1), "energy", "ru", in_shift=False))
    assert list(late) == ["shift_before", "today", "yesterday"]
    assert late["shift_before"]["at"] == [f"{_today().isoformat()}/2"]
    assert list(asked(back_links(Periods(ZONE, lambda _: [], shop.START_US), "energy", "ru", in_shift=False))) == ["today", "yesterday"]
