"""The examples of the documents are valid, and their tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.plant_file import parse_plant
from config.profile_points import MERCURY_QUERIES
from config.profiles import ProfileCatalog, load_profile
from config.settings import known_names, variable
from config.transports import TRANSPORTS
from domain.alert_rule import RuleKind
from domain.detector import RULES
from domain.places.lsv2 import ITEMS as LSV2_ITEMS
from domain.places.lsv2 import MEMORY_BYTES
from domain.places.s7 import SIZES, VARIABLE
from domain.quantity import Quantity, units_of

DOCS = Path(__file__).resolve().parents[2] / "docs"


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def examples(name: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text(name), re.DOTALL)


def test_the_plant_file_example_is_valid() -> None:
    example = examples("plant-file.md")[0]
    parsed = parse_plant(example, catalog=ProfileCatalog.shipped(), environ={"M2_PASSWORD": "111111"})
    assert parsed.warnings == ()
    assert len(parsed.plant.devices) == 4


def test_the_calendar_example_is_valid() -> None:
    (example,) = [text for text in examples("plant-file.md") if "\ncalendar:" in text]
    plant = parse_plant(example, catalog=ProfileCatalog.shipped(), environ={}).plant
    assert [shift.crew for shift in plant.shifts] == ["А", "Б"]
    assert len(plant.plans) == 2


def test_the_detectors_example_is_valid_and_every_rule_is_documented() -> None:
    (example,) = [text for text in examples("plant-file.md") if text.startswith("detectors:")]
    head = "site: {name: S}\nmachines: [{id: lathe-1}]\n"
    settings = parse_plant(head + example, catalog=ProfileCatalog.shipped(), environ={}).plant.detectors
    assert settings.of("current_imbalance") is None
    for rule, parameters in RULES.items():
        (row,) = [line for line in text("plant-file.md").splitlines() if line.startswith(f"| `{rule}` |")]
        for name, parameter in parameters.items():
            assert re.search(rf"`{name}` \({parameter.default:g}\b", row), (rule, name)
def test_the_example_of_efficiency_cards_is_valid() -> None:
    (example,) = [text for text in examples("plant-file.md") if "card: K2" in text]
    head = (
        "site: {name: S}\nlines: [{id: tcp1, transport: modbus-tcp, host: h}]\ndevices:\n"
        "  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}\n  - {id: m2, profile: eastron-sdm630, line: tcp1, address: 2}\n"
        "  - id: parts\n    line: tcp1\n    address: 3\n    points:\n"
        "      - {tag: counter_1, quantity: count, unit: '1', table: holding, address: 0, type: uint32}\n"
    )
    plant = parse_plant(head + example, catalog=ProfileCatalog.shipped(), environ={}).plant
    assert [machine.kef.card for machine in plant.machines if machine.kef is not None] == ["K2", "K4"]


def test_the_alert_rules_example_is_valid_and_every_kind_is_documented() -> None:
    (example,) = [text for text in examples("plant-file.md") if text.startswith("alert_rules:")]
    head = (
        'site: {name: S}\nshifts: [{name: "3", start: "23:00", end: "07:00"}]\nlines: [{id: l, transport: modbus-tcp, host: h}]\n'
        "devices: [{id: m1, line: l, address: 1, profile: mercury-234-modbus}]\n"
        "machines: [{id: lathe-1, meter: m1, section: Turning}]\n"
    )
    plant = parse_plant(head + example, catalog=ProfileCatalog.shipped(), environ={}).plant
    assert {rule.kind for rule in plant.alert_rules} == set(RuleKind)
    for kind in RuleKind:
        assert f"| `{kind.value}` |" in text("plant-file.md")


def test_the_profile_example_is_valid() -> None:
    (example,) = [text for text in examples("devices.md") if "vendor: ACME" in text]
    profile = load_profile(example, file="acme-pm100.yaml", name="acme-pm100")
    assert profile.point("active_power").unit == "kW"


def test_the_parameter_example_is_valid() -> None:
    head = "site: {name: S}\nlines: [{id: plc, transport: modbus-tcp, host: h}]\n"
    (example,) = [text for text in examples("devices.md") if "profile: mercury-234-modbus, line: plc" in text]
    plant = parse_plant(head + example, catalog=ProfileCatalog.shipped(), environ={}).plant
    assert [point.tag for point in plant.device("m3").profile.points] == ["active_power", "energy_import"]


@pytest.mark.parametrize("quantity", list(Quantity))
def test_every_quantity_and_unit_is_documented(quantity: Quantity) -> None:
    pattern = rf"\| `[^|]*\b{quantity.value}`[^|]*\|[^|]*\|[^|]*\| (gauge|counter|state|text) \|"
    (row,) = [line for line in text("devices.md").splitlines() if re.match(pattern, line)]
    assert all(unit in row for unit in units_of(quantity))


def test_every_profile_transport_and_query_is_documented() -> None:
    for name in ProfileCatalog.shipped().names():
        assert f"`{name}`" in text("devices.md"), name
    for transport, known in TRANSPORTS.items():
        row = next(line for line in text("plant-file.md").splitlines() if line.startswith(f"| `{transport}`"))
        assert all(f"`{field}`" in row for field in known.fields if not field.endswith("timeout_s")), row
    for query in MERCURY_QUERIES:
        assert f"`{query}`" in text("devices.md"), query


@pytest.mark.parametrize("begin", ["  - {id: ems, transport: serial", "  - {id: hh, transport: lsv2", "  - {id: plc1, transport: s7"])
def test_the_plants_of_the_device_guide_are_valid(begin: str) -> None:
    (example,) = [text for text in examples("devices.md") if begin in text]
    parsed = parse_plant(example, catalog=ProfileCatalog.shipped(), environ={"PLC_PASSWORD": "807667"})
    assert parsed.warnings == ()


def test_every_question_to_a_control_is_documented() -> None:
    guide = text("devices.md")
    for query, items in LSV2_ITEMS.items():
        (row,) = [line for line in guide.splitlines() if line.startswith("| `") and f"`{query}`" in line]
        assert all(f"`{item}`" in row for item in items if item), query
    assert all(f"`{memory}`" in guide for memory in MEMORY_BYTES)


def test_every_setting_of_the_feeds_is_documented_and_none_is_invented() -> None:
    sections = ("feeds.", "influxdb.", "kafka.", "mqtt.")
    known = {variable(name) for name in known_names() if name.startswith(sections)}
    told = set(re.findall(r"ENERGY_(?:FEEDS|INFLUXDB|KAFKA|MQTT)__[A-Z_]+", text("feeds.md")))
    assert told == known


def test_every_setting_of_the_roles_is_documented_and_none_is_invented() -> None:
    known = {variable(name) for name in known_names() if name.startswith("role.")}
    assert set(re.findall(r"ENERGY_ROLE__[A-Z_]+", text("scaling.md"))) == known


def test_every_type_of_an_s7_point_is_documented() -> None:
    (row,) = [line for line in text("devices.md").splitlines() if line.startswith("| `type` | `BOOL`")]
    assert set(re.findall(r"[A-Z][A-Z0-9]+", row)) >= {*SIZES, *VARIABLE}


def test_a_meter_that_is_part_of_a_gathering_controller_is_valid() -> None:
    (example,) = [text for text in examples("devices.md") if text.startswith("virtual_tags:")]
    head = (
        "site: {name: S}\nlines: [{id: l, transport: modbus-tcp, host: h}]\ndevices:\n  - id: ems\n    line: l\n"
        "    bytes_per_register: 1\n    points:\n"
        "      - {tag: m9_active_power, quantity: active_power, unit: kW, table: holding, address: 0, type: int32}\n"
        "      - {tag: m9_energy_import, quantity: energy_import, unit: kWh, table: holding, address: 4, type: int32}\n"
    )
    plant = parse_plant(head + example, catalog=ProfileCatalog.shipped(), environ={}).plant
    assert plant.machine("lathe-9").meter == "m9"
