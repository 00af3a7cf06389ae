"""The table of a profile's points: what stands in it, what typing does to the document, and where faults are shown."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.profile_admin import ProfileAdmin
from config.profile_draft import check_document
from config.profile_loader import ProfileError
from domain.commissioning import ReadNow, ReadNowRow
from tests.web_interface.fake_profiles import OWN
from tests.web_interface.fakes import build_services
from web_interface.format import Format
from web_interface.pages import admin_words
from web_interface.pages import profile_table as table

DOCUMENT: dict[str, Any] = {
    "title": {"ru": "Свой", "en": "Own"}, "vendor": "ACME", "protocol": "modbus", "source": "map", "confidence": "M",
    "defaults": {"table": "holding", "type": "float32"},
    "points": [
        {"tag": "p", "quantity": "active_power", "unit": "kW", "address": 10, "plausible": [0, 12.5]},
        {"tag": "u", "quantity": "voltage", "unit": "V", "address": 12, "type": "uint16", "scale": 0.1, "confidence": "L"},
    ],
}  # fmt: skip


def at(document: dict[str, Any], row: int, key: str) -> object:
    return document["points"][row].get(key)


def test_cells_show_what_stands_and_hints_what_holds_otherwise() -> None:
    first, second = table.rows(DOCUMENT)
    assert first["cells"] | {"low": "0", "high": "12.5", "address": "10"} == first["cells"]
    assert first["hints"] == {"word_order": "big", "scale": "1", "table": "holding", "type": "float32"}
    assert "kW" in first["units"]
    assert "V" not in first["units"]
    assert second["rare"] == ["confidence"]
    keys = [column["key"] for column in table.columns(DOCUMENT, "ru")]
    assert keys == ["tag", "quantity", "unit", "table", "address", "type", "word_order", "scale", "low", "high", "group"]


@pytest.mark.parametrize(("protocol", "points", "keys"), [
    ("mercury", [{"tag": "p", "query": "instant", "item": "p_sum"}], {"query", "item"}),
    ("opcua", [{"tag": "p", "quantity": "load", "unit": "%", "node": "ns=2;s=Load"}], {"node"}),
    ("modbus", [{"tag": "b", "table": "holding", "address": 1, "bit": 3}], {"table", "address", "type", "bit", "word_order"}),
])  # fmt: skip
def test_each_protocol_has_its_own_columns(protocol: str, points: list[Any], keys: set[str]) -> None:
    found = {column["key"] for column in table.columns({"protocol": protocol, "points": points}, "en")}
    assert found == keys | {"tag", "quantity", "unit", "scale", "low", "high", "group"}


@pytest.mark.parametrize(("key", "typed", "stored"), [
    ("address", "42", 42), ("address", "4x2", "4x2"), ("address", "", None), ("scale", "0,01", 0.01), ("scale", "1e-3", 0.001),
    ("tag", " total ", "total"), ("word_order", "little", "little"), ("unit", "MW", "MW"), ("group", "", None),
    ("address", "=1+1", "=1+1"), ("tag", "<b>x</b>", "<b>x</b>"),
])  # fmt: skip
def test_what_is_typed_becomes_a_value_or_stays_for_the_check(key: str, typed: str, stored: object) -> None:
    made = table.edited(DOCUMENT, 0, key, typed)
    assert at(made, 0, key) == stored
    assert DOCUMENT["points"][0]["address"] == 10  # the old document is nobody's to change


def test_a_protocols_own_fields_stay_numbers_where_they_are_numbers() -> None:
    document = {"protocol": "s7", "points": [{"tag": "a", "db": 1, "kind": "real"}, {"tag": "b"}]}
    assert at(table.edited(document, 1, "db", "7"), 1, "db") == 7
    assert at(table.edited(document, 1, "kind", "7"), 1, "kind") == "7"


def test_the_two_ends_of_the_range_are_one_field() -> None:
    half = table.edited(DOCUMENT, 1, "low", "5")
    assert at(half, 1, "plausible") == [5, None]
    whole = table.edited(half, 1, "high", "7,5")
    assert at(whole, 1, "plausible") == [5, 7.5]
    assert at(table.edited(table.edited(whole, 1, "low", ""), 1, "high", ""), 1, "plausible") is None


def test_another_quantity_brings_a_unit_of_its_own() -> None:
    assert at(table.edited(DOCUMENT, 0, "quantity", "current"), 0, "unit") in {"A", "mA"}
    assert at(table.edited(DOCUMENT, 0, "quantity", "active_power"), 0, "unit") == "kW"


def test_a_row_that_has_gone_meanwhile_changes_nothing() -> None:
    assert table.edited(DOCUMENT, 9, "tag", "x")["points"] == DOCUMENT["points"]
    assert table.edited({"points": 7}, 0, "tag", "x")["points"] == []
    assert table.rows({"points": [7, None]})[0]["cells"] == {}


def test_a_new_point_lies_behind_the_last_one() -> None:
    made = table.added(DOCUMENT)
    assert at(made, 2, "address") == 13  # a uint16 takes one register
    assert at(made, 2, "quantity") == "voltage"
    assert at(table.added({**DOCUMENT, "points": DOCUMENT["points"][:1]}), 1, "address") == 12  # a float32 by default takes two
    assert len(table.removed(made, 0)["points"]) == 2


def test_faults_stand_in_their_rows_and_cells() -> None:
    wrong = table.edited(table.edited(DOCUMENT, 0, "low", "99"), 1, "unit", "kWh")
    draft = check_document({**wrong, "vendor": ""}, "own")
    assert isinstance(draft.error, ProfileError)
    found = admin_words.troubles(draft.error, "ru")
    marks = table.marks(found)
    assert marks["0"]["cells"] == ["low", "high"]
    assert marks["1"]["cells"] == ["unit"]
    assert "Единица" in marks["1"]["words"][0]
    assert [trouble.path for trouble in table.elsewhere(found)] == [("vendor",)]


def test_what_was_read_stands_beside_its_point_even_when_others_are_wrong() -> None:
    wrong = table.edited(DOCUMENT, 0, "unit", "kWh")
    draft = check_document(wrong, "own")
    assert draft.readable is not None
    row = ReadNowRow("u", "voltage", "holding 12", "0901", 230.5, None, "V", 0, None)
    found = table.answers(ReadNow(0.1, [row]), draft.readable, wrong, Format("ru", ZoneInfo("Europe/Moscow")))
    assert set(found) == {"1"}
    assert found["1"]["raw"] == ["0901"]
    assert found["1"]["value"].startswith("230,5")


def test_the_service_of_the_pages_lists_own_and_shipped_profiles() -> None:
    profiles = build_services().profiles
    assert isinstance(profiles, ProfileAdmin)
    entries = {entry.name: entry for entry in profiles.entries()}
    assert entries[OWN].own
    assert entries[OWN].profile is not None
    assert not entries["mercury-230"].own
    assert entries["mercury-234-modbus"].devices == ("main", "m1")
