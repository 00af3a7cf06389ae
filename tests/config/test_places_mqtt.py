"""Points of MQTT devices in profiles and plant files: what is wrong is named with its place."""

from __future__ import annotations

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.mqtt.mapping import MqttPlan
from domain.places.mqtt import MqttPlace
from tests.config.test_docs import examples

CATALOG = ProfileCatalog.shipped()
HEAD = "site: {name: X}\nlines: [{id: bus, transport: mqtt, host: h, topic: a/#}]\n"


def test_the_worked_plant_file_compiles() -> None:
    text = next(example for example in examples("devices.md") if "transport: mqtt" in example)
    plant = parse_plant(text, catalog=CATALOG, environ={"BUS_PASSWORD": "geheim"}).plant
    assert plant.lines[0].password == "geheim"
    plans = {device.id: MqttPlan(device, str(plant.lines[0].options["topic"])) for device in plant.devices}
    assert plans["dmg"].filters == ("sensor/CNC/#",)
    assert plans["lathe1"].filters == ("spBv1.0/Shop1/+/edge7/#",)
    assert plans["feeder"].filters == ("shop/power/feeder",)
    assert plans["dmu"].cnc_id == "DMU-50-1"


@pytest.mark.parametrize(("point", "expected"), [
    ("quantity: speed, unit: 1/min", "nothing says where the value lies"),
    ("quantity: speed, unit: 1/min, path: 'a[x]'", "points[v].path"),
    ("quantity: speed, unit: 1/min, path: a, metric: b", "stands beside path"),
    ("quantity: speed, unit: 1/min, path: a, topic: 'x/#/y'", "points[v].topic"),
    ("quantity: speed, unit: 1/min, path: a, node: 5", "unknown field 'node'"),
])
def test_a_wrong_place_is_named(point: str, expected: str) -> None:
    text = HEAD + f"devices: [{{id: d, line: bus, points: [{{tag: v, {point}}}]}}]\n"
    with pytest.raises(PlantFileError) as failure:
        parse_plant(text, catalog=CATALOG, environ={})
    assert expected in str(failure.value)


def test_a_point_keeps_its_place_through_a_plant_file() -> None:
    text = HEAD + "devices: [{id: d, line: bus, points: [{tag: v, quantity: speed, unit: 1/min, topic: 'x/+/y', path: 'a[0].b', time: t}]}]\n"
    (device,) = parse_plant(text, catalog=CATALOG, environ={}).plant.devices
    place = device.profile.points[0].where
    assert place == MqttPlace("a[0].b", "x/+/y", "t")
    assert place.to_fields() == {"path": "a[0].b", "topic": "x/+/y", "time": "t"}
