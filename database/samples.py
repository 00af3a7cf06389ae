"""Reading what was kept: bounded windows of raw samples and of roll-ups; last values for a start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from database import tables
from database.engine import Store
from database.rollup_query import TABLES, RollupQuery
from domain.ports import RawSeries, RollupSeries, Step
from domain.quality import Quality
from domain.sample import Sample, TagId

_T = tables.sample
TAGS_A_QUERY = 500


class SampleHistory:
    """Implements domain.ports.History. All windows are [from_us, to_us)."""

    def __init__(self, store: Store, rollups: RollupQuery) -> None:
        self._store, self._rollups = store, rollups

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        """The first `limit` samples of the window; `edges`: also the last good one before it and the first good one after it."""
        columns = (_T.c.time_us, _T.c.value, _T.c.quality)
        wanted = select(*columns).where(_T.c.tag_id == tag_id, _T.c.time_us >= from_us, _T.c.time_us < to_us)
        async with self._store.read() as connection:
            rows = list((await connection.execute(wanted.order_by(_T.c.time_us).limit(limit))).all())
            if edges:
                good = select(*columns).where(_T.c.tag_id == tag_id, _T.c.quality == 0)
                before = good.where(_T.c.time_us < from_us).order_by(_T.c.time_us.desc()).limit(1)
                after = good.where(_T.c.time_us >= to_us).order_by(_T.c.time_us).limit(1)
                rows = [*(await connection.execute(before)).all(), *rows, *(await connection.execute(after)).all()]
        return RawSeries(tag_id, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        """Buckets that begin in the window; the running one and those with late samples are computed as they stand now."""
        if step is Step.RAW:
            raise ValueError("raw samples come from raw()")
        return RollupSeries(tag_id, step, await self._rollups.rows(tag_id, step, from_us, to_us))

    async def latest(self, tag_ids: Sequence[int] | None = None) -> Sequence[Sample]:
        """The newest sample of each tag (None: of all registered ones)."""
        if tag_ids is None:
            async with self._store.read() as connection:
                tag_ids = list((await connection.scalars(select(tables.tag.c.id))).all())
        # one step into the key of each tag: max() would go through all of a tag's rows where the tag is not a constant
        of_tag = select(_T.c.time_us).where(_T.c.tag_id == tables.tag.c.id)
        newest = of_tag.order_by(_T.c.time_us.desc()).limit(1).scalar_subquery()
        found: list[Sample] = []
        for at in range(0, len(tag_ids), TAGS_A_QUERY):
            chosen = tables.tag.c.id.in_(tag_ids[at : at + TAGS_A_QUERY])
            times = select(tables.tag.c.id.label("tag_id"), newest.label("time_us")).where(chosen).subquery()
            wanted = select(_T).join(times, (_T.c.tag_id == times.c.tag_id) & (_T.c.time_us == times.c.time_us))
            async with self._store.read() as connection:
                rows = (await connection.execute(wanted)).all()
            found.extend(Sample(TagId(r.tag_id), r.time_us, r.value, Quality(r.quality)) for r in rows)
        return found

    async def latest_good(self, tag_ids: Sequence[int]) -> Mapping[int, Sample]:
        """The newest good sample of each of these tags, for counters and "last good value" after a start."""
        found: dict[int, Sample] = {}
        async with self._store.read() as connection:
            for tag_id in tag_ids:
                wanted = select(_T).where(_T.c.tag_id == tag_id, _T.c.quality == 0).order_by(_T.c.time_us.desc()).limit(1)
                row = (await connection.execute(wanted)).first()
                if row is not None:
                    found[tag_id] = Sample(TagId(row.tag_id), row.time_us, row.value, Quality(row.quality))
        return found

    async def oldest(self, tag_id: TagId) -> int | None:
        """Time of the oldest sample of a tag; None without any."""
        async with self._store.read() as connection:
            found = await connection.scalar(select(func.min(_T.c.time_us)).where(_T.c.tag_id == tag_id))
        return None if found is None else int(found)

    async def begins(self, tag_ids: Sequence[TagId]) -> Mapping[TagId, int | None]:
        """Time of the oldest sample or roll-up of each of these tags, for samples are deleted first; None without any."""
        columns = [
            select(table.c.time_us).where(table.c.tag_id == tables.tag.c.id).order_by(table.c.time_us).limit(1).scalar_subquery()
            for table in (_T, *TABLES.values())
        ]
        found: dict[TagId, int | None] = dict.fromkeys(tag_ids)
        for at in range(0, len(tag_ids), TAGS_A_QUERY):
            wanted = select(tables.tag.c.id, *columns).where(tables.tag.c.id.in_(tag_ids[at : at + TAGS_A_QUERY]))
            async with self._store.read() as connection:
                for tag_id, *oldest in (await connection.execute(wanted)).all():
                    found[TagId(tag_id)] = min((int(us) for us in oldest if us is not None), default=None)
        return found

    async def kept_since(self) -> int | None:
        """Time of the oldest sample or roll-up of all registered tags; None without any."""
        asked = [
            select(func.min(kept.c.time_us)).where(kept.c.tag_id == tables.tag.c.id).scalar_subquery().label(f"oldest_{n}")
            for n, kept in enumerate([_T, *TABLES.values()])
        ]
        edges = select(*asked).subquery()  # by the key of each tag, not by a scan
        async with self._store.read() as connection:
            found = (await connection.execute(select(*(func.min(column) for column in edges.c)))).one()
        return min((int(time_us) for time_us in found if time_us is not None), default=None)

    async def span(self) -> tuple[int, int] | None:
        """Oldest and newest time of all registered tags' samples; None without any."""
        async with self._store.read() as connection:
            oldest = select(func.min(_T.c.time_us)).where(_T.c.tag_id == tables.tag.c.id).scalar_subquery()
            newest = select(func.max(_T.c.time_us)).where(_T.c.tag_id == tables.tag.c.id).scalar_subquery()
            edges = select(oldest.label("oldest"), newest.label("newest")).subquery()  # by the key of each tag, not by a scan
            row = (await connection.execute(select(func.min(edges.c.oldest), func.max(edges.c.newest)))).one()
        return None if row[0] is None else (int(row[0]), int(row[1]))
