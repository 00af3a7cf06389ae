"""Windows of history, last values, the view for SQL readers, and retention that trusts no wrong clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, text

from database import tables
from database.retention import DAY_US, Policy
from domain.ports import Step
from domain.quality import Quality
from domain.sample import Batch, TagId
from tests.conftest import FakeClock
from tests.database.samples import T, count, opened
from tests.database.test_repositories import plant

ONE = TagId(1)


async def test_windows_limits_and_edges(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        values = [(0, 1.0, 0), (1, 2.0, 0), (2, None, 64), (3, 3.0, 2), (4, None, 65), (5, 4.0, 0), (6, None, 64), (7, 5.0, 0)]
        await database.writer.put_all(Batch("m1", T + n * 1000, (ONE,), [v], [q]) for n, v, q in values)
        raw = database.samples.raw
        window = await raw(ONE, T + 2000, T + 5000)
        assert (list(window.times_us), list(window.values), list(window.qualities)) == (
            [T + 2000, T + 3000, T + 4000], [None, 3.0, None], [64, 2, 65],
        )
        edged = await raw(ONE, T + 2000, T + 5000, edges=True)
        assert list(edged.times_us) == [T + n * 1000 for n in (1, 2, 3, 4, 5)]
        past_bad = await raw(ONE, T + 3000, T + 5000, edges=True)  # the sample before is bad: the last good one counts
        assert list(past_bad.times_us) == [T + n * 1000 for n in (1, 3, 4, 5)]
        assert list((await raw(ONE, T + 5500, T + 5600, edges=True)).times_us) == [T + 5000, T + 7000]
        assert list((await raw(ONE, T + 9000, T + 9900, edges=True)).times_us) == [T + 7000]
        assert list((await raw(ONE, T, T + 9000, limit=2)).times_us) == [T, T + 1000]
        assert list((await raw(TagId(2), 0, 2**60, edges=True)).times_us) == []
        with pytest.raises(ValueError, match="raw"):
            await database.samples.rollup(ONE, Step.RAW, 0, 1)


async def test_latest_values_and_the_view_of_them(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        tags = await database.plants.save({}, plant(*(f"m{n}" for n in range(50))))
        assert await database.samples.latest() == []
        assert (await database.samples.span(), await database.samples.kept_since()) == (None, None)
        ids = tuple(tag.id for tag in tags)
        for n in range(5):
            database.writer.put(Batch("m", T + n, ids[: 140 - n * 10], [float(n)] * (140 - n * 10), [0] * (140 - n * 10)))
        database.writer.put(Batch("m", T + 99, ids[:1], [None], [int(Quality.TIMEOUT)]))
        await database.writer.settled()
        latest = {sample.tag_id: sample for sample in await database.samples.latest()}
        assert len(latest) == 140
        assert (latest[ids[0]].value, latest[ids[0]].quality, latest[ids[0]].time_us) == (None, Quality.TIMEOUT, T + 99)
        assert (latest[ids[5]].value, latest[ids[5]].time_us) == (4.0, T + 4)
        assert (latest[ids[139]].value, latest[ids[139]].time_us) == (0.0, T)
        assert (await database.samples.latest_good([ids[0], 9999]))[ids[0]].value == 4.0
        assert await database.samples.span() == (T, T + 99)
        assert await database.samples.begins([ids[139], ids[140], ids[0]]) == {ids[139]: T, ids[140]: None, ids[0]: T}
        assert await database.samples.kept_since() == T
        async with database.store.read() as connection:
            rows = (await connection.execute(text("SELECT tag, unit, value, quality FROM v_latest ORDER BY tag_id"))).all()
        assert len(rows) == 140
        assert tuple(rows[0]) == ("m0.active_power", "kW", None, 65)
        assert tuple(rows[1]) == ("m0.energy_import", "kWh", 4.0, 0)


async def test_old_samples_go_and_young_ones_stay(database_url: str, tmp_path: Path) -> None:
    clock = FakeClock(T)
    async with opened(database_url, tmp_path, clock) as database:
        await database.plants.save({}, plant("m1"))
        await database.writer.put_all(
            Batch("m1", T - day * DAY_US + second * 1_000_000, (ONE,), [1.0], [0]) for day in range(12) for second in range(5)
        )
        await database.rollups.catch_up()
        database.retention.policy = Policy(sample=10, rollup_1m=11)
        assert await database.retention.work() > 0
        assert await count(database, tables.sample) == 50 + 5  # days 0 to 9, and day 10 is just not older than 10 days
        assert await count(database, tables.rollup_1m) == 11
        assert await count(database, tables.rollup_15m) == 11
        assert await database.retention.work() == 0


async def test_tags_with_nothing_old_cost_no_statements(database_url: str, tmp_path: Path) -> None:
    """A round over thousands of tags asks each table once; only tags that hold something old are written to."""
    async with opened(database_url, tmp_path, FakeClock(T)) as database:
        ids = tuple(tag.id for tag in await database.plants.save({}, plant(*(f"m{n}" for n in range(50)))))
        old, edge = T - 11 * DAY_US, T - 10 * DAY_US
        await database.writer.put_all([Batch("m", T, ids, [1.0] * len(ids), [0] * len(ids)), Batch("m", edge, ids[:9], [1.0] * 9, [0] * 9)])
        await database.writer.put_all([Batch("m", old, ids[3:5], [1.0, 1.0], [0, 0])])
        said: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            said.append(statement.lstrip().partition(" ")[0])

        database.retention.policy = Policy(sample=10, rollup_1m=None, rollup_15m=None, tag_event=None, inspection_item=None, inspection_picture=None)
        event.listen(database.store.engine.sync_engine, "before_cursor_execute", note)
        try:
            assert await database.retention.work() == 2
            assert said.count("DELETE") == 2
            assert len(said) < 20
        finally:
            event.remove(database.store.engine.sync_engine, "before_cursor_execute", note)
        assert await count(database, tables.sample) == len(ids) + 9


@pytest.mark.parametrize(("off_days", "deletes"), [(-2, False), (400, False), (20, True)])
async def test_a_wrong_clock_deletes_nothing(tmp_path: Path, off_days: int, deletes: bool) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, FakeClock(T)) as database:
        await database.plants.save({}, plant("m1"))
        await database.writer.put_all(Batch("m1", T - day * DAY_US, (ONE,), [1.0], [0]) for day in range(100))
    clock = FakeClock(T + off_days * DAY_US)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        assert (await database.retention.work() > 0) is deletes
        assert (database.retention.blocked is None) is deletes
        left = await count(database, tables.sample)
        assert (left < 100) is deletes
        if off_days == 400:  # a machine that really was off for a year: believed after a week of running
            await clock.advance(8 * 86400)
            assert await database.retention.work() > 0
            assert database.retention.blocked is None
