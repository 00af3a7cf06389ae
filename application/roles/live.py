"""What `web` shows live: every sample and status from Kafka, put on the bus as if a line of this process had read it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence

from application.roles.board import RolesBoard
from application.roles.common import here
from application.roles.tag_plans import TagPlans
from data_transfer.kafka.consumer import Got, Part, Reader, alone
from data_transfer.kafka.decode import Decoder
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.status import decoded
from domain.feed import DestinationAway
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.role import RoleStatus, Share
from domain.sample import Batch, Reading

log = logging.getLogger(__name__)

WAIT_S = 0.1
MESSAGES_AT_ONCE = 1000
SLICE = 100  # messages between two breaths of the loop
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
REMEMBERED = 256


class Repeats:
    """Kafka may bring a message twice; a second one would look like a late sample."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], deque[int]] = {}

    def known(self, reading: Reading) -> bool:
        """Was the same device, instant and set of points here before?"""
        if reading.texts and not reading.points:
            return False  # a text twice says nothing new
        times = self._seen.setdefault((reading.device_id, id(reading.points)), deque(maxlen=REMEMBERED))
        if times and reading.time_us <= times[-1] and reading.time_us in times:
            return True
        times.append(reading.time_us)
        return False


class LiveFeed:
    """`run` until cancelled; `apply` each plant."""

    def __init__(
        self, name: str, options: KafkaOptions, board: RolesBoard, clock: Clock, publish: Callable[[Batch], None]
    ) -> None:
        self._name, self._options, self._board, self._clock, self._publish = name, options, board, clock, publish
        self._decoder, self._tags, self._repeats = Decoder(), TagPlans(), Repeats()
        self._own_devices: frozenset[str] = frozenset()
        self._positions: dict[Part, int] = {}
        self._reader: Reader | None = None
        self._started_us = clock.now_us()
        self._state = "starting"
        self._detail: str | None = None
        self._newest_us: int | None = None
        self.taken = self.shown = self.refused = 0
        board.own = self.status

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed. What is computed here comes back over Kafka and is not taken again."""
        self._tags.replace({tag.name: tag.id for tag in tags})
        self._own_devices = frozenset(plant.virtual_devices)

    async def run(self) -> None:
        """Follow all partitions, from now on; after an interruption from where it was."""
        pause_s = FIRST_PAUSE_S
        topics = [self._options.samples, self._options.status]
        while True:
            try:
                async with alone(self._options, topics, self._name, self._positions) as reader:
                    self._reader, pause_s = reader, FIRST_PAUSE_S
                    await self._follow(reader)
            except DestinationAway as exc:
                if self._detail is None:
                    log.error("live values do not come: %s", exc)
                self._state, self._detail = "away", f"Kafka: {exc}"
            finally:
                self._reader = None
            await self._clock.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _follow(self, reader: Reader) -> None:
        while True:
            got = await reader.take(WAIT_S, MESSAGES_AT_ONCE)
            self._state, self._detail = "ok", None
            for part, records in got.items():
                samples = part[0] == self._options.samples
                for at in range(0, len(records), SLICE):
                    for record in records[at : at + SLICE]:
                        self._take(record, samples=samples)
                    await asyncio.sleep(0)
                if records:
                    self._positions[part] = records[-1].offset + 1

    def _take(self, record: Got, *, samples: bool) -> None:
        try:
            if samples:
                self._show(self._decoder.samples(record.value, record.content_type))
            else:
                self._board.take(decoded(record.value))
        except ValueError as exc:
            self.refused += 1
            if self.refused in {1, 10, 100} or self.refused % 1000 == 0:
                log.error("a message cannot be read (%d so far): %s", self.refused, exc)

    def _show(self, reading: Reading) -> None:
        if reading.device_id in self._own_devices or self._repeats.known(reading):
            return
        batch, _strangers = self._tags.batch(reading, lambda _name: None)
        self.taken += len(reading.points)
        self.shown += len(batch)
        self._newest_us = reading.time_us
        self._publish(batch)

    def status(self) -> RoleStatus:
        """Of this process."""
        reader = self._reader
        shares = tuple(
            Share(*part, None if reader is None else reader.lag(part, offset)) for part, offset in sorted(self._positions.items())
        )
        waiting = sum(share.lag or 0 for share in shares)
        return RoleStatus(
            self._name, "web", *here(), self._started_us, self._clock.now_us(), self._state, self._detail, self.taken,
            self.shown, self.refused, waiting, self._newest_us if waiting else None, shares,
        )  # fmt: skip
