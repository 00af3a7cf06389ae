"""The plant file: the contract's example parses, every wrong thing is named at once, what is dumped reads back equal."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.plant_file import ParsedPlant, PlantFileError, dump_plant, parse_plant, plant_from_document
from config.problems import Problem
from config.profiles import ProfileCatalog, load_profile
from domain.errors import ConfigError
from domain.profile import ModbusPoint, WordOrder

NATIVE = """\
title: {ru: "Меркурий 234", en: "Mercury 234"}
vendor: Incotex
protocol: mercury
source: "test"
confidence: H
parameters: {password_encoding: auto}
points:
  - {tag: active_power, quantity: active_power, unit: W, query: instant, item: p_sum, secondary: true}
  - {tag: energy_import, quantity: energy_import, unit: Wh, query: energy, item: a_plus, secondary: true}
"""
_SHIPPED = ProfileCatalog.shipped()
CATALOG = ProfileCatalog(
    {name: _SHIPPED.get(name) for name in _SHIPPED.names()}
    | {"mercury-234": load_profile(NATIVE, file="mercury-234.yaml", name="mercury-234")}
)
CONTRACT = """\
site: {name: "Механический цех", timezone: Europe/Moscow, language: ru}
shifts:
  - {name: "1", start: "07:00", end: "15:00", days: [mon, tue, wed, thu, fri]}
  - {name: "3", start: "23:00", end: "07:00", days: [mon, tue, wed, thu, fri]}
lines:
  - {id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1502}
  - {id: gw1, transport: rtu-over-tcp, host: 127.0.0.1, port: 4001, baud: 9600}
  - {id: com1, transport: serial, device: /dev/ttyUSB0, baud: 9600, parity: N, stopbits: 1, mode: rtu}      # mode: rtu | ascii
  - {id: dmg, transport: opcua, url: "opc.tcp://127.0.0.1:4840", security: Basic256Sha256, user: u, password_env: DMG_PASSWORD}
  - {id: s7, transport: s7, host: 127.0.0.1, port: 102, rack: 0, slot: 1}
  - {id: hh, transport: lsv2, host: 127.0.0.1, port: 19000}
  - {id: bus, transport: mqtt, host: 127.0.0.1, port: 1883, topic: "sensor/CNC/#"}
  - {id: qc, transport: tcp-frames, host: 127.0.0.1, port: 5050, length: 32, encoding: utf-8}
devices:
  - {id: m1, profile: mercury-234-modbus, line: tcp1, address: 1, scan_s: 1}
  - {id: m2, profile: mercury-234, line: gw1, address: 12, scan_s: 5, password_env: M2_PASSWORD, ct_ratio: 20}
  - id: custom
    line: tcp1
    address: 3
    scan_s: 1
    points:                                     # a profile written in place
      - {tag: active_power, quantity: active_power, unit: W, table: holding, address: 100, type: float32, word_order: big,
         plausible: [0, 20000]}
machines:
  - id: lathe-1
    name: "16К20 №1"
    section: "Токарный участок"
    meter: m1
    rated_kw: 11
    states: {idle_above_kw: 0.3, production_above_kw: 1.3, min_dwell_s: 10}
limits:
  - {tag: m1.active_power, high: 12, critical_high: 14, hysteresis: 0.5, on_delay_s: 10, off_delay_s: 10}
