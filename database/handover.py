"""From records to the tables: what is missing is counted, what is refused is set apart, the rest is committed with the books."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from database.columns import EMPTY, Columns, join, minutes_touched, refuse, settle
from database.delivery import Delivery, Parcel, RefusedForGood
from database.gaps import WHOLE_STORAGE, Gap, Gaps
from database.journal import Record
from database.ledger import Ledger
from domain.errors import StorageError
from domain.ports import Clock
from domain.sample import TextSample

log = logging.getLogger(__name__)

Refused = tuple[int, int, str, int, str]  # tag_id, time_us, value as text, quality, reason
Mark = tuple[int, int]  # tag_id, begin of the minute
EventRow = Mapping[str, Any]  # of table tag_event
Kind = Literal["sample", "text", "event", "message"]
_T = TypeVar("_T")

REASON_CHARS, VALUE_CHARS = 500, 64
_NUMBERS = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A kept record with its samples."""

    record: Record
    columns: Columns


class Handover:
    """Commits records in order. Marks of minutes that stand in the database already are not written again."""

    MARKED_LIMIT = 1_000_000

    def __init__(self, delivery: Delivery, clock: Clock, gaps: Gaps) -> None:
        self._delivery, self._clock, self._gaps = delivery, clock, gaps
        self._marked: set[Mark] = set()
        self._lock = asyncio.Lock()
        self.last_seen_us = 0

    async def forget_marks(self, marks: Sequence[Mark]) -> None:
        """They are about to be worked off: samples that are not yet committed when this returns mark them again."""
        async with self._lock:
            self._marked.difference_update(marks)

    async def commit(self, waiting: Sequence[Waiting], ledger: Ledger) -> Sequence[Mark]:
        """All of them in one transaction, then the ledger follows; the minutes newly marked.

        Raises StorageError, and then nothing has changed: the same records can be tried again.
        """
        async with self._lock:
            return await self._commit(waiting, ledger)

    async def _commit(self, waiting: Sequence[Waiting], ledger: Ledger) -> Sequence[Mark]:
        delivered, dropped, missing = self._fate(waiting, ledger)
        last = waiting[-1].record
        joined = join(w.columns for w in waiting)
        columns, refused = refuse(joined)
        columns, texts = settle(columns), joined.texts
        gaps = [*self._gaps.snapshot(), *missing]
        events: Sequence[EventRow] = [gap.event() for gap in gaps]
        others = Others()
        while True:
            outcome = replace(
                ledger, delivered=ledger.delivered + delivered - len(refused), quarantined=ledger.quarantined + len(refused),
                dropped=ledger.dropped + dropped, refused_other=ledger.refused_other + len(others),
            )
            dirty = [mark for mark in minutes_touched(columns) if mark not in self._marked]
            newest = max(self.last_seen_us, last.to_us)
            book = outcome.row(last.number, last.counts, last.kept_before + last.samples, newest)
            whole = replace(columns, texts=texts)
            noted = self._clock.now_us()
            rows = [*(quarantine_row(r, noted) for r in refused), *others.rows(noted)]
            parcel = Parcel(whole, last.number, book, dirty, rows, events)
            try:
                await self._delivery.deliver(parcel)
            except RefusedForGood:
                found = await find_refused(self._delivery, columns)
                if found:
                    refused = [*refused, *found]
                    columns = columns.take(~among(columns, found))
                    continue
                more = await find_others(self._delivery, texts, events)
                if not more:
                    raise
                texts, events = more.left(texts, events)
                others = others.joined(more)
                continue
            break
        ledger.delivered, ledger.quarantined, ledger.dropped = outcome.delivered, outcome.quarantined, outcome.dropped
        ledger.refused_other, ledger.settled_number = outcome.refused_other, last.number
        self.last_seen_us = newest
        self._gaps.told(gaps)
        self._remember(dirty)
        return dirty

    def _fate(self, waiting: Sequence[Waiting], ledger: Ledger) -> tuple[int, int, list[Gap]]:
        """(delivered, dropped, gaps): each record tells how many were kept before it; what we have not seen of them is lost."""
        delivered = dropped = 0
        missing: list[Gap] = []
        before_us = self.last_seen_us
        for entry in waiting:
            lost = entry.record.kept_before - ledger.settled - delivered - dropped
            if lost > 0:
                dropped += lost
                missing.append(Gap(WHOLE_STORAGE, "journal_lost", before_us, entry.record.from_us or before_us, lost))
                log.error("%d samples are missing in the journal before record %d", lost, entry.record.number)
            else:  # the record before was written, but the disk did not confirm it: its samples come again in this one
                delivered += lost
            delivered += entry.record.samples
            before_us = entry.record.to_us
        return delivered, dropped, missing

    def _remember(self, dirty: Sequence[Mark]) -> None:
        if len(self._marked) > self.MARKED_LIMIT:
            self._marked.clear()
        self._marked.update(dirty)


