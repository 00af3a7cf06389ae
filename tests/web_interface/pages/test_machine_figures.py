"""The strip of figures of a machine, the card's formula in the panel, and the machine's form."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.efficiency import CARDS
from domain.energy import Efficiency
from domain.explain import Term
from domain.production import ControlSignals
from domain.quantity import Quantity
from tests.web_interface import fake_shop as shop
from tests.web_interface.fakes import build_services
from web_interface.format import MISSING, Format
from web_interface.pages import machine_view
from web_interface.pages.admin_form import Field
from web_interface.pages.admin_kef_fields import for_form, kef_fields, with_rest
from web_interface.pages.machine_figures import figures_of, program_columns, program_row

RU = Format("ru", ZoneInfo("Europe/Moscow"))
TERMS = (
    Term("E_prod", 18.0, "kWh"), Term("P_idle", 2.4, "kW"), Term("t_prod", 3.0, "h"), Term("E_total", 26.55, "kWh"),
)  # fmt: skip


def test_parts_and_reactive_energy_are_shown_only_where_they_are_known() -> None:
    plain = shop.TOOLS[0].machine
    assert "specific_energy" not in figures_of(plain, frozenset())
    counted = replace(plain, control=ControlSignals(part_count="x.n"))
    assert {"specific_energy", "oee", "tg_phi"} <= set(figures_of(counted, frozenset({Quantity.REACTIVE_ENERGY_IMPORT})))


async def test_every_program_has_a_cell_for_each_column() -> None:
    found = await build_services().per_part.by_program("ctx-1250", 0, 3600 * shop.S)
    keys = {column["key"] for column in program_columns("ru")}
    rows = [program_row(n, item, RU) for n, item in enumerate(found)]
    assert all(set(row["cells"]) == keys for row in rows)
    nameless = program_row(0, replace(found[0], program=None, parts=None, kwh_per_part=None), RU)
    assert (nameless["cells"]["parts"]["text"], nameless["cells"]["per_part"]["text"]) == (MISSING, MISSING)


def of_card(value: float | None, reason: str | None = None) -> Efficiency:
    found = build_services().live.machine("ctx-1250").kef
    assert found is not None
    return replace(
        found, card="K2", formula=CARDS["K2"].formula, value=value, numerator_kwh=10.8, denominator_kwh=26.55, terms=TERMS, reason=reason
    )


def test_the_panel_follows_the_card_of_the_machine() -> None:
    services = build_services()
    now = replace(services.live.machine("ctx-1250"), kef=of_card(0.407))
    data = machine_view.explain(now, services.plant.plant, RU)
    assert data is not None
    assert (data["formula"]["top"], data["formula"]["bottom"]) == ("E_работы − P_простоя · t_работы", "E_всего")
    without = machine_view.explain(replace(now, kef=of_card(None, "kef.reason.no_parts")), services.plant.plant, RU)
    assert without is not None
    assert without["formula"]["top_value"].startswith(MISSING)
    assert without["note"].startswith("Детали не считаются")


async def test_hours_of_the_card_are_bars_on_one_scale_with_the_target() -> None:
    services = build_services()
    now = services.live.machine("ctx-1250")
    assert now.shift is not None
    hours = await services.efficiency.grouped("machine", "hour", now.shift.from_us, now.shift.to_us, None, "ctx-1250")
    data = machine_view.hour_bars(hours, 0.86, now.shift, RU)
    assert (data["hours"][0]["label"], data["hours"][0]["height"], data["target"]) == ("0,90", 90.0, 86.0)
    assert [bar["running"] for bar in data["hours"]] == [False] * 6 + [True]
    empty = [replace(hour, value=replace(hour.value, value=None)) for hour in hours]
    assert machine_view.hour_bars(empty, 0.86, now.shift, RU) == {"hours": []}


def test_a_figure_that_shows_as_its_target_is_neither_better_nor_worse() -> None:
    services = build_services()
    now = services.live.machine("ctx-1250")
    assert now.kef is not None
    data = machine_view.explain(replace(now, kef=replace(now.kef, value=0.859)), services.plant.plant, RU)
    assert data is not None
    assert data["delta"]["tone"] == "quiet"


def test_a_learned_idle_power_is_an_empty_field() -> None:
    entry = {"id": "a", "kef": {"card": "K2", "idle_kw": "learned"}}
    assert for_form(entry) == {"id": "a", "kef": {"card": "K2"}}
    assert for_form({"id": "a", "kef": {"idle_kw": 2.4}})["kef"] == {"idle_kw": 2.4}


def test_what_the_form_does_not_show_is_not_lost() -> None:
    fields = [Field("name", "text", ""), Field("kef.card", "choice", "")]
    stored = {"id": "a", "name": "old", "kef": {"card": "K2"}, "control": {"part_count": "x.n"}, "standby": {"off_kw": 0.1}}
    assert with_rest(stored, fields, {"name": "new"}) == {
        "id": "a", "name": "new", "control": {"part_count": "x.n"}, "standby": {"off_kw": 0.1},
    }  # fmt: skip


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_card_and_field_of_the_form_has_its_words(lang: str) -> None:
    fields = kef_fields(shop.tags(), lang)
    assert set(fields[0].options) == set(CARDS)
    assert all(field.label and field.hint and "." not in field.label for field in fields)
