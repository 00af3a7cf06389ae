"""Writes parcels to three Kafka topics: acks=all, idempotent, keyed by device, so that order per device holds.

A parcel is delivered when the receipt of every message is there. When one is missing the whole parcel is sent again: messages
come twice then, under the same key and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from data_transfer.destination import Directory
from data_transfer.kafka.options import KafkaOptions, connection, judge_brokers, plain
from data_transfer.messages import Message, as_json, messages_of
from domain.feed import ALIGNED, DestinationAway, Parcel, Refused

log = logging.getLogger(__name__)

RECEIPTS_WITHIN_S = 30.0  # for the next one: slow brokers may take as long as they like for all
START_WITHIN_S = 20.0
STOP_WITHIN_S = 2.0
LINGER_MS = 20
USUAL_REPLICATION = 3
LARGEST_MESSAGE = 1_000_000  # what brokers take by default, a little under


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
        self._numbers_broken = False  # a refused batch took numbers: the broker misses them, and takes no more
        self._suspicious_bytes = LARGEST_MESSAGE  # the smallest that a broker has refused

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Kafka]:
        """Raises DestinationAway when no broker answers or it refuses the login."""
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it repeats itself a hundred times a second; we tell the state
        self._producer = await self._begin()
        try:
            yield self
        except DestinationAway:
            self._topics_seen = False  # somebody may have deleted them
            raise
        finally:
            producer, self._producer = self._producer, None
            await _end(producer)

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        messages, refused = await asyncio.to_thread(messages_of, parcel, self._directory)
        values = await asyncio.to_thread(self._values, messages)
        return [*refused, *await self._send_all(messages, values)]

    async def tell(self, key: str, value: bytes, topic: str | None = None) -> None:
        """A message (to the topic of statuses) whose receipt nobody waits for: a lost one is noticed by who misses it.

        Raises the library's errors.
        """
        receipt = await self._producer.send(topic or self._options.status, value, key=key.encode())
        receipt.add_done_callback(_look_at)

    # -- sending --------------------------------------------------------------------------------------------------

    def _values(self, messages: Sequence[Message]) -> list[bytes]:
        return [self._encode(message, self._directory.site) for message in messages]

    async def _send_all(self, messages: Sequence[Message], values: Sequence[bytes]) -> list[Refused]:
        """Together what is of usual size. What may be too large goes alone, when all before it is there."""
        refused: list[Refused] = []
        stretch: list[int] = []
        for index, value in enumerate(values):
            if len(value) > LARGEST_MESSAGE - 1000:
                refused.append(messages[index].refused(f"too large for one message: {len(value)} bytes"))
            elif len(value) < self._suspicious_bytes:
                stretch.append(index)
            else:
                for part in (stretch, [index]):
                    refused += await self._send_part(messages, values, part)
                stretch = []
        return refused + await self._send_part(messages, values, stretch)

    async def _send_part(self, messages: Sequence[Message], values: Sequence[bytes], part: Sequence[int]) -> list[Refused]:
        """Some messages, together; when a batch was too large what was not taken once more, one by one, to find the one it is."""
        refused: list[Refused] = []
        left = await self._not_taken(messages, values, part)
        if len(part) == 1 and not left:  # the broker's limit may have been raised
            self._suspicious_bytes = max(self._suspicious_bytes, len(values[part[0]]) + 1)
        for index in left:
            if len(part) > 1:
                refused += await self._send_part(messages, values, [index])
            else:
                self.answers["too_large"] += 1
                self._suspicious_bytes = min(self._suspicious_bytes, len(values[index]))
                refused.append(messages[index].refused(f"larger than the broker takes: {len(values[index])} bytes"))
        return refused

    async def _not_taken(self, messages: Sequence[Message], values: Sequence[bytes], part: Sequence[int]) -> list[int]:
        """Send them, wait for receipts: which were in batches that were too large, or behind those. Raises DestinationAway."""
        from aiokafka.errors import (  # noqa: PLC0415
            KafkaError,
            MessageSizeTooLargeError,
            OutOfOrderSequenceNumber,
            RecordListTooLargeError,
        )  # fmt: skip

        if self._numbers_broken:
            await self._renew()
        waiting: list[asyncio.Future[Any]] = []
        left: list[int] = []
        try:
            async with asyncio.timeout(RECEIPTS_WITHIN_S) as limit:
                for index in part:
                    waiting.append(await self._send(messages[index], values[index]))
                    _go_on(limit)
                for index, receipt in zip(part, waiting, strict=True):
                    try:
                        await receipt
                        self.answers["receipt"] += 1
                    except (MessageSizeTooLargeError, RecordListTooLargeError):
                        self._numbers_broken = True
                        left.append(index)
                    except OutOfOrderSequenceNumber:
                        if not self._numbers_broken:
                            raise
                        left.append(index)
                    _go_on(limit)
        except TimeoutError as exc:
            self.answers["none"] += 1
            raise DestinationAway("the brokers gave no receipt in time", at_parcel=True) from exc
        except (KafkaError, OSError) as exc:
            self.answers[type(exc).__name__] += 1
            raise DestinationAway(plain(exc), at_parcel=_answered(exc)) from exc
        finally:
            for receipt in waiting:
                receipt.add_done_callback(_look_at)
        return left

    async def _send(self, message: Message, value: bytes) -> asyncio.Future[Any]:
        topic = self._options.samples
        if message.event is not None:
            topic = self._options.aligned if message.event.kind == ALIGNED else self._options.events
        headers = [*self._headers, ("time_us", str(message.time_us).encode())]
        if message.event is not None:
            headers.append(("id", f"{message.event.kind}:{message.event.identity}".encode()))
        receipt: asyncio.Future[Any] = await self._producer.send(
            topic, value, key=message.device.encode(), timestamp_ms=message.time_us // 1000, headers=headers
        )
        return receipt

    # -- connection -----------------------------------------------------------------------------------------------

    async def _begin(self) -> Any:
        """A producer that is connected, its topics looked after. Raises DestinationAway."""
        from aiokafka import AIOKafkaProducer  # noqa: PLC0415 - only who has this feed loads its library
        from aiokafka.errors import KafkaError  # noqa: PLC0415

        await judge_brokers(self._options)
        options = self._options
        producer = AIOKafkaProducer(
            **connection(options), client_id="energy-monitoring", acks="all", enable_idempotence=True, linger_ms=LINGER_MS,
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
            raise DestinationAway(plain(exc)) from exc
        except BaseException:
            await _end(producer)
            raise
        self._numbers_broken = False
        return producer

    async def _renew(self) -> None:
        """Another producer: the broker numbers its batches anew. `tell` may be asked meanwhile."""
        before, self._producer = self._producer, await self._begin()
        await _end(before)

    async def _make_topics(self) -> None:
        """Those that are not there. Without the right to make them they must be there already."""
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # noqa: PLC0415
        from aiokafka.errors import KafkaError, TopicAlreadyExistsError  # noqa: PLC0415

        options = self._options
        admin = AIOKafkaAdminClient(**connection(options), client_id="energy-monitoring", request_timeout_ms=10_000)
        await admin.start()
        try:
            missing = {*options.topics} - set(await admin.list_topics())
            brokers = len((await admin.describe_cluster())["brokers"]) if missing else 1
            replication = options.replication or min(USUAL_REPLICATION, brokers)
            for name in sorted(missing):
                with contextlib.suppress(TopicAlreadyExistsError):
                    answer = await admin.create_topics([NewTopic(name, options.partitions, replication)])
                    errors = [(error[1], error[2]) for error in answer.topic_errors if error[1] not in {0, 36}]
                    if errors:
                        log.error("kafka: topic %s cannot be made: %s", name, errors[0][1] or f"error {errors[0][0]}")
        except KafkaError as exc:
            log.warning("kafka: topics cannot be looked at or made: %s", plain(exc))
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
        _fail_all(producer._message_accumulator)  # else the library's own flush waits for ever
        await producer.client.close()


def _fail_all(accumulator: Any) -> None:
    """As the library does, but without its lines in the log: about what nobody waits for, and about batches it has put back."""
    batches = {*accumulator._pending_batches, *itertools.chain.from_iterable(accumulator._batches.values())}
    accumulator._pending_batches.update(batches)  # a batch that was put back takes itself out again
    accumulator.fail_all(ConnectionError("closed"))
    for batch in batches:
        for receipt in (batch._drain_waiter, batch.future, *(future for future, _ in batch._msg_futures)):
            _look_at(receipt)


def _go_on(limit: asyncio.Timeout) -> None:
    """Something was taken."""
    limit.reschedule(asyncio.get_running_loop().time() + RECEIPTS_WITHIN_S)


def _answered(exc: Exception) -> bool:
    """Did a broker say no to this very batch? Who only has to wait is not meant."""
    from aiokafka.errors import BrokerResponseError, ClusterAuthorizationFailedError  # noqa: PLC0415

    return isinstance(exc, BrokerResponseError) and not exc.retriable and not isinstance(exc, ClusterAuthorizationFailedError)


def _look_at(receipt: asyncio.Future[Any]) -> None:
    """What nobody waits for any more is not worth a line in the log."""
    if receipt.done() and not receipt.cancelled():
        receipt.exception()
