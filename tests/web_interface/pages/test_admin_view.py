"""What the settings show and say: the read panel, the sentences of errors, the fields against what a plant file takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from config.plant_devices import IN_PLACE
from config.plant_file import PlantFileError, parse_plant
from config.plant_lines import CARRIES
from config.profile_catalog import ProfileCatalog
from config.profile_parameters import allowed_options
from config.transports import TRANSPORTS
from config.transports.fields import BAUDS
from domain.access import AuditEntry, Role
from domain.commissioning import ReadNow, ReadNowRow
from domain.errors import ConfigError, Conflict
from domain.plant import Device, Line
from domain.profile import ModbusPoint, Point, WordOrder
from domain.quality import Quality
from domain.quantity import Quantity
from tests.web_interface.fake_reading import SILENT_ADDRESS, simulate
from web_interface.format import Format
from web_interface.locale import has
from web_interface.pages import admin_audit, admin_device_fields, admin_frame, admin_line_fields, admin_site, admin_words
from web_interface.pages import admin_read_view as view
from web_interface.services.access import TooMany

RU = Format("ru", ZoneInfo("Europe/Moscow"))
EN = Format("en", ZoneInfo("Europe/Moscow"))
CATALOG = ProfileCatalog.shipped()
SDM = CATALOG.get("eastron-sdm630")
LINES = {transport: Line("l", transport, {}) for transport in TRANSPORTS}


def reading(profile: str = "eastron-sdm630", **options: object) -> ReadNow:
    """What the invented device sends, low word first, read as the profile and its options say."""
    return simulate(Device("d", "tcp1", CATALOG.get(profile), 3, 1.0, options))


def row(point: str = "voltage_l1", value: float | None = 231.4, **changes: object) -> ReadNowRow:
    quantity = re.sub("_l[123]$", "", point)
    found = ReadNowRow(point, quantity, "holding 0", "6B85 4367", value, None, Quantity(quantity).unit, 0, None)
    return replace(found, **changes)  # type: ignore[arg-type]


def cells(found: ReadNowRow, fmt: Format = RU) -> dict[str, dict[str, object]]:
    return view.rows(ReadNow(0, [found]), None, fmt)[0]["cells"]  # type: ignore[no-any-return]


# ---- the read panel ------------------------------------------------------------------------------------------------
def test_a_row_has_name_register_words_value_and_unit() -> None:
    shown = cells(row())
    assert shown["what"]["text"] == "Напряжение L1"
    assert shown["where"]["text"] == "0"
    assert [word for word, _ in shown["raw"]["parts"]] == ["6B85", "4367"]  # type: ignore[attr-defined]
    assert (shown["value"]["text"], shown["unit"]) == ("231,40", "В")
    assert view.columns(ReadNow(0, [row()]), "ru")[1]["name"] == "Регистр, holding"


def test_a_long_reply_is_shown_from_its_beginning() -> None:
    meter = row(where="instant u_l1", raw=" ".join(["0A"] * 40))
    assert view.raw_words(meter.raw) == ["0A 0A 0A 0A 0A 0A 0A 0A …"]
    assert view.columns(ReadNow(0, [meter]), "ru")[1]["name"] == "Где лежит"
    assert view.raw_words("1B 2C 3D") == ["1B 2C 3D"]
    assert view.raw_words("") == []


def test_registers_of_several_tables_are_named_in_each_row() -> None:
    mixed = ReadNow(0, [row(), row("current_l1", 5.0, where="input 6")])
    assert [r["cells"]["where"]["text"] for r in view.rows(mixed, None, RU)] == ["holding 0", "input 6"]
    assert view.columns(mixed, "ru")[1]["name"] == "Регистр"


@pytest.mark.parametrize(
    ("found", "tone", "words"),
    [
        (row(value=231.4), "good", "сеть 230 В"),
        (row(value=0.0), "quiet", "—"),
        (row(value=3e20), "alarm", "вне 0…150 000 В".replace(" 000", "\u00a0000").replace(" В", "\u00a0В")),
        (row("frequency", 50.01), "good", "50 ± 1 Гц"),
        (row("frequency", 12.0), "alarm", "вне 40…70\u00a0Гц"),
        (row("current_l1", 14.36), "good", "до 6\u00a0300\u00a0А"),
        (row("current_l1", 1e-20), "alarm", "вне до 6\u00a0300\u00a0А"),
        (row("energy_import", 18_432.7), "good", "≥\u00a00"),
        (row(value=None, quality=int(Quality.TIMEOUT)), "alarm", "прибор не ответил"),
        (row(value=None, quality=int(Quality.NO_VALUE)), "alarm", "у прибора нет значения"),
    ],
)
def test_what_is_plausible(found: ReadNowRow, tone: str, words: str) -> None:
    shown = cells(found)["plausible"]
    assert (shown["tone"], shown["text"]) == (tone, words)


def test_the_profiles_own_range_goes_before_what_is_usual() -> None:
    point = Point("voltage_l1", Quantity.VOLTAGE, "V", ModbusPoint("holding", 0, "float32"), plausible=(300, 500))
    profile = replace(SDM, points=(point,))
    inside = view.rows(ReadNow(0, [row(value=400.0, plausible=True)]), profile, RU)[0]["cells"]["plausible"]
    outside = view.rows(ReadNow(0, [row(value=231.0, plausible=False)]), profile, RU)[0]["cells"]["plausible"]
    assert (inside["tone"], inside["text"]) == ("good", "300…500\u00a0В")
    assert (outside["tone"], outside["text"]) == ("alarm", "вне 300…500\u00a0В")


@pytest.mark.parametrize(
    ("value", "ru", "en"),
    [
        (9412.64, "9\u00a0412,6", "9,412.6"), (14.36, "14,36", "14.36"), (0.9614, "0,961", "0.961"), (12.0, "12", "12"),
        (3.2e26, "3,2·10²⁶", "3.2·10²⁶"), (-1.1e-35, "−1,1·10⁻³⁵", "−1.1·10⁻³⁵"), (0.0, "0", "0"), (None, "—", "—"),
    ],
)  # fmt: skip
def test_figures(value: float | None, ru: str, en: str) -> None:
    assert (view.value_words(value, RU), view.value_words(value, EN)) == (ru, en)


def test_only_the_order_the_device_uses_is_plausible() -> None:
    wrong = reading()
    assert view.sole_order(wrong) == "little"
    cards = view.order_cards(wrong, "big", RU)
    assert (cards[0]["code"], cards[0]["good"], cards[0]["selected"]) == ("CDAB", True, False)
    assert {c["code"]: c["selected"] for c in cards}["ABCD"] is True
    assert [name for name, _ in cards[0]["values"]] == ["U\u00a0L1", "U\u00a0L2", "U\u00a0L3"]
    right = reading(word_order="little")
    assert cards[0]["values"][0][1] == "231,40"
    assert next(r for r in right.rows if r.point == "voltage_l1").value == pytest.approx(231.4, abs=0.5)
    assert "CDAB" in view.order_words(right, "little", True, "ru")
    assert view.order_words(right, "little", True, "ru") != view.order_words(right, "big", False, "ru")


def test_equal_orders_choose_none() -> None:
    assert view.sole_order(ReadNow(0, orders={"big": (3, 3), "little": (3, 3)})) is None
    assert view.sole_order(ReadNow(0, orders={"big": (0, 3), "little": (0, 3)})) is None
    assert view.sole_order(ReadNow(0)) is None


def test_power_of_the_phases_is_compared_with_the_meters_own() -> None:
    phases = [row(f"voltage_l{n}", 230.0) for n in (1, 2, 3)] + [row(f"current_l{n}", 14.0) for n in (1, 2, 3)]
    common = [*phases, row("power_factor", 0.97)]
    good = view.adds_up(ReadNow(0, [*common, row("active_power", 9.37)]), RU)
    assert good is not None
    assert good[0]
    assert "9,37" in good[1]
    bad = view.adds_up(ReadNow(0, [*common, row("active_power", 0.47)]), RU)  # a CT of 20 was forgotten
    assert bad is not None
    assert not bad[0]
    assert view.adds_up(ReadNow(0, phases), RU) is None
    assert view.adds_up(ReadNow(0, [*phases[:2], *phases[3:], row("power_factor", 0.97), row("active_power", 9.37)]), RU) is None


@pytest.mark.parametrize(
    ("typed", "same"), [("231,4", True), ("232", True), ("240", False), ("", None), ("abc", None), ("1 231", False)]
)
def test_a_number_from_the_display(typed: str, same: bool | None) -> None:
    assert view.same_value(typed, row(value=231.4)) is same


def test_the_voltage_is_what_a_display_is_asked_for() -> None:
    found = view.check_row(ReadNow(0, [row("current_l1", 3.0), row("voltage_l2", None, quality=64), row("voltage_l3", 229.0)]))
    assert found is not None
    assert found.point == "voltage_l3"


def test_no_answer_is_advice_in_both_languages() -> None:
    silent = simulate(Device("d", "tcp1", SDM, SILENT_ADDRESS))
    assert silent.error == "timeout"
    words = {view.advice(kind, lang) for kind in ("timeout", "line_down", "refused", "decode", "access") for lang in ("ru", "en")}
    assert len(words) == 10
    assert view.advice("something new", "ru") == view.advice("internal", "ru") != ""


def test_the_copy_for_support_holds_all_but_the_password() -> None:
    text = view.support_text({"line": "tcp1", "address": 3, "password": "s3cret"}, reading())
    assert "s3cret" not in text
    assert "address=3" in text
    assert "voltage_l1\tinput 0\t6666 4367\t" in text
    assert "word order little: 21 of 21 plausible" in text
    assert "00 01 00 00" in text


# ---- errors in words -----------------------------------------------------------------------------------------------
WRONG = """
site: {name: X, timezone: Europe/Moskow, kef_target: 3}
shifts:
  - {name: "1", start: "7", end: "15:00"}
  - {name: "2", start: "07:00", end: "15:00", days: [mon, funday]}
  - {name: "3", start: "07:00", end: "15:00"}
  - {name: "4", start: "14:00", end: "16:00"}
