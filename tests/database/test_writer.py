"""The writer keeps every sample once, in order, whatever becomes of disk and database; and its books balance."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import math
import os
import random
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select, text

from database import tables, waiting, writer
from database.delivery import DiskFull
from database.journal import Journal, Record
from domain.errors import StorageError
from domain.health import Books
from domain.sample import Batch, TagId, TextSample
from runtime.clock import SystemClock
from tests.conftest import FakeClock, eventually
from tests.database.samples import TAGS, T, batch, count, expected, opened, stored
from tests.servers import Server


def fate(books: Books) -> tuple[int, int, int, int]:
    """(delivered, pending, quarantined, dropped), after checking that all balances."""
    assert books.balanced, books
    own = books.destinations[0]
    assert books.kept == own.delivered + own.pending + own.quarantined + own.dropped, books
    return own.delivered, own.pending, own.quarantined, own.dropped


async def test_kept_as_they_came_and_again_changes_nothing(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        for number in range(300):
            database.writer.put(batch(number))
        await database.writer.settled()
        assert await stored(database) == expected(range(300))
        for number in range(100, 200):
            database.writer.put(batch(number))
        await database.writer.settled()
        assert await stored(database) == expected(range(300))
        assert fate(database.writer.books()) == (4000, 0, 0, 0)
        series = await database.samples.raw(TagId(3), T + 5_000_000, T + 20_000_000)
        assert list(series.times_us) == [T + n * 1_000_000 for n in range(5, 20)]
        assert [(v, q) for v, q in zip(series.values, series.qualities, strict=True)] == [
            expected([n])[3, T + n * 1_000_000] for n in range(5, 20)
        ]


async def test_the_later_of_two_samples_with_one_identity_counts(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        tag = (TagId(1),)
        database.writer.put(Batch("a", T, tag, [1.0], [0]))
        database.writer.put(Batch("a", T, tag, [2.0], [0]))
        await database.writer.settled()
        assert await stored(database) == {(1, T): (2.0, 0)}
        database.writer.put(Batch("a", T, tag, [None], [64]))
        await database.writer.settled()
        assert await stored(database) == {(1, T): (None, 64)}


async def test_values_no_table_can_hold_go_to_quarantine_and_stop_nothing(database_url: str, tmp_path: Path) -> None:
    bad = [
        Batch("m1", T, (TagId(1),), [math.inf], [0]),
        Batch("m1", T, (TagId(2),), [math.nan], [0]),
        Batch("m1", T, (TagId(3),), [None], [0]),
        Batch("m1", T, (TagId(2**40),), [1.0], [0]),
        Batch("m1", -5, (TagId(4),), [1.0], [0]),
        Batch("m1", T, (TagId(5),), [1.0], [999]),
    ]
    async with opened(database_url, tmp_path) as database:
        for number in range(50):
            database.writer.put(batch(number))
            if number < len(bad):
                database.writer.put(bad[number])
        await database.writer.settled()
        good = {key: v for key, v in expected(range(50)).items() if key not in {(1, T), (2, T), (3, T), (5, T)}}
        found = await stored(database)
        assert {key: found[key] for key in good} == good
        assert fate(database.writer.books()) == (500, 0, 6, 0)
        async with database.store.read() as connection:
            rows = (await connection.execute(select(tables.quarantine).order_by(tables.quarantine.c.id))).all()
        assert [(row.tag_id, row.value_text) for row in rows] == [
            (1, "inf"), (2, "nan"), (3, "nan"), (2**40, "1.0"), (4, "1.0"), (5, "1.0"),
        ]
        assert all(row.reason for row in rows)


async def test_a_text_that_is_refused_is_counted_and_takes_no_other_with_it(database_url: str, tmp_path: Path) -> None:
    words = [TextSample(TagId(4), T + n, f"программа {n}") for n in range(5)]
    half = TextSample(TagId(4), T + 5, "half of a pair \ud83d of a brokers JSON")
    wrong = TextSample(TagId(2**70), T, "no table has such a tag")
    async with opened(database_url, tmp_path) as database:
        database.writer.put(dataclasses.replace(batch(1), texts=(*words[:3], half)))
        database.writer.put(Batch("m1", T, (), (), (), (wrong,)))
        database.writer.put(dataclasses.replace(batch(2), texts=tuple(words[3:])))
        await database.writer.settled()
        async with database.store.read() as connection:
            kept = (await connection.execute(select(tables.text_sample.c.text).order_by(tables.text_sample.c.time_us))).scalars().all()
            (row,) = (await connection.execute(select(tables.quarantine))).all()
        assert kept == [*(one.text for one in words), half.text.replace("\ud83d", "\ufffd")]
        assert (row.kind, row.value_text, bool(row.reason)) == ("text", wrong.text, True)
        books = database.writer.books()
        assert (fate(books), books.destinations[0].refused_other) == ((20, 0, 0, 0), 1)  # no sample: beside the balance
    async with opened(database_url, tmp_path) as again:
        assert again.writer.books().destinations[0].refused_other == 1


async def test_postgresql_takes_no_nul_in_a_text(postgresql: Server, tmp_path: Path) -> None:
    async with opened(postgresql.new_url(), tmp_path) as database:
        database.writer.put(Batch("m1", T, (), (), (), (TextSample(TagId(4), T, "a\0b"), TextSample(TagId(4), T + 1, "c"))))
        await database.writer.settled()
        async with database.store.read() as connection:
            assert (await connection.execute(select(tables.text_sample.c.text))).scalars().all() == ["c"]
            (row,) = (await connection.execute(select(tables.quarantine))).all()
        assert (row.kind, row.value_text) == ("text", "a\ufffdb")


REFUSALS = {
    "sqlite": [
        "CREATE TRIGGER refuse BEFORE INSERT ON sample WHEN NEW.value = 3000008.5 BEGIN SELECT RAISE(ABORT, 'no'); END"
    ],
    "mysql": ["ALTER TABLE sample ADD CONSTRAINT refuse CHECK (value <> 3000008.5)"],
    "postgresql": ["ALTER TABLE sample ADD CONSTRAINT refuse CHECK (value <> 3000008.5)"],
}


async def test_a_row_the_database_refuses_is_found_and_the_rest_delivered(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        async with database.store.write() as connection:
            for statement in REFUSALS[database.store.kind]:
                await connection.execute(text(statement))
        for number in range(40):
            database.writer.put(batch(number, TAGS[:5]))
        await database.writer.settled()
        wanted = expected(range(40), TAGS[:5])
        assert wanted.pop((3, T + 8_000_000)) == (3000008.5, 0)
        assert await stored(database) == wanted
        assert fate(database.writer.books()) == (199, 0, 1, 0)
        assert await count(database, tables.quarantine) == 1


@dataclasses.dataclass
class Counted:
    read: int = 0
    filtered: int = 0
    rejected: Mapping[str, int] = dataclasses.field(default_factory=dict)


async def test_books_go_on_over_restarts(database_url: str, tmp_path: Path) -> None:
    clock = FakeClock()
    since = None
    for run in range(1, 4):
        async with opened(database_url, tmp_path, clock) as database:
            counted = Counted()
            database.writer.attach_counts(counted)
            for number in range(100):
                counted.read += 13
                counted.filtered += 1
                counted.rejected = {"unregistered": 2 * (number + 1)}
                database.writer.put(batch(run * 1000 + number))
                books = database.writer.books()
                assert books.balanced
            await database.writer.settled()
            books = database.writer.books()
            assert fate(books) == (run * 1000, 0, 0, 0)
            assert (books.read, books.filtered, books.rejected) == (run * 1300, run * 100, {"unregistered": run * 200})
            assert await database.books.load() == books
            since = since or books.since_us
            assert books.since_us == since
            assert (await database.check()).ok
        await clock.advance(1000)


async def test_texts_reach_their_table(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        words = TextSample(TagId(9), T, "O0815 «Вал»")
        database.writer.put(dataclasses.replace(batch(1), texts=(words,)))
        await database.writer.settled()
        assert await database.events.latest_texts() == [words]


async def test_closing_keeps_what_was_read_until_then(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        for number in range(30):
            database.writer.put(batch(number))
    async with opened(database_url, tmp_path) as database:
        assert await stored(database) == expected(range(30))


async def test_cancelled_anywhere_nothing_is_lost_or_counted_twice(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    rng = random.Random(3)
    number = 0
    for _ in range(12):
        async with opened(url, tmp_path, SystemClock(), flush_s=0.002, commit_s=0.003) as database:
            task = asyncio.create_task(database.writer.run())
            for _ in range(rng.randrange(1, 60)):
                database.writer.put(batch(number))
                number += 1
                await asyncio.sleep(rng.random() * 0.002)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            database.writer.put(batch(number))
            number += 1
    async with opened(url, tmp_path) as database:
        assert await stored(database) == expected(range(number))
        assert fate(database.writer.books()) == (number * 10, 0, 0, 0)


async def test_what_is_put_is_kept_and_shown_as_ok(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path, SystemClock()) as database:
        task = asyncio.create_task(database.writer.run())
        marks: list[tuple[int, int]] = []
        database.writer.on_kept(marks.extend)
        database.writer.put(batch(1))
        assert database.writer.books().in_flight == 10
        await eventually(lambda: database.writer.books().kept == 10)
        await eventually(lambda: database.writer.books().destinations[0].delivered == 10)
        status = database.writer.storage_status()
        assert (status.state, status.cause, status.backlog_samples) == ("ok", None, 0)
        assert status.disk_free_bytes > 0
        assert sorted(marks) == [(int(tag), T // 60_000_000 * 60_000_000) for tag in TAGS]
        task.cancel()


async def test_more_than_memory_holds_is_read_back_from_the_journal(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MEMORY_SAMPLES", 200)
    async with opened(database_url, tmp_path) as database:
        keeper = database.writer
        await keeper._open()
        for number in range(400):
            keeper.put(batch(number))
            if number % 7 == 0:
                await keeper._flush()
            if number == 200:
                await keeper._deliver()
        assert keeper._memory.samples <= 200
        await keeper.settled()
        assert await stored(database) == expected(range(400))
        assert fate(keeper.books()) == (4000, 0, 0, 0)
        keeper.put(batch(400))
        await keeper._flush()
        assert keeper._memory.samples == 10  # caught up: from memory again


async def test_a_batch_that_is_no_batch_costs_itself_only(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path) as database:
        with pytest.raises(ValueError, match="10 tags, 1 values"):
            database.writer.put(dataclasses.replace(batch(0), values=[1.0]))
        database.writer.put(batch(1))
        database.writer.put(dataclasses.replace(batch(2), values=["x"] * 10))  # type: ignore[list-item]
        database.writer.put(batch(3))
        await database.writer.settled()
        assert await stored(database) == expected([1, 3])
        books = database.writer.books()
        assert books.rejected == {"malformed": 20}
        assert fate(books) == (20, 0, 0, 0)


class Trouble:
    """Lets appending to the journal and committing fail as long as wanted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, database: object) -> None:
        self.journal: OSError | None = None
        self.tables: StorageError | None = None
        append = Journal.append
        delivery = database.writer._delivery  # type: ignore[attr-defined]
        deliver = delivery.deliver

        def appending(log: Journal, record: Record) -> None:
            if self.journal is not None:
                raise self.journal
            append(log, record)

        async def delivering(parcel: object) -> None:
            if self.tables is not None:
                raise self.tables
            await deliver(parcel)

        monkeypatch.setattr(Journal, "append", appending)
        monkeypatch.setattr(delivery, "deliver", delivering)


