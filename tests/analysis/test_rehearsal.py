"""Rehearsals: what would have been, by the code that runs live; minutes that do not matter are not read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from analysis import rehearsal_service
from analysis.calendar import Calendar
from analysis.limits import Damping, LimitWatch
from analysis.rehearsal_service import Rehearsals
from domain.alert_rule import AlertRule, Baseline, BaselineKind, RuleKind, Scope, ScopeKind
from domain.errors import ConfigError, Conflict, NotFound
from domain.quality import Quality
from domain.rehearsal import FilterRehearsal, JobState, RuleRehearsal
from domain.state import MachineState as M
from domain.state import StateInterval, StateThresholds
from tests.analysis.fakes import MemoryHistory, MemoryStates, meter_device, plant_of
from tests.conftest import FakeClock

S = 1_000_000
MIN = 60 * S
DAY = 86_400 * S
PLANT, TAGS = plant_of(meter_device("a"), meter_device("b"), zone="UTC")
POWER = next(tag for tag in TAGS if tag.name == "a.active_power")
OTHER = next(tag for tag in TAGS if tag.name == "b.active_power")
ENERGY = next(tag for tag in TAGS if tag.name == "a.energy_import")
HERE = Scope(ScopeKind.TAG, "a.active_power")


class Past:
    """Two days that end now; power of 5 kW each 10 s unless told otherwise."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.end_us = self.clock.now_us() // MIN * MIN
        self.begin_us = self.end_us - 2 * DAY
        self.history, self.states = MemoryHistory(), MemoryStates()
        self.jobs = Rehearsals(self.history, self.states, self.clock, lambda: PLANT, lambda: TAGS)

    def put(self, tag_id: int, kw: Sequence[tuple[int, float]] = (), base: float = 5.0, step_s: int = 10) -> None:
        rows: dict[int, tuple[int, float | None, int]] = {
            at: (at, base, 0) for at in range(self.begin_us, self.end_us, step_s * S)
        }
        rows |= {self.begin_us + at * S: (self.begin_us + at * S, value, 0) for at, value in kw}
        self.history.put(tag_id, list(rows.values()))

    async def rehearse(self, rule: AlertRule) -> RuleRehearsal:
        job = self.jobs.start_rule(rule, days=2)
        job = await self.jobs.wait(job.id, 30)
        assert job.state is JobState.DONE, job.error
        assert job.progress == 1.0
        assert isinstance(job.result, RuleRehearsal)
        return job.result


@pytest.fixture
def past() -> Past:
    return Past()


async def test_alerts_of_a_level_with_their_times(past: Past) -> None:
    past.put(POWER.id, [(100, 12.0), (110, 12.5), (120, 11.0), (90_000, 13.0)])
    found = await past.rehearse(AlertRule("r", RuleKind.LEVEL, HERE, high=11.5, hysteresis=0.2))
    assert (found.alerts, found.standing_s, found.fine, found.subjects) == (2, 30.0, True, 1)
    assert [(o.from_us, o.to_us, o.value) for o in found.examples] == [
        (past.begin_us + 90_000 * S, past.begin_us + 90_010 * S, 13.0), (past.begin_us + 100 * S, past.begin_us + 120 * S, 12.0),
    ]  # fmt: skip
    assert sum(n for _, n in found.by_day) == 2
    assert found.busiest_day is not None
    assert past.history.rows < 30  # only the minutes that matter are read


async def test_the_same_as_with_every_sample(past: Past) -> None:
    dice = random.Random(7)
    level, values = 8.0, []
    for at in range(0, 2 * 86_400, 10):
        level = min(14.0, max(2.0, level + dice.gauss(0, 0.3)))
        values.append((at, round(level, 2)))
    past.put(POWER.id, values)
    rule = AlertRule("r", RuleKind.LEVEL, HERE, high=12.5, low=3.0, hysteresis=0.5, on_delay_s=20, off_delay_s=30)
    watch = LimitWatch(rule.borders, Damping(0.5, 20, 30), POWER.interval_s)
    raised = [c for at, v in values for c in watch.feed(past.begin_us + at * S, v, 0) if c.raised]
    found = await past.rehearse(rule)
    assert found.alerts == len(raised) > 3
    assert {o.from_us for o in found.examples} <= {c.time_us for c in raised}


