"""Giving data on: what a feed carries, how its outbox keeps it, and what became of it at the destination."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.access import Actor
from domain.errors import MonitorError
from domain.health import DestinationBook
from domain.sample import TextSample

SampleRow = tuple[int, int, float | None, int]  # tag id, UTC microseconds, value in its canonical unit or None, quality

ALIGNED, LOOP_EPISODE = "aligned", "loop_episode"  # kinds of events that have a place of their own: frames, results of loops
ITEM = "item"  # an inspected part with its verdict, judged at a collector
GAP = "gap"  # what the feed itself could not keep

FEED_NAMES = ("kafka", "influxdb", "mqtt", "sparkplug")
"""Feeds that send; opcua_server and modbus_server are asked by others."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something that happened, as a feed tells it. `body` is JSON; (kind, identity) is its identity wherever it arrives."""

    kind: str  # state | alert | tag | aligned | loop_episode | item | gap
    subject: str  # machine, tag or condition it is about
    device_id: str | None
    time_us: int
    identity: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """One journalled block of samples, as the writer kept it; `kept_before`: samples it had kept before this one."""

    number: int
    kept_before: int
    samples: int
    from_us: int
    to_us: int
    block: bytes


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes out at once, oldest first. `missed`: items that were taken before these and are no longer on the disk."""

    number: int  # newest record of the outbox in it
    samples: Sequence[SampleRow] = ()
    texts: Sequence[TextSample] = ()
    events: Sequence[FeedEvent] = ()
    missed: int = 0

    def __len__(self) -> int:
        """Items in the books: samples and events; texts ride along with the samples."""
        return len(self.samples) + len(self.events)


@dataclass(frozen=True, slots=True)
class Refused:
    """Items of a parcel that the destination will never take, and why in its own words."""

    reason: str
    samples: Sequence[SampleRow] = ()
    texts: Sequence[TextSample] = ()
    events: Sequence[FeedEvent] = ()

    def __len__(self) -> int:
        return len(self.samples) + len(self.events)


@dataclass(frozen=True, slots=True)
class Quarantined(Refused):
    """One entry of the quarantine: what was refused together, one message or one point.

    `number` is its name for as long as it is there, and grows; `refused_us` is 0 where nobody noted when that was.
    """

    number: int = 0
    refused_us: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of entries of the quarantine: how many they were, and how many items of the books were in them."""

    entries: int
    items: int


@dataclass(frozen=True, slots=True)
class FeedGap:
    """Items a destination never gets. `to_us`: the newest of them; where nobody knows, both times are those of its neighbours.

    `reason`: full (the outbox was at its limit), unwritten (the outbox could not be written), damaged (its files cannot be read),
    refused_full (the quarantine was at its limit), given_up (a person did).
    """

    from_us: int
    to_us: int
    items: int
    reason: str
    noticed_us: int


@dataclass(frozen=True, slots=True)
class OutboxBook:
    """taken = delivered + waiting + quarantined + dropped, across restarts."""

    taken: int
    delivered: int
    waiting: int
    quarantined: int
    dropped: int
    oldest_waiting_us: int | None
    size_bytes: int
    limit_bytes: int
    refusals: int = 0  # entries of the quarantine
    texts_refused: int = 0  # those of texts alone, which are no items in the books
    newest_refusal: tuple[int, str] | None = None  # when (0: not noted) and why


@dataclass(frozen=True, slots=True)
class BacklogPart:
    """Which of what waits is meant: all, what is older than `before_us`, or all but about `keep` of the newest items.

    What was kept together goes together: no item that is younger or among the newest is touched.
    """

    before_us: int | None = None
    keep: int | None = None

    @property
    def whole(self) -> bool:
        return self.before_us is None and self.keep is None


EVERYTHING = BacklogPart()


@dataclass(frozen=True, slots=True)
class BacklogCost:
    """What giving it up would cost: items, from the oldest to the newest of them."""

    items: int
    from_us: int | None = None
    to_us: int | None = None


