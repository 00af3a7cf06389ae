"""Who hears of what, and when: pure.

A notice is made for each subscription an event fits. It is due at once, at the end of the person's quiet hours, or at the next
whole multiple of their digest, whichever comes last; a critical alert passes quiet hours (as set) and waits for no digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.access import User
from domain.alert import Action, Alert, AlertState, Priority
from domain.notification import Event, Notice, QuietHours, Subscription

MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_EVENTS = {
    Action.RAISE: Event.RAISED, Action.REPEAT: Event.RAISED, Action.RETURN: Event.RETURNED, Action.CLEAR: Event.RETURNED,
    Action.ACKNOWLEDGE: Event.ACKNOWLEDGED, Action.ESCALATE: Event.ESCALATED,
}


def event_of(alert: Alert) -> Event | None:
    """Which event this picture of an alert tells of; None for what nobody is told (held alerts, comments)."""
    change = alert.change
    if change is None or alert.hold is not None:
        return None
    if change.action is Action.CLEAR and alert.returned_us is not None and alert.returned_us < change.time_us:
        return Event.ACKNOWLEDGED  # it had returned before; what cleared it was the acknowledgement
    return _EVENTS.get(change.action)


def event_key(alert: Alert) -> str:
    """Identity of the event, also for an alert that has no number yet."""
    number = alert.change.number if alert.change is not None else 0
    return f"{alert.key}@{alert.raised_us}#{number}"


def notices_of(
    alert: Alert,
    event: Event,
    subscriptions: Iterable[Subscription],
    users: Mapping[int, User],
    section_of: Mapping[str, str],
    zone: ZoneInfo,
    now_us: int,
) -> list[Notice]:
    """`section_of`: machine -> section. Escalations reach those they name, whatever priority they chose."""
    event_us = alert.change.time_us if alert.change is not None else now_us
    found = []
    for subscription in subscriptions:
        user = users.get(subscription.user_id)
        if user is None or not user.enabled or not _fits(subscription, user, alert, event, section_of):
            continue
        found.append(
            Notice(
                0, f"{event_key(alert)}/{event.value}/{subscription.id}", subscription.id, subscription.channel_id, user.id,
                subscription.address, event, alert, event_us, due_us(subscription, alert.priority, event, zone, now_us),
            )
        )
    return found


def _fits(
    subscription: Subscription, user: User, alert: Alert, event: Event, section_of: Mapping[str, str]
) -> bool:
    if not subscription.enabled:
        return False
    if event is Event.ESCALATED:
        named = alert.change.to if alert.change is not None else ()
        return user.name in named or f"role:{user.role.value}" in named
    if event not in subscription.events or alert.priority.rank > subscription.min_priority.rank:
        return False
    if subscription.machines and alert.machine_id not in subscription.machines:
        return False
    if subscription.sections and section_of.get(alert.machine_id or "", "") not in subscription.sections:
        return False
    return not subscription.rules or alert.rule in subscription.rules


def due_us(subscription: Subscription, priority: Priority, event: Event, zone: ZoneInfo, now_us: int) -> int:
    """When the notice may go out at the earliest."""
    if event is Event.ESCALATED:
        return now_us  # somebody must hear of it now
    at_us = now_us
    if subscription.digest_min > 0 and priority is not Priority.CRITICAL:
        step_us = subscription.digest_min * MINUTE_US
        at_us = -(-now_us // step_us) * step_us
    return _after_quiet(subscription.quiet, priority, zone, at_us)


def _after_quiet(quiet: QuietHours | None, priority: Priority, zone: ZoneInfo, at_us: int) -> int:
    if quiet is None:
        return at_us
    local = (_EPOCH + at_us * _US).astimezone(zone)
    if not quiet.holds(local.time().replace(microsecond=0), priority):
        return at_us
    day = local.date() if local.time() < quiet.end else local.date() + timedelta(days=1)
    ends = datetime.combine(day, quiet.end, zone).astimezone(UTC)
    return max(at_us, (ends - _EPOCH) // _US)


def grouped(notices: Sequence[Notice], most_single: int) -> list[list[Notice]]:
    """Notices of one channel as messages: one each while they are few for a person, else all of that person in one.

    Digests and floods come out as one message with every notice in it, so none is missing. Order of time is kept.
    """
    by_person: dict[tuple[int, str], list[Notice]] = {}
    for notice in notices:
        by_person.setdefault((notice.user_id, notice.address), []).append(notice)
    messages: list[list[Notice]] = []
    for theirs in by_person.values():
        messages += [theirs] if len(theirs) > most_single else [[notice] for notice in theirs]
    return sorted(messages, key=lambda message: message[0].event_us)


def most_urgent(notices: Sequence[Notice]) -> Priority:
    """Of a message."""
    return min((notice.alert.priority for notice in notices), key=lambda priority: priority.rank)


def still_standing(alert: Alert) -> bool:
    """Is the condition there, as far as this picture tells?"""
    return alert.state in {AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED}
