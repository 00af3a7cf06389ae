"""The form of a rule and the plant file say the same; a list is filtered by words and priority."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.web_interface.fake_plant import FakePlant
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages.alerts_rule_form import border_words, control_of, entry, form_values, scope_words
from web_interface.pages.alerts_view import Filter, change_rows, rows
from web_interface.rule_fields import limit_fields, rule_fields

EN = Format("en", ZoneInfo("Europe/Moscow"), "₽")
RU = Format("ru", ZoneInfo("Europe/Moscow"), "₽")
ENTRIES: list[dict[str, Any]] = [
    {"id": "a", "kind": "level", "scope": {"tag": "m1.active_power"}, "high": 12, "low": 0, "hysteresis": 0.5, "priority": "low"},
    {"id": "b", "kind": "rate", "scope": {"site": True, "point": "active_power"}, "high": 5, "per": "h", "only_in_shifts": True},
    {"id": "c", "kind": "deviation", "scope": {"machine": "lathe-1", "point": "active_power"}, "high": 20,
     "baseline": {"median_days": 7}, "only_while": ["idle", "production"]},
    {"id": "d", "kind": "state", "scope": {"site": True}, "states": ["idle"], "longer_than_s": 1800, "enabled": False,
     "message": {"ru": "Простой", "en": "Idle"}},
]  # fmt: skip


@pytest.mark.parametrize("fields", ENTRIES, ids=lambda e: e["id"])
async def test_what_the_form_shows_is_what_it_saves(fields: dict[str, Any]) -> None:
    plant = FakePlant()
    rule = await plant.draft_alert_rule(fields)
    shown = rule_fields(rule)
    assert await plant.draft_alert_rule(shown) == rule
    assert await plant.draft_alert_rule(entry(form_values(shown))) == rule


def test_words_of_a_rule() -> None:
    plant = FakePlant().plant
    assert border_words(ENTRIES[0], EN) == "< 0.0 · > 12.0"
    assert border_words(ENTRIES[0], RU, "kW") == "< 0,0 · > 12,0\u00a0кВт"
    assert border_words(ENTRIES[1], EN, "kW") == "> 5.00\u00a0kW/h"
    assert border_words(ENTRIES[2], EN, "kW") == "> 20.0\u00a0%"
    assert border_words(ENTRIES[3], EN) == "> 30m"
    assert scope_words(ENTRIES[1], plant, "en") == "Whole site: Active power"
    assert limit_fields(plant.limits[0])["id"] == "limit-m11.current_l2"
    assert [control_of(f) for f in ("scope.tag", "scope.point", "baseline.tag", "message.ru", "high")] == [
        "scope_name", "scope_point", "baseline_value", "message_ru", "high",
    ]  # fmt: skip


def test_a_list_is_filtered_by_words_and_priority() -> None:
    services = build_services()
    alerts, plant = services.alerts.active(), services.plant.plant
    assert [a.id for a in alerts if Filter("ПЕЧЬ").takes(a, plant, RU)] == [1]
    assert {a.id for a in alerts if Filter(priority="high").takes(a, plant, RU)} == {2, 5}
    assert len([a for a in alerts if Filter().takes(a, plant, RU)]) == 5


async def test_a_shelved_alert_says_until_when_and_by_whom() -> None:
    services = build_services()
    now_us = services.clock.now_us()
    (row,) = [r for r in rows(services.alerts.held(), services.plant.plant, now_us, RU, selected=None, may_acknowledge=True) if r["id"] == 6]
    assert row["cells"]["mark"]["alarm"] == ["shelved", ""]
    assert row["cells"]["lasts"]["text"] == "до 15:00"
    assert row["cells"]["state"]["text"] == "Отложена · П. Орлов"
    assert row["cells"]["do"]["actions"] == []
    changes = await services.alerts.changes(6)
    assert change_rows(changes, now_us, RU)[0][1] == "Возникла"