lines:
  - {id: tcp1, transport: modbus-tcp, host: "http://x", prt: 1, baud: 9600, port: 99999}
  - {id: tcp1, transport: modbus-tcp, host: h}
  - {id: gw, transport: rtu-over-tcp, host: h, port: 4001, password: x}
  - {id: gw2, transport: rtu-over-tcp, host: h, port: 4001}
  - {id: f, transport: tcp-frames, host: h, port: 1}
  - {id: o, transport: opcua, url: "http://x"}
  - {id: t, transport: modbus-tpc}
  - {id: "a b", transport: serial}
devices:
  - {id: m1, profile: eastron-sdm63, line: tcp2, address: 300}
  - {id: m2, profile: mercury-234, line: tcp1, address: 2}
  - {id: m3, profile: eastron-sdm630, line: tcp1, address: 300, scan_s: 0, ct_ratio: -1, password: x}
  - {id: m4, profile: eastron-sdm630, line: tcp1, address: 5, enabled: perhaps}
  - {id: m5, profile: eastron-sdm630, line: tcp1, address: 5, password_env: "a b"}
  - {id: m6, line: gw}
machines:
  - {id: l, meter: m9, rated_kw: -1, states: {idle_above_kw: 3, production_above_kw: 1, hysteresis_kw: 9}, kef: 1}
