"""Publishes parcels to an MQTT broker, QoS 1: delivered is what the broker has acknowledged.

A parcel of which an acknowledgement is missing is published again: every message carries its own time, which tells a duplicate.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from data_transfer.destination import Directory
from data_transfer.messages import messages_of
from data_transfer.mqtt.topics import Publication, discovery, publications, status_topic
from data_transfer.targets import OwnPorts, judged_addresses
from domain.feed import DestinationAway, Parcel, Refused

if TYPE_CHECKING:
    import aiomqtt

log = logging.getLogger(__name__)
_library = logging.getLogger("data_transfer.mqtt.library")

ACKNOWLEDGED_WITHIN_S = 30.0  # the next one: a slow broker may take as long as it likes for all
CONNECT_S = 10.0
KEEPALIVE_S = 30
AT_ONCE = 200  # on their way at a time: a far broker is not waited for message by message


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """`home_assistant`: prefix of its discovery, None without. `per_tag` False: one message a device and instant."""

    host: str
    port: int = 1883
    user: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: str | None = None
    topic_prefix: str = "energy"
    client_id: str = "energy-monitoring"
    per_tag: bool = True
    retain: bool = True
    home_assistant: str | None = None
    own_ports: OwnPorts = frozenset()


class MqttPublisher:
    """Implements data_transfer.destination.Destination. `open` is its Connect."""

    def __init__(self, options: MqttOptions, directory: Directory) -> None:
        self._options, self._directory = options, directory
        self.answers: Counter[str] = Counter()
        self._client: aiomqtt.Client | None = None
        self._watch: asyncio.Task[None]  # only between open and its end
        self._discovered = -1  # version of the directory that was announced on this connection

    @asynccontextmanager
    async def open(self) -> AsyncIterator[MqttPublisher]:
        """Connected, last will placed, birth published. Raises DestinationAway."""
        import aiomqtt  # noqa: PLC0415 - only who has this feed loads its library

        options = self._options
        await judged_addresses(options.host, options.port, options.own_ports)
        _library.setLevel(logging.CRITICAL)
        status = status_topic(options.topic_prefix)
        client = aiomqtt.Client(
            options.host, options.port, username=options.user, password=options.password, identifier=options.client_id,
            will=aiomqtt.Will(status, b"offline", qos=1, retain=True), timeout=CONNECT_S, keepalive=KEEPALIVE_S,
            tls_context=ssl.create_default_context(cafile=options.ca_file) if options.tls else None, logger=_library,
            max_inflight_messages=AT_ONCE,
        )  # fmt: skip
        try:
            async with client:
                self._client, self._discovered = client, -1
                await client.publish(status, b"online", qos=1, retain=True)
                try:
                    async with watched(client) as self._watch:
                        yield self
                except asyncio.CancelledError:  # we stop in good order: the last will is for when we do not
                    with contextlib.suppress(aiomqtt.MqttError):
                        await client.publish(status, b"offline", qos=1, retain=True, timeout=2.0)
                    raise
        except (aiomqtt.MqttError, OSError) as exc:
            self.answers["lost"] += 1
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # a farewell that failed must not undo that we were told to stop
                raise asyncio.CancelledError from exc
            raise DestinationAway(_plain(exc)) from exc
        finally:
            self._client = None

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        found, refused = await asyncio.to_thread(self._publications, parcel)
        if self._options.home_assistant is not None and self._discovered != self._directory.version:
            version = self._directory.version
            await self._publish(discovery(self._directory.faces(), self._options.topic_prefix, self._options.home_assistant))
            self._discovered = version
        good = []
        for one in found:
            wrong = one.wrong()
            if wrong:
                refused.append(one.refused(wrong))
            else:
                good.append(one)
        await self._publish(good)
        return refused

    def _publications(self, parcel: Parcel) -> tuple[list[Publication], list[Refused]]:
        options, site = self._options, self._directory.site
        messages, refused = messages_of(parcel, self._directory)
        found = [
            one for message in messages
            for one in publications(message, options.topic_prefix, site, per_tag=options.per_tag, retain=options.retain)
        ]  # fmt: skip
        return found, refused

    async def _publish(self, found: Iterable[Publication]) -> None:
        """In order; many are on their way at once. Raises DestinationAway when an acknowledgement does not come."""
        client = self._client
        assert client is not None  # noqa: S101 - only between open and its end
        rest = iter(found)
        while some := list(islice(rest, AT_ONCE)):
            await unless_lost(self._acknowledged(client, some), self._watch, lambda: self.answers["acknowledged"])

    async def _acknowledged(self, client: aiomqtt.Client, some: Iterable[Publication]) -> None:
        async def publish(one: Publication) -> None:
            await client.publish(one.topic, one.payload, qos=1, retain=one.retain, timeout=math.inf)
            self.answers["acknowledged"] += 1

        try:
            async with asyncio.TaskGroup() as tasks:
                for one in some:  # tasks begin in the order they are made: messages leave in order
                    tasks.create_task(publish(one))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group


@asynccontextmanager
async def watched(
    client: aiomqtt.Client, heard: Callable[[aiomqtt.Message], None] = lambda _message: None
) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when the connection breaks: a publication by itself would wait for its time-out."""

    async def listen() -> None:
        async for message in client.messages:
            heard(message)

    task = asyncio.create_task(listen(), name="feed:mqtt:watch")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def unless_lost(work: Coroutine[Any, Any, None], watch: asyncio.Task[None], answers: Callable[[], int]) -> None:
    """Do `work` as long as the connection stands and `answers` of the broker grow in number. Raises DestinationAway."""
    import aiomqtt  # noqa: PLC0415

    if watch.done():
        work.close()
        raise DestinationAway("the connection is lost")
    task, before = asyncio.ensure_future(work), answers()
    try:
        while not task.done():
            done, _ = await asyncio.wait({task, watch}, timeout=ACKNOWLEDGED_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if not done and answers() == before:
                raise DestinationAway("the broker acknowledges nothing", at_parcel=True)
            if watch in done and not task.done():
                raise DestinationAway("the broker cut the connection", at_parcel=True)
            before = answers()
        await task
    except (aiomqtt.MqttError, OSError) as exc:
        raise DestinationAway(_plain(exc), at_parcel=True) from exc
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _plain(exc: BaseException) -> str:
    text = str(exc)
    return text if text else type(exc).__name__
