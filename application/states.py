"""Builds what looks after the borders of states: learning, trying, judging the past anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.engine import AnalysisEngine
from analysis.state_history import StateHistory
from analysis.state_recompute import StateRecompute
from analysis.state_review import StateReview
from analysis.state_service import StateFace
from database import Database
from domain.plant import Plant, Tag
from domain.ports import Clock


@dataclass(frozen=True, slots=True)
class States:
    """`recompute.apply` is told of the plant before the engine, `recompute.run` is a job."""

    recompute: StateRecompute
    service: StateFace


def build_states(
    plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], analysis: AnalysisEngine, database: Database, clock: Clock
) -> States:
    """What changes in the past is told through the engine."""
    past = StateHistory(database.samples, database.events)
    recompute = StateRecompute(past, database.states, database.state_rules, database.samples.oldest, database.audit, clock)
    recompute.on_recomputed(analysis.past_changed)
    review = StateReview(plant, tags, database.samples, past, clock)
    return States(recompute, StateFace(review, recompute))
