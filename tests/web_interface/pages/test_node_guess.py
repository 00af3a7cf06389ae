"""What a node of a server's tree is proposed as, and that every proposal is a point that a plant file takes."""

from __future__ import annotations

import pytest

from config.plant_file import dump_plant, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.browse import BrowsedNode
from domain.commissioning import Found
from web_interface.pages.node_guess import heard_points, proposed, tag_of

NODES = [
    (BrowsedNode("ns=2;s=a", "progStatus", "urn:m", True, "3", "Int32"), ("execution_state", "state", "1")),
    (BrowsedNode("ns=2;s=b", "driveLoad", "urn:m", True, "41", "Double", 2), ("spindle_load", "load", "%")),
    (BrowsedNode("ns=2;s=c", "actParts", "urn:m", True, "7", "UInt32"), ("part_count", "count", "1")),
    (BrowsedNode("ns=2;s=d", "progName", "urn:m", True, "O1", "String"), ("program", "text", None)),
    (BrowsedNode("ns=4;s=e", "ActivePower", None, True, "12", "Float"), ("active_power", "active_power", "kW")),
    (BrowsedNode("ns=4;s=f", "1. Öl-Temp", None, True, "40", "Float"), ("v_1_l_temp", "temperature", "°C")),
    (BrowsedNode("ns=4;s=g", "Tür zu", None, True, "True", "Boolean"), ("t_r_zu", "state", "1")),
    (BrowsedNode("ns=4;i=9", "Ж", None, True, "1", "Int16"), ("value", "other", "1")),
]


@pytest.mark.parametrize(("node", "expected"), NODES)
def test_proposals(node: BrowsedNode, expected: tuple[str, str, str | None]) -> None:
    point = proposed(node, ())
    assert (point["tag"], point["quantity"], point.get("unit")) == expected
    assert point.get("index") == (None if node.length is None else 0)
    assert point.get("namespace") == node.namespace


def test_tags_are_not_taken_twice() -> None:
    assert tag_of("Speed", {"speed", "speed_2"}) == "speed_3"
    first, second = (proposed(NODES[0][0], taken) for taken in ((), ("execution_state",)))
    assert (first["tag"], second["tag"]) == ("execution_state", "prog_status")


def test_a_plant_file_takes_every_proposal() -> None:
    points: list[dict[str, object]] = []
    for node, _ in NODES:
        points.append(proposed(node, {str(point["tag"]) for point in points}))
    document = {
        "site": {"name": "S"}, "lines": [{"id": "l", "transport": "opcua", "url": "opc.tcp://h:4840"}],
        "devices": [{"id": "d", "line": "l", "points": points}],
    }  # fmt: skip
    plant = parse_plant(dump_plant(document), catalog=ProfileCatalog.shipped(), environ={}).plant
    assert len(plant.device("d").profile.points) == len(NODES)


MACHINE = "sensor/CNC/1"
HEARD = [
    ("mtconnect", Found("GF-1/Sload", "41"), [{"tag": "sload", "quantity": "other", "unit": "1", "item": "Sload"}]),
    ("mtconnect", Found("execution", "ACTIVE"), [{"tag": "execution", "quantity": "text", "item": "execution"}]),
    ("mqtt", Found(f"{MACHINE}/power", "3.42"),
     [{"tag": "active_power", "quantity": "active_power", "unit": "kW", "topic": f"{MACHINE}/power"}]),
    ("mqtt", Found(f"{MACHINE}/state", "RUN"), [{"tag": "state", "quantity": "text", "topic": f"{MACHINE}/state"}]),
    ("mqtt", Found(MACHINE, '{"spindle": {"speed": 1200, "load": 40}, "on": true}'), [
        {"tag": "speed", "quantity": "other", "unit": "1", "topic": MACHINE, "path": "spindle.speed"},
        {"tag": "load", "quantity": "other", "unit": "1", "topic": MACHINE, "path": "spindle.load"},
        {"tag": "on", "quantity": "state", "unit": "1", "topic": MACHINE, "path": "on"},
    ]),
    ("mqtt", Found(MACHINE, '{"spindle": {"speed": 12'), []),
    ("mqtt", Found(MACHINE, "[1, 2]"), []),
    ("mqtt", Found(MACHINE, ""), []),
    ("s7", Found("10.0.0.7:102", "CPU 1515"), []),
]  # fmt: skip


@pytest.mark.parametrize(("transport", "item", "points"), HEARD)
def test_what_a_survey_heard_becomes_points(transport: str, item: Found, points: list[dict[str, object]]) -> None:
    assert heard_points(transport, item, ()) == points


def test_a_plant_file_takes_what_was_heard() -> None:
    for transport, options in (("mqtt", {"topic": "#"}), ("mtconnect", {})):
        points: list[dict[str, object]] = []
        for name, item, _ in HEARD:
            if name == transport:
                points += heard_points(transport, item, {str(point["tag"]) for point in points})
        plant = {
            "site": {"name": "S"}, "lines": [{"id": "l", "transport": transport, "host": "127.0.0.1", **options}],
            "devices": [{"id": "d", "line": "l", "points": points}],
        }  # fmt: skip
        found = parse_plant(dump_plant(plant), catalog=ProfileCatalog.shipped(), environ={}).plant
        assert [point.tag for point in found.device("d").profile.points] == [point["tag"] for point in points]
