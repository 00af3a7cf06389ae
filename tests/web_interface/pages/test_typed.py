"""Numbers and words as people type them: read in both languages, refused while they are typed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from config.plant_file import PlantFileError, plant_from_document
from config.profile_catalog import ProfileCatalog
from web_interface.format import plain, read_number
from web_interface.pages.typed_checks import BOUNDS, clock_check, id_check, length_check, whole_list_check


@pytest.mark.parametrize(("typed", "ru", "en"), [
    ("1,5", 1.5, 1.5), ("1.5", 1.5, 1.5), ("1\u00a0234,5", 1234.5, 1234.5), ("1,234.5", None, 1234.5), ("1,234", 1.234, 1234.0),
    ("\u22122", -2.0, -2.0), ("+3", 3.0, 3.0), ("1e5", 1e5, 1e5), (",5", 0.5, 0.5), ("1e309", None, None), ("nan", None, None),
    ("1_000", None, None), ("1.2.3", None, None), ("", None, None), ("12 kW", None, None), ("0x10", None, None),
])  # fmt: skip
def test_a_number_as_typed(typed: str, ru: float | None, en: float | None) -> None:
    assert (read_number(typed, "ru"), read_number(typed, "en")) == (ru, en)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.05, 1e-9, 123456.789, 1e14, 2.5e17])
def test_what_is_shown_in_a_field_reads_back(value: float) -> None:
    for lang in ("ru", "en"):
        assert read_number(plain(value, lang), lang) == value
    assert plain(0.1, "ru") == "0,1"
    assert plain(160.0, "en") == "160"


def test_words_are_checked_while_they_are_typed() -> None:
    assert length_check("en", 500)("x" * 500) is None
    assert "500" in str(length_check("ru", 500)("<b>" * 200))
    assert id_check("en")("lathe-1") is None
    assert "64" in str(id_check("en")("станок 1"))
    assert clock_check("en")("07:00") is None
    assert clock_check("en", end=True)("24:00") is None
    assert all("HH:MM" in str(clock_check("en")(wrong)) for wrong in ("24:00", "7", "25:10", "07:60", "<b>"))
    assert whole_list_check("en", 1, 84)("1, 2") is None
    assert "84" in str(whole_list_check("en", 1, 84)("1, 85"))


PLANT: dict[str, Any] = {
    "site": {"name": "Shop"},
    "lines": [{"id": "tcp1", "transport": "modbus-tcp", "host": "10.0.0.1"}, {"id": "s7", "transport": "s7", "host": "10.0.0.2"},
              {"id": "com", "transport": "serial", "device": "/dev/ttyS0"}],
    "devices": [{"id": "m1", "profile": "eastron-sdm630", "line": "tcp1", "address": 1},
                {"id": "m2", "profile": "mercury-234", "line": "com", "address": 1}],
    "machines": [{"id": "lathe", "meter": "m1", "states": {"idle_above_kw": 1, "production_above_kw": 2}, "kef": {"card": "K1"}}],
    "limits": [{"tag": "m1.active_power", "high": 1e12}],
    "alert_rules": [{"id": "r", "kind": "no_data", "scope": {"tag": "m1.active_power"}, "longer_than_s": 60},
                    {"id": "s", "kind": "rate", "scope": {"tag": "m1.active_power"}, "high": 5}],
}  # fmt: skip
PLACES = {
    **dict.fromkeys(("scan_s", "ct_ratio", "pause_between_reads_s", "connect_delay_s", "max_registers", "max_bits", "max_gap"),
                    ("devices", 0)),
    "vt_ratio": ("devices", 1), "timeout_multiplier": ("devices", 1),
    **dict.fromkeys(("timeout_s", "connect_timeout_s", "port"), ("lines", 0)), "rack": ("lines", 1), "slot": ("lines", 1),
    **dict.fromkeys(("rated_kw", "kef_target"), ("machines", 0)),
    **dict.fromkeys(("idle_above_kw", "production_above_kw", "hysteresis_kw", "min_dwell_s"), ("machines", 0, "states")),
    **dict.fromkeys(("norm_kwh_per_part", "ideal_s_per_part", "material_energy_kwh_per_part", "good_share", "idle_kw"),
                    ("machines", 0, "kef")),
    **dict.fromkeys(("hysteresis", "on_delay_s", "off_delay_s"), ("limits", 0)), "longer_than_s": ("alert_rules", 0),
    "over_s": ("alert_rules", 1),
}  # fmt: skip
ELSEWHERE = {"delay_min", "digest_min"}  # of no plant file


def refused(name: str, value: float) -> bool:
    """Does the plant file refuse the field with this value as beyond its bounds?"""
    document = copy.deepcopy(PLANT)
    entry: Any = document
    for step in PLACES[name]:
        entry = entry[step]
    entry[name] = value
    try:
        plant_from_document(document, catalog=ProfileCatalog.shipped(), environ={})
    except PlantFileError as exc:
        return any(p.path[-1] == name and p.expected.startswith(("a number", "a whole number")) for p in exc.problems)
    return False


def test_the_bounds_of_the_forms_are_those_of_the_plant_file() -> None:
    assert set(BOUNDS) == set(PLACES) | ELSEWHERE
    wrong = []
    for name in PLACES:
        bounds = BOUNDS[name]
        beyond = [*([bounds.low - 1] if bounds.low is not None else []), *([bounds.high + 1] if bounds.high is not None else []),
                  *([bounds.above] if bounds.above is not None else [])]  # fmt: skip
        inside = [bound for bound in (bounds.low, bounds.high) if bound is not None]
        wrong += [(name, value) for value in beyond if not refused(name, value)]
        wrong += [(name, value) for value in inside if refused(name, value)]
    assert wrong == []
