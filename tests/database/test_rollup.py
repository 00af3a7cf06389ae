"""Roll-ups are what their definition says, whatever the order in which samples arrive and whenever the keeper works."""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select

from database import rollup, tables
from database.open import Database
from database.rollup_math import Calendar, TagFacts, merged
from database.rollup_query import TABLES
from domain.counter import CounterSpec, estimated_between, growth_between, increments
from domain.ports import RollupRow, Step
from domain.sample import Batch, TagId
from tests.conftest import FakeClock
from tests.database.samples import count, opened
from tests.database.test_repositories import plant

MINUTE = 60_000_000
T = 1_763_548_800_000_000 // (900 * 10**6) * (900 * 10**6)  # 2025-11-19, on a quarter of an hour
STEPS = (Step.M1, Step.M15, Step.H1, Step.D1)
Sample = tuple[float | None, int]  # value, quality
GAUGE = TagFacts(1, is_counter=False, interval_us=1_000_000)
COUNTER = TagFacts(2, is_counter=True, interval_us=60_000_000)


# -- the definition, written a second time, slowly -------------------------------------------------------------------------------


def _minute(samples: Sequence[tuple[int, Sample]], begin: int, facts: TagFacts) -> RollupRow:
    hold = max(3 * facts.interval_us, 10_000_000)
    weights = []
    for i, (time_us, _) in enumerate(samples):
        until = samples[i + 1][0] if i + 1 < len(samples) else begin + MINUTE
        weights.append(min(until - time_us, hold))
    good = [(v, w) for (_, (v, q)), w in zip(samples, weights, strict=True) if q == 0 and v is not None]
    if not good:
        return RollupRow(begin, len(samples), 0, None, None, None, None, None, 0)
    covered = sum(w for _, w in good)
    values = [v for v, _ in good]
    mean = math.fsum(v * w for v, w in good) / covered
    return RollupRow(begin, len(samples), len(good), min(values), max(values), mean, values[0], values[-1], covered)


