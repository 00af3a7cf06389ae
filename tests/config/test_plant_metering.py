"""Where a meter lies in the tree, and how exact it is: what is taken, and what is refused with its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from config.plant_file import PlantFileError, plant_from_document
from config.plant_forms import device_to_fields
from config.profile_catalog import ProfileCatalog
from domain.balance import Metering
from domain.plant import Plant

CATALOG = ProfileCatalog.shipped()


def read(**devices: dict[str, Any]) -> Plant:
    document = {
        "site": {"name": "S"},
        "lines": [{"id": "l", "transport": "modbus-tcp", "host": "h"}],
        "devices": [
            {"id": name, "line": "l", "profile": "eastron-sdm630", "address": n, **fields} for n, (name, fields) in enumerate(devices.items(), 1)
        ],
    }
    return plant_from_document(document, catalog=CATALOG, environ={})


def problems(**devices: dict[str, Any]) -> list[str]:
    with pytest.raises(PlantFileError) as caught:
        read(**devices)
    return [f"{p.field} {p.message}" for p in caught.value.problems]


def test_a_tree_with_classes() -> None:
    plant = read(main={"meter_class": "0.5S", "ct_class": 0.5}, board={"fed_by": "main"}, pv={"feeds": "main"}, m1={"fed_by": "board"})
    assert [d.metering for d in plant.devices] == [
        Metering(None, None, 0.5, 0.5), Metering("main"), Metering(None, "main"), Metering("board"),
    ]  # fmt: skip
    assert device_to_fields(plant.device("main"))["meter_class"] == 0.5
    assert device_to_fields(plant.device("m1"))["fed_by"] == "board"


def test_a_meter_that_does_not_exist() -> None:
    assert problems(main={}, m1={"fed_by": "mian"}) == ["devices[m1].fed_by there is no device 'mian'"]


def test_meters_in_a_circle() -> None:
    found = problems(a={"fed_by": "b"}, b={"fed_by": "a"})
    assert found[0] == "devices[a].fed_by a is fed by b is fed by a: a circle"
    assert problems(a={"fed_by": "a"}) == ["devices[a].fed_by a is fed by a: a circle"]


def test_a_generator_is_no_consumer() -> None:
    assert problems(main={}, pv={"feeds": "main", "fed_by": "main"}) == ["devices[pv].feeds stands beside fed_by"]


@pytest.mark.parametrize("value", ["A", "9S", 0, 6, "0.5SS"])
def test_classes_that_are_none(value: object) -> None:
    assert problems(main={"meter_class": value})[0].startswith("devices[main].meter_class is ")


def test_the_day_a_verification_ends_is_kept_and_a_wrong_one_named() -> None:
    plant = read(main={"calibration_due": "2031-03-31"})
    assert plant.device("main").metering.calibration_due == date(2031, 3, 31)
    assert device_to_fields(plant.device("main"))["calibration_due"] == "2031-03-31"
    assert problems(main={"calibration_due": "31.03.2031"}) == ["devices[main].calibration_due is '31.03.2031'"]
