"""Feeds put together: who is on by the settings, what they are told, who may touch their quarantine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from config.settings import Settings
from data_transfer.destination import Connect, Directory
from data_transfer.events import of_alert, of_state, of_tag
from data_transfer.host import FeedHost
from data_transfer.influxdb.writer import InfluxDB, InfluxOptions
from data_transfer.kafka.producer import Kafka, KafkaOptions
from data_transfer.kafka.protobuf import CONTENT_TYPE, as_protobuf
from data_transfer.mqtt.edge import SparkplugPublisher
from data_transfer.mqtt.publisher import MqttOptions, MqttPublisher
from data_transfer.runner import FeedRunner
from database import Database
from database.outbox import DiskOutbox
from domain.access import Actor, Role
from domain.alert import Alert
from domain.errors import Forbidden, StorageError
from domain.feed import FEED_NAMES, FeedStatus, OutboxBook, Refused
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.sample import TagEvent
from domain.state import StateInterval

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One feed as the settings have it."""

    target: str
    connect: Connect
    with_events: bool = True


class Feeds:
    """Implements domain.feed.FeedService over the host, and hears what happens. Off feeds cost nothing."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self.directory = Directory()
        kinds = _kinds(settings, self.directory)
        limit = settings.feeds.limit_bytes
        runners = [
            FeedRunner(name, kind.target, database.outbox(name, limit), kind.connect, clock, with_events=kind.with_events)
            for name, kind in kinds.items()
        ]
        self._off = [name for name in FEED_NAMES if name not in kinds and (database.data_dir / "feeds" / name).is_dir()]
        self.host = FeedHost(runners)
        self._limit = limit
        for take, after in self.host.followers():
            database.writer.follow(take, after)

    # -- life -----------------------------------------------------------------------------------------------------

    async def run_writer(self) -> None:
        """The writer's task, with the feeds' outboxes opened before: it asks how far each of them is."""
        await self._look_at_those_off()
        self.directory.remember(await self._database.plants.tags())
        await self.host.open()
        await self._database.writer.run()

    async def close(self) -> None:
        """After the writer: its last samples wait on the disk then."""
        await self.host.close()

    async def _look_at_those_off(self) -> None:
        """A feed taken out of the settings keeps its backlog; it is told and shown, and goes out when it is on again."""
        resting = []
        for name in self._off:
            outbox = self._database.outbox(name, self._limit)
            try:
                book = await asyncio.to_thread(_at_rest, outbox)
            except OSError as exc:
                log.error("feed %s is off and its outbox cannot be read: %s", name, exc)
                continue
            if book.waiting or book.quarantined:
                log.warning(
                    "feed %s is off, and %d items still wait in %s: they go out when it is set up again; delete that folder to "
                    "give them up", name, book.waiting + book.quarantined, outbox.folder,
                )  # fmt: skip
                resting.append(FeedStatus(name, "off", "", self._clock.now_us(), None, None, None, book))
        self._off = []
        self.host.show_resting(resting)

    # -- what happens ---------------------------------------------------------------------------------------------

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        self.directory.apply(plant, tags)

    def on_state(self, interval: StateInterval) -> None:
        if self.host.idle:
            return
        self.host.event(of_state(interval, self.directory))

    def on_alert(self, alert: Alert) -> None:
        if self.host.idle:
            return
        event = of_alert(alert)
        if event is not None:
            self.host.event(event)

    def on_tag_event(self, event: TagEvent) -> None:
        if self.host.idle:
            return
        self.host.event(of_tag(event, self.directory))

    # -- domain.feed.FeedService ----------------------------------------------------------------------------------

    def feeds(self) -> Sequence[FeedStatus]:
        return self.host.feeds()

    async def quarantine(self, name: str, actor: Actor, most: int = 100) -> Sequence[Refused]:
        await self._need(actor, f"{name} quarantine")
        return await self.host.quarantine(name, most)

    async def retry_quarantine(self, name: str, actor: Actor) -> int:
        return await self._on_quarantine(name, actor, "feed_retry", self.host.retry_quarantine)

    async def discard_quarantine(self, name: str, actor: Actor) -> int:
        return await self._on_quarantine(name, actor, "feed_discard", self.host.discard_quarantine)

    async def _on_quarantine(self, name: str, actor: Actor, action: str, work: Callable[[str], Awaitable[int]]) -> int:
        await self._need(actor, f"{name} {action}")
        status = next((feed for feed in self.host.feeds() if feed.name == name), None)
        count = str(status.book.quarantined) if status is not None else None
        await self._database.audit.append(self._clock.now_us(), actor.name, actor.source, action, name, old=count)
        try:
            return await work(name)
        except OSError as exc:
            raise StorageError(f"the outbox of feed {name} cannot be written: {exc.strerror or exc}") from exc

    async def _need(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            await self._database.audit.append(now_us, actor.name, actor.source, "refused", f"feed {what}", result="failed")
            raise Forbidden("what feeds could not deliver needs the role admin")


def _at_rest(outbox: DiskOutbox) -> OutboxBook:
    outbox.open()
    try:
        outbox.rest()
        return outbox.book()
    finally:
        outbox.close()


def _kinds(settings: Settings, directory: Directory) -> Mapping[str, _Kind]:
    """Those that are switched on."""
    own_ports = frozenset({settings.web.port})
    found: dict[str, _Kind] = {}
    influx = settings.influxdb
    if influx.url is not None:
        influx_options = InfluxOptions(
            influx.url, influx.bucket, influx.org, _secret(influx.token), influx.user, _secret(influx.password), influx.version,
            influx.gzip, _path(influx.ca_file), own_ports,
        )  # fmt: skip
        found["influxdb"] = _Kind(influx.url, InfluxDB(influx_options, directory).open)
    kafka = settings.kafka
    if kafka.bootstrap is not None:
        options = KafkaOptions(
            kafka.bootstrap, kafka.topic_prefix, kafka.user, _secret(kafka.password), kafka.sasl, kafka.tls, _path(kafka.ca_file),
            kafka.compression, kafka.partitions, kafka.replication, own_ports,
        )  # fmt: skip
        made = Kafka(options, directory)
        if kafka.format == "protobuf":
            made = Kafka(options, directory, as_protobuf, CONTENT_TYPE)
        found["kafka"] = _Kind(kafka.bootstrap, made.open)
    mqtt = settings.mqtt
    if mqtt.host is not None:
        mqtt_options = MqttOptions(
            mqtt.host, mqtt.port, mqtt.user, _secret(mqtt.password), mqtt.tls, _path(mqtt.ca_file), mqtt.topic_prefix,
            mqtt.client_id, mqtt.per == "tag", mqtt.retain, mqtt.home_assistant, own_ports,
        )  # fmt: skip
        target = f"{mqtt.host}:{mqtt.port}"
        if mqtt.plain:
            found["mqtt"] = _Kind(target, MqttPublisher(mqtt_options, directory).open)
        if mqtt.sparkplug_group is not None:
            edge = SparkplugPublisher(mqtt_options, mqtt.sparkplug_group, mqtt.sparkplug_node, directory)
            found["sparkplug"] = _Kind(target, edge.open, with_events=False)
    return found


def _path(value: Path | None) -> str | None:
    return None if value is None else str(value)


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()
