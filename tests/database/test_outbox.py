"""A feed's outbox: nothing taken is lost or counted twice, wherever the process is killed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from database.columns import PlanCache, encode
from database.outbox import DiskOutbox
from domain.feed import FeedEvent, Kept, Refused
from domain.sample import TextSample
from tests.database.samples import T, batch, expected, opened, stored

IDENTITY = b"0123456789abcdef"
PLANS = PlanCache()


def kept(number: int, kept_before: int | None = None) -> Kept:
    columns, block = encode([batch(number)], PLANS)
    before = (number - 1) * 10 if kept_before is None else kept_before
    return Kept(number, before, len(columns), *columns.span_us, block)


def event(number: int) -> FeedEvent:
    return FeedEvent("state", "lathe-1", "m1", T + number, f"lathe-1:{number}", {"state": "idle"})


def outbox(folder: Path, limit: int = 10**9, identity: bytes = IDENTITY) -> DiskOutbox:
    found = DiskOutbox(folder, identity, limit)
    found.open()
    return found


def killed(one: DiskOutbox) -> DiskOutbox:
    """The same folder in a new process."""
    one._journal.close()
    return outbox(one.folder, one.limit_bytes)


def balanced(one: DiskOutbox) -> bool:
    book = one.book()
    return book.taken == book.delivered + book.waiting + book.quarantined + book.dropped


def test_samples_texts_and_events_come_out_as_they_went_in(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    text = TextSample(batch(1).tag_ids[0], T, "программа 7")
    made = batch(1)
    columns, block = encode([type(made)("m1", made.time_us, made.tag_ids, made.values, made.qualities, (text,))], PLANS)
    one.append(Kept(1, 0, len(columns), *columns.span_us, block), [event(1), event(2)])
    parcel = killed(one).next(1000)
    assert parcel is not None
    assert {(tag, us): (value, quality) for tag, us, value, quality in parcel.samples} == expected([1])
    assert parcel.texts == [text]
    assert parcel.events == [event(1), event(2)]
    assert len(parcel) == 12


def test_what_was_settled_is_not_sent_again_after_a_kill_and_the_rest_is(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    for number in range(1, 6):
        one.append(kept(number), [])
    first = one.next(20)
    assert first is not None
    assert first.number == 2
    one.settle(first)
    one = killed(one)
    assert one.source_number == 5
    rest = one.next(10**6)
    assert rest is not None
    assert {row[1] for row in rest.samples} == {us for _tag, us in expected([3, 4, 5])}
    one.settle(rest)
    one = killed(one)
    assert one.next(10) is None
    assert (one.book().taken, one.book().delivered, one.book().waiting) == (50, 50, 0)
    assert one.source_number == 5  # known although the journal is empty
    assert one.book().oldest_waiting_us is None


def test_a_block_told_twice_is_taken_once_and_one_never_told_is_counted_as_dropped(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [])
    one = killed(one)
    one.append(kept(1), [])
    one.append(kept(4), [])  # blocks 2 and 3 were kept by the writer and never came here
    parcel = one.next(10**6)
    assert parcel is not None
    assert (len(parcel), parcel.missed) == (20, 20)
    one.settle(parcel)
    book = one.book()
    assert (book.taken, book.delivered, book.dropped) == (40, 20, 20)


def test_while_a_feed_is_switched_off_nothing_counts_as_lost(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [])
    one.rest()
    one = killed(one)
    assert one.source_number is None
    one.append(kept(9), [])
    parcel = one.next(10**6)
    assert parcel is not None
    assert (len(parcel), parcel.missed) == (20, 0)


def test_the_bound_on_disk_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    one = outbox(tmp_path, limit=300_000)
    for number in range(1, 3000):
        one.append(kept(number), [])
        assert one.book().size_bytes <= 300_000
    assert balanced(one)
    assert one.book().dropped > 0
    one = killed(one)
    assert balanced(one)
    before = one.book().dropped
    delivered = 0
    while (parcel := one.next(5000)) is not None:
        one.settle(parcel)
        delivered += len(parcel)
    book = one.book()
    assert (book.taken, book.delivered, book.dropped, book.waiting) == (29_990, delivered, before, 0)


def test_items_that_could_not_even_be_written_are_counted(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(None, [event(1)])
    one.miss(7)
    one.append(None, [event(2)])
    parcel = one.next(100)
    assert parcel is not None
    assert (len(parcel), parcel.missed) == (2, 7)


def refused(*numbers: int) -> Refused:
    rows = [(tag, us, value, quality) for (tag, us), (value, quality) in expected(numbers).items()]
    return Refused("field type conflict", rows, [], [event(1)])


def test_the_quarantine_is_kept_shown_retried_and_discarded(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [event(1)])
    one.append(kept(2), [])
    parcel = one.next(10**6)
    assert parcel is not None
    one.settle(parcel, [refused(1)])
    one = killed(one)
    assert balanced(one)
    assert (one.book().quarantined, one.book().delivered) == (11, 10)
    assert one.quarantine() == [refused(1)]
    assert one.retry_quarantine() == 11
    one = killed(one)
    assert (one.book().taken, one.book().waiting, one.book().quarantined) == (21, 11, 0)
    again = one.next(100)
    assert again is not None
    assert {row[:2] for row in again.samples} == set(expected([1]))
    assert again.events == [event(1)]
    one.settle(again, [refused(1)])
    assert one.discard_quarantine() == 11
    book = killed(one).book()
    assert (book.taken, book.delivered, book.dropped, book.quarantined, book.waiting) == (21, 10, 11, 0, 0)


def test_killed_between_queueing_the_quarantine_and_emptying_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [event(1)])
    parcel = one.next(100)
    assert parcel is not None
    one.settle(parcel, [refused(1)])
    monkeypatch.setattr(DiskOutbox, "_empty_quarantine", lambda self, again: None)
    one.retry_quarantine()
    monkeypatch.undo()
    one = killed(one)
    book = one.book()
    assert (book.taken, book.waiting, book.quarantined) == (11, 11, 0)


def test_a_half_written_refusal_does_not_count(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [event(1)])
    parcel = one.next(100)
    assert parcel is not None
    one._add_to_quarantine([refused(1)])  # killed before the position was written
    one = killed(one)
    assert one.quarantine() == []
    again = one.next(100)
    assert again is not None
    one.settle(again, [refused(1)])
    assert one.quarantine() == [refused(1)]
    assert balanced(one)


def test_a_lost_position_means_that_everything_left_is_sent_again(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    for number in (1, 2):
        one.append(kept(number), [])
    (tmp_path / "position.json").write_text("{")
    one = killed(one)
    parcel = one.next(100)
    assert parcel is not None
    assert len(parcel) == 20
    assert balanced(one)


def test_an_outbox_of_another_database_is_set_aside(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [])
    one.close()
    other = outbox(tmp_path, identity=b"another database")
    assert other.next(100) is None
    assert other.book().taken == 0
    assert list((tmp_path / "damaged").iterdir())


def test_a_damaged_stretch_is_counted_and_the_rest_goes_out(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    for number in range(1, 10):
        one.append(kept(number), [])
    one.close()
    file = next(tmp_path.glob("*.journal"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4] = b"XXXX"
    file.write_bytes(data)
    one = outbox(tmp_path)
    parcel = one.next(10**6)
    assert parcel is not None
    assert parcel.missed == 10
    assert len(parcel) == 80
    one.settle(parcel)
    assert balanced(one)
    assert json.loads((tmp_path / "position.json").read_text())["dropped"] == 10


async def test_a_process_killed_between_keeping_and_telling_leaves_no_hole_in_the_outbox(tmp_path: Path) -> None:
    """The writer tells at its next start what its journal still holds beyond the outbox."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    told: list[Kept] = []
    async with opened(url, tmp_path) as database:
        writer = database.writer
        one = database.outbox("x", 10**9)
        one.open()
        writer.follow(lambda kept: one.append(kept, []), lambda: one.source_number)
        await writer._open()
        writer.put(batch(1))
        assert await writer._flush()
        writer._followers.clear()  # killed here: what follows is in the writer's journal only
        for number in (2, 3):
            writer.put(batch(number))
            assert await writer._flush()
        one.close()
        await writer._on_disk(writer._journal.close)
        writer._opened = False
    async with opened(url, tmp_path) as database:
        one = database.outbox("x", 10**9)
        one.open()
        assert one.source_number == 1
        database.writer.follow(lambda kept: (told.append(kept), one.append(kept, []))[0], lambda: one.source_number)
        await database.writer.settled()
        assert [kept.number for kept in told] == [2, 3]
        parcel = one.next(1000)
        assert parcel is not None
        assert parcel.missed == 0
        assert {(tag, us): (value, quality) for tag, us, value, quality in parcel.samples} == expected([1, 2, 3])
        assert await stored(database) == expected([1, 2, 3])
        one.close()
