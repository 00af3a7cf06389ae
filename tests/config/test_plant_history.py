"""Versions of the configuration: kept with each change, compared in words and lines, and run again."""

from __future__ import annotations

import json

import pytest

from config.plant_diff import plant_changes, yaml_changes
from config.plant_file import PlantFileError
from config.plant_history import PlantHistory
from domain.errors import Conflict, Forbidden, NotFound
from domain.plant_version import ChangeKind
from tests.config.test_plant_admin import ADMIN, ENGINEER, PLANT, VIEWER, Shop, shop  # noqa: F401 - a fixture

M2 = {"id": "m2", "profile": "eastron-sdm630", "line": "tcp1", "address": 2}


def history(shop: Shop) -> PlantHistory:  # noqa: F811
    return PlantHistory(shop.admin, shop.database.plants)


# ---- comparing -----------------------------------------------------------------------------------------------------
def test_entries_are_compared_by_their_names_whatever_their_order() -> None:
    old = {"lines": [{"id": "a", "port": 1}, {"id": "b", "port": 2}], "site": {"name": "S"}}
    new = {"lines": [{"id": "b", "port": 2}, {"id": "a", "port": 3}], "site": {"name": "S"}}
    (change,) = plant_changes(old, new)
    assert (change.section, change.entry, change.kind) == ("lines", "a", ChangeKind.CHANGED)
    assert [(f.field, f.old, f.new) for f in change.fields] == [("port", 1, 3)]


def test_a_machine_keeps_its_name_and_its_inner_fields_have_places() -> None:
    old = {"machines": [{"id": "l", "name": "16К20", "states": {"idle_above_kw": 0.3}}]}
    new = {"machines": [{"id": "l", "name": "16К20", "states": {"idle_above_kw": 0.5}, "rated_kw": 11}]}
    (change,) = plant_changes(old, new)
    assert change.title == "16К20"
    assert [(f.field, f.old, f.new) for f in change.fields] == [("states.idle_above_kw", 0.3, 0.5), ("rated_kw", None, 11)]


def test_points_of_a_device_are_walked_and_plain_lists_are_one_value() -> None:
    def device(address: int, plausible: list[int]) -> dict[str, object]:
        points = [{"tag": "p", "address": address, "plausible": plausible}, {"tag": "q", "address": 9}]
        return {"devices": [{"id": "m", "points": points}]}

    (change,) = plant_changes(device(1, [0, 5]), device(2, [0, 6]))
    assert [(f.field, f.old, f.new) for f in change.fields] == [
        ("points[p].address", 1, 2), ("points[p].plausible", [0, 5], [0, 6]),
    ]


def test_what_came_and_what_went() -> None:
    changes = plant_changes({"limits": [{"tag": "a.p", "high": 1}]}, {"limits": [{"tag": "b.p", "high": 2}]})
    assert [(c.entry, c.kind) for c in changes] == [("a.p", ChangeKind.REMOVED), ("b.p", ChangeKind.ADDED)]


def test_dated_entries_are_known_by_their_day() -> None:
    flat = {"valid_from": "2026-01-01", "category": 1, "price_per_kwh": 8.2}
    later = {"valid_from": "2026-07-01", "category": 1, "price_per_kwh": 9}
    changed, added = plant_changes({"tariffs": [flat]}, {"tariffs": [{**flat, "price_per_kwh": 8.5}, later]})
    assert (changed.entry, [(f.field, f.old, f.new) for f in changed.fields]) == ("2026-01-01", [("price_per_kwh", 8.2, 8.5)])
    assert (added.entry, added.kind) == ("2026-07-01", ChangeKind.ADDED)


def test_equal_documents_differ_in_nothing() -> None:
    document = {"site": {"name": "S"}, "shifts": [{"name": "1", "start": "07:00"}]}
    assert plant_changes(document, json.loads(json.dumps(document))) == ()
    assert yaml_changes(document, document) == ()


def test_the_lines_that_differ_stand_with_their_sign() -> None:
    lines = yaml_changes({"lines": [{"id": "a", "port": 1}]}, {"lines": [{"id": "a", "port": 2}]})
    assert [line for line in lines if line[:1] in "+-"] == ["-- {id: a, port: 1}", "+- {id: a, port: 2}"]


# ---- keeping -------------------------------------------------------------------------------------------------------
async def test_each_change_is_a_version_with_its_author_and_what_it_changed(shop: Shop) -> None:  # noqa: F811
    await shop.admin.save_device(M2, ADMIN, new=True)
    newest, first = await history(shop).versions(ENGINEER)
    assert (newest.version.number, newest.version.by.author, newest.version.by.action) == (2, "anna", "device_create")
    assert newest.changes is not None
    assert [(c.section, c.entry, c.kind) for c in newest.changes] == [("devices", "m2", ChangeKind.ADDED)]
    assert (first.version.by.action, first.changes) == ("plant_import", None)
    assert "m2" not in (await history(shop).version(1, ENGINEER)).yaml


async def test_a_refused_change_is_no_version(shop: Shop) -> None:  # noqa: F811
    with pytest.raises(PlantFileError):
        await shop.admin.save_device({**M2, "address": 1}, ADMIN, new=True)
    assert await history(shop).running() == 1


