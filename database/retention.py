"""Deleting what is older than the policy says, and never because a clock is wrong (P14)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Column, ColumnElement, Table, delete, select, true

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
    inspection_item: int | None = 400
    inspection_picture: int | None = 60  # never longer than its item
    pictures_each: int = 20_000  # of one device, the newest

    def days(self) -> Mapping[Table, int]:
        """Of those that have an end."""
        ends = [days for days in (self.inspection_picture, self.inspection_item) if days is not None]
        pictures = min(ends) if ends else None
        found = {
            tables.sample: self.sample, tables.rollup_1m: self.rollup_1m, tables.rollup_15m: self.rollup_15m,
            tables.rollup_1h: self.rollup_1h, tables.rollup_1d: self.rollup_1d, tables.tag_event: self.tag_event,
            tables.tables_inspection.inspection_item: self.inspection_item, tables.tables_inspection.inspection_picture: pictures,
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
        return deleted + await self._newest_pictures()

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
        """By tag that has something old, in pieces: each delete runs along the key and holds the database for a moment only."""
        if table in _BY_TIME:
            return await self._in_pieces(table, _BY_TIME[table], true(), before_us)
        own = select(table.c.time_us).where(table.c.tag_id == tables.tag.c.id).order_by(table.c.time_us).limit(1)  # its first
        async with self.store.read() as connection:
            tag_ids = (await connection.scalars(select(tables.tag.c.id).where(own.scalar_subquery() < before_us))).all()
        return sum([await self._in_pieces(table, table.c.time_us, table.c.tag_id == tag_id, before_us) for tag_id in tag_ids])

    async def _newest_pictures(self) -> int:
        """Of each device only so many are kept, however fast it makes parts."""
        device, number = _PICTURE.c.device_id, _PICTURE.c.number
        async with self.store.read() as connection:
            devices = (await connection.scalars(select(device).distinct())).all()
            wanted = {
                one: select(number).where(device == one).order_by(number.desc()).offset(self.policy.pictures_each).limit(1)
                for one in devices
            }
            last = {one: await connection.scalar(edge) for one, edge in wanted.items()}
        found = [(one, edge) for one, edge in last.items() if edge is not None]
        return sum([await self._in_pieces(_PICTURE, number, device == one, edge + 1) for one, edge in found])

    async def _in_pieces(self, table: Table, column: Column[int], mine: ColumnElement[bool], before_us: int) -> int:
        edge = select(column).where(mine, column < before_us).order_by(column).offset(ROWS_A_STEP).limit(1)
        deleted = 0
        while True:
            async with self.store.write() as connection:
                limit = await connection.scalar(edge)
                old = mine & (column < (before_us if limit is None else limit))
                deleted += int((await connection.execute(delete(table).where(old))).rowcount)
            if limit is None:
                return deleted


_PICTURE: Final = tables.tables_inspection.inspection_picture
_BY_TIME: Final[Mapping[Table, Column[int]]] = {
    tables.tag_event: tables.tag_event.c.time_us,
    tables.tables_inspection.inspection_item: tables.tables_inspection.inspection_item.c.closed_us,
    _PICTURE: _PICTURE.c.closed_us,
}
"""Tables that are not kept by tag, and the column of their age."""
