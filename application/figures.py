"""Builds the figures that are asked for any window: production, efficiency cards, and who explains what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.accounting import EnergyAccounting
from analysis.basic_figures import BASIC, BasicFigures
from analysis.efficiency_service import EfficiencyService
from analysis.kef_figures import KEF, KefFigures
from analysis.production import Production
from analysis.production_explained import OEE, SPECIFIC, ProductionExplained
from analysis.production_figures import ProductionFigures
from analysis.shift_keeper import ShiftKeeper
from database import Database
from domain.explain import Explainer
from domain.plant import Plant, Tag
from domain.ports import Clock, History


@dataclass(frozen=True, slots=True)
class Figures:
    """Services over the accounts. Other parts register with `explainer` under the beginning of their figures' names."""

    production: Production
    efficiency: EfficiencyService
    per_part: ProductionFigures
    explainer: Explainer


def build_figures(
    plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], energy: EnergyAccounting, shifts: ShiftKeeper,
    history: History, database: Database, clock: Clock,
) -> Figures:
    """`history`: the one with the last minutes in memory."""
    production = Production(plant, tags, database.samples, database.events, clock)
    efficiency = EfficiencyService(plant, tags, energy, history, production, database.energy, database.efficiency, clock)
    shifts.on_kept(efficiency.keep)
    per_part = ProductionFigures(plant, energy, efficiency, production, database.states, clock)
    explainer = Explainer()
    basic = BasicFigures(plant, tags, energy, history, clock)
    for figure in BASIC:
        explainer.register(figure, basic)
    explainer.register(KEF, KefFigures(plant, efficiency, energy, clock))
    opened = ProductionExplained(per_part)
    for family in (SPECIFIC, OEE):
        explainer.register(family, opened)
    return Figures(production, efficiency, per_part, explainer)