def nothing_left(number: int, ledger: Ledger, counts: bytes) -> Waiting:
    """Stands for records that can no longer be read: settles the books up to `number`."""
    return Waiting(Record(number, ledger.kept, 0, 0, 0, counts, b""), join(()))


async def find_refused(delivery: Delivery, columns: Columns) -> list[Refused]:
    """Halve until the rows stand alone that the database does not take (P7)."""
    if not len(columns):
        return []
    try:
        await delivery.rows(columns)
    except RefusedForGood as exc:
        if len(columns) == 1:
            tag_id, time_us, value, quality = columns.rows()[0]
            return [(tag_id, time_us, repr(value), quality, str(exc))]
        half = len(columns) // 2
        first = await find_refused(delivery, columns.take(slice(None, half)))
        return first + await find_refused(delivery, columns.take(slice(half, None)))
    return []


@dataclass(frozen=True, slots=True)
class Others:
    """Texts and events that the database refuses, with its reasons."""

    texts: Sequence[tuple[TextSample, str]] = ()
    events: Sequence[tuple[EventRow, str]] = ()

    def __len__(self) -> int:
        return len(self.texts) + len(self.events)

    def joined(self, more: Others) -> Others:
        return Others([*self.texts, *more.texts], [*self.events, *more.events])

    def left(
        self, texts: Sequence[TextSample], events: Sequence[EventRow]
    ) -> tuple[tuple[TextSample, ...], list[EventRow]]:
        """Those that are not among them."""
        gone = {id(one) for one, _ in (*self.texts, *self.events)}
        return tuple(text for text in texts if id(text) not in gone), [event for event in events if id(event) not in gone]

    def rows(self, noted_us: int) -> list[dict[str, object]]:
        """Of table quarantine."""
        return [
            *(quarantine_row((t.tag_id, t.time_us, t.text, 0, reason), noted_us, "text") for t, reason in self.texts),
            *(
                quarantine_row((e["tag_id"], e["time_us"], f"{e['kind']}: {e['detail']}", 0, reason), noted_us, "event")
                for e, reason in self.events
            ),
        ]


async def find_others(delivery: Delivery, texts: Sequence[TextSample], events: Sequence[EventRow]) -> Others:
    """Texts and events that stand alone when the rest is taken; all the rest is in the tables then, where it may come again."""

    async def take_texts(some: Sequence[TextSample]) -> None:
        await delivery.deliver(Parcel(replace(EMPTY, texts=tuple(some)), 0))

    async def take_events(some: Sequence[EventRow]) -> None:
        await delivery.deliver(Parcel(EMPTY, 0, events=some))

    return Others(await _halved(take_texts, texts), await _halved(take_events, events))


async def _halved(take: Callable[[Sequence[_T]], Awaitable[None]], items: Sequence[_T]) -> list[tuple[_T, str]]:
    if not items:
        return []
    try:
        await take(items)
    except RefusedForGood as exc:
        if len(items) == 1:
            return [(items[0], str(exc))]
        half = len(items) // 2
        return await _halved(take, items[:half]) + await _halved(take, items[half:])
    return []


def quarantine_row(refused: Refused, noted_us: int, kind: Kind = "sample") -> dict[str, object]:
    """Of table quarantine, in a form that every database takes."""
    tag_id, time_us, value, quality, reason = refused
    return {
        "tag_id": tag_id if tag_id in _NUMBERS else 0, "time_us": time_us if time_us in _NUMBERS else 0,
        "value_text": _takeable(value)[:VALUE_CHARS], "quality": quality, "reason": _takeable(reason)[:REASON_CHARS],
        "noted_us": noted_us, "kind": kind,
    }


def _takeable(words: str) -> str:
    """PostgreSQL takes no NUL, and nobody half of a surrogate pair."""
    return words.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def among(columns: Columns, refused: Sequence[Refused]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of them are refused."""
    keys = {(tag_id, time_us) for tag_id, time_us, *_ in refused}
    pairs = zip(columns.tag_ids.tolist(), columns.times_us.tolist(), strict=True)
    return np.fromiter((pair in keys for pair in pairs), np.bool_, len(columns))


__all__ = ["Handover", "Mark", "Refused", "StorageError", "Waiting", "nothing_left"]
