"""What no table holds, on every database: read, counted, discarded, and never more of it than its bound."""

from __future__ import annotations

from pathlib import Path

from application.refused import StorageFacts
from database.repositories import QuarantineRepository
from domain.sample import Batch, TagId, TextSample
from tests.conftest import FakeClock
from tests.database.samples import T, batch, opened


async def test_entries_are_read_counted_and_discarded(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as database:
        for number in range(5):
            database.writer.put(Batch("m1", T + number, (TagId(1),), [float("inf")], [0]))
        database.writer.put(Batch("m1", T, (), (), (), (TextSample(TagId(2**70), T, "words"),)))
        database.writer.put(batch(1))
        await database.writer.settled()
        store = QuarantineRepository(database.store)
        summary = await store.summary()
        assert (summary.entries, summary.by_kind) == (6, {"sample": 5, "text": 1})
        newest, *_, oldest = await store.rows(10)
        assert (summary.newest, newest.id - oldest.id, oldest.value) == (newest, 5, "inf")
        assert [one.id for one in await store.rows(2, 1)] == [newest.id - 1, newest.id - 2]
        assert [one.id for one in await store.rows(9, 0, [oldest.id, 99_999])] == [oldest.id]
        facts = StorageFacts(database.writer.storage_status, store, database.size_bytes, FakeClock(T), lambda tag_id: f"tag {tag_id}")
        await facts._look(0)
        status = facts.status()
        assert status.size_bytes is not None
        assert status.size_bytes > 10_000
        assert status.last_write_us is not None
        assert status.refused is not None
        assert status.refused.entries == 6
        assert await store.discard([oldest.id, 99_999], newest.id) == 1
        assert await store.shorten(2) == 3
        assert [one.id for one in await store.rows(9)] == [newest.id, newest.id - 1]
        assert await store.discard(None, newest.id - 1) == 1  # one that came meanwhile stays
        assert await store.discard(None, newest.id) == 1
        assert (await store.summary()).newest is None
        assert database.writer.books().destinations[0].quarantined == 5  # what was refused stays refused
