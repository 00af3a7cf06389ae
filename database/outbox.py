"""A feed's outbox: a journal of its own, a durable position in it, and the quarantine of what the destination refuses.

Folder of one feed: `*.journal` (database.journal), `position.json` (how far the destination is, its books; replaced as a whole),
`quarantine.jsonl` (database.outbox_quarantine; which file it is and its length are in the position).

taken = delivered + waiting + quarantined + dropped holds at every instant a process can be killed at: what is delivered a second
time after that is the same items under the same identity.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import struct
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from database.columns import PlanCache, decode, encode
from database.journal import Journal, Record
from database.outbox_gaps import GapRecords
from database.outbox_quarantine import Place, QuarantineFile, chosen
from domain.feed import (
    EVERYTHING,
    BacklogCost,
    BacklogPart,
    FeedEvent,
    FeedGap,
    Kept,
    Moved,
    OutboxBook,
    Parcel,
    Quarantined,
    Refused,
)
from domain.sample import Batch, TagId, TextSample

log = logging.getLogger(__name__)

REASON_CHARS = 300  # of the newest, which is told elsewhere
RECORDS_OF_ITEMS = 20_000  # read at once when a part of the backlog is sought
MOST_QUARANTINE_BYTES = 16 * 1024 * 1024
_EVENTS = struct.Struct("<I")  # length of the events' JSON before the block of samples


@dataclass(slots=True)
class _Position:
    """What is settled. Counts of items since the feed was first switched on."""

    identity: str
    number: int = 0  # newest settled record
    settled: int = 0  # items of the journal up to there, missed ones included
    delivered: int = 0
    quarantined: int = 0
    dropped: int = 0
    again: int = 0  # items that entered the journal a second time, out of the quarantine
    quarantine_bytes: int = 0
    quarantine_file: int = 0  # generation of the file
    until_us: int | None = None  # newest time in what is settled
    source: list[int] | None = None  # number and count behind the newest block of the writer, when the journal is empty


@dataclass(slots=True)
class DiskOutbox:
    """Implements domain.feed.Outbox over one folder."""

    folder: Path
    identity: bytes
    limit_bytes: int
    _journal: Journal = field(init=False)
    _position: _Position = field(init=False)
    _entered: int = 0  # items of the journal's records so far
    _again: int = 0
    _retried: list[int] | None = field(default_factory=list)  # entries queued again, which the position still has; None: all
    _refusals: int = 0  # entries of the quarantine
    _texts_refused: int = 0  # those without an item in the books
    _newest_refusal: tuple[int, str] | None = None
    _source: list[int] | None = None
    _oldest_us: int | None = None
    _lost_position: bool = False
    _plans: PlanCache = field(default_factory=PlanCache)
    _gaps: GapRecords = field(init=False)
    _refused: QuarantineFile = field(init=False)

    def __post_init__(self) -> None:
        self._journal = Journal(self.folder, self.identity, self.limit_bytes, on_drop=self._note_full)
        self._gaps = GapRecords(self.folder / "gaps.json", _replace)
        self._refused = QuarantineFile(self.folder, _replace)
        self._position = _Position(self.identity.hex())

    # -- life -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self._journal.open()
        self._gaps.open()
        self._position = position = self._read_position()
        self._entered, self._again, self._source = position.settled, position.again, position.source
        last = self._journal.last
        if last is not None and last.number > position.number:
            counts = json.loads(last.counts)
            self._entered, self._again, self._source = last.kept_before + last.samples, counts["again"], counts["source"]
            if self._lost_position:  # what it knew of the quarantine is gone with it
                position.again, position.delivered = self._again, position.delivered - self._again
            self._forget_retried(counts)
        self._refused.tidy(self._shelf)
        self._count_refusals(self._refused.entries(self._shelf))
        self._look_at_oldest()
        self._note_untold(position.settled, self._begin, self._oldest_us)

    def close(self) -> None:
        self._journal.close()

    def rest(self) -> None:
        """The feed is switched off: what the writer keeps from now on is not missed here. What waits stays."""
        self._source = None
        self._position.source = None
        if self._waiting:
            self._add_record(None, [], source=None)
        self._write_position()

    # -- in -------------------------------------------------------------------------------------------------------

    @property
    def source_number(self) -> int | None:
        return None if self._source is None else self._source[0]

    @property
    def source(self) -> tuple[int, int] | None:
        return None if self._source is None else (self._source[0], self._source[1])

    def append(self, kept: Kept | None, events: Sequence[FeedEvent], lost: Sequence[FeedEvent] = ()) -> None:
        missed, source, times = len(lost), self._source, [event.time_us for event in lost]
        if kept is not None and source is not None:
            if kept.number <= source[0]:
                kept = None
            elif kept.kept_before > source[1]:
                missed += kept.kept_before - source[1]
                times += [self._newest_us or kept.from_us, kept.from_us]
        if kept is not None:
            source = [kept.number, kept.kept_before + kept.samples]
        if kept is None and not events and not missed:
            return
        self._entered += missed
        try:
            self._add_record(kept, events, source)
        except OSError:
            self._entered -= missed
            raise
        self._source = source
        if missed:
            end = self._last_kept_before
            self._note(missed, min(times), max(times), "unwritten", end - missed, end)

    @property
    def _newest_us(self) -> int | None:
        last = self._journal.last
        return self._position.until_us if last is None else last.to_us

    @property
    def _last_kept_before(self) -> int:
        last = self._journal.last
        return self._entered if last is None else last.kept_before

    # -- gaps -----------------------------------------------------------------------------------------------------

    def gaps(self) -> Sequence[FeedGap]:
        return self._gaps.gaps()

    def new_gaps(self) -> Sequence[FeedGap]:
        return self._gaps.news()

    def _note(self, items: int, from_us: int, to_us: int, reason: str, begin: int = 0, end: int = 0) -> None:
        if items > 0:
            self._gaps.note(FeedGap(min(from_us, to_us), to_us, items, reason, time.time_ns() // 1000), begin, end)

    def _note_full(self, records: list[Record]) -> None:
        """The limit throws these away; what of them was settled is no loss."""
        lost = [record for record in records if record.number > self._position.number]
        if lost:
            begin, end = lost[0].kept_before, lost[-1].kept_before + lost[-1].samples
            times = [us for record in lost if record.samples for us in (record.from_us, record.to_us)]
            untold = end - begin - self._gaps.told(begin, end)
            self._note(untold, min(times, default=0), max(times, default=0), "full", begin, end)

    def _note_untold(self, begin: int, end: int, to_us: int | None) -> None:
        """Items that are not there, and for which there is no record yet why."""
        untold = end - begin - self._gaps.told(begin, end)
        if untold > 0:
            upto = to_us or self._position.until_us or time.time_ns() // 1000
            self._note(untold, self._position.until_us or upto, upto, "damaged", begin, end)

    @property
    def _begin(self) -> int:
        """Where what is still on the disk begins."""
        first = self._journal.kept_before
        if first is None:
            return self._position.settled if self._journal.last is not None and self._waiting else self._entered
        return max(self._position.settled, min(first, self._entered))

    def _add_record(self, kept: Kept | None, events: Sequence[FeedEvent], source: list[int] | None) -> None:
        told = json.dumps([asdict(event) for event in events], ensure_ascii=False).encode() if events else b""
        times = [event.time_us for event in events] + ([kept.from_us, kept.to_us] if kept is not None and kept.samples else [])
        samples = (kept.samples if kept is not None else 0) + len(events)
        last = self._journal.last
        number = max(self._position.number, last.number if last is not None else 0) + 1
        counts = json.dumps({"again": self._again, "source": source, "retried": self._retried}).encode()
        block = _EVENTS.pack(len(told)) + told + (kept.block if kept is not None else b"")
        record = Record(number, self._entered, min(times, default=0), max(times, default=0), samples, counts, block)
        self._journal.append(record)
        self._entered += samples
        if self._oldest_us is None and samples:
            self._oldest_us = record.from_us

    # -- out ------------------------------------------------------------------------------------------------------

    def next(self, most: int) -> Parcel | None:
        last = self._journal.last
        if last is None or last.number <= self._position.number:
            return self._only_missed()
        records = self._journal.read(self._position.number, most)
        if not records:
            return self._only_missed()
        missed, settled = 0, self._position.settled
        samples: list[Any] = []
        texts: list[TextSample] = []
        events: list[FeedEvent] = []
        for record in records:
            missed += max(0, record.kept_before - settled)
            settled = record.kept_before + record.samples
            try:
                found_events, block = _parts(record.block)
                columns = decode(block) if block else None
            except (ValueError, KeyError, TypeError, struct.error) as exc:  # whole by its checksum, so written like that
                log.error("outbox %s: record %d cannot be understood: %s", self.folder.name, record.number, exc)
                missed += record.samples
                continue
            events += found_events
            if columns is not None:
                samples += columns.rows()
                texts += columns.texts
        return Parcel(records[-1].number, samples, texts, events, missed)

    def _only_missed(self) -> Parcel | None:
        """Everything left was dropped by the bound or cannot be read: it is counted, not waited for."""
        missed = self._waiting
        return Parcel(max(self._position.number, self._last_number), missed=missed) if missed else None

    def settle(self, parcel: Parcel, refused: Sequence[Refused] = ()) -> None:
        position = self._position
        if parcel.missed:
            self._note_missed(parcel)
        new = _Position(**asdict(position))
        gone = sum(len(one) for one in refused)
        now_us = time.time_ns() // 1000
        new.quarantine_bytes = self._refused.append(self._shelf, refused, now_us).size
        new.number, new.settled = parcel.number, position.settled + len(parcel) + parcel.missed
        new.delivered += len(parcel) - gone
        new.quarantined += gone
        new.dropped += parcel.missed
        new.again, new.source = self._again, self._source
        new.until_us = max((us for us in (position.until_us, _newest(parcel)) if us is not None), default=None)
        self._position = new
        try:
            self._write_position()
        except OSError:
            self._position = position
            raise
        self._refusals += len(refused)
        self._texts_refused += sum(1 for one in refused if not len(one))
        if refused:
            self._newest_refusal = (now_us, refused[-1].reason[:REASON_CHARS])
        self._journal.settle(parcel.number)
        self._look_at_oldest()
        if new.quarantine_bytes > MOST_QUARANTINE_BYTES:
            self._shorten_quarantine()

    def _note_missed(self, parcel: Parcel) -> None:
        """Of what the parcel lacks, that which has no gap record yet: it could not be read."""
        begin = self._position.settled
        end = begin + len(parcel) + parcel.missed
        untold = parcel.missed - self._gaps.told(begin, end)
        upto = _oldest(parcel) or self._position.until_us or time.time_ns() // 1000
        self._note(untold, self._position.until_us or upto, upto, "damaged", end - untold, end)

    @property
    def _last_number(self) -> int:
        last = self._journal.last
        return 0 if last is None else last.number

    @property
    def _waiting(self) -> int:
        return self._entered - self._position.settled

    def _look_at_oldest(self) -> None:
        self._oldest_us = self._journal.oldest_us(self._position.number) if self._waiting else None

    # -- quarantine -----------------------------------------------------------------------------------------------

    @property
    def _shelf(self) -> Place:
        return Place(self._position.quarantine_file, self._position.quarantine_bytes)

    def quarantine(self, most: int = 100, skip: int = 0, numbers: Collection[int] | None = None) -> Sequence[Quarantined]:
        if numbers is None:
            return self._refused.entries(self._shelf, most, skip)
        return chosen(self._refused.entries(self._shelf), numbers)[0][skip : skip + most]

    def retry_quarantine(self, numbers: Collection[int] | None = None) -> Moved:
        again, left = chosen(self._refused.entries(self._shelf), numbers)
        moved = _moved(again)
        if not moved.entries:
            return moved
        shelf, before = self._refused.without(self._shelf, left), self._retried
        self._again += moved.items
        self._retried = None if numbers is None or before is None else [*before, *(entry.number for entry in again)]
        try:
            self._add_record(_as_kept(again, self._plans), [e for one in again for e in one.events], self._source)
        except OSError:
            self._again, self._retried = self._again - moved.items, before
            raise
        self._take_out(shelf, moved, left)
        return moved

    def discard_quarantine(self, numbers: Collection[int] | None = None) -> Moved:
        out, left = chosen(self._refused.entries(self._shelf), numbers)
        moved = _moved(out) if numbers is not None else Moved(len(out), self._position.quarantined)
        if moved.entries or moved.items:
            self._give_up_refused(out, left, moved, "given_up")
        return moved

    def _give_up_refused(self, out: Sequence[Quarantined], left: Sequence[Quarantined], moved: Moved, reason: str) -> None:
        shelf = self._refused.without(self._shelf, left)
        times = [us for one in out for us in _times(one)]
        self._note(moved.items, min(times, default=0), max(times, default=0), reason)
        self._position.dropped += moved.items
        self._take_out(shelf, moved, left)

    def _take_out(self, shelf: Place, moved: Moved, left: Sequence[Quarantined]) -> None:
        """`moved` are in the queue again or given up: from here on the quarantine is `shelf`, with `left` in it."""
        position = self._position
        position.quarantined -= moved.items
        position.quarantine_file, position.quarantine_bytes, position.again = shelf.generation, shelf.size, self._again
        self._count_refusals(left)
        self._write_position()
        self._refused.tidy(shelf)

    def _count_refusals(self, entries: Sequence[Quarantined]) -> None:
        self._refusals, self._texts_refused = len(entries), sum(1 for one in entries if not len(one))
        self._newest_refusal = (entries[-1].refused_us, entries[-1].reason[:REASON_CHARS]) if entries else None

    def _forget_retried(self, counts: Mapping[str, Any]) -> None:
        """Killed between queueing entries of the quarantine again and taking them out of it."""
        position, numbers = self._position, counts.get("retried")
        whole = numbers is None and self._again > position.again
        if not whole and not numbers:
            return
        out, left = chosen(self._refused.entries(self._shelf), None if whole else numbers)
        if out:
            self._take_out(self._refused.without(self._shelf, left), _moved(out), left)

    def backlog_cost(self, part: BacklogPart) -> BacklogCost:
        last = self._end_of(part)
        if last is None:
            return BacklogCost(0)
        return BacklogCost(max(0, last.kept_before + last.samples - self._begin), self._oldest_us, last.to_us)

    def _end_of(self, part: BacklogPart) -> Record | None:
        """The newest record of the part: it ends before the first that holds anything younger, or among the newest to keep."""
        number, found = self._position.number, None
        while records := self._journal.read(number, RECORDS_OF_ITEMS):
            for record in records:
                left = self._entered - record.kept_before - record.samples
                younger = part.before_us is not None and record.samples and record.to_us >= part.before_us
                if younger or (part.keep is not None and left < part.keep):
                    return found
                found = record
            number = records[-1].number
        return found

    def _discard_part(self, part: BacklogPart) -> int:
        last, begin = self._end_of(part), self._begin
        if last is None:
            return 0
        end = last.kept_before + last.samples
        untold = end - begin - self._gaps.told(begin, end)
        self._note(untold, self._oldest_us or last.to_us, last.to_us, "given_up", begin, end)
        self._settle_unsent(last.number, end, last.to_us)
        return max(0, end - begin)

    def _settle_unsent(self, number: int, end: int, until_us: int) -> None:
        """What waits up to item `end` goes to nobody. Raises OSError, and then nothing has changed."""
        old, new = self._position, _Position(**asdict(self._position))
        new.dropped += end - old.settled
        new.number, new.settled, new.until_us = max(old.number, number), end, until_us
        new.again, new.source = self._again, self._source
        self._position = new
        try:
            self._write_position()
        except OSError:
            self._position = old
            raise
        self._journal.settle(number)
        self._look_at_oldest()

    def discard_backlog(self, part: BacklogPart = EVERYTHING) -> int:
        if not part.whole:
            return self._discard_part(part)
        count = self.book().waiting
        if not self._waiting:
            return 0
        begin, until = self._begin, self._newest_us or time.time_ns() // 1000
        untold = self._entered - begin - self._gaps.told(begin, self._entered)
        self._note(untold, self._oldest_us or until, until, "given_up", begin, self._entered)
        self._settle_unsent(self._last_number, self._entered, until)
        return count

    def _shorten_quarantine(self) -> None:
        """Beyond its bound the oldest half of the refusals goes; they are counted as dropped."""
        entries = self._refused.entries(self._shelf)
        out, left = entries[: len(entries) // 2], entries[len(entries) // 2 :]
        self._give_up_refused(out, left, _moved(out), "refused_full")

    # -- books ----------------------------------------------------------------------------------------------------

    def book(self) -> OutboxBook:
        position = self._position
        first = self._journal.kept_before
        gone = 0 if first is None else max(0, min(first, self._entered) - position.settled)  # by the bound, not yet passed
        return OutboxBook(
            self._entered - self._again, position.delivered, self._waiting - gone,
            position.quarantined, position.dropped + gone, self._oldest_us, self._journal.size_bytes, self.limit_bytes,
            self._refusals, self._texts_refused, self._newest_refusal,
        )  # fmt: skip

    def _read_position(self) -> _Position:
        """A position of another database, or one that cannot be read, is none: everything in the journal is sent again."""
        fresh = _Position(self.identity.hex())
        try:
            found = _Position(**json.loads((self.folder / "position.json").read_bytes()))
        except FileNotFoundError:
            return fresh
        except (ValueError, TypeError) as exc:
            log.error("outbox %s: its position cannot be read (%s): what is still there is sent again", self.folder.name, exc)
            first = self._journal.kept_before or 0
            self._lost_position = True
            return _Position(self.identity.hex(), settled=first, delivered=first)
        if found.identity == fresh.identity:
            return found
        log.error("outbox %s belongs to another database: it begins anew, the old quarantine is set aside", self.folder.name)
        with contextlib.suppress(FileNotFoundError):
            old = self._refused.path(Place(found.quarantine_file))
            old.rename(self.folder / f"quarantine-{found.identity[:8]}.jsonl")
        return fresh

    def _write_position(self) -> None:
        _replace(self.folder / "position.json", json.dumps(asdict(self._position)).encode())
        self._retried = []


def _replace(path: Path, data: bytes) -> None:
    """The whole file or the old one, whenever the power goes."""
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fdatasync(file.fileno())
    beside.rename(path)


def _times(some: Parcel | Refused) -> list[int]:
    return [row[1] for row in some.samples] + [event.time_us for event in some.events]


def _oldest(parcel: Parcel) -> int | None:
    return min(_times(parcel), default=None)


def _newest(parcel: Parcel) -> int | None:
    return max(_times(parcel), default=None)


def _parts(block: bytes) -> tuple[list[FeedEvent], bytes]:
    (length,) = _EVENTS.unpack_from(block)
    told = block[_EVENTS.size : _EVENTS.size + length]
    return [FeedEvent(**event) for event in json.loads(told)] if told else [], block[_EVENTS.size + length :]


def _moved(entries: Sequence[Quarantined]) -> Moved:
    return Moved(len(entries), sum(map(len, entries)))


def _as_kept(refused: Sequence[Refused], plans: PlanCache) -> Kept | None:
    """A block like the writer's, of samples that come a second time."""
    batches = [
        Batch("", us, (TagId(tag),), (value,), (quality,)) for one in refused for tag, us, value, quality in one.samples
    ]  # fmt: skip
    texts = tuple(text for one in refused for text in one.texts)
    if texts:
        batches.append(Batch("", texts[0].time_us, (), (), (), texts))
    if not batches:
        return None
    columns, block = encode(batches, plans)
    oldest, newest = columns.span_us
    return Kept(0, 0, len(columns), oldest, newest, block)
