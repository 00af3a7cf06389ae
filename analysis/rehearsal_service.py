"""Rehearsals as jobs: reads the past in day slices, replays it off the event loop, tells progress, can be cancelled."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from analysis.calendar import Calendar
from analysis.expected import Constant, Expected, MedianByHour, Model, ModelValue, OtherTag
from analysis.filter_rehearsal import FilterReplay, SampleFilter, changed_state_s
from analysis.meter import Meter, meters_of
from analysis.rehearsal import MINUTE_US, Point, Replay, points_of, spans_worth_a_look, summary
from analysis.rule_scopes import RuleScopes
from analysis.rules import RuleWatch, Subject
from analysis.state_history import LEAD_US
from domain.alert_rule import AlertRule, BaselineKind, RuleKind
from domain.errors import ConfigError, Conflict, MonitorError, NotFound
from domain.plant import Plant, Tag
from domain.ports import Clock, History, RollupRow, Step
from domain.rehearsal import FilterRehearsal, JobState, RehearsalJob, RuleRehearsal
from domain.sample import TagId
from domain.state import StateInterval
from domain.stores import StateStore

log = logging.getLogger(__name__)

DAY_US = 86_400_000_000
LONGEST_DAYS = 31
MOST_SUBJECTS = 200
MOST_RUNNING = 2
KEPT_JOBS = 20
MOST_FILTERED = 3_000_000  # raw samples a filter is tried on: 30 days of one each second
MOST_RAW = 400_000  # raw samples a rehearsal reads; beyond them minute means stand for the rest

Progress = Callable[[float], None]
Work = Callable[[Progress], Awaitable[RuleRehearsal | FilterRehearsal]]


@dataclass(slots=True)
class _Job:
    told: RehearsalJob
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Budget:
    """Raw samples that may still be read. `fine` until something had to be left to minute means."""

    left: int
    fine: bool = True


class Rehearsals:
    """Jobs of the last rehearsals. `models`: sources of expected values by name; `spike_filter`: a fresh one of a noise floor."""

    def __init__(
        self, history: History, states: StateStore, clock: Clock, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]],
        models: Callable[[], dict[str, Model]] = dict, spike_filter: Callable[[float], SampleFilter] | None = None,
    ) -> None:  # fmt: skip
        self._history, self._states, self._clock = history, states, clock
        self._plant, self._tags, self._models, self._spike_filter = plant, tags, models, spike_filter
        self._jobs: dict[str, _Job] = {}
        self._numbers = itertools.count(1)

    # -- jobs ------------------------------------------------------------------------------------------------------

    def start_rule(self, rule: AlertRule, days: int = 30) -> RehearsalJob:
        """Replay a rule over the last days. Raises ConfigError (too wide), Conflict (too many at once)."""
        plant, tags = self._plant(), self._tags()
        subjects = RuleScopes(plant, tags).subjects(rule)
        if len(subjects) > MOST_SUBJECTS:
            raise ConfigError(f"scope: {len(subjects)} tags are too many for a rehearsal; expected at most {MOST_SUBJECTS}")
        _check_days(days)
        to_us = self._clock.now_us() // MINUTE_US * MINUTE_US
        return self._start(lambda progress: self._rule(rule, plant, tags, subjects, to_us - days * DAY_US, to_us, progress))

    def start_filter(
        self, tag: Tag, low: float | None, high: float | None, *, spike: bool, days: int = 30
    ) -> RehearsalJob:
        """Replay a plausible range and, with `spike`, the spike filter. Raises ConfigError, Conflict."""
        _check_days(days)
        if low is not None and high is not None and low >= high:
            raise ConfigError(f"low: is {low:g}; expected less than high ({high:g})")
        to_us = self._clock.now_us() // MINUTE_US * MINUTE_US
        floor = 0.001 * (high - low) if low is not None and high is not None else 0.0  # as the live filter's noise_floor
        made = self._spike_filter(floor) if spike and self._spike_filter is not None else None
        replay = FilterReplay(tag, low, high, made, Calendar.of(self._plant()))
        return self._start(lambda progress: self._filter(replay, to_us - days * DAY_US, to_us, progress))

    def job(self, job_id: str) -> RehearsalJob:
        """Raises NotFound."""
        found = self._jobs.get(job_id)
        if found is None:
            raise NotFound("rehearsal", job_id)
        return found.told

    def cancel(self, job_id: str) -> RehearsalJob:
        """Stops it; a finished one stays as it is. Raises NotFound."""
        self.job(job_id)
        job = self._jobs[job_id]
        if job.task is not None and not job.task.done():
            job.task.cancel()
            job.told = replace(job.told, state=JobState.CANCELLED)
        return job.told

    async def wait(self, job_id: str, seconds: float) -> RehearsalJob:
        """The job when it is over, or as it is after so long. Raises NotFound."""
        self.job(job_id)
        task = self._jobs[job_id].task
        if task is not None:
            await asyncio.wait([task], timeout=seconds)
        return self.job(job_id)

    def _start(self, work: Work) -> RehearsalJob:
        running = sum(job.told.state is JobState.RUNNING for job in self._jobs.values())
        if running >= MOST_RUNNING:
            raise Conflict(f"{running} rehearsals are running; wait for one or cancel it")
        while len(self._jobs) >= KEPT_JOBS:
            self._jobs.pop(next(iter(self._jobs)))
        job = _Job(RehearsalJob(str(next(self._numbers)), JobState.RUNNING, 0.0))
        self._jobs[job.told.id] = job
        job.task = asyncio.create_task(self._run(job, work), name=f"rehearsal:{job.told.id}")
        return job.told

    @staticmethod
    async def _run(job: _Job, work: Work) -> None:
        def progress(share: float) -> None:
            job.told = replace(job.told, progress=share)

        try:
            result = await work(progress)
            job.told = replace(job.told, state=JobState.DONE, progress=1.0, result=result)
        except (MonitorError, OSError) as exc:
            log.warning("rehearsal %s failed: %s", job.told.id, exc)
            job.told = replace(job.told, state=JobState.FAILED, error=str(exc))

    # -- rules -----------------------------------------------------------------------------------------------------

    async def _rule(
        self, rule: AlertRule, plant: Plant, tags: Sequence[Tag], subjects: Sequence[Subject], from_us: int, to_us: int,
        progress: Progress,
    ) -> RuleRehearsal:  # fmt: skip
        calendar, budget = Calendar.of(plant), _Budget(MOST_RAW)
        by_name = {tag.name: tag for tag in tags}
        replays, done, slices = [], 0, max(1, len(subjects)) * -(-(to_us - from_us) // DAY_US)
        for subject in subjects:
            expected = self._expected(rule, str(calendar.zone))
            replay = Replay(RuleWatch(rule, subject, calendar=calendar, expected=expected, start_us=from_us))
            replays.append(replay)
            for begin_us in range(from_us, to_us, DAY_US):
                end_us = min(begin_us + DAY_US, to_us)
                await self._slice(replay, by_name, expected, begin_us, end_us, budget)
                done += 1
                progress(done / slices)
            replay.finish(to_us)
        return await asyncio.to_thread(summary, rule, replays, calendar, from_us, to_us, fine=budget.fine)

    def _expected(self, rule: AlertRule, zone: str) -> Expected | None:
        base = rule.baseline
        if base is None:
            return None
        if base.kind is BaselineKind.CONSTANT:
            return Constant(base.value or 0.0)
        if base.kind is BaselineKind.MODEL:
            return ModelValue(self._models(), base.name)
        return MedianByHour(zone) if base.kind is BaselineKind.MEDIAN else OtherTag(2 * MINUTE_US)

    async def _slice(
        self, replay: Replay, by_name: dict[str, Tag], expected: Expected | None, begin_us: int, end_us: int, budget: _Budget
    ) -> None:
        rule, subject = replay.watch.rule, replay.watch.subject
        states = await self._states_of(subject, begin_us, end_us) if rule.only_while or rule.kind is RuleKind.STATE else []
        if rule.kind is RuleKind.STATE:
            await asyncio.to_thread(replay.feed_states, states, end_us)
            return
        tag = subject.tag or self._voice_of(subject)
        if tag is None:
            return
        rows = (await self._history.rollup(tag.id, Step.M1, begin_us, end_us)).rows
        if rule.kind in {RuleKind.NO_DATA, RuleKind.COMMUNICATION}:
            budget.fine = False
            heard = [row.time_us + MINUTE_US - 1 for row in rows if row.good_count]
            await asyncio.to_thread(replay.feed_silence, heard, end_us)
            return
        points = points_of(rows, await self._raw(rule, tag, rows, budget))
        if isinstance(expected, MedianByHour) and rule.baseline is not None:
            before_us = begin_us - rule.baseline.days * DAY_US
            expected.learn((await self._history.rollup(tag.id, Step.H1, before_us, begin_us)).rows)
        if isinstance(expected, OtherTag) and rule.baseline is not None and rule.baseline.name in by_name:
            other = (await self._history.rollup(by_name[rule.baseline.name].id, Step.M1, begin_us, end_us)).rows
            await asyncio.to_thread(_feed_beside, replay, points, states, expected, other)
            return
        await asyncio.to_thread(replay.feed, points, states)

    async def _raw(self, rule: AlertRule, tag: Tag, rows: Sequence[RollupRow], budget: _Budget) -> list[Point]:
        """Samples of the minutes that matter, as far as the budget goes."""
        if rule.kind is not RuleKind.LEVEL:
            budget.fine = False
            return []
        found: list[Point] = []
        counts = {row.time_us: row.count for row in rows}
        for begin_us, end_us in spans_worth_a_look(rule, rows):
            wanted = sum(counts.get(at, 0) for at in range(begin_us, end_us, MINUTE_US))
            if wanted > budget.left:
                budget.fine = False
                continue
            budget.left -= wanted
            series = await self._history.raw(TagId(tag.id), begin_us, end_us)
            if wanted and not series.times_us:
                budget.fine = False  # roll-ups outlive the samples
            found += zip(series.times_us, series.values, series.qualities, strict=True)
        return found

    async def _states_of(self, subject: Subject, begin_us: int, end_us: int) -> list[StateInterval]:
        """The intervals of the slice, clipped to it."""
        if subject.machine_id is None:
            return []
        found = await self._states.states(subject.machine_id, begin_us, end_us)
        return [replace(interval, from_us=max(interval.from_us, begin_us)) for interval in found]

    def _voice_of(self, subject: Subject) -> Tag | None:
        """The tag that tells whether a device answers: the one read most often."""
        own = [tag for tag in self._tags() if tag.device_id == subject.device_id]
        return min(own, key=lambda tag: (tag.interval_s, tag.id), default=None)

    # -- filters ---------------------------------------------------------------------------------------------------

    async def _filter(self, replay: FilterReplay, from_us: int, to_us: int, progress: Progress) -> FilterRehearsal:
        meter = self._states_by(replay.tag)
        left, fine, state_s = MOST_FILTERED, True, 0.0
        for begin_us in range(from_us, to_us, DAY_US):
            end_us = min(begin_us + DAY_US, to_us)
            rows = (await self._history.rollup(replay.tag.id, Step.M1, begin_us, end_us)).rows
            replay.count(rows)
            for span in replay.spans(rows):
                series = await self._history.raw(TagId(replay.tag.id), *span, limit=left)
                left -= len(series.times_us)
                await asyncio.to_thread(replay.feed, series.times_us, series.values, series.qualities)
                if left <= 0:
                    fine = False
                    break
                fine = fine and bool(series.times_us)  # roll-ups outlive the samples
            if meter is not None and replay.judged:
                state_s += await self._changed_states(meter, replay, begin_us, end_us)
            replay.forget(end_us - LEAD_US)
            progress((end_us - from_us) / (to_us - from_us))
            if left <= 0:
                break
        return replay.result(from_us, to_us, state_s=state_s if meter is not None else None, fine=fine)

    def _states_by(self, tag: Tag) -> Meter | None:
        """The meter of the machine whose states come from this tag."""
        meters = meters_of(self._plant(), self._tags()).values()
        return next(
            (m for m in meters if m.power is not None and m.power.id == tag.id and m.machine.states and m.control is None), None
        )

    async def _changed_states(self, meter: Meter, replay: FilterReplay, begin_us: int, end_us: int) -> float:
        series = await self._history.raw(TagId(replay.tag.id), begin_us - LEAD_US, end_us)
        return await asyncio.to_thread(changed_state_s, meter, series, replay.judged, begin_us, end_us)


def _feed_beside(
    replay: Replay, points: Sequence[Point], states: Sequence[StateInterval], expected: OtherTag, other: Sequence[RollupRow]
) -> None:
    """Minute by minute: the other tag's mean first, then the samples of that minute."""
    means = {row.time_us // MINUTE_US: row.mean for row in other}
    pending = list(states)
    for minute, group in itertools.groupby(points, key=lambda point: point[0] // MINUTE_US):
        expected.feed(minute * MINUTE_US, means.get(minute), 0)
        chunk = list(group)
        begun = [state for state in pending if state.from_us <= chunk[-1][0]]
        pending = pending[len(begun) :]
        replay.feed(chunk, begun)


def _check_days(days: int) -> None:
    if not 1 <= days <= LONGEST_DAYS:
        raise ConfigError(f"days: is {days}; expected 1 to {LONGEST_DAYS}")
