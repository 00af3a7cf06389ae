"""The second stage: from samples to states, figures and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.alignment.runner import Alignments
from analysis.balance_doctor import BalanceDoctor
from analysis.baselines import Baselines
from analysis.cube_explained import CUBE, CubeExplained
from analysis.engine import AnalysisEngine
from analysis.hygiene_explained import FIGURES as HYGIENE_FIGURES
from analysis.hygiene_explained import HygieneExplained
from analysis.loops.service import ControlLoops
from analysis.plan_explained import PLAN, PlanExplained
from analysis.prices import Prices
from analysis.shift_keeper import ShiftKeeper
from analysis.virtual.explained import VIRTUAL, VirtualExplained
from application.alerts import build_alerts
from application.baselines import build_baselines
from application.cube import CubeParts, build_cube
from application.figures import Figures, build_figures
from application.findings import FindingParts, build_findings
from application.house import House
from application.measuring import Measuring
from application.notifications import build_notifications
from application.states import States, build_states
from application.virtual_wiring import VirtualWiring
from database import Database
from notifications.engine import NotificationEngine
from notifications.service import Notifications


@dataclass(frozen=True, slots=True)
class Meaning:
    """From samples to states, figures, alerts."""

    energy: EnergyAccounting
    alerts: AlertEngine
    analysis: AnalysisEngine
    shifts: ShiftKeeper
    states: States
    virtual: VirtualWiring
    figures: Figures
    cubes: CubeParts
    baselines: Baselines
    doctor: BalanceDoctor
    loops: ControlLoops
    alignments: Alignments
    prices: Prices
    found: FindingParts
    notifier: NotificationEngine
    notifications: Notifications


def build_meaning(house: House, measuring: Measuring) -> Meaning:
    current, database, clock, recent = house.current, house.database, house.clock, measuring.recent
    plant, tags = current.the_plant, current.the_tags
    energy = EnergyAccounting(plant, tags, recent, database.states, clock, recent.begins_after, database.retention.policy.steps())
    alerts = build_alerts(house.settings, database, clock)
    analysis = AnalysisEngine(
        current.plant, current.tags, alerts=alerts, states=database.states, clock=clock, history=database.samples,
        texts=database.events,
    )
    shifts = ShiftKeeper(
        energy, database.energy, clock, partial(_oldest_waiting_us, house),
        partial(_first_sample_us, database),
    )
    analysis.on_recomputed(energy.invalidate)  # before all that measures anew
    analysis.on_recomputed(shifts.mark)
    states = build_states(plant, tags, analysis, database, clock)
    virtual = VirtualWiring(house.bus, database, clock, recent, analysis.samples_changed, plant)
    notifier, notifications = build_notifications(house.settings, clock, database, alerts, plant)
    figures = build_figures(plant, tags, energy, shifts, recent, database, clock)
    cubes = build_cube(plant, energy, figures.production, database, clock)
    analysis.on_recomputed(cubes.keeper.mark)
    loops = ControlLoops(plant, tags, database.samples, database.loops, clock)
    baselines, doctor = build_baselines(plant, tags, energy, figures, alerts, database, clock, house.offload)
    prices = Prices(plant, database.prices)
    found = build_findings(
        plant, tags, recent, figures.production, alerts, database, clock, house.offload, figures.explainer, prices
    )
    for family in HYGIENE_FIGURES:
        figures.explainer.register(family, HygieneExplained(alerts))
    figures.explainer.register(PLAN, PlanExplained(cubes.plans))
    figures.explainer.register(CUBE, CubeExplained(plant, lambda: energy.calendar, cubes.cube))
    figures.explainer.register(
        VIRTUAL, VirtualExplained(virtual.history, lambda: virtual.engine.plans, database.samples)
    )
    return Meaning(
        energy, alerts, analysis, shifts, states, virtual, figures, cubes, baselines, doctor, loops, Alignments(clock), prices,
        found, notifier, notifications,
    )


def _oldest_waiting_us(house: House) -> int | None:
    """Of all samples that are not in the tables yet."""
    own = house.database.writer.storage_status().backlog_oldest_us
    other = None if house.board is None else house.board.oldest_waiting_us()
    return min((us for us in (own, other) if us is not None), default=None)


async def _first_sample_us(database: Database) -> int | None:
    span = await database.samples.span()
    return None if span is None else span[0]
