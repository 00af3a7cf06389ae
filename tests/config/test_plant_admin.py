"""Changing the plant while it runs: validated whole, audited, stored, applied; a refused change leaves everything as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from config.plant_admin import PlantAdmin
from config.plant_file import PlantFileError
from config.profile_catalog import ProfileCatalog
from database import Database, open_database
from domain.access import Actor, Role
from domain.alert import LimitRule
from domain.commissioning import ReadNow
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.plant import Device, Line, Plant, Tag
from tests.conftest import FakeClock, eventually

ADMIN, ENGINEER, VIEWER = Actor("anna", Role.ADMIN), Actor("egor", Role.ENGINEER), Actor("vera", Role.VIEWER)
PLANT = """
site: {name: "Shop", timezone: Europe/Moscow}
lines:
  - {id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1502}
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
machines:
  - {id: lathe, name: "Lathe", meter: m1, states: {idle_above_kw: 0.3, production_above_kw: 1.3}}
"""


class Shop:
    """A plant admin over a real database, with what it applied and read."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.applied: list[tuple[Plant, Sequence[Tag]]] = []
        self.read: list[tuple[Device, Line]] = []
        self.admin = PlantAdmin(
            database.plants, database.audit, ProfileCatalog.shipped(), clock, {},
            apply=lambda plant, tags: self.applied.append((plant, tags)), reader=self._read,
        )

    async def _read(self, device: Device, line: Line) -> ReadNow:
        self.read.append((device, line))
        return ReadNow(0.1)

    async def actions(self) -> list[str]:
        return [entry.action for entry in await self.database.audit.entries(50)]


@pytest.fixture
async def shop(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Shop]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path, fake_clock) as database:
        made = Shop(database, fake_clock)
        assert not await made.admin.load()
        await made.admin.import_yaml(PLANT, ADMIN)
        yield made


async def test_the_second_of_two_who_edit_one_entry_is_told_and_changes_nothing(shop: Shop) -> None:
    seen = {section: shop.admin.entry(section, name) for section, name in (("lines", "tcp1"), ("devices", "m1"), ("machines", "lathe"))}
    await shop.admin.save_line({**seen["lines"], "port": 1600}, ADMIN, new=False, known=seen["lines"])
    await shop.admin.save_device({**seen["devices"], "scan_s": 5}, ADMIN, new=False, known=seen["devices"])
    await shop.admin.save_machine({**seen["machines"], "name": "Mine"}, ADMIN, new=False, known=seen["machines"])
    with pytest.raises(Conflict, match="line 'tcp1' was changed by somebody else"):
        await shop.admin.save_line({**seen["lines"], "port": 1700}, ADMIN, new=False, known=seen["lines"])
    with pytest.raises(Conflict, match="device 'm1' was changed"):
        await shop.admin.save_device({**seen["devices"], "scan_s": 9}, ADMIN, new=False, known=seen["devices"])
    with pytest.raises(Conflict, match="machine 'lathe' was changed"):
        await shop.admin.save_machine({**seen["machines"], "name": "Theirs"}, ENGINEER, new=False, known=seen["machines"])
    plant = shop.admin.plant
    assert (plant.line("tcp1").options["port"], plant.device("m1").scan_s, plant.machine("lathe").name) == (1600, 5, "Mine")


async def test_reading_a_device_asks_nothing_of_what_else_the_plant_holds(shop: Shop) -> None:
    await shop.admin.save_device({"id": "m2", "profile": "abb-b23", "line": "tcp1", "address": 2, "fed_by": "m1"}, ADMIN, new=True)
    await shop.admin.save_machine({"id": "mill", "name": "Mill", "section": "Mills", "meter": "m2"}, ADMIN, new=True)
    await shop.admin.save_section("plans", [{"section": "Mills", "by": "month", "kwh": 100}], ADMIN)
    await shop.admin.read_now({"profile": "abb-b23", "line": "tcp1", "address": 1}, ADMIN)  # where m1, that feeds m2, lies
    await shop.admin.read_now(shop.admin.entry("devices", "m2"), ADMIN)
    assert [device.address for device, _ in shop.read] == [1, 2]


