"""virtual_tags of a plant file: read, checked where they are entered, registered under ids that stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.plant_file import PlantFileError, dump_plant, parse_plant
from config.profile_catalog import ProfileCatalog
from database import open_database
from domain.plant import Plant
from domain.quantity import Quantity
from domain.registry import tags_of_plant
from tests.conftest import FakeClock

CATALOG = ProfileCatalog.shipped()
HEAD = """
site: {name: "Shop"}
lines:
  - {id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1502}
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
  - {id: m2, profile: eastron-sdm630, line: tcp1, address: 2, scan_s: 5}
"""
VIRTUAL = """
virtual_tags:
  - {tag: shop.active_power, formula: "m1.active_power + m2.active_power", quantity: active_power, unit: kW}
  - {tag: shop.energy_import, formula: "m1.energy_import + m2.energy_import", quantity: energy_import}
  - {tag: shop.reserve, formula: "160 kW - shop.active_power", quantity: active_power, unit: W, version: 3}
machines:
  - {id: both, meter: shop}
limits:
  - {tag: shop.reserve, low: 10}
"""


def read(text: str) -> Plant:
    return parse_plant(text, catalog=CATALOG, environ={}).plant


def problems(entry: str) -> str:
    with pytest.raises(PlantFileError) as caught:
        read(f"{HEAD}virtual_tags:\n  - {entry}\n")
    return str(caught.value)


def test_virtual_tags_are_read_and_usable_as_meter_and_in_limits() -> None:
    plant = read(HEAD + VIRTUAL)
    assert [tag.version for tag in plant.virtual_tags] == [1, 1, 3]
    assert plant.virtual_devices == ("shop",)
    tags = {tag.name: tag for tag in tags_of_plant(plant)}
    assert (tags["shop.reserve"].unit, tags["shop.reserve"].interval_s) == ("kW", 1.0)
    assert tags["shop.energy_import"].quantity is Quantity.ENERGY_IMPORT
    assert tags["shop.energy_import"].max_rate is None or tags["shop.energy_import"].max_rate > 0
    parsed = parse_plant(HEAD + VIRTUAL, catalog=CATALOG, environ={})
    assert parse_plant(dump_plant(parsed.document), catalog=CATALOG, environ={}).document == parsed.document


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('{tag: m1.sum, formula: "m1.active_power", quantity: active_power}', "'m1' is a device"),
        ('{tag: shop, formula: "m1.active_power", quantity: active_power}', "such as shop.reserve"),
        ('{tag: shop.p, formula: "m1.active_power", quantity: active_power, unit: kWh}', "does not measure active_power"),
        ('{tag: shop.p, formula: "m1.active_power", quantity: text}', "quantity"),
        ('{tag: shop.p, formula: "m1.active_pover", quantity: active_power}', "nearest: m1.active_power"),
        ('{tag: shop.p, formula: "shop.p * 2", quantity: active_power}', "shop.p → shop.p"),
        ('{tag: shop.p, formula: "m1.active_power + m1.energy_import", quantity: active_power}', "kW and kWh"),
        ('{tag: shop.p, formula: "m1.active_power", quantity: active_power, colour: red}', "unknown field 'colour'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(entry: str, words: str) -> None:
    found = problems(entry)
    assert words in found
    assert ":9: virtual_tags[" in found


def test_a_wrong_formula_is_shown_with_a_caret_below_the_place() -> None:
    *_, formula, caret = problems('{tag: shop.p, formula: "m1.active_power / 0", quantity: active_power}').split("\n")
    assert formula.index("0") == caret.index("^")


async def test_virtual_tags_keep_their_ids_over_changes_and_restarts(tmp_path: Path, fake_clock: FakeClock) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    document = parse_plant(HEAD + VIRTUAL, catalog=CATALOG, environ={}).document
    async with open_database(url, tmp_path, fake_clock) as database:
        ids = {tag.name: tag.id for tag in await database.plants.save(document, read(HEAD + VIRTUAL))}
        await database.plants.save({}, read(HEAD))
    async with open_database(url, tmp_path, fake_clock) as database:
        again = {tag.name: tag.id for tag in await database.plants.save(document, read(HEAD + VIRTUAL))}
    assert {name for name in ids if name.startswith("shop.")} == {"shop.active_power", "shop.energy_import", "shop.reserve"}
    assert again == ids