"""
ENVIRON = {"M2_PASSWORD": "hex:010101010101", "DMG_PASSWORD": "x"}
SITE = "site: {name: S}\n"
TCP = "lines:\n  - {id: l1, transport: modbus-tcp, host: h}\n"


def parse(text: str, environ: dict[str, str] | None = None) -> ParsedPlant:
    return parse_plant(text, file="plant.yaml", catalog=CATALOG, environ=ENVIRON if environ is None else environ)


def wrong(text: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(PlantFileError) as caught:
        parse(text, environ)
    assert isinstance(caught.value, ConfigError)
    assert all(str(problem) in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def the(problems: tuple[Problem, ...], field: str) -> Problem:
    found = [p for p in problems if p.field == field]
    assert len(found) == 1, problems
    return found[0]


def device(fields: str) -> str:
    return f"{SITE}{TCP}devices:\n  - {{{fields}}}\n"


# -- what is right ----------------------------------------------------------------------------------------------------


def test_the_contracts_example_parses() -> None:
    parsed = parse(CONTRACT)
    plant = parsed.plant
    assert parsed.warnings == ()
    assert (plant.site.name, plant.site.timezone, plant.site.language) == ("Механический цех", "Europe/Moscow", "ru")
    assert [(s.name, s.start, s.end, sorted(s.days)) for s in plant.shifts] == [
        ("1", time(7), time(15), [0, 1, 2, 3, 4]), ("3", time(23), time(7), [0, 1, 2, 3, 4]),
    ]  # fmt: skip
    assert [line.transport for line in plant.lines] == [
        "modbus-tcp", "rtu-over-tcp", "serial", "opcua", "s7", "lsv2", "mqtt", "tcp-frames",
    ]  # fmt: skip
    assert plant.line("com1").options["stopbits"] == 1
    m2 = plant.device("m2")
    assert (m2.address, m2.scan_s, m2.password, m2.options["ct_ratio"]) == (12, 5.0, "hex:010101010101", 20.0)
    assert "010101" not in repr(m2)
    custom = plant.device("custom")
    assert custom.in_place
    assert custom.profile.points[0].where == ModbusPoint("holding", 100, "float32", WordOrder.BIG)
    assert custom.profile.points[0].plausible == (0.0, 20000.0)
    machine = plant.machine("lathe-1")
    assert machine.states is not None
    assert (machine.meter, machine.rated_kw, machine.states.production_above_kw) == ("m1", 11.0, 1.3)
    assert (plant.limits[0].tag, plant.limits[0].critical_high, plant.limits[0].id) == ("m1.active_power", 14.0, 1)


def test_what_is_dumped_reads_back_equal_and_stays_the_same() -> None:
    first = parse(CONTRACT)
    text = dump_plant(first.document)
    again = parse(text)
    assert again.document == first.document
    assert again.plant == first.plant
    assert dump_plant(again.document) == text
    assert "16К20 №1" in text
    assert "\n- {id: tcp1, transport: modbus-tcp" in text
    assert "hex:" not in text


def test_a_document_survives_json() -> None:
    text = CONTRACT + "  - {tag: custom.mode, high: 2}\n"
    text = text.replace("plausible: [0, 20000]}", "plausible: [0, 20000]}\n      - {tag: mode, quantity: state, table: holding, "
                        "address: 7, type: uint16, enum: {0: off, 1: on}}")  # fmt: skip
    parsed = parse(text)
    stored = json.loads(json.dumps(parsed.document))
    assert plant_from_document(stored, catalog=CATALOG, environ=ENVIRON) == parsed.plant
    assert parsed.plant.device("custom").profile.point("mode").enum == {0: "off", 1: "on"}


def test_unquoted_times_are_times() -> None:
    shift = parse(SITE + "shifts: [{name: 2, start: 15:00, end: 23:00}]\n").plant.shifts[0]
    assert (shift.name, shift.start, shift.end, len(shift.days)) == ("2", time(15), time(23), 7)


def test_site_takes_the_shops_figures() -> None:
    text = "site: {name: S, contract_kw: 160, tariff_per_kwh: 8.2, currency: '€', kef_target: 0.82, shift_plan_kwh: 890}\n"
    site = parse(text).plant.site
    assert (site.contract_kw, site.tariff_per_kwh, site.currency) == (160, 8.2, "€")
    assert (site.kef_target, site.shift_plan_kwh) == (0.82, 890)


def test_device_parameters_act_on_the_profile() -> None:
    parsed = parse(device("id: m, profile: mercury-234-modbus, line: l1, base_address: 200, word_order: little, scan_s: 0.5"))
    found = parsed.plant.device("m")
    where = found.profile.points[0].where
    assert isinstance(where, ModbusPoint)
    assert (where.address, where.word_order, found.address) == (200, WordOrder.LITTLE, 1)


def test_passwords_from_the_pages_and_from_variables() -> None:
    document = parse(CONTRACT).document
    secrets = {"device:m2": "222222", "device:m1": "unused"}
    assert plant_from_document(document, catalog=CATALOG, environ={}, secrets=secrets).device("m2").password == "222222"
    with_variable = plant_from_document(document, catalog=CATALOG, environ={"M2_PASSWORD": "111111"}, secrets=secrets)
    assert with_variable.device("m2").password == "111111", "the variable goes first"


def test_several_meters_published_by_one_plc_unit() -> None:
    """One unit id may serve several devices as long as their registers lie apart."""
    def two(base: int) -> str:
        return device("id: a, profile: mercury-234-modbus, line: l1, address: 1") + (
            f"  - {{id: b, profile: mercury-234-modbus, line: l1, address: 1, base_address: {base}}}\n"
        )

    assert len(parse(two(54)).plant.devices) == 2
    assert the(wrong(two(53)), "devices[b].address").line == 6


# -- what is wrong ----------------------------------------------------------------------------------------------------


def test_everything_wrong_is_named_at_once_with_its_line() -> None:
    text = """\
