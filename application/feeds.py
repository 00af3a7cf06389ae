"""Feeds put together: who is on by the settings, what they are told, who may touch their quarantine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from config.settings import Settings
from data_transfer.destination import Connect, Directory
from data_transfer.events import of_alert, of_episode, of_frame, of_state, of_tag
from data_transfer.host import FeedHost
from data_transfer.influxdb.writer import InfluxDB, InfluxOptions
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.producer import Kafka
from data_transfer.kafka.protobuf import CONTENT_TYPE, as_protobuf
from data_transfer.mqtt.edge import SparkplugPublisher
from data_transfer.mqtt.publisher import MqttOptions, MqttPublisher
from data_transfer.runner import FeedRunner
from database import Database
from database.outbox import DiskOutbox
from domain.access import Actor, Role
from domain.alert import Alert
from domain.alignment import Alignment, Frame
from domain.errors import Forbidden, NotFound, StorageError
from domain.feed import EVERYTHING, FEED_NAMES, BacklogCost, BacklogPart, FeedStatus, Moved, OutboxBook, Quarantined
from domain.loop import ControlLoop, LoopEpisode
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.sample import TagEvent
from domain.state import StateInterval

log = logging.getLogger(__name__)

_R = TypeVar("_R")
ENTRIES_TOLD, REASON_TOLD = 5, 100  # of an act upon the quarantine, in the audit


@dataclass(frozen=True, slots=True)
class Kind:
    """One feed as the settings have it."""

    target: str
    connect: Connect
    with_events: bool = True
    with_frames: bool = True


class Feeds:
    """Implements domain.feed.FeedService over the host, and hears what happens. Off feeds cost nothing."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self.directory = Directory()
        kinds = feed_kinds(settings, self.directory)
        limit = settings.feeds.limit_bytes
        runners = [
            FeedRunner(
                name, kind.target, database.outbox(name, limit), kind.connect, clock, with_events=kind.with_events,
                with_frames=kind.with_frames,
            )
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
            if book.waiting or book.refusals:
                log.warning(
                    "feed %s is off, and %d items still wait in %s: they go out when it is set up again; an administrator "
                    "can give them up under Settings", name, book.waiting + book.quarantined, outbox.folder,
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

    def on_frame(self, alignment: Alignment, frame: Frame) -> None:
        if not self.host.idle:
            self.host.event(of_frame(alignment, frame))

    def on_episode(self, loop: ControlLoop, episode: LoopEpisode) -> None:
        if not self.host.idle:
            self.host.event(of_episode(loop, episode))

    # -- domain.feed.FeedService ----------------------------------------------------------------------------------

    def feeds(self) -> Sequence[FeedStatus]:
        return self.host.feeds()

    def tag_name(self, tag_id: int) -> str:
        face = self.directory.face(tag_id)
        return face.tag.name if face is not None else str(tag_id)

    def tag_device(self, tag_id: int) -> str:
        face = self.directory.face(tag_id)
        return face.tag.device_id if face is not None else ""

    async def quarantine(self, name: str, actor: Actor, most: int = 100, skip: int = 0) -> Sequence[Quarantined]:
        await self._need(actor, f"{name} quarantine")
        return await self.host.quarantine(name, most, skip)

    async def retry_quarantine(self, name: str, actor: Actor, numbers: Collection[int] | None = None) -> Moved:
        return await self._on_quarantine(name, actor, "feed_retry", self.host.retry_quarantine, numbers)

    async def discard_quarantine(self, name: str, actor: Actor, numbers: Collection[int] | None = None) -> Moved:
        return await self._on_quarantine(name, actor, "feed_discard", self.host.discard_quarantine, numbers)

    async def backlog_cost(self, name: str, actor: Actor, part: BacklogPart) -> BacklogCost:
        await self._need(actor, f"{name} backlog")
        if self.host.is_on(name):
            return await _kept_by(name, self.host.backlog_cost(name, part))
        self._resting(name)
        return await _kept_by(name, asyncio.to_thread(_while_open, self._outbox(name), lambda box: box.backlog_cost(part)))

    async def discard_backlog(self, name: str, actor: Actor, part: BacklogPart = EVERYTHING) -> int:
        if not part.whole:
            return await self._discard_part(name, actor, part)
        if self.host.is_on(name):
            return await self._audited(name, actor, "feed_give_up", self.host.discard_backlog, lambda book: book.waiting)
        return await self._audited(
            name, actor, "feed_give_up", self._discard_at_rest, lambda book: book.waiting + book.quarantined
        )  # fmt: skip

    async def _discard_part(self, name: str, actor: Actor, part: BacklogPart) -> int:
        cost = await self.backlog_cost(name, actor, part)
        kept = f"older than {_utc(part.before_us)}" if part.before_us is not None else f"all but the newest {part.keep}"
        await self._tell(name, actor, "feed_give_up", f"{cost.items}, {kept}")
        if self.host.is_on(name):
            return await _kept_by(name, self.host.discard_backlog(name, part))
        return await _kept_by(name, self._discard_at_rest(name, part))

    def _outbox(self, name: str) -> DiskOutbox:
        return self._database.outbox(name, self._limit)

    def _resting(self, name: str) -> list[FeedStatus]:
        """Feeds that are off; `name` must be one of them. Raises NotFound."""
        resting = [feed for feed in self.host.feeds() if feed.state == "off"]
        if name not in {feed.name for feed in resting}:
            raise NotFound("feed", name, tuple(feed.name for feed in self.host.feeds()))
        return resting

    async def _discard_at_rest(self, name: str, part: BacklogPart = EVERYTHING) -> int:
        """Of a feed that is off. Raises NotFound, OSError."""
        resting = self._resting(name)
        count, book = await asyncio.to_thread(_while_open, self._outbox(name), lambda box: _given_up(box, part))
        left = [replace(feed, book=book) if feed.name == name else feed for feed in resting]
        self.host.show_resting([feed for feed in left if feed.book.waiting or feed.book.refusals])
        return count

    async def _on_quarantine(
        self, name: str, actor: Actor, action: str, work: Callable[[str, Collection[int] | None], Awaitable[Moved]],
        numbers: Collection[int] | None,
    ) -> Moved:  # fmt: skip
        """On everything, or on the entries of `numbers`: the audit says how many items, or which entries."""
        if numbers is None:
            return await self._audited(name, actor, action, lambda of: work(of, None), lambda book: book.quarantined)
        await self._need(actor, f"{name} {action}")
        found = await self.host.quarantine(name, len(numbers), 0, numbers)
        if not found:
            raise NotFound("refused entry", ", ".join(map(str, sorted(numbers)[:ENTRIES_TOLD])))
        await self._tell(name, actor, action, self._told(found))
        return await _kept_by(name, work(name, numbers))

    async def _audited(
        self, name: str, actor: Actor, action: str, work: Callable[[str], Awaitable[_R]], counted: Callable[[OutboxBook], int]
    ) -> _R:
        """`counted`: how many items it is about, for the audit."""
        await self._need(actor, f"{name} {action}")
        status = next((feed for feed in self.host.feeds() if feed.name == name), None)
        await self._tell(name, actor, action, str(counted(status.book)) if status is not None else None)
        return await _kept_by(name, work(name))

    async def _tell(self, name: str, actor: Actor, action: str, old: str | None) -> None:
        await self._database.audit.append(self._clock.now_us(), actor.name, actor.source, action, name, old=old)

    def _told(self, entries: Sequence[Quarantined]) -> str:
        """Which entries an act is about, the first few of them by tag, time and reason."""
        told = [f"{self._subject(one)}: {one.reason[:REASON_TOLD]}" for one in entries[:ENTRIES_TOLD]]
        more = len(entries) - len(told)
        return "; ".join([*told, *([f"+ {more}"] if more else [])])

    def _subject(self, one: Quarantined) -> str:
        """What the entry begins with and when that was."""
        found = [(self.tag_name(row[0]), row[1]) for row in one.samples[:1]]
        found += [(self.tag_name(text.tag_id), text.time_us) for text in one.texts[:1]]
        found += [(f"{event.kind} {event.subject}", event.time_us) for event in one.events[:1]]
        return " ".join(f"{subject} {_utc(us)}" for subject, us in found[:1])

    async def _need(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            await self._database.audit.append(now_us, actor.name, actor.source, "refused", f"feed {what}", result="failed")
            raise Forbidden("what feeds could not deliver needs the role admin")


async def _kept_by(name: str, work: Awaitable[_R]) -> _R:
    try:
        return await work
    except OSError as exc:
        raise StorageError(f"the outbox of feed {name} cannot be written: {exc.strerror or exc}") from exc


def _at_rest(outbox: DiskOutbox) -> OutboxBook:
    outbox.open()
    try:
        outbox.rest()
        return outbox.book()
    finally:
        outbox.close()


def _while_open(outbox: DiskOutbox, work: Callable[[DiskOutbox], _R]) -> _R:
    outbox.open()
    try:
        return work(outbox)
    finally:
        outbox.close()


def _given_up(outbox: DiskOutbox, part: BacklogPart) -> tuple[int, OutboxBook]:
    """Its backlog, and with all of it its quarantine: nobody else could do anything about that while the feed is off."""
    count = outbox.discard_backlog(part) + (outbox.discard_quarantine().items if part.whole else 0)
    return count, outbox.book()


def _utc(time_us: int) -> str:
    return f"{datetime.fromtimestamp(time_us / 1e6, UTC):%Y-%m-%d %H:%M:%S}Z"


def kafka_options(settings: Settings, *, roles: bool = False) -> KafkaOptions:
    """How Kafka is reached by the settings; it must be set up. `roles`: with the topic of the roles' status."""
    kafka = settings.kafka
    return KafkaOptions(
        kafka.bootstrap or "", kafka.topic_prefix, kafka.user, _secret(kafka.password), kafka.sasl, kafka.tls,
        _path(kafka.ca_file), kafka.compression, kafka.partitions, kafka.replication, frozenset({settings.web.port}), roles,
    )  # fmt: skip


def feed_kinds(settings: Settings, directory: Directory) -> Mapping[str, Kind]:
    """Those that are switched on."""
    own_ports = frozenset({settings.web.port})
    found: dict[str, Kind] = {}
    influx = settings.influxdb
    if influx.url is not None:
        influx_options = InfluxOptions(
            influx.url, influx.bucket, influx.org, _secret(influx.token), influx.user, _secret(influx.password), influx.version,
            influx.gzip, _path(influx.ca_file), own_ports,
        )  # fmt: skip
        found["influxdb"] = Kind(influx.url, InfluxDB(influx_options, directory).open)
    kafka = settings.kafka
    if kafka.bootstrap is not None:
        options = kafka_options(settings)
        made = Kafka(options, directory)
        if kafka.format == "protobuf":
            made = Kafka(options, directory, as_protobuf, CONTENT_TYPE)
        found["kafka"] = Kind(kafka.bootstrap, made.open)
    mqtt = settings.mqtt
    if mqtt.host is not None:
        mqtt_options = MqttOptions(
            mqtt.host, mqtt.port, mqtt.user, _secret(mqtt.password), mqtt.tls, _path(mqtt.ca_file), mqtt.topic_prefix,
            mqtt.client_id, mqtt.per == "tag", mqtt.retain, mqtt.home_assistant, own_ports,
        )  # fmt: skip
        target = f"{mqtt.host}:{mqtt.port}"
        if mqtt.plain:
            found["mqtt"] = Kind(target, MqttPublisher(mqtt_options, directory).open, with_frames=False)
        if mqtt.sparkplug_group is not None:
            edge = SparkplugPublisher(mqtt_options, mqtt.sparkplug_group, mqtt.sparkplug_node, directory)
            found["sparkplug"] = Kind(target, edge.open, with_events=False)
    return found


def _path(value: Path | None) -> str | None:
    return None if value is None else str(value)


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()