async def test_new_device_is_stored_applied_and_audited(shop: Shop) -> None:
    await shop.admin.save_device({"id": "m2", "profile": "eastron-sdm630", "line": "tcp1", "address": 2}, ADMIN, new=True)
    plant, tags = shop.applied[-1]
    assert [d.id for d in plant.devices] == ["m1", "m2"]
    assert {tag.device_id for tag in tags} == {"m1", "m2"}
    assert all(tag.id > 0 for tag in tags)
    assert "device_create" in await shop.actions()
    stored = await shop.database.plants.load()
    assert stored is not None
    assert "m2" in str(stored["devices"])


async def test_wrong_device_names_the_field_and_changes_nothing(shop: Shop) -> None:
    before = shop.admin.export_yaml(ADMIN)
    with pytest.raises(PlantFileError, match=r"devices\[m2\].address"):
        await shop.admin.save_device({"id": "m2", "profile": "eastron-sdm630", "line": "tcp1", "address": 1}, ADMIN, new=True)
    assert shop.admin.export_yaml(ADMIN) == before
    assert [d.id for d in shop.admin.plant.devices] == ["m1"]


@pytest.mark.parametrize("actor", [VIEWER, ENGINEER])
async def test_less_than_admin_may_not_touch_devices_and_the_refusal_is_in_the_audit(shop: Shop, actor: Actor) -> None:
    with pytest.raises(Forbidden):
        await shop.admin.save_device({"id": "m2", "profile": "eastron-sdm630", "line": "tcp1", "address": 2}, actor, new=True)
    with pytest.raises(Forbidden):
        await shop.admin.import_yaml(PLANT, actor)
    with pytest.raises(Forbidden):
        await shop.admin.read_now({"profile": "eastron-sdm630", "line": "tcp1", "address": 2}, actor)
    assert (await shop.actions()).count("refused") == 3
    assert [d.id for d in shop.admin.plant.devices] == ["m1"]


async def test_engineer_sets_limits_and_thresholds_and_viewer_does_not(shop: Shop) -> None:
    rule = await shop.admin.save_limit(LimitRule("m1.active_power", high=12.0, critical_high=14.0, on_delay_s=10.0), ENGINEER)
    assert (rule.high, rule.critical_high, rule.on_delay_s) == (12.0, 14.0, 10.0)
    changed = await shop.admin.save_limit(LimitRule("m1.active_power", high=0.0, id=rule.id), ENGINEER)
    assert (changed.high, changed.critical_high) == (0.0, None)
    with pytest.raises(Conflict):
        await shop.admin.save_limit(LimitRule("m1.active_power", low=1.0), ENGINEER)
    with pytest.raises(Forbidden):
        await shop.admin.delete_limit(changed.id, VIEWER)
    await shop.admin.delete_limit(changed.id, ENGINEER)
    assert shop.admin.plant.limits == ()
    with pytest.raises(NotFound):
        await shop.admin.delete_limit(changed.id, ENGINEER)


async def test_alert_rules_are_the_engineers(shop: Shop) -> None:
    entry = {"id": "hot", "scope": {"tag": "m1.active_power"}, "high": 12}
    draft = await shop.admin.draft_alert_rule(entry)
    assert (draft.high, shop.admin.plant.alert_rules) == (12.0, ())
    saved = await shop.admin.save_alert_rule(entry, ENGINEER, new=True)
    assert saved == draft
    with pytest.raises(Conflict):
        await shop.admin.save_alert_rule(entry, ENGINEER, new=True)
    changed = await shop.admin.save_alert_rule(entry | {"high": 13, "priority": "low"}, ENGINEER, new=False)
    assert changed.version != saved.version
    with pytest.raises(ConfigError, match="hysteresis"):
        await shop.admin.save_alert_rule(entry | {"low": 11, "hysteresis": 2}, ENGINEER, new=False)
    with pytest.raises(Forbidden):
        await shop.admin.save_alert_rule(entry, VIEWER, new=False)
    await shop.admin.delete_alert_rule("hot", ENGINEER)
    assert shop.admin.plant.alert_rules == ()


