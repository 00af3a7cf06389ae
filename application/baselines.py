"""Builds energy baselines and the balance doctor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.balance_doctor import BalanceDoctor
from analysis.baseline_data import BaselineData
from analysis.baselines import Baselines
from application.figures import Figures
from database import Database
from domain.plant import Plant, Tag
from domain.ports import Clock
from runtime.offload import Offload


def build_baselines(
    plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], energy: EnergyAccounting, figures: Figures,
    alerts: AlertEngine, database: Database, clock: Clock, offload: Offload,
) -> tuple[Baselines, BalanceDoctor]:
    """Both explain their figures."""
    samples, states = database.samples, database.states
    data = BaselineData(plant, tags, samples, states, figures.production, lambda: energy.calendar, clock)
    baselines = Baselines(data, database.baselines, database.audit, clock, offload)
    doctor = BalanceDoctor(plant, tags, samples, states, lambda: energy.calendar, database.balance, alerts, clock)
    figures.explainer.register("baseline", baselines)
    figures.explainer.register("balance", doctor)
    return baselines, doctor
