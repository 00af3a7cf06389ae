"""Turns the state of the roles into alerts: one that is silent, one that cannot work, a line that two collectors poll."""

from __future__ import annotations

from application.roles.board import RolesBoard
from application.storage_watch import SystemAlerts
from domain.alert import Priority
from domain.ports import Clock

PERIOD_S = 5.0
AWAY_US = 60_000_000  # a restart is no alert
LATE_US = 60_000_000


def conditions(board: RolesBoard, away_since: dict[str, int], now_us: int) -> dict[str, tuple[Priority, str]]:
    """What should stand now: key -> (priority, detail). `away_since`: kept between calls."""
    found: dict[str, tuple[Priority, str]] = {}
    for role in board.roles():
        if role.role == "web":
            continue
        if board.silent(role.name):
            found[f"role_silent:{role.name}"] = (Priority.HIGH, role.name)
            continue
        if role.state == "away":
            if now_us - away_since.setdefault(role.name, now_us) >= AWAY_US:
                found[f"role_away:{role.name}"] = (Priority.HIGH, f"{role.name}: {role.detail}")
        else:
            away_since.pop(role.name, None)
        if role.oldest_waiting_us is not None and role.waiting and now_us - role.oldest_waiting_us > LATE_US:
            seconds = (now_us - role.oldest_waiting_us) // 1_000_000
            found[f"role_behind:{role.name}"] = (Priority.MEDIUM, f"{role.name} {seconds} s")
    for line_id, names in board.twice().items():
        found[f"line_twice:{line_id}"] = (Priority.HIGH, f"{line_id}: {', '.join(names)}")
    return found


async def watch_roles(board: RolesBoard, alerts: SystemAlerts, clock: Clock) -> None:
    """Raise and clear the alerts until cancelled; only changes are passed on."""
    standing: dict[str, Priority] = {}
    away_since: dict[str, int] = {}
    while True:
        wanted = conditions(board, away_since, clock.now_us())
        for key in [key for key in standing if key not in wanted]:
            del standing[key]
            alerts.clear_system(key)
        for key, (priority, detail) in wanted.items():
            if standing.get(key) is not priority:
                standing[key] = priority
                alerts.raise_system(key, priority, detail)
        await clock.sleep(PERIOD_S)
