"""Deleting what is older than the policy says, and never because a clock is wrong (P14)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Table, delete, select

from database import tables
from database.engine import Store
from database.samples import SampleHistory
from domain.ports import Clock, Step

log = logging.getLogger(__name__)

DAY_US = 86_400_000_000
PERIOD_S = 3600.0
BELIEVED_JUMP_DAYS = 31  # the program may have been off that long
PROOF_S = 7 * 86_400.0  # a clock further ahead is believed after it ran on steadily for that long
ROWS_A_STEP = 20_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Days that each table is kept; None for good."""

    sample: int | None = 90
    rollup_1m: int | None = 400
    rollup_15m: int | None = 1500
    rollup_1h: int | None = None
    rollup_1d: int | None = None
    tag_event: int | None = 400

    def days(self) -> Mapping[Table, int]:
        """Of those that have an end."""
        found = {
            tables.sample: self.sample, tables.rollup_1m: self.rollup_1m, tables.rollup_15m: self.rollup_15m,
            tables.rollup_1h: self.rollup_1h, tables.rollup_1d: self.rollup_1d, tables.tag_event: self.tag_event,
        }
        return {table: days for table, days in found.items() if days is not None}

    def steps(self) -> Mapping[Step, int]:
        """Days that each tier of the history is kept, of those that have an end."""
        found = {
            Step.RAW: self.sample, Step.M1: self.rollup_1m, Step.M15: self.rollup_15m, Step.H1: self.rollup_1h,
            Step.D1: self.rollup_1d,
        }
        return {step: days for step, days in found.items() if days is not None}


@dataclass(slots=True)
class Retention:
    """Works once an hour in small steps, so that it delays no commit."""

    store: Store
    samples: SampleHistory
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    blocked: str | None = None  # why nothing is deleted, for the status page
    _newest_at_start_us: int | None = None
    _started_s: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.work()
            await self.clock.sleep(PERIOD_S)

    async def work(self) -> int:
        """One round; number of rows deleted."""
        if self._started_s is None:
            self._started_s = self.clock.monotonic()
            span = await self.samples.span()
            self._newest_at_start_us = None if span is None else span[1]
        now_us = self.clock.now_us()
        doubt = self._doubt(now_us)
        if doubt != self.blocked:
            self.blocked = doubt
            if doubt is not None:
                log.error("nothing old is deleted: %s", doubt)
        if doubt is not None:
            return 0
        deleted = 0
        for table, days in self.policy.days().items():
            deleted += await self._delete_before(table, now_us - days * DAY_US)
        return deleted

    def _doubt(self, now_us: int) -> str | None:
        """Why the clock cannot be believed; None when it can."""
        newest = self._newest_at_start_us
        if newest is None:
            return None
        if now_us < newest - 3_600_000_000:
            return "the clock is behind the newest samples"
        ahead_days = (now_us - newest) / DAY_US
        ran_s = self.clock.monotonic() - (self._started_s or 0.0)
        if ahead_days > BELIEVED_JUMP_DAYS and ran_s < PROOF_S:
            return f"the clock is {ahead_days:.0f} days ahead of the newest samples at start; it is believed after running 7 days"
        return None

    async def _delete_before(self, table: Table, before_us: int) -> int:
        """By tag and in pieces: each delete runs along the key and holds the database for a moment only."""
        if table is tables.tag_event:
            async with self.store.write() as connection:
                return int((await connection.execute(delete(table).where(table.c.time_us < before_us))).rowcount)
        async with self.store.read() as connection:
            tag_ids = (await connection.scalars(select(tables.tag.c.id))).all()
        deleted = 0
        for tag_id in tag_ids:
            while True:
                edge = (
                    select(table.c.time_us).where(table.c.tag_id == tag_id, table.c.time_us < before_us)
                    .order_by(table.c.time_us).offset(ROWS_A_STEP).limit(1)
                )
                async with self.store.write() as connection:
                    limit = await connection.scalar(edge)
                    mine = (table.c.tag_id == tag_id) & (table.c.time_us < (before_us if limit is None else limit))
                    deleted += int((await connection.execute(delete(table).where(mine))).rowcount)
                if limit is None:
                    break
        return deleted
