"""A feed's outbox: a journal of its own, a durable position in it, and the quarantine of what the destination refuses.

Folder of one feed: `*.journal` (database.journal), `position.json` (how far the destination is, its books; replaced as a whole),
`quarantine.jsonl` (one line for each refusal; its length is in the position, so that a half-written end does not count).

taken = delivered + waiting + quarantined + dropped holds at every instant a process can be killed at: what is delivered a second
time after that is the same items under the same identity.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from database.columns import PlanCache, decode, encode
from database.journal import Journal, Record
from domain.feed import FeedEvent, Kept, OutboxBook, Parcel, Refused
from domain.sample import Batch, TagId, TextSample

log = logging.getLogger(__name__)

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
    _source: list[int] | None = None
    _oldest_us: int | None = None
    _lost_position: bool = False
    _plans: PlanCache = field(default_factory=PlanCache)

    def __post_init__(self) -> None:
        self._journal = Journal(self.folder, self.identity, self.limit_bytes)
        self._position = _Position(self.identity.hex())

    # -- life -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self._journal.open()
        self._position = position = self._read_position()
        self._entered, self._again, self._source = position.settled, position.again, position.source
        last = self._journal.last
        if last is not None and last.number > position.number:
            counts = json.loads(last.counts)
            self._entered, self._again, self._source = last.kept_before + last.samples, counts["again"], counts["source"]
            if self._lost_position:  # what it knew of the quarantine is gone with it
                position.again, position.delivered = self._again, position.delivered - self._again
        if self._again > position.again:  # killed between queueing the quarantine again and emptying it
            self._empty_quarantine(again=self._again)
        self._cut_quarantine()
        self._look_at_oldest()

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

    def append(self, kept: Kept | None, events: Sequence[FeedEvent]) -> None:
        missed, source = 0, self._source
        if kept is not None and source is not None:
            if kept.number <= source[0]:
                kept = None
            else:
                missed = max(0, kept.kept_before - source[1])
        if kept is not None:
            source = [kept.number, kept.kept_before + kept.samples]
        if kept is None and not events:
            return
        if missed:
            log.error("outbox %s: %d samples were kept that never came here", self.folder.name, missed)
        self._entered += missed
        try:
            self._add_record(kept, events, source)
        except OSError:
            self._entered -= missed
            raise
        self._source = source

    def miss(self, items: int) -> None:
        self._entered += items

    def _add_record(self, kept: Kept | None, events: Sequence[FeedEvent], source: list[int] | None) -> None:
        told = json.dumps([asdict(event) for event in events], ensure_ascii=False).encode() if events else b""
        times = [event.time_us for event in events] + ([kept.from_us, kept.to_us] if kept is not None and kept.samples else [])
        samples = (kept.samples if kept is not None else 0) + len(events)
        last = self._journal.last
        number = max(self._position.number, last.number if last is not None else 0) + 1
        counts = json.dumps({"again": self._again, "source": source}).encode()
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
        new = _Position(**asdict(position))
        gone = sum(len(one) for one in refused)
        new.quarantine_bytes += self._add_to_quarantine(refused)
        new.number, new.settled = parcel.number, position.settled + len(parcel) + parcel.missed
        new.delivered += len(parcel) - gone
        new.quarantined += gone
        new.dropped += parcel.missed
        new.again, new.source = self._again, self._source
        self._position = new
        try:
            self._write_position()
        except OSError:
            self._position = position
            raise
        self._journal.settle(parcel.number)
        self._look_at_oldest()
        if new.quarantine_bytes > MOST_QUARANTINE_BYTES:
            self._shorten_quarantine()

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

    def quarantine(self, most: int = 100) -> Sequence[Refused]:
        found = []
        for line in self._quarantine_lines():
            found.append(_refused_of(line))
            if len(found) >= most:
                break
        return found

    def retry_quarantine(self) -> int:
        refused = [_refused_of(line) for line in self._quarantine_lines()]
        count = sum(len(one) for one in refused)
        if not count:
            return 0
        self._again += count
        try:
            self._add_record(_as_kept(refused, self._plans), [e for one in refused for e in one.events], self._source)
        except OSError:
            self._again -= count
            raise
        self._empty_quarantine(again=self._again)
        return count

    def discard_quarantine(self) -> int:
        count = self._position.quarantined
        self._position.dropped += count
        self._empty_quarantine(again=self._position.again)
        return count

    def _empty_quarantine(self, again: int) -> None:
        self._position.again, self._position.quarantined, self._position.quarantine_bytes = again, 0, 0
        self._write_position()
        self._cut_quarantine()

    def _add_to_quarantine(self, refused: Sequence[Refused]) -> int:
        """Bytes written behind what is there."""
        if not refused:
            return 0
        lines = b"".join(json.dumps(asdict(one), ensure_ascii=False).encode() + b"\n" for one in refused)
        self._cut_quarantine()
        with self._quarantine_file.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        return len(lines)

    def _cut_quarantine(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self._quarantine_file, min(self._position.quarantine_bytes, self._quarantine_file.stat().st_size))

    def _shorten_quarantine(self) -> None:
        """Beyond its bound the oldest half of the refusals goes; they are counted as dropped."""
        lines = list(self._quarantine_lines())
        kept = lines[len(lines) // 2 :]
        gone = sum(len(_refused_of(line)) for line in lines[: len(lines) // 2])
        log.error("outbox %s: the quarantine is full, its oldest %d items are dropped", self.folder.name, gone)
        data = b"".join(line + b"\n" for line in kept)
        self._position.quarantined -= gone
        self._position.dropped += gone
        self._position.quarantine_bytes = len(data)
        _replace(self._quarantine_file, data)
        self._write_position()

    def _quarantine_lines(self) -> Iterable[bytes]:
        try:
            with self._quarantine_file.open("rb") as file:
                return file.read(self._position.quarantine_bytes).splitlines()
        except FileNotFoundError:
            return []

    @property
    def _quarantine_file(self) -> Path:
        return self.folder / "quarantine.jsonl"

    # -- books ----------------------------------------------------------------------------------------------------

    def book(self) -> OutboxBook:
        position = self._position
        first = self._journal.kept_before
        gone = 0 if first is None else max(0, min(first, self._entered) - position.settled)  # by the bound, not yet passed
        return OutboxBook(
            self._entered - self._again, position.delivered, self._waiting - gone,
            position.quarantined, position.dropped + gone, self._oldest_us, self._journal.size_bytes, self.limit_bytes,
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
            self._quarantine_file.rename(self.folder / f"quarantine-{found.identity[:8]}.jsonl")
        return fresh

    def _write_position(self) -> None:
        _replace(self.folder / "position.json", json.dumps(asdict(self._position)).encode())


def _replace(path: Path, data: bytes) -> None:
    """The whole file or the old one, whenever the power goes."""
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fdatasync(file.fileno())
    beside.rename(path)


def _parts(block: bytes) -> tuple[list[FeedEvent], bytes]:
    (length,) = _EVENTS.unpack_from(block)
    told = block[_EVENTS.size : _EVENTS.size + length]
    return [FeedEvent(**event) for event in json.loads(told)] if told else [], block[_EVENTS.size + length :]


def _refused_of(line: bytes) -> Refused:
    found = json.loads(line)
    return Refused(
        found["reason"], [(tag, us, value, quality) for tag, us, value, quality in found["samples"]],
        [TextSample(**text) for text in found["texts"]], [FeedEvent(**event) for event in found["events"]],
    )  # fmt: skip


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
