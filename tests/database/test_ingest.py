"""What ingesters and webs do with a shared database: a position moves once, with its samples; a lease has one holder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from database import tables
from database.columns import MINUTE_US
from database.delivery import Overtaken
from database.engine import Store
from database.ingest import IngestStore, MinuteMarks, Taken, ingest_book, shared_store
from database.lease import LEASE_S, Lease
from database.migrate import upgrade
from database.repositories.inspection import InspectionRepository
from domain.errors import ConfigError
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.inspection_reason import Reason
from domain.sample import Batch, TagEvent, TagId, TextSample
from tests.conftest import FakeClock
from tests.servers import Server

T = 1_763_548_800_000_000
TOPIC = "energy.samples"


@pytest.fixture
async def store(database_server: Server) -> AsyncIterator[Store]:
    found = Store(database_server.new_url())
    await upgrade(found)
    yield found
    await found.close()


def batch(second: int, value: float | None = 1.0, quality: int = 0, tag: int = 1) -> Batch:
    return Batch("m1", T + second * 1_000_000, (TagId(tag),), [value], [quality])


def taken(begin: int, end: int, *batches: Batch, partition: int = 0, rejected: int = 0, broken: tuple[tuple[str, str], ...] = ()) -> Taken:
    return Taken(TOPIC, partition, begin, end, batches, (), rejected, broken)


async def rows(store: Store, table: str = "sample") -> list[tuple[object, ...]]:
    async with store.read() as connection:
        return [tuple(row) for row in (await connection.execute(text(f"SELECT * FROM {table}"))).all()]


async def test_a_position_moves_with_its_samples_and_only_from_where_it_is(store: Store) -> None:
    first, sleeper = IngestStore(store, FakeClock(T)), IngestStore(store, FakeClock(T))
    assert await first.position(TOPIC, 0) is None
    await first.begin(TOPIC, 0, 5)
    await sleeper.begin(TOPIC, 0, 99)  # it is there already
    assert await sleeper.position(TOPIC, 0) == 5
    assert await first.commit([taken(5, 7, batch(1), batch(2))]) == 2
    assert await first.position(TOPIC, 0) == 7
    with pytest.raises(Overtaken):  # it slept while its share went to the first
        await sleeper.commit([taken(5, 9, batch(1, 777.0), batch(3))])
    assert [(row[1], row[2]) for row in sorted(await rows(store))] == [(T + 1_000_000, 1.0), (T + 2_000_000, 1.0)]
    assert await first.position(TOPIC, 0) == 7
    await first.begin(TOPIC, 1, 0)
    with pytest.raises(Overtaken):  # one of two partitions is enough: nothing of either is there
        await first.commit([taken(0, 1, batch(8), partition=1), taken(6, 8, batch(9))])
    assert len(await rows(store)) == 2
    assert (await ingest_book(store)).delivered == 2


async def test_what_cannot_be_kept_is_set_apart_and_counted_and_the_rest_is_there(store: Store) -> None:
    ingest = IngestStore(store, FakeClock(T))
    await ingest.begin(TOPIC, 0, 0)
    nonsense = batch(2, float("inf"))
    texts = Batch("m1", T, (), (), (), (TextSample(TagId(4), T, "программа 7"),))
    with_event = Taken(
        TOPIC, 0, 0, 6, [batch(1), nonsense, batch(3, None, 65), texts], [TagEvent(TagId(1), T, "counter_reset", "9 -> 0")], 2,
        [("offset 4: no JSON", "{\N{PILE OF POO}")],
    )  # fmt: skip
    assert await ingest.commit([with_event]) == 2
    assert len(await rows(store)) == 2
    assert [row[2] for row in await rows(store, "text_sample")] == ["программа 7"]
    assert [row[3] for row in await rows(store, "tag_event")] == ["counter_reset"]
    reasons = sorted(str(row[5]) for row in await rows(store, "quarantine"))
    assert reasons == ["energy.samples: offset 4: no JSON", "no finite value although the quality is not bad"]
    book = await ingest_book(store)
    assert (book.delivered, book.refused, book.rejected) == (2, 2, 2)


async def test_a_text_or_an_event_that_is_refused_is_counted_and_takes_no_other_with_it(store: Store) -> None:
    ingest = IngestStore(store, FakeClock(T))
    await ingest.begin(TOPIC, 0, 0)
    far = TagId(2**70)
    texts = Batch("m1", T, (), (), (), (TextSample(TagId(4), T, "kept"), TextSample(far, T, "not kept")))
    events = [TagEvent(TagId(1), T, "counter_reset", "9 -> 0"), TagEvent(far, T, "counter_reset", "8 -> 0")]
    await ingest.commit([Taken(TOPIC, 0, 0, 2, [batch(1), texts], events)])
    assert [row[2] for row in await rows(store, "text_sample")] == ["kept"]
    assert [row[3] for row in await rows(store, "tag_event")] == ["counter_reset"]
    assert sorted((str(row[7]), str(row[3])) for row in await rows(store, "quarantine")) == [
        ("event", "counter_reset: 8 -> 0"), ("text", "not kept"),
    ]
    book = await ingest_book(store)
    assert (book.delivered, book.refused, book.rejected) == (1, 2, 0)
    assert ingest.refused_entries == 2
    assert ingest.newest_refusal is not None  # told to `web`


async def test_a_late_sample_marks_its_minute_again_after_the_keeper_took_the_mark(store: Store) -> None:
    clock = FakeClock(T + 10_000_000)
    ingest = IngestStore(store, clock)
    await ingest.begin(TOPIC, 0, 0)
    await ingest.commit([taken(0, 1, batch(1))])
    (mark,) = await rows(store, "rollup_dirty")
    await ingest.commit([taken(1, 2, batch(2))])
    assert await rows(store, "rollup_dirty") == [mark]  # its minute runs: the mark is left as it is
    clock._now_us = T + 2 * MINUTE_US
    async with store.write() as connection:
        await connection.execute(tables.rollup_dirty.delete())  # the keeper, in another process
    await ingest.commit([taken(2, 3, batch(3))])
    async with store.read() as connection:
        found = (await connection.execute(select(tables.rollup_dirty.c.bucket_us))).scalars().all()
    assert list(found) == [T // MINUTE_US * MINUTE_US]


def test_marks_are_remembered_only_while_their_minute_runs() -> None:
    marks, minute = MinuteMarks(), T // MINUTE_US * MINUTE_US
    touched = [(1, minute), (2, minute)]
    assert marks.missing(touched, minute + 1) == touched
    marks.remember(touched[:1], minute + 1)
    assert marks.missing(touched, minute + MINUTE_US - 1) == touched[1:]
    assert marks.missing(touched, minute + MINUTE_US) == touched
    marks.remember(touched, minute + MINUTE_US)
    assert marks.missing(touched, minute + MINUTE_US + 1) == touched


async def test_a_lease_has_one_holder_until_it_runs_out_or_is_given_back(store: Store) -> None:
    clock = FakeClock(T)
    first, second = Lease(store, clock, "web", "first"), Lease(store, clock, "web", "second")
    assert await first.take() is None
    assert await second.take() == "first"
    assert await first.take() is None
    clock._now_us += int(LEASE_S * 1e6) + 1
    assert await second.take() is None  # the first was killed
    assert await first.take() == "second"
    await first.give_back()  # not its own any more
    assert await first.take() == "second"
    await second.give_back()
    assert await first.take() is None


def test_a_file_of_one_machine_is_refused_with_what_to_set() -> None:
    with pytest.raises(ConfigError, match="ENERGY_DATABASE__URL"):
        shared_store("sqlite+aiosqlite:////tmp/x.db")


async def test_an_inspected_item_that_comes_twice_is_one_and_keeps_its_label(store: Store) -> None:
    made, inspected = IngestStore(store, FakeClock(T)), InspectionRepository(store)
    await made.begin("energy.events", 0, 0)
    item = InspectedItem("cell", 7, T, T + 1, {"load.max": 95.0}, Verdict(7, Outcome.REJECT, 0.9, (Reason("above", "load.max", 95.0, 44.0),), "limits 1"), True)
    await made.commit([Taken("energy.events", 0, 0, 1, (), items=(item,))])
    assert await inspected.label("cell", 7, Outcome.GOOD)
    await made.commit([Taken("energy.events", 0, 1, 2, (), items=(item,))])
    found = await inspected.items("cell", 10)
    assert [(one.number, one.verdict, one.written_back, one.label) for one in found] == [(7, item.verdict, True, Outcome.GOOD)]
