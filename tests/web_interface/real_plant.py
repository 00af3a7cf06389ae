"""The product's own PlantService, validation and all, over a small plant in memory: for the pages that change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from config.plant_admin import PlantAdmin
from config.profile_catalog import ProfileCatalog
from domain.commissioning import ReadNow
from domain.plant import Device, Line, Plant, Tag
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_reading import simulate
from tests.web_interface.fakes import FakeServices

DOCUMENT: dict[str, Any] = {
    "site": {"name": "Механический цех", "timezone": "Europe/Moscow", "language": "ru", "main_meter": "main"},
    "shifts": [{"name": "1", "start": "07:00", "end": "15:00", "days": ["mon", "tue", "wed", "thu", "fri"]}],
    "lines": [
        {"id": "tcp1", "transport": "modbus-tcp", "host": "127.0.0.1", "port": 1502},
        {"id": "gw1", "transport": "rtu-over-tcp", "host": "10.0.4.21", "port": 4001, "baud": 9600},
    ],
    "devices": [
        {"id": "main", "profile": "mercury-234-modbus", "line": "tcp1", "address": 9, "scan_s": 1},
        {"id": "m1", "profile": "mercury-234-modbus", "line": "tcp1", "address": 1, "scan_s": 1, "base_address": 100},
        {"id": "m2", "profile": "mercury-234", "line": "gw1", "address": 12, "scan_s": 5},
        {
            "id": "m3", "line": "tcp1", "address": 3, "scan_s": 1,
            "points": [{"tag": "active_power", "quantity": "active_power", "unit": "W", "table": "holding", "address": 100,
                        "type": "float32", "plausible": [0, 20000]}],
        },
    ],
    "machines": [
        {"id": "lathe-1", "name": "16К20 №1", "section": "Токарный участок", "meter": "m1", "rated_kw": 11,
         "states": {"idle_above_kw": 0.3, "production_above_kw": 1.3}},
        {"id": "lathe-2", "name": "16К20 №2", "section": "Токарный участок"},
    ],
    "limits": [{"tag": "m1.active_power", "high": 12, "critical_high": 14, "hysteresis": 0.5, "on_delay_s": 10}],
}  # fmt: skip


class MemoryPlants:
    """PlantStore."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self.document: Mapping[str, object] = document
        self.secrets: dict[str, str] = {}

    async def load(self) -> Mapping[str, object] | None:
        return self.document

    async def save(self, document: Mapping[str, object], plant: Plant) -> Sequence[Tag]:
        self.document = document
        return shop.tags()

    async def tags(self) -> Sequence[Tag]:
        return shop.tags()

    async def set_secret(self, name: str, value: str | None) -> None:
        if value is None:
            self.secrets.pop(name, None)
        else:
            self.secrets[name] = value

    async def secret(self, name: str) -> str | None:
        return self.secrets.get(name)


async def with_real_plant(services: FakeServices) -> FakeServices:
    """The same services, but with the configuration the product itself would run."""

    async def read(device: Device, _line: Line) -> ReadNow:
        return simulate(device)

    admin = PlantAdmin(
        MemoryPlants(DOCUMENT), services.audit_store, ProfileCatalog.shipped(), services.clock, {},
        apply=lambda _plant, _tags: services.live.publish("plant", None), reader=read,  # type: ignore[attr-defined]
    )  # fmt: skip
    await admin.load()
    return replace(services, plant=admin)
