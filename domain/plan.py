"""What is planned: energy and parts of the site, a section or a machine per shift, day or month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum


class PlanScope(Enum):
    """Whom a plan is for."""

    SITE = "site"
    SECTION = "section"
    MACHINE = "machine"


class PlanInterval(Enum):
    """How often it is to be reached."""

    SHIFT = "shift"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Plan:
    """`subject`: the section's name or machine's id, "" for the site. `shift`: only shifts of that name, "" for all.

    In force from `valid_from` (the site's day) until the next plan of the same subject, interval and shift begins.
    """

    scope: PlanScope
    subject: str
    interval: PlanInterval
    valid_from: date = date.min
    shift: str = ""
    kwh: float | None = None
    parts: float | None = None


def plan_on(
    plans: Sequence[Plan], scope: PlanScope, subject: str, interval: PlanInterval, day: date, shift: str = ""
) -> Plan | None:
    """The one in force on that day: the newest begun one; one that names the shift goes before one for all shifts."""
    fitting = [
        plan
        for plan in plans
        if (plan.scope, plan.subject, plan.interval) == (scope, subject, interval)
        and plan.valid_from <= day
        and plan.shift in {"", shift}
    ]
    return max(fitting, key=lambda plan: (plan.shift != "", plan.valid_from), default=None)


@dataclass(frozen=True, slots=True)
class Progress:
    """A planned figure and what came of it. `actual` None: not known.

    `expected`: the part of the plan that is due by now, by planned working time; the whole plan of an interval that is over.
    `projection`: what the running interval will end with at its pace so far; None before 5 % of its working time.
    """

    planned: float
    actual: float | None
    expected: float
    projection: float | None
    completeness: float = 1.0
    estimated_share: float = 0.0

    @property
    def deviation(self) -> float | None:
        """Actual minus expected, in the figure's unit."""
        return None if self.actual is None else self.actual - self.expected

    @property
    def deviation_share(self) -> float | None:
        """Of the expected; None while nothing is expected."""
        return None if self.actual is None or self.expected <= 0 else (self.actual - self.expected) / self.expected


@dataclass(frozen=True, slots=True)
class PlanFact:
    """A plan in one concrete interval [from_us, to_us). `label`: name of the shift, ISO date or "2026-06"."""

    plan: Plan
    label: str
    day: date
    from_us: int
    to_us: int
    running: bool
    kwh: Progress | None
    parts: Progress | None
