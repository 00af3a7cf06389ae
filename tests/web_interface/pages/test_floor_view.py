"""The floor plan as the page draws it."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import pytest

from domain.floor import FloorPicture, FloorPlan, Place
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages import floor_view as view

RU = Format("ru", ZoneInfo("Europe/Moscow"), "RUB")
PLAN = FloorPlan(2, {"lathe-1": Place(25.5, 10.0)}, FloorPicture("image/png", 1600, 900, "0123456789abcdef" * 4))


def test_every_machine_has_a_mark_and_the_placed_ones_a_place() -> None:
    shop = build_services().live.shop()
    data = view.floor(shop, PLAN, RU)
    assert (data["src"], data["ratio"]) == ("/api/floor/picture?v=0123456789abcdef", 1.7778)
    assert data["places"] == {"lathe-1": [25.5, 10.0]}
    assert [m["id"] for m in data["marks"]] == [m.machine.id for m in shop.machines]
    lost = next(m for m in data["marks"] if m["id"] == "haas-vf2")
    assert (lost["state"], lost["kw"], lost["href"]) == ("no_data", "—", "/machines/haas-vf2")
    assert lost["label"].startswith("HAAS VF-2: Нет данных")


def test_only_what_differs_is_sent() -> None:
    before = view.marks(build_services().live.shop(), RU)
    after = [dict(m) for m in before]
    after[3]["kw"] = "99,9"
    assert view.changed(before, after) == {after[3]["id"]: {"kw": "99,9"}}
    assert view.changed(before, before) == {}
    assert view.changed(before, after[1:]) is None


def test_places_of_the_browser_without_machines_that_went() -> None:
    assert view.places_of({"a": [1.239, 2], "gone": [5, 5]}, {"a", "b"}) == {"a": Place(1.24, 2.0)}
    for wrong in (None, [1], {"a": [1]}, {"a": ["x", 1]}):
        with pytest.raises((ValueError, TypeError)):
            view.places_of(wrong, {"a"})
    assert math.isinf(view.places_of({"a": [math.inf, 0]}, {"a"})["a"].x_percent)  # the service refuses it
