"""Looking at drafts of virtual tags over a real store: problems by field and place, unit, value now, the last hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from application.build import Application, open_application
from config.settings import Settings
from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.sample import Batch
from tests.conftest import FakeClock

ADMIN, ENGINEER, VIEWER = Actor("anna", Role.ADMIN), Actor("egor", Role.ENGINEER), Actor("vera", Role.VIEWER)
S = 1_000_000
PLANT = """
site: {name: "Shop", timezone: Europe/Moscow}
lines:
  - {id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1502}
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
virtual_tags:
  - {tag: shop.twice, formula: "2 * m1.active_power", quantity: active_power}
  - {tag: shop.more, formula: "shop.twice + 1 kW", quantity: active_power}
"""


@pytest.fixture
async def app(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Application]:
    """Nothing runs; 600 s of power are stored."""
    async with open_application(Settings(data_dir=tmp_path), fake_clock, {}) as made:
        await made.plant.import_yaml(PLANT, ADMIN)
        tag = made.live.tag("m1.active_power")
        now_us = fake_clock.now_us()
        ids = (tag.id,)
        await made.database.writer.put_all(Batch("m1", now_us - k * S, ids, [float(k)], [0]) for k in range(600, 0, -1))
        yield made


async def test_a_draft_shows_its_unit_value_and_last_hour(app: Application, fake_clock: FakeClock) -> None:
    draft = {"tag": "shop.new", "formula": "m1.active_power * 3", "quantity": "active_power", "unit": "kW"}
    found = await app.services.virtual_tags.check(draft, ENGINEER)
    assert found.problems == ()
    assert (found.formula_unit, found.unit, found.inputs, found.interval_s) == ("kW", "kW", ("m1.active_power",), 1.0)
    assert 200 < len(found.preview) <= 361
    last = found.preview[-1]
    assert (last.time_us, last.value, last.quality) == (fake_clock.now_us() - S, 3.0, 0)


async def test_a_formula_alone_tells_its_unit(app: Application) -> None:
    found = await app.services.virtual_tags.check({"formula": "m1.active_power * 1 h"}, ENGINEER)
    assert (found.problems, found.formula_unit) == ((), "kWh")


async def test_problems_name_field_and_place(app: Application) -> None:
    draft = {"tag": "m1.sum", "formula": "m1.active_power + m1.energy_import", "quantity": "active_power"}
    (by_name,) = (await app.services.virtual_tags.check(draft, ENGINEER)).problems
    assert by_name.field == "tag"
    (by_unit,) = (await app.services.virtual_tags.check({**draft, "tag": "shop.sum"}, ENGINEER)).problems
    assert (by_unit.field, by_unit.code, by_unit.at) == ("formula", "units_differ", 18)
    assert by_unit.caret.endswith("^" * len("m1.energy_import"))


async def test_a_change_that_would_break_another_one_says_so(app: Application) -> None:
    draft = {"tag": "shop.twice", "formula": "m1.voltage_l1", "quantity": "voltage"}
    (found,) = (await app.services.virtual_tags.check(draft, ENGINEER)).problems
    assert (found.field, found.code) == ("", "breaks")
    assert "shop.more" in found.sentence
    cycle = {"tag": "shop.twice", "formula": "shop.more", "quantity": "active_power"}
    codes = {problem.code for problem in (await app.services.virtual_tags.check(cycle, ENGINEER)).problems}
    assert "cycle" in codes


async def test_only_engineers_look_at_drafts(app: Application) -> None:
    with pytest.raises(Forbidden):
        await app.services.virtual_tags.check({"formula": "1"}, VIEWER)


async def test_the_list_tells_what_runs(app: Application) -> None:
    listed = {now.virtual.tag: now for now in app.services.virtual_tags.list()}
    assert listed["shop.more"].inputs == ("m1.active_power",)
    assert listed["shop.more"].history_share is None
