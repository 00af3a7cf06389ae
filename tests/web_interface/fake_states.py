"""Learned borders, a rehearsal and a re-computation of the invented shop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from analysis.state_review import check
from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound
from domain.state import MachineState as M
from domain.state import StateThresholds
from domain.state_rule import HistogramBin, LearnedBorders, Recompute, RecomputeStatus, Rehearsal, StateTotals
from domain.substate import SubInterval, SubState, SubStates
from tests.web_interface import fake_shop as shop

DAY_US = 86_400 * shop.S
LEVELS = ((0.025, 390_000.0, 0.02), (2.1, 250_000.0, 0.05), (4.4, 45_000.0, 0.2), (7.4, 330_000.0, 0.16))  # kW, s, spread


def bins() -> list[HistogramBin]:
    """A histogram with four modes."""
    found = []
    for n in range(-120, 80):
        low, high = 10 ** (n / 60), 10 ** ((n + 1) / 60)
        seconds = sum(
            total * 0.0384 / spread / math.sqrt(2 * math.pi) * math.exp(-0.5 * (math.log(low / level) / spread) ** 2)
            for level, total, spread in LEVELS
        )
        if seconds > 1:
            found.append(HistogramBin(low, high, seconds))
    return found


class FakeStates:
    """StateService."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        now = clock.now_us()
        self.jobs = {
            "lathe-1": Recompute("lathe-1", "abc", now - 90 * DAY_US, now, now - 30 * DAY_US, RecomputeStatus.RUNNING, now - 9 * shop.S)
        }

    async def learned(self, machine_id: str) -> LearnedBorders:
        now = self._clock.now_us()
        modes = [(level, total) for level, total, _ in LEVELS]
        borders = StateThresholds(0.224, 3.16, 10)
        if machine_id == "furnace-1":
            return LearnedBorders(machine_id, now - 14 * DAY_US, now, bins()[-40:], modes[-1:], None, 0.0, ("one_mode",), 330_000.0)
        return LearnedBorders(machine_id, now - 14 * DAY_US, now, bins(), modes, borders, 0.93, (), 1_015_000.0)

    async def rehearse(self, machine_id: str, proposed: StateThresholds) -> Rehearsal:
        check(proposed)
        now = self._clock.now_us()
        old = StateTotals({M.OFF: 900_000.0, M.IDLE: 600_000.0, M.PRODUCTION: 1_000_000.0}, {M.OFF: 6.0, M.IDLE: 350.0, M.PRODUCTION: 1900.0})
        new = StateTotals({M.OFF: 899_400.0, M.IDLE: 593_400.0, M.PRODUCTION: 1_007_200.0}, {M.OFF: 6.0, M.IDLE: 344.2, M.PRODUCTION: 1905.8})
        moved = {(M.OFF, M.IDLE): 600.0, (M.IDLE, M.PRODUCTION): 7200.0}
        return Rehearsal(machine_id, now - 30 * DAY_US, now, proposed, old, new, moved)

    async def substates(self, machine_id: str, from_us: int, to_us: int) -> SubStates:
        end, half = min(to_us, self._clock.now_us()), (from_us + to_us) // 2
        warm = SubInterval(machine_id, SubState.WARM_UP, from_us, half)
        return SubStates((warm, SubInterval(machine_id, SubState.PROCESSING, half, max(half + 1, end))), None, 2.1)

    def recomputes(self) -> Sequence[Recompute]:
        return list(self.jobs.values())

    async def cancel(self, machine_id: str, actor: Actor) -> Recompute:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("stopping a re-computation needs the role engineer")
        job = self.jobs.get(machine_id)
        if job is None or job.status is not RecomputeStatus.RUNNING:
            raise NotFound("running re-computation", machine_id)
        self.jobs[machine_id] = replace(job, status=RecomputeStatus.CANCELLED, ended_us=self._clock.now_us())
        return self.jobs[machine_id]
