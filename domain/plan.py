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
