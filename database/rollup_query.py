"""Computing roll-ups from what is below them: for the keeper that stores them, and for questions about buckets not yet stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Select, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.columns import EMPTY, MINUTE_US, Columns, settle
from database.engine import Store
from database.repositories.plants import tag_of_row
from database.rollup_math import (
    LOWER,
    STEPS,
    Bucket,
    Calendar,
    Growth,
    Ints,
    TagFacts,
    combine,
    joined,
    merged,
    minute_rows,
    reach,
    runs,
    settled_end,
    settled_start,
)
from domain.ports import RollupRow, Step
from domain.quantity import Kind

_S, _D = tables.sample, tables.rollup_dirty
TABLES: Mapping[Step, Table] = {
    Step.M1: tables.rollup_1m, Step.M15: tables.rollup_15m, Step.H1: tables.rollup_1h, Step.D1: tables.rollup_1d,
}
LEVELS: Mapping[Step, int] = {step: level for level, step in enumerate(STEPS)}
Rows = dict[Bucket, RollupRow]
ZONE = "rollup_zone"
_ALWAYS = (-(2**62), 2**62)
_DAY_US = 26 * 3_600_000_000  # the longest day, and some
_SQLITE_SAMPLES = "SELECT tag_id, time_us, value, quality FROM sample WHERE tag_id IN ({}) AND time_us >= ? AND time_us < ?"


def _good_readings(tag_id: int) -> Select[int, float]:
    """Times and values of a tag that no figure doubts."""
    good = (_S.c.tag_id == tag_id) & (_S.c.quality == 0) & _S.c.value.is_not(None)
    return select(_S.c.time_us, _S.c.value).where(good)


class RollupQuery:
    """Reads within the connection it is given, so that one answer is of one moment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts: dict[int, TagFacts] = {}
        self._calendar = Calendar(ZoneInfo("UTC"))
        self._version = -1

    # -- answers ------------------------------------------------------------------------------------------------

    async def rows(self, tag_id: int, step: Step, from_us: int, to_us: int) -> Sequence[RollupRow]:
        """Buckets that begin in the window, as the samples stand now."""
        async with self._store.read() as connection:
            await self.refresh(connection)
            facts = self.facts(tag_id)
            stale = await self._stale(connection, facts, step, from_us, to_us)
            if step is Step.D1 and await self.zone_of_days(connection) not in (None, self._calendar.zone.key):
                return await self._days_anew(connection, facts, from_us, to_us, stale)
            found = await self._rows(connection, facts, step, from_us, to_us, stale)
        return [found[begin] for begin in sorted(found)]

    async def _days_anew(
        self, connection: AsyncConnection, facts: TagFacts, from_us: int, to_us: int, stale: Mapping[Step, Ints]
    ) -> Sequence[RollupRow]:
        """The site's zone changed and the keeper has not stored its days yet: from the quarters of an hour."""
        parts: dict[int, list[RollupRow]] = defaultdict(list)
        lower = await self._rows(connection, facts, LOWER[Step.D1], from_us, to_us + 25 * 3_600_000_000, stale)
        for us in sorted(lower):
            parts[self._calendar.begin(Step.D1, us)].append(lower[us])
        days = [(combine(begin, rows), begin) for begin, rows in parts.items() if from_us <= begin < to_us]
        return [await self.with_estimate(connection, facts, day, self._calendar.end(Step.D1, us)) for day, us in days if day]

    async def zone_of_days(self, connection: AsyncConnection) -> str | None:
        """Zone of the days in table rollup_1d; None when there are none yet."""
        meta = tables.meta
        found = await connection.scalar(select(meta.c.value).where(meta.c.name == ZONE))
        return None if found is None else str(found)

    async def _stale(
        self, connection: AsyncConnection, facts: TagFacts, asked: Step, from_us: int, to_us: int
    ) -> Mapping[Step, Ints]:
        """Begins of buckets up to the step asked for that are not, or no longer, right in the tables; in order.

        A backlog (an import, an outage) marks weeks of minutes, so this goes over columns, and only the days of the window are
        looked at, for a counter with the readings on both sides that a mark may reach over.
        """
        low_us, high_us = from_us - _DAY_US, to_us + _DAY_US
        if facts.is_counter:
            low_us, high_us = await self._within_reach(connection, facts.tag_id, low_us, high_us)
        wanted = select(_D.c.level, _D.c.bucket_us).where(
            _D.c.level.in_(range(LEVELS[asked] + 1)), _D.c.tag_id == facts.tag_id,
            _D.c.bucket_us >= low_us, _D.c.bucket_us < high_us,
        )  # fmt: skip
        rows = (await connection.execute(wanted)).all()
        levels, begins = (np.fromiter((row[i] for row in rows), np.int64, len(rows)) for i in (0, 1))
        dirty = {level: np.unique(begins[levels == level]) for level in range(LEVELS[asked] + 1)}
        minutes = dirty[0]
        if facts.is_counter and len(minutes):
            minutes = await self._reached(connection, facts, minutes)
        stale = {Step.M1: minutes}
        for step in STEPS[1 : LEVELS[asked] + 1]:
            stale[step] = np.union1d(self._calendar.begins(step, stale[LOWER[step]]), dirty[LEVELS[step]])
        return stale

    async def _within_reach(self, connection: AsyncConnection, tag_id: int, from_us: int, to_us: int) -> tuple[int, int]:
        """Marks outside of it do not reach into [from_us, to_us): a mark reaches to the second good reading beside it at most."""
        before = await self._good(connection, tag_id, before=from_us)
        after = await self._good(connection, tag_id, since=to_us)
        low_us = before[1][0] // MINUTE_US * MINUTE_US if len(before) == 2 else _ALWAYS[0]
        return low_us, after[1][0] + 1 if len(after) == 2 else _ALWAYS[1]

    async def _reached(self, connection: AsyncConnection, facts: TagFacts, marked: Ints) -> Ints:
        """Minutes whose consumption depends on a marked one, in order: one question, however many marks there are."""
        begin_us, end_us = int(marked[0]), int(marked[-1]) + MINUTE_US
        # two more readings outside, so that the outermost marks find their neighbours too
        outer = [*await self._good(connection, facts.tag_id, before=begin_us)][::-1]
        inner = await self._all_good(connection, facts.tag_id, begin_us, end_us)
        readings = [*outer, *inner, *await self._good(connection, facts.tag_id, since=end_us)]
        times = np.array([reading[0] for reading in readings], np.int64)
        spans = merged(reach(readings, times, begin, end) for begin, end in joined(marked, MINUTE_US))
        return np.concatenate([np.arange(*span, MINUTE_US, dtype=np.int64) for span in spans])

    async def _rows(
        self, connection: AsyncConnection, facts: TagFacts, step: Step, from_us: int, to_us: int,
        stale: Mapping[Step, Ints],
    ) -> dict[int, RollupRow]:
        stored = await self.stored(connection, step, [facts.tag_id], from_us, to_us)
        found = {begin: row for (_, begin), row in stored.items()}
        outdated = stale[step][np.searchsorted(stale[step], from_us) : np.searchsorted(stale[step], to_us)].tolist()
        for begin in outdated:
            found.pop(begin, None)
        if step is Step.M1:
            for begin, end in runs(outdated, MINUTE_US):
                computed = await self.minutes(connection, {facts.tag_id: [(begin, end)]})
                found.update({us: row for (_, us), row in computed.items()})
            return found
        for begin in outdated:
            end = self._calendar.end(step, begin)
            lower = await self._rows(connection, facts, LOWER[step], begin, end, stale)
            row = combine(begin, [lower[us] for us in sorted(lower)])
            if row is not None:
                found[begin] = await self.with_estimate(connection, facts, row, end)
        return found

    # -- facts --------------------------------------------------------------------------------------------------

    async def refresh(self, connection: AsyncConnection) -> bool:
        """Look whether the plant changed; True when it did."""
        document = tables.plant_document
        row = (await connection.execute(select(document.c.version, document.c.timezone))).first()
        version, zone = (row.version, row.timezone) if row is not None else (0, "UTC")
        if version == self._version:
            return False
        tags = [tag_of_row(row) for row in (await connection.execute(select(tables.tag))).all()]
        self._facts = {
            tag.id: TagFacts(tag.id, tag.kind is Kind.COUNTER, round(tag.interval_s * 1e6), tag.counter_spec) for tag in tags
        }
        self._calendar = Calendar(ZoneInfo(zone))
        self._version = version
        return True

    def facts(self, tag_id: int) -> TagFacts:
        """A tag nobody registered is taken for a gauge each second."""
        return self._facts.get(tag_id) or TagFacts(tag_id, is_counter=False, interval_us=1_000_000)

    @property
    def calendar(self) -> Calendar:
        return self._calendar

    # -- reading ------------------------------------------------------------------------------------------------

    async def stored(self, connection: AsyncConnection, step: Step, tag_ids: Collection[int], from_us: int, to_us: int) -> Rows:
        """Rows of a roll-up table, in order of tag and time."""
        table = TABLES[step]
        wanted = select(table).where(table.c.tag_id.in_(list(tag_ids)), table.c.time_us >= from_us, table.c.time_us < to_us)
        rows = (await connection.execute(wanted.order_by(table.c.tag_id, table.c.time_us))).all()
        return {(row[0], row[1]): RollupRow(*row[1:]) for row in rows}

    async def samples(self, connection: AsyncConnection, tag_ids: Collection[int], from_us: int, to_us: int) -> Columns:
        """Sorted by tag and time."""
        rows: Sequence[Sequence[Any]]
        if self._store.kind == "sqlite":  # past the engine, in the connection's thread: rows as plain tuples cost a sixth
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None  # noqa: S101 - the connection is open
            rows = await raw.execute_fetchall(_SQLITE_SAMPLES.format(",".join("?" * len(tag_ids))), [*tag_ids, from_us, to_us])
        else:
            wanted = select(_S).where(_S.c.tag_id.in_(list(tag_ids)), _S.c.time_us >= from_us, _S.c.time_us < to_us)
            rows = (await connection.execute(wanted)).all()
        if not rows:
            return EMPTY
        tags, times, values, qualities = zip(*rows, strict=True)
        integers = (np.array(column, np.int64) for column in (tags, times, qualities))
        tag_ids, times_us, codes = integers
        return settle(Columns(tag_ids, times_us, np.array(values, np.float64), codes))

    async def _good(
        self, connection: AsyncConnection, tag_id: int, *, before: int | None = None, since: int | None = None
    ) -> list[tuple[int, float]]:
        """The two good readings next to a time, nearest first."""
        wanted = _good_readings(tag_id).limit(2)
        if before is not None:
            wanted = wanted.where(_S.c.time_us < before).order_by(_S.c.time_us.desc())
        else:
            wanted = wanted.where(_S.c.time_us >= since).order_by(_S.c.time_us)
        return [(row[0], row[1]) for row in (await connection.execute(wanted)).all()]

    async def _all_good(
        self, connection: AsyncConnection, tag_id: int, from_us: int, to_us: int
    ) -> list[tuple[int, float]]:
        """Every good reading of [from_us, to_us), in order of time."""
        wanted = _good_readings(tag_id).where(_S.c.time_us >= from_us, _S.c.time_us < to_us)
        return [(row[0], row[1]) for row in (await connection.execute(wanted.order_by(_S.c.time_us))).all()]

    # -- computing ----------------------------------------------------------------------------------------------

    async def counter_span(self, connection: AsyncConnection, facts: TagFacts, from_us: int, to_us: int) -> tuple[int, int]:
        """Minutes whose consumption depends on readings in [from_us, to_us): up to the neighbouring readings on both sides."""
        before = await self._good(connection, facts.tag_id, before=from_us)
        readings = [*before[::-1], *await self._good(connection, facts.tag_id, since=to_us)]
        return reach(readings, np.array([reading[0] for reading in readings], np.int64), from_us, to_us)

    async def minutes(self, connection: AsyncConnection, spans: Mapping[int, Sequence[tuple[int, int]]]) -> Rows:
        """1-min rows of whole minutes, from samples. `spans`: tag -> [from, to) in time order, near to each other."""
        found: Rows = {}
        lowest, highest = min(s[0][0] for s in spans.values()), max(s[-1][1] for s in spans.values())
        samples = await self.samples(connection, spans, lowest, highest)
        facts = {tag_id: self.facts(tag_id) for tag_id in spans}
        for (tag_id, begin), row in minute_rows(samples, facts).items():
            if any(first <= begin < last for first, last in spans[tag_id]):
                found[tag_id, begin] = row
        for tag_id, own in spans.items():
            if facts[tag_id].is_counter:
                mine = samples.take(slice(*np.searchsorted(samples.tag_ids, [tag_id, tag_id + 1])))
                for first, last in own:
                    await self._add_growth(connection, facts[tag_id], mine, first, last, found)
        return found

    async def _add_growth(
        self, connection: AsyncConnection, facts: TagFacts, samples: Columns, from_us: int, to_us: int, found: Rows
    ) -> None:
        before = settled_start(await self._good(connection, facts.tag_id, before=from_us))
        after = settled_end(await self._good(connection, facts.tag_id, since=to_us))
        good = (samples.qualities == 0) & np.isfinite(samples.values) & (samples.times_us >= from_us) & (samples.times_us < to_us)
        inside = zip(samples.times_us[good].tolist(), samples.values[good].tolist(), strict=True)
        readings = [*before, *inside, *after]
        growth = Growth.of([time_us for time_us, _ in readings], [value for _, value in readings], facts)
        borders = np.arange(from_us, to_us + 1, MINUTE_US, dtype=np.int64)
        for begin, (consumption, estimated) in zip(borders[:-1].tolist(), growth.within(borders), strict=True):
            row = found.get((facts.tag_id, begin))
            if row is not None:
                found[facts.tag_id, begin] = _grown(row, consumption, estimated)
            elif consumption:  # of a counter read each hour nearly every minute is such a one
                found[facts.tag_id, begin] = RollupRow(begin, 0, 0, None, None, None, None, None, 0, consumption, estimated)

    async def combined(self, connection: AsyncConnection, step: Step, buckets: Iterable[Bucket]) -> Rows:
        """Rows of longer buckets from those stored one step below; buckets near to each other."""
        wanted = set(buckets)
        ends = {begin: self._calendar.end(step, begin) for _, begin in wanted}
        lower = await self.stored(connection, LOWER[step], {tag for tag, _ in wanted}, min(ends), max(ends.values()))
        parts: dict[Bucket, list[RollupRow]] = defaultdict(list)
        begins = self._calendar.begins(step, np.array([begin for _, begin in lower], np.int64)).tolist()
        for (tag_id, _), begin, row in zip(lower, begins, lower.values(), strict=True):
            if (tag_id, begin) in wanted:
                parts[tag_id, begin].append(row)
        found: Rows = {}
        for (tag_id, begin), rows in parts.items():
            whole = combine(begin, rows)
            if whole is not None and (rows[0].estimated or rows[-1].estimated):
                found[tag_id, begin] = await self.with_estimate(connection, self.facts(tag_id), whole, ends[begin])
            elif whole is not None:
                found[tag_id, begin] = _estimated(whole, 0.0)
        return found

    async def with_estimate(self, connection: AsyncConnection, facts: TagFacts, row: RollupRow, end_us: int) -> RollupRow:
        """The part of the consumption that lies in increments over a gap that one of the bucket's borders cuts."""
        if not facts.is_counter or row.consumption is None:
            return row
        crossing: dict[tuple[int, int], float] = {}
        for border in (row.time_us, end_us):
            before = settled_start(await self._good(connection, facts.tag_id, before=border))
            after = settled_end(await self._good(connection, facts.tag_id, since=border))
            readings = [*before, *after]
            growth = Growth.of([time_us for time_us, _ in readings], [value for _, value in readings], facts)
            crossing.update({(a, b): g for a, b, g in growth.gaps if a < border < b})
        total = 0.0
        for (first, last), growth_of_gap in crossing.items():
            total += growth_of_gap * (min(last, end_us) - max(first, row.time_us)) / (last - first)
        return _estimated(row, total)


def _grown(row: RollupRow, consumption: float | None, estimated: float | None) -> RollupRow:
    return replace(row, consumption=consumption, estimated=estimated)


def _estimated(row: RollupRow, estimated: float) -> RollupRow:
    return _grown(row, row.consumption, estimated if row.consumption is not None else None)
