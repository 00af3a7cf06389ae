"""Tells the other roles how this one does: small messages, the newest counts, none is worth a disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from data_transfer.destination import Directory
from data_transfer.kafka.options import KafkaOptions, plain
from data_transfer.kafka.producer import Kafka
from domain.feed import DestinationAway
from domain.ports import Clock

log = logging.getLogger(__name__)

PERIOD_S = 2.0
LONGEST_PAUSE_S = 30.0


async def announce(options: KafkaOptions, name: str, tell: Callable[[], Iterable[bytes]], clock: Clock) -> None:
    """Send what `tell` says every two seconds until cancelled; away brokers are waited for."""
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    kafka, pause_s = Kafka(options, Directory()), PERIOD_S
    while True:
        try:
            async with kafka.open() as destination:
                while True:
                    async with asyncio.timeout(20.0):
                        for value in tell():
                            await destination.tell(name, value)
                    pause_s = PERIOD_S
                    await clock.sleep(PERIOD_S)
        except (DestinationAway, KafkaError, OSError, TimeoutError) as exc:
            log.debug("the status cannot be told: %s", plain(exc))
            await clock.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
