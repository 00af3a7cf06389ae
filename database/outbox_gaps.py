"""The gap records of one feed: what its destination never gets, from when to when, how much of it and why (P3).

`gaps.json` in the feed's folder, replaced as a whole. A gap in the queue has its place there (`begin` to `end`, counted as the
items entered), so that what is found missing when the queue is read is not told a second time; what was refused has none.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from domain.feed import FeedGap

log = logging.getLogger(__name__)

MOST_GAPS = 200
TOGETHER_US = 3_600_000_000  # a queue that stays full for hours is one gap, not hundreds


@dataclass(slots=True)
class _Stretch:
    begin: int
    end: int
    gap: FeedGap


@dataclass(slots=True)
class GapRecords:
    """All calls block on the disk. A file that cannot be written is written with the next gap."""

    path: Path
    replace: Callable[[Path, bytes], None]
    _stretches: list[_Stretch] = field(default_factory=list)
    _news: list[FeedGap] = field(default_factory=list)

    def open(self) -> None:
        """Read what an earlier run wrote; a file that cannot be read is none."""
        self._stretches = []
        try:
            found = json.loads(self.path.read_bytes())
            self._stretches = [_Stretch(one["begin"], one["end"], FeedGap(**one["gap"])) for one in found]
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError) as exc:
            log.error("%s cannot be read: %s", self.path, exc)

    def note(self, gap: FeedGap, begin: int = 0, end: int = 0) -> None:
        """One more gap; it joins the newest where that is of the same kind, follows in the queue and is not long over."""
        self._news.append(gap)
        last = self._stretches[-1] if self._stretches else None
        if last is not None and end and last.end == begin and _together(last.gap, gap):
            old, items = last.gap, last.gap.items + gap.items
            both = FeedGap(min(old.from_us, gap.from_us), max(old.to_us, gap.to_us), items, gap.reason, gap.noticed_us)
            self._stretches[-1] = _Stretch(last.begin, end, both)
        else:
            self._stretches.append(_Stretch(begin, end, gap))
        del self._stretches[:-MOST_GAPS]
        log.error("outbox %s: %d items are lost to the destination: %s", self.path.parent.name, gap.items, gap.reason)
        try:
            self.replace(self.path, json.dumps([asdict(one) for one in self._stretches]).encode())
        except OSError as exc:
            log.error("%s cannot be written: %s", self.path, exc)

    def told(self, begin: int, end: int) -> int:
        """How many of the items from `begin` to `end` have a gap already."""
        return sum(max(0, min(end, one.end) - max(begin, one.begin)) for one in self._stretches)

    def gaps(self) -> list[FeedGap]:
        """The newest last."""
        return [one.gap for one in self._stretches]

    def news(self) -> list[FeedGap]:
        """Those noted since the last call."""
        found, self._news = self._news, []
        return found


def _together(last: FeedGap, gap: FeedGap) -> bool:
    return last.reason == gap.reason and gap.noticed_us - last.noticed_us < TOGETHER_US
