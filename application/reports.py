"""Reports put together: the services behind the figures, the worker that draws, the pages' words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.balance_doctor import BalanceDoctor
from analysis.loops.service import ControlLoops
from application.cube import CubeParts
from application.money import Money
from application.notifications import base_url, mail_server
from application.report_places import ReportPlaces
from config.settings import Settings
from database import Database
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from notifications.senders import senders
from reports.gather import ReportBuilder, Sources
from reports.jobs import ReportJobs
from reports.scheduler import ReportScheduler
from reports.service import Reports, Stores
from runtime.offload import Offload
from web_interface.wording import wording


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """The services that pages and API ask too."""

    plant: Callable[[], Plant]
    tags: Callable[[], Sequence[Tag]]
    history: History
    energy: EnergyAccounting
    cubes: CubeParts
    money: Money
    doctor: BalanceDoctor
    loops: ControlLoops
    alerts: AlertEngine


@dataclass(frozen=True, slots=True)
class ReportParts:
    """`scheduler.run` is the owner's to run."""

    reports: Reports
    jobs: ReportJobs
    scheduler: ReportScheduler


def build_reports(
    settings: Settings, worker: Offload, figures: ReportFigures, database: Database, clock: Clock
) -> ReportParts:
    """Drawing happens in `worker`: it holds the interpreter for seconds."""
    f = figures
    sources = Sources(
        f.plant, f.tags, f.history, f.energy, f.cubes.cube, f.money, f.cubes.plans, f.doctor, f.loops, f.alerts,
        database.writer.books,
        clock,
    )  # fmt: skip

    reports = Reports(
        ReportBuilder(sources), Stores(database.reports, database.report_plans, database.audit), clock, plant=f.plant,
        calendar=lambda: f.energy.calendar,
        wording=lambda language: wording(language, f.plant().site.timezone, f.plant().site.currency), worker=worker,
    )
    places = ReportPlaces(database, senders(mail_server(settings)), f.plant, settings.data_dir / "reports", base_url(settings))
    scheduler = ReportScheduler(
        reports, database.report_plans, database.audit, clock, calendar=lambda: f.energy.calendar, places=places
    )
    return ReportParts(reports, ReportJobs(reports, clock), scheduler)
