"""Inspected parts of the invented shop: one station, a few items, two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.inspection.models import Document, train
from analysis.inspection.service import Inspection
from domain.inspection import FrameField, InspectedItem, Outcome, QualityModel, Verdict
from tests.web_interface import fake_shop as shop


class MemoryInspection:
    """InspectionStore."""

    def __init__(self, items: Sequence[InspectedItem], models: Sequence[QualityModel]) -> None:
        self._items = {item.number: item for item in items}
        self._models = list(models)

    async def add_items(self, items: Sequence[InspectedItem]) -> None:
        self._items |= {item.number: item for item in items}

    async def items(self, device_id: str, limit: int) -> Sequence[InspectedItem]:
        return sorted(self._items.values(), key=lambda item: -item.number)[:limit]

    async def last_numbers(self) -> Mapping[str, int]:
        return {}

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


def fake_inspection(clock: shop.ShopClock, audit: Any) -> Inspection:
    """Thirty items, one of them odd."""
    items = []
    for n in range(1, 31):
        load = 40.0 + n % 5 if n != 27 else 78.0
        outcome = Outcome.GOOD if n != 27 else Outcome.REJECT
        verdict = Verdict(n, outcome, 0.1 if n != 27 else 0.9, () if n != 27 else ("spindle_load.max: 78 > 45.2",), "limits 1")
        closed = shop.START_US - (31 - n) * 60_000_000
        items.append(InspectedItem("cell", n, closed - 50_000_000, closed, {"spindle_load.max": load}, verdict, None))
    model = QualityModel("cell", 1, "limits", train("limits", [i.features for i in items[:20]]), 20, shop.START_US, "anna", True)

    async def heavy(kind: str, rows: Sequence[Mapping[str, float]]) -> Document:
        return train(kind, rows)

    return Inspection(MemoryInspection(items, [model]), audit, clock, lambda *_: None, heavy)


class FakeFrames:
    """FrameService with one station."""

    def devices(self) -> Sequence[str]:
        return ["cell"]

    def fields(self, device_id: str, pasted: str) -> Sequence[FrameField]:
        return [FrameField("part_count", "00 07", "7", ""), FrameField("program", "c2 e0", "", "c2 e0 is no utf-8")]
