"""Writes parcels to two Kafka topics: acks=all, idempotent, keyed by device, so that order per device holds.

A parcel is delivered when the receipt of every message is there. When one is missing the whole parcel is sent again: messages
come twice then, under the same key and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from data_transfer.destination import Directory
from data_transfer.messages import Message, as_json, messages_of
from data_transfer.targets import OwnPorts, judged_addresses
from domain.feed import DestinationAway, Parcel, Refused

log = logging.getLogger(__name__)

RECEIPTS_WITHIN_S = 30.0
START_WITHIN_S = 20.0
STOP_WITHIN_S = 2.0
LINGER_MS = 20
USUAL_REPLICATION = 3
LARGEST_MESSAGE = 1_000_000  # what brokers take by default, a little under


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """`bootstrap`: host:port, several separated by commas. `sasl` with `user`: plain | scram-sha-256 | scram-sha-512.

    `partitions` and `replication` (None: 3, or as many as there are brokers) of topics that are made here.
    """

    bootstrap: str
    topic_prefix: str = "energy"
    user: str | None = None
    password: str | None = None
    sasl: str = "scram-sha-512"
    tls: bool = False
    ca_file: str | None = None
    compression: str = "gzip"
    partitions: int = 6
    replication: int | None = None
    own_ports: OwnPorts = frozenset()

    @property
    def samples(self) -> str:
        return f"{self.topic_prefix}.samples"

    @property
    def events(self) -> str:
        return f"{self.topic_prefix}.events"


class Kafka:
    """Implements data_transfer.destination.Destination. `open` is its Connect; `encode` makes the value of a message."""

    def __init__(
        self, options: KafkaOptions, directory: Directory, encode: Callable[[Message, str], bytes] = as_json,
        content_type: str = "application/json",
    ) -> None:  # fmt: skip
        self._options, self._directory, self._encode = options, directory, encode
        self._headers = [("content-type", content_type.encode()), ("schema", b"1")]
        self.answers: Counter[str] = Counter()
        self._producer: Any = None
        self._topics_seen = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Kafka]:
        """Raises DestinationAway when no broker answers or it refuses the login."""
        from aiokafka import AIOKafkaProducer  # noqa: PLC0415 - only who has this feed loads its library
        from aiokafka.errors import KafkaError  # noqa: PLC0415

        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it repeats itself a hundred times a second; we tell the state
        await self._judge()
        options = self._options
        producer = AIOKafkaProducer(
            **self._connection(), client_id="energy-monitoring", acks="all", enable_idempotence=True, linger_ms=LINGER_MS,
            compression_type=None if options.compression == "none" else options.compression,
            max_request_size=LARGEST_MESSAGE, request_timeout_ms=10_000, metadata_max_age_ms=60_000,
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_WITHIN_S):
                await producer.start()
                if not self._topics_seen:
                    await self._make_topics()
                    self._topics_seen = True
        except (KafkaError, OSError, TimeoutError, AssertionError) as exc:
            await _end(producer)
            raise DestinationAway(_plain(exc)) from exc
        except BaseException:
            await _end(producer)
            raise
        self._producer = producer
        try:
            yield self
        except DestinationAway:
            self._topics_seen = False  # somebody may have deleted them
            raise
        finally:
            self._producer = None
            await _end(producer)

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        messages, refused = await asyncio.to_thread(messages_of, parcel, self._directory)
        values = await asyncio.to_thread(self._values, messages)
        try:
            async with asyncio.timeout(RECEIPTS_WITHIN_S):
                return [*refused, *await self._send_all(messages, values)]
        except TimeoutError as exc:
            self.answers["none"] += 1
            raise DestinationAway("the brokers gave no receipt in time") from exc

    # -- sending --------------------------------------------------------------------------------------------------

    def _values(self, messages: Sequence[Message]) -> list[bytes]:
        return [self._encode(message, self._directory.site) for message in messages]

    async def _send_all(self, messages: Sequence[Message], values: Sequence[bytes]) -> list[Refused]:
        """All at once; those of a batch that was too large for the broker once more, one by one, to find the one it is."""
        from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError  # noqa: PLC0415

        too_large = (MessageSizeTooLargeError, RecordListTooLargeError)
        waiting: list[tuple[int, asyncio.Future[Any]]] = []
        single: list[int] = []
        refused: list[Refused] = []
        try:
            for index, message in enumerate(messages):
                if len(values[index]) > LARGEST_MESSAGE - 1000:
                    refused.append(message.refused(f"too large for one message: {len(values[index])} bytes"))
                else:
                    waiting.append((index, await self._send(message, values[index])))
            for index, receipt in waiting:
                try:
                    await receipt
                    self.answers["receipt"] += 1
                except too_large:
                    single.append(index)
            for index in single:
                try:
                    await (await self._send(messages[index], values[index]))
                    self.answers["receipt"] += 1
                except too_large as exc:
                    self.answers["too_large"] += 1
                    refused.append(messages[index].refused(_plain(exc)))
        except (KafkaError, OSError) as exc:
            self.answers[type(exc).__name__] += 1
            raise DestinationAway(_plain(exc)) from exc
        finally:
            for _index, receipt in waiting:
                receipt.add_done_callback(_look_at)
        return refused

    async def _send(self, message: Message, value: bytes) -> asyncio.Future[Any]:
        topic = self._options.samples if message.event is None else self._options.events
        headers = [*self._headers, ("time_us", str(message.time_us).encode())]
        if message.event is not None:
            headers.append(("id", f"{message.event.kind}:{message.event.identity}".encode()))
        receipt: asyncio.Future[Any] = await self._producer.send(
            topic, value, key=message.device.encode(), timestamp_ms=message.time_us // 1000, headers=headers
        )
        return receipt

    # -- connection -----------------------------------------------------------------------------------------------

    def _connection(self) -> dict[str, Any]:
        options = self._options
        protocol = ("SASL_" if options.user is not None else "") + ("SSL" if options.tls else "PLAINTEXT")
        found: dict[str, Any] = {
            "bootstrap_servers": [part.strip() for part in options.bootstrap.split(",")], "security_protocol": protocol,
        }  # fmt: skip
        if options.tls:
            found["ssl_context"] = ssl.create_default_context(cafile=options.ca_file)
        if options.user is not None:
            found |= {
                "sasl_mechanism": options.sasl.upper(), "sasl_plain_username": options.user,
                "sasl_plain_password": options.password or "",
            }  # fmt: skip
        return found

    async def _judge(self) -> None:
        for part in self._options.bootstrap.split(","):
            host, _, port = part.strip().rpartition(":")
            await judged_addresses(host.strip("[]"), int(port), self._options.own_ports)

    async def _make_topics(self) -> None:
        """Those that are not there. Without the right to make them they must be there already."""
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # noqa: PLC0415
        from aiokafka.errors import KafkaError, TopicAlreadyExistsError  # noqa: PLC0415

        options = self._options
        admin = AIOKafkaAdminClient(**self._connection(), client_id="energy-monitoring", request_timeout_ms=10_000)
        await admin.start()
        try:
            missing = {options.samples, options.events} - set(await admin.list_topics())
            brokers = len((await admin.describe_cluster())["brokers"]) if missing else 1
            replication = options.replication or min(USUAL_REPLICATION, brokers)
            for name in sorted(missing):
                with contextlib.suppress(TopicAlreadyExistsError):
                    answer = await admin.create_topics([NewTopic(name, options.partitions, replication)])
                    errors = [(error[1], error[2]) for error in answer.topic_errors if error[1] not in {0, 36}]
                    if errors:
                        log.error("kafka: topic %s cannot be made: %s", name, errors[0][1] or f"error {errors[0][0]}")
        except KafkaError as exc:
            log.warning("kafka: topics cannot be looked at or made: %s", _plain(exc))
        finally:
            await admin.close()


async def _end(producer: Any) -> None:
    """Close in any case: `stop` would wait for brokers that are away."""
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await producer.stop()
    except TimeoutError:
        sender = producer._sender
        if sender is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await sender.close()
        await producer.client.close()


def _look_at(receipt: asyncio.Future[Any]) -> None:
    """What nobody waits for any more is not worth a line in the log."""
    if not receipt.cancelled():
        receipt.exception()


def _plain(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError):
        return "the brokers do not answer in time"
    text = str(exc)
    return f"{type(exc).__name__}: {text}" if text and text != type(exc).__name__ else type(exc).__name__
