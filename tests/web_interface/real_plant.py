"""The product's own PlantService, validation and all, over a small plant in memory: for the pages that change it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from application.cameras import Cameras
from application.device_tables import DeviceTables
from config.asked_plant import Photographer
from config.plant_admin import PlantAdmin
from config.plant_file import plant_from_document
from config.plant_history import PlantHistory
from config.profile_catalog import ProfileCatalog
from config.stored_plant import Apply
from data_collection.collector import Collector
from data_collection.read_now import read_now
from data_collection.scan import scan
from domain.camera import Camera, Shot
from domain.commissioning import ReadNow
from domain.plant import Device, Line, Plant, Tag
from domain.plant_version import Authorship, PlantVersion
from domain.ports import Clock
from domain.stores import AuditStore
from runtime.clock import SystemClock
from simulator.serve import simulate as serve_floor
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_profiles import fake_profiles
from tests.web_interface.fake_reading import simulate

if TYPE_CHECKING:
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
        self.document_now: Mapping[str, object] = document
        self.kept: dict[int, tuple[PlantVersion, Mapping[str, object]]] = {}
        self.sealed: dict[str, str] = {}

    async def load(self) -> Mapping[str, object] | None:
        return self.document_now

    async def save(self, document: Mapping[str, object], plant: Plant, by: Authorship | None = None) -> Sequence[Tag]:
        self.document_now = document
        if by is not None:
            self.keep(by, document)
        return shop.tags()

    def keep(self, by: Authorship, document: Mapping[str, object]) -> None:
        """The next version."""
        number = len(self.kept) + 1
        self.kept[number] = (PlantVersion(number, by), document)

    async def version(self) -> int:
        return len(self.kept)

    async def versions(self, limit: int, before: int | None = None) -> Sequence[PlantVersion]:
        return [self.kept[n][0] for n in sorted(self.kept, reverse=True) if before is None or n < before][:limit]

    async def document(self, number: int) -> tuple[PlantVersion, Mapping[str, object]] | None:
        return self.kept.get(number)

    async def tags(self) -> Sequence[Tag]:
        return shop.tags()

    async def set_secret(self, name: str, value: str | None) -> None:
        if value is None:
            self.sealed.pop(name, None)
        else:
            self.sealed[name] = value

    async def secret(self, name: str) -> str | None:
        return self.sealed.get(name)

    async def secrets(self, names: Collection[str], unreadable: object = None) -> Mapping[str, str]:
        return {name: value for name, value in self.sealed.items() if name in names}


def plant_store(now_us: int) -> MemoryPlants:
    """The plant with a past of two versions: the rated power of a lathe was entered wrong, its limits came later."""
    store = MemoryPlants(DOCUMENT)
    lathe, *others = DOCUMENT["machines"]
    first = {**DOCUMENT, "machines": [{**lathe, "rated_kw": 110}, *others], "limits": []}
    hour_us = 3_600_000_000
    store.keep(Authorship(now_us - 5 * hour_us, "uid 0", "cli", "plant_import", "Механический цех"), first)
    store.keep(Authorship(now_us - 2 * hour_us, "engineer", "10.0.0.7", "machine_update", "lathe-1"), DOCUMENT)
    return store


def real_plant(
    store: MemoryPlants, audit: AuditStore, clock: Clock, applied: Apply, photographer: Photographer | None = None
) -> PlantAdmin:
    """The product's own over the store, loaded."""

    async def read(device: Device, _line: Line) -> ReadNow:
        return simulate(device)

    admin = PlantAdmin(store, audit, ProfileCatalog.shipped(), clock, {}, apply=applied, reader=read, photographer=photographer)
    with contextlib.suppress(StopIteration):
        admin.load().send(None)  # nothing waits in it: the store is in memory
    return admin


async def with_real_plant(services: FakeServices) -> FakeServices:
    """The same services, but with the configuration the product itself would run."""
    store = plant_store(services.clock.now_us())
    admin = real_plant(
        store, services.audit_store, services.clock,
        lambda _plant, _tags: services.live.publish("plant", None),  # type: ignore[attr-defined]
    )  # fmt: skip
    return replace(
        services, plant=admin, plant_history=PlantHistory(admin, store), profiles=fake_profiles(admin), device_tables=DeviceTables(admin)
    )


STATIONS: dict[str, Any] = {
    "site": {"name": "Механический цех", "timezone": "Europe/Moscow", "language": "ru"},
    "lines": [{"id": f"q{n}", "transport": "tcp-frames", "host": "127.0.0.1", "port": 5050 + n, "encoding": "binary"} for n in range(2)],
    "devices": [{"id": name, "profile": "plc-frames", "line": f"q{n}"} for n, name in enumerate(("cell", "bench"))],
    "machines": [],
}  # fmt: skip


async def with_stations(services: FakeServices) -> FakeServices:
    """The same services over two inspected stations, whose cameras are really asked for pictures."""
    store, cameras = MemoryPlants(STATIONS), Cameras(SystemClock())

    async def photographed(camera: Camera, _line: Line) -> Shot:
        return await cameras.tried(camera)

    admin = real_plant(
        store, services.audit_store, services.clock,
        lambda _plant, _tags: services.live.publish("plant", None), photographed,  # type: ignore[attr-defined]
    )  # fmt: skip
    return replace(services, plant=admin, plant_history=PlantHistory(admin, store))


FLOOR: dict[str, Any] = {
    "site": {"name": "Механический цех", "timezone": "Europe/Moscow", "language": "ru"},
    "lines": [{"id": "gw1", "transport": "rtu-over-tcp", "host": "127.0.0.1", "port": 4001, "baud": 115200, "timeout_s": 0.5}],
    "devices": [
        {"id": "native", "profile": "mercury-234", "line": "gw1", "address": 17},
        {"id": "modbus", "profile": "eastron-sdm630", "line": "gw1", "address": 19},
    ],
    "machines": [],
}  # fmt: skip


@asynccontextmanager
async def with_floor(services: FakeServices) -> AsyncIterator[FakeServices]:
    """The same services over an empty plant, whose one line leads to simulated meters that speak the real protocols."""
    catalog = ProfileCatalog.shipped()
    served = plant_from_document(FLOOR, catalog=catalog, environ={})
    async with serve_floor(served, clock=SystemClock(), free_ports=True) as floor:
        line = {**FLOOR["lines"][0], "port": floor.plant.line("gw1").options["port"]}
        collector = Collector(SystemClock(), lambda _reading: None)
        admin = PlantAdmin(
            MemoryPlants({**FLOOR, "lines": [line], "devices": []}), services.audit_store, catalog, services.clock, {},
            apply=lambda _plant, _tags: services.live.publish("plant", None),  # type: ignore[attr-defined]
            reader=partial(read_now, collector, SystemClock()), scanner=partial(scan, collector),
        )  # fmt: skip
        await admin.load()
        yield replace(services, plant=admin, profiles=fake_profiles(admin), device_tables=DeviceTables(admin))
