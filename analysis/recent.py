"""The last minutes of the machines' meters in memory, in front of the history; and where the history of a tag begins.

The running shift is measured again every few seconds; with the last samples at hand that asks the database nothing, and sees
samples that are not committed yet. Whatever memory does not hold completely is asked from the history behind. What lies before
the oldest sample of a tag is empty without asking: keepers and learners look weeks back, where a young plant has nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from analysis.meter import meters_of
from domain.plant import Plant, Tag
from domain.ports import Clock, History, RawSeries, RollupSeries, Step
from domain.sample import Batch, TagId

KEPT_US = 40 * 60_000_000
MAX_SAMPLES = 100_000  # of one tag, whatever its interval
LOOKED_US = 60_000_000  # so long the oldest sample is believed: another process may import older ones
LONGEST_BUCKET_US = {
    Step.M1: 60_000_000, Step.M15: 15 * 60_000_000, Step.H1: 3_600_000_000, Step.D1: 26 * 3_600_000_000,
}

LATE_US = 60_000_000  # a batch that much behind the newest may be older than anything in the tables ...
COMMITTED_US = 10_000_000  # ... and is there so long afterwards
WAITING_US = 5 * 60_000_000  # samples of a tag that memory does not hold may wait that long for the tables
Begins = Callable[[Sequence[TagId]], Awaitable[Mapping[TagId, int | None]]]


@dataclass(frozen=True, slots=True)
class _Begin:
    """`oldest_us` None: there was nothing at `asked_us`."""

    oldest_us: int | None
    asked_us: int


class _Column:
    """Samples of one tag in time order, without holes since the first."""

    __slots__ = ("newest_us", "qualities", "times_us", "values")

    def __init__(self) -> None:
        self.newest_us: int | None = None
        self.times_us: list[int] = []
        self.values: list[float | None] = []
        self.qualities: list[int] = []

    def add(self, time_us: int, value: float | None, quality: int) -> None:
        times = self.times_us
        if self.newest_us is not None and time_us <= self.newest_us:
            if time_us < self.newest_us:  # late, or the clock stepped back: only the history knows the whole
                self.forget(len(times))
            return
        self.newest_us = time_us
        times.append(time_us)
        self.values.append(value)
        self.qualities.append(quality)
        if time_us - times[0] > 2 * KEPT_US or len(times) > 2 * MAX_SAMPLES:
            self.forget(max(bisect_left(times, time_us - KEPT_US), len(times) - MAX_SAMPLES))

    def forget(self, count: int) -> None:
        """The oldest `count`."""
        del self.times_us[:count], self.values[:count], self.qualities[:count]

    def window(self, from_us: int, to_us: int, *, edges: bool) -> tuple[int, int, int | None, int | None] | None:
        """(first, end, index of the good one before, of the good one after); None when memory does not reach that far back."""
        times = self.times_us
        if not times or times[0] >= from_us:
            return None
        first, end = bisect_left(times, from_us), bisect_left(times, to_us)
        if not edges:
            return first, end, None, None
        before = next((i for i in range(first - 1, -1, -1) if self.qualities[i] == 0), None)
        if before is None:
            return None
        return first, end, before, next((i for i in range(end, len(times)) if self.qualities[i] == 0), None)


class RecentHistory:
    """Implements domain.ports.History. Subscribe `on_batch`; `apply` the plant."""

    def __init__(self, behind: History, begins: Begins | None = None, clock: Clock | None = None) -> None:
        """`begins`: time of the oldest sample or roll-up of each tag, None without any; with a clock, or not at all."""
        self._behind, self._ask, self._clock = behind, begins, clock
        self._begins: dict[TagId, _Begin] = {}
        self._newest_us, self._unsure_until_us = 0, 0
        self._columns: dict[TagId, _Column] = {}
        self._plans: dict[int, tuple[tuple[TagId, ...], tuple[tuple[int, _Column], ...]]] = {}

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """Keep power and energy of the machines' meters; what stays keeps its samples."""
        wanted = [tag.id for m in meters_of(plant, tags).values() for tag in (m.power, m.energy) if tag is not None]
        self._columns = {tag_id: self._columns.get(tag_id) or _Column() for tag_id in wanted}
        self._plans.clear()

    def forget(self, tag_ids: Iterable[TagId]) -> None:
        """The past of these tags was computed again: the history has it, memory begins anew."""
        for tag_id in tag_ids:
            self._begins.pop(tag_id, None)
            if tag_id in self._columns:
                self._columns[tag_id] = _Column()
        self._plans.clear()

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        if batch.time_us > self._newest_us:
            self._newest_us = batch.time_us
        elif batch.time_us < self._newest_us - LATE_US and self._clock is not None:
            self._unsure_until_us = self._clock.now_us() + COMMITTED_US
            self._begins.clear()
        plan = self._plans.get(id(batch.tag_ids))
        if plan is None or plan[0] is not batch.tag_ids:
            if len(self._plans) > 5000:
                self._plans.clear()
            rows = tuple((i, self._columns[tag_id]) for i, tag_id in enumerate(batch.tag_ids) if tag_id in self._columns)
            plan = self._plans[id(batch.tag_ids)] = (batch.tag_ids, rows)
        for index, column in plan[1]:
            column.add(batch.time_us, batch.values[index], batch.qualities[index])

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        """As promised by History."""
        column = self._columns.get(tag_id)
        found = column.window(from_us, to_us, edges=edges) if column is not None else None
        if column is not None and found is not None and found[1] - found[0] <= limit:
            return _cut(tag_id, column, found)
        if await self.begins_after(tag_id, to_us):
            after = await self._first_good(tag_id, to_us) if edges else None
            return RawSeries(tag_id, [], [], []) if after is None else after
        return await self._behind.raw(tag_id, from_us, to_us, limit=limit, edges=edges)

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        """From the history behind."""
        if await self.begins_after(tag_id, to_us + LONGEST_BUCKET_US.get(step, 0)):
            return RollupSeries(tag_id, step, [])
        return await self._behind.rollup(tag_id, step, from_us, to_us)

    async def begins_after(self, tag_id: TagId, time_us: int) -> bool:
        """Is it certain that there is nothing of the tag before that time?"""
        if self._ask is None or self._clock is None:
            return False
        now_us, known = self._clock.now_us(), self._begins.get(tag_id)
        if now_us < self._unsure_until_us:
            return False
        if known is not None and known.oldest_us is not None and known.oldest_us < time_us:
            return False
        if known is None or not _believed(known, now_us):
            await self._look(self._ask, tag_id, now_us)
            known = self._begins[tag_id]
        if known.oldest_us is not None:
            return time_us <= known.oldest_us
        memory = self._columns.get(tag_id)  # nothing in the tables yet, but some may be on their way
        return time_us <= (memory.times_us[0] if memory is not None and memory.times_us else now_us - WAITING_US)

    async def _look(self, ask: Begins, tag_id: TagId, now_us: int) -> None:
        """At all tags at once that are due: a question for each would be a thousand a minute in a large plant."""
        due = {tag_id, *self._columns, *self._begins}
        due -= {other for other, known in self._begins.items() if _believed(known, now_us)}
        for other, oldest_us in (await ask(sorted(due))).items():
            self._begins[other] = _Begin(oldest_us, now_us)

    async def _first_good(self, tag_id: TagId, to_us: int) -> RawSeries | None:
        """The reading behind an empty window."""
        column = self._columns.get(tag_id)
        first = None if column is None else next((i for i, quality in enumerate(column.qualities) if quality == 0), None)
        if column is not None and first is not None and self._begins[tag_id].oldest_us in (None, column.times_us[0]):
            return _cut(tag_id, column, (first, first, None, first))
        return await self._behind.raw(tag_id, to_us - 1, to_us, edges=True)


def _believed(known: _Begin, now_us: int) -> bool:
    return 0 <= now_us - known.asked_us < LOOKED_US


def _cut(tag_id: TagId, column: _Column, found: tuple[int, int, int | None, int | None]) -> RawSeries:
    first, end, before, after = found
    times, values, qualities = column.times_us[first:end], column.values[first:end], column.qualities[first:end]
    for place, index in ((0, before), (len(times) + 1, after)):
        if index is not None:
            times.insert(place, column.times_us[index])
            values.insert(place, column.values[index])
            qualities.insert(place, column.qualities[index])
    return RawSeries(tag_id, times, values, qualities)
