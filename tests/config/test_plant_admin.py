"""Changing the plant while it runs: validated whole, audited, stored, applied; a refused change leaves everything as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from config.plant_admin import PlantAdmin
from config.plant_file import PlantFileError
from config.profile_catalog import ProfileCatalog
from database import Database, open_database
from domain.access import Actor, Role
from domain.alert import LimitRule
from domain.browse import BrowsedNode
from domain.commissioning import Connection, Found, ReadNow
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


async def test_the_second_of_two_who_edit_rules_limits_detectors_or_formulas_is_told(shop: Shop) -> None:
    admin = shop.admin
    limit = await admin.save_limit(LimitRule("m1.active_power", high=12.0), ENGINEER)
    rule = {"id": "peak", "kind": "level", "scope": {"tag": "m1.active_power"}, "high": 20}
    await admin.save_alert_rule(rule, ENGINEER, new=True)
    seen = admin.entry("alert_rules", "peak")
    tag = await admin.save_virtual_tag(HALF, ENGINEER, new=True)
    said = admin.detectors("lathe")

    await admin.save_limit(replace(limit, high=13.0), ENGINEER, known=limit)
    await admin.save_alert_rule({**rule, "high": 21}, ENGINEER, new=False, known=seen)
    await admin.save_virtual_tag({**HALF, "formula": "m1.active_power / 3"}, ENGINEER, new=False, known=tag.version)
    await admin.save_detectors("lathe", {"long_idle": {"min_minutes": 45}}, ENGINEER, known=said)

    with pytest.raises(Conflict, match=r"limit 'm1\.active_power' was changed by somebody else"):
        await admin.save_limit(replace(limit, high=99.0), ENGINEER, known=limit)
    with pytest.raises(Conflict, match=r"limit 'm1\.active_power' was changed"):
        await admin.delete_limit(limit.id, ENGINEER, known=limit)
    with pytest.raises(Conflict, match="alert_rule 'peak' was changed"):
        await admin.save_alert_rule({**rule, "high": 99}, ENGINEER, new=False, known=seen)
    with pytest.raises(Conflict, match=r"virtual_tag 'shop\.half' was changed"):
        await admin.save_virtual_tag({**HALF, "formula": "m1.active_power / 9"}, ENGINEER, new=False, known=tag.version)
    with pytest.raises(Conflict, match="detectors 'lathe' was changed"):
        await admin.save_detectors("lathe", {}, ENGINEER, known=said)
    assert (admin.plant.limits[0].high, admin.plant.alert_rules[0].high) == (13.0, 21)
    assert admin.plant.virtual_tags[0].formula == "m1.active_power / 3"
    assert admin.detectors("lathe") == {"long_idle": {"min_minutes": 45}}


async def test_a_limit_whose_place_another_has_taken_is_not_overwritten(shop: Shop) -> None:
    first = await shop.admin.save_limit(LimitRule("m1.active_power", high=12.0), ENGINEER)
    second = await shop.admin.save_limit(LimitRule("m1.energy_import", high=1e9), ENGINEER)
    await shop.admin.delete_limit(first.id, ENGINEER, known=first)
    with pytest.raises(Conflict, match=r"limit 'm1\.active_power' was changed"):
        await shop.admin.save_limit(replace(first, high=1.0), ENGINEER, known=first)
    assert [rule.tag for rule in shop.admin.plant.limits] == [second.tag]
    await shop.admin.save_limit(replace(second, high=5.0), ENGINEER, known=second)  # its place is another one by now
    assert [(rule.tag, rule.high) for rule in shop.admin.plant.limits] == [(second.tag, 5.0)]


async def test_the_order_of_fields_is_no_change(shop: Shop) -> None:
    seen = shop.admin.entry("machines", "lathe")
    turned = dict(reversed(list(seen.items())))
    await shop.admin.save_machine({**seen, "name": "Mine"}, ENGINEER, new=False, known=turned)
    assert shop.admin.plant.machine("lathe").name == "Mine"


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


async def test_a_machine_that_plans_rules_or_loops_name_is_not_deleted_and_all_of_them_are_told(shop: Shop) -> None:
    rule = {"id": "idling", "kind": "state", "scope": {"machine": "lathe"}, "states": ["idle"], "longer_than_s": 60}
    await shop.admin.save_alert_rule(rule, ENGINEER, new=True)
    await shop.admin.save_section("plans", [{"by": "month", "kwh": 10}, {"by": "month", "kwh": 5, "machine": "lathe"}], ENGINEER)
    with pytest.raises(Conflict, match="machine 'lathe' is needed by plans 2, alert_rules idling"):
        await shop.admin.delete_machine("lathe", ENGINEER)
    await shop.admin.delete_alert_rule("idling", ENGINEER)
    await shop.admin.save_section("plans", [], ENGINEER)
    await shop.admin.delete_machine("lathe", ENGINEER)
    assert shop.admin.plant.machines == ()


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


SECRET = {"id": "dmg", "transport": "opcua", "url": "opc.tcp://127.0.0.1:4840", "sign_in": "password", "user": "u"}


async def test_the_password_of_a_line_is_set_changed_and_removed_and_never_shown(shop: Shop) -> None:
    assert not await shop.admin.has_password("dmg")
    await shop.admin.save_line({**SECRET, "password": "geheim-1"}, ADMIN, new=True)
    assert shop.applied[-1][0].line("dmg").password == "geheim-1", "the line never runs without it"
    await shop.admin.save_line({**SECRET, "publishing_s": 2}, ADMIN, new=False)
    assert (shop.admin.plant.line("dmg").password, await shop.admin.has_password("dmg")) == ("geheim-1", True)
    with pytest.raises(PlantFileError):
        await shop.admin.save_line({**SECRET, "url": "nonsense", "password": "geheim-2"}, ADMIN, new=False)
    assert await shop.database.plants.secret("line:dmg") == "geheim-1"
    await shop.admin.save_line({**SECRET, "password": "geheim-3"}, ADMIN, new=False)
    assert shop.admin.plant.line("dmg").password == "geheim-3"
    await shop.admin.save_line({**SECRET, "password": ""}, ADMIN, new=False)
    assert (shop.admin.plant.line("dmg").password, await shop.admin.has_password("dmg")) == (None, False)
    assert (await shop.actions()).count("line_password") == 3
    told = "".join(f"{e.old}{e.new}{e.subject}" for e in await shop.database.audit.entries(50))
    assert "geheim" not in told + shop.admin.export_yaml(ADMIN) + str(shop.admin.document) + str(shop.admin.entry("lines", "dmg"))


async def test_a_drafted_line_is_asked_with_its_password_and_joins_with_it(shop: Shop) -> None:
    asked: list[Line] = []

    async def browse(line: Line, _parent: str | None) -> Sequence[BrowsedNode]:
        asked.append(line)
        return []

    async def survey(line: Line) -> Sequence[Found]:
        asked.append(line)
        return [Found("topic/a", "42")]

    admin = PlantAdmin(
        shop.database.plants, shop.database.audit, ProfileCatalog.shipped(), FakeClock(), {}, apply=lambda _plant, _tags: None,
        reader=shop._read, browser=browse, surveyor=survey,
    )
    await admin.load()
    draft = {**SECRET, "password": "geheim"}
    assert (await admin.check_line(draft, ADMIN)).password == "geheim"
    await admin.browse(draft, None, ADMIN)
    assert await admin.survey(draft, ADMIN) == [Found("topic/a", "42")]
    assert [(line.id, line.password) for line in asked] == [("dmg", "geheim")] * 2
    with pytest.raises(Forbidden):
        await admin.survey("tcp1", ENGINEER)
    with pytest.raises(NotFound):
        await admin.survey("nowhere", ADMIN)
    point = {"tag": "load", "quantity": "load", "unit": "%", "node": "ns=2;s=Load"}
    wanted = Connection({"id": "ctx", "line": "dmg", "points": [point]}, draft)
    await admin.check_connection(wanted, ADMIN)
    assert await shop.database.plants.secret("line:dmg") is None
    done = await admin.connect(wanted, ADMIN)
    assert (admin.plant.line("dmg").password, "geheim" in str(admin.document)) == ("geheim", False)
    assert "line_password" in await shop.actions()
    await admin.disconnect(done, ADMIN)
    assert await shop.database.plants.secret("line:dmg") is None


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
    with pytest.raises(Conflict, match=r"device 'm1' is needed by virtual_tags shop\.half"):
        await shop.admin.delete_device("m1", ADMIN)


async def test_tariffs_are_drafted_saved_and_told_to_the_second_who_edits_them(shop: Shop) -> None:
    flat = {"valid_from": "2026-01-01", "category": 1, "price_per_kwh": 8.2}
    drafted = await shop.admin.draft_section("tariffs", [flat])
    assert drafted.money.tariffs[0].price_per_kwh == 8.2
    assert (shop.admin.plant.money.tariffs, shop.admin.section("tariffs")) == ((), None)
    with pytest.raises(PlantFileError, match=r"price_per_kwh: is missing: category 1 needs it"):
        await shop.admin.draft_section("tariffs", [{"valid_from": "2026-01-01", "category": 1}])
    await shop.admin.save_section("tariffs", [flat], ENGINEER, known=[])  # there were none when the form was opened
    with pytest.raises(Conflict, match="the section 'tariffs' was changed by somebody else"):
        await shop.admin.save_section("tariffs", [{**flat, "price_per_kwh": 9}], ENGINEER, known=[])
    await shop.admin.save_section("tariffs", [{**flat, "price_per_kwh": 9}], ENGINEER, known=[flat])
    assert shop.admin.plant.money.tariffs[0].price_per_kwh == 9
    entry = (await shop.database.audit.entries(50))[0]
    assert (entry.action, entry.subject, entry.actor) == ("tariffs_update", "tariffs", "egor")


async def test_two_who_edit_different_tariffs_both_get_through(shop: Shop) -> None:
    first, second = ({"valid_from": f"2026-0{n}-01", "category": 1, "price_per_kwh": n} for n in (1, 2))
    await shop.admin.save_section("tariffs", [first, second], ENGINEER)
    seen = [first, second]
    third = {"valid_from": "2026-03-01", "category": 1, "price_per_kwh": 3}
    await shop.admin.save_section("tariffs", [{**first, "price_per_kwh": 7}, second], ENGINEER, known=seen)
    await shop.admin.save_section("tariffs", [first, {**second, "price_per_kwh": 8}, third], ADMIN, known=seen)
    assert [tariff.price_per_kwh for tariff in shop.admin.plant.money.tariffs] == [7, 8, 3]
    with pytest.raises(Conflict, match="the section 'tariffs' was changed by somebody else"):
        await shop.admin.save_section("tariffs", [second], ADMIN, known=seen)  # the first one, as it is by now, was never seen
    last = (await shop.database.audit.entries(1))[0]
    assert '"price_per_kwh": 7' in str(last.old)  # the audit tells what stood there, not what was seen


async def test_two_who_edit_different_fields_of_the_site_both_get_through(shop: Shop) -> None:
    seen = shop.admin.section("site")
    assert isinstance(seen, dict)
    await shop.admin.save_section("site", {**seen, "currency": "€"}, ADMIN, known=seen)
    await shop.admin.save_section("site", {**seen, "timezone": "Asia/Omsk"}, ADMIN, known=seen)
    assert (shop.admin.plant.site.currency, shop.admin.plant.site.timezone) == ("€", "Asia/Omsk")
    with pytest.raises(Conflict, match="the section 'site' was changed by somebody else"):
        await shop.admin.save_section("site", {**seen, "timezone": "Asia/Tomsk"}, ADMIN, known=seen)


async def test_the_site_is_the_administrators(shop: Shop) -> None:
    site = shop.admin.section("site")
    assert isinstance(site, dict)
    with pytest.raises(Forbidden):
        await shop.admin.save_section("site", {**site, "currency": "€"}, ENGINEER)
    await shop.admin.save_section("site", {**site, "currency": "€"}, ADMIN, known=site)
    assert shop.admin.plant.site.currency == "€"


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
