"""What `web` knows of the other roles: their own words, and how old they are. From memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from database.engine import Store
from database.ingest import IngestBook, ingest_book
from domain.camera import CameraStatus
from domain.health import DestinationBook, DeviceStatus, LineStatus
from domain.plant import Device, Line, Plant
from domain.plugin import PluginStatus
from domain.ports import Clock
from domain.role import SILENT_US, FieldReport, RoleStatus

FORGOTTEN_US = 3_600_000_000
TABLES_S = 5.0


class RolesBoard:
    """Implements domain.role.RolesView. `take` what the topic of statuses brings; `own` is this process."""

    def __init__(self, clock: Clock, own: Callable[[], RoleStatus] | None = None) -> None:
        self._clock, self._since_us = clock, clock.now_us()
        self.own = own
        self.ingested = IngestBook(0, 0, 0)
        self._roles: dict[str, RoleStatus] = {}
        self._lines: dict[str, tuple[str, LineStatus]] = {}  # by id: who tells, what
        self._devices: dict[str, tuple[str, DeviceStatus]] = {}
        self._cameras: dict[str, tuple[str, CameraStatus]] = {}
        self._plugins: dict[str, tuple[PluginStatus, ...]] = {}  # by collector

    def take(self, told: RoleStatus | FieldReport) -> None:
        if isinstance(told, RoleStatus):
            self._roles[told.name] = told
            return
        for line in told.lines:
            self._lines[line.line_id] = (told.name, line)
        for device in told.devices:
            self._devices[device.device_id] = (told.name, device)
        if told.lines or told.cameras or told.plugins:  # its first portion has all of these: one that is gone there is gone
            self._plugins[told.name] = told.plugins
            others = {key: found for key, found in self._cameras.items() if found[0] != told.name}
            self._cameras = others | {camera.device_id: (told.name, camera) for camera in told.cameras}

    def roles(self) -> tuple[RoleStatus, ...]:
        now_us = self._clock.now_us()
        self._roles = {name: role for name, role in self._roles.items() if now_us - role.time_us < FORGOTTEN_US}
        found = {**self._roles, **({} if self.own is None else {(own := self.own()).name: own})}
        order = {"collect": 0, "ingest": 1, "web": 2}
        return tuple(sorted(found.values(), key=lambda role: (order.get(role.role, 3), role.name)))

    def silent(self, name: str) -> bool:
        """Has it said nothing for too long?"""
        role = self._roles.get(name)
        return role is None or self._clock.now_us() - role.time_us > SILENT_US

    def poller(self, line_id: str) -> str | None:
        """The collector that told of the line last."""
        name, _found = self._lines.get(line_id, (None, None))
        return name

    def collectors(self) -> list[str]:
        """Names of those that live."""
        return sorted(role.name for role in self._roles.values() if role.role == "collect" and not self.silent(role.name))

    def twice(self) -> Mapping[str, Sequence[str]]:
        """Lines that more than one living collector polls, with their names: a mistake in the settings."""
        found: dict[str, list[str]] = {}
        for role in self._roles.values():
            if role.role == "collect" and not self.silent(role.name):
                for line_id in role.line_ids:
                    found.setdefault(line_id, []).append(role.name)
        return {line_id: names for line_id, names in found.items() if len(names) > 1}

    def oldest_waiting_us(self) -> int | None:
        """Time of the oldest sample that some role has not passed on."""
        times = [role.oldest_waiting_us for role in self._roles.values() if role.role != "web" and role.waiting]
        return min((us for us in times if us is not None), default=None)

    def destinations(self) -> tuple[DestinationBook, ...]:
        """The books of the collectors' outboxes, and of what came from there into the tables."""
        ingest = self.ingested
        tables = DestinationBook(
            "ingest", True, ingest.delivered, 0, ingest.refused, ingest.rejected, None, None,
            ingest.delivered + ingest.refused + ingest.rejected,
        )  # fmt: skip
        return (*(book for role in self.roles() for book in role.books), tables)

    async def watch_tables(self, store: Store) -> None:
        """What the ingesters have brought into the tables, every few seconds until cancelled. Raises StorageError."""
        while True:
            self.ingested = await ingest_book(store)
            await self._clock.sleep(TABLES_S)

    def lines(self, plant: Plant) -> list[LineStatus]:
        """Of the plant, as its collectors told last."""
        twice = self.twice()
        return [self._line(line, twice.get(line.id, ())) for line in plant.lines]

    def devices(self, plant: Plant) -> list[DeviceStatus]:
        return [self._device(device) for device in plant.devices]

    def cameras(self) -> list[CameraStatus]:
        """As their collectors told last; of one that is silent, that it is."""
        return [
            replace(camera, last_error=f"collector {name} is silent") if self.silent(name) else camera
            for _id, (name, camera) in sorted(self._cameras.items())
        ]

    def plugins(self) -> list[PluginStatus]:
        """Of the collectors that live."""
        return [plugin for name, plugins in sorted(self._plugins.items()) if not self.silent(name) for plugin in plugins]

    def _line(self, line: Line, pollers: Sequence[str]) -> LineStatus:
        name, found = self._lines.get(line.id, ("", None))
        if found is None:
            since = self._clock.now_us()
            return LineStatus(
                line.id, line.transport, line.target, "down" if line.enabled else "disabled", since, 0, 0, None, None, 0,
                "no collector has told of this line", None, None, None, None,
            )  # fmt: skip
        if self.silent(name) and found.state != "disabled":
            return replace(found, state="down", last_error=f"collector {name} is silent", devices_online=0, load=None)
        if pollers:
            return replace(found, warning=f"polled by {' and '.join(pollers)}: give each line to one collector")
        return found

    def _device(self, device: Device) -> DeviceStatus:
        name, found = self._devices.get(device.id, ("", None))
        if found is None:
            return self._untold(device)
        if self.silent(name) and found.state == "online":
            return replace(found, state="offline", last_error=f"collector {name} is silent", latency_ms=None)
        return found

    def _untold(self, device: Device) -> DeviceStatus:
        """Nobody has told of it: on the way just after a start, then a collector that is not there."""
        patient = self._clock.now_us() - self._since_us <= SILENT_US
        state = "disabled" if not device.enabled else "waiting" if patient else "offline"
        return DeviceStatus(
            device.id, device.line, device.profile.name, state, self._since_us, None,
            "no collector has told of this device" if state == "offline" else None, 0, 0, {}, None, None, device.scan_s,
        )  # fmt: skip