def reference(data: dict[int, Sample], facts: TagFacts, step: Step, zone: ZoneInfo) -> dict[int, RollupRow]:
    """From scratch, from all samples of one tag."""
    calendar = Calendar(zone)
    minutes: dict[int, list[tuple[int, Sample]]] = {}
    for time_us in sorted(data):
        minutes.setdefault(time_us // MINUTE * MINUTE, []).append((time_us, data[time_us]))
    good = [(t, v) for t, (v, q) in sorted(data.items()) if q == 0 and v is not None]
    found = increments([t for t, _ in good], [v for _, v in good], facts.spec) if facts.is_counter else []
    rows: dict[int, RollupRow] = {begin: _minute(samples, begin, facts) for begin, samples in minutes.items()}
    known: dict[int, float] = {}
    if found:
        for begin in range(found[0].from_us // MINUTE * MINUTE, found[-1].to_us, MINUTE):
            grown = growth_between(found, begin, begin + MINUTE)
            if grown or begin in rows:
                known[begin] = grown
                rows.setdefault(begin, RollupRow(begin, 0, 0, None, None, None, None, None, 0))
    buckets: dict[int, list[int]] = {}
    for begin in sorted(rows):
        buckets.setdefault(calendar.begin(step, begin), []).append(begin)
    result = {}
    for begin, parts in buckets.items():
        lower = [rows[us] for us in parts]
        filled = [row for row in lower if row.good_count]
        covered = sum(row.covered_us for row in filled)
        end = calendar.end(step, begin)
        mean = math.fsum((row.mean or 0.0) * row.covered_us for row in filled) / covered if covered else None
        has = any(us in known for us in parts)
        result[begin] = RollupRow(
            begin, sum(row.count for row in lower), sum(row.good_count for row in lower),
            min((row.min for row in filled if row.min is not None), default=None),
            max((row.max for row in filled if row.max is not None), default=None),
            mean, filled[0].first if filled else None, filled[-1].last if filled else None, covered,
            math.fsum(known.get(us, 0.0) for us in parts) if has else None,
            estimated_between(found, begin, end, facts.longest_normal_us) if has else None,
        )
    return result


def assert_same(found: Sequence[RollupRow], wanted: dict[int, RollupRow], what: str) -> None:
    assert [row.time_us for row in found] == sorted(wanted), what
    for row in found:
        other = wanted[row.time_us]
        for name in ("count", "good_count", "min", "max", "first", "last", "covered_us"):
            assert getattr(row, name) == getattr(other, name), f"{what}: {name} of {row} against {other}"
        for name in ("mean", "consumption", "estimated"):
            mine, theirs = getattr(row, name), getattr(other, name)
            assert (mine is None) == (theirs is None), f"{what}: {name} of {row} against {other}"
            if mine is not None:
                assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-7), f"{what}: {name} of {row} against {other}"


# -- random histories ------------------------------------------------------------------------------------------------------------


def gauge_history(rng: random.Random, minutes: int) -> dict[int, Sample]:
    data: dict[int, Sample] = {}
    time_us = T
    while time_us < T + minutes * MINUTE:
        roll = rng.random()
        quality = 0 if roll < 0.8 else rng.choice([1, 2, 64, 65])
        data[time_us] = (None if quality >= 64 else rng.uniform(-5, 50), quality)
        pause = 15 * MINUTE if rng.random() < 0.1 else 3_000_000
        time_us += rng.choice([1_000_000, 1_000_000, 999_999, 7_000_001, 45_000_000, pause])
    return data


def counter_history(rng: random.Random, minutes: int) -> dict[int, Sample]:
    data: dict[int, Sample] = {}
    time_us, shown = T + rng.randrange(MINUTE), rng.choice([0.0, 1234.5])
    while time_us < T + minutes * MINUTE:
        shown += rng.choice([0.0, 0.25, 1.5])
        if rng.random() < 0.05:
            shown = rng.choice([0.0, 3.0])  # exchanged, or reset
        roll = rng.random()
        if roll < 0.08:
            data[time_us] = (0.0, 0)  # a short zero
        elif roll < 0.16:
            data[time_us] = (None, 64)
        elif roll < 0.2:
            data[time_us] = (shown + 1e6, 8)
        else:
            data[time_us] = (shown, 0)
        time_us += rng.choice([MINUTE, MINUTE, 20_000_000, 59_999_999, 90_000_000, rng.randrange(4, 200) * MINUTE])
    return data


async def set_up(database: Database, zone: str = "UTC") -> tuple[TagFacts, TagFacts]:
    """Two tags as the plant registers them: power each second, energy each minute."""
    tags = await database.plants.save({}, plant("m1", zone=zone))
    assert [tag.id for tag in tags[:2]] == [1, 2]
    return (
        TagFacts(1, is_counter=False, interval_us=1_000_000),
        TagFacts(2, is_counter=True, interval_us=60_000_000, spec=tags[1].counter_spec),
    )


async def check_all(
    database: Database, data: dict[int, dict[int, Sample]], facts: Sequence[TagFacts], zone: str, what: str
) -> None:
    for fact in facts:
        for step in STEPS:
            series = await database.samples.rollup(TagId(fact.tag_id), step, 0, 2**60)
            wanted = reference(data[fact.tag_id], fact, step, ZoneInfo(zone))
            assert_same(series.rows, wanted, f"{what}, tag {fact.tag_id}, {step}")


@pytest.mark.parametrize("seed", range(12))
async def test_incremental_is_from_scratch_for_any_order_of_arrival(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    zone = rng.choice(["UTC", "Europe/Moscow", "Asia/Kathmandu", "America/New_York"])
    minutes = rng.choice([20, 200, 1700])
    histories = {1: gauge_history(rng, min(minutes, 200)), 2: counter_history(rng, minutes)}
    arrivals = [(tag, time_us) for tag, data in histories.items() for time_us in data]
    if rng.random() < 0.5:
        arrivals.sort(key=lambda a: a[1] + rng.randrange(0, rng.choice([1, 600, 6000]) * 10**6))
    else:
        rng.shuffle(arrivals)
    clock = FakeClock(T)
    so_far: dict[int, dict[int, Sample]] = {1: {}, 2: {}}
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        facts = await set_up(database, zone)
        steps = 6
        for i in range(steps):
            part = arrivals[i * len(arrivals) // steps : (i + 1) * len(arrivals) // steps]
            for tag, time_us in part:
                value, quality = histories[tag][time_us]
                if rng.random() < 0.1 and i < steps - 1:  # first another value, corrected by a later one
                    database.writer.put(Batch("m1", time_us, (TagId(tag),), [99.0], [0]))
                database.writer.put(Batch("m1", time_us, (TagId(tag),), [value], [quality]))
                so_far[tag][time_us] = (value, quality)
            await database.writer.settled()
            await clock.advance(rng.choice([0, 60, 4000, minutes * 60]))
            for _ in range(rng.choice([0, 1, 2, 50])):
                if not await database.rollups.process():
                    break
            await check_all(database, so_far, facts, zone, f"seed {seed}, part {i}")
        await clock.advance(3 * 86400)
        await database.rollups.catch_up()
        assert await count(database, tables.rollup_dirty) == 0
        await check_all(database, histories, facts, zone, f"seed {seed}, at the end")
        async with database.store.read() as connection:  # and now they are in the tables, not only in the answers
            for step, table in TABLES.items():
                rows = (await connection.execute(select(table.c.tag_id, table.c.time_us))).all()
                wanted = [(f.tag_id, us) for f in facts for us in reference(histories[f.tag_id], f, step, ZoneInfo(zone))]
                assert sorted((row[0], row[1]) for row in rows) == sorted(wanted)


@pytest.mark.parametrize("seed", range(4))
async def test_a_window_of_a_backlog_is_from_scratch_too(tmp_path: Path, seed: int) -> None:
    """Readings hours and days apart, half of them worked off: what is asked for a window is what all marks together give."""
    rng = random.Random(seed)
    data, time_us = {}, T
    for at, sample in sorted(counter_history(rng, 1_500).items())[:60]:
        time_us = max(time_us + rng.choice([30, 600, 7200, 40_000]) * 10**6, at)
        data[time_us] = sample
    clock = FakeClock(T)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        _, facts = await set_up(database)
        arrivals = rng.sample(sorted(data), len(data))
        for part, work_off in ((arrivals[::2], True), (arrivals[1::2], False)):
            for us in part:
                value, quality = data[us]
                database.writer.put(Batch("m1", us, (TagId(2),), [value], [quality]))
            await database.writer.settled()
            await clock.advance((max(data) - T) / 1e6 + 4 * 86400)
            if work_off:
                await database.rollups.catch_up()
        for step in STEPS:
            wanted = reference(data, facts, step, ZoneInfo("UTC"))
            for _ in range(5):
                begin = rng.randrange(T, max(data)) // MINUTE * MINUTE
                end = begin + rng.choice([1, 60, 1440, 6000]) * MINUTE
                series = await database.samples.rollup(TagId(2), step, begin, end)
                inside = {us: row for us, row in wanted.items() if begin <= us < end}
                assert_same(series.rows, inside, f"seed {seed}, {step}, from {begin} to {end}")


@pytest.mark.parametrize("readings", [200, 2000])
async def test_a_window_costs_the_same_questions_however_long_the_backlog(tmp_path: Path, readings: int) -> None:
    clock = FakeClock(T)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        await set_up(database)
        await database.writer.put_all(Batch("m1", T + 2 * n * MINUTE, (TagId(2),), [float(n)], [0]) for n in range(readings))
        asked: list[str] = []
        engine = database.store.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
        rows = (await database.samples.rollup(TagId(2), Step.M1, T + 60 * MINUTE, T + 120 * MINUTE)).rows
        assert sum(row.consumption or 0.0 for row in rows) == pytest.approx(30.0)
        assert 1 < len(asked) < 30


async def test_the_same_on_every_database(database_url: str, tmp_path: Path) -> None:
    rng = random.Random(99)
    histories = {1: gauge_history(rng, 40), 2: counter_history(rng, 300)}
    clock = FakeClock(T + 400 * MINUTE)
    async with opened(database_url, tmp_path, clock) as database:
        facts = await set_up(database, "Europe/Moscow")
        arrivals = [(tag, time_us) for tag, data in histories.items() for time_us in data]
        rng.shuffle(arrivals)
        for half in (arrivals[::2], arrivals[1::2]):
            await database.writer.put_all(
                Batch("m1", us, (TagId(tag),), [histories[tag][us][0]], [histories[tag][us][1]]) for tag, us in half
            )
            await database.rollups.catch_up()
        await check_all(database, histories, facts, "Europe/Moscow", "running")
        await clock.advance(2 * 86400)
        await database.rollups.catch_up()
        await check_all(database, histories, facts, "Europe/Moscow", "closed")
        assert await count(database, tables.rollup_dirty) == 0

        assert await database.rollups.recompute([1, 2], 0, 2**60) > 0  # once more from scratch, nothing changes
        await database.rollups.catch_up()
        await check_all(database, histories, facts, "Europe/Moscow", "recomputed")
        async with database.store.write() as connection:  # a roll-up that was tampered with is healed by it
            await connection.execute(tables.rollup_1m.update().values(max_value=1e9))
        await database.rollups.recompute([1, 2], 0, 2**60)
        await database.rollups.catch_up()
        await check_all(database, histories, facts, "Europe/Moscow", "healed")


async def test_a_sample_that_comes_while_the_keeper_works_is_not_forgotten(database_url: str, tmp_path: Path) -> None:
    clock = FakeClock(T + 30 * MINUTE)
    async with opened(database_url, tmp_path, clock) as database:
        facts = await set_up(database)
        data: dict[int, Sample] = {T + n * 1_000_000: (float(n), 0) for n in range(0, 120, 2)}
        for us, (v, q) in data.items():
            database.writer.put(Batch("m1", us, (TagId(1),), [v], [q]))
        await database.writer.settled()
        keeper = database.rollups
        minutes = keeper._query.minutes
        late: dict[int, Sample] = {T + 1_000_000: (1000.0, 0), T + 61_000_000: (2000.0, 0)}

        async def interrupted(*args: object) -> object:
            rows = await minutes(*args)  # type: ignore[arg-type]
            while late:  # after reading, before storing
                us, (v, q) = late.popitem()
                data[us] = (v, q)
                await database.writer.put_all([Batch("m1", us, (TagId(1),), [v], [q])])
            return rows

        keeper._query.minutes = interrupted  # type: ignore[method-assign, assignment]
        await keeper.catch_up()
        keeper._query.minutes = minutes  # type: ignore[method-assign]
        await check_all(database, {1: data, 2: {}}, facts[:1], "UTC", "interrupted")


async def test_the_newest_is_made_first_with_what_stands_above(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "MARKS_A_ROUND", 30)
    begins = (T - 2 * 86400 * 10**6, T)
    data: dict[int, Sample] = {t + n * 10_000_000: (float(n % 7), 0) for t in begins for n in range(180)}  # 30 min each
    async with opened(database_url, tmp_path, FakeClock(T + 2 * 86400 * 10**6)) as database:
        facts = await set_up(database)
        await database.writer.put_all(Batch("m1", us, (TagId(1),), [v], [q]) for us, (v, q) in data.items())
        await database.rollups.process()
        async with database.store.read() as connection:
            minutes = (await connection.scalars(select(tables.rollup_1m.c.time_us))).all()
            quarters = (await connection.scalars(select(tables.rollup_15m.c.time_us))).all()
        assert (len(minutes), min(minutes)) == (30, T)
        assert quarters == [T + 15 * MINUTE]  # the one before it may have marks as old as the oldest
        await check_all(database, {1: data}, facts[:1], "UTC", "half done")
        await database.rollups.catch_up()
        await check_all(database, {1: data}, facts[:1], "UTC", "done")


async def test_marks_survive_a_crash_between_samples_and_rollup(database_url: str, tmp_path: Path) -> None:
    data: dict[int, Sample] = {T + n * 1_000_000: (float(n % 7), 0) for n in range(600)}
    clock = FakeClock(T + 3 * 86400 * 10**6)
    async with opened(database_url, tmp_path, clock) as database:
        facts = await set_up(database)
        await database.writer.put_all(Batch("m1", us, (TagId(1),), [v], [q]) for us, (v, q) in data.items())
        await database.rollups.process()
    async with opened(database_url, tmp_path, clock) as database:
        await database.rollups.catch_up()
        assert await count(database, tables.rollup_1d) == 1
        assert await count(database, tables.rollup_1m) == 10
        await check_all(database, {1: data}, facts[:1], "UTC", "after a crash")


# -- days and counters by hand ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25), ("Europe/Moscow", "2026-03-29", 24),
        ("America/Santiago", "2026-09-06", 23), ("Asia/Kathmandu", "2026-01-01", 24), ("Australia/Lord_Howe", "2026-04-05", 24.5),
    ],
)
def test_days_of_a_zone(zone: str, day: str, hours: float) -> None:
    calendar = Calendar(ZoneInfo(zone))
    noon = datetime.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    us = int(noon.timestamp()) * 10**6
    begin = calendar.begin(Step.D1, us)
    end = calendar.end(Step.D1, begin)
    assert (end - begin) / 3600e6 == hours
    for inside in (begin, begin + 1, us, end - 1):
        assert calendar.begin(Step.D1, inside) == begin
        assert datetime.datetime.fromtimestamp(inside / 1e6, ZoneInfo(zone)).date().isoformat() == day
    assert calendar.begin(Step.D1, end) == end
    assert calendar.begin(Step.D1, begin - 1) < begin


@pytest.mark.parametrize(("zone", "day"), [("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25")])
async def test_days_sum_to_the_counters_difference_when_clocks_change(tmp_path: Path, zone: str, day: str) -> None:
    noon = datetime.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    begin = int(noon.timestamp()) * 10**6 - 40 * 3600 * 10**6
    readings = [(begin + n * 10 * MINUTE, 100.0 + n * 0.7) for n in range(6 * 80)]
    clock = FakeClock(readings[-1][0] + 3 * 86400 * 10**6)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        await set_up(database, zone)
        await database.writer.put_all(Batch("m1", us, (TagId(2),), [v], [0]) for us, v in readings)
        await database.rollups.catch_up()
        for step in STEPS:
            rows = (await database.samples.rollup(TagId(2), step, 0, 2**60)).rows
            assert sum(row.consumption or 0.0 for row in rows) == pytest.approx(readings[-1][1] - readings[0][1], abs=1e-9)
        days = (await database.samples.rollup(TagId(2), Step.D1, 0, 2**60)).rows
        local = [datetime.datetime.fromtimestamp(row.time_us / 1e6, ZoneInfo(zone)) for row in days]
        assert [(at.hour, at.minute) for at in local] == [(0, 0)] * len(days)
        changed = next(row for row, at in zip(days, local, strict=True) if at.date().isoformat() == day)
        hours = 23 if day.startswith("2026-03") else 25
        assert changed.consumption == pytest.approx(hours * 6 * 0.7)


async def test_a_gap_over_a_border_is_split_and_the_split_is_estimated(tmp_path: Path) -> None:
    hour = T // 3_600_000_000 * 3_600_000_000
    clock = FakeClock(hour + 86400 * 10**6 * 2)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        await set_up(database)
        readings = [(hour + at * MINUTE, v) for at, v in ((30, 10.0), (31, 11.0), (91, 71.0), (92, 72.0))]
        await database.writer.put_all(Batch("m1", us, (TagId(2),), [v], [0]) for us, v in readings)
        await database.rollups.catch_up()
        rows = (await database.samples.rollup(TagId(2), Step.H1, 0, 2**60)).rows
        assert [(r.time_us, r.count, r.consumption, r.estimated) for r in rows] == [
            (hour, 2, pytest.approx(30.0), pytest.approx(29.0)),
            (hour + 60 * MINUTE, 2, pytest.approx(32.0), pytest.approx(31.0)),
        ]
        day = (await database.samples.rollup(TagId(2), Step.D1, 0, 2**60)).rows
        assert [(r.consumption, r.estimated) for r in day] == [(pytest.approx(62.0), 0.0)]  # wholly inside: measured


async def test_the_zone_of_the_days_can_change(tmp_path: Path) -> None:
    data: dict[int, Sample] = {T + n * 30 * MINUTE: (float(n), 0) for n in range(100)}
    clock = FakeClock(T + 5 * 86400 * 10**6)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        facts = await set_up(database, "Europe/Moscow")
        await database.writer.put_all(Batch("m1", us, (TagId(1),), [v], [q]) for us, (v, q) in data.items())
        await database.rollups.catch_up()
        await check_all(database, {1: data}, facts[:1], "Europe/Moscow", "Moscow")
        await set_up(database, "Asia/Vladivostok")
        await check_all(database, {1: data}, facts[:1], "Asia/Vladivostok", "at once")
        await database.rollups.catch_up()
        await check_all(database, {1: data}, facts[:1], "Asia/Vladivostok", "Vladivostok")


def test_the_reference_itself_on_a_case_done_by_hand() -> None:
    data: dict[int, Sample] = {T: (2.0, 0), T + 10_000_000: (4.0, 0), T + 15_000_000: (None, 64), T + 40_000_000: (8.0, 0)}
    row = reference(data, GAUGE, Step.M1, ZoneInfo("UTC"))[T]
    # 2 for 10 s, 4 for 5 s, a fault, 8 for 10 s (3 intervals, at least 10 s)
    assert (row.count, row.good_count, row.covered_us) == (4, 3, 25_000_000)
    assert row.mean == pytest.approx((2 * 10 + 4 * 5 + 8 * 10) / 25)
    assert COUNTER.spec == CounterSpec()


@pytest.mark.parametrize(
    ("spans", "whole"),
    [
        ([], []),
        ([(0, 2), (4, 6)], [(0, 2), (4, 6)]),
        ([(4, 6), (0, 4)], [(0, 6)]),
        ([(0, 9), (2, 3), (8, 12)], [(0, 12)]),
    ],
)
def test_spans_that_overlap_or_touch_are_one(spans: list[tuple[int, int]], whole: list[tuple[int, int]]) -> None:
    assert merged(spans) == whole
