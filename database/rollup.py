"""Keeping the roll-up tables true to the samples.

The writer marks each minute it touches in table rollup_dirty, within the commit of the samples; the keeper computes marked
minutes that are over, stores them, marks what stands above, and deletes the marks, all in one transaction. So nothing is
forgotten by a crash, and a late sample re-computes exactly what it changes.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.columns import MINUTE_US
from database.delivery import sqlite_upsert
from database.engine import Store
from database.handover import Mark
from database.rollup_math import LOWER, STEPS, Bucket, runs
from database.rollup_query import LEVELS, TABLES, ZONE, RollupQuery
from domain.ports import Clock, RollupRow, Step

log = logging.getLogger(__name__)

_D, _META = tables.rollup_dirty, tables.meta
ForgetMarks = Callable[[Sequence[Mark]], Awaitable[None]]

TAGS_A_CHUNK = 40
SAMPLES_A_CHUNK = 4000  # so many are read and summed up at once, or an hour of one tag: the loop is held for some milliseconds
MARKS_A_ROUND = 5000
GRACE_US = 2_000_000  # after the end of a bucket: its last samples are on their way
CHUNK_US = 3_600_000_000  # samples are read for an hour at a time
LONGEST_CHUNK_HOURS = 8  # where they are few
STAGES = (Step.M1, Step.M15, Step.H1, Step.D1)
UPPER: Mapping[Step, tuple[Step, ...]] = {step: tuple(up for up, low in LOWER.items() if low is step) for step in STEPS}


class RollupKeeper:
    """Run `run` beside the writer; questions are answered right in any case (RollupQuery), only slower without it."""

    def __init__(
        self, store: Store, query: RollupQuery, clock: Clock, forget_marks: ForgetMarks, *, period_s: float = 5.0,
        grace_us: int = GRACE_US,
    ) -> None:
        """`forget_marks`: the writer's, told which marks are about to be worked off; writers in other processes are not told, and
        with them `grace_us` says how long after its end a bucket is left alone."""
        self._store, self._query, self._clock, self._forget = store, query, clock, forget_marks
        self._period_s, self._grace_us = period_s, grace_us
        self._token = 0
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Work off marks every few seconds until cancelled."""
        while True:
            done = await self.process()
            if not done:
                await self._clock.sleep(self._period_s)

    async def process(self) -> int:
        """One round: the newest marked minutes that are over, then what stands above them. Number of buckets; 0: nothing is left.

        Newest first, so that after a load of history last night's figures do not wait for those of a fortnight ago. Longer
        buckets follow as soon as no marked minute can be left in them: each is put together once.
        """
        async with self._lock:
            async with self._store.read() as connection:
                if await self._query.refresh(connection):
                    await self._check_zone()
            now_us, done, after_us = self._clock.now_us() - self._grace_us, 0, None
            for step in STAGES:
                marks = await self._closed_marks(step, now_us, after_us)
                weight = await self._weights(marks) if step is Step.M1 else lambda _tag_id: 1.0
                for part in _parts(marks, weight):
                    await self._work_off(step, part)
                if len(marks) >= MARKS_A_ROUND:  # what is left is at most as new as the oldest of these
                    oldest_us = min(begin for _, begin in marks)
                    after_us = oldest_us if after_us is None else max(after_us, oldest_us)
                done += len(marks)
            return done

    async def backlog(self) -> int:
        """Marked buckets that wait: thousands after an import or an outage."""
        async with self._store.read() as connection:
            return int(await connection.scalar(select(func.count()).select_from(_D)) or 0)

    async def catch_up(self) -> None:
        """Work off everything that can be (for tests and commands)."""
        while await self.process():
            pass

    async def recompute(self, tag_ids: Sequence[int], from_us: int, to_us: int) -> int:
        """Mark every minute of the window with samples or a stored row; the keeper computes them anew. Number of marks."""
        count = 0
        minute = MINUTE_US
        for tag_id in tag_ids:
            sample, stored = tables.sample, tables.rollup_1m
            first, last = from_us // minute * minute, -(-to_us // minute) * minute
            begin = (sample.c.time_us - sample.c.time_us % minute).label("begin")
            of_samples = select(begin).where(sample.c.tag_id == tag_id, sample.c.time_us.between(first, last - 1)).distinct()
            of_rows = select(stored.c.time_us).where(stored.c.tag_id == tag_id, stored.c.time_us.between(first, last - 1))
            async with self._store.write() as connection:
                found = {*(await connection.scalars(of_samples)).all(), *(await connection.scalars(of_rows)).all()}
                await self._mark(connection, Step.M1, [(tag_id, int(us)) for us in found])
            count += len(found)
        return count

    # -- inside -------------------------------------------------------------------------------------------------

    async def _weights(self, marks: Mapping[Bucket, int]) -> Callable[[int], float]:
        """Samples in a minute, by tag: expected, or counted where a backlog is worked off.

        A past that came by the minute for a tag read each second would else be worked off in hundreds of crumbs.
        """
        tags = {tag_id for tag_id, _ in marks}
        if len(marks) < MARKS_A_ROUND // 2:
            return self._samples_of
        sample = tables.sample
        first, last = min(begin for _, begin in marks), max(begin for _, begin in marks) + MINUTE_US
        within = sample.c.tag_id.in_(tags) & (sample.c.time_us >= first) & (sample.c.time_us < last)
        async with self._store.read() as connection:
            counted = select(sample.c.tag_id, func.count()).where(within).group_by(sample.c.tag_id)
            rows = (await connection.execute(counted)).all()
        minutes = Counter(tag_id for tag_id, _ in marks)
        density = {tag_id: number / minutes[tag_id] for tag_id, number in rows}
        return lambda tag_id: density.get(tag_id, 0.0)

    def _samples_of(self, tag_id: int) -> float:
        """Expected in a minute."""
        return MINUTE_US / max(1, self._query.facts(tag_id).interval_us)

    async def _closed_marks(self, step: Step, now_us: int, after_us: int | None) -> dict[Bucket, int]:
        """The newest marked buckets that are over, with their marks; only those that begin after `after_us`."""
        shortest_us = 23 * 3_600_000_000 if step is Step.D1 else step.seconds * 1_000_000
        wanted = (
            select(_D.c.tag_id, _D.c.bucket_us, _D.c.mark)
            .where(_D.c.level == LEVELS[step], _D.c.bucket_us <= now_us - shortest_us)
            .order_by(_D.c.bucket_us.desc())
            .limit(MARKS_A_ROUND)
        )
        if after_us is not None:
            wanted = wanted.where(_D.c.bucket_us > after_us)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        end = self._query.calendar.end
        return {(tag_id, begin): mark for tag_id, begin, mark in rows if end(step, begin) <= now_us}

    async def _work_off(self, step: Step, marks: Mapping[Bucket, int]) -> None:
        buckets = set(marks)
        if step is Step.M1:
            await self._forget(list(marks))
        async with self._store.read() as connection:
            if step is Step.M1:
                spans = await self._spans(connection, buckets)
                rows = await self._query.minutes(connection, spans)
                buckets = {(tag, us) for tag, own in spans.items() for first, last in own for us in range(first, last, MINUTE_US)}
            else:
                rows = await self._query.combined(connection, step, buckets)
        above = {
            up: {(tag, begin) for (tag, _), begin in zip(buckets, self._begins(up, buckets), strict=True)} for up in UPPER[step]
        }
        async with self._store.write() as connection:
            await self._put(connection, TABLES[step], [_values(tag_id, row) for (tag_id, _), row in rows.items()])
            await self._remove(connection, TABLES[step], buckets - set(rows))
            for up, upper in above.items():
                await self._mark(connection, up, upper)
            await self._unmark(connection, step, marks)

    def _begins(self, step: Step, buckets: Iterable[Bucket]) -> list[int]:
        return [self._query.calendar.begin(step, us) for _, us in buckets]

    async def _spans(self, connection: AsyncConnection, buckets: Collection[Bucket]) -> dict[int, list[tuple[int, int]]]:
        """Minutes to compute, joined; for counters also those between the neighbouring readings."""
        own: dict[int, list[int]] = defaultdict(list)
        for tag_id, begin in buckets:
            own[tag_id].append(begin)
        spans: dict[int, list[tuple[int, int]]] = {}
        for tag_id, begins in own.items():
            found = runs(begins, MINUTE_US)
            facts = self._query.facts(tag_id)
            if facts.is_counter:
                wide = [await self._query.counter_span(connection, facts, *span) for span in found]
                found = runs((us for first, last in wide for us in range(first, last, MINUTE_US)), MINUTE_US)
            spans[tag_id] = found
        return spans

    async def _put(self, connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        if self._store.kind == "sqlite":  # many rows a statement: see delivery.ROWS_A_STATEMENT
            statement = sqlite_upsert(table)
            for at in range(0, len(rows), 1000):
                part = rows[at : at + 1000]
                await connection.exec_driver_sql(statement(len(part)), tuple(itertools.chain.from_iterable(part)))
            return
        names = [column.name for column in table.columns]
        await connection.execute(self._store.upsert(table), [dict(zip(names, row, strict=True)) for row in rows])

    async def _remove(self, connection: AsyncConnection, table: Table, buckets: Collection[Bucket]) -> None:
        """Buckets that turned out to hold nothing."""
        if self._store.kind == "sqlite":
            if buckets:
                statement = f"DELETE FROM {table.name} WHERE tag_id=? AND time_us=?"  # noqa: S608 - a name of our own
                await connection.exec_driver_sql(statement, list(buckets))
            return
        for part in _slices(list(buckets), 500):
            await connection.execute(delete(table).where(tuple_(table.c.tag_id, table.c.time_us).in_(part)))

    async def _mark(self, connection: AsyncConnection, step: Step, buckets: Collection[Bucket]) -> None:
        """Tokens are negative, so that they never equal one of the writer's."""
        self._token = max(self._token + 1, self._clock.now_us())
        await self._put(connection, _D, [(LEVELS[step], tag_id, begin, -self._token) for tag_id, begin in buckets])

    async def _unmark(self, connection: AsyncConnection, step: Step, marks: Mapping[Bucket, int]) -> None:
        """Only marks that are still the ones we saw: a sample that came meanwhile marked anew.

        SQLite looks at the whole table for a list of pairs, so there each goes by its key.
        """
        if self._store.kind == "sqlite":
            rows = [(LEVELS[step], tag_id, begin, mark) for (tag_id, begin), mark in marks.items()]
            same_mark = "DELETE FROM rollup_dirty WHERE level=? AND tag_id=? AND bucket_us=? AND mark=?"
            await connection.exec_driver_sql(same_mark, rows)
            return
        by_mark: dict[int, list[Bucket]] = defaultdict(list)
        for bucket, mark in marks.items():
            by_mark[mark].append(bucket)
        level = _D.c.level == LEVELS[step]
        for mark, buckets in by_mark.items():
            for part in _slices(buckets, 500):
                same = and_(level, tuple_(_D.c.tag_id, _D.c.bucket_us).in_(part), _D.c.mark == mark)
                await connection.execute(delete(_D).where(same))

    async def _check_zone(self) -> None:
        """Days are those of the site's zone: when it changes, all of them are computed anew."""
        zone = self._query.calendar.zone.key
        async with self._store.write() as connection:
            known = await self._query.zone_of_days(connection)
            if known == zone:
                return
            await connection.execute(self._store.upsert(_META), {"name": ZONE, "value": zone})
            if known is None:
                return
            log.info("site's zone is now %s: day roll-ups are computed anew", zone)
            await connection.execute(delete(tables.rollup_1d))
            await connection.execute(delete(_D).where(_D.c.level == LEVELS[Step.D1]))
            hours = (await connection.execute(select(tables.rollup_1h.c.tag_id, tables.rollup_1h.c.time_us))).all()
            days = {(tag_id, self._query.calendar.begin(Step.D1, us)) for tag_id, us in hours}
            await self._mark(connection, Step.D1, days)


def _values(tag_id: int, row: RollupRow) -> tuple[Any, ...]:
    return (
        tag_id, row.time_us, row.count, row.good_count, row.min, row.max, row.mean, row.first, row.last, row.covered_us,
        row.consumption, row.estimated,
    )


def _parts(marks: Mapping[Bucket, int], weight: Callable[[int], float]) -> Iterable[dict[Bucket, int]]:
    """Marks of some hours and tags: what is read and written at once. `weight`: rows below a mark, by tag."""
    groups: dict[int, dict[int, dict[Bucket, int]]] = defaultdict(lambda: defaultdict(dict))
    heaviest = max((weight(tag_id) for tag_id in {tag_id for tag_id, _ in marks}), default=1.0)
    hours = max(1, min(LONGEST_CHUNK_HOURS, int(SAMPLES_A_CHUNK / (60 * max(heaviest, 1e-3)))))
    for bucket, mark in marks.items():
        groups[bucket[1] // (hours * CHUNK_US)][bucket[0]][bucket] = mark
    for _, tags in sorted(groups.items()):
        part: dict[Bucket, int] = {}
        rows, chosen = 0.0, 0
        for tag_id, own in sorted(tags.items()):
            more = weight(tag_id) * len(own)
            if part and (chosen >= TAGS_A_CHUNK or rows + more > SAMPLES_A_CHUNK):
                yield part
                part, rows, chosen = {}, 0.0, 0
            part.update(own)
            rows, chosen = rows + more, chosen + 1
        if part:
            yield part


def _slices(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
