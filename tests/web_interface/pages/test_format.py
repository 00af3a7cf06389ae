"""Numbers, units and times as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from web_interface.format import Format

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))


def us(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1e6)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "digits", "ru", "en"),
    [
        (1234.5, 1, "1\u00a0234,5", "1,234.5"),
        (-0.3, 1, "\u22120,3", "\u22120.3"),
        (None, 1, "—", "—"),
        (float("nan"), 1, "—", "—"),
        (float("inf"), 0, "—", "—"),
        (-0.04, 1, "0,0", "0.0"),
        (83847, 0, "83\u00a0847", "83,847"),
        (0, 2, "0,00", "0.00"),
    ],
)
def test_numbers(value: float | None, digits: int, ru: str, en: str) -> None:
    assert (RU.number(value, digits), EN.number(value, digits)) == (ru, en)


@pytest.mark.parametrize(
    ("value", "ru"),
    [(83.847, "83,8"), (742.31, "742"), (1240.7, "1\u00a0241"), (0.85, "0,85"), (6.114, "6,11"), (0, "0,0"), (9.996, "10,00")],
)
def test_three_significant_figures(value: float, ru: str) -> None:
    assert RU.significant(value) == ru


def test_energy_changes_its_unit_where_the_figure_gets_long() -> None:
    assert RU.energy(742.4) == ("742", "кВт·ч")
    assert RU.energy(9_999) == ("9\u00a0999", "кВт·ч")
    assert EN.energy(83_847) == ("83.8", "MWh")
    assert EN.energy(None) == ("—", "kWh")


def test_money() -> None:
    assert RU.money(6110) == ("6,11", "тыс.\u00a0₽")
    assert RU.money(912.4) == ("912", "₽")
    assert EN.money(2_500_000) == ("2.50", "M\u00a0₽")
    assert RU.money(None) == ("—", "₽")


def test_per_cent_is_a_hundred_only_when_it_is_all() -> None:
    assert RU.percent(0.034) == "3,4\u00a0%"
    assert EN.percent(0.034) == "3.4%"
    assert RU.percent(0.99996) == "99,9\u00a0%"
    assert RU.percent(1) == "100,0\u00a0%"
    assert EN.percent(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "ru", "en"),
    [
        (6, "6\u00a0с", "6s"),
        (11 * 60 + 59, "11\u00a0мин", "11m"),
        (5 * 3600 + 8 * 60, "5\u00a0ч\u00a08\u00a0мин", "5h 8m"),
        (3600, "1\u00a0ч", "1h"),
        (3 * 86400 + 4 * 3600, "3\u00a0д\u00a04\u00a0ч", "3d 4h"),
        (-5, "0\u00a0с", "0s"),
    ],
)
def test_durations(seconds: float, ru: str, en: str) -> None:
    assert (RU.duration(seconds), EN.duration(seconds)) == (ru, en)


def test_coarse_duration_keeps_the_first_part() -> None:
    assert EN.duration(3 * 86400 + 4 * 3600, coarse=True) == "3d"


def test_times_are_the_sites() -> None:
    at = us(2026, 11, 19, 21, 30)  # half past midnight of the 20th in Moscow
    assert RU.clock(at) == "00:30"
    assert RU.day(at) == "20.11.2026"
    assert EN.day(at) == "20 Nov 2026"
    assert EN.date(date(2026, 1, 2)) == "2 Jan 2026"
    assert RU.moment(at, at + 60_000_000) == "00:30"
    assert RU.moment(at - 3_600_000_000, at) == "19.11.2026 23:30"


def test_value_with_unit() -> None:
    assert RU.value(78.4, "A") == "78,4\u00a0А"
    assert EN.value(0.961, "1", 3) == "0.961"
    assert RU.value(None, "kW") == "—\u00a0кВт"
    assert RU.value(3.0, "furlong", 0) == "3\u00a0furlong"
