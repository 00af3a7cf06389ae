"""Reports put together: the services behind the figures, the worker that draws, the pages' words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.balance_doctor import BalanceDoctor
from application.cube import CubeParts
from application.money import Money
from database import Database
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from reports.gather import ReportBuilder, Sources
from reports.model import Report
from reports.service import Reports, Stores, draw
from reports.wording import Wording
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
    alerts: AlertEngine


def build_reports(worker: Offload, figures: ReportFigures, database: Database, clock: Clock) -> Reports:
    """Drawing happens in `worker`: it holds the interpreter for seconds."""
    f = figures
    sources = Sources(
        f.plant, f.tags, f.history, f.energy, f.cubes.cube, f.money, f.cubes.plans, f.doctor, f.alerts, database.writer.books,
        clock,
    )  # fmt: skip

    async def drawn(format: str, report: Report, words: Wording) -> bytes:
        return await worker.run(draw, format, report, words)

    return Reports(
        ReportBuilder(sources), Stores(database.reports, database.report_plans, database.audit), clock, plant=f.plant,
        calendar=lambda: f.energy.calendar,
        wording=lambda language: wording(language, f.plant().site.timezone, f.plant().site.currency), drawn=drawn,
    )
