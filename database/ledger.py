"""The books of promise P2 as they are counted: the intake's side and the table's side, joined when asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.health import Books, DestinationBook

THE_BOOK = 1


class ReadCounts(Protocol):
    """What processing counted since the program started (values)."""

    @property
    def read(self) -> int: ...
    @property
    def filtered(self) -> int: ...
    @property
    def rejected(self) -> Mapping[str, int]: ...


@dataclass(slots=True)
class Ledger:
    """Counts across restarts. Intake: what came and was kept. Table: what became of it in the database.

    kept = delivered + pending + quarantined + dropped, where pending is what is left.
    """

    since_us: int
    base_read: int = 0
    base_filtered: int = 0
    base_rejected: Counter[str] = field(default_factory=Counter)
    put: int = 0  # samples handed to the writer since start
    lost: Counter[str] = field(default_factory=Counter)  # of those, never kept: memory full, malformed
    kept: int = 0
    last_number: int = 0  # of the newest journal record
    delivered: int = 0
    quarantined: int = 0
    dropped: int = 0
    refused_other: int = 0  # texts and events that the tables do not take
    settled_number: int = 0  # of the newest journal record whose samples are in the tables
    other: tuple[DestinationBook, ...] = ()
    source: ReadCounts | None = None

    @property
    def settled(self) -> int:
        """Kept samples whose fate in the database is decided."""
        return self.delivered + self.quarantined + self.dropped

    @property
    def read(self) -> int:
        return self.base_read + (self.put if self.source is None else self.source.read)

    @property
    def filtered(self) -> int:
        return self.base_filtered + (0 if self.source is None else self.source.filtered)

    @property
    def rejected(self) -> Mapping[str, int]:
        found = self.base_rejected + self.lost
        if self.source is not None:
            found = found + Counter(self.source.rejected)
        return dict(found)

    def books(self, in_flight: int, dropped_unsettled: int, last_error: str | None, oldest_pending_us: int | None) -> Books:
        """`in_flight`: put but not yet kept; `dropped_unsettled`: dropped from the journal, not yet passed by the reader."""
        dropped = self.dropped + dropped_unsettled
        database = DestinationBook(
            "database", True, self.delivered, self.kept - self.settled - dropped_unsettled, self.quarantined, dropped, last_error,
            oldest_pending_us, refused_other=self.refused_other,
        )
        return Books(
            self.since_us, self.read, self.kept, self.filtered, self.rejected, (database, *self.other), in_flight=in_flight
        )

    def intake_json(self, in_flight: int) -> bytes:
        """The intake's counts for the journal. What is in flight is left out: a crash takes it, and then nobody read it."""
        counts = {"since": self.since_us, "read": self.read - in_flight, "filtered": self.filtered, "rejected": self.rejected}
        return json.dumps(counts).encode()

    def row(self, number: int, intake: bytes, kept: int, last_seen_us: int) -> dict[str, Any]:
        """The row of table book for a commit that settles everything up to record `number`."""
        counts = json.loads(intake)
        return {
            "id": THE_BOOK, "flush_number": number, "since_us": counts["since"], "read_count": counts["read"], "kept_count": kept,
            "filtered_count": counts["filtered"], "rejected_json": json.dumps(counts["rejected"]),
            "delivered_count": self.delivered, "quarantined_count": self.quarantined, "dropped_count": self.dropped,
            "journal_seq": number, "other_json": json.dumps([[getattr(d, n) for n in _DESTINATION] for d in self.other]),
            "last_seen_us": last_seen_us, "refused_other_count": self.refused_other,
        }


_DESTINATION = (
    "name", "enabled", "delivered", "pending", "quarantined", "dropped", "last_error", "oldest_pending_us", "taken",
    "refused_other",
)


def books_of_row(row: Mapping[Any, Any]) -> Books:
    """What the database itself says; the journal may hold more."""
    kept, delivered, quarantined, dropped = (row[f"{name}_count"] for name in ("kept", "delivered", "quarantined", "dropped"))
    database = DestinationBook(
        "database", True, delivered, kept - delivered - quarantined - dropped, quarantined, dropped,
        refused_other=row["refused_other_count"],
    )
    other = tuple(DestinationBook(*fields) for fields in json.loads(row["other_json"]))
    rejected = json.loads(row["rejected_json"])
    return Books(row["since_us"], row["read_count"], kept, row["filtered_count"], rejected, (database, *other))


def ledger_of_row(row: Mapping[Any, Any] | None, now_us: int) -> Ledger:
    """To go on counting from; a fresh one when there is no row yet."""
    if row is None:
        return Ledger(now_us)
    return Ledger(
        row["since_us"], row["read_count"], row["filtered_count"], Counter(json.loads(row["rejected_json"])),
        kept=row["kept_count"], last_number=row["journal_seq"], delivered=row["delivered_count"],
        quarantined=row["quarantined_count"], dropped=row["dropped_count"], refused_other=row["refused_other_count"],
        settled_number=row["journal_seq"],
        other=tuple(DestinationBook(*fields) for fields in json.loads(row["other_json"])),
    )
