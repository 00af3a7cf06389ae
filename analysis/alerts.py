"""Alerts after ISA-18.2: raising and returning, acknowledging, shelving, taking out of service, escalation.

What stands is held in memory, so that raising never waits for a database; every transition then goes to the store once, in order,
and is told to the outside when it is stored (or at once while the store is away, and again with its number later).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from analysis import alert_life as life
from analysis.alert_grouping import CauseFinder
from analysis.alert_recorder import AlertRecorder, AlertSpool, Occurrence
from analysis.alert_service import AlertDesk, rule_prefix
from analysis.calendar import Calendar
from analysis.duty import DutyRoster, due_step, reached
from domain.alert import Alert, AlertState, Hold, HoldKind, KeyHold, Priority
from domain.errors import StorageError
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.stores import AlertStore, AuditStore

log = logging.getLogger(__name__)

RETRY_S = 5.0
TICK_S = 1.0
REPEAT_WINDOW_US = 600_000_000  # a condition that comes again within 10 min after it was over is the same alert, counted
CHATTER_RAISES, CHATTER_WINDOW_US = 3, 60_000_000  # ISA-18.2: three or more activations within a minute
CALM_US = 600_000_000  # no longer chattering after 10 min without a raise

Escalated = Callable[[Alert, int], None]


class AlertEngine(AlertDesk):
    """Implements the alert service. `load` first, then `run` as one supervised task; everything else from the event loop."""

    def __init__(
        self,
        store: AlertStore,
        audit: AuditStore,
        clock: Clock,
        notify: Callable[[Alert], None] | None = None,
        spool: AlertSpool | None = None,
    ) -> None:
        """`spool`: where transitions wait on disk while the store is away, so that a killed process loses none."""
        self._recorder = AlertRecorder(store, self._notify, spool)
        super().__init__(store, audit, clock)
        self._listeners: list[Callable[[Alert], None]] = [] if notify is None else [notify]
        self._escalation_listeners: list[Escalated] = []
        self._over: dict[str, tuple[Occurrence, int]] = {}  # cleared within the window of repeats, and when
        self._causes = CauseFinder()
        self._gone_holds: list[str] = []
        self._plant: Plant | None = None
        self._roster: DutyRoster | None = None
        self._loaded = False

    def on_alert(self, listener: Callable[[Alert], None]) -> None:
        """Tell `listener` of every transition (`alert.change` is what happened); it must return at once.

        A held alert (`alert.is_shown` false) is told too: whoever calls people must look at it.
        """
        self._listeners.append(listener)

    def on_escalation(self, listener: Escalated) -> None:
        """Tell `listener` of an alert nobody took and the number of the step (from 1); whom it reaches: `alert.change.to`."""
        self._escalation_listeners.append(listener)

    def apply(self, plant: Plant, _tags: Sequence[Tag] = ()) -> None:
        """The plant changed: duty, escalation, sections."""
        self._plant = plant
        self._roster = DutyRoster(Calendar.of(plant), plant.duty)
        self._causes.apply(plant)
        rules = {rule_prefix(rule.id) for rule in plant.alert_rules}
        for key in [key for key in self._holds if key.startswith("rule:") and key.endswith(":") and key not in rules]:
            self._holds.pop(key)  # the rule is gone: one that takes its id later begins in service
            self._gone_holds.append(key)

    def _notify(self, alert: Alert) -> None:
        for listener in self._listeners:
            listener(alert)

    # -- life ------------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take over what stood before the start; nothing is raised or told again. Raises StorageError."""
        await self._recorder.replay()
        self._holds = {hold.key: hold for hold in await self._store.holds()}
        for alert in await self._store.active():
            early = self._standing.get(alert.key)
            if early is None:
                since_us = alert.last_raised_us or alert.raised_us
                self._standing[alert.key] = Occurrence(alert, since_us, deque([since_us], CHATTER_RAISES))
            elif early.alert.id == 0:  # raised while the store could not be read: it is the same occurrence
                self._recorder.forget(early, alert.state)
                changes = max(early.alert.changes, alert.changes)
                early.alert = replace(early.alert, id=alert.id, raised_us=alert.raised_us, changes=changes)
        self._loaded = self._recorder.ready = True

    @property
    def loaded(self) -> bool:
        """Is it known what stood before the start?"""
        return self._loaded

    @property
    def lost_transitions(self) -> int:
        """Transitions that could not be kept; each is in the log."""
        return self._recorder.lost

    async def run(self) -> None:
        """Store transitions, end shelves, escalate, until cancelled; while the store is away they wait in order."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._store_forever(), name="alerts:store")
            tasks.create_task(self._tick_forever(), name="alerts:timers")

    async def _store_forever(self) -> None:
        while not await self._load_quietly():
            await self._clock.sleep(RETRY_S)
        while True:
            self._recorder.work.clear()
            while not await self.flush():
                await self._clock.sleep(RETRY_S)
            await self._recorder.work.wait()

    async def _load_quietly(self) -> bool:
        if not self._loaded:
            try:
                await self.load()
            except (StorageError, OSError) as exc:
                await self._recorder.tell_unstored(exc)
        return self._loaded

    async def flush(self) -> bool:
        """Store what waits; False when the store cannot take it now."""
        return await self._recorder.flush()

    async def _tick_forever(self) -> None:
        while True:
            for key in self.tick():
                await self._forget_hold(key)
            await self._clock.sleep(TICK_S)

    async def _forget_hold(self, key: str) -> None:
        try:
            await self._store.remove_hold(key)
        except (StorageError, OSError) as exc:  # it is over by its own time; the row goes at the next start
            log.warning("the ended shelf of %s stays in the store: %s", key, exc)

    def tick(self) -> list[str]:
        """Once a second: shelves that end, steps of the escalation, chatter that calmed down. Answers which holds ended."""
        now_us = self._clock.now_us()
        self._over = {key: entry for key, entry in self._over.items() if now_us - entry[1] < REPEAT_WINDOW_US}
        ended = [k for k, h in self._holds.items() if h.hold.until_us is not None and h.hold.until_us <= now_us]
        for key in ended:
            self._release_held(self._holds.pop(key), now_us, None)
        ended += self._gone_holds
        self._gone_holds = []
        for occurrence in list(self._standing.values()):
            self._age(occurrence, now_us)
        return ended

    def _age(self, occurrence: Occurrence, now_us: int) -> None:
        alert = occurrence.alert
        if alert.chattering and now_us - (alert.last_raised_us or alert.raised_us) >= CALM_US:
            self._change(occurrence, replace(alert, chattering=False, change=None), quiet=True)
        if self._plant is None or self._roster is None:
            return
        due = due_step(occurrence.alert, occurrence.since_us, self._plant.escalation, now_us)
        if due is None:
            return
        number, step = due
        self._change(occurrence, life.escalated(occurrence.alert, number, now_us, reached(step, self._roster, now_us)))
        for listener in self._escalation_listeners:
            listener(occurrence.alert, number)

    def on_duty(self) -> tuple[str, ...]:
        """Names of the users on duty now."""
        return () if self._roster is None else self._roster.on_duty(self._clock.now_us())

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
        rule_id: str | None = None,
        rule_version: str = "",
        message: Mapping[str, str] | None = None,
        group: str | None = None,
    ) -> bool:
        """The condition holds. True when that is news; while it stands already, nothing happens.

        `rule_id`, `rule_version`, `message`: of a rule of the plant; `group`: alerts of one cause share it.
        """
        now_us = self._clock.now_us() if time_us is None else time_us
        occurrence = self._standing.get(key)
        if occurrence is not None:
            if occurrence.alert.state is not AlertState.RETURNED:
                return False
            self._again(occurrence, now_us, value, detail)  # it came back before anybody took it
            return True
        over = self._over.pop(key, None)
        if over is not None and now_us - over[1] < REPEAT_WINDOW_US:
            self._standing[key] = over[0]
            self._again(over[0], now_us, value, detail)
            return True
        alert = Alert(
            0, key, rule, priority, AlertState.UNACKNOWLEDGED, machine_id, tag, device_id, value, limit, unit, now_us,
            detail=detail, rule_id=rule_id, rule_version=rule_version, message=message or {}, hold=self._hold_of(key, now_us),
            group=group,
        )  # fmt: skip
        occurrence = self._standing[key] = Occurrence(alert, now_us, deque([now_us], CHATTER_RAISES))
        self._change(occurrence, life.raised(alert))
        if group is None:
            for other, cause in self._causes.raised(occurrence, now_us):
                self._change(other, replace(other.alert, group=cause, change=None), quiet=True)
        return True

    def _again(self, occurrence: Occurrence, now_us: int, value: float | None, detail: str) -> None:
        occurrence.since_us = now_us
        occurrence.raises_us.append(now_us)
        many = len(occurrence.raises_us) >= CHATTER_RAISES
        chattering = many and now_us - occurrence.raises_us[0] <= CHATTER_WINDOW_US
        hold = self._hold_of(occurrence.alert.key, now_us)
        again = life.repeated(occurrence.alert, now_us, value=value, detail=detail, chattering=chattering, hold=hold)
        self._change(occurrence, again)

    def return_alert(self, key: str, *, time_us: int | None = None) -> bool:
        """The condition is over. True when that is news."""
        occurrence = self._standing.get(key)
        if occurrence is None or occurrence.alert.state is AlertState.RETURNED:
            return False
        self._change(occurrence, life.returned(occurrence.alert, self._clock.now_us() if time_us is None else time_us))
        return True

    def suppress(self, key: str, reason: str, *, time_us: int | None = None) -> bool:
        """By design the standing alert is normal now (state of the machine, shift). True when that is news."""
        occurrence = self._standing.get(key)
        if occurrence is None or occurrence.alert.hold is not None:
            return False
        now_us = self._clock.now_us() if time_us is None else time_us
        self._change(occurrence, life.held(occurrence.alert, Hold(HoldKind.SUPPRESSED, now_us, reason=reason)))
        return True

    def unsuppress(self, key: str, *, time_us: int | None = None) -> bool:
        """It is no longer normal."""
        occurrence = self._standing.get(key)
        if occurrence is None or occurrence.alert.hold is None or occurrence.alert.hold.kind is not HoldKind.SUPPRESSED:
            return False
        now_us = self._clock.now_us() if time_us is None else time_us
        occurrence.since_us = now_us
        self._change(occurrence, life.released(occurrence.alert, now_us))
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

    # -- inside ----------------------------------------------------------------------------------------------------

    def _hold_of(self, key: str, now_us: int) -> Hold | None:
        """The hold that covers the condition; out of service before shelved."""
        found: KeyHold | None = None
        for hold in self._holds.values():
            over = hold.hold.until_us is not None and hold.hold.until_us <= now_us
            if hold.covers(key) and not over and (found is None or hold.hold.kind is HoldKind.OUT_OF_SERVICE):
                found = hold
        return None if found is None else found.hold

    def _change(self, occurrence: Occurrence, alert: Alert, *, quiet: bool = False) -> None:
        occurrence.alert = alert
        if alert.state is AlertState.CLEARED:
            self._standing.pop(alert.key, None)
            self._over[alert.key] = (occurrence, alert.change.time_us if alert.change is not None else self._clock.now_us())
        self._recorder.put(occurrence, alert, quiet=quiet)
