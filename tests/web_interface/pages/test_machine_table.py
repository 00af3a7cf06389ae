"""Machines as rows: sums of groups, counts of states, when a search is worth its place."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.state import MachineState
from tests.web_interface import fake_shop
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages.machine_table import (
    GROUPINGS,
    WHOLE,
    machine_columns,
    machine_groups,
    machine_rows,
    machine_states,
)
from web_interface.services.live import ShopNow

RU = Format("ru", ZoneInfo("Europe/Moscow"))


@pytest.fixture
def shop() -> ShopNow:
    return build_services(fake_shop.ShopClock(running=False)).live.shop()


def test_each_row_has_a_cell_for_every_column_and_stands_in_a_group(shop: ShopNow) -> None:
    for by, group in GROUPINGS.items():
        heads = {g["key"] for g in machine_groups(shop, RU, group)}
        for row in machine_rows(shop, RU, WHOLE, group):
            assert [*row["cells"]] == [c["key"] for c in machine_columns(RU, WHOLE)]
            assert (row["group"] in heads) == (by != "all")


def test_a_group_sums_what_is_known_of_it(shop: ShopNow) -> None:
    turning = [m for m in shop.machines if m.machine.section == "Токарный участок"]
    head = machine_groups(shop, RU, GROUPINGS["section"])[0]
    assert (head["title"], head["note"]) == ("Токарный участок", "4 станка")
    assert head["cells"]["power"] == RU.number(sum(m.power_kw or 0.0 for m in turning), 1)
    assert head["cells"]["energy"] == RU.number(sum(m.shift.energy_kwh or 0.0 for m in turning if m.shift), 0)


def test_who_is_in_no_section_has_a_head_too(shop: ShopNow) -> None:
    lost = replace(shop.machines[0], machine=replace(shop.machines[0].machine, section=""))
    heads = machine_groups(replace(shop, machines=[lost, *shop.machines[1:]]), RU, GROUPINGS["section"])
    assert (heads[0]["key"], heads[0]["title"]) == ("", "Не указано")


def test_a_machine_of_which_nothing_is_known_has_no_load_and_sorts_below_zero(shop: ShopNow) -> None:
    rows = {row["id"]: row["cells"] for row in machine_rows(shop, RU, WHOLE)}
    assert (rows["haas-vf2"]["load"]["text"], rows["haas-vf2"]["load"]["sort"]) == ("—", -1)
    furnace = next(m for m in shop.machines if m.machine.id == "furnace-1")
    assert rows["furnace-1"]["load"]["sort"] == round((furnace.power_kw or 0) / (furnace.machine.rated_kw or 1) * 100)


def test_states_are_counted_and_none_is_left_out(shop: ShopNow) -> None:
    states = machine_states(shop, RU)
    assert sum(int(s["n"]) for s in states) == len(shop.machines)
    assert {s["key"] for s in states} == {state.value for state in MachineState}
