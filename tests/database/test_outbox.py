"""A feed's outbox: nothing taken is lost or counted twice, wherever the process is killed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from database.columns import PlanCache, encode
from database.followers import Followers
from database.outbox import DiskOutbox
from domain.feed import BacklogCost, BacklogPart, FeedEvent, Kept, Moved, Refused
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
    (gap,) = one.gaps()
    assert (gap.items, gap.reason) == (20, "unwritten")
    assert max(us for _tag, us in expected([1])) <= gap.from_us <= gap.to_us <= min(us for _tag, us in expected([4]))


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
    assert gaps(one) == [("full", one.book().dropped)]  # one that grows, known while the destination is still away
    (gap,) = one.gaps()
    assert gap.from_us == min(us for _tag, us in expected([1]))
    one = killed(one)
    assert balanced(one)
    before = one.book().dropped
    assert one.gaps() == [gap]
    first = one.next(10)
    assert first is not None
    assert gap.to_us < min(row[1] for row in first.samples)
    delivered = 0
    while (parcel := one.next(5000)) is not None:
        one.settle(parcel)
        delivered += len(parcel)
    book = one.book()
    assert (book.taken, book.delivered, book.dropped, book.waiting) == (29_990, delivered, before, 0)
    assert one.gaps() == [gap]


def test_items_that_could_not_even_be_written_are_counted(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(None, [event(1)])
    one.append(None, [event(9)], [event(number) for number in range(2, 9)])
    parcel = one.next(100)
    assert parcel is not None
    assert (len(parcel), parcel.missed) == (2, 7)
    (gap,) = one.gaps()
    assert (gap.from_us, gap.to_us, gap.items, gap.reason) == (T + 2, T + 8, 7, "unwritten")
    one.settle(parcel)
    assert killed(one).gaps() == [gap]  # not told a second time when it is noticed on the way out
    assert balanced(one)


def gaps(one: DiskOutbox) -> list[tuple[str, int]]:
    return [(gap.reason, gap.items) for gap in one.gaps()]


def refused(*numbers: int) -> Refused:
    rows = [(tag, us, value, quality) for (tag, us), (value, quality) in expected(numbers).items()]
    return Refused("field type conflict", rows, [], [event(1)])


def shown(one: DiskOutbox) -> list[Refused]:
    return [Refused(entry.reason, entry.samples, entry.texts, entry.events) for entry in one.quarantine()]


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
    assert shown(one) == [refused(1)]
    assert one.retry_quarantine() == Moved(1, 11)
    one = killed(one)
    assert (one.book().taken, one.book().waiting, one.book().quarantined) == (21, 11, 0)
    again = one.next(100)
    assert again is not None
    assert {row[:2] for row in again.samples} == set(expected([1]))
    assert again.events == [event(1)]
    one.settle(again, [refused(1)])
    assert one.discard_quarantine() == Moved(1, 11)
    book = killed(one).book()
    assert (book.taken, book.delivered, book.dropped, book.quarantined, book.waiting) == (21, 10, 11, 0, 0)
    assert gaps(one) == [("given_up", 11)]


def test_killed_between_queueing_the_quarantine_and_emptying_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [event(1)])
    parcel = one.next(100)
    assert parcel is not None
    one.settle(parcel, [refused(1)])
    monkeypatch.setattr(DiskOutbox, "_take_out", lambda self, *told: None)
    one.retry_quarantine()
    monkeypatch.undo()
    one = killed(one)
    book = one.book()
    assert (book.taken, book.waiting, book.quarantined) == (11, 11, 0)


def numbers(one: DiskOutbox) -> list[int]:
    return [entry.number for entry in one.quarantine()]


def with_refusals(folder: Path, *parts: Refused) -> DiskOutbox:
    one = outbox(folder)
    one.append(kept(1), [event(number) for number in range(1, 4)])
    parcel = one.next(100)
    assert parcel is not None
    one.settle(parcel, parts)
    return one


def told(number: int, reason: str = "no") -> Refused:
    return Refused(reason, events=[event(number)])


def test_single_entries_are_sent_again_or_given_up_and_the_others_stay(tmp_path: Path) -> None:
    one = killed(with_refusals(tmp_path, told(1), told(2, "too long"), told(3)))
    first, second, third = one.quarantine()
    assert first.number < second.number < third.number
    assert first.refused_us > 1_700_000_000_000_000
    assert [entry.reason for entry in one.quarantine(1, 1)] == ["too long"]
    assert one.quarantine(100, 0, [second.number, 7]) == [second]
    assert one.retry_quarantine([second.number, 7]) == Moved(1, 1)
    one = killed(one)
    assert (numbers(one), one.book().waiting, balanced(one)) == ([first.number, third.number], 1, True)
    again = one.next(100)
    assert again is not None
    assert again.events == second.events
    one.settle(again, [told(2, "still too long")])
    assert numbers(one)[:2] == [first.number, third.number]
    assert one.retry_quarantine([second.number]) == Moved(0, 0)  # it has another number now
    assert one.discard_quarantine([first.number]) == Moved(1, 1)
    one = killed(one)
    assert [entry.reason for entry in one.quarantine()] == ["no", "still too long"]
    assert (one.book().dropped, one.book().quarantined, one.book().refusals, balanced(one)) == (1, 2, 2, True)
    assert gaps(one) == [("given_up", 1)]
    assert len(list(tmp_path.glob("quarantine*"))) == 1


def test_killed_between_queueing_some_entries_and_taking_them_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = with_refusals(tmp_path, told(1), told(2), told(3))
    first, second, third = numbers(one)
    with monkeypatch.context() as dead:
        dead.setattr(DiskOutbox, "_take_out", lambda self, *told: None)
        one.retry_quarantine([second])
    one = killed(one)
    assert (numbers(one), one.book().waiting, balanced(one)) == ([first, third], 1, True)


def test_a_position_that_cannot_be_written_brings_no_entry_back_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = with_refusals(tmp_path, told(1), told(2), told(3))
    first, second, third = numbers(one)

    def full(path: Path, data: bytes) -> None:
        raise OSError("full")

    with monkeypatch.context() as disk:
        disk.setattr("database.outbox._replace", full)
        with pytest.raises(OSError, match="full"):
            one.retry_quarantine([second])
        one.append(None, [event(9)])  # the newest record is another one then
    assert (numbers(one), one.book().waiting, balanced(one)) == ([first, third], 2, True)
    one = killed(one)
    assert (numbers(one), one.book().waiting, balanced(one)) == ([first, third], 2, True)
    assert one.discard_quarantine([first, third]) == Moved(2, 2)
    assert (killed(one).quarantine(), balanced(one)) == ([], True)


def test_entries_of_before_they_had_numbers_are_told_apart_too(tmp_path: Path) -> None:
    one = with_refusals(tmp_path, told(1), told(2), told(3))
    lines = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    old = "".join(json.dumps({k: v for k, v in line.items() if k not in {"number", "refused_us"}}) + "\n" for line in lines)
    (tmp_path / "quarantine.jsonl").write_text(old)
    position = json.loads((tmp_path / "position.json").read_text())
    del position["quarantine_file"]
    (tmp_path / "position.json").write_text(json.dumps(position | {"quarantine_bytes": len(old)}))
    one = killed(one)
    assert numbers(one) == [1, 2, 3]
    one.discard_quarantine([2])
    assert numbers(killed(one)) == [1, 3]


def test_a_refused_text_alone_can_be_sent_again_and_given_up(tmp_path: Path) -> None:
    """It has no item in the books, and is an entry nevertheless."""
    text = TextSample(batch(1).tag_ids[0], T, "x" * 1000)
    one = with_refusals(tmp_path, Refused("too long", texts=[text]), Refused("too long", texts=[text]))
    assert (one.book().quarantined, one.book().refusals, one.book().texts_refused) == (0, 2, 2)
    assert one.book().newest_refusal == (one.quarantine()[-1].refused_us, "too long")
    one = killed(one)
    assert one.book().texts_refused == 2
    assert one.retry_quarantine() == Moved(2, 0)
    one = killed(one)
    again = one.next(100)
    assert again is not None
    assert again.texts == [text, text]
    one.settle(again, [Refused("too long", texts=[text])])
    assert one.discard_quarantine() == Moved(1, 0)
    assert (one.book().refusals, one.book().texts_refused, gaps(one), balanced(one)) == (0, 0, [], True)


def test_the_old_part_of_a_backlog_is_given_up_and_the_newest_stay(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    for number in range(1, 11):
        one.append(kept(number), [])
    each = one.book().waiting // 10
    fifth = one.next(5 * each)
    assert fifth is not None
    until_us = max(row[1] for row in fifth.samples)
    cost = one.backlog_cost(BacklogPart(before_us=until_us + 1))
    assert (cost.items, cost.to_us) == (5 * each, until_us)
    assert one.backlog_cost(BacklogPart(before_us=until_us)).items == 4 * each  # nothing as young as that
    assert one.backlog_cost(BacklogPart(keep=5 * each + 1)).items == 4 * each  # never fewer
    assert one.backlog_cost(BacklogPart(keep=100 * each)) == BacklogCost(0)
    assert one.discard_backlog(BacklogPart(before_us=0)) == 0
    assert one.discard_backlog(BacklogPart(before_us=until_us + 1)) == 5 * each
    one = killed(one)
    book = one.book()
    assert (book.waiting, book.dropped, balanced(one)) == (5 * each, 5 * each, True)
    (gap,) = one.gaps()
    assert (gap.reason, gap.items, gap.to_us) == ("given_up", 5 * each, until_us)
    assert one.discard_backlog(BacklogPart(keep=2 * each)) == 3 * each
    left = one.next(1000)
    assert left is not None
    assert (len(left), left.missed, left.number) == (2 * each, 0, 10)
    one.settle(left)
    assert (one.book().waiting, balanced(one)) == (0, True)


def test_a_half_written_refusal_does_not_count(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    one.append(kept(1), [event(1)])
    parcel = one.next(100)
    assert parcel is not None
    one._refused.append(one._shelf, [refused(1)], T)  # killed before the position was written
    one = killed(one)
    assert shown(one) == []
    again = one.next(100)
    assert again is not None
    one.settle(again, [refused(1)])
    assert shown(one) == [refused(1)]
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
    assert gaps(one) == [("damaged", 10)]
    assert gaps(killed(one)) == [("damaged", 10)]


def test_a_missing_segment_is_a_gap_known_at_the_start(tmp_path: Path) -> None:
    one = outbox(tmp_path, limit=1_000_000)
    for number in range(1, 2000):
        one.append(kept(number), [])
    one.close()
    segments = sorted(tmp_path.glob("*.journal"))
    assert len(segments) > 4
    segments[0].unlink()
    segments[2].unlink()
    one = outbox(tmp_path, limit=1_000_000)
    assert [gap.reason for gap in one.gaps()] == ["damaged"]  # the first is seen at once, the other on the way out
    delivered = 0
    while (parcel := one.next(5000)) is not None:
        one.settle(parcel)
        delivered += len(parcel)
        assert balanced(one)
    book = one.book()
    assert book.delivered == delivered
    assert sum(gap.items for gap in one.gaps()) == book.dropped == book.taken - delivered > 0
    assert len(one.gaps()) == 2


def test_what_waits_can_be_given_up_and_the_next_goes_out(tmp_path: Path) -> None:
    one = outbox(tmp_path)
    assert one.discard_backlog() == 0
    for number in (1, 2):
        one.append(kept(number), [event(number)])
    assert one.discard_backlog() == 22
    assert gaps(one) == [("given_up", 22)]
    assert one.next(100) is None
    one.append(kept(3), [])
    one = killed(one)
    book = one.book()
    assert (book.taken, book.waiting, book.dropped) == (32, 10, 22)
    parcel = one.next(100)
    assert parcel is not None
    assert {row[:2] for row in parcel.samples} == set(expected([3]))
    assert parcel.missed == 0


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
        writer._followers = Followers()  # killed here: what follows is in the writer's journal only
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