async def test_only_the_newest_are_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("database.repositories.plants.KEPT_VERSIONS", 3)
    for scan_s in range(2, 7):
        await shop.admin.save_device({"id": "m1", "profile": "eastron-sdm630", "line": "tcp1", "address": 1, "scan_s": scan_s},
                                     ADMIN, new=False)  # fmt: skip
    found = await history(shop).versions(ENGINEER)
    assert [entry.version.number for entry in found] == [6, 5, 4]
    assert found[-1].changes is None
    with pytest.raises(NotFound):
        await history(shop).version(3, ENGINEER)
    assert await history(shop).step(4, ENGINEER) is None


async def test_older_versions_come_in_parts_that_join(shop: Shop) -> None:  # noqa: F811
    await shop.admin.save_device(M2, ADMIN, new=True)
    await shop.admin.delete_device("m2", ADMIN)
    first = await history(shop).versions(ENGINEER, 2)
    rest = await history(shop).versions(ENGINEER, 2, before=first[-1].version.number)
    assert [entry.version.number for entry in (*first, *rest)] == [3, 2, 1]
    assert first[-1].changes is not None, "the last of a part is compared with the first of the next"


# ---- going back ----------------------------------------------------------------------------------------------------
async def test_rolling_back_is_a_new_version_runs_and_is_audited(shop: Shop) -> None:  # noqa: F811
    await shop.admin.save_device(M2, ADMIN, new=True)
    preview = await history(shop).way_back(1, ADMIN)
    assert [(c.entry, c.kind) for c in preview.changes] == [("m2", ChangeKind.REMOVED)]
    assert await history(shop).roll_back(1, ADMIN, preview.base) == 3
    assert [device.id for device in shop.applied[-1][0].devices] == ["m1"]
    entry = (await shop.database.audit.entries(1))[0]
    assert (entry.actor, entry.action, entry.subject) == ("anna", "plant_rollback", "version 1")
    assert (await history(shop).versions(ENGINEER))[0].version.by.action == "plant_rollback"


async def test_a_version_whose_profile_is_gone_is_refused_and_nothing_changes(shop: Shop) -> None:  # noqa: F811
    stored = dict(await shop.database.plants.load() or {})
    stored["devices"] = [{**M2, "profile": "gone-meter"}]
    await shop.database.plants.save(stored, shop.admin.plant, (await shop.database.plants.versions(1))[0].by)
    await shop.admin.import_yaml(PLANT, ADMIN)
    before = await history(shop).running()
    with pytest.raises(PlantFileError, match=r"devices\[m2\].profile.*gone-meter"):
        await history(shop).roll_back(2, ADMIN)
    assert await history(shop).running() == before


async def test_what_somebody_changed_meanwhile_is_not_overwritten(shop: Shop) -> None:  # noqa: F811
    await shop.admin.save_device(M2, ADMIN, new=True)
    shown = (await history(shop).way_back(1, ADMIN)).base
    await shop.admin.save_device({**M2, "scan_s": 7}, ADMIN, new=False)
    with pytest.raises(Conflict, match="meanwhile"):
        await history(shop).roll_back(1, ADMIN, shown)
    with pytest.raises(Conflict, match="meanwhile"):
        await shop.admin.import_yaml(PLANT, ADMIN, shown)
    assert await history(shop).running() == 3


async def test_what_runs_already_is_not_rolled_back_to(shop: Shop) -> None:  # noqa: F811
    with pytest.raises(Conflict, match="version 1 is what runs already"):
        await history(shop).roll_back(1, ADMIN)


async def test_an_import_is_shown_before_it_is_done(shop: Shop) -> None:  # noqa: F811
    found = await history(shop).preview(PLANT.replace("address: 1", "address: 4"), ADMIN)
    assert [(c.entry, c.fields[0].old, c.fields[0].new) for c in found.changes] == [("m1", 1, 4)]
    assert await history(shop).running() == 1
    with pytest.raises(PlantFileError):
        await history(shop).preview("site: {}", ADMIN)


async def test_numbers_as_keys_are_no_difference(shop: Shop) -> None:  # noqa: F811
    point = "{tag: st, quantity: state, unit: '1', table: holding, address: 1, type: uint16, enum: {0: 'off', 1: 'on'}}"
    text = PLANT.replace("machines:", f"  - {{id: own, line: tcp1, address: 9, points: [{point}]}}\nmachines:")
    await shop.admin.import_yaml(text, ADMIN)
    await shop.admin.load()
    assert (await history(shop).preview(text, ADMIN)).changes == ()
    with pytest.raises(Conflict, match="runs already"):
        await history(shop).roll_back(2, ADMIN)


async def test_who_may_look_and_who_may_change(shop: Shop) -> None:  # noqa: F811
    with pytest.raises(Forbidden):
        await history(shop).versions(VIEWER)
    for refused in (history(shop).roll_back(1, ENGINEER), history(shop).preview(PLANT, ENGINEER)):
        with pytest.raises(Forbidden):
            await refused
    assert (await shop.actions()).count("refused") == 2