class Outbox(Protocol):
    """A feed's own queue on the disk. Calls block: one thread at a time. OSError: nothing of the call counts."""

    def open(self) -> None:
        """Find what an earlier run left."""
        ...

    def close(self) -> None: ...

    @property
    def source_number(self) -> int | None:
        """The newest block of the writer that is in here; None when there was none yet."""
        ...

    @property
    def source(self) -> tuple[int, int] | None:
        """Its number, and how many samples were kept up to its end."""
        ...

    def append(self, kept: Kept | None, events: Sequence[FeedEvent], lost: Sequence[FeedEvent] = ()) -> None:
        """Keep a block of samples and events, synced; what is in here already is not taken a second time.

        `lost`: events that could not be kept: counted as dropped. Blocks that never came are noticed by their numbers.
        """
        ...

    def next(self, most: int) -> Parcel | None:
        """The oldest waiting items, about `most`; None when nothing waits."""
        ...

    def settle(self, parcel: Parcel, refused: Sequence[Refused] = ()) -> None:
        """The destination's final answer about `parcel`: all but `refused` is delivered."""
        ...

    def quarantine(self, most: int = 100, skip: int = 0, numbers: Collection[int] | None = None) -> Sequence[Quarantined]:
        """The oldest refused entries with their reasons, `skip` of them passed over; of `numbers` only where there are such."""
        ...

    def retry_quarantine(self, numbers: Collection[int] | None = None) -> Moved:
        """Queue what was refused once more: everything, or those entries of `numbers` that are still there."""
        ...

    def discard_quarantine(self, numbers: Collection[int] | None = None) -> Moved:
        """Give up what was refused, chosen likewise: counted as dropped."""
        ...

    def backlog_cost(self, part: BacklogPart) -> BacklogCost:
        """What `discard_backlog` would give up. Reads what waits, up to its end."""
        ...

    def discard_backlog(self, part: BacklogPart = EVERYTHING) -> int:
        """Give up what waits, or a part of it: counted as dropped; how many items."""
        ...

    def gaps(self) -> Sequence[FeedGap]:
        """What was dropped, the newest last; some hundreds at most."""
        ...

    def new_gaps(self) -> Sequence[FeedGap]:
        """Those noticed since the last call."""
        ...

    def book(self) -> OutboxBook: ...


class DestinationAway(MonitorError):
    """The destination takes nothing now: keep it, try again, after `retry_after_s` when it said so.

    `at_parcel`: it failed upon this very parcel, and may do so whenever it sees it. `way_open`: the next can be sent at once.
    """

    def __init__(
        self, reason: str, retry_after_s: float | None = None, *, at_parcel: bool = False, way_open: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after_s, self.at_parcel, self.way_open = retry_after_s, at_parcel, way_open


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """`state`: off | starting | ok | behind (a backlog is being worked off) | away (destination does not take it) | failed."""

    name: str
    state: str
    target: str
    since_us: int
    last_success_us: int | None
    last_error: str | None
    next_attempt_us: int | None
    book: OutboxBook
    answers: Mapping[str, int] = field(default_factory=dict)  # counts by kind of answer since start
    gaps: Sequence[FeedGap] = ()  # the newest last

    def as_destination(self) -> DestinationBook:
        """Its line in the books."""
        book = self.book
        return DestinationBook(
            self.name, self.state != "off", book.delivered, book.waiting, book.quarantined, book.dropped,
            self.last_error, book.oldest_waiting_us, book.taken, book.texts_refused,
        )  # fmt: skip


class FeedService(Protocol):
    """The feeds as pages and the API meet them. What is refused is an administrator's business: each call raises Forbidden."""

    def feeds(self) -> Sequence[FeedStatus]:
        """Every feed that is on, and those that are off with something left on the disk. From memory."""
        ...

    def tag_name(self, tag_id: int) -> str:
        """As people know it; the number of one that nobody knows."""
        ...

    def tag_device(self, tag_id: int) -> str:
        """The device it is of; nothing for one that nobody knows."""
        ...

    async def quarantine(self, name: str, actor: Actor, most: int = 100, skip: int = 0) -> Sequence[Quarantined]:
        """The oldest entries the destination refused, with its words, `skip` of them passed over. Raises NotFound."""
        ...

    async def retry_quarantine(self, name: str, actor: Actor, numbers: Collection[int] | None = None) -> Moved:
        """Send everything refused once more, or the entries of `numbers`. In the audit. Raises NotFound, StorageError."""
        ...

    async def discard_quarantine(self, name: str, actor: Actor, numbers: Collection[int] | None = None) -> Moved:
        """Give up everything refused, or the entries of `numbers`. In the audit. Raises NotFound, StorageError."""
        ...

    async def backlog_cost(self, name: str, actor: Actor, part: BacklogPart) -> BacklogCost:
        """What giving up that part would cost. Raises NotFound, StorageError."""
        ...

    async def discard_backlog(self, name: str, actor: Actor, part: BacklogPart = EVERYTHING) -> int:
        """Give up all that waits, of a feed that is off what was refused too; or a part of what waits. How many items.

        In the audit. Raises as above.
        """
        ...
