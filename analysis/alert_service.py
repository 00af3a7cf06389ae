"""What people do with alerts: each act checks the role, is written to the audit first and becomes a transition."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from analysis import alert_life as life
from analysis.alert_recorder import AlertRecorder, Occurrence
from analysis.hygiene import hygiene
from domain.access import Actor, Role
from domain.alert import LONGEST_TEXT, Alert, AlertState, Change, Hold, HoldKind, KeyHold
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.hygiene import Hygiene
from domain.ports import Clock
from domain.stores import AlertStore, AuditStore

LONGEST_SHELF_US = 24 * 3600 * 1_000_000
MOST_RAISES = 100_000


class AlertDesk:
    """The part of the alert service that people call. AlertEngine adds what the plant calls."""

    _recorder: AlertRecorder

    def __init__(self, store: AlertStore, audit: AuditStore, clock: Clock) -> None:
        self._store, self._audit, self._clock = store, audit, clock
        self._standing: dict[str, Occurrence] = {}
        self._holds: dict[str, KeyHold] = {}

    # -- asking ----------------------------------------------------------------------------------------------------

    def active(self) -> Sequence[Alert]:
        """Not cleared and not held, the most urgent and then the newest first."""
        return _ordered(o.alert for o in self._standing.values() if o.alert.is_shown)

    def held(self) -> Sequence[Alert]:
        """Standing, but shelved, suppressed by design or out of service."""
        return _ordered(o.alert for o in self._standing.values() if not o.alert.is_shown)

    def holds(self) -> Sequence[KeyHold]:
        """Conditions that are shelved or out of service, also those that do not stand now."""
        return list(self._holds.values())

    async def history(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[Alert]:
        """Alerts that stood at some time in the window, newest first."""
        return await self._store.between(from_us, to_us, limit)

    async def alert(self, alert_id: int) -> Alert:
        """Raises NotFound."""
        for occurrence in self._standing.values():
            if occurrence.alert.id == alert_id and alert_id != 0:
                return occurrence.alert
        stored = await self._store.get(alert_id)
        if stored is None:
            raise NotFound("alert", str(alert_id))
        return stored

    async def changes(self, alert_id: int) -> Sequence[Change]:
        """Transitions of one alert, oldest first."""
        return await self._store.changes(alert_id)

    async def raises(self, from_us: int, to_us: int, limit: int = 100_000) -> Sequence[tuple[int, int]]:
        """(alert id, time) of every raise and repeat in the window, oldest first."""
        return await self._store.raises(from_us, to_us, limit)

    async def hygiene(self, from_us: int, to_us: int, positions: int = 1) -> Hygiene:
        """Figures of the window per operator position. Raises StorageError."""
        raises = await self.raises(from_us, to_us, MOST_RAISES)
        alerts = {alert.id: alert for alert in await self._store.between(from_us, to_us, MOST_RAISES)}
        standing = [occurrence.alert for occurrence in self._standing.values()]
        return await asyncio.to_thread(
            hygiene, raises, alerts, standing, from_us, to_us, positions=positions, truncated=len(raises) == MOST_RAISES
        )

    # -- acting ----------------------------------------------------------------------------------------------------

    async def acknowledge(self, alert_id: int, actor: Actor, note: str | None = None) -> Alert:
        """An operator takes it. Raises NotFound, Conflict (taken already or over), Forbidden, StorageError (no audit, no act)."""
        await self._need(actor, Role.OPERATOR, "alert_acknowledge", f"alert:{alert_id}")
        occurrence = await self._waiting(alert_id)
        old = occurrence.alert.state
        await self._note(actor, "alert_acknowledge", occurrence.alert, {"state": old.value}, {"note": note})
        if occurrence.alert.state is AlertState.ACKNOWLEDGED or self._standing.get(occurrence.alert.key) is not occurrence:
            raise Conflict(f"alert {alert_id} was acknowledged meanwhile by {occurrence.alert.acknowledged_by}")
        return await self._act(occurrence, lambda a, now: life.acknowledged(a, now, actor.name, note))

    async def acknowledge_all(
        self, alert_ids: Sequence[int], actor: Actor, note: str | None = None
    ) -> Mapping[int, str | None]:
        """Each by itself: id -> None, or why not. Raises Forbidden, StorageError."""
        await self._need(actor, Role.OPERATOR, "alert_acknowledge", f"{len(alert_ids)} alerts")
        answers: dict[int, str | None] = {}
        for alert_id in alert_ids:
            try:
                await self.acknowledge(alert_id, actor, note)
                answers[alert_id] = None
            except (NotFound, Conflict) as exc:
                answers[alert_id] = str(exc)
        return answers

    async def shelve(self, alert_id: int, until_us: int, reason: str, actor: Actor) -> Alert:
        """Out of the list until `until_us` (at most 24 h), whatever the condition does; then it is back by itself.

        Raises NotFound, Conflict, ConfigError (no reason, too long, in the past), Forbidden, StorageError.
        """
        await self._need(actor, Role.OPERATOR, "alert_shelve", f"alert:{alert_id}")
        now_us = self._clock.now_us()
        if not now_us < until_us <= now_us + LONGEST_SHELF_US:
            raise ConfigError("until: expected a time within the next 24 h")
        hold = Hold(HoldKind.SHELVED, now_us, until_us, actor.name, _text(reason, "reason"))
        occurrence = await self._open(alert_id)
        await self._note(actor, "alert_shelve", occurrence.alert, None, {"until_us": until_us, "reason": hold.reason})
        await self._store.save_hold(KeyHold(occurrence.alert.key, hold))
        self._holds[occurrence.alert.key] = KeyHold(occurrence.alert.key, hold)
        return await self._act(occurrence, lambda a, _now: life.held(a, hold))

    async def unshelve(self, alert_id: int, actor: Actor) -> Alert:
        """Back in the list before its time. Raises NotFound, Conflict (not shelved), Forbidden, StorageError."""
        await self._need(actor, Role.OPERATOR, "alert_unshelve", f"alert:{alert_id}")
        occurrence = await self._open(alert_id)
        hold = occurrence.alert.hold
        if hold is None or hold.kind is not HoldKind.SHELVED:
            raise Conflict(f"alert {alert_id} is not shelved")
        await self._note(actor, "alert_unshelve", occurrence.alert, {"until_us": hold.until_us}, None)
        await self._store.remove_hold(occurrence.alert.key)
        self._holds.pop(occurrence.alert.key, None)
        if occurrence.alert.hold is not None:
            self._back(occurrence, self._clock.now_us(), actor.name)
        await self._recorder.flush()
        return occurrence.alert

    async def comment(self, alert_id: int, text: str, actor: Actor) -> Alert:
        """What was found or done; everybody sees it. Raises NotFound, Conflict (over), ConfigError, Forbidden, StorageError."""
        await self._need(actor, Role.OPERATOR, "alert_comment", f"alert:{alert_id}")
        words = _text(text, "text")
        occurrence = await self._open(alert_id)
        await self._note(actor, "alert_comment", occurrence.alert, None, {"text": words})
        return await self._act(occurrence, lambda a, now: life.commented(a, now, actor.name, words))

    async def take_out_of_service(self, rule_id: str, reason: str, actor: Actor) -> KeyHold:
        """All alerts of a rule leave the list until it is taken back. Raises ConfigError, Forbidden, StorageError."""
        await self._need(actor, Role.ENGINEER, "rule_out_of_service", f"rule:{rule_id}")
        now_us = self._clock.now_us()
        hold = KeyHold(rule_prefix(rule_id), Hold(HoldKind.OUT_OF_SERVICE, now_us, None, actor.name, _text(reason, "reason")))
        await self._audit.append(
            now_us, actor.name, actor.source, "rule_out_of_service", f"rule:{rule_id}", new=_json({"reason": hold.hold.reason})
        )
        await self._store.save_hold(hold)
        self._holds[hold.key] = hold
        for occurrence in list(self._standing.values()):
            if hold.covers(occurrence.alert.key):
                self._change(occurrence, life.held(occurrence.alert, hold.hold))
        await self._recorder.flush()
        return hold

    async def put_in_service(self, rule_id: str, actor: Actor) -> None:
        """Raises Conflict (it is in service), Forbidden, StorageError."""
        await self._need(actor, Role.ENGINEER, "rule_in_service", f"rule:{rule_id}")
        hold = self._holds.get(rule_prefix(rule_id))
        if hold is None:
            raise Conflict(f"rule {rule_id!r} is in service")
        now_us = self._clock.now_us()
        await self._audit.append(now_us, actor.name, actor.source, "rule_in_service", f"rule:{rule_id}")
        await self._store.remove_hold(hold.key)
        self._holds.pop(hold.key, None)
        self._release_held(hold, now_us, actor.name)
        await self._recorder.flush()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _release_held(self, ended: KeyHold, now_us: int, actor: str | None) -> None:
        for occurrence in list(self._standing.values()):
            hold = occurrence.alert.hold
            if hold is not None and hold.kind is ended.hold.kind and ended.covers(occurrence.alert.key):
                self._back(occurrence, now_us, actor)

    def _back(self, occurrence: Occurrence, now_us: int, actor: str | None) -> None:
        occurrence.since_us = now_us
        self._change(occurrence, life.released(occurrence.alert, now_us, actor))

    async def _act(self, occurrence: Occurrence, change: Callable[[Alert, int], Alert]) -> Alert:
        if self._standing.get(occurrence.alert.key) is not occurrence:
            raise Conflict(f"alert {occurrence.alert.id} is over")
        self._change(occurrence, change(occurrence.alert, self._clock.now_us()))
        await self._recorder.flush()
        return occurrence.alert

    async def _open(self, alert_id: int) -> Occurrence:
        for occurrence in self._standing.values():
            if occurrence.alert.id == alert_id and alert_id != 0:
                return occurrence
        if await self._store.get(alert_id) is not None:
            raise Conflict(f"alert {alert_id} is over")
        raise NotFound("alert", str(alert_id))

    async def _waiting(self, alert_id: int) -> Occurrence:
        occurrence = await self._open(alert_id)
        if occurrence.alert.state is AlertState.ACKNOWLEDGED:
            raise Conflict(f"alert {alert_id} is already acknowledged by {occurrence.alert.acknowledged_by}")
        return occurrence

    async def _need(self, actor: Actor, role: Role, action: str, subject: str) -> None:
        if actor.role.allows(role):
            return
        now_us = self._clock.now_us()
        refused = _json({"action": action})
        await self._audit.append(now_us, actor.name, actor.source, "refused", subject, new=refused, result="failed")
        raise Forbidden(f"{actor.name} ({actor.role.value}) may not do that; it needs the role {role.value}")

    async def _note(
        self, actor: Actor, action: str, alert: Alert, old: Mapping[str, object] | None, new: Mapping[str, object] | None
    ) -> None:
        await self._audit.append(
            self._clock.now_us(), actor.name, actor.source, action, f"alert:{alert.id}",
            old=None if old is None else _json(old), new=_json({"key": alert.key, **(new or {})}),
        )  # fmt: skip

    def _change(self, occurrence: Occurrence, alert: Alert, *, quiet: bool = False) -> None:
        raise NotImplementedError


def rule_prefix(rule_id: str) -> str:
    """Keys of all alerts of a rule begin with it."""
    return f"rule:{rule_id}:"


def _ordered(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda a: (a.priority.rank, -a.raised_us))


def _text(words: str, name: str) -> str:
    found = words.strip()
    if not found or len(found) > LONGEST_TEXT:
        raise ConfigError(f"{name}: expected a text of 1 to {LONGEST_TEXT} characters")
    return found


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)
