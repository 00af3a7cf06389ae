"""Virtual tags over history: after a formula was created or changed, after late samples and after a stop. In the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from analysis.virtual.columns import Column, column_of
from analysis.virtual.live import Stretch, VirtualEngine
from analysis.virtual.plan import DevicePlan, Samples, batches_of, rows_of
from domain.errors import StorageError
from domain.plant import Tag
from domain.ports import Clock, RawSeries
from domain.sample import Batch, Sample, TagEvent, TagId
from domain.stores import EventStore

log = logging.getLogger(__name__)

COMPUTED = "virtual_computed"  # event of a tag: its history was computed by the rule in the detail
SETTLED_US = 10_000_000  # samples are in the tables that long after they came
PERIOD_S, RETRY_S = 2.0, 10.0
VALUES_A_SLICE = 200_000
ROWS_A_PARCEL = 2_000
LEAD_ROWS = 10  # windows are whole rows: nested ones may need one more each


class StoredSamples(Protocol):
    """What the database has of samples."""

    async def raw(
        self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False
    ) -> RawSeries: ...
    async def latest(self, tag_ids: Sequence[int] | None = None) -> Sequence[Sample]: ...
    async def span(self) -> tuple[int, int] | None: ...


Keep = Callable[[Sequence[Batch]], Awaitable[None]]
Changed = Callable[[int, int, str], None]
"""(from_us, to_us, virtual device): its history changed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the history of a virtual device is computed: [from_us, to_us) is asked for, up to `done_us` it is there."""

    device_id: str
    from_us: int
    to_us: int
    done_us: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return 1.0 if self.to_us <= self.from_us else (self.done_us - self.from_us) / (self.to_us - self.from_us)


class VirtualHistory:
    """`changed` is the engine's `on_plans`; run `run` as one supervised task. `keep` stores batches and waits until they are."""

    def __init__(self, clock: Clock, samples: StoredSamples, events: EventStore, keep: Keep, changed: Changed) -> None:
        self._clock, self._samples, self._events, self._keep, self._changed = clock, samples, events, keep, changed
        self._new: list[tuple[DevicePlan, int]] = []
        self._due: list[tuple[int, DevicePlan, Stretch]] = []  # (not before, plan, rows to compute again)
        self._progress: dict[str, Progress] = {}
        self.computed = 0

    def changed(self, plans: Sequence[DevicePlan]) -> None:
        """These compute something else from now on."""
        now_us = self._clock.now_us()
        names = {plan.device_id for plan in plans}
        self._new = [item for item in self._new if item[0].device_id not in names] + [(plan, now_us) for plan in plans]
        self._due = [item for item in self._due if item[1].device_id not in names]

    def progress(self) -> Mapping[str, Progress]:
        """Of the devices whose history is being computed."""
        return dict(self._progress)

    async def run(self, engine: VirtualEngine) -> None:
        """Until cancelled; what the database does not take now is tried again."""
        while True:
            try:
                await self.work(engine)
            except (StorageError, OSError, TimeoutError) as exc:
                log.warning("virtual tags over history wait for the store: %s", exc)
                await self._clock.sleep(RETRY_S)
            await self._clock.sleep(PERIOD_S)

    async def work(self, engine: VirtualEngine) -> None:
        """Everything that is due now. Raises StorageError; what is not done stays due."""
        while self._new:
            plan, since_us = self._new[0]
            await self._begin(plan, since_us, engine)
            self._new = [item for item in self._new if item[0] is not plan]
        now_us = self._clock.now_us()
        for plan, stretch in engine.take_late():
            self._due.append((now_us + SETTLED_US, plan, stretch))
        for item in [item for item in self._due if item[0] <= now_us]:
            _, plan, (from_us, to_us) = item
            await self.compute(plan, from_us, min(to_us + plan.window_us, now_us), engine)
            if item in self._due:
                self._due.remove(item)

    async def _begin(self, plan: DevicePlan, since_us: int, engine: VirtualEngine) -> None:
        """A device that is new here: all of its history, or what is missing since the last stop, when the rule is the same."""
        span = await self._samples.span()
        if span is not None:
            events = await self._events.events([tag.id for tag in plan.tags], 0, since_us + 86_400_000_000)
            rules = {event.tag_id: event.detail for event in events if event.kind == COMPUTED}
            whole = all(rules.get(tag.id) == rule for tag, rule in zip(plan.tags, plan.rules, strict=True))
            begin_us = span[0]
            if whole:
                last = await self._samples.latest([tag.id for tag in plan.tags])
                begin_us = max((sample.time_us for sample in last), default=span[0])
            if await self.compute(plan, begin_us, since_us, engine) and not whole:
                done = [TagEvent(tag.id, since_us, COMPUTED, rule) for tag, rule in zip(plan.tags, plan.rules, strict=True)]
                await self._events.save_events(done)
        tail_us = since_us + plan.window_us + plan.held_us  # rows of the live stream before its windows were full
        self._due.append((tail_us + SETTLED_US, plan, (since_us, tail_us)))

    async def compute(self, plan: DevicePlan, from_us: int, to_us: int, engine: VirtualEngine) -> bool:
        """Rows of [from_us, to_us) from stored samples, kept in place of what is there.

        False: it ended early, the plan is no longer the engine's.
        """
        begin_us = plan.grid_at(from_us)
        if begin_us >= to_us:
            return True
        self._progress[plan.device_id] = Progress(plan.device_id, begin_us, to_us, begin_us)
        try:
            async for batches, done_us in self.batches(plan, begin_us, to_us):
                for at in range(0, len(batches), ROWS_A_PARCEL):
                    parcel = batches[at : at + ROWS_A_PARCEL]
                    if engine.plans.get(plan.device_id) is not plan:
                        return False
                    self.computed += sum(len(batch) for batch in parcel)
                    await self._keep(parcel)
                self._progress[plan.device_id] = Progress(plan.device_id, begin_us, to_us, done_us)
        finally:
            del self._progress[plan.device_id]
        self._changed(begin_us, to_us, plan.device_id)
        return True

    async def batches(self, plan: DevicePlan, from_us: int, to_us: int) -> AsyncIterator[tuple[list[Batch], int]]:
        """Rows of [from_us, to_us) slice by slice, each with the end of its slice. Nothing is stored."""
        stream, tag_ids = plan.stream(), plan.tag_ids
        first_us = plan.grid_at(from_us)
        at_us = first_us - (plan.window_us // plan.step_us + LEAD_ROWS) * plan.step_us
        rows = max(100, VALUES_A_SLICE // len(plan.inputs))
        while at_us < to_us:
            end_us = min(at_us + rows * plan.step_us, plan.grid_at(to_us))
            grid = np.arange(at_us, end_us, plan.step_us, dtype=np.int64)
            inputs = {tag.name: await self._input(plan, tag, at_us, end_us) for tag in plan.inputs}

            def worked(
                grid: np.ndarray[tuple[int], np.dtype[np.int64]] = grid, inputs: dict[str, Samples] = inputs
            ) -> list[Batch]:
                found, present = rows_of(plan, stream, grid, inputs)
                return batches_of(plan, tag_ids, grid, found, present[grid[present] >= first_us])

            yield await asyncio.to_thread(worked), end_us
            at_us = end_us

    async def _input(self, plan: DevicePlan, tag: Tag, from_us: int, to_us: int) -> Samples:
        """Samples that rows of [from_us, to_us) see: from 3 intervals before."""
        series = await self._samples.raw(tag.id, from_us - 3 * plan.interval_us(tag), to_us)
        return await asyncio.to_thread(_samples, series)


def _samples(series: RawSeries) -> Samples:
    column: Column = column_of(series.values, series.qualities)
    return Samples(np.array(series.times_us, dtype=np.int64), column)
