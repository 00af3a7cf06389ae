"""The past judged anew when a machine's borders or signals change: day by day in the background, oldest first.

What is done stays done: a job is stored after each day, goes on after a restart, and can be cancelled; a newer rule takes its
place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from analysis.meter import Meter, meters_of
from analysis.state_history import StateHistory
from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound, StorageError
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.sample import TagId
from domain.state import StateInterval
from domain.state_rule import Recompute, RecomputeStatus, StateRule
from domain.stores import AuditStore, StateRuleStore, StateStore

log = logging.getLogger(__name__)

PAUSE_S = 0.02  # after each day: acquisition and pages come first
RETRY_S = 5.0
SETTLE_US = 10_000_000  # states that begin so soon after the first sample miss nothing
SETTLE_S = 3.0  # until what the live judgement told under the old rule is stored

Oldest = Callable[[TagId], Awaitable[int | None]]
Recomputed = Callable[[int, int, str], None]


class StateRecompute:
    """`apply` the plant, run `run` as one supervised task."""

    def __init__(
        self, past: StateHistory, states: StateStore, rules: StateRuleStore, oldest: Oldest, audit: AuditStore, clock: Clock
    ) -> None:
        self._past, self._states, self._rules, self._oldest = past, states, rules, oldest
        self._audit, self._clock = audit, clock
        self._meters: dict[str, Meter] = {}
        self._changed = asyncio.Event()
        self._applied_us = clock.now_us()
        self._present: dict[str, str] | None = None  # rule of each machine as stored
        self._jobs: dict[str, Recompute] = {}
        self._listeners: list[Recomputed] = []

    def on_recomputed(self, listener: Recomputed) -> None:
        """Tell `listener` of each stretch whose states changed."""
        self._listeners.append(listener)

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed; what follows from it is done by `run`. To be told before the live judgement begins anew."""
        self._applied_us = self._clock.now_us()
        self._meters = {machine_id: meter for machine_id, meter in meters_of(plant, tags).items() if meter.judged}
        self._changed.set()

    def jobs(self) -> Sequence[Recompute]:
        """The last one of each machine."""
        return [self._jobs[machine_id] for machine_id in sorted(self._jobs)]

    async def cancel(self, machine_id: str, actor: Actor) -> Recompute:
        """What is done stays. Raises NotFound without a running one, Forbidden below engineer."""
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("stopping a re-computation needs the role engineer")
        job = self._jobs.get(machine_id)
        if job is None or job.status is not RecomputeStatus.RUNNING:
            raise NotFound("running re-computation", machine_id)
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, "state_recompute_cancel", machine_id)
        return await self._keep(replace(job, status=RecomputeStatus.CANCELLED, ended_us=self._clock.now_us()))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._look()
                job = next((job for job in self.jobs() if job.status is RecomputeStatus.RUNNING), None)
                if job is None:
                    await self._changed.wait()
                else:
                    await self._day(job)
                    await self._clock.sleep(PAUSE_S)
            except (StorageError, OSError) as exc:
                log.warning("re-computing states waits for the store: %s", exc)
                await self._clock.sleep(RETRY_S)

    async def _look(self) -> None:
        """Which machines have another rule than what is stored?"""
        if self._present is None:
            self._jobs = {job.machine_id: job for job in await self._rules.recomputes()}
            self._present = dict(await self._rules.present_rules())
        if not self._changed.is_set():
            return
        self._changed.clear()
        for machine_id, meter in self._meters.items():
            rule = StateRule.of(meter.machine)
            if rule is None or self._present.get(machine_id) == rule.id:
                continue
            known, to_us = machine_id in self._present, self._applied_us
            await self._clock.sleep(SETTLE_S)
            await self._begin(meter, rule, to_us, only_missing=not known)
            await self._rules.save_rule(rule, to_us)
            self._present[machine_id] = rule.id

    async def _begin(self, meter: Meter, rule: StateRule, to_us: int, *, only_missing: bool) -> None:
        """`only_missing`: states were made before rules were kept, so only a past without any is made."""
        oldest = [await self._oldest(tag.id) for tag in _told_by(meter)]
        known = [time_us for time_us in oldest if time_us is not None]
        if not known:
            return
        from_us = min(known)
        if only_missing:
            stored = await self._states.states(meter.machine.id, from_us, to_us)
            first_us = next((i.from_us for i in stored if i.to_us is None or i.to_us > i.from_us), to_us)
            if first_us - from_us < SETTLE_US:
                return
        if from_us >= to_us:
            return
        job = Recompute(meter.machine.id, rule.id, from_us, to_us, from_us, RecomputeStatus.RUNNING, self._clock.now_us())
        log.info("states of %s are made again from %d s of history", meter.machine.id, (to_us - from_us) // 1_000_000)
        await self._keep(job)

    async def _day(self, job: Recompute) -> None:
        """The next day of a job."""
        meter = self._meters.get(job.machine_id)
        rule = StateRule.of(meter.machine) if meter is not None else None
        if meter is None or rule is None or rule.id != job.rule:  # the machine is gone, or its rule is a newer one
            await self._keep(replace(job, status=RecomputeStatus.CANCELLED, ended_us=self._clock.now_us()))
            return
        async for from_us, to_us, stretch in self._past.days(meter, job.done_us, job.to_us):
            if stretch.known:
                await self._replace(job, from_us, to_us, stretch.intervals)
            if self._jobs.get(job.machine_id) is not job:  # cancelled meanwhile
                return
            done = to_us >= job.to_us
            status = RecomputeStatus.DONE if done else RecomputeStatus.RUNNING
            await self._keep(replace(job, done_us=to_us, status=status, ended_us=self._clock.now_us() if done else None))
            if stretch.known:
                for listener in self._listeners:
                    listener(from_us, to_us, job.machine_id)
            return

    async def _replace(self, job: Recompute, from_us: int, to_us: int, made: Sequence[StateInterval]) -> None:
        """In one transaction: the new intervals, and what reaches over the borders cut there; equal neighbours become one."""
        stored = await self._states.states(job.machine_id, from_us, to_us)
        new = [replace(interval, rule=job.rule) for interval in made]
        before = next((i for i in stored if i.from_us < from_us), None)
        after = next((i for i in reversed(stored) if i.to_us is not None and i.to_us > to_us), None)
        if after is not None:
            new.append(replace(after, from_us=to_us, energy_kwh=None, estimated_kwh=0.0))
        if before is not None:
            if before.state is new[0].state and before.rule == job.rule:
                new[0] = replace(new[0], from_us=before.from_us)
            else:
                new.insert(0, replace(before, to_us=from_us, energy_kwh=None, estimated_kwh=0.0))
        elif from_us > job.from_us:
            last = [i for i in await self._states.states(job.machine_id, from_us - 1, from_us) if i.to_us == from_us]
            if last and last[0].state is new[0].state and last[0].rule == job.rule:
                new[0] = replace(new[0], from_us=last[0].from_us)
        await self._states.replace_states(job.machine_id, from_us, to_us, new)

    async def _keep(self, job: Recompute) -> Recompute:
        await self._rules.save_recompute(job)
        self._jobs[job.machine_id] = job
        return job


def _told_by(meter: Meter) -> list[Tag]:
    """Tags whose samples make the states."""
    told = [meter.power] if meter.power is not None and meter.machine.states is not None else []
    return told + ([meter.control.execution] if meter.control is not None else [])
