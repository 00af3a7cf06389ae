"""Turns the state of the feeds into alerts: a destination away, a backlog near its bound, data lost or refused (P3, P6, P7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from application.storage_watch import SystemAlerts
from domain.alert import Priority
from domain.feed import FeedStatus
from domain.ports import Clock

PERIOD_S = 5.0
STARTED_US = 60_000_000  # outboxes are opened before the watch begins: what they find missing is told
AWAY_S = 60.0  # a restart of the destination is no alert


def conditions(feed: FeedStatus, seen_us: int, now_us: int) -> dict[str, tuple[Priority, str] | None]:
    """What should stand now for one feed: key -> (priority, detail), None when that condition is over.

    `seen_us`: gaps noticed until then are told. What a person gave up is no alarm.
    """
    book = feed.book
    filled = book.size_bytes / book.limit_bytes if book.limit_bytes else 0.0
    away = feed.state in {"away", "failed"} and now_us - feed.since_us >= AWAY_S * 1e6
    found: dict[str, tuple[Priority, str] | None] = dict.fromkeys(("away", "backlog", "dropped", "refused"))
    if away or feed.state == "failed":
        found["away"] = (Priority.HIGH, f"{feed.name}: {feed.last_error or feed.state}")
    if filled >= 0.7:
        found["backlog"] = (Priority.CRITICAL if filled >= 0.9 else Priority.HIGH, f"{feed.name} {filled:.0%}")
    lost = [gap for gap in feed.gaps if gap.noticed_us > seen_us and gap.reason != "given_up"]
    if lost:
        begin, end = min(gap.from_us for gap in lost), max(gap.to_us for gap in lost)
        span = f"{_utc(begin)} – {_utc(end)} UTC, {lost[-1].reason}"
        found["dropped"] = (Priority.CRITICAL, f"{feed.name} {sum(gap.items for gap in lost)}: {span}")
    if book.quarantined or book.refusals:
        found["refused"] = (Priority.MEDIUM, f"{feed.name} {book.quarantined or book.refusals}")
    return {f"feed_{name}:{feed.name}": wanted for name, wanted in found.items()}


async def watch_feeds(feeds: Callable[[], Sequence[FeedStatus]], alerts: SystemAlerts, clock: Clock) -> None:
    """Raise and clear the alerts until cancelled; only changes are passed on."""
    standing: dict[str, Priority] = {}
    began_us, seen = clock.now_us() - STARTED_US, dict[str, int]()
    while True:
        for feed in feeds():
            if feed.state in {"off", "starting"}:
                continue
            for key, wanted in conditions(feed, seen.get(feed.name, began_us), clock.now_us()).items():
                if wanted is None:
                    if standing.pop(key, None) is not None:
                        alerts.clear_system(key)
                elif standing.get(key) is not wanted[0]:
                    standing[key] = wanted[0]
                    alerts.raise_system(key, *wanted)
            if feed.state == "ok":
                seen[feed.name] = clock.now_us()  # told, and nothing more is being lost
        await clock.sleep(PERIOD_S)


def _utc(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
