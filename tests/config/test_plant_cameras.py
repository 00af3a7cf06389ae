"""Cameras changed while the plant runs: validated whole, audited, kept as versions; their passwords sealed apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config.plant_admin import PlantAdmin
from config.plant_file import PlantFileError
from config.plant_history import PlantHistory
from config.profile_catalog import ProfileCatalog
from database import Database, open_database
from database.edge_plant import EdgePlant
from domain.access import Actor, Role
from domain.camera import Camera, ItemPicture, Shot
from domain.commissioning import ReadNow
from domain.errors import Conflict, Forbidden, NotFound
from domain.plant import Device, Line
from tests.conftest import FakeClock

ADMIN, ENGINEER = Actor("anna", Role.ADMIN), Actor("egor", Role.ENGINEER)
PLANT = """
site: {name: "Shop", timezone: Europe/Moscow}
lines: [{id: qc, transport: tcp-frames, host: 127.0.0.1, port: 5050, encoding: binary}]
devices: [{id: cell, profile: plc-frames, line: qc}]
"""
HTTP: dict[str, Any] = {"device": "cell", "camera": {"url": "https://10.0.0.9/snap.jpg", "user": "eye"}}
FOLDER: dict[str, Any] = {"device": "cell", "camera": {"folder": "/srv/camera"}}
SECRET = "planted-camera-secret"


class Shop:
    """A plant admin over a real database. `asked`: what was tried, on which line."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database, self.asked = database, list[tuple[Camera, str]]()
        self.admin = PlantAdmin(
            database.plants, database.audit, ProfileCatalog.shipped(), clock, {}, apply=lambda _plant, _tags: None,
            reader=self._read, photographer=self._photograph,
        )  # fmt: skip

    async def _read(self, _device: Device, _line: Line) -> ReadNow:
        return ReadNow(0.1)

    async def _photograph(self, camera: Camera, line: Line) -> Shot:
        self.asked.append((camera, line.id))
        return Shot(ItemPicture(1, 1, None, b"jpeg"), "", 0, 4, 0.1)

    async def audit(self) -> list[Any]:
        return list(await self.database.audit.entries(50))

    @property
    def camera(self) -> Camera:
        (found,) = self.admin.plant.cameras
        return found


@pytest.fixture
async def shop(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Shop]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path, fake_clock) as database:
        made = Shop(database, fake_clock)
        await made.admin.load()
        await made.admin.import_yaml(PLANT, ADMIN)
        yield made


def with_password(password: str, entry: dict[str, Any] = HTTP) -> dict[str, Any]:
    return {**entry, "camera": {**entry["camera"], "password": password}}


async def test_a_camera_is_added_changed_and_removed_and_comes_back_from_the_history(shop: Shop) -> None:
    admin = shop.admin
    with pytest.raises(Forbidden):
        await admin.save_camera(FOLDER, ENGINEER, new=True)
    await admin.save_camera(FOLDER, ADMIN, new=True)
    with pytest.raises(Conflict, match="camera 'cell' exists already"):
        await admin.save_camera(FOLDER, ADMIN, new=True)
    seen = admin.entry("inspections", "cell")
    assert seen == FOLDER
    await admin.save_camera({**FOLDER, "camera": {"folder": "/srv/other", "wait_s": 2}}, ADMIN, new=False, known=seen)
    assert (shop.camera.folder, shop.camera.wait_s) == ("/srv/other", 2.0)
    with pytest.raises(Conflict, match="camera 'cell' was changed by somebody else"):
        await admin.save_camera(FOLDER, ADMIN, new=False, known=seen)
    with pytest.raises(PlantFileError, match=r"inspections\[cell\]\.camera\.wait_s"):
        await admin.save_camera({**FOLDER, "camera": {"folder": "/a", "wait_s": 99}}, ADMIN, new=False)
    with pytest.raises(Conflict, match="device 'cell' is needed by inspections cell"):
        await admin.delete_device("cell", ADMIN)
    with pytest.raises(Forbidden):
        await admin.delete_camera("cell", ENGINEER)
    await admin.delete_camera("cell", ADMIN)
    assert admin.plant.cameras == ()
    with pytest.raises(NotFound):
        admin.entry("inspections", "cell")
    told = [(entry.action, entry.subject, entry.actor) for entry in await shop.audit() if entry.action.startswith("camera_")]
    assert told[::-1] == [(f"camera_{what}", "cell", "anna") for what in ("create", "update", "delete")]
    history = PlantHistory(admin, shop.database.plants)
    await history.roll_back(await history.running() - 1, ADMIN)
    assert shop.camera.folder == "/srv/other"


