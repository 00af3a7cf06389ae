"""An ingester rests while little waits, and does not while there is a backlog, however little one fetch brings.

Reader and store are stand-ins here: how much a fetch of a real broker brings cannot be chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from application.roles.ingest import GATHER_S, MESSAGES_AT_ONCE, Ingester
from data_transfer.kafka.consumer import Got, Part, Reader
from data_transfer.kafka.options import KafkaOptions
from database.ingest import IngestStore
from runtime.clock import SystemClock

PART: Part = ("energy.samples", 0)
A_FETCH = 50
VALUE = b'{"device":"d","time_us":1,"samples":[{"tag":"p","value":1.0,"quality":"good","reason":null}]}'


class Backlog:
    """A partition with so many messages; each fetch brings a few. Nothing comes after the last: reading ends there."""

    assigned, changes = frozenset({PART}), 1

    def __init__(self, messages: int) -> None:
        self.left = self.all = messages

    def seek(self, part: Part, offset: int) -> None: ...

    async def begin_of(self, part: Part) -> int:
        return 0

    async def end_of(self, part: Part) -> int:
        return self.all

    async def take(self, wait_s: float, most: int) -> Mapping[Part, Sequence[Got]]:
        if not self.left:
            raise asyncio.CancelledError
        begin = self.all - self.left
        self.left -= min(A_FETCH, self.left)
        return {PART: [Got(offset, "d", 0, "application/json", VALUE) for offset in range(begin, self.all - self.left)]}

    def lag(self, part: Part, next_offset: int) -> int:
        return self.all - next_offset

    async def done(self, offsets: Mapping[Part, int]) -> None: ...


class Tables:
    refused_entries, newest_refusal = 0, None

    async def position(self, topic: str, partition: int) -> int:
        return 0

    async def tag_ids(self) -> Mapping[str, int]:
        return {"d.p": 1}

    async def commit(self, taken: Sequence[Any]) -> int:
        return sum(len(batch) for one in taken for batch in one.batches)


class Resting(SystemClock):
    """Rests without taking time."""

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)


async def test_a_backlog_is_worked_off_without_rests_until_little_waits() -> None:
    clock, backlog = Resting(), Backlog(3 * MESSAGES_AT_ONCE)
    ingester = Ingester("i", KafkaOptions("unused:1"), cast("IngestStore", Tables()), clock)
    with pytest.raises(asyncio.CancelledError):
        await ingester._read(cast("Reader", backlog))
    assert ingester.status().delivered == 3 * MESSAGES_AT_ONCE
    assert clock.rests == [GATHER_S] * (MESSAGES_AT_ONCE // 2 // A_FETCH)