async def test_what_stands_at_the_end_has_no_end(past: Past) -> None:
    past.put(POWER.id, base=20.0)
    found = await past.rehearse(AlertRule("r", RuleKind.LEVEL, HERE, high=11.5))
    assert (found.alerts, found.examples[0].to_us, found.standing_s) == (1, None, 2 * 86_400.0)


async def test_minute_means_stand_for_what_is_too_much(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal_service, "MOST_RAW", 100)
    past.put(POWER.id, base=20.0)
    found = await past.rehearse(AlertRule("r", RuleKind.LEVEL, HERE, high=11.5))
    assert (found.alerts, found.fine) == (1, False)


async def test_suppressed_time_is_told_apart(past: Past) -> None:
    past.put(POWER.id, [(at, 20.0) for at in range(3600, 7200, 10)])
    states = [StateInterval("a-m", M.PRODUCTION, past.begin_us, past.begin_us + 5400 * S)]
    states.append(StateInterval("a-m", M.IDLE, past.begin_us + 5400 * S, None))
    await past.states.save_states(states)
    found = await past.rehearse(AlertRule("r", RuleKind.LEVEL, HERE, high=11.5, only_while=frozenset({M.PRODUCTION})))
    assert (found.alerts, found.standing_s, found.suppressed_s) == (1, 1800.0, 1800.0)


async def test_long_idling_over_midnight_is_one_alert(past: Past) -> None:
    idle_us = past.begin_us + DAY - 3600 * S
    await past.states.save_states([
        StateInterval("a-m", M.PRODUCTION, past.begin_us, idle_us),
        StateInterval("a-m", M.IDLE, idle_us, idle_us + 7200 * S),
        StateInterval("a-m", M.PRODUCTION, idle_us + 7200 * S, None),
    ])  # fmt: skip
    rule = AlertRule("r", RuleKind.STATE, Scope(ScopeKind.MACHINE, "a-m"), states=(M.IDLE,), longer_than_s=1800)
    found = await past.rehearse(rule)
    assert (found.alerts, round(found.standing_s)) == (1, 5400)
    assert found.examples[0].from_us == idle_us + 1800 * S + 1


async def test_gaps_of_a_tag(past: Past) -> None:
    past.put(POWER.id)
    kept = [row for row in past.history.series[POWER.id] if not past.begin_us + 5000 * S < row[0] < past.begin_us + 7000 * S]
    past.history.series[POWER.id] = kept
    found = await past.rehearse(AlertRule("r", RuleKind.NO_DATA, HERE, longer_than_s=600))
    assert found.alerts == 1
    assert 1300 <= found.standing_s <= 1500


async def test_deviation_from_another_tag(past: Past) -> None:
    past.put(POWER.id, [(at, 8.0) for at in range(3600, 7200, 10)])
    past.put(OTHER.id)
    base = Baseline(BaselineKind.TAG, name="b.active_power")
    found = await past.rehearse(AlertRule("r", RuleKind.DEVIATION, HERE, high=50, baseline=base))
    assert (found.alerts, found.fine) == (1, False)
    assert found.standing_s == pytest.approx(3600, abs=120)


async def test_a_filter_tells_samples_and_energy(past: Past) -> None:
    tag = replace(POWER, interval_s=10.0)
    past.put(POWER.id, [(1000, 905.0), (90_000, 905.0), (95_000, -3.0)])
    job = past.jobs.start_filter(tag, 0.0, 100.0, spike=False, days=2)
    job = await past.jobs.wait(job.id, 30)
    assert isinstance(job.result, FilterRehearsal)
    assert (job.result.changed, job.result.samples) == (3, 2 * 8640)
    assert job.result.changed_kwh == pytest.approx(-(900 + 900 - 8) * 10 / 3600, rel=0.01)
    assert {value for _, value in job.result.examples} == {905.0, -3.0}


