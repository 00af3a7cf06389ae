"""Cameras beside the simulated controller: a new picture with each part, some of bad ones, in a folder or over HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from PIL import Image

from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from domain.camera import Camera
from domain.errors import ConfigError
from simulator.cameras import GOOD_FIRST, PartCamera, defect_of, serve_cameras
from simulator.demo import demo_plant_text, with_inspection
from simulator.devices import SimulatedDevice
from simulator.models import models_of
from simulator.part_picture import part_picture
from simulator.tcp_frames import FrameServer
from tests.conftest import FakeClock, eventually

PLANT = """
site: {name: Shop}
lines: [{id: qc, transport: tcp-frames, host: 127.0.0.1, port: 1, encoding: binary}]
devices: [{id: cell, profile: plc-frames, line: qc}]
inspections: [{device: cell, camera: @camera@}]
"""


def station(camera: str) -> tuple[FrameServer, SimulatedDevice, tuple[Camera, ...]]:
    plant = parse_plant(PLANT.replace("@camera@", camera), catalog=ProfileCatalog.shipped(), environ={}).plant
    device = SimulatedDevice(plant.devices[0], models_of(plant).source(plant.devices[0]), FakeClock(), ZoneInfo("UTC"))
    return FrameServer(plant.lines[0], [device], part_frames=None), device, plant.cameras


async def test_a_part_leaves_its_picture_in_the_folder_before_its_frame_goes_out(tmp_path: Path) -> None:
    server, device, cameras = station(f"{{folder: {tmp_path}/shots}}")
    async with serve_cameras(cameras, {"cell": device}, True, 1):
        server.trigger()
        assert [file.name for file in (tmp_path / "shots").iterdir()] == ["part-000001.jpg"]
        assert (tmp_path / "shots" / "part-000001.jpg").read_bytes() == part_picture(1, 1)


async def test_a_still_over_http_shows_the_newest_part() -> None:
    server, device, cameras = station("{url: 'http://camera.shop:8080/snap.jpg'}")
    async with serve_cameras(cameras, {"cell": device}, True, 1) as (taken,), httpx.AsyncClient() as client:
        assert str(taken.url).endswith("/snap.jpg")
        first = (await client.get(str(taken.url))).content
        assert Image.open(io.BytesIO(first)).size == (640, 480)

        async def another() -> bool:
            server.trigger()
            return (await client.get(str(taken.url))).content != first

        await eventually(another)


def test_the_first_parts_are_good_and_some_later_ones_are_not() -> None:
    assert [defect_of(1, n) for n in range(1, GOOD_FIRST + 1)] == [None] * GOOD_FIRST
    later = [defect_of(1, n) for n in range(GOOD_FIRST + 1, GOOD_FIRST + 501)]
    assert 20 <= sum(defect is not None for defect in later) <= 70
    assert len(set(later)) == 6


async def test_an_address_that_cannot_be_served_is_named() -> None:
    _, device, cameras = station("{url: 'http://192.0.2.1:8080/snap.jpg'}")
    with pytest.raises(ConfigError, match="the camera of cell cannot be served"):
        async with serve_cameras(cameras, {"cell": device}, False, 1):
            pass


async def test_only_the_newest_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.cameras.KEPT_FILES", 2)
    camera = PartCamera(Camera("cell", str(tmp_path)), 1)
    await camera.start("", 0)
    for _ in range(4):
        camera.part()
    await camera.stop()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["part-000003.jpg", "part-000004.jpg"]


def test_the_demonstration_has_an_inspection_place() -> None:
    parsed = parse_plant(with_inspection(demo_plant_text(), "/srv/shots"), catalog=ProfileCatalog.shipped(), environ={})
    assert parsed.warnings == ()
    assert [d.id for d in parsed.plant.devices][-1] == "cell"
    assert parsed.plant.cameras == (Camera("cell", "/srv/shots", keep_px=320, wait_s=1.5),)