limits:
  - {tag: m9.active_power, high: 1}
  - {tag: m4.no_such, high: 1}
  - {tag: m4.voltage_l1}
  - {tag: m4.voltage_l2, high: 3, critical_high: 2}
  - {tag: m4.voltage_l2, high: 3}
"""


def problems_of(text: str) -> PlantFileError:
    with pytest.raises(PlantFileError) as caught:
        parse_plant(text, catalog=CATALOG, environ={})
    return caught.value


def test_every_problem_of_a_very_wrong_file_is_said_in_russian() -> None:
    error = problems_of(WRONG)
    found = admin_words.troubles(error, "ru")
    assert len(found) == len(error.problems) > 25
    english = re.compile(r"\b(is|the|of|must|expected)\b")
    assert [f for f in found if not re.search("[А-Яа-я]", f.words) or english.search(f.words)] == []
    assert all(f.line for f in found)


@pytest.mark.parametrize(
    "text",
    [
        "site: [", "- 1", "site: {name: A}\n---\nsite: {name: B}", "site: {name: A, name: B}", "lines: 3",
        "site: {name: !!python/x A}",
    ],
)  # fmt: skip
def test_a_file_that_is_no_plant(text: str) -> None:
    found = admin_words.troubles(problems_of(text), "ru")
    assert found
    assert all(re.search("[А-Яа-я]", f.words) for f in found), found


def test_errors_of_the_own_entry_go_to_its_fields_others_keep_their_place() -> None:
    found = admin_words.troubles(problems_of(WRONG), "ru", own="devices[m3]")
    mine = {f.field: f.words for f in found if f.field}
    assert set(mine) == {"address", "scan_s", "ct_ratio", "password"}
    assert "255" in mine["address"]
    assert {f.place for f in found if not f.field} >= {"devices[m1].line", "limits[m9.active_power].tag"}
    nested = admin_words.troubles(problems_of(WRONG), "ru", own="machines[l]")
    assert "states.production_above_kw" in {f.field for f in nested}


@pytest.mark.parametrize(
    ("error", "field", "words"),
    [
        (
            ConfigError("password: too short, at least 12 characters are needed"),
            "password",
            "Слишком коротко: нужно не меньше 12 знаков",
        ),
        (ConfigError("name: 1 to 64 letters, digits and . _ @ - are expected"), "name", "От 1 до 64 букв, цифр и знаков . _ @ -"),
        (ConfigError("full name: at most 128 printable characters"), "full_name", "Не больше 128 печатных знаков"),
        (ConfigError("old: the old password is wrong"), "old", "Старый пароль неверен"),
        (Conflict("user 'anna' exists already"), "", "Имя «anna» уже занято"),
        (Conflict("admin is the last administrator"), "", "admin последний администратор: сначала назначьте другого"),
        (Conflict("line 'a' is used by m1, m2"), "", "На линии «a» есть приборы: m1, m2. Сначала перенесите или удалите их"),
        (TooMany(7.2), "", "Слишком много попыток, повторите через 7 с"),
        (Conflict("something nobody foresaw"), "", "something nobody foresaw"),
    ],
)
def test_sentences_of_the_services(error: Exception, field: str, words: str) -> None:
    (found,) = admin_words.troubles(error, "ru")  # type: ignore[arg-type]
    assert (found.field, found.words) == (field, words)


# ---- forms against the plant file ----------------------------------------------------------------------------------
def test_lines_ask_exactly_what_a_plant_file_takes() -> None:
    assert dict(admin_line_fields.CARRIES) == dict(CARRIES)
    assert admin_line_fields.BAUDS == BAUDS
    assert {name: set(admin_line_fields.names_of(name)) for name in TRANSPORTS} == {
        n: set(f.fields) for n, f in TRANSPORTS.items()
    }
    for transport, spec in TRANSPORTS.items():
        known = spec.fields
        asked = {f.name: f for f in admin_line_fields.line_fields(transport, "ru", new=True)}
        assert {n for n, f in asked.items() if f.required} - {"id"} == {n for n, f in known.items() if f.required}, transport
        assert {n: f.default for n, f in asked.items() if n in known} == {n: f.default for n, f in known.items()}, transport


def test_a_line_that_logs_in_asks_a_password_that_can_be_set_changed_and_removed() -> None:
    remove = admin_line_fields.REMOVE
    for transport, spec in TRANSPORTS.items():
        new, stored = ({f.name: f for f in admin_line_fields.line_fields(transport, "en", new=False, stored=s)} for s in (False, True))
        assert ("password" in new) is ("password" in stored) is ("password_env" in spec.fields), transport
        assert remove not in new
        assert (remove in stored) is ("password" in stored)
        assert stored.get("password") is None or stored["password"].kind == "secret"
    assert admin_line_fields.with_password({"host": "h"}) == {"host": "h"}
    assert admin_line_fields.with_password({"host": "h", remove: True}) == {"host": "h", "password": ""}
    assert admin_line_fields.with_password({"password": "new", remove: True}) == {"password": "new"}, "what is typed wins"


@pytest.mark.parametrize("name", CATALOG.names())
def test_devices_ask_only_what_their_profile_takes(name: str) -> None:
    profile = CATALOG.get(name)
    asked = admin_device_fields.option_names(profile) - {"password", "password_env", "enabled"}
    assert asked <= set(allowed_options(profile))
    assert set(profile.parameters) <= asked


def test_the_word_order_of_a_profile() -> None:
    assert admin_device_fields.native_order(CATALOG.get("owen-plc210")) == "little"
    assert admin_device_fields.native_order(SDM) == "big"
    assert not admin_device_fields.has_word_order(CATALOG.get("mercury-234"))
    assert set(view.ORDERS) == {order.value for order in WordOrder}
    assert admin_device_fields.IN_PLACE == IN_PLACE


def test_a_mercury_meter_on_a_network_line_is_not_offered() -> None:
    profiles = [CATALOG.get(name) for name in CATALOG.names()]
    plant = parse_plant("site: {name: X}", catalog=CATALOG, environ={}).plant
    offered = {}
    for transport in ("modbus-tcp", "serial"):
        fields = admin_device_fields.main_fields(plant, profiles, LINES[transport], "ru", new=True, in_place=False)
        offered[transport] = set(next(f for f in fields if f.name == "profile").options)
    assert "mercury-234" not in offered["modbus-tcp"]
    assert {"mercury-234", "eastron-sdm630"} <= offered["serial"]


def test_free_names() -> None:
    assert admin_device_fields.free_id(["m1", "m7", "main", "mx"]) == "m8"
    assert admin_device_fields.free_id([]) == "m1"


# ---- audit and rights ----------------------------------------------------------------------------------------------
def audited(action: str, old: object, new: object, subject: str = "m1", lang: str = "ru") -> str:
    """The line of an entry of the audit that tells what changed."""
    sides = [None if side is None else side if isinstance(side, str) else json.dumps(side) for side in (old, new)]
    entry = AuditEntry(1, 0, "anna", "", action, subject, *sides, "ok")
    return "".join(text for text, _ in admin_audit.change_parts(entry, lang))


def test_the_audit_shows_only_what_differs_and_in_words() -> None:
    old, new = {"id": "m1", "scan_s": 1, "ct": {"ratio": 1}}, {"id": "m1", "scan_s": 5, "ct": {"ratio": 2}}
    assert audited("device_update", old, new) == "Период опроса 1 → 5, ct.ratio 1 → 2"
    assert audited("user_role", '"viewer"', '"admin"') == "viewer → admin"
    assert audited("device_create", None, {"scan_s": 0.5}) == "Период опроса 0,5"
    assert audited("device_delete", {"scan_s": 0.5}, None) == "Период опроса 0,5"
    assert audited("login", None, None) == ""
    assert audited("anything", None, "not JSON") == "not JSON"


def test_the_audit_names_the_tariff_and_its_price_that_changed() -> None:
    first = {"valid_from": "2026-01-01", "category": 2, "zones": [{"name": "day", "price_per_kwh": 9.1}]}
    other = {**first, "zones": [{"name": "day", "price_per_kwh": 9.5}]}
    later = {"valid_from": "2027-01-01", "category": 1, "price_per_kwh": 10}
    said = audited("tariffs_update", {"tariffs": [first]}, {"tariffs": [other]}, "tariffs")
    assert said == "Тариф «2026-01-01»: Цена за кВт·ч 9,1 → 9,5"
    said = audited("tariffs_update", {"tariffs": [first]}, {"tariffs": [other, later]}, "tariffs", "en")
    assert said.endswith("9.1 → 9.5 and 1 more change")
    assert audited("tariffs_update", {"tariffs": None}, {"tariffs": [first]}, "tariffs") == "Тариф «2026-01-01»: добавлено"
    assert audited("site_update", {"site": {"name": "A"}}, {"site": {"name": "B"}}, "site") == "Площадка: Название A → B"


def test_a_refusal_in_the_audit_stands_out() -> None:
    entries = [AuditEntry(2, 0, "eve", "10.0.0.9", "refused", "page /admin/users", None, None, "failed"),
               AuditEntry(1, 0, "anna", "", "brand_new_action", "x", None, None, "ok")]  # fmt: skip
    refused, other = (r["cells"] for r in admin_audit.rows(entries, RU))
    assert refused["action"] == {"text": "Отказано", "icon": "error", "tone": "alarm"}
    assert other["action"] == {"text": "brand_new_action"}
    (site,) = admin_audit.rows([AuditEntry(1, 0, "anna", "", "site_update", "site", None, None, "ok")], RU)
    assert site["cells"]["subject"]["text"] == "Площадка"


def test_no_group_of_the_settings_is_empty_and_each_is_named() -> None:
    assert list(admin_frame.groups_for(Role.ENGINEER)) == ["equipment", "work", "keeping"]
    assert admin_frame.groups_for(Role.VIEWER) == {}
    assert admin_frame.groups_for(Role.ADMIN) == {group: list(found) for group, found in admin_frame.GROUPS.items()}
    assert all(has(f"admin.group.{group}", lang) for group in admin_frame.GROUPS for lang in ("ru", "en"))


def test_who_sees_which_section() -> None:
    seen = {role: [s.key for s in admin_frame.sections_for(role)] for role in Role}
    assert seen[Role.VIEWER] == seen[Role.OPERATOR] == []
    assert seen[Role.ENGINEER] == ["machines", "virtual", "alignments", "calendar", "money", "limits", "inspection", "history"]
    assert seen[Role.ADMIN] == [
        "site", "devices", "profiles", "machines", "virtual", "alignments", "calendar", "money", "limits", "inspection", "users",
        "keys", "audit", "feeds", "notifications", "certificates", "plant", "history", "backups",
    ]  # fmt: skip


# ---- the site ----------------------------------------------------------------------------------------------------------------
def test_zones_are_found_by_city_and_name_in_both_languages() -> None:
    winter_us = 1_768_000_000_000_000
    assert admin_site.zone_words("Asia/Omsk", winter_us, "ru") == "Омск · Asia/Omsk · UTC+6"
    assert admin_site.zone_words("America/St_Johns", winter_us, "en") == "America/St_Johns · UTC\u22123:30"
    assert admin_site.shift_of("Europe/Moscow", "Asia/Omsk", winter_us).total_seconds() == 3 * 3600
    assert {"Europe/Moscow", "UTC"} <= admin_site.known_zones().keys()
    assert not any(name.startswith(("Etc/", "posix")) for name in admin_site.known_zones())
