"""Small messages between processes that are there at the same time: who was away gets none of them later."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from data_transfer.destination import Directory
from data_transfer.kafka.consumer import alone
from data_transfer.kafka.options import KafkaOptions, plain
from data_transfer.kafka.producer import Kafka
from domain.feed import DestinationAway
from domain.ports import Clock

log = logging.getLogger(__name__)

WAIT_S = 1.0
MESSAGES_AT_ONCE = 200
SEND_WITHIN_S = 3.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0


class Channel:
    """`run` until cancelled, which tells each message of the topic that comes meanwhile, our own too; `send` at any time."""

    def __init__(self, options: KafkaOptions, topic: str, name: str, clock: Clock) -> None:
        self._options, self._topic, self._name, self._clock = options, topic, name, clock
        self._kafka: Kafka | None = None
        self._away = "it is not connected yet"
        self._there = asyncio.Event()

    async def run(self, take: Callable[[bytes], None]) -> None:
        """Listen; away brokers are waited for."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with (
                    Kafka(self._options, Directory()).open() as kafka, alone(self._options, [self._topic], self._name) as reader
                ):
                    self._kafka, pause_s = kafka, FIRST_PAUSE_S
                    self._there.set()  # from here on no message is missed
                    while True:
                        for records in (await reader.take(WAIT_S, MESSAGES_AT_ONCE)).values():
                            for record in records:
                                take(record.value)
            except (DestinationAway, TimeoutError) as exc:
                self._away = str(exc) or "it does not answer in time"
            finally:
                self._kafka = None
                self._there.clear()
            await self._clock.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def listening(self, within_s: float) -> bool:
        """Wait until messages are heard; False when that takes longer."""
        try:
            async with asyncio.timeout(within_s):
                await self._there.wait()
        except TimeoutError:
            return False
        return True

    async def send(self, key: str, value: bytes) -> None:
        """Hand it to the brokers, once an answer would be heard.

        Raises DestinationAway, at the latest after 3 s; ValueError for a message that is too large.
        """
        from aiokafka.errors import KafkaError, MessageSizeTooLargeError  # noqa: PLC0415

        deadline_s = asyncio.get_running_loop().time() + SEND_WITHIN_S
        if not await self.listening(SEND_WITHIN_S) or self._kafka is None:
            raise DestinationAway(self._away)
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._kafka.tell(key, value, self._topic)
        except MessageSizeTooLargeError as exc:
            raise ValueError(f"a message of {len(value)} bytes is too large") from exc
        except (KafkaError, OSError, TimeoutError) as exc:
            raise DestinationAway(plain(exc)) from exc
