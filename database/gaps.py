"""What was lost, by tag: from, to, how many, why. Kept until an event in the database tells it (P3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from database.columns import LARGEST_TAG, Columns

WHOLE_STORAGE = 0  # instead of a tag's id: which tags were hit is not known
MOST = 20_000


@dataclass(slots=True)
class Gap:
    """Samples of one tag that are missing, both ends included."""

    tag_id: int
    reason: str  # storage_full | journal_full | journal_damaged
    from_us: int
    to_us: int
    count: int

    def event(self) -> Mapping[str, Any]:
        """A row of table tag_event."""
        detail = json.dumps({"to_us": self.to_us, "count": self.count, "reason": self.reason})
        return {"tag_id": self.tag_id, "time_us": self.from_us, "kind": "gap", "detail": detail}


class Gaps:
    """Losses of one tag for one reason grow together until they are told: an hour of loss is one event, not thousands."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, str], Gap] = {}

    def add(self, tag_id: int, reason: str, from_us: int, to_us: int, count: int) -> None:
        """Note `count` missing samples."""
        if not 0 < tag_id <= LARGEST_TAG or len(self._open) >= MOST:
            tag_id = WHOLE_STORAGE
        known = self._open.get((tag_id, reason))
        if known is None:
            self._open[tag_id, reason] = Gap(tag_id, reason, from_us, to_us, count)
        else:
            known.from_us, known.to_us = min(known.from_us, from_us), max(known.to_us, to_us)
            known.count += count

    def add_columns(self, columns: Columns, reason: str) -> None:
        """Each sample of these is missing."""
        for tag_id in set(columns.tag_ids.tolist()):
            times = columns.times_us[columns.tag_ids == tag_id]
            self.add(tag_id, reason, int(times.min()), int(times.max()), len(times))

    def snapshot(self) -> Sequence[Gap]:
        """Those that wait to be told."""
        return list(self._open.values())

    def told(self, gaps: Sequence[Gap]) -> None:
        """They are in the database now."""
        for gap in gaps:
            if self._open.get((gap.tag_id, gap.reason)) is gap:
                del self._open[gap.tag_id, gap.reason]
