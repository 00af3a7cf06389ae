"""Nodes of OPC UA points as a plant file names them: what is taken, and what is refused with file, point and field."""

from __future__ import annotations

import pytest

from config.plant_file import PlantFileError, dump_plant, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.places.opcua import OpcUaPlace

HEAD = """
site: {name: S}
lines: [{id: l, transport: opcua, url: "opc.tcp://h:4840"}]
devices:
  - id: d
    line: l
    points:
      - {tag: p, quantity: active_power, unit: kW, %s}
"""
CATALOG = ProfileCatalog.shipped()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ('node: "ns=2;s=/Channel/State/progStatus"', OpcUaPlace("ns=2;s=/Channel/State/progStatus")),
        ('node: \'ns=3;s="DB"."p[1]"\', namespace: "http://x"', OpcUaPlace('ns=3;s="DB"."p[1]"', "http://x")),
        ('node: "i=2258"', OpcUaPlace("i=2258")),
        ('node: "ns=4;g=09087e75-8e5e-499b-954f-f2a9603db28a"', OpcUaPlace("ns=4;g=09087e75-8e5e-499b-954f-f2a9603db28a")),
        ('node: "/2:Machine/2:State", index: 3, deadband: 0.5, queue: 50, sampling_s: 0.1',
         OpcUaPlace("/2:Machine/2:State", None, 3, 0.5, None, 0.1, 50)),
    ],
)  # fmt: skip
def test_nodes_that_are_taken_and_written_back(fields: str, place: OpcUaPlace) -> None:
    parsed = parse_plant(HEAD % fields, catalog=CATALOG, environ={})
    assert parsed.plant.device("d").profile.points[0].where == place
    assert parse_plant(dump_plant(parsed.document), catalog=CATALOG, environ={}).plant == parsed.plant


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ('node: "progStatus"', "node"), ('node: "ns=2;i=abc"', "node"), ('node: "ns=70000;i=1"', "node"), ('node: "ns=2;g=1"', "node"),
        ('node: "//"', "node"), ("queue: 3", "node"), ('node: "i=1", deadband: -1', "deadband"),
        ('node: "i=1", deadband: 1, deadband_percent: 2', "deadband"), ('node: "i=1", deadband_percent: 200', "deadband_percent"),
        ('node: "i=1", index: -1', "index"), ('node: "i=1", queue: 0', "queue"), ('node: "i=1", address: 100', "address"),
    ],
)  # fmt: skip
def test_what_is_refused_names_the_point_and_the_field(fields: str, field: str) -> None:
    with pytest.raises(PlantFileError) as caught:
        parse_plant(HEAD % fields, file="shop.yaml", catalog=CATALOG, environ={})
    (problem,) = caught.value.problems
    assert problem.field == f"devices[d].points[p].{field}"
    assert str(problem).startswith("shop.yaml:8: ")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ("security: None, message_mode: Sign", "message_mode"), ("security: Basic128Rsa15", "security"),
        ("sign_in: token", "sign_in"), ("publishing_s: 0", "publishing_s"), ("updates: push", "updates"), ("password: x", "password"),
    ],
)  # fmt: skip
def test_a_line_refuses_what_it_cannot_mean(fields: str, field: str) -> None:
    text = f'site: {{name: S}}\nlines: [{{id: l, transport: opcua, url: "opc.tcp://h:4840", {fields}}}]\n'
    with pytest.raises(PlantFileError) as caught:
        parse_plant(text, catalog=CATALOG, environ={})
    assert [problem.field for problem in caught.value.problems] == [f"lines[l].{field}"]
