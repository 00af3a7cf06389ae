"""Alerts after ISA-18.2: priorities, states, one record per occurrence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Priority(Enum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Priority).index(self)


class AlertState(Enum):
    """unacknowledged: standing, nobody took it; acknowledged: standing, taken; returned: gone, nobody took it; cleared: over."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    CLEARED = "cleared"

    @property
    def is_active(self) -> bool:
        return self is not AlertState.CLEARED


@dataclass(frozen=True, slots=True)
class Alert:
    """One occurrence. `key` identifies the condition (rule and subject): at most one alert that is not cleared per key.

    Values and limits are in `unit`. Text for people comes from the catalogues: message id alert.<rule>.
    """

    id: int  # 0 until stored
    key: str
    rule: str  # high | critical_high | low | critical_low | no_data | line_down | storage | clock ...
    priority: Priority
    state: AlertState
    machine_id: str | None
    tag: str | None  # full name, "m1.active_power"
    device_id: str | None
    value: float | None
    limit: float | None
    unit: str
    raised_us: int
    returned_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """Limits of one tag, in its canonical unit. None means that border is not watched."""

    tag: str
    high: float | None = None
    critical_high: float | None = None
    low: float | None = None
    critical_low: float | None = None
    hysteresis: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    id: int = 0
