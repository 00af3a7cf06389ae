"""Who hears of what, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from domain.access import Role, User
from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, Priority
from domain.notification import Event, QuietHours, Subscription
from notifications.choose import due_us, event_key, event_of, grouped, notices_of

ZONE = ZoneInfo("Europe/Berlin")
ANNA = User(1, "anna", Role.OPERATOR)
SECTIONS = {"lathe-1": "Turning"}


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


NOW = us("2026-11-19T10:00:30")


def alert(action: Action = Action.RAISE, priority: Priority = Priority.HIGH, number: int = 1, **more: object) -> Alert:
    state = {Action.RETURN: AlertState.RETURNED, Action.CLEAR: AlertState.CLEARED}.get(action, AlertState.UNACKNOWLEDGED)
    base = Alert(
        7, "limit:m1.active_power:high", "high", priority, state, "lathe-1", "m1.active_power", "m1", 14.2, 14.0, "kW", NOW - 60_000_000,
        change=Change(number, action, state, NOW),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def chosen(wanted: Subscription, told: Alert, user: User = ANNA) -> list[str]:
    event = event_of(told)
    return [] if event is None else [n.key for n in notices_of(told, event, [wanted], {user.id: user}, SECTIONS, ZONE, NOW)]


PLAIN = Subscription(5, 1, 9, "anna@example.org")


def test_what_fits_makes_one_notice_with_the_identity_of_event_and_subscription() -> None:
    told = alert()
    (notice,) = notices_of(told, Event.RAISED, [PLAIN], {1: ANNA}, SECTIONS, ZONE, NOW)
    assert notice.key == f"limit:m1.active_power:high@{told.raised_us}#1/raised/5"
    assert (notice.channel_id, notice.address, notice.due_us, notice.event_us) == (9, "anna@example.org", NOW, NOW)
    assert event_key(replace(told, id=0)) == event_key(told)  # told before it was stored: the same event


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (replace(PLAIN, enabled=False), alert()),
        (replace(PLAIN, min_priority=Priority.CRITICAL), alert()),
        (replace(PLAIN, machines=("mill-1",)), alert()),
        (replace(PLAIN, sections=("Milling",)), alert()),
        (replace(PLAIN, rules=("no_data",)), alert()),
        (PLAIN, alert(Action.RETURN)),  # not among its events
        (PLAIN, alert(Action.COMMENT)),
        (PLAIN, alert(hold=Hold(HoldKind.SHELVED, NOW, None, "ivan", "known"))),
        (PLAIN, alert(Action.ESCALATE)),  # names nobody
    ],
)
def test_what_does_not_fit_makes_none(wanted: Subscription, told: Alert) -> None:
    assert chosen(wanted, told) == []


def test_scopes_and_escalations() -> None:
    assert chosen(replace(PLAIN, machines=("lathe-1",), sections=("Turning",), rules=("high",)), alert())
    by_name = alert(Action.ESCALATE, Priority.LOW, change=Change(3, Action.ESCALATE, AlertState.UNACKNOWLEDGED, NOW, to=("anna",)))
    assert chosen(PLAIN, by_name)  # whatever priority was chosen: it is for her
    by_role = replace(by_name, change=Change(3, Action.ESCALATE, AlertState.UNACKNOWLEDGED, NOW, to=("role:operator",)))
    assert chosen(PLAIN, by_role)
    assert not chosen(PLAIN, by_role, User(1, "anna", Role.OPERATOR, enabled=False))


def test_a_digest_waits_for_its_multiple_and_critical_ones_do_not() -> None:
    digest = replace(PLAIN, digest_min=15)
    assert due_us(digest, Priority.HIGH, Event.RAISED, ZONE, NOW) == us("2026-11-19T10:15:00")
    assert due_us(digest, Priority.HIGH, Event.RAISED, ZONE, us("2026-11-19T10:15:00")) == us("2026-11-19T10:15:00")
    assert due_us(digest, Priority.CRITICAL, Event.RAISED, ZONE, NOW) == NOW
    assert due_us(digest, Priority.HIGH, Event.ESCALATED, ZONE, NOW) == NOW


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-19T21:30:00", "2026-11-20T05:00:00"),  # 22:30 in Berlin: quiet until 06:00 there
        ("2026-11-20T04:59:59", "2026-11-20T05:00:00"),
        ("2026-11-20T05:00:00", "2026-11-20T05:00:00"),
        ("2026-11-19T20:59:00", "2026-11-19T20:59:00"),
        ("2026-03-28T22:00:00", "2026-03-29T04:00:00"),  # the night that loses an hour
        ("2026-10-24T21:00:00", "2026-10-25T05:00:00"),  # the night that gains one
    ],
)
def test_quiet_hours_over_midnight_and_both_changes_of_the_clock(now: str, until: str) -> None:
    quiet = replace(PLAIN, quiet=QuietHours(time(22), time(6)))
    assert due_us(quiet, Priority.HIGH, Event.RAISED, ZONE, us(now)) == us(until)
    assert due_us(quiet, Priority.CRITICAL, Event.RAISED, ZONE, us(now)) == us(now)


def test_few_go_out_one_by_one_many_as_one_with_none_missing() -> None:
    def notices(n: int, user: int) -> list[object]:
        return [
            notices_of(alert(number=k, change=Change(k, Action.RAISE, AlertState.UNACKNOWLEDGED, NOW + k)), Event.RAISED,
                       [replace(PLAIN, user_id=user)], {user: replace(ANNA, id=user)}, SECTIONS, ZONE, NOW)[0]
            for k in range(1, n + 1)
        ]  # fmt: skip

    messages = grouped([*notices(2, 1), *notices(40, 2)], 3)  # type: ignore[list-item]
    assert sorted(len(message) for message in messages) == [1, 1, 40]
    assert [len(m) for m in grouped(notices(3, 1), 3)] == [1, 1, 1]  # type: ignore[arg-type]