async def test_a_password_is_sealed_goes_with_its_camera_and_is_never_shown(shop: Shop, tmp_path: Path) -> None:
    admin, store = shop.admin, shop.database.plants
    await admin.save_camera(with_password(SECRET), ADMIN, new=True)
    assert (shop.camera.password, await admin.has_password("cell", "camera")) == (SECRET, True)
    await admin.save_camera(HTTP, ADMIN, new=False)
    assert shop.camera.password == SECRET, "nothing typed leaves it as it was"
    with pytest.raises(PlantFileError):
        await admin.save_camera(with_password("other", {"device": "cell", "camera": {"url": "nonsense"}}), ADMIN, new=False)
    assert await store.secret("camera:cell") == SECRET
    told = await shop.audit()
    everything = f"{admin.document}{admin.export_yaml(ADMIN)}{admin.entry('inspections', 'cell')}{told}{shop.camera}"
    everything += str(await store.load())
    assert SECRET not in everything
    assert SECRET.encode() not in (tmp_path / "energy.db").read_bytes()
    assert [entry.action for entry in told].count("camera_password") == 1

    again = Shop(shop.database, FakeClock())
    await again.admin.load()
    assert again.camera.password == SECRET
    assert (await EdgePlant(shop.database.store, tmp_path).fresh()).secrets == {"camera:cell": SECRET}, "a collector has it too"  # type: ignore[union-attr]

    await admin.save_camera(with_password(""), ADMIN, new=False)
    assert (shop.camera.password, await admin.has_password("cell", "camera")) == (None, False)
    await admin.save_camera(with_password(SECRET), ADMIN, new=False)
    await admin.save_camera(FOLDER, ADMIN, new=False)
    assert not await admin.has_password("cell", "camera"), "a folder has no login"


async def test_a_new_camera_is_never_shown_what_was_sealed_for_the_one_before(shop: Shop) -> None:
    admin = shop.admin
    await admin.save_camera(with_password(SECRET), ADMIN, new=True)
    await admin.delete_camera("cell", ADMIN)
    assert not await admin.has_password("cell", "camera")
    await admin.save_camera(with_password(SECRET), ADMIN, new=True)
    await admin.import_yaml(PLANT, ADMIN)  # without the camera: its password stays for the way back
    await admin.try_camera({"device": "cell", "camera": {"url": "http://10.6.6.6/a"}}, ADMIN, new=True)
    assert shop.asked[-1][0].password is None
    await admin.save_camera({"device": "cell", "camera": {"url": "http://10.6.6.6/a"}}, ADMIN, new=True)
    assert shop.camera.password is None


async def test_a_drafted_camera_is_tried_with_what_was_typed_and_nothing_is_stored(shop: Shop) -> None:
    admin = shop.admin
    with pytest.raises(Forbidden):
        await admin.try_camera(HTTP, ENGINEER, new=True)
    assert [entry.action for entry in await shop.audit()][:1] == ["refused"]
    await admin.try_camera(with_password("typed"), ADMIN, new=True)
    assert admin.plant.cameras == ()
    assert not await admin.has_password("cell", "camera")
    await admin.save_camera(with_password(SECRET), ADMIN, new=True)
    await admin.try_camera(HTTP, ADMIN, new=False)
    await admin.try_camera(with_password(""), ADMIN, new=False)
    assert [(camera.password, line) for camera, line in shop.asked] == [("typed", "qc"), (SECRET, "qc"), (None, "qc")]
    with pytest.raises(PlantFileError, match=r"camera\.url"):
        await admin.try_camera({"device": "cell", "camera": {"url": "file:///etc/passwd"}}, ADMIN, new=False)
    assert len(shop.asked) == 3
