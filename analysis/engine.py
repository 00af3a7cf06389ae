"""What the samples mean, live: states of machines, limits, silence. A sink of the bus and a few timers.

Taking a batch in costs a dictionary look-up and, for the few tags that have a machine or a limit, one call each; everything that
waits (store, history) is done by `run`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from analysis.alerts import AlertEngine
from analysis.machine_watch import MachineWatch, TextFeed
from analysis.meter import meters_of
from analysis.rule_book import RuleBook
from analysis.silence import SilenceWatch
from analysis.state_history import StateHistory
from domain.alert import Priority
from domain.errors import StorageError
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from domain.quality import FIRST_BAD
from domain.sample import Batch, TagId
from domain.state import StateInterval
from domain.stores import EventStore, StateStore

log = logging.getLogger(__name__)

TICK_S = 1.0
STEP_US = 2_000_000  # a step of the wall clock larger than that is an event
VOID_US = 400 * 86_400_000_000  # after a step back: whatever is stored of the time ahead
MAX_PENDING = 50_000
RETRY_S = 5.0
CONFLICT_US = 600_000_000  # a machine that works below its border, or is set up at full power, does so for shorter
CONFLICT_KEY = "control_conflict:"

Feed = Callable[[int, float | None, int], None]
Recomputed = Callable[[int, int, str], None]
"""(from_us, to_us, machine_id): states or samples of that time changed afterwards."""


class AnalysisEngine:
    """Build it, `apply` the plant, subscribe `on_batch`, run `run` as one supervised task (it runs the alerts' storing too)."""

    def __init__(
        self,
        plant: Plant,
        tags: Sequence[Tag],
        *,
        alerts: AlertEngine,
        states: StateStore,
        history: History,
        clock: Clock,
        texts: EventStore | None = None,
    ) -> None:
        """`history`, `texts`: states are made again from them after a restart and from late samples."""
        self._alerts, self._states, self._clock, self._history = alerts, states, clock, history
        self._past = StateHistory(history, texts)
        self._machines: dict[str, MachineWatch] = {}
        self._silence = SilenceWatch()
        self.rules = RuleBook(alerts, history, clock, self.current, self._silent_for)
        self._machine_of: dict[str, str] = {}  # by meter, also machines whose states nobody judges
        self._feeds: dict[TagId, list[Feed]] = {}
        self._text_feeds: dict[TagId, list[TextFeed]] = {}
        self._plans: dict[int, tuple[tuple[TagId, ...], tuple[tuple[int, Feed], ...]]] = {}
        self._pending: dict[tuple[str, int], StateInterval] = {}
        self._saving = asyncio.Lock()
        self._listeners: list[Callable[[StateInterval], None]] = []
        self._recomputed: list[Recomputed] = []
        self._wall_minus_mono = clock.now_us() - clock.monotonic() * 1e6
        self._restored: set[str] = set()
        self._rules_restored = False
        self._waited = False
        self.states_lost = 0
        self.apply(plant, tags)

    # -- wiring ----------------------------------------------------------------------------------------------------

    def on_state(self, listener: Callable[[StateInterval], None]) -> None:
        """Tell `listener` of every interval that ends or begins; it must return at once."""
        self._listeners.append(listener)

    def on_recomputed(self, listener: Recomputed) -> None:
        """Tell `listener` that the past changed (EnergyAccounting.invalidate, ShiftKeeper.mark)."""
        self._recomputed.append(listener)

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed. Machines and limits that did not keep their state."""
        now_us = self._clock.now_us()
        before, self._machines = self._machines, {}
        for machine_id, meter in meters_of(plant, tags).items():
            old = before.get(machine_id)
            if old is not None and old.same(meter):
                self._machines[machine_id] = old
            elif meter.judged:
                self._machines[machine_id] = MachineWatch(meter, now_us, self._changed)
        for machine_id, old in before.items():
            if machine_id not in self._machines:  # removed, or no longer judged: its last state ends here
                for interval in old.end(now_us):
                    self._changed(interval)
                self._restored.discard(machine_id)
        self.rules.apply(plant, tags)
        self._machine_of = {machine.meter: machine.id for machine in plant.machines if machine.meter is not None}
        self._silence.apply(plant, self._clock.monotonic())
        self._feeds = {}
        self._text_feeds = {}
        for watch in self._machines.values():
            for tag, feed in watch.feeds():
                self._feeds.setdefault(tag.id, []).append(feed)
            for tag, text_feed in watch.text_feeds():
                self._text_feeds.setdefault(tag.id, []).append(text_feed)
        for tag_id, feed in self.rules.feeds():
            self._feeds.setdefault(tag_id, []).append(feed)
        self._plans.clear()

    # -- the hot path ----------------------------------------------------------------------------------------------

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        qualities = batch.qualities
        if (qualities and min(qualities) < FIRST_BAD) or batch.texts:
            self._silence.heard(batch.device_id, self._clock.monotonic())
        plan = self._plans.get(id(batch.tag_ids))
        if plan is None or plan[0] is not batch.tag_ids:
            plan = self._compile(batch.tag_ids)
        for index, feed in plan[1]:
            feed(batch.time_us, batch.values[index], qualities[index])
        for text in batch.texts if self._text_feeds else ():
            for take in self._text_feeds.get(text.tag_id, ()):
                take(text.time_us, text.text)

    def _compile(self, tag_ids: tuple[TagId, ...]) -> tuple[tuple[TagId, ...], tuple[tuple[int, Feed], ...]]:
        rows = tuple((index, feed) for index, tag_id in enumerate(tag_ids) for feed in self._feeds.get(tag_id, ()))
        if len(self._plans) > 5000:  # plans that are made anew again and again: forget the old ones
            self._plans.clear()
        plan = self._plans[id(tag_ids)] = (tag_ids, rows)
        return plan

    def _changed(self, interval: StateInterval) -> None:
        self._pending[(interval.machine_id, interval.from_us)] = interval
        self.rules.on_state(interval)
        for listener in self._listeners:
            listener(interval)

    # -- asking ----------------------------------------------------------------------------------------------------

    def current(self, machine_id: str) -> StateInterval | None:
        """The running interval; None for a machine without power tag or thresholds."""
        watch = self._machines.get(machine_id)
        return watch.current if watch is not None else None

    machine_state = current

    def samples_changed(self, from_us: int, to_us: int, machine_id: str) -> None:
        """Stored samples of the machine's meter changed in [from_us, to_us): states of a day at most are made again."""
        watch = self._machines.get(machine_id)
        if watch is not None:
            watch.samples_changed(from_us)
        self._tell_recomputed(from_us, to_us, machine_id)

    # -- timers ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Timers, storing of states and alerts, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._alerts.run(), name="analysis:alerts")
            tasks.create_task(self._tick_forever(), name="analysis:timers")
            tasks.create_task(self._keep_states(), name="analysis:states")
            tasks.create_task(self._refresh_expectations(), name="analysis:expectations")

    async def _tick_forever(self) -> None:
        while True:
            self.tick()
            await self._clock.sleep(TICK_S)

    async def _refresh_expectations(self) -> None:
        """What rules compare with, from the last days; a changed plant is seen within a minute."""
        while True:
            try:
                await self.rules.refresh()
            except (StorageError, OSError) as exc:
                log.warning("expected values of rules wait for the store: %s", exc)
            await self._clock.sleep(self.rules.refresh_s)

    def _silent_for(self, device_id: str) -> float | None:
        return self._silence.silent_for(device_id, self._clock.monotonic())

    def tick(self) -> None:
        """Once a second: what happens because nothing happens."""
        now_us, mono = self._clock.now_us(), self._clock.monotonic()
        self._watch_clock(now_us, mono)
        for watch in self._machines.values():
            watch.tick(now_us)
        self.rules.tick(now_us)
        if not self._alerts.loaded:
            return
        if not self._rules_restored:
            self._rules_restored = True
            self.rules.restore()
        self._watch_silence(mono)
        self._watch_conflicts(now_us)

    def _watch_conflicts(self, now_us: int) -> None:
        """A control that says otherwise than the meter for long: a border, a value of the signal or a meter is wrong."""
        standing = set(self._alerts.standing_keys(CONFLICT_KEY))
        for machine_id, watch in self._machines.items():
            key, conflict = f"{CONFLICT_KEY}{machine_id}", watch.conflict
            if conflict is not None and now_us - conflict.since_us >= CONFLICT_US:
                standing.discard(key)
                self._alerts.raise_alert(
                    key, "control_conflict", Priority.LOW,
                    time_us=conflict.since_us, machine_id=machine_id, detail=conflict.detail,
                )
        for key in standing:
            self._alerts.return_alert(key)

    def _watch_silence(self, mono: float) -> None:
        standing = [*self._alerts.standing_keys("no_data:"), *self._alerts.standing_keys("line_down:")]
        wanted, over = self._silence.judge(mono, standing)
        for silence in wanted:
            machine = self._machine_of.get(silence.device_id or "")
            detail = silence.detail if silence.device_id else f"{silence.line_id}: {silence.detail}"
            self._alerts.raise_alert(
                silence.key, silence.rule, silence.priority, device_id=silence.device_id, machine_id=machine, detail=detail
            )
        for key in over:
            self._alerts.return_alert(key)

    def _watch_clock(self, now_us: int, mono: float) -> None:
        offset = now_us - mono * 1e6
        step_us, self._wall_minus_mono = offset - self._wall_minus_mono, offset
        if abs(step_us) <= STEP_US:
            return
        log.warning("the wall clock stepped by %+.1f s", step_us / 1e6)
        self._alerts.raise_system("clock", Priority.MEDIUM, f"{step_us / 1e6:+.1f} s")
        self._alerts.clear_system("clock")
        if step_us < 0:
            for key in [k for k in self._pending if k[1] >= now_us]:
                del self._pending[key]
            for watch in self._machines.values():
                watch.clock_stepped_back(now_us)
            self.rules.forget_times()

    # -- storing states --------------------------------------------------------------------------------------------

    async def _keep_states(self) -> None:
        while True:
            try:
                await self._restore()
                await self._rebuild_late()
                await self.save_states()
            except (StorageError, OSError) as exc:
                log.warning("states of machines wait for the store: %s", exc)
                self._waited = True
                self._shed()
                await self._clock.sleep(RETRY_S)
            await self._clock.sleep(TICK_S)

    async def save_states(self) -> None:
        """Store what changed since the last call. Raises StorageError; nothing is lost by it."""
        async with self._saving:  # of two savings at once the older picture of an interval could be stored last
            await self._save_pending()

    async def _save_pending(self) -> None:
        if not self._pending:
            return
        saved = dict(self._pending)
        await self._states.save_states(list(saved.values()))
        for key, interval in saved.items():
            if self._pending.get(key) == interval:
                del self._pending[key]
        if self._waited:  # what was measured meanwhile was measured without these states
            self._waited = False
            for machine_id in {key[0] for key in saved}:
                first_us = min(key[1] for key in saved if key[0] == machine_id)
                self._tell_recomputed(first_us, self._clock.now_us(), machine_id)

    def _shed(self) -> None:
        while len(self._pending) > MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
            self.states_lost += 1

    async def _restore(self) -> None:
        """After a start: end what ran when the product stopped, with the states up to the last sample made from history."""
        missing = [machine_id for machine_id in self._machines if machine_id not in self._restored]
        if not missing:
            return
        last = {interval.machine_id: interval for interval in await self._states.last_states()}
        for machine_id in missing:
            watch, interval = self._machines.get(machine_id), last.get(machine_id)
            if watch is not None and interval is not None and interval.from_us < watch.started_us:
                begin_us = watch.resume_from(interval, watch.started_us)
                if interval.to_us is None and interval.from_us < begin_us:
                    await self._states.save_states([replace(interval, to_us=begin_us)])
                await self._make_again(watch, begin_us, watch.started_us)
            self._restored.add(machine_id)

    async def _rebuild_late(self) -> None:
        """Late samples and steps of the clock change what is stored."""
        for watch in list(self._machines.values()):
            void_us = watch.take_void()
            if void_us is not None:
                await self._states.replace_states(watch.machine_id, void_us, void_us + VOID_US, [])
                self._tell_recomputed(void_us, void_us + VOID_US, watch.machine_id)
            late_us = watch.take_late()
            if late_us is not None:
                stored = await self._states.states(watch.machine_id, late_us, late_us + 1)
                begin_us = watch.not_too_old(stored[0].from_us if stored else late_us, self._clock.now_us())
                await self._make_again(watch, begin_us, watch.current.from_us)

    async def _make_again(self, watch: MachineWatch, begin_us: int, end_us: int) -> None:
        """States of [begin_us, end_us) from history, in place of what is stored."""
        if begin_us >= end_us:
            return
        made = (await self._past.stretch(watch.meter, begin_us, end_us, alone=True)).intervals
        await self._states.replace_states(watch.machine_id, begin_us, end_us, made)
        for key in [k for k in self._pending if k[0] == watch.machine_id and begin_us <= k[1] < end_us]:
            del self._pending[key]
        self._tell_recomputed(begin_us, end_us, watch.machine_id)

    def past_changed(self, from_us: int, to_us: int, machine_id: str) -> None:
        """States of that time were made again by others: tell everyone who lives by them."""
        self._tell_recomputed(from_us, to_us, machine_id)

    def _tell_recomputed(self, from_us: int, to_us: int, machine_id: str) -> None:
        for listener in self._recomputed:
            listener(from_us, to_us, machine_id)
