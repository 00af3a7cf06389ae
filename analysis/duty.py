"""Who is on duty at a time, and which step of the escalation is due. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from analysis.calendar import Calendar
from domain.alert import Alert, AlertState
from domain.duty import DutySlot, Escalation, EscalationStep, Target
from domain.plant import ShiftPattern

MINUTE_US = 60_000_000


class DutyRoster:
    """The duty calendar of the site. Build a new one when the plant changes."""

    def __init__(self, calendar: Calendar, slots: Sequence[DutySlot]) -> None:
        """`calendar`: the site's, for slots by shift and for its zone."""
        self._calendar, zone = calendar, str(calendar.zone)
        self._slots = [(slot, Calendar(zone, [ShiftPattern("duty", slot.start, slot.end, slot.days)])) for slot in slots]

    def on_duty(self, time_us: int) -> tuple[str, ...]:
        """Names of the users on duty, each once, in the order of the slots."""
        found: dict[str, None] = {}
        for slot, times in self._slots:
            if self._covers(slot, times, time_us):
                found |= dict.fromkeys(slot.users)
        return tuple(found)

    def _covers(self, slot: DutySlot, times: Calendar, time_us: int) -> bool:
        if slot.shift is None:
            return times.shift_at(time_us) is not None
        running = self._calendar.shift_at(time_us)
        return running is not None and running.name == slot.shift and running.day.weekday() in slot.days

    def next_change_us(self, time_us: int, within: timedelta = timedelta(days=2)) -> int | None:
        """When somebody else comes on duty; None when nothing changes within `within`."""
        now = self.on_duty(time_us)
        end_us = time_us + round(within.total_seconds() * 1e6)
        borders: set[int] = set()
        for calendar in (self._calendar, *(times for _, times in self._slots)):
            for window in calendar.overlapping("shift", time_us, end_us):
                borders |= {window.from_us, window.to_us}
        return next((at for at in sorted(borders) if time_us < at <= end_us and self.on_duty(at) != now), None)


def due_step(alert: Alert, since_us: int, escalation: Escalation, now_us: int) -> tuple[int, EscalationStep] | None:
    """The next step of an alert that nobody took, with its number from 1; None while none is due.

    `since_us`: since when it waits.
    """
    if alert.state is not AlertState.UNACKNOWLEDGED or alert.hold is not None:
        return None
    steps = escalation.of(alert.priority)
    if alert.escalation >= len(steps):
        return None
    step = steps[alert.escalation]
    if now_us - since_us < step.after_min * MINUTE_US:
        return None
    return alert.escalation + 1, step


def reached(step: EscalationStep, roster: DutyRoster, time_us: int) -> tuple[str, ...]:
    """User names, or "role:<role>". An empty duty falls back to the administrators: a call never goes to nobody."""
    if step.target is Target.DUTY:
        return roster.on_duty(time_us) or ("role:admin",)
    if step.target is Target.ROLE and step.role is not None:
        return (f"role:{step.role.value}",)
    return ("role:admin",)