site: {name: S, timezone: Europe/Moskow}
shifts:
  - {name: "1", start: "25:00", end: "15:00"}
lines:
  - {id: l1, transport: modbus-tcp, host: h, port: 70000}
  - {id: l2, transport: serial, baud: 9601, device: /dev/a}
devices:
  - {id: m1, profile: mercury-235, line: l9, scan_s: 0.01}
machines:
  - {id: x, meter: m7, states: {idle_above_kw: 2, production_above_kw: 1}}
limits:
  - {tag: m9.power, high: 1}
extra: 1
"""
    problems = wrong(text)
    assert {(p.line, p.field) for p in problems} == {
        (1, "site.timezone"), (3, "shifts[1].start"), (5, "lines[l1].port"), (6, "lines[l2].baud"), (8, "devices[m1].profile"),
        (8, "devices[m1].line"), (8, "devices[m1].scan_s"), (10, "machines[x].meter"),
        (10, "machines[x].states.production_above_kw"), (12, "limits[m9.power].tag"), (13, "extra"),
    }  # fmt: skip
    assert "Europe/Moscow" in the(problems, "site.timezone").expected
    assert "9600" in the(problems, "lines[l2].baud").expected
    assert all(p.file == "plant.yaml" and p.expected for p in problems)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("lines: []\n", "site", "missing"),
        ("site: {timezone: Europe/Moscow}\n", "site.name", "missing"),
        ("site: {name: S, language: de}\n", "site.language", "one of ru, en"),
        ("site: {name: S, kef_target: 1.2}\n", "site.kef_target", "at most 1"),
        ("site: {name: S, main_meter: m}\n", "site.main_meter", "no device 'm'"),
        ("site: {name: S}\nlines: {id: a}\n", "lines", "a list"),
        ("site: {name: S}\nlines: [a]\n", "lines[0]", "group of fields"),
        ("- 1\n", "", "no plant"),
        (SITE + "shifts: [{name: a, start: '7', end: '15:00'}]\n", "shifts[a].start", "HH:MM"),
        (SITE + "shifts: [{name: a, start: '07:00', end: '15:00', days: [mo]}]\n", "shifts[a].days", "mon, tue"),
        (SITE + "shifts: [{name: a, start: '07:00', end: '15:00', days: []}]\n", "shifts[a].days", "mon, tue"),
        (SITE + "shifts:\n  - {name: a, start: '07:00', end: '15:00'}\n  - {name: b, start: '14:59', end: '23:00'}\n",
         "shifts[b]", "mon 14:59"),
        (SITE + "shifts:\n  - {name: a, start: '22:00', end: '06:00', days: [sun]}\n  - {name: b, start: '05:00', end: '09:00', "
         "days: [mon]}\n", "shifts[b]", "overlaps shift 'a' at mon 05:00"),
        (SITE + "shifts:\n  - {name: a, start: '07:00', end: '08:00'}\n  - {name: a, start: '09:00', end: '10:00'}\n",
         "shifts[a].name", "twice"),
    ],
)  # fmt: skip
def test_wrong_site_and_shifts(text: str, field: str, words: str) -> None:
    assert words in str(the(wrong(text), field))


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ("id: a, transport: modbus", "transport", "modbus-tcp"),
        ("id: a, transport: modbus-tcp", "host", "missing"),
        ("id: a, transport: modbus-tcp, host: 'http://h'", "host", "without port"),
        ("id: a, transport: modbus-tcp, host: h, baud: 9600", "baud", "no field of modbus-tcp"),
        ("id: a, transport: modbus-tcp, host: h, prot: 1", "prot", "did you mean port"),
        ("id: a, transport: modbus-tcp, host: h, port: '502'", "port", "1 to 65535"),
        ("id: a, transport: serial", "device", "missing"),
        ("id: a, transport: serial, device: /dev/a, parity: X", "parity", "one of N, E, O"),
        ("id: a, transport: serial, device: /dev/a, stopbits: 3", "stopbits", "1 to 2"),
        ("id: a, transport: serial, device: /dev/a, mode: tcp", "mode", "one of rtu, ascii"),
        ("id: a, transport: serial, device: /dev/a, timeout_s: 0", "timeout_s", "0.05 to 60"),
        ("id: a, transport: opcua, url: 'http://h'", "url", "opc.tcp://"),
        ("id: a, transport: opcua, url: 'opc.tcp://u:p@h'", "url", "without password"),
        ("id: a, transport: opcua, url: 'opc.tcp://h', security: Basic128", "security", "Basic256Sha256"),
        ("id: a, transport: opcua, url: 'opc.tcp://h', password: s3cret", "password", "password_env"),
        ("id: a, transport: opcua, url: 'opc.tcp://h', password_env: 'my s3cret!'", "password_env", "name such as"),
        ("id: a, transport: mqtt, host: h", "topic", "missing"),
        ("id: a, transport: mqtt, host: h, topic: t, tls: true, cert_file: /c.pem", "", "cert_file stands alone"),
        ("id: a, transport: mqtt, host: h, topic: t, cert_file: /c.pem, key_file: /k.pem", "", "but not tls"),
        ("id: a, transport: tcp-frames, host: h, port: 1, length: 3, delimiter: x", "", "either"),
        ("transport: modbus-tcp, host: h", "id", "missing"),
        ("id: 'a b', transport: modbus-tcp, host: h", "id", "letters"),
        ("id: m.1, transport: modbus-tcp, host: h", "id", "letters"),
    ],
)  # fmt: skip
def test_wrong_lines(line: str, field: str, words: str) -> None:
    problems = wrong(f"{SITE}lines:\n  - {{{line}}}\n")
    assert [p.path[2:3] for p in problems] == [(field,) if field else ()]
    assert words in str(problems[0])
    assert "s3cret" not in str(problems[0])


def test_ids_stand_once_case_apart() -> None:
    problems = wrong(SITE + TCP + "  - {id: L1, transport: modbus-tcp, host: h2}\n")
    assert "first in line 3" in the(problems, "lines[L1].id").message


def test_two_lines_to_one_port_mix_their_bytes() -> None:
    serial = SITE + "lines:\n  - {id: a, transport: serial, device: /dev/x}\n  - {id: b, transport: serial, device: /dev/x}\n"
    assert "as line 'a' does" in the(wrong(serial), "lines[b]").message
    tcp = parse(SITE + TCP + "  - {id: l2, transport: modbus-tcp, host: h}\n")
    assert "second connection" in str(tcp.warnings[0]), "servers may allow several"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ("id: m, line: l1", "profile", "missing"),
        ("id: m, profile: abb-b33, line: l1", "profile", "abb-b23"),
        ("id: m, profile: abb-b23", "line", "missing"),
        ("id: m, profile: abb-b23, line: l2", "line", "expected l1"),
        ("id: m, profile: mercury-234, line: l1, address: 3", "profile", "serial"),
        ("id: m, profile: abb-b23, line: l1, address: 256", "address", "0 to 255"),
        ("id: m, profile: abb-b23, line: l1, address: one", "address", "0 to 255"),
        ("id: m, profile: abb-b23, line: l1, scan_s: 0.04", "scan_s", "0.05 to 3600"),
        ("id: m, profile: abb-b23, line: l1, scan_s: 3601", "scan_s", "0.05 to 3600"),
        ("id: m, profile: abb-b23, line: l1, ct_ratio: -1", "ct_ratio", "greater than 0"),
        ("id: m, profile: abb-b23, line: l1, base_address: 5", "base_address", "unknown field"),
        ("id: m, profile: abb-b23, line: l1, word_order: ABCD", "word_order", "big-swapped"),
        ("id: m, profile: abb-b23, line: l1, password: '111111'", "password", "password_env"),
        ("id: m, profile: abb-b23, line: l1, adress: 1", "adress", "did you mean address"),
        ("id: m, profile: abb-b23, line: l1, points: []", "profile", "either"),
        ("id: m, line: l1, points: []", "points", "missing"),
        ("id: m, line: l1, points: [{tag: t, quantity: voltage, unit: A, table: holding, address: 1, type: int16}]",
         "points", "does not measure voltage"),
        ("id: m, profile: mercury-234-modbus, line: l1, order: [voltage_l1, voltage_l9]", "order", "no point 'voltage_l9'"),
    ],
)  # fmt: skip
def test_wrong_devices(fields: str, field: str, words: str) -> None:
    problems = [p for p in wrong(device(fields)) if p.path[2:3] == (field,)]
    assert problems
    assert any(words in str(p) for p in problems), problems


def test_a_problem_in_a_point_written_in_place_names_device_point_and_field() -> None:
    text = device("id: m, line: l1, points: [{tag: u, quantity: voltage, unit: A, table: holding, address: 1, type: int16}]")
    assert the(wrong(text), "devices[m].points[u].unit").line == 5


def test_serial_devices_have_addresses_of_their_own() -> None:
    head = SITE + "lines: [{id: s, transport: serial, device: /dev/x}]\ndevices:\n"
    assert "1 to 247" in str(wrong(head + "  - {id: a, profile: abb-b23, line: s}\n")[0])
    assert "1 to 247" in str(wrong(head + "  - {id: a, profile: abb-b23, line: s, address: 248}\n")[0])
    assert "0 to 240" in str(wrong(head + "  - {id: a, profile: mercury-234, line: s, address: 241}\n")[0])
    twice = head + "  - {id: a, profile: abb-b23, line: s, address: 5}\n  - {id: b, profile: mercury-234, line: s, address: 5}\n"
    assert "is the address of 'a' too" in the(wrong(twice), "devices[b].address").message


def test_a_missing_variable_is_a_warning_not_an_error() -> None:
    parsed = parse(CONTRACT, environ={})
    assert [w.field for w in parsed.warnings] == ["lines[dmg].password_env", "devices[m2].password_env"]
    assert "M2_PASSWORD" in parsed.warnings[1].message
    assert parsed.plant.device("m2").password is None


def test_a_password_that_fits_no_meter_is_refused_without_showing_it() -> None:
    for secret in ("hex:0101", "toolongsecret", "пароль"):
        problem = the(wrong(CONTRACT, {"M2_PASSWORD": secret, "DMG_PASSWORD": ""}), "devices[m2].password_env")
        assert secret not in str(problem)


def test_ratios_without_secondary_values_are_pointed_out() -> None:
    parsed = parse(device("id: m, profile: eastron-sdm630, line: l1, ct_ratio: 20"))
    assert "no effect" in str(parsed.warnings[0])


MACHINE = device("id: m, profile: abb-b23, line: l1") + "machines:\n  - "
LIMIT = device("id: m, profile: abb-b23, line: l1") + "limits:\n  - "


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (MACHINE + "{id: x, meter: n}", "machines[x].meter", "no device 'n'"),
        (MACHINE + "{id: x, rated_kw: 0}", "machines[x].rated_kw", "greater than 0"),
        (MACHINE + "{id: x, states: {idle_above_kw: 1}}", "machines[x].states.production_above_kw", "missing"),
        (MACHINE + "{id: x, states: {idle_above_kw: 1, production_above_kw: 1}}", "machines[x].states.production_above_kw",
         "more than idle_above_kw (1)"),
        (MACHINE + "{id: x, states: {idle_above_kw: 3, production_above_kw: 3.1}}",
         "machines[x].states.production_above_kw", "overlaps idle_above_kw (3)"),
        (MACHINE + "{id: x, states: {idle_above_kw: 1, production_above_kw: 2, hysteresis_kw: 1}}",
         "machines[x].states.hysteresis_kw", "less than"),
        (MACHINE + "{id: x}\n  - {id: X}", "machines[X].id", "twice"),
        (LIMIT + "{tag: m.active_power}", "limits[m.active_power]", "at least one"),
        (LIMIT + "{tag: m.active_powr, high: 1}", "limits[m.active_powr].tag", "m.active_power"),
        (LIMIT + "{tag: n.active_power, high: 1}", "limits[n.active_power].tag", "no device 'n'"),
        (LIMIT + "{tag: m.active_power, low: 5, high: 5}", "limits[m.active_power].high", "more than low (5)"),
        (LIMIT + "{tag: m.active_power, high: 5, critical_high: 4}",
         "limits[m.active_power].critical_high", "more than high (5)"),
        (LIMIT + "{tag: m.active_power, critical_low: 5, critical_high: 4}",
         "limits[m.active_power].critical_high", "critical_low"),
        (LIMIT + "{tag: m.active_power, high: 5, hysteresis: -1}", "limits[m.active_power].hysteresis", "at least 0"),
        (LIMIT + "{tag: m.active_power, high: x}", "limits[m.active_power].high", "a number"),
        (LIMIT + "{tag: m.active_power, high: 1}\n  - {tag: m.active_power, high: 2}", "limits[m.active_power].tag", "already"),
    ],
)  # fmt: skip
def test_wrong_machines_and_limits(text: str, field: str, words: str) -> None:
    assert words in str(the(wrong(text), field))


def test_a_limit_of_zero_is_a_limit() -> None:
    rule = parse(LIMIT + "{tag: m.active_power, high: 0, low: -5}\n").plant.limits[0]
    assert (rule.high, rule.low) == (0.0, -5.0)


def test_machines_that_share_a_meter_or_lack_a_counter_are_pointed_out() -> None:
    shared = parse(MACHINE + "{id: x, meter: m}\n  - {id: y, meter: m}\n")
    assert "counts twice" in str(shared.warnings[0])


def test_one_wrong_device_brings_no_noise_about_what_refers_to_it() -> None:
    text = MACHINE.replace("line: l1", "line: l1, scan_s: 0") + "{id: x, meter: m}\nlimits: [{tag: m.active_power, high: 1}]\n"
    assert [p.field for p in wrong(text)] == ["devices[m].scan_s"]


def test_broken_yaml_is_a_plant_file_error() -> None:
    (problem,) = wrong("site: {name: [}\n")
    assert (problem.file, problem.line) == ("plant.yaml", 1)


_WORDS = st.sampled_from(
    ["site", "lines", "devices", "points", "id", "m1", "l1", "transport", "modbus-tcp", "profile", "abb-b23"]
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["site", "shifts", "lines", "devices", "machines", "limits"]), _ANY))
def test_any_document_gives_a_plant_or_problems(document: dict[str, object]) -> None:
    with suppress(PlantFileError):
        plant_from_document(document, catalog=CATALOG, environ={})


@given(_ANY, _ANY)
def test_any_entry_gives_a_plant_or_problems(line: object, device_fields: object) -> None:
    known = {"id": "l1", "transport": "modbus-tcp", "host": "h"}
    document = {"site": {"name": "S"}, "lines": [line, known], "devices": [device_fields]}
    with suppress(PlantFileError):
        plant_from_document(document, catalog=CATALOG, environ={})
