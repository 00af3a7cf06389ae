"""From records to the tables: what is missing is counted, what is refused is set apart, the rest is committed with the books."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from database.columns import Columns, join, minutes_touched, refuse, settle
from database.delivery import Delivery, Parcel, RefusedForGood
from database.gaps import WHOLE_STORAGE, Gap, Gaps
from database.journal import Record
from database.ledger import Ledger
from domain.errors import StorageError
from domain.ports import Clock

log = logging.getLogger(__name__)

Refused = tuple[int, int, str, int, str]  # tag_id, time_us, value as text, quality, reason
Mark = tuple[int, int]  # tag_id, begin of the minute


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
        while True:
            outcome = replace(
                ledger, delivered=ledger.delivered + delivered - len(refused), quarantined=ledger.quarantined + len(refused),
                dropped=ledger.dropped + dropped,
            )
            dirty = [mark for mark in minutes_touched(columns) if mark not in self._marked]
            newest = max(self.last_seen_us, last.to_us)
            book = outcome.row(last.number, last.counts, last.kept_before + last.samples, newest)
            whole = replace(columns, texts=texts)
            noted = self._clock.now_us()
            rows = [quarantine_row(r, noted) for r in refused]
            parcel = Parcel(whole, last.number, book, dirty, rows, [gap.event() for gap in gaps])
            try:
                await self._delivery.deliver(parcel)
            except RefusedForGood as exc:
                found = await find_refused(self._delivery, columns)
                if found:
                    refused = [*refused, *found]
                    columns = columns.take(~among(columns, found))
                elif texts or gaps:
                    log.error("texts or events are refused by the database and left out: %s", exc)
                    texts, gaps = (), []
                else:
                    raise
                continue
            break
        ledger.delivered, ledger.quarantined, ledger.dropped = outcome.delivered, outcome.quarantined, outcome.dropped
        ledger.settled_number = last.number
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


def quarantine_row(refused: Refused, noted_us: int) -> dict[str, object]:
    """Of table quarantine."""
    tag_id, time_us, value, quality, reason = refused
    return {
        "tag_id": tag_id, "time_us": time_us, "value_text": value[:64], "quality": quality, "reason": reason,
        "noted_us": noted_us,
    }


def among(columns: Columns, refused: Sequence[Refused]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of them are refused."""
    keys = {(tag_id, time_us) for tag_id, time_us, *_ in refused}
    pairs = zip(columns.tag_ids.tolist(), columns.times_us.tolist(), strict=True)
    return np.fromiter((pair in keys for pair in pairs), np.bool_, len(columns))


__all__ = ["Handover", "Mark", "Refused", "StorageError", "Waiting", "nothing_left"]
