"""Virtual tags on the live stream: a sink of the bus that publishes a batch per virtual device and row of its grid.

A row is computed when every input has passed its time, or a second later with what is there. A sample that comes for a row that
is out already is remembered: that stretch is computed again from history.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.virtual.columns import graded, heard
from analysis.virtual.plan import DevicePlan, batches_of, device_plans
from domain.plant import Plant, Tag
from domain.ports import Clock, Sink
from domain.sample import Batch, TagId

TICK_S = 0.1
GRACE_US = 1_000_000
MOST_WAITING = 10_000  # samples of one input that wait for their row
MOST_ROWS = 100  # of one device in one tick
FURTHEST_BEHIND_ROWS = 3600  # more than that is computed from history

Stretch = tuple[int, int]
OnPlans = Callable[[Sequence[DevicePlan]], None]
Feed = Callable[[int, float | None, int], None]


@dataclass(slots=True)
class _Input:
    """Samples of one input tag: the last one taken, those that wait, the newest time seen."""

    interval_us: int
    time_us: int | None = None
    value: float = np.nan
    quality: int = 0
    newest_us: int = 0
    waiting: deque[tuple[int, float, int]] = field(default_factory=deque)

    def add(self, time_us: int, value: float | None, quality: int) -> None:
        sample = (time_us, np.nan if value is None else value, quality)
        if self.waiting and time_us < self.waiting[-1][0]:
            ordered = list(self.waiting)
            insort(ordered, sample, key=lambda one: one[0])
            self.waiting = deque(ordered)
        else:
            self.waiting.append(sample)
        self.newest_us = max(self.newest_us, time_us)
        if len(self.waiting) > MOST_WAITING:
            self.waiting.popleft()

    def advance(self, row_us: int) -> None:
        """Take everything up to the row."""
        while self.waiting and self.waiting[0][0] <= row_us:
            self.time_us, self.value, self.quality = self.waiting.popleft()


class _Device:
    """One virtual device while it runs."""

    def __init__(self, plan: DevicePlan) -> None:
        self.plan = plan
        self.tag_ids = plan.tag_ids
        self.stream = plan.stream()
        self.inputs = [_Input(plan.interval_us(tag)) for tag in plan.inputs]
        self.intervals = np.array([one.interval_us for one in self.inputs], dtype=np.int64)
        self.next_us: int | None = None
        self.late: Stretch | None = None

    def feed(self, one: _Input) -> Feed:
        """Where samples of an input go."""

        def add(time_us: int, value: float | None, quality: int) -> None:
            if self.next_us is None:
                self.next_us = self.plan.grid_at(time_us)
            if time_us <= self.next_us - self.plan.step_us:
                self.mark(time_us, self.next_us)
            one.add(time_us, value, quality)

        return add

    def mark(self, from_us: int, to_us: int) -> None:
        """Rows of [from_us, to_us) are not what history gives."""
        self.late = (from_us, to_us) if self.late is None else (min(from_us, self.late[0]), max(to_us, self.late[1]))

    def due(self, now_us: int) -> Sequence[Batch]:
        """Rows whose time has come."""
        if self.next_us is None:
            return ()
        step_us = self.plan.step_us
        if self.next_us > now_us + max(GRACE_US, 2 * step_us):  # the clock was put back
            self.next_us = self.plan.grid_at(now_us)
        until_us = max(now_us - GRACE_US, min(now_us, *(one.newest_us for one in self.inputs)))
        if until_us - self.next_us > FURTHEST_BEHIND_ROWS * step_us:
            begin_us = self.plan.grid_at(until_us)
            self.mark(self.next_us, begin_us)
            self.next_us, self.stream = begin_us, self.plan.stream()
        batches: list[Batch] = []
        for _ in range(MOST_ROWS):
            if self.next_us > until_us:
                break
            batches += self._row(self.next_us)
            self.next_us += step_us
        return batches

    def _row(self, row_us: int) -> list[Batch]:
        for one in self.inputs:
            one.advance(row_us)
        ages = np.array([-1 if one.time_us is None else row_us - one.time_us for one in self.inputs], dtype=np.int64)
        values = np.array([one.value for one in self.inputs])
        qualities = np.array([one.quality for one in self.inputs], dtype=np.int64)
        taken = graded(values, qualities, ages, self.intervals)
        names = [tag.name for tag in self.plan.inputs]
        found = self.stream.feed({name: taken.part(i, i + 1) for i, name in enumerate(names)}, 1)
        rows = np.flatnonzero(heard(ages, self.intervals).any(keepdims=True))
        return batches_of(self.plan, self.tag_ids, np.array([row_us]), found, rows)


class VirtualEngine:
    """Build it, `apply` the plant, subscribe `on_batch`, run `run` as one supervised task."""

    def __init__(self, clock: Clock, publish: Sink, on_plans: OnPlans = lambda _plans: None) -> None:
        """`on_plans` is told which devices are new or compute something else since the plant changed."""
        self._clock, self._publish, self._on_plans = clock, publish, on_plans
        self._devices: dict[str, _Device] = {}
        self._feeds: dict[TagId, list[Feed]] = {}
        self._routes: dict[int, tuple[tuple[TagId, ...], tuple[tuple[int, Feed], ...]]] = {}
        self.computed = 0

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed; devices that did not go on as they are."""
        before, self._devices = self._devices, {}
        changed = []
        for device_id, plan in device_plans(plant, tags).items():
            old = before.get(device_id)
            if old is None or not old.plan.same(plan):
                changed.append(plan)
                old = _Device(plan)
            self._devices[device_id] = old
        self._feeds = {}
        for device in self._devices.values():
            for tag, one in zip(device.plan.inputs, device.inputs, strict=True):
                self._feeds.setdefault(tag.id, []).append(device.feed(one))
        self._routes.clear()
        if changed:
            self._on_plans(changed)

    @property
    def plans(self) -> dict[str, DevicePlan]:
        """What is computed now, by virtual device."""
        return {device_id: device.plan for device_id, device in self._devices.items()}

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        route = self._routes.get(id(batch.tag_ids))
        if route is None or route[0] is not batch.tag_ids:
            if len(self._routes) > 5000:
                self._routes.clear()
            rows = tuple((i, feed) for i, tag_id in enumerate(batch.tag_ids) for feed in self._feeds.get(tag_id, ()))
            route = self._routes[id(batch.tag_ids)] = (batch.tag_ids, rows)
        for index, feed in route[1]:
            feed(batch.time_us, batch.values[index], batch.qualities[index])

    def tick(self) -> None:
        """Publish the rows whose time has come."""
        now_us = self._clock.now_us()
        for device in list(self._devices.values()):
            for batch in device.due(now_us):
                self.computed += len(batch.tag_ids)
                self._publish(batch)

    def take_late(self) -> list[tuple[DevicePlan, Stretch]]:
        """Stretches whose rows must be computed again; told once."""
        found = []
        for device in self._devices.values():
            if device.late is not None:
                found.append((device.plan, device.late))
                device.late = None
        return found

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.tick()
            await self._clock.sleep(TICK_S)
