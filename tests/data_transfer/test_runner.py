"""A feed's way from the writer to the destination: nothing lost, nothing blocked, books in balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import data_transfer.runner as feed_runner
from data_transfer.host import FeedHost
from data_transfer.targets import judge
from domain.errors import NotFound
from domain.feed import DestinationAway, Parcel, Refused
from tests.conftest import eventually
from tests.data_transfer.plant import T, balanced, event, kept, runner, running


class Far:
    """A destination that does what the test says."""

    def __init__(self, answer: Callable[[Parcel], Sequence[Refused]] | None = None) -> None:
        self.answer = answer or (lambda _parcel: ())
        self.answers: Counter[str] = Counter()
        self.rows: list[tuple[int, int]] = []
        self.events: list[str] = []
        self.opened = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Far]:
        self.opened += 1
        yield self

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        refused = self.answer(parcel)
        gone = {row[:2] for one in refused for row in one.samples}
        self.rows += [row[:2] for row in parcel.samples if row[:2] not in gone]
        self.events += [e.identity for e in parcel.events]
        return refused


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(feed_runner, "LONGEST_PAUSE_S", 0.1)


async def test_all_of_it_arrives_in_order(tmp_path: Path) -> None:
    far = Far()
    async with running(runner("x", far.open, tmp_path)) as feed:
        for number in range(1, 21):
            feed.take(kept(number))
            feed.event(event(number))
            await asyncio.sleep(0)
        await eventually(lambda: feed.status().book.delivered == 80)
        assert far.rows == [(tag, T + n * 1_000_000) for n in range(1, 21) for tag in (1, 2, 3)]
        assert far.events == [f"lathe-1:{n}" for n in range(1, 21)]
        assert feed.status().state == "ok"
        assert balanced(feed.status())


async def test_a_destination_away_keeps_everything_through_a_restart(tmp_path: Path) -> None:
    def away(_parcel: Parcel) -> Sequence[Refused]:
        raise DestinationAway("broken pipe")

    async with running(runner("x", Far(away).open, tmp_path)) as feed:
        for number in range(1, 11):
            feed.take(kept(number))
        await eventually(lambda: feed.status().state == "away" and feed.status().book.waiting == 30)
        status = feed.status()
        assert status.last_error == "broken pipe"
        assert status.next_attempt_us is not None
        assert balanced(status)
        feed.event(event(1))  # still in memory when the program stops
    far = Far()
    async with running(runner("x", far.open, tmp_path)) as feed:
        assert feed.source_number == 10
        feed.take(kept(10))  # the writer tells its last block again: it is here already
        feed.take(kept(11))
        await eventually(lambda: feed.status().book.delivered == 34)
        assert len(far.rows) == len(set(far.rows)) == 33
        assert far.events == ["lathe-1:1"]


async def test_what_is_refused_goes_to_the_quarantine_and_the_rest_arrives(tmp_path: Path) -> None:
    def picky(parcel: Parcel) -> Sequence[Refused]:
        return [Refused("too high", [row]) for row in parcel.samples if row[0] == 2]

    far = Far(picky)
    async with running(runner("x", far.open, tmp_path)) as feed:
        for number in range(1, 6):
            feed.take(kept(number))
        await eventually(lambda: feed.status().book.delivered == 10)
        assert feed.status().book.quarantined == 5
        assert {one.reason for one in await feed.quarantine()} == {"too high"}
        far.answer = lambda _parcel: ()
        assert (await feed.retry_quarantine()).items == 5
        await eventually(lambda: feed.status().book.delivered == 15)
        assert feed.status().book.quarantined == 0
        assert balanced(feed.status())


async def test_a_parcel_that_crashes_the_feed_does_not_hold_up_the_others(tmp_path: Path) -> None:
    def mad(parcel: Parcel) -> Sequence[Refused]:
        if any(row[1] == T + 1_000_000 for row in parcel.samples):
            raise ZeroDivisionError
        return ()

    far = Far(mad)
    feed = runner("x", far.open, tmp_path, most=3)
    await feed.open()
    for number in range(1, 4):
        feed.take(kept(number))
    crashes = 0
    async with asyncio.timeout(20):
        while True:
            task = asyncio.create_task(feed.run())
            done = asyncio.create_task(eventually(lambda: feed.status().book.delivered == 6))
            await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED)
            for one in (task, done):
                one.cancel()
            await asyncio.gather(task, done, return_exceptions=True)
            if done.done() and not done.cancelled():
                break
            crashes += 1
    assert crashes == 2 * feed_runner.TRIES_OF_A_STUBBORN_PARCEL  # alone nothing of it is taken; then with what comes after it
    assert feed.status().book.quarantined == 3
    await feed.close()


async def test_a_parcel_that_breaks_the_way_each_time_is_sifted_and_the_next_goes_quicker(tmp_path: Path) -> None:
    """As a broker does that cuts the connection: nothing can be sent on it after that."""

    def choosy(parcel: Parcel) -> Sequence[Refused]:
        if any(row[0] == 2 for row in parcel.samples):
            raise DestinationAway("the connection broke", at_parcel=True)
        return ()

    far = Far(choosy)
    async with running(runner("x", far.open, tmp_path, most=12)) as feed:
        for number in range(1, 9):
            feed.take(kept(number))
        await eventually(lambda: feed.status().book.delivered == 16, 60)
        assert feed.status().book.quarantined == 8
        assert balanced(feed.status())
        assert {(one.reason, one.samples[0][0]) for one in await feed.quarantine()} == {("the connection broke", 2)}
        seen = list(dict.fromkeys(far.rows))
        assert seen == [(tag, T + n * 1_000_000) for n in range(1, 9) for tag in (1, 3)]


async def test_a_destination_that_fails_upon_everything_gets_everything_in_order_later(tmp_path: Path) -> None:
    sick = True

    def ill(_parcel: Parcel) -> Sequence[Refused]:
        if sick:
            raise DestinationAway("HTTP 500", at_parcel=True, way_open=True)
        return ()

    far = Far(ill)
    async with running(runner("x", far.open, tmp_path)) as feed:
        feed.take(kept(1))
        await eventually(lambda: far.opened > 20, 30)
        assert feed.status().state == "away"
        feed.take(kept(2))
        sick = False
        await eventually(lambda: feed.status().book.delivered == 6, 30)
        assert feed.status().book.quarantined == 0
        newest = {row: at for at, row in enumerate(far.rows)}
        assert sorted(newest, key=newest.__getitem__) == [(tag, T + n * 1_000_000) for n in (1, 2) for tag in (1, 2, 3)]


async def test_an_outbox_that_cannot_be_written_waits_in_memory_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = Far()
    async with running(runner("x", far.open, tmp_path)) as feed:
        full = True

        def append(journal: object, record: object, real: object = feed._outbox._journal.__class__.append) -> None:  # type: ignore[attr-defined]
            if full:
                raise OSError(28, "No space left on device")
            real(journal, record)  # type: ignore[operator]

        monkeypatch.setattr("database.journal.Journal.append", append)
        feed.take(kept(1))
        feed.event(event(1))
        await eventually(lambda: feed.status().state == "failed")
        assert "No space left" in (feed.status().last_error or "")
        feed.take(kept(2))
        full = False
        await eventually(lambda: feed.status().book.delivered == 7)
        assert feed.status().state == "ok"
        assert balanced(feed.status())


async def test_a_queue_over_its_bound_counts_what_it_drops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "QUEUE_SAMPLES", 10)
    far = Far()
    feed = runner("x", far.open, tmp_path)
    await feed.open()
    feed.take(kept(1))
    await feed._flush()
    for number in range(2, 12):  # 30 samples while the disk stands still
        feed.take(kept(number))
    task = asyncio.create_task(feed.run())
    await eventually(lambda: feed.status().book.waiting == 0 and far.events)
    status = feed.status()
    assert (status.book.taken, status.book.delivered, status.book.dropped) == (34, 13, 21)
    (gap,) = status.gaps
    assert (gap.items, gap.reason) == (21, "unwritten")
    assert far.events == [f"x:{gap.from_us}:{gap.to_us}:{gap.noticed_us}"]  # the destination knows what it did not get
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await feed.close()


async def test_one_feed_away_does_not_delay_another(tmp_path: Path) -> None:
    stuck = asyncio.Event()

    class Hanging(Far):
        async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
            await stuck.wait()
            return ()

    far, hanging = Far(), Hanging()
    feeds = [runner("good", far.open, tmp_path), runner("bad", hanging.open, tmp_path)]
    host = FeedHost(feeds)
    await host.open()
    tasks = [asyncio.create_task(job()) for job in host.jobs().values()]
    for number in range(1, 11):
        for take, _after in host.followers():
            take(kept(number))
    await eventually(lambda: host.feeds()[0].book.delivered == 30)
    await eventually(lambda: host.feeds()[1].book.waiting == 30)
    with pytest.raises(NotFound):
        await host.quarantine("nobody")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await host.close()


@pytest.mark.parametrize(
    ("address", "port", "allowed"),
    [("192.168.1.5", 8086, True), ("127.0.0.1", 8086, True), ("127.0.0.1", 8080, False), ("169.254.169.254", 80, False),
     ("fe80::1%eth0", 8086, False), ("::ffff:169.254.1.1", 1, False), ("224.0.0.1", 1, False), ("0.0.0.0", 1, False)],
)  # fmt: skip
def test_no_feed_goes_to_link_local_addresses_or_our_own_ports(address: str, port: int, allowed: bool) -> None:
    if allowed:
        judge(address, port, frozenset({8080}))
    else:
        with pytest.raises(DestinationAway):
            judge(address, port, frozenset({8080}))
