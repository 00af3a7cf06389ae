"""A part's whole way over a real socket: the controller's trigger, item, model, stored verdict, and its frame back in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from application.build import Application, open_application
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import Settings
from domain.access import Actor, Role
from domain.inspection import InspectedItem, Outcome
from domain.ports import Clock
from domain.sample import Batch
from runtime.clock import SystemClock
from simulator.devices import SimulatedDevice
from simulator.models import models_of
from simulator.part_picture import part_picture
from simulator.tcp_frames import FrameServer
from tests.application.camera_server import camera_server
from tests.conftest import eventually
from tests.e2e.running import at_work

ADMIN = Actor("root", Role.ADMIN, "test")
JOBS = ("writer", "inspection", "collector")
DEADLINE_S = 10.0
PLANT = """
site: {name: Shop}
lines: [{id: qc, transport: tcp-frames, host: 127.0.0.1, port: @qc@, encoding: binary, verdicts: true, verdict_deadline_s: 10}]
devices: [{id: cell, profile: plc-frames, line: qc, scan_s: 1}]
"""
CAMERA = 'inspections: [{device: cell, camera: {url: "http://127.0.0.1:@camera@/snap.jpg", wait_s: 8, size_px: 128}}]\n'


@dataclass
class Cell:
    """The product, and the controller that it is connected to. `loads`: what the product read of the spindle's load."""

    app: Application
    server: FrameServer
    device: SimulatedDevice
    loads: list[float | None]

    async def items(self) -> list[InspectedItem]:
        return list(await self.app.services.inspection.items("cell"))

    async def part(self, load: float) -> InspectedItem:
        """Make one part at that load and wait for its item."""
        made = len(await self.items())
        self.device.put({"spindle_load": load})
        self.loads.clear()
        await eventually(lambda: load in self.loads, timeout_s=30)
        self.server.trigger()

        async def closed() -> bool:
            return len(await self.items()) > made

        await eventually(closed, timeout_s=30)
        return (await self.items())[0]


@asynccontextmanager
async def cell(folder: Path, clock: Clock, plant_text: str = PLANT) -> AsyncIterator[Cell]:
    plant = parse_plant(plant_text.replace("@qc@", "1"), catalog=ProfileCatalog.shipped(), environ={}).plant
    device = SimulatedDevice(plant.devices[0], models_of(plant).source(plant.devices[0]), clock, ZoneInfo("UTC"))
    device.put({p.tag: "VAL.NC" if p.tag == "program" else 1.0 for p in device.device.profile.points})
    device.hold()
    server = FrameServer(plant.lines[0], [device], interval_s=0.01, part_frames=None)
    await server.start("127.0.0.1", 0)
    try:
        async with open_application(Settings(data_dir=folder), clock, {}) as app:
            await app.plant.import_yaml(plant_text.replace("@qc@", str(server.port)), ADMIN)
            loads: list[float | None] = []
            load = app.live.tag("cell.spindle_load").id

            def heard(batch: Batch) -> None:
                loads.extend(value for tag_id, value in zip(batch.tag_ids, batch.values, strict=True) if tag_id == load)

            app.bus.subscribe("test", heard)
            async with at_work(app, JOBS):
                yield Cell(app, server, device, loads)
    finally:
        await server.stop()


async def test_a_part_is_judged_its_verdict_stored_and_written_back_within_the_deadline(tmp_path: Path) -> None:
    async with cell(tmp_path, SystemClock()) as shop:
        for load in (40, 41, 42, 43, 44, 40.5, 41.5, 42.5, 44, 44, 40):  # one without spread, one with much of it
            item = await shop.part(load)
            assert item.verdict.outcome is Outcome.NONE, "nobody judges before a model is switched on"
        assert shop.server.received == [], "there was no verdict to write back"
        inspection = shop.app.services.inspection
        model = await inspection.train("cell", "limits", ADMIN)
        await inspection.activate("cell", model.version, ADMIN)

        good = await shop.part(42.25)
        assert (good.verdict.outcome, good.verdict.model, good.written_back) == (Outcome.GOOD, "limits 1", True)
        bad = await shop.part(95)
        assert (bad.verdict.outcome, bad.written_back) == (Outcome.REJECT, True)
        assert bad.verdict.score > 0.5
        assert bad.verdict.reasons[0].feature.startswith("spindle_load.")
        assert bad.features["spindle_load.max"] == 95

        await eventually(lambda: len(shop.server.received) >= 2, timeout_s=30)
        (_, first), (after_s, second) = shop.server.received
        assert len(first) == len(second) == 32
        assert (first[1], int.from_bytes(first[2:4], "big")) == (1, good.number)
        assert (second[1], int.from_bytes(second[2:4], "big")) == (2, bad.number)
        score = int.from_bytes(second[4:6], "big") / 10_000
        assert score == pytest.approx(bad.verdict.score, abs=1e-4)
        assert 0 <= after_s <= DEADLINE_S, "seconds from the trigger until the controller had the verdict"


async def test_a_part_that_looks_wrong_is_rejected_and_shown_where(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        camera = await stack.enter_async_context(camera_server())
        text = PLANT + CAMERA.replace("@camera@", str(camera.port))
        shop = await stack.enter_async_context(cell(tmp_path, SystemClock(), text))
        for n in range(10):
            camera.show(part_picture(1, n))
            item = await shop.part(40.0 + n % 4)
            assert item.picture is not None
            assert (item.picture.width, item.picture.region) == (640, None)
        inspection = shop.app.services.inspection
        model = await inspection.train("cell", "limits", ADMIN)
        assert "picture_difference" in model.document["features"]  # type: ignore[operator]
        await inspection.activate("cell", model.version, ADMIN)
        camera.show(part_picture(1, 500, "bore"))
        bad = await shop.part(41.5)
        assert (bad.verdict.outcome, bad.written_back) == (Outcome.REJECT, True)
        assert bad.verdict.reasons[0].code == "picture"
        assert bad.picture is not None
        assert bad.picture.region is not None
        assert bad.features["picture_difference"] > 0.5
        assert (await inspection.picture("cell", bad.number)).jpeg.startswith(b"\xff\xd8")
        camera.show(b"", "503 Busy")
        blind = await shop.part(42.5)
        assert str(blind.verdict.reasons[-1]) == "no picture: refused"
        assert blind.verdict.outcome is not Outcome.NONE, "the rest is judged all the same"
        assert blind.picture is None
        (status,) = inspection.cameras()
        assert (status.taken, status.missing) == (11, {"refused": 1})
        await inspection.label("cell", bad.number, Outcome.REJECT, ADMIN)
        assert (await inspection.rehearse("cell", model.version))["true_reject"] == 1
