"""The panel's data: formula with numbers of the language, spans, notes."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.explain import Explanation, Span, Term, substitute
from tests.web_interface import fake_shop as shop
from web_interface.format import Format
from web_interface.pages.explain_view import panel

TERMS = (Term("E_prod", 77.46, "kWh", "counter"), Term("E_total", 86.2, "kWh", "counter"))
ONE = Explanation(
    "kef.K1", 1, "lathe-1", shop.SHIFT_US, shop.SHIFT_US + 3600 * shop.S, 77.46 / 86.2, "1", "E_prod / E_total",
    substitute("E_prod / E_total", TERMS), TERMS, "/api/explain?figure=kef.K1", "formulas.md#4",
    spans=tuple(Span(shop.SHIFT_US + n * shop.S, shop.SHIFT_US + (n + 1) * shop.S, "idle", 0.1, "kWh") for n in range(10)),
    filters=("state=idle",), completeness=0.9, notes=("explain.note.no_states",),
)  # fmt: skip
RU = Format("ru", ZoneInfo("Europe/Moscow"))
EN = Format("en", ZoneInfo("Europe/Moscow"))


def test_a_quotient_is_drawn_as_a_fraction_in_the_words_of_the_language() -> None:
    formula = panel(ONE, shop.plant(), RU)["formula"]
    assert (formula["top"], formula["bottom"]) == ("E_работы", "E_всего")
    assert (formula["top_value"], formula["bottom_value"], formula["result"]) == ("77,46", "86,20", "0,899")
    assert panel(ONE, shop.plant(), EN)["formula"]["top_value"] == "77.46"


def test_brackets_that_a_fraction_bar_replaces_are_left_out() -> None:
    opened = replace(ONE, formula="E_prod / (E_prod + E_total)")
    formula = panel(opened, shop.plant(), EN)["formula"]
    assert formula["bottom"] == "E_prod + E_total"
    twice = panel(replace(ONE, formula="(E_prod / E_total) / E_total"), shop.plant(), EN)["formula"]
    assert (twice["top"], twice["line_value"]) == ("", "(77.46 / 86.20) / 86.20")


def test_long_lists_are_cut_and_counted_and_low_completeness_is_hatched() -> None:
    data = panel(ONE, shop.plant(), EN)
    assert len(data["spans"]) == 8
    assert data["more"] == "2 more stretches"
    assert data["hatched"]
    assert data["filters"] == ["state: Idle"]


@pytest.mark.parametrize(("value", "unit", "shown"), [(None, "kWh", ("—", "")), (3700.0, "s", ("1h 1m", "")), (0.5, "1", ("0.500", ""))])
def test_the_head_shows_value_and_unit(value: float | None, unit: str, shown: tuple[str, str]) -> None:
    data = panel(replace(ONE, value=value, unit=unit), shop.plant(), EN)
    assert (data["value"], data["unit"]) == shown
