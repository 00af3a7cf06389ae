"""Heat map, load duration curve and the meter's passport of a machine's page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.balance import Metering
from domain.ports import RollupRow
from tests.web_interface import fake_shop as shop
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages import machine_load as load
from web_interface.pages.machine_passport import calibration, rows_of

BERLIN = ZoneInfo("Europe/Berlin")
RU, EN = Format("ru", shop.ZONE), Format("en", BERLIN)
HOUR_US = 3_600_000_000
MACHINE = shop.TOOLS[0].machine


def row(time_us: int, mean: float | None, top: float | None = None) -> RollupRow:
    return RollupRow(time_us, 60, 60 if mean is not None else 0, mean, top if top is not None else mean, mean, mean, mean, HOUR_US)


def us(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]


def test_hours_are_those_of_the_sites_clock_and_the_repeated_one_is_the_mean_of_both() -> None:
    first = us(2026, 10, 24, 22)  # midnight in Berlin; at 03:00 the clock goes back to 02:00
    hours = load.by_hour([row(first + n * HOUR_US, float(n)) for n in range(25)], BERLIN)
    day = date(2026, 10, 25)
    assert hours[day, 1] == 1.0
    assert hours[day, 2] == 2.5
    assert hours[day, 3] == 4.0
    assert hours[day, 23] == 24.0
    assert len(hours) == 24


def test_an_hour_nothing_is_known_of_is_no_zero() -> None:
    first = date(2026, 11, 1)
    hours = {(first, 8): 0.0, (first, 9): 7.0}
    found = load.heat(hours, first, MACHINE, EN)
    assert len(found["days"]) == load.DAYS
    oldest = found["days"][-1]
    assert [oldest["cells"][hour][0] for hour in (7, 8, 9)] == [None, 0, load.LEVELS - 1]
    assert "no data" in oldest["cells"][7][1]
    assert "period=custom&at=2026-11-01&to=2026-11-01" in oldest["href"]
    assert load.heat({}, first, MACHINE, EN)["days"][0]["cells"][0][0] is None


def test_negative_power_is_the_lowest_level() -> None:
    first = date(2026, 11, 1)
    found = load.heat({(first, 0): -3.0, (first, 1): 5.0}, first, MACHINE, EN)
    assert found["days"][-1]["cells"][0][0] == 0


def test_the_duration_curve_falls_and_tells_how_long_what_was_drawn() -> None:
    powers = [float(n) for n in range(1, 101)]
    found = load.duration([row(n, kw, kw + 5) for n, kw in enumerate(powers)], 900, 28 * 86400)
    assert found is not None
    assert found.known_h == pytest.approx(25.0)
    assert found.asked_h == pytest.approx(672.0)
    assert (found.max_kw, found.mean_kw) == (105.0, pytest.approx(50.5))
    assert [kw for _, kw in found.points] == sorted(powers, reverse=True)
    assert found.at_share(0.1) == 91.0
    assert found.hours_above(51.0) == pytest.approx(12.5)
    assert found.hours_above(1000.0) == 0.0
    assert load.duration([row(0, None)], 900, 900) is None


def test_a_long_curve_keeps_its_ends() -> None:
    found = load.duration([row(n, float(n)) for n in range(2688)], 900, 28 * 86400)
    assert found is not None
    assert len(found.points) <= load.MOST_POINTS + 60
    assert found.points[0] == (0.25, 2687.0)
    assert found.points[-1] == (672.0, 0.0)


def test_four_weeks_end_today() -> None:
    first = load.first_day(us(2026, 11, 26, 23, 30), BERLIN)  # the 27th in Berlin
    assert first == date(2026, 11, 27) - timedelta(days=27)
    assert load.begin_of(first, BERLIN) == us(2026, 10, 30, 23)


@pytest.mark.parametrize(
    ("due", "words", "tone"),
    [
        (None, "no date given", "em-quiet"),
        (date(2026, 11, 25), "25/11/2026, overdue", "em-alarm"),
        (date(2026, 11, 26), "26/11/2026, 0 d left", "em-b"),
        (date(2027, 3, 1), "01/03/2027", ""),
    ],
)
def test_a_verification_that_ends_is_said(due: date | None, words: str, tone: str) -> None:
    today = date(2026, 11, 26)
    shown = EN.date(due) if due is not None else ""
    said = calibration(due, today, EN)
    assert said[1] == tone
    assert said[0] == (words if due is None else words.replace(words.split(",", maxsplit=1)[0], shown))


def test_the_passport_tells_what_is_known() -> None:
    services = build_services()
    plant = services.plant.plant
    device = next(d for d in plant.devices if d.id == MACHINE.meter)
    device = replace(device, options={**device.options, "ct_ratio": 40}, metering=Metering(meter_class=0.5))
    latest = {value.tag.point: value for value in services.live.latest(device=device.id)}
    rows = {name: words for name, words, _ in rows_of(device, plant, latest, date(2026, 11, 26), RU)}
    assert rows["Коэффициент ТТ"] == "40"
    assert rows["Класс точности"] == "0,50"
    assert rows["Поверка до"] == "дата не указана"
