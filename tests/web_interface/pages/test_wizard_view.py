"""At which step of the wizard an error belongs, and what a scan shows."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.commissioning import Answer
from web_interface.format import Format
from web_interface.pages.admin_words import Trouble
from web_interface.pages.wizard_view import answer_row, placed


@pytest.mark.parametrize(
    ("place", "step", "field"),
    [
        ("devices[m4].address", "address", "address"),
        ("devices[m4].ct_ratio", "profile", "ct_ratio"),
        ("devices[m4].points[load].unit", "address", "points[load].unit"),
        ("devices[m4].id", "name", "id"),
        ("devices[m1].address", "name", ""),  # another's: said with its place, below the form
        ("machines[saw].states.production_above_kw", "name", "states.production_above_kw"),
        ("machines[saw].name", "name", "machine_name"),
        ("limits[0].high", "name", "limit.high"),
        ("lines[gw9].port", "line", ""),
        ("", "name", ""),
    ],
)
def test_an_error_belongs_to_the_step_that_asks_its_field(place: str, step: str, field: str) -> None:
    [(found, trouble)] = placed([Trouble("", "wrong", place)], "m4", "saw", "gw9")
    assert (found, trouble.field) == (step, field)


def test_who_is_in_the_plant_already_cannot_be_chosen_again() -> None:
    fmt = Format("en", ZoneInfo("UTC"))
    free = answer_row(Answer(3, "modbus", "holding register 0 = 0000", 0.01), {}, fmt)
    taken = answer_row(Answer(4, "modbus", "holding register 0 = 0000", 0.01, device="m1"), {}, fmt)
    assert (free["clickable"], len(free["cells"]["do"]["actions"])) == (True, 1)
    assert (taken["clickable"], taken["cells"]["do"]["actions"]) == (False, [])
    assert "m1" in taken["cells"]["profile"]["sub"]
    assert free["cells"]["profile"]["text"] == "Not recognised"
