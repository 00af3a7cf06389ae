"""The cube of energy and the plans: built and connected in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.accounting import EnergyAccounting
from analysis.cube_keeper import CubeKeeper
from analysis.cube_query import DayRules, EnergyCube
from analysis.plan_fact import CountsParts, PlanFacts
from database import Database
from domain.plant import Plant
from domain.ports import Clock


@dataclass(frozen=True, slots=True)
class CubeParts:
    """`keeper.run` is the owner's to run, and `keeper.mark` to be told of a changed past."""

    cube: EnergyCube
    keeper: CubeKeeper
    plans: PlanFacts


def build_cube(
    plant: Callable[[], Plant], energy: EnergyAccounting, production: CountsParts, database: Database, clock: Clock
) -> CubeParts:
    """Over the plant as it is now."""
    rules = DayRules(energy)
    cube = EnergyCube(plant, energy, database.cube, clock, rules)
    keeper = CubeKeeper(
        lambda: [machine.id for machine in plant().machines], energy, database.cube, clock, rules,
        lambda: database.writer.storage_status().backlog_oldest_us,
    )
    return CubeParts(cube, keeper, PlanFacts(plant, lambda: energy.calendar, cube, clock, production))
