"""The past under new borders: tried before, judged anew after, through restarts and a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from analysis.meter import meters_of
from analysis.state_history import StateHistory
from analysis.state_recompute import StateRecompute
from analysis.state_review import StateReview
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden
from domain.plant import Plant, Tag
from domain.sample import TagId
from domain.state import MachineState as M
from domain.state import StateInterval, StateThresholds
from domain.state_rule import Recompute, RecomputeStatus, StateRule
from tests.analysis.fakes import MemoryAudit, MemoryHistory, MemoryStates, S, load, meter_device, plant_of
from tests.conftest import FakeClock

DAY = 86_400
START = 1_763_510_400_000_000 // (DAY * S) * DAY * S
OLD = StateThresholds(0.3, 3.0, 10)
NEW = StateThresholds(0.3, 1.5, 10)
ENGINEER = Actor("e", Role.ENGINEER, "test")
LOAD = [(0.05, 7200), (2.0, 3600), (5.0, 3600), (0.05, 7200)]  # 6 h: at 2 kW the machine idles, or works
DAYS = 3


class Rules:
    """StateRuleStore in memory."""

    def __init__(self) -> None:
        self.present: dict[str, tuple[str, int]] = {}
        self.jobs: dict[str, Recompute] = {}
        self.saves = 0

    async def save_rule(self, rule: StateRule, since_us: int) -> None:
        self.present[rule.machine_id] = rule.id, since_us

    async def present_rules(self) -> dict[str, str]:
        return {machine_id: rule for machine_id, (rule, _) in self.present.items()}

    async def save_recompute(self, job: Recompute) -> None:
        self.saves += 1
        self.jobs[job.machine_id] = job

    async def recomputes(self) -> Sequence[Recompute]:
        return list(self.jobs.values())


class Shop:
    """Three days of one machine, judged by the old borders."""

    def __init__(self) -> None:
        self.clock = FakeClock(START + DAYS * DAY * S)
        self.history, self.states, self.rules, self.audit = MemoryHistory(), MemoryStates(), Rules(), MemoryAudit()
        self.plant, self.tags = plant_of(meter_device("a", counter=False), thresholds=OLD)
        load(self.history, self.tags, "a", START, LOAD * 4 * DAYS, step_s=5)
        self.past = StateHistory(self.history)
        self.told: list[tuple[int, int, str]] = []

    def under(self, thresholds: StateThresholds) -> tuple[Plant, Sequence[Tag]]:
        machine = replace(self.plant.machines[0], states=thresholds)
        return replace(self.plant, machines=(machine,)), self.tags

    async def judge(self, thresholds: StateThresholds) -> list[StateInterval]:
        """What a judgement of all at once says."""
        meter = meters_of(*self.under(thresholds))["a-m"]
        whole = await self.past.stretch(meter, START, START + DAYS * DAY * S)
        return [replace(i, rule=StateRule("a-m", thresholds, None).id) for i in whole.intervals]

    async def oldest(self, tag_id: TagId) -> int | None:
        return self.history.series[tag_id][0][0]

    @asynccontextmanager
    async def recompute(self, thresholds: StateThresholds) -> AsyncIterator[StateRecompute]:
        service = StateRecompute(self.past, self.states, self.rules, self.oldest, self.audit, self.clock)
        service.on_recomputed(lambda *told: self.told.append(told))
        service.apply(*self.under(thresholds))
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def settle(self, seconds: float = 5) -> None:
        for _ in range(30):
            await self.clock.advance(seconds / 30)
            await asyncio.sleep(0.005)


@pytest.fixture
async def shop() -> Shop:
    found = Shop()
    await found.states.save_states(await found.judge(OLD))
    async with found.recompute(OLD):
        await found.settle()
    assert found.rules.jobs == {}  # states from before rules were kept are taken as they are
    assert found.rules.present["a-m"][0] == StateRule("a-m", OLD, None).id
    return found


def held(shop: Shop) -> list[StateInterval]:
    return [interval for _, interval in sorted(shop.states.held.items())]


async def test_a_new_border_judges_the_whole_past_as_if_it_had_always_held(shop: Shop) -> None:
    shop.clock._now_us = START + DAYS * DAY * S
    async with shop.recompute(NEW) as service:
        await shop.settle()
        (job,) = service.jobs()
    assert (job.status, job.progress) == (RecomputeStatus.DONE, 1.0)
    assert held(shop) == await shop.judge(NEW)
    assert [(a - START) // (DAY * S) for a, _, _ in shop.told] == [0, 1, 2]
    assert sum(i.state is M.PRODUCTION for i in held(shop)) == 4 * DAYS


async def test_it_goes_on_after_a_restart_and_stops_when_told(shop: Shop) -> None:
    shop.clock._now_us = START + DAYS * DAY * S
    rule = StateRule("a-m", NEW, None)
    shop.rules.present["a-m"] = rule.id, 0
    shop.rules.jobs["a-m"] = Recompute(
        "a-m", rule.id, START, START + DAYS * DAY * S, START + DAY * S, RecomputeStatus.RUNNING, 0
    )
    async with shop.recompute(NEW) as service:
        with pytest.raises(Forbidden):
            await service.cancel("a-m", Actor("o", Role.OPERATOR, "test"))
        await shop.settle()
        assert service.jobs()[0].status is RecomputeStatus.DONE
    new, old = await shop.judge(NEW), await shop.judge(OLD)
    assert [i for i in held(shop) if i.from_us > START + DAY * S] == [i for i in new if i.from_us > START + DAY * S]
    first_day = [i.state for i in held(shop) if (i.to_us or 0) < START + DAY * S]
    assert first_day == [i.state for i in old if (i.to_us or 0) < START + DAY * S]


async def test_a_cancelled_one_leaves_whole_days(shop: Shop) -> None:
    shop.clock._now_us = START + DAYS * DAY * S
    async with shop.recompute(NEW) as service:
        while not service.jobs() or service.jobs()[0].done_us < START + DAY * S:
            await shop.settle(0.2 if service.jobs() else 3)
        if service.jobs()[0].status is RecomputeStatus.RUNNING:
            job = await service.cancel("a-m", ENGINEER)
            assert shop.audit.held[-1].action == "state_recompute_cancel"
        else:
            job = service.jobs()[0]
        await shop.settle()
    intervals = held(shop)
    assert all(a.to_us == b.from_us for a, b in pairwise(intervals))  # still without holes and overlaps
    new = await shop.judge(NEW)
    assert [i.state for i in intervals if (i.to_us or 0) <= job.done_us - 8 * 3600 * S] == [
        i.state for i in new if (i.to_us or 0) <= job.done_us - 8 * 3600 * S
    ]


async def test_a_rehearsal_tells_what_recomputing_then_does(shop: Shop) -> None:
    shop.clock._now_us = START + DAYS * DAY * S
    plant, tags = shop.under(OLD)
    review = StateReview(lambda: plant, lambda: tags, shop.history, shop.past, shop.clock)
    found = await review.rehearse("a-m", NEW)
    assert found.moved_s == {(M.IDLE, M.PRODUCTION): pytest.approx(DAYS * 4 * 3600, abs=30)}
    moved_kwh = found.then.energy_kwh[M.PRODUCTION] - found.now.energy_kwh[M.PRODUCTION]
    assert moved_kwh == pytest.approx(DAYS * 4 * 2.0, rel=0.01)
    assert sum(found.now.seconds.values()) == pytest.approx(sum(found.then.seconds.values())) == DAYS * DAY
    with pytest.raises(ConfigError, match="expected more than idle_above_kw"):
        await review.rehearse("a-m", StateThresholds(3.0, 2.0))


async def test_learning_from_what_was_kept(shop: Shop) -> None:
    shop.clock._now_us = START + DAYS * DAY * S
    plant, tags = shop.under(OLD)
    review = StateReview(lambda: plant, lambda: tags, shop.history, shop.past, shop.clock)
    found = await review.learned("a-m")
    assert found.covered_s == pytest.approx(DAYS * DAY, rel=0.01)
    assert [kw for kw, _ in found.modes] == pytest.approx([0.05, 2.0, 5.0], rel=0.04)
    assert found.thresholds is not None
    assert 0.05 < found.thresholds.idle_above_kw < 2.0 < found.thresholds.production_above_kw < 5.0
    reads = shop.history.reads
    assert await review.learned("a-m") is found
    assert shop.history.reads == reads


def test_a_rule_is_known_by_its_content() -> None:
    assert StateRule("a", OLD, None).id == StateRule("b", replace(OLD), None).id != StateRule("a", NEW, None).id
