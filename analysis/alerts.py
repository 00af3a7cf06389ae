"""Alerts after ISA-18.2: unacknowledged -> acknowledged -> cleared, or unacknowledged -> returned -> cleared.

What stands is held in memory, so that raising never waits for a database; every transition then goes to the store once, in order,
and is told to the outside when it is stored (or at once while the store is away, and again with its number later).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from domain.access import Actor, Role
from domain.alert import Alert, AlertState, Priority
from domain.errors import Conflict, Forbidden, NotFound, StorageError
from domain.ports import Clock
from domain.stores import AlertStore, AuditStore

log = logging.getLogger(__name__)

RETRY_S = 5.0
MAX_WAITING = 10_000  # transitions that wait for the store; beyond it the oldest of what is over goes, counted and logged


@dataclass(slots=True, eq=False)
class _Occurrence:
    """One alert that is not over. `alert.id` is 0 until stored."""

    alert: Alert


@dataclass(slots=True, eq=False)
class _Waiting:
    """A transition that is not stored yet. `told`: the outside heard of it without a number."""

    occurrence: _Occurrence
    snapshot: Alert
    told: bool = False
    refusals: int = 0


class AlertEngine:
    """Implements the alert service. `load` first, then `run` as one supervised task; everything else from the event loop."""

    def __init__(
        self, store: AlertStore, audit: AuditStore, clock: Clock, notify: Callable[[Alert], None] | None = None
    ) -> None:
        self._store, self._audit, self._clock = store, audit, clock
        self._listeners: list[Callable[[Alert], None]] = [] if notify is None else [notify]
        self._standing: dict[str, _Occurrence] = {}
        self._waiting: deque[_Waiting] = deque()
        self._work = asyncio.Event()
        self._storing = asyncio.Lock()
        self._loaded = False
        self.lost_transitions = 0

    def on_alert(self, listener: Callable[[Alert], None]) -> None:
        """Tell `listener` of every transition; it must return at once."""
        self._listeners.append(listener)

    def _notify(self, alert: Alert) -> None:
        for listener in self._listeners:
            listener(alert)

    # -- life ------------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take over what stood before the start; nothing is raised or told again. Raises StorageError."""
        for alert in await self._store.active():
            early = self._standing.get(alert.key)
            if early is None:
                self._standing[alert.key] = _Occurrence(alert)
            elif early.alert.id == 0:  # raised while the store could not be read: it is the same occurrence
                early.alert = replace(early.alert, id=alert.id, raised_us=alert.raised_us)
                self._waiting = deque(
                    w for w in self._waiting if w.occurrence is not early or w.snapshot.state is not alert.state
                )
        self._loaded = True

    @property
    def loaded(self) -> bool:
        """Is it known what stood before the start?"""
        return self._loaded

    async def run(self) -> None:
        """Store transitions until cancelled; while the store is away they wait in order."""
        while not await self._load_quietly():
            await self._clock.sleep(RETRY_S)
        while True:
            self._work.clear()
            while not await self.flush():
                await self._clock.sleep(RETRY_S)
            await self._work.wait()

    async def _load_quietly(self) -> bool:
        if not self._loaded:
            try:
                await self.load()
            except (StorageError, OSError) as exc:
                self._tell_unstored(exc)
        return self._loaded

    async def flush(self) -> bool:
        """Store what waits; False when the store cannot take it now."""
        async with self._storing:
            while self._waiting and self._loaded:
                entry = self._waiting[0]
                try:
                    stored = await self._store.save(replace(entry.snapshot, id=entry.occurrence.alert.id))
                except (StorageError, OSError) as exc:
                    self._tell_unstored(exc)
                    return False
                except Exception:  # noqa: BLE001 - whatever one record holds, it must not stop the others: three tries, then out
                    if not self._refused(entry):
                        return False
                    continue
                if self._waiting and self._waiting[0] is entry:
                    self._waiting.popleft()
                if entry.occurrence.alert.id == 0:
                    entry.occurrence.alert = replace(entry.occurrence.alert, id=stored.id)
                self._notify(stored)
        return self._loaded

    def _refused(self, entry: _Waiting) -> bool:
        """The store failed in a way that is no outage. True when the record is given up."""
        entry.refusals += 1
        log.exception("the store refuses alert %s (%s)", entry.snapshot.key, entry.snapshot.state.value)
        if entry.refusals < 3:
            return False
        self.lost_transitions += 1
        self._waiting = deque(w for w in self._waiting if w is not entry)
        self._notify(entry.snapshot)
        return True

    def _tell_unstored(self, exc: BaseException) -> None:
        """A person must hear of it although it cannot be stored: told now without a number, and again when stored."""
        for entry in list(self._waiting):
            if not entry.told:
                entry.told = True
                log.warning("alert %s (%s) waits for the store: %s", entry.snapshot.key, entry.snapshot.state.value, exc)
                self._notify(entry.snapshot)

    # -- raising and returning (from the event loop, never waits) --------------------------------------------------

    def raise_alert(
        self,
        key: str,
        rule: str,
        priority: Priority,
        *,
        time_us: int | None = None,
        machine_id: str | None = None,
        tag: str | None = None,
        device_id: str | None = None,
        value: float | None = None,
        limit: float | None = None,
        unit: str = "",
        detail: str = "",
    ) -> bool:
        """The condition holds. True when that is news; while it stands already, nothing happens."""
        now_us = self._clock.now_us() if time_us is None else time_us
        occurrence = self._standing.get(key)
        if occurrence is not None:
            if occurrence.alert.state is not AlertState.RETURNED:
                return False
            # came back before anybody took it: the same occurrence stands again
            self._change(
                occurrence,
                replace(occurrence.alert, state=AlertState.UNACKNOWLEDGED, returned_us=None, value=value, detail=detail),
            )
            return True
        alert = Alert(
            0, key, rule, priority, AlertState.UNACKNOWLEDGED, machine_id, tag, device_id, value, limit, unit, now_us,
            detail=detail,
        )  # fmt: skip
        occurrence = self._standing[key] = _Occurrence(alert)
        self._change(occurrence, alert)
        return True

    def return_alert(self, key: str, *, time_us: int | None = None) -> bool:
        """The condition is over. True when that is news."""
        occurrence = self._standing.get(key)
        if occurrence is None or occurrence.alert.state is AlertState.RETURNED:
            return False
        now_us = self._clock.now_us() if time_us is None else time_us
        taken = occurrence.alert.state is AlertState.ACKNOWLEDGED
        state = AlertState.CLEARED if taken else AlertState.RETURNED
        self._change(occurrence, replace(occurrence.alert, state=state, returned_us=max(now_us, occurrence.alert.raised_us)))
        return True

    def raise_system(self, key: str, priority: Priority, detail: str = "") -> bool:
        """Something of the product itself: `key` storage | journal | clock ... is also the rule."""
        return self.raise_alert(key, key.partition(":")[0], priority, detail=detail)

    def clear_system(self, key: str) -> bool:
        """It is over."""
        return self.return_alert(key)

    def standing(self, key: str) -> bool:
        """Does the condition hold, as far as told?"""
        occurrence = self._standing.get(key)
        return occurrence is not None and occurrence.alert.state is not AlertState.RETURNED

    def standing_keys(self, prefix: str = "") -> list[str]:
        """Keys of the conditions that hold."""
        return [key for key in self._standing if key.startswith(prefix) and self.standing(key)]

    # -- the service -----------------------------------------------------------------------------------------------

    def active(self) -> Sequence[Alert]:
        """Not cleared, the most urgent and then the newest first."""
        return sorted((o.alert for o in self._standing.values()), key=lambda a: (a.priority.rank, -a.raised_us))

    async def history(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[Alert]:
        """Alerts that stood at some time in the window, newest first."""
        return await self._store.between(from_us, to_us, limit)

    async def acknowledge(self, alert_id: int, actor: Actor, note: str | None = None) -> Alert:
        """An operator takes it. Raises NotFound, Conflict (taken already or over), Forbidden, StorageError (no audit, no act)."""
        now_us = self._clock.now_us()
        subject = f"alert:{alert_id}"
        if not actor.role.allows(Role.OPERATOR):
            refused = json.dumps({"action": "alert_acknowledge"})
            await self._audit.append(now_us, actor.name, actor.source, "refused", subject, new=refused, result="failed")
            raise Forbidden(f"{actor.name} ({actor.role.value}) may not acknowledge alerts; needs {Role.OPERATOR.value}")
        occurrence = await self._open(alert_id)
        old = occurrence.alert.state
        await self._audit.append(
            now_us, actor.name, actor.source, "alert_acknowledge", subject,
            old=json.dumps({"state": old.value}), new=json.dumps({"key": occurrence.alert.key, "note": note}, ensure_ascii=False),
        )  # fmt: skip
        if occurrence.alert.state is AlertState.ACKNOWLEDGED or self._standing.get(occurrence.alert.key) is not occurrence:
            raise Conflict(f"alert {alert_id} was acknowledged meanwhile by {occurrence.alert.acknowledged_by}")
        state = AlertState.CLEARED if occurrence.alert.state is AlertState.RETURNED else AlertState.ACKNOWLEDGED
        self._change(
            occurrence,
            replace(occurrence.alert, state=state, acknowledged_us=now_us, acknowledged_by=actor.name, note=note),
        )
        await self.flush()
        return occurrence.alert

    async def _open(self, alert_id: int) -> _Occurrence:
        for occurrence in self._standing.values():
            if occurrence.alert.id == alert_id and alert_id != 0:
                if occurrence.alert.state is AlertState.ACKNOWLEDGED:
                    raise Conflict(f"alert {alert_id} is already acknowledged by {occurrence.alert.acknowledged_by}")
                return occurrence
        if await self._store.get(alert_id) is not None:
            raise Conflict(f"alert {alert_id} is over")
        raise NotFound("alert", str(alert_id))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _change(self, occurrence: _Occurrence, alert: Alert) -> None:
        occurrence.alert = alert
        if alert.state is AlertState.CLEARED:
            self._standing.pop(alert.key, None)
        self._waiting.append(_Waiting(occurrence, alert))
        if len(self._waiting) > MAX_WAITING:
            self._shed()
        self._work.set()

    def _shed(self) -> None:
        """The store is away for long and alerts flap: keep the last word on each, and no more than half of what may wait."""
        last: dict[int, _Waiting] = {id(entry.occurrence): entry for entry in self._waiting}
        kept = [entry for entry in self._waiting if last[id(entry.occurrence)] is entry]
        spare = len(kept) - MAX_WAITING // 2
        for entry in list(kept):
            never_stored = entry.occurrence.alert.id == 0 and entry.snapshot.state is AlertState.CLEARED
            if spare > 0 and never_stored:
                kept.remove(entry)
                spare -= 1
        self.lost_transitions += len(self._waiting) - len(kept)
        log.error("%d transitions of alerts could not be kept: the store is away for too long", self.lost_transitions)
        self._waiting = deque(kept)
