"""The life of one alert after ISA-18.2, as pure functions: an alert and an event give the alert that follows.

unacknowledged -> acknowledged -> cleared, or unacknowledged -> returned -> cleared. What is held (shelved, suppressed by
design, out of service) is cleared when it returns: nobody is asked to take what nobody was shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind

_HELD = {
    HoldKind.SHELVED: Action.SHELVE,
    HoldKind.SUPPRESSED: Action.SUPPRESS,
    HoldKind.OUT_OF_SERVICE: Action.OUT_OF_SERVICE,
}


def raised(alert: Alert) -> Alert:
    """A new one, with its first transition."""
    note = None if alert.hold is None else alert.hold.kind.value
    return _then(alert, Action.RAISE, alert.raised_us, change_note=note)


def repeated(alert: Alert, time_us: int, *, value: float | None, detail: str, chattering: bool, hold: Hold | None) -> Alert:
    """The condition came again: the same alert stands unacknowledged, counted."""
    again: dict[str, Any] = {"acknowledged_us": None, "acknowledged_by": None} if alert.state is AlertState.CLEARED else {}
    return _then(
        alert, Action.REPEAT, time_us, state=AlertState.UNACKNOWLEDGED, returned_us=None, value=value, detail=detail,
        repeats=alert.repeats + 1, last_raised_us=time_us, chattering=chattering, hold=hold,
        escalation=0 if alert.state is AlertState.CLEARED else alert.escalation, **again,
    )  # fmt: skip


def returned(alert: Alert, time_us: int) -> Alert:
    """The condition is over."""
    over = alert.state is AlertState.ACKNOWLEDGED or alert.hold is not None
    state = AlertState.CLEARED if over else AlertState.RETURNED
    at_us = max(time_us, alert.raised_us)
    return _then(alert, Action.CLEAR if over else Action.RETURN, at_us, state=state, returned_us=at_us)


def acknowledged(alert: Alert, time_us: int, actor: str, note: str | None) -> Alert:
    """Somebody took it."""
    state = AlertState.CLEARED if alert.state is AlertState.RETURNED else AlertState.ACKNOWLEDGED
    return _then(
        alert, Action.ACKNOWLEDGE, time_us, actor=actor, change_note=note, state=state, acknowledged_us=time_us,
        acknowledged_by=actor, note=note,
    )  # fmt: skip


def held(alert: Alert, hold: Hold) -> Alert:
    """It leaves the operator's list."""
    return _then(alert, _HELD[hold.kind], hold.since_us, actor=hold.by, change_note=hold.reason or None, hold=hold)


def released(alert: Alert, time_us: int, actor: str | None = None) -> Alert:
    """It is back in the operator's list."""
    return _then(alert, Action.RELEASE, time_us, actor=actor, hold=None)


def escalated(alert: Alert, step: int, time_us: int, to: tuple[str, ...]) -> Alert:
    """It reached somebody else."""
    return _then(alert, Action.ESCALATE, time_us, change_note=str(step), to=to, escalation=step)


def commented(alert: Alert, time_us: int, actor: str, text: str) -> Alert:
    """Somebody wrote what was found or done."""
    return _then(alert, Action.COMMENT, time_us, actor=actor, change_note=text, note=text)


def _then(
    alert: Alert, action: Action, time_us: int, *, actor: str | None = None, change_note: str | None = None,
    to: tuple[str, ...] = (), **fields: Any,
) -> Alert:  # fmt: skip
    after = replace(alert, **fields)
    change = Change(alert.changes + 1, action, after.state, time_us, actor, change_note, to)
    return replace(after, change=change, changes=change.number)
