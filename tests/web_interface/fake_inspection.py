"""Inspected parts of the invented shop: one station, a few items, two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from analysis.inspection.learning import HeavyWork, compared, learned
from analysis.inspection.models import train
from analysis.inspection.pictures import kept
from analysis.inspection.service import Inspection
from application.frames import FrameTester
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from domain.camera import Camera, CameraStatus, ItemPicture, Region
from domain.inspection import EVERY_ITEM, InspectedItem, ItemCounts, ItemFilter, Outcome, QualityModel, Verdict
from domain.inspection_reason import Reason
from simulator.part_picture import part_picture
from tests.web_interface import fake_shop as shop

STATIONS = """
site: {name: Shop}
lines:
  - {id: qc, transport: tcp-frames, host: 127.0.0.1, port: 5050, encoding: binary}
  - {id: qt, transport: tcp-frames, host: 127.0.0.1, port: 5051, encoding: cp1251}
devices:
  - {id: cell, profile: plc-frames, line: qc}
  - id: bench
    line: qt
    points:
      - {tag: torque, quantity: other, field: 1, type: number}
      - {tag: program, quantity: text, field: 2, type: text}
"""


CAMERA = CameraStatus(
    "cell", "http://192.168.1.60/snap.jpg", 128, {"late": 2, "unreachable": 1}, shop.START_US, "the camera answered HTTP 503", True
)


class MemoryInspection:
    """InspectionStore."""

    def __init__(self, items: Sequence[InspectedItem], models: Sequence[QualityModel]) -> None:
        self._items = {item.number: item for item in items}
        self._models = list(models)

    async def add_items(self, items: Sequence[InspectedItem]) -> None:
        self._items |= {item.number: item for item in items}

    async def items(self, device_id: str, limit: int, chosen: ItemFilter = EVERY_ITEM) -> Sequence[InspectedItem]:
        found = [item for item in self._items.values() if item.device_id == device_id and chosen.takes(item)]
        return sorted(found, key=lambda item: -item.number)[:limit]

    async def counts(self, device_id: str, from_us: int, to_us: int) -> ItemCounts:
        found = await self.items(device_id, len(self._items), ItemFilter(from_us, to_us))
        return ItemCounts.of(device_id, [(i.verdict.outcome, i.label, i.written_back, 1) for i in found])

    async def picture(self, device_id: str, number: int) -> ItemPicture | None:
        item = self._items.get(number)
        return item.picture if item is not None and item.device_id == device_id else None

    async def pictures(self, device_id: str, numbers: Sequence[int]) -> Mapping[int, bytes]:
        found = {number: await self.picture(device_id, number) for number in numbers}
        return {number: picture.jpeg for number, picture in found.items() if picture is not None}

    async def last_numbers(self) -> Mapping[str, int]:
        return {"cell": max(self._items)}

    async def label(self, device_id: str, number: int, label: Outcome) -> bool:
        if number in self._items:
            self._items[number] = replace(self._items[number], label=label)
        return number in self._items

    async def add_model(self, model: QualityModel) -> None:
        self._models.insert(0, model)

    async def models(self, device_id: str | None = None) -> Sequence[QualityModel]:
        return list(self._models)

    async def activate(self, device_id: str, version: int | None) -> None:
        self._models = [replace(model, active=model.version == version) for model in self._models]


@cache
def pictured(n: int) -> ItemPicture | None:
    """Of the newest items; the odd one's shows a bore that was not drilled."""
    if n < 25:
        return None
    picture = kept(part_picture(1, n, "bore" if n == 27 else None), Camera("cell"))
    return replace(picture, region=Region(356, 323, 56, 56) if n == 27 else None)


def fake_inspection(clock: shop.ShopClock, audit: Any) -> Inspection:
    """Thirty items, one of them odd."""
    items = []
    for n in range(1, 31):
        load = 40.0 + n % 5 if n != 27 else 78.0
        outcome = Outcome.GOOD if n != 27 else Outcome.REJECT
        verdict = Verdict(n, outcome, 0.1 if n != 27 else 0.9, () if n != 27 else (Reason("above", "spindle_load.max", 78.0, 45.2),), "limits 1")
        closed = shop.START_US - (31 - n) * 60_000_000
        items.append(InspectedItem("cell", n, closed - 50_000_000, closed, {"spindle_load.max": load}, verdict, None, picture=pictured(n)))
    model = QualityModel("cell", 1, "limits", train("limits", [i.features for i in items[:20]]), 20, shop.START_US, "anna", True)

    async def learn(*args: Any) -> Any:
        return learned(*args)

    async def compare(*args: Any) -> Any:
        return compared(*args)

    return Inspection(MemoryInspection(items, [model]), audit, clock, lambda *_: None, HeavyWork(learn, compare), watch=lambda: [CAMERA])


def fake_frames() -> FrameTester:
    """The tester over two stations, one with binary frames and one with text."""
    plant = parse_plant(STATIONS, catalog=ProfileCatalog.shipped(), environ={}).plant
    return FrameTester(lambda: plant)
