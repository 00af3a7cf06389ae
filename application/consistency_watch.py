"""Turns lasting electrical nonsense of a meter (S² ≠ P² + Q², phases that do not add up) into an alert of low priority.

Swapped current transformers, a wrong ratio or word order show themselves so; the values stay as they were read.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from data_processing.consistency import ConsistencyMonitor
from domain.alert import Priority
from domain.ports import Clock

PERIOD_S = 10.0
ROUNDS = 6  # a minute of disagreement: values of one instant may differ while a load switches
KEY = "inconsistent:"


class Alerts(Protocol):
    """Where a lasting disagreement is told."""

    def raise_alert(
        self, key: str, rule: str, priority: Priority, *, device_id: str | None = None, value: float | None = None,
        limit: float | None = None, unit: str = "", detail: str = "",
    ) -> bool: ...
    def return_alert(self, key: str) -> bool: ...
    def standing(self, key: str) -> bool: ...


async def watch_consistency(monitor: ConsistencyMonitor, alerts: Alerts, clock: Clock) -> None:
    """Judge every device each 10 s until cancelled; raise after six rounds in a row, return with the first good one."""
    rounds: Counter[str] = Counter()
    while True:
        await clock.sleep(PERIOD_S)
        for verdict in monitor.verdicts():
            key = KEY + verdict.device_id
            if verdict.consistent or verdict.worst is None:
                rounds.pop(verdict.device_id, None)
                if alerts.standing(key):
                    alerts.return_alert(key)
                continue
            rounds[verdict.device_id] += 1
            if rounds[verdict.device_id] >= ROUNDS:
                alerts.raise_alert(
                    key, "inconsistent", Priority.LOW, device_id=verdict.device_id, value=100 * verdict.worst.residual,
                    limit=100 * verdict.tolerance, unit="%", detail=verdict.worst.rule,
                )
