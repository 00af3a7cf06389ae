"""`collect`: the drivers and processing at the edge; everything read waits on the own disk until Kafka has it."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from application.cameras import Cameras
from application.feeds import feed_kinds
from application.roles.answering import Answerer, Work
from application.roles.common import here, need_kafka
from application.roles.inspecting import EdgeInspection
from config.plant_file import plant_from_document
from config.profile_catalog import ProfileCatalog
from config.settings import Settings
from data_collection.collector import Collector
from data_collection.driver import Connect
from data_collection.mqtt.plugin_host import PluginHost
from data_collection.registry import connects
from data_collection.workspace import Workspace
from data_processing.processor import Processing
from data_transfer.destination import Directory
from data_transfer.events import of_tag
from data_transfer.host import FeedHost
from data_transfer.kafka.channel import Channel
from data_transfer.runner import FeedRunner
from database.edge_plant import EdgePicture, EdgePlant
from database.intake import EdgeIntake
from database.keys import Sealer, load_or_create_key
from domain.camera import Camera, Shot
from domain.errors import ConfigError, StorageError
from domain.feed import FeedStatus
from domain.health import DeviceStatus
from domain.plant import Plant, Site, Tag
from domain.ports import Clock
from domain.role import FieldReport, Refusals, RoleStatus
from domain.sample import Reading, TagEvent
from runtime.bus import InProcessBus

log = logging.getLogger(__name__)

LOOK_S = 3.0  # for changes of the plant
HEARS_WITHIN_S = 20.0
DEVICES_A_REPORT = 200
Job = Callable[[], Awaitable[None]]


class Collect:
    """Build it over a first picture of the plant, run `jobs`, `close` at the end."""

    def __init__(
        self, name: str, settings: Settings, edge: EdgePlant, picture: EdgePicture, clock: Clock,
        connect: Mapping[str, Connect] | None = None, environ: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._name, self._settings, self._edge, self._clock = name, settings, edge, clock
        self._environ = os.environ if environ is None else environ
        self._started_us = clock.now_us()
        self._directory = Directory()
        limit = settings.journal.limit_bytes
        self.host = FeedHost([
            FeedRunner(kind_name, kind.target, edge.outbox(picture.identity, kind_name, limit), kind.connect, clock,
                       with_events=kind.with_events)
            for kind_name, kind in feed_kinds(settings, self._directory).items()
        ])  # fmt: skip
        self.intake = EdgeIntake(clock, self.host.takers())
        self._processing = Processing(Plant(Site("")), (), self._on_event)
        self._bus = InProcessBus()
        self._bus.subscribe("intake", self.intake.put)
        self._cameras = Cameras(clock)
        self.inspection = EdgeInspection(settings.data_dir, self.host.event, self._cameras.look)
        self._bus.subscribe("inspection", self.inspection.on_batch)
        self._plugins = PluginHost(settings.data_dir / "plugins", clock)
        if connect is None:
            connect = connects(Workspace(settings.data_dir, clock, self._plugins, self.inspection.desk))
        self.collector = Collector(clock, self._on_reading, connect)
        options = need_kafka(settings)
        sealer = Sealer(load_or_create_key(settings.data_dir / "keys" / "secrets.key"))
        self._channel = Channel(options, options.commands, name, clock)
        further: dict[str, Work] = {"picture": self._picture, "plugin": self._plugins.trial}
        self._answerer = Answerer(name, self.collector, self._channel.send, sealer, clock, further)
        self._catalog = ProfileCatalog.load(settings.profile_dir)
        self._refused: str | None = None
        self._line_ids: tuple[str, ...] = ()
        self._version, self._judging = -1, dict[str, int]()
        self._identity = picture.identity
        self.take_over(picture)

    # -- the plant --------------------------------------------------------------------------------------------------

    def take_over(self, picture: EdgePicture) -> None:
        """A new plant; one that does not validate here is told and the last good one runs on."""
        self._version, self._judging = picture.version, dict(picture.judging)
        if picture.identity != self._identity:
            self._refused = "the database is another one than at the start: start this collector again"
            log.error("%s", self._refused)
            return
        try:
            plant = plant_from_document(picture.document, catalog=self._catalog, environ=self._environ, secrets=picture.secrets)
        except ConfigError as exc:
            self._refused = f"the plant does not validate here, the last good one runs on: {exc}"
            log.error("%s", self._refused)
            return
        self._refused = None
        own = _own_part(plant, self._settings.role.lines)
        ids = {device.id for device in own.devices}
        tags = [tag for tag in picture.tags if tag.device_id in ids]
        self._directory.remember(picture.tags)
        self._directory.apply(plant, _of_plant(picture.tags, plant))
        self._processing.apply(own, tags)
        self.inspection.apply(own, tags, picture.models, picture.numbers)
        self._cameras.apply(own)
        self.collector.apply(own)
        self._line_ids = tuple(line.id for line in own.lines)

    async def watch_plant(self) -> None:
        """Take over what was changed in the pages, until cancelled; an away database changes nothing."""
        away = False
        while True:
            await self._clock.sleep(LOOK_S)
            try:
                if await self._edge.version() != self._version or await self._edge.judging() != self._judging:
                    picture = await self._edge.fresh()
                    if picture is not None:
                        self.take_over(picture)
                away = False
            except StorageError as exc:
                if not away:
                    log.warning("changes of the plant cannot be seen: %s", exc)
                away = True

    async def _picture(self, camera: Camera) -> Shot:
        """A camera is tried; a password that stands in this machine's environment is known here only. Raises NoPicture."""
        own = self.inspection.camera(camera.device_id)
        if camera.password is None and own is not None and (own.url, own.user) == (camera.url, camera.user):
            camera = replace(camera, password=own.password)
        return await self._cameras.tried(camera)

    # -- the data's way ---------------------------------------------------------------------------------------------

    def _on_reading(self, reading: Reading) -> None:
        batch = self._processing.process(reading)
        if batch is not None:
            self._bus.publish(batch)

    def _on_event(self, event: TagEvent) -> None:
        self.host.event(of_tag(event, self._directory))

    async def open(self) -> None:
        """Find what an earlier run left."""
        await self.host.open()

    def jobs(self) -> dict[str, Job]:
        """Long-lived tasks; they end in reverse order."""
        return {
            "intake": self.intake.run, **self.host.jobs(), "plugins": self._plugins.run, "plant-watch": self.watch_plant,
            "answers": self._answerer.run, "commands": partial(self._channel.run, self._answerer.take),
            "collector": self.collector.run,
        }  # fmt: skip

    async def close(self) -> None:
        """All that was read is on the disk afterwards."""
        self.intake.flush()
        await self.host.close()
        await self._cameras.close()

    async def hears(self) -> None:
        """Wait until questions of `web` are heard; not for ever: that it lives is told all the same."""
        if not await self._channel.listening(HEARS_WITHIN_S):
            log.warning("questions of web are not heard yet")

    # -- state ------------------------------------------------------------------------------------------------------

    def tell(self) -> Iterable[RoleStatus | FieldReport]:
        """For the topic of statuses: itself, its lines, its devices in portions."""
        now_us = self._clock.now_us()
        yield self.status()
        devices = self.collector.devices()
        lines = tuple(self.collector.lines())
        for at in range(0, max(1, len(devices)), DEVICES_A_REPORT):
            first, some = at == 0, tuple(devices[at : at + DEVICES_A_REPORT])
            cameras = tuple(self._cameras.statuses()) if first else ()
            plugins = tuple(replace(plugin, collector=self._name) for plugin in self._plugins.statuses()) if first else ()
            yield FieldReport(self._name, now_us, lines if first else (), some, cameras, plugins)

    def status(self) -> RoleStatus:
        feeds = self.host.feeds()
        kafka = next(feed for feed in feeds if feed.name == "kafka")
        trouble = next((f"{feed.name}: {feed.last_error}" for feed in feeds if feed.state in {"away", "failed"}), None)
        detail = self._refused or trouble
        book = kafka.book
        return RoleStatus(
            self._name, "collect", *here(), self._started_us, self._clock.now_us(), "ok" if detail is None else "away", detail,
            self._processing.read, book.delivered, book.quarantined + book.dropped + sum(self.intake.lost.values()),
            book.waiting + self.intake.queued, book.oldest_waiting_us, (), self._line_ids,
            tuple(replace(feed.as_destination(), name=f"{feed.name}: {self._name}") for feed in feeds),
            tuple(set_apart(feed) for feed in feeds if feed.book.refusals),
        )  # fmt: skip

    def devices(self) -> Sequence[DeviceStatus]:
        return self.collector.devices()


def set_apart(feed: FeedStatus) -> Refusals:
    """What its destination refused, for `web`."""
    when_us, reason = feed.book.newest_refusal or (0, "")
    return Refusals(feed.name, feed.book.refusals, when_us, reason)


def _own_part(plant: Plant, lines: Sequence[str]) -> Plant:
    """The lines this collector polls, with their devices."""
    if not lines:
        return plant
    unknown = set(lines) - {line.id for line in plant.lines}
    if unknown:
        log.warning("the plant has no line %s: this collector waits for it", ", ".join(sorted(unknown)))
    return replace(
        plant, lines=tuple(line for line in plant.lines if line.id in lines),
        devices=tuple(device for device in plant.devices if device.line in lines), virtual_tags=(), machines=(), limits=(),
        alert_rules=(), loops=(),
    )  # fmt: skip


def _of_plant(tags: Sequence[Tag], plant: Plant) -> list[Tag]:
    ids = set(plant.tag_devices)
    return [tag for tag in tags if tag.device_id in ids]
