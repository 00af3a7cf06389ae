"""Training, rehearsing and asking: what is stored, what is refused, and that a rehearsal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.detectors.sources import KeptMinutes
from analysis.finding_figures import FindingFigures
from analysis.finding_service import Findings
from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.finding import Finding, Severity, TrainingStage, TrainingState
from domain.state import MachineState, StateInterval
from tests.analysis.fakes import MemoryAudit
from tests.analysis.test_detector_watch import MIN, Shop
from tests.conftest import FakeClock

ENGINEER, VIEWER = Actor("petrov", Role.ENGINEER, "test"), Actor("anna", Role.VIEWER, "test")
DAY = 1440 * MIN


async def here(function: Callable[..., Any], *args: Any) -> Any:
    """The worker, in this process."""
    return function(*args)


class Asked:
    """A service over a day of two machines: steady production with an hour at double power and an idle hour."""

    def __init__(self) -> None:
        self.clock = FakeClock(1_763_542_800_000_000)
        self.shop, self.audit = Shop(self.clock, "m1", "m2"), MemoryAudit()
        self.begin = self.clock.now_us() - DAY
        rng = np.random.default_rng(3)
        power = rng.normal(6, 0.3, 1440)
        power[1000:1060] *= 2
        power[1200:1260] = 2.4
        tag = self.shop.tags[0]
        self.shop.history.put(tag.id, [(self.begin + i * MIN, float(kw), 0) for i, kw in enumerate(power)])
        kept = KeptMinutes(self.shop.history, self.shop.states, None, lambda: self.shop.plant)
        self.service = Findings(
            lambda: self.shop.plant, lambda: self.shop.tags, store=self.shop.store, watch=self.shop.watch, minutes=kept,
            audit=self.audit, clock=self.clock, run=here, prices=self.shop.prices,
        )  # fmt: skip

    async def states(self) -> None:
        edges = (0, 1200, 1260, 1440)
        names = (MachineState.PRODUCTION, MachineState.IDLE, MachineState.PRODUCTION)
        for state, a, b in zip(names, edges, edges[1:], strict=False):
            interval = StateInterval("m1-m", state, self.begin + a * MIN, self.begin + b * MIN)
            await self.shop.states.save_states([interval])


@pytest.fixture
async def asked() -> Asked:
    found = Asked()
    await found.states()
    return found


async def test_a_rehearsal_tells_what_the_rule_would_have_told(asked: Asked) -> None:
    told = await asked.service.rehearse("long_idle", "m1-m", days=1)
    assert (told.count, told.minutes, told.known_minutes) == (1, 60, 1440)
    assert told.waste_kwh == pytest.approx(2.4)
    assert told.examples[0].waste_cost == pytest.approx(19.2)
    assert told.busiest_day_count == 1
    strict = await asked.service.rehearse("long_idle", "m1-m", days=1, parameters={"min_minutes": 90})
    assert (strict.count, strict.waste_kwh, strict.busiest_day_us) == (0, None, None)
    assert asked.shop.store.held == {}


async def test_what_makes_no_sense_is_refused_with_the_reason(asked: Asked) -> None:
    with pytest.raises(Conflict, match="no parameter 'minutes'; it has min_minutes, medium_kwh"):
        await asked.service.rehearse("long_idle", "m1-m", parameters={"minutes": 3})
    with pytest.raises(Conflict, match="min_minutes is 0; expected 1 to 10080 min"):
        await asked.service.rehearse("long_idle", "m1-m", parameters={"min_minutes": 0})
    with pytest.raises(Conflict, match="watches the supply of the site, not one machine"):
        await asked.service.rehearse("voltage_range", "m1-m")
    with pytest.raises(Conflict, match="watches a machine, not the supply"):
        await asked.service.rehearse("long_idle", "site")
    with pytest.raises(NotFound):
        await asked.service.rehearse("long_idel", "m1-m")
    with pytest.raises(NotFound):
        await asked.service.findings(0, 1, machine="nobody")


async def test_training_keeps_versions_tells_the_rehearsal_and_is_in_the_audit(asked: Asked) -> None:
    model, rehearsal = await asked.service.train("m1-m", ENGINEER, days=1)
    assert (model.version, model.rows, rehearsal.rule) == (1, 1440, "anomaly")
    assert rehearsal.count == 1  # the hour at double power, although it was in the training
    assert rehearsal.examples[0].from_us == pytest.approx(asked.begin + 1000 * MIN, abs=3 * MIN)
    again, _ = await asked.service.train("m1-m", ENGINEER, days=1)
    assert again.version == 2
    assert [m.version for m in await asked.service.models("m1-m")] == [2, 1]
    assert [entry.action for entry in asked.audit.held] == ["anomaly_train", "anomaly_train"]
    assert again.numbers == model.numbers  # the same data give the same numbers


async def test_a_try_stores_nothing(asked: Asked) -> None:
    await asked.service.train("m1-m", ENGINEER, days=1, keep=False)
    assert asked.shop.store.kept_models == []
    assert asked.audit.held == []


async def test_training_needs_the_role_and_enough_data(asked: Asked) -> None:
    with pytest.raises(Forbidden):
        await asked.service.train("m1-m", VIEWER)
    assert asked.audit.held[-1].result == "failed"
    with pytest.raises(Conflict, match="only 0 whole minutes in one state are known in the 14 days of the period; 200 are needed"):
        await asked.service.train("m2-m", ENGINEER)


async def test_changes_of_level_in_production(asked: Asked) -> None:
    changes = await asked.service.changes("m1-m", "active_power", asked.begin, asked.clock.now_us())
    (up, before, after), (down, *_) = changes
    assert (up, down) == (asked.begin + 1000 * MIN, asked.begin + 1060 * MIN)
    assert (before, after) == (pytest.approx(6, abs=0.1), pytest.approx(12, abs=0.3))
    with pytest.raises(NotFound):
        await asked.service.changes("m1-m", "voltage_l1", 0, DAY)


async def test_the_wasted_energy_can_be_opened(asked: Asked) -> None:
    begin, end = asked.begin, asked.clock.now_us()
    await asked.shop.store.save_findings(
        [
            Finding("long_idle", 1, "m1-m", begin, begin + 60 * MIN, Severity.LOW, waste_kwh=2.4),
            Finding("dry_run", 1, "m1-m", begin + 90 * MIN, None, Severity.LOW, waste_kwh=0.5),
            Finding("low_cos_phi", 1, "m1-m", begin, begin + 60 * MIN, Severity.LOW),
        ]
    )
    figures = FindingFigures(asked.service)
    opened = await figures.explain("finding", "m1-m", begin, end, {})
    assert opened.value == pytest.approx(2.9)
    assert [(t.symbol, t.value) for t in opened.terms] == [("W_dry_run", 0.5), ("W_long_idle", 2.4)]
    assert [(s.what, s.to_us) for s in opened.spans] == [("long_idle", begin + 60 * MIN), ("dry_run", end)]
    one = await figures.explain("finding.long_idle", "site", begin, end, {})
    assert (one.value, one.filters) == (2.4, ("rule=long_idle",))
    assert (await figures.explain("finding", "m2-m", begin, end, {})).value is None
    with pytest.raises(NotFound):
        await figures.explain("finding.long_idel", "site", begin, end, {})


# -- training on a chosen period, as a job ---------------------------------------------------------------------------


async def test_a_chosen_good_period_is_learned_as_a_job_and_its_figures_are_told(asked: Asked) -> None:
    """The first 900 min: neither the hour at double power nor the idle hour is in it."""
    job = await asked.service.start_training("m1-m", asked.begin, asked.begin + 900 * MIN, ENGINEER)
    assert (job.state, job.stage, job.keep) == (TrainingState.RUNNING, TrainingStage.READING, True)
    with pytest.raises(Conflict, match="is being trained already"):
        await asked.service.start_training("m1-m", asked.begin, asked.begin + 900 * MIN, ENGINEER)
    done = await asked.service.trainings.wait(job.id, 30)
    assert (done.state, done.progress, done.error) == (TrainingState.DONE, 1.0, "")
    assert done.model is not None
    assert done.rehearsal is not None
    assert (done.model.from_us, done.model.to_us, done.model.rows) == (asked.begin, asked.begin + 900 * MIN, 900)
    group = done.model.numbers["groups"]["production"]  # type: ignore[index]
    assert group["rows"] == 900
    assert 0 <= group["above"] < 0.05
    assert done.rehearsal.examples[0].from_us == pytest.approx(asked.begin + 1000 * MIN, abs=3 * MIN)
    assert [m.version for m in await asked.service.models("m1-m")] == [1]
    assert [j.id for j in asked.service.trainings.jobs()] == [job.id]


async def test_a_period_with_too_little_data_fails_with_the_reason_and_stores_nothing(asked: Asked) -> None:
    job = await asked.service.start_training("m1-m", asked.begin, asked.begin + 150 * MIN, ENGINEER)
    done = await asked.service.trainings.wait(job.id, 30)
    assert done.state is TrainingState.FAILED
    assert done.error.startswith("of 'm1-m' only 150 whole minutes in one state are known in the 1 days of the period; 200 are")
    assert asked.shop.store.kept_models == []
    assert asked.audit.held == []


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [(0, 0, "period: ends before it begins"), (-1, 2 * 1440, "period: ends in the future"), (-100 * 1440, 0, "longer than 92 days")],
)
async def test_a_period_that_makes_no_sense_is_refused_at_once(asked: Asked, begin: int, end: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        await asked.service.start_training("m1-m", asked.begin + begin * MIN, asked.begin + end * MIN, ENGINEER)
    with pytest.raises(Forbidden):
        await asked.service.start_training("m1-m", asked.begin, asked.begin + DAY, VIEWER)
    assert asked.service.trainings.jobs() == []


async def test_a_training_is_cancelled(asked: Asked) -> None:
    job = await asked.service.start_training("m1-m", asked.begin, asked.begin + DAY, ENGINEER)
    with pytest.raises(Forbidden):
        await asked.service.cancel_training(job.id, VIEWER)
    assert (await asked.service.cancel_training(job.id, ENGINEER)).state is TrainingState.CANCELLED
    await asked.service.trainings.wait(job.id, 10)
    assert asked.service.trainings.job(job.id).state is TrainingState.CANCELLED
    assert asked.shop.store.kept_models == []