async def test_without_journal_the_database_keeps_and_without_both_memory_holds_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    async with opened(url, tmp_path, SystemClock(), flush_s=0.01, commit_s=0.01) as database:
        keeper, trouble = database.writer, Trouble(monkeypatch, database)
        task = asyncio.create_task(keeper.run())
        trouble.journal = OSError(errno.EIO, "Input/output error")
        keeper.put(batch(0))
        await eventually(lambda: fate(keeper.books()) == (10, 0, 0, 0))
        assert keeper.storage_status().state == "failed"

        trouble.tables = StorageError("away")
        keeper.put(batch(1))
        await eventually(lambda: keeper.storage_status().cause is not None)
        await asyncio.sleep(0.1)
        assert keeper.books().kept == 10
        assert keeper.books().in_flight == 10
        assert fate(keeper.books()) == (10, 0, 0, 0)

        trouble.journal = None
        await eventually(lambda: keeper.books().kept == 20)
        assert fate(keeper.books()) == (10, 10, 0, 0)
        assert keeper.storage_status().state == "journal"
        assert keeper.storage_status().cause == "away"
        trouble.tables = None
        await eventually(lambda: fate(keeper.books()) == (20, 0, 0, 0))
        assert keeper.storage_status().state == "ok"
        assert await stored(database) == expected([0, 1])
        task.cancel()


