"""Turns the state of the feeds into alerts: a destination away, a backlog near its bound, data lost or refused (P3, P6, P7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from application.storage_watch import SystemAlerts
from domain.alert import Priority
from domain.feed import FeedStatus
from domain.ports import Clock

PERIOD_S = 5.0
AWAY_S = 60.0  # a restart of the destination is no alert


def conditions(feed: FeedStatus, dropped_before: int, now_us: int) -> dict[str, tuple[Priority, str] | None]:
    """What should stand now for one feed: key -> (priority, detail), None when that condition is over."""
    book = feed.book
    filled = book.size_bytes / book.limit_bytes if book.limit_bytes else 0.0
    away = feed.state in {"away", "failed"} and now_us - feed.since_us >= AWAY_S * 1e6
    found: dict[str, tuple[Priority, str] | None] = dict.fromkeys(("away", "backlog", "dropped", "refused"))
    if away or feed.state == "failed":
        found["away"] = (Priority.HIGH, f"{feed.name}: {feed.last_error or feed.state}")
    if filled >= 0.7:
        found["backlog"] = (Priority.CRITICAL if filled >= 0.9 else Priority.HIGH, f"{feed.name} {filled:.0%}")
    if book.dropped > dropped_before:
        found["dropped"] = (Priority.CRITICAL, f"{feed.name} {book.dropped - dropped_before}")
    if book.quarantined:
        found["refused"] = (Priority.MEDIUM, f"{feed.name} {book.quarantined}")
    return {f"feed_{name}:{feed.name}": wanted for name, wanted in found.items()}


async def watch_feeds(feeds: Callable[[], Sequence[FeedStatus]], alerts: SystemAlerts, clock: Clock) -> None:
    """Raise and clear the alerts until cancelled; only changes are passed on."""
    standing: dict[str, Priority] = {}
    dropped: dict[str, int] = {}
    while True:
        for feed in feeds():
            if feed.state in {"off", "starting"}:
                dropped[feed.name] = feed.book.dropped
                continue
            before = dropped.setdefault(feed.name, feed.book.dropped)
            for key, wanted in conditions(feed, before, clock.now_us()).items():
                if wanted is None:
                    if standing.pop(key, None) is not None:
                        alerts.clear_system(key)
                elif standing.get(key) is not wanted[0]:
                    standing[key] = wanted[0]
                    alerts.raise_system(key, *wanted)
            if feed.state == "ok":
                dropped[feed.name] = feed.book.dropped  # told, and nothing more is being lost
        await clock.sleep(PERIOD_S)
