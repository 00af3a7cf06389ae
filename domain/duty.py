"""Who is on duty, and whom an alert reaches when nobody takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import Enum

from domain.access import Role
from domain.alert import Priority


@dataclass(frozen=True, slots=True)
class DutySlot:
    """`users` (account names) are on duty on `days` (Monday is 0) from `start` to `end` by the site's wall clock, or in `shift`.

    `end <= start` means it ends on the next day and belongs to the day it began, as a shift does.
    """

    users: tuple[str, ...]
    days: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    end: time = time(0)
    shift: str | None = None  # name of a shift instead of times


class Target(Enum):
    """Whom a step reaches: who is on duty, everybody of a role, or all administrators."""

    DUTY = "duty"
    ROLE = "role"
    ADMINS = "admins"


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Unacknowledged for `after_min` minutes since it was raised, an alert reaches `target`."""

    after_min: float
    target: Target
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """Steps per priority, in order of time. A priority without steps does not escalate."""

    steps: Mapping[Priority, tuple[EscalationStep, ...]] = field(default_factory=dict)

    def of(self, priority: Priority) -> tuple[EscalationStep, ...]:
        """The steps of one priority."""
        return self.steps.get(priority, ())