async def test_a_wider_filter_tells_what_it_would_have_taken(past: Past) -> None:
    past.put(POWER.id)
    at = past.begin_us + 1000 * S
    past.history.put(POWER.id, [(at, 40.0, int(Quality.OUT_OF_RANGE))])
    job = await past.jobs.wait(past.jobs.start_filter(POWER, 0.0, 100.0, spike=False, days=2).id, 30)
    assert isinstance(job.result, FilterRehearsal)
    assert (job.result.changed, job.result.restored) == (0, 1)
    assert job.result.changed_kwh == pytest.approx((40 - 5) * POWER.interval_s / 3600)


async def test_a_filter_tells_how_long_the_machine_would_have_been_in_another_state(past: Past) -> None:
    """Idle at 0.5 kW; for five minutes every value jumps to 9 kW and back: production, which a spike filter would not see."""
    machine = replace(PLANT.machines[0], states=StateThresholds(0.3, 3.0, 10.0))
    plant = replace(PLANT, machines=(machine, *PLANT.machines[1:]))
    assert machine.meter == POWER.device_id
    past.put(POWER.id, [(t, 9.0) for t in range(40_000, 40_300, 10)], base=0.5)
    refuse_high = HighOut(5.0)
    jobs = Rehearsals(
        past.history, past.states, past.clock, lambda: plant, lambda: TAGS, spike_filter=lambda _floor: refuse_high
    )
    job = await jobs.wait(jobs.start_filter(POWER, None, None, spike=True, days=2).id, 30)
    assert isinstance(job.result, FilterRehearsal), job.error
    assert job.result.changed == 30
    assert job.result.changed_state_s == pytest.approx(300, abs=10)
    ranged = await jobs.wait(jobs.start_filter(POWER, 0.0, 5.0, spike=False, days=2).id, 30)
    assert isinstance(ranged.result, FilterRehearsal)
    assert (ranged.result.changed, ranged.result.changed_state_s) == (30, 0.0)  # what is out of range still tells the state
    other = await jobs.wait(jobs.start_filter(replace(POWER, id=ENERGY.id, name=ENERGY.name), 0.0, 5.0, spike=False, days=2).id, 30)
    assert isinstance(other.result, FilterRehearsal)
    assert other.result.changed_state_s is None


class HighOut:
    """A spike filter that takes everything above for a spike."""

    def __init__(self, above: float) -> None:
        self._above = above

    def judge(self, _time_us: int, value: float) -> int:
        return int(Quality.SPIKE) if value > self._above else 0


async def test_jobs_are_bounded_and_can_be_cancelled(past: Past) -> None:
    past.put(POWER.id)
    rule = AlertRule("r", RuleKind.LEVEL, HERE, high=11.5)
    first, second = past.jobs.start_rule(rule), past.jobs.start_rule(rule)
    with pytest.raises(Conflict):
        past.jobs.start_rule(rule)
    assert past.jobs.cancel(first.id).state is JobState.CANCELLED
    await past.jobs.wait(second.id, 30)
    await asyncio.sleep(0)
    assert past.jobs.job(first.id).state is JobState.CANCELLED
    with pytest.raises(NotFound):
        past.jobs.job("77")
    with pytest.raises(ConfigError):
        past.jobs.start_rule(rule, days=99)
    with pytest.raises(ConfigError):
        past.jobs.start_filter(POWER, 5, 4, spike=False)


async def test_a_store_that_is_away_fails_the_job_with_its_reason(past: Past) -> None:
    past.states.down = True
    rule = AlertRule("r", RuleKind.STATE, Scope(ScopeKind.SITE), states=(M.IDLE,), longer_than_s=5)
    job = past.jobs.start_rule(rule)
    job = await past.jobs.wait(job.id, 30)
    assert (job.state, job.error) == (JobState.FAILED, "database away")


def test_days_of_the_site() -> None:
    assert Calendar("UTC").day_of(0).isoformat() == "1970-01-01"