async def test_parameters_of_the_detectors_are_the_engineers_and_go_with_their_machine(shop: Shop) -> None:
    await shop.admin.save_detectors("lathe", {"long_idle": {"min_minutes": 45}}, ENGINEER)
    assert (shop.admin.plant.detectors.of("long_idle", "lathe") or {})["min_minutes"] == 45
    assert shop.admin.detectors("lathe") == {"long_idle": {"min_minutes": 45}}
    assert "detectors_update" in await shop.actions()
    with pytest.raises(PlantFileError, match=r"min_minutes: is 0; expected a number from 1 to 10080"):
        await shop.admin.save_detectors("lathe", {"long_idle": {"min_minutes": 0}}, ENGINEER)
    with pytest.raises(Forbidden):
        await shop.admin.save_detectors("lathe", {}, VIEWER)
    with pytest.raises(NotFound):
        await shop.admin.save_detectors("nobody", {}, ENGINEER)
    await shop.admin.save_detectors(None, {"long_idle": {"min_minutes": 20}}, ENGINEER)
    await shop.admin.delete_machine("lathe", ENGINEER)
    assert shop.admin.plant.detectors.machines == {}
    assert (shop.admin.plant.detectors.of("long_idle", "lathe") or {})["min_minutes"] == 20


async def test_what_is_in_use_is_not_deleted(shop: Shop) -> None:
    with pytest.raises(Conflict, match="lathe"):
        await shop.admin.delete_device("m1", ADMIN)
    with pytest.raises(Conflict, match="m1"):
        await shop.admin.delete_line("tcp1", ADMIN)
    await shop.admin.delete_machine("lathe", ENGINEER)
    await shop.admin.delete_device("m1", ADMIN)
    await shop.admin.delete_line("tcp1", ADMIN)
    assert shop.admin.plant.devices == ()


async def test_password_is_used_but_never_exported_nor_audited(shop: Shop) -> None:
    await shop.admin.save_line({"id": "gw", "transport": "rtu-over-tcp", "host": "127.0.0.1", "port": 4001}, ADMIN, new=True)
    fields = {"id": "mer", "profile": "mercury-234", "line": "gw", "address": 17, "password": "s3cr3t"}
    await shop.admin.save_device(fields, ADMIN, new=True)
    assert shop.admin.plant.device("mer").password == "s3cr3t"
    assert "s3cr3t" not in shop.admin.export_yaml(ADMIN)
    entries = await shop.database.audit.entries(50)
    assert not [e for e in entries if "s3cr3t" in f"{e.old}{e.new}{e.subject}"]
    again = Shop(shop.database, FakeClock())
    await again.admin.load()
    assert again.admin.plant.device("mer").password == "s3cr3t"


async def test_a_refused_device_leaves_the_password_as_it_was(shop: Shop) -> None:
    await shop.admin.save_line({"id": "gw", "transport": "rtu-over-tcp", "host": "127.0.0.1", "port": 4001}, ADMIN, new=True)
    fields = {"id": "mer", "profile": "mercury-234", "line": "gw", "address": 17}
    await shop.admin.save_device({**fields, "password": "first1"}, ADMIN, new=True)
    assert "device_password" in await shop.actions()
    with pytest.raises(PlantFileError):
        await shop.admin.save_device({**fields, "address": 999, "password": "second"}, ADMIN, new=False)
    assert await shop.database.plants.secret("device:mer") == "first1"


async def test_a_draft_is_read_with_its_password_and_not_stored(shop: Shop) -> None:
    await shop.admin.read_now({"profile": "eastron-sdm630", "line": "tcp1", "address": 1, "password": "x"}, ADMIN)
    device, line = shop.read[0]
    assert (device.address, device.password, line.id) == (1, "x", "tcp1")
    assert [d.id for d in shop.admin.plant.devices] == ["m1"]
    with pytest.raises(ConfigError):
        await shop.admin.read_now({"profile": "no-such", "line": "tcp1", "address": 1}, ADMIN)


async def test_bad_import_lists_every_problem_and_the_old_plant_runs_on(shop: Shop) -> None:
    with pytest.raises(PlantFileError) as wrong:
        await shop.admin.import_yaml(PLANT.replace("tcp1, address: 1", "nowhere, address: 999"), ADMIN)
    assert len(wrong.value.problems) >= 2
    assert [d.id for d in shop.admin.plant.devices] == ["m1"]


