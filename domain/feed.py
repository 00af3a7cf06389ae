"""Giving data on: what a feed carries, how its outbox keeps it, and what became of it at the destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.access import Actor
from domain.errors import MonitorError
from domain.health import DestinationBook
from domain.sample import TextSample

SampleRow = tuple[int, int, float | None, int]  # tag id, UTC microseconds, value in its canonical unit or None, quality

FEED_NAMES = ("kafka", "influxdb", "mqtt", "sparkplug")
"""Feeds that send; opcua_server and modbus_server are asked by others."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something that happened, as a feed tells it. `body` is JSON; (kind, identity) is its identity wherever it arrives."""

    kind: str  # state | alert | tag
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

    def append(self, kept: Kept | None, events: Sequence[FeedEvent]) -> None:
        """Keep a block of samples and events, synced; what is in here already is not taken a second time."""
        ...

    def miss(self, items: int) -> None:
        """Count items that could not be kept here at all."""
        ...

    def next(self, most: int) -> Parcel | None:
        """The oldest waiting items, about `most`; None when nothing waits."""
        ...

    def settle(self, parcel: Parcel, refused: Sequence[Refused] = ()) -> None:
        """The destination's final answer about `parcel`: all but `refused` is delivered."""
        ...

    def quarantine(self, most: int = 100) -> Sequence[Refused]:
        """The oldest refused items with their reasons."""
        ...

    def retry_quarantine(self) -> int:
        """Queue everything refused once more; how many items."""
        ...

    def discard_quarantine(self) -> int:
        """Give up everything refused: counted as dropped; how many items."""
        ...

    def book(self) -> OutboxBook: ...


class DestinationAway(MonitorError):
    """The destination takes nothing now: keep it, try again, after `retry_after_s` when it said so."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


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

    def as_destination(self) -> DestinationBook:
        """Its line in the books."""
        book = self.book
        return DestinationBook(
            self.name, self.state != "off", book.delivered, book.waiting, book.quarantined, book.dropped,
            self.last_error, book.oldest_waiting_us, book.taken,
        )  # fmt: skip


class FeedService(Protocol):
    """The feeds as pages and the API meet them. What is refused is an administrator's business: each call raises Forbidden."""

    def feeds(self) -> Sequence[FeedStatus]:
        """Every feed that is on, and those that are off with something left on the disk. From memory."""
        ...

    async def quarantine(self, name: str, actor: Actor, most: int = 100) -> Sequence[Refused]:
        """The oldest items the destination refused, with its words. Raises NotFound."""
        ...

    async def retry_quarantine(self, name: str, actor: Actor) -> int:
        """Send everything refused once more; how many items. In the audit. Raises NotFound, StorageError."""
        ...

    async def discard_quarantine(self, name: str, actor: Actor) -> int:
        """Give up everything refused; how many items. In the audit. Raises NotFound, StorageError."""
        ...
