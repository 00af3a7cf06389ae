"""The states' service of pages and routes: looking, trying, and judging the past anew."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.state_recompute import StateRecompute
from analysis.state_review import StateReview
from domain.access import Actor
from domain.state import StateThresholds
from domain.state_rule import LearnedBorders, Recompute, Rehearsal
from domain.substate import SubStates


class StateFace:
    """Implements web_interface.services.StateService."""

    def __init__(self, review: StateReview, recompute: StateRecompute) -> None:
        self._review, self._recompute = review, recompute

    async def learned(self, machine_id: str) -> LearnedBorders:
        return await self._review.learned(machine_id)

    async def rehearse(self, machine_id: str, proposed: StateThresholds) -> Rehearsal:
        return await self._review.rehearse(machine_id, proposed)

    async def substates(self, machine_id: str, from_us: int, to_us: int) -> SubStates:
        return await self._review.substates(machine_id, from_us, to_us)

    def recomputes(self) -> Sequence[Recompute]:
        return self._recompute.jobs()

    async def cancel(self, machine_id: str, actor: Actor) -> Recompute:
        return await self._recompute.cancel(machine_id, actor)
