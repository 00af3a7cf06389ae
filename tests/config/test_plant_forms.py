"""Lines and devices as the fields of a form: there and back without loss, problems by field."""

from __future__ import annotations

import pytest

from config.plant_file import parse_plant, plant_from_document
from config.plant_forms import device_to_fields, line_to_fields, validate_device, validate_line
from config.profiles import ProfileCatalog
from tests.config.test_plant_file import CATALOG, CONTRACT, ENVIRON

IN_PLACE = """\
site: {name: S}
lines: [{id: l1, transport: modbus-tcp, host: h}, {id: o, transport: opcua, url: "opc.tcp://h", enabled: false}]
devices:
  - id: c
    line: l1
    enabled: false
    scan_s: 0.5
    points:
      - {tag: p, quantity: active_power, unit: kW, table: input, address: 1, type: int32, word_order: big-swapped, scale: 0.1,
         sentinel: [0x7FFFFFFF], group: slow, max_rate: 5, spike: true, secondary: true}
      - {tag: s, quantity: state, table: holding, address: 9, bit: 3, enum: {0: off, 1: on}}
      - {tag: over, quantity: other, unit: raw, table: input, address: 2, type: uint16, overlaps: true}
      - {tag: n, quantity: text, table: holding, address: 20, type: string, length: 5}
  - {id: m, line: o, points: [{tag: program, quantity: text, node: "ns=2;s=P"}]}
"""


@pytest.mark.parametrize("text", [CONTRACT, IN_PLACE])
def test_there_and_back(text: str) -> None:
    plant = parse_plant(text, catalog=CATALOG, environ=ENVIRON).plant
    document = {
        "site": {"name": plant.site.name},
        "lines": [line_to_fields(line) for line in plant.lines],
        "devices": [device_to_fields(device) for device in plant.devices],
    }
    again = plant_from_document(document, catalog=CATALOG, environ=ENVIRON)
    assert again.lines == plant.lines
    assert again.devices == plant.devices


def test_a_password_is_never_among_the_fields() -> None:
    plant = parse_plant(CONTRACT, catalog=CATALOG, environ=ENVIRON).plant
    assert "hex:" not in str(device_to_fields(plant.device("m2")))


def document() -> dict[str, object]:
    return dict(parse_plant(CONTRACT, catalog=CATALOG, environ=ENVIRON).document)


def test_problems_of_a_draft_by_field() -> None:
    draft = {"id": "m9", "profile": "abb-b23", "line": "tcp9", "address": 900, "scan_s": 0}
    found = validate_device(draft, document(), CATALOG)
    assert set(found) == {"line", "address", "scan_s"} or set(found) == {"line", "scan_s", "address"}
    assert "tcp1" in found["line"][0].expected


def test_a_draft_is_checked_against_its_neighbours() -> None:
    taken = {"id": "m9", "profile": "mercury-234-modbus", "line": "tcp1", "address": 1}
    assert set(validate_device(taken, document(), CATALOG)) == {"address"}
    assert validate_device({**taken, "address": 2}, document(), CATALOG) == {}


def test_a_draft_replaces_the_device_of_its_id() -> None:
    same = {"id": "m1", "profile": "mercury-234-modbus", "line": "tcp1", "address": 1, "scan_s": 2}
    assert validate_device(same, document(), CATALOG) == {}


def test_what_a_change_would_break_elsewhere_is_told() -> None:
    other = {"id": "m1", "profile": "owen-mv110-16dn", "line": "tcp1", "address": 1}
    found = validate_device(other, document(), CATALOG)
    assert "m1.active_power" in str(found[""][0])


def test_lines_too() -> None:
    assert set(validate_line({"id": "x", "transport": "serial"}, document(), CATALOG)) == {"device"}
    assert validate_line({"id": "x", "transport": "s7", "host": "plc"}, document(), ProfileCatalog.shipped() and CATALOG) == {}