async def test_a_change_by_a_command_beside_us_is_taken_over(shop: Shop, tmp_path: Path, fake_clock: FakeClock) -> None:
    watching = asyncio.create_task(shop.admin.watch())
    other = Shop(shop.database, fake_clock)
    await other.admin.load()
    await other.admin.save_device({"id": "m9", "profile": "eastron-sdm630", "line": "tcp1", "address": 9}, ADMIN, new=True)

    async def taken() -> bool:
        await fake_clock.advance(3.5)
        await asyncio.sleep(0.02)
        return "m9" in [d.id for d in shop.admin.plant.devices]

    await eventually(taken)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


HALF = {"tag": "shop.half", "formula": "m1.active_power / 2", "quantity": "active_power", "unit": "kW"}


async def test_a_virtual_tag_is_saved_with_a_version_audited_and_deleted(shop: Shop) -> None:
    made = await shop.admin.save_virtual_tag(HALF, ENGINEER, new=True)
    assert (made.version, made.formula) == (1, "m1.active_power / 2")
    assert {tag.name for tag in shop.applied[-1][1]} >= {"shop.half"}
    again = await shop.admin.save_virtual_tag(HALF, ENGINEER, new=False)
    assert again.version == 1
    changed = await shop.admin.save_virtual_tag({**HALF, "formula": "m1.active_power / 3"}, ENGINEER, new=False)
    assert changed.version == 2
    with pytest.raises(PlantFileError, match="kW and kWh"):
        await shop.admin.save_virtual_tag({**HALF, "formula": "m1.active_power + m1.energy_import"}, ENGINEER, new=False)
    assert shop.admin.plant.virtual_tags == (changed,)
    with pytest.raises(Forbidden):
        await shop.admin.save_virtual_tag(HALF, VIEWER, new=True)
    with pytest.raises(Conflict):
        await shop.admin.save_virtual_tag(HALF, ENGINEER, new=True)
    await shop.admin.delete_virtual_tag("shop.half", ENGINEER)
    assert shop.admin.plant.virtual_tags == ()
    actions = await shop.actions()
    assert [actions.count(f"virtual_tag_{action}") for action in ("create", "update", "delete")] == [1, 2, 1]


async def test_what_a_virtual_tag_is_used_by_keeps_it(shop: Shop) -> None:
    await shop.admin.save_virtual_tag(HALF, ENGINEER, new=True)
    await shop.admin.save_virtual_tag({**HALF, "tag": "shop.quarter", "formula": "shop.half / 2"}, ENGINEER, new=True)
    with pytest.raises(Conflict, match=r"shop\.quarter"):
        await shop.admin.delete_virtual_tag("shop.half", ENGINEER)
    await shop.admin.save_limit(LimitRule("shop.quarter", high=1), ENGINEER)
    with pytest.raises(Conflict, match=r"limit shop\.quarter"):
        await shop.admin.delete_virtual_tag("shop.quarter", ENGINEER)
    await shop.admin.delete_machine("lathe", ENGINEER)
    with pytest.raises(ConfigError, match=r"m1\.active_power"):
        await shop.admin.delete_device("m1", ADMIN)


async def test_shifts_and_calendar_are_replaced_whole_or_not_at_all(shop: Shop) -> None:
    day = {"name": "day", "start": "08:00", "end": "20:00", "breaks": [{"name": "lunch", "start": "12:00", "end": "12:45"}]}
    await shop.admin.save_section("shifts", [day], ENGINEER)
    assert shop.applied[-1][0].shifts[0].breaks[0].name == "lunch"
    assert shop.admin.section("shifts") == [day]
    with pytest.raises(PlantFileError, match="overlaps shift 'day'"):
        await shop.admin.save_section("shifts", [day, {"name": "late", "start": "19:00", "end": "22:00"}], ENGINEER)
    assert shop.admin.section("shifts") == [day]
    with pytest.raises(Forbidden):
        await shop.admin.save_section("calendar", {"country": "RU"}, VIEWER)
    with pytest.raises(NotFound):
        shop.admin.section("devices")
    entry = (await shop.database.audit.entries(50))[1]
    assert (entry.action, entry.subject, entry.actor) == ("shifts_update", "shifts", "egor")
