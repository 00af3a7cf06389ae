"""A device joins the plant with its line, machine and limits in one step, or not at all; and leaves it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from config.plant_admin import PlantAdmin
from config.profile_catalog import ProfileCatalog
from database import Database, open_database
from domain.access import Actor, Role
from domain.alert import LimitRule
from domain.commissioning import Connection, ReadNow, ScanStep
from domain.errors import ConfigError, Conflict, Forbidden
from domain.plant import Device, Line, Plant
from domain.profile import Profile
from tests.config.test_plant_admin import ADMIN, ENGINEER, PLANT
from tests.conftest import FakeClock

LINE = {"id": "gw9", "transport": "rtu-over-tcp", "host": "10.0.0.9", "port": 4001, "baud": 9600}
DEVICE = {"id": "m2", "profile": "mercury-234", "line": "gw9", "address": 12, "password": "222222"}
MACHINE = {"id": "saw", "name": "Saw", "states": {"idle_above_kw": 0.2, "production_above_kw": 1.0}}
ALL = Connection(DEVICE, LINE, MACHINE, True, (LimitRule("m2.active_power", high=5.0),))


class Shop:
    """A plant admin over a real database; `asked`: what its field was asked."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.applied: list[Plant] = []
        self.asked: list[tuple[str, Line]] = []
        self.admin = PlantAdmin(
            database.plants, database.audit, ProfileCatalog.shipped(), clock, {},
            apply=lambda plant, _tags: self.applied.append(plant), reader=self._read, scanner=self._scan,
        )

    async def _read(self, device: Device, line: Line) -> ReadNow:
        self.asked.append((device.id, line))
        return ReadNow(0.1)

    async def _scan(
        self, _plant: Plant, line: Line, addresses: Sequence[int], _profiles: Sequence[Profile]
    ) -> AsyncIterator[ScanStep]:
        self.asked.append(("scan", line))
        for n, address in enumerate(addresses, 1):
            yield ScanStep(n, len(addresses), address)

    async def actions(self) -> list[str]:
        return [entry.action for entry in reversed(await self.database.audit.entries(50))]


@pytest.fixture
async def shop(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Shop]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path, fake_clock) as database:
        made = Shop(database, fake_clock)
        await made.admin.load()
        await made.admin.import_yaml(PLANT, ADMIN)
        yield made


async def test_all_of_it_joins_at_once_audited_entry_by_entry(shop: Shop) -> None:
    applied = len(shop.applied)
    await shop.admin.connect(ALL, ADMIN)
    assert len(shop.applied) == applied + 1, "one change, brought to life once"
    plant = shop.admin.plant
    assert plant.device("m2").password == "222222", "it is never asked with another password first"
    assert plant.machine("saw").meter == "m2"
    assert [rule.tag for rule in plant.limits] == ["m2.active_power"]
    assert (await shop.actions())[1:] == ["line_create", "device_create", "machine_create", "limit_save", "device_password"]
    assert "222222" not in shop.admin.export_yaml(ADMIN) + str(await shop.database.audit.entries(50))


async def test_one_wrong_field_leaves_nothing(shop: Shop) -> None:
    before = shop.admin.export_yaml(ADMIN)
    await shop.admin.check_connection(ALL, ADMIN)
    wrong = Connection(DEVICE, LINE, {**MACHINE, "states": {"idle_above_kw": 3.0, "production_above_kw": 1.0}}, True)
    with pytest.raises(ConfigError, match=r"machines\[saw\]"):
        await shop.admin.connect(wrong, ADMIN)
    with pytest.raises(ConfigError, match=r"machines\[saw\]"):
        await shop.admin.check_connection(wrong, ADMIN)
    with pytest.raises(Conflict, match="line 'tcp1' exists already"):
        await shop.admin.connect(Connection(DEVICE, {**LINE, "id": "tcp1"}), ADMIN)
    assert shop.admin.export_yaml(ADMIN) == before
    assert await shop.database.plants.secret("device:m2") is None
    assert await shop.actions() == ["plant_import"]


async def test_undo_leaves_the_plant_as_it_was(shop: Shop) -> None:
    before = shop.admin.plant
    done = await shop.admin.connect(ALL, ADMIN)
    await shop.admin.disconnect(done, ADMIN)
    assert shop.admin.plant == before
    assert await shop.database.plants.secret("device:m2") is None
    assert (await shop.actions())[-4:] == ["limit_delete", "machine_delete", "device_delete", "line_delete"]


async def test_an_existing_machine_gets_its_old_meter_back(shop: Shop) -> None:
    device = {"id": "m2", "profile": "eastron-sdm630", "line": "tcp1", "address": 2}
    lathe = shop.admin.entry("machines", "lathe")
    done = await shop.admin.connect(Connection(device, machine=lathe), ADMIN)
    assert shop.admin.plant.machine("lathe").meter == "m2"
    await shop.admin.disconnect(done, ADMIN)
    assert shop.admin.entry("machines", "lathe") == lathe


async def test_undo_is_refused_once_another_machine_has_the_meter(shop: Shop) -> None:
    done = await shop.admin.connect(Connection(DEVICE, LINE), ADMIN)
    await shop.admin.save_machine({**MACHINE, "meter": "m2"}, ADMIN, new=True)
    with pytest.raises(Conflict, match="is the meter of saw"):
        await shop.admin.disconnect(done, ADMIN)
    assert shop.admin.plant.device("m2").line == "gw9"


async def test_undo_keeps_a_line_on_which_others_lie_by_now(shop: Shop) -> None:
    done = await shop.admin.connect(ALL, ADMIN)
    await shop.admin.save_device({"id": "m3", "profile": "mercury-234", "line": "gw9", "address": 13}, ADMIN, new=True)
    await shop.admin.disconnect(done, ADMIN)
    assert [line.id for line in shop.admin.plant.lines] == ["tcp1", "gw9"]
    assert [device.id for device in shop.admin.plant.devices] == ["m1", "m3"]


async def test_a_drafted_line_is_asked_and_stored_nowhere(shop: Shop) -> None:
    before = shop.admin.export_yaml(ADMIN)
    assert (await shop.admin.check_line(LINE, ADMIN)).target == "10.0.0.9:4001"
    steps = [step async for step in shop.admin.scan(LINE, range(1, 4), ADMIN)]
    await shop.admin.read_now(DEVICE, ADMIN, LINE)
    assert [step.asked for step in steps] == [1, 2, 3]
    assert [(who, line.target) for who, line in shop.asked] == [("scan", "10.0.0.9:4001"), ("m2", "10.0.0.9:4001")]
    assert shop.admin.export_yaml(ADMIN) == before
    with pytest.raises(ConfigError, match=r"lines\[gw9\].port"):
        await shop.admin.check_line({**LINE, "port": 0}, ADMIN)
    with pytest.raises(Conflict):
        await shop.admin.check_line({**LINE, "id": "tcp1"}, ADMIN)


@pytest.mark.parametrize("actor", [ENGINEER, Actor("vera", Role.VIEWER)])
async def test_it_is_the_admins(shop: Shop, actor: Actor) -> None:
    done = await shop.admin.connect(ALL, ADMIN)
    with pytest.raises(Forbidden):
        await shop.admin.connect(ALL, actor)
    with pytest.raises(Forbidden):
        await shop.admin.disconnect(done, actor)
    with pytest.raises(Forbidden):
        await shop.admin.check_line(LINE, actor)
    with pytest.raises(Forbidden):
        _ = [step async for step in shop.admin.scan("tcp1", [1], actor)]
    assert (await shop.actions()).count("refused") == 4
