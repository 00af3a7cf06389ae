"""Publishes parcels as a Sparkplug B edge node.

Sparkplug wants QoS 0, which nobody acknowledges. A broker reads what one connection sends in order, so its answer to a
subscription sent behind a parcel proves that it has the parcel: that is "delivered" here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

from data_transfer.destination import Directory
from data_transfer.messages import messages_of
from data_transfer.mqtt.publisher import AT_ONCE, CONNECT_S, KEEPALIVE_S, MqttOptions, unless_lost, watched
from data_transfer.mqtt.sparkplug import EdgeNode
from data_transfer.mqtt.topics import Publication
from data_transfer.targets import judged_addresses
from domain.feed import DestinationAway, Parcel, Refused

if TYPE_CHECKING:
    import aiomqtt

_library = logging.getLogger("data_transfer.mqtt.library")


class SparkplugPublisher:
    """Implements data_transfer.destination.Destination. `open` is its Connect."""

    def __init__(self, options: MqttOptions, group: str, node: str, directory: Directory) -> None:
        self._options, self._directory = options, directory
        self._edge = EdgeNode(group, node, int(time.time()) % 256)
        self.answers: Counter[str] = Counter()
        self._client: aiomqtt.Client | None = None
        self._watch: asyncio.Task[None]  # only between open and its end
        self._born = -1  # version of the directory of the last birth
        self._sent = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SparkplugPublisher]:
        """Connected with the death as last will; births go before the first data. Raises DestinationAway."""
        import aiomqtt  # noqa: PLC0415 - only who has this feed loads its library

        options, edge = self._options, self._edge
        await judged_addresses(options.host, options.port, options.own_ports)
        _library.setLevel(logging.CRITICAL)
        edge.begin()
        death = edge.death()
        client = aiomqtt.Client(
            options.host, options.port, username=options.user, password=options.password,
            identifier=f"{options.client_id}-sparkplug",
            will=aiomqtt.Will(death.topic, death.payload, qos=1), timeout=CONNECT_S, keepalive=KEEPALIVE_S, logger=_library,
            tls_context=ssl.create_default_context(cafile=options.ca_file) if options.tls else None,
        )  # fmt: skip
        try:
            async with client:
                self._client, self._born = client, -1
                await client.subscribe(edge.topic("NCMD"), qos=1)
                try:
                    async with watched(client, self._hear) as self._watch:
                        yield self
                except asyncio.CancelledError:
                    with contextlib.suppress(aiomqtt.MqttError):
                        await client.publish(death.topic, death.payload, qos=1, timeout=2.0)
                    raise
        except (aiomqtt.MqttError, OSError) as exc:
            self.answers["lost"] += 1
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # a farewell that failed must not undo that we were told to stop
                raise asyncio.CancelledError from exc
            raise DestinationAway(str(exc) or type(exc).__name__) from exc
        finally:
            self._client = None

    def _hear(self, message: aiomqtt.Message) -> None:
        """A host that missed our birth asks for it: it goes out before the next data."""
        payload = message.payload
        if isinstance(payload, bytes | bytearray) and self._edge.asks_rebirth(str(message.topic), bytes(payload)):
            self._born = -1

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        messages, refused = messages_of(parcel, self._directory)
        now_us = time.time_ns() // 1000
        if self._born != self._directory.version:
            self._born = self._directory.version
            await self._publish(self._edge.births(self._directory.faces(), now_us))
        made = (self._edge.data(message, now_us) for message in messages if message.event is None)
        good = []
        for publication in made:
            if publication is None:
                continue
            wrong = publication.wrong()
            if wrong:
                refused.append(publication.refused(wrong))
            else:
                good.append(publication)
        await self._publish(good)
        return refused

    async def _publish(self, found: Iterable[Publication]) -> None:
        """In order, then proven by the answer to a subscription. Raises DestinationAway."""
        client = self._client
        assert client is not None  # noqa: S101 - only between open and its end
        rest = iter(found)
        while some := list(islice(rest, AT_ONCE)):
            await unless_lost(self._proven(client, some), self._watch, lambda: self._sent)
            self.answers["proven"] += len(some)

    async def _proven(self, client: aiomqtt.Client, publications: Sequence[Publication]) -> None:
        for one in publications:
            await client.publish(one.topic, one.payload, qos=0, timeout=math.inf)
            self._sent += 1
        await client.subscribe(self._edge.topic("NCMD"), qos=1, timeout=math.inf)
