"""A rehearsal over a real database: samples, their roll-ups and what the live watch would have said of every sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.limits import Damping, LimitWatch
from analysis.rehearsal_service import Rehearsals
from application.alerts import build_alerts
from config.settings import Settings
from data_processing.checks import Hampel
from database.open import open_database
from domain.alert_rule import AlertRule, RuleKind, Scope, ScopeKind
from domain.rehearsal import FilterRehearsal, JobState, RuleRehearsal
from domain.sample import Batch, TagId
from tests.conftest import FakeClock
from tests.database.test_repositories import plant

S = 1_000_000
HOURS = 3


@pytest.mark.timeout(120)
async def test_a_rehearsal_over_stored_samples_says_what_the_live_watch_says(tmp_path: Path, fake_clock: FakeClock) -> None:
    settings = Settings(data_dir=tmp_path)
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/e.db", tmp_path, fake_clock) as database:
        shop = plant("m1")
        tags = [replace(tag, interval_s=2.0) for tag in await database.plants.save({}, shop)]
        power = tags[0]
        begin_us = fake_clock.now_us() - HOURS * 3600 * S
        values = [8.0 + 5.0 * ((n // 400) % 3 == 1) + (40.0 if n == 1000 else 0.0) for n in range(HOURS * 1800)]
        ids = (TagId(power.id),)
        await database.writer.put_all(Batch("m1", begin_us + n * 2 * S, ids, (value,), (0,)) for n, value in enumerate(values))
        await database.rollups.catch_up()
        assert build_alerts(settings, database, fake_clock).active() == []
        jobs = Rehearsals(
            database.samples, database.states, fake_clock, lambda: shop, lambda: tags,
            spike_filter=lambda floor: Hampel(floor, lambda *_event: None),
        )  # fmt: skip
        rule = AlertRule("r", RuleKind.LEVEL, Scope(ScopeKind.TAG, power.name), high=12.0, hysteresis=1.0, on_delay_s=10)
        job = await jobs.wait(jobs.start_rule(rule, days=1).id, 60)
        assert job.state is JobState.DONE, job.error
        assert isinstance(job.result, RuleRehearsal)
        watch = LimitWatch(rule.borders, Damping(1.0, 10, 0), power.interval_s)
        raised = [c.time_us for n, v in enumerate(values) for c in watch.feed(begin_us + n * 2 * S, v, 0) if c.raised]
        assert sorted(o.from_us for o in job.result.examples) == raised
        assert job.result.fine
        job = await jobs.wait(jobs.start_filter(power, None, 30.0, spike=False, days=1).id, 60)
        assert isinstance(job.result, FilterRehearsal)
        assert (job.result.changed, job.result.samples) == (1, len(values))
        assert job.result.changed_kwh == pytest.approx(-40.0 * 2 / 3600)
        job = await jobs.wait(jobs.start_filter(power, None, None, spike=True, days=1).id, 60)
        assert isinstance(job.result, FilterRehearsal)
        assert begin_us + 1000 * 2 * S in [time_us for time_us, _ in job.result.examples]