async def test_samples_that_are_not_yet_journalled_are_waited_for_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever measures what is over asks for the oldest waiting sample: after a long outage all of them wait before the journal."""
    begun, go_on, append = threading.Event(), threading.Event(), Journal.append

    def slow(self: Journal, record: Record) -> None:
        begun.set()
        assert go_on.wait(30)
        append(self, record)

    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path) as database:
        keeper = database.writer
        monkeypatch.setattr(Journal, "append", slow)
        assert keeper.storage_status().backlog_oldest_us is None
        for number in (3, 4):
            keeper.put(batch(number))
        assert keeper.storage_status().backlog_oldest_us == T + 3_000_000
        settling = asyncio.create_task(keeper.settled())
        await asyncio.to_thread(begun.wait, 30)
        keeper.put(batch(5))
        assert keeper.storage_status().backlog_oldest_us == T + 3_000_000
        go_on.set()
        await settling
        assert keeper.storage_status().backlog_oldest_us is None


async def test_a_full_disk_is_said_so_and_recovers_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    async with opened(url, tmp_path, SystemClock(), flush_s=0.01, commit_s=0.01) as database:
        keeper, trouble = database.writer, Trouble(monkeypatch, database)
        task = asyncio.create_task(keeper.run())
        reserve = tmp_path / "data" / "reserve.bin"
        await eventually(reserve.exists)
        trouble.journal, trouble.tables = OSError(errno.ENOSPC, "No space left on device"), DiskFull("database or disk is full")
        keeper.put(batch(0))
        await eventually(lambda: keeper.storage_status().state == "full")
        assert not reserve.exists()
        assert "No space left" in str(keeper.storage_status().cause)
        trouble.journal = trouble.tables = None
        await eventually(lambda: fate(keeper.books()) == (10, 0, 0, 0))
        await eventually(lambda: keeper.storage_status().state == "ok")
        await eventually(reserve.exists)
        assert await stored(database) == expected([0])
        task.cancel()


async def test_when_nothing_takes_samples_the_oldest_go_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_SAMPLES", 100)
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path) as database:
        keeper, trouble = database.writer, Trouble(monkeypatch, database)
        await keeper._open()
        trouble.journal, trouble.tables = OSError(errno.EIO, "x"), StorageError("away")
        for number in range(30):
            keeper.put(batch(number))
            if number % 5 == 0:
                assert not await keeper._flush()
        assert keeper.books().balanced
        trouble.journal = trouble.tables = None
        await keeper.settled()
        books = keeper.books()
        assert books.rejected == {"storage_full": 200}
        assert fate(books) == (100, 0, 0, 0)
        assert await stored(database) == expected(range(20, 30))
        gaps = await database.events.events(list(TAGS), T, T + 10**9)
        assert [(gap.tag_id, gap.kind, gap.time_us) for gap in gaps] == [(tag, "gap", T) for tag in TAGS]
        assert '"count": 20' in gaps[0].detail
        assert f'"to_us": {T + 19_000_000}' in gaps[0].detail


async def test_what_the_journals_limit_drops_is_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    async with opened(url, tmp_path, journal_limit_bytes=300_000) as database:
        keeper, trouble = database.writer, Trouble(monkeypatch, database)
        await keeper._open()
        trouble.tables = StorageError("away")
        rng = random.Random(1)
        total = 0
        for number in range(400):
            keeper.put(Batch("m1", T + number * 1000, TAGS * 10, [rng.random() for _ in range(100)], [0] * 100))
            total += 100
            await keeper._flush()
            delivered, pending, _, dropped = fate(keeper.books())
            assert delivered == 0
            assert pending + dropped == total
        assert dropped > 0
        assert any("journal is" in warning for warning in keeper.storage_status().warnings)
    async with opened(url, tmp_path, journal_limit_bytes=300_000) as database:
        await database.writer.settled()
        delivered, pending, _, after = fate(database.writer.books())
        assert (delivered, pending, after) == (total - dropped, 0, dropped)
        events = await database.events.events([0, *TAGS], 0, T + 10**9)
        assert any(event.kind == "gap" for event in events)


async def test_a_record_written_but_not_confirmed_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk took the bytes, then failed to sync and to cut them off: the samples come again in the next record."""

    def broken(*_args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    async with opened(url, tmp_path) as database:
        keeper, trouble = database.writer, Trouble(monkeypatch, database)
        await keeper._open()
        trouble.tables = StorageError("away")
        keeper.put(batch(0))
        assert await keeper._flush()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken)
            patch.setattr(os, "truncate", broken)
            keeper.put(batch(1))
            assert not await keeper._flush()
            assert keeper.books().kept == 10
        keeper.put(batch(2))
        assert await keeper._flush()
        assert fate(keeper.books()) == (0, 30, 0, 0)
    async with opened(url, tmp_path) as database:
        await database.writer.settled()
        assert await stored(database) == expected(range(3))
        assert fate(database.writer.books()) == (30, 0, 0, 0)


async def test_a_journal_eaten_in_the_middle_is_delivered_around_it_and_the_loss_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    async with opened(url, tmp_path) as database:
        trouble = Trouble(monkeypatch, database)
        await database.writer._open()
        trouble.tables = StorageError("away")
        for number in range(50):
            database.writer.put(batch(number))
            await database.writer._flush()
    file = next((tmp_path / "data" / "journal").glob("*.journal"))
    data = bytearray(file.read_bytes())
    third = len(data) // 3
    data[third : third + 1000] = bytes(1000)
    file.write_bytes(data)
    async with opened(url, tmp_path) as database:
        assert database.writer.books().kept == 0  # the database knows of nothing yet
        await database.writer.settled()
        found = await stored(database)
        delivered, pending, _, dropped = fate(database.writer.books())
        assert len(found) == delivered
        assert (delivered + dropped, pending) == (500, 0)
        assert 0 < dropped < 200
        assert found.items() <= expected(range(50)).items()
        assert any("journal was damaged" in warning for warning in database.writer.storage_status().warnings)
        database.writer.put(batch(50))
        await database.writer.settled()
        assert fate(database.writer.books())[0] == delivered + 10
