"""Turns the state of keeping into alerts: the database away, the journal filling, the disk running full (P6, P15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from domain.alert import Priority
from domain.health import StorageStatus
from domain.ports import Clock

PERIOD_S = 2.0
DISK_LOW_BYTES = 2 * 2**30
DISK_CRITICAL_BYTES = 2**29


class SystemAlerts(Protocol):
    """Alerts about the product itself."""

    def raise_system(self, key: str, priority: Priority, detail: str = "") -> bool: ...
    def clear_system(self, key: str) -> bool: ...


def conditions(status: StorageStatus) -> dict[str, tuple[Priority, str] | None]:
    """What should stand now: key -> (priority, detail), None when that condition is over."""
    filled = status.journal_bytes / status.journal_limit_bytes if status.journal_limit_bytes else 0.0
    found: dict[str, tuple[Priority, str] | None] = {"storage": None, "journal": None, "disk": None}
    if status.state in {"failed", "full"}:
        found["storage"] = (Priority.CRITICAL, status.cause or status.state)
    elif status.state == "journal":
        found["storage"] = (Priority.HIGH, status.cause or "database away")
    if filled >= 0.7:
        found["journal"] = (Priority.CRITICAL if filled >= 0.9 else Priority.HIGH, f"{filled:.0%}")
    if status.disk_free_bytes < DISK_LOW_BYTES:
        critical = status.disk_free_bytes < DISK_CRITICAL_BYTES
        found["disk"] = (Priority.CRITICAL if critical else Priority.HIGH, f"{status.disk_free_bytes / 2**20:.0f} MiB")
    return found


async def watch_storage(status: Callable[[], StorageStatus], alerts: SystemAlerts, clock: Clock) -> None:
    """Raise and clear the alerts until cancelled; only changes are passed on."""
    standing: dict[str, Priority] = {}
    while True:
        for key, wanted in conditions(status()).items():
            if wanted is None:
                if standing.pop(key, None) is not None:
                    alerts.clear_system(key)
            elif standing.get(key) is not wanted[0]:
                standing[key] = wanted[0]
                alerts.raise_system(key, *wanted)
        await clock.sleep(PERIOD_S)
