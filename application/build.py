"""The composition root: builds every part, connects them, starts and stops them. No logic of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from fastapi import FastAPI

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.engine import AnalysisEngine
from application.faces import build_faces
from application.feeds import Feeds
from application.house import Current, House, Job
from application.jobs import all_jobs
from application.meaning import build_meaning
from application.measuring import build_measuring
from application.roles.board import RolesBoard
from application.services import build_services
from application.wiring import wire, wire_alignments, wire_servers
from config.plant_admin import PlantAdmin
from config.settings import Settings
from data_collection.collector import Collector
from data_collection.driver import Connect
from data_processing.processor import Processing
from database import Database, open_database
from database.ingest import ROLLUP_GRACE_S
from domain.plant import Plant, Tag
from domain.ports import Clock
from reports.service import Reports
from runtime.bus import InProcessBus
from runtime.loop_lag import LoopLag
from runtime.offload import Offload
from runtime.supervisor import Supervisor
from web_interface.app import WebOptions, build_web
from web_interface.auth.accounts import Accounts
from web_interface.live import LiveView
from web_interface.services import Services
from web_interface.status import Status

log = logging.getLogger(__name__)
ALONE_GRACE_S = 2.0  # a roll-up waits that long after its bucket's end; longer where others write samples


@dataclass(slots=True)
class Application:
    """The running product, for the commands and tests that drive it."""

    settings: Settings
    clock: Clock
    database: Database
    bus: InProcessBus
    collector: Collector
    processing: Processing
    plant: PlantAdmin
    energy: EnergyAccounting
    analysis: AnalysisEngine
    alerts: AlertEngine
    live: LiveView
    status: Status
    reports: Reports
    accounts: Accounts
    services: Services
    supervisor: Supervisor
    offload: Offload
    report_worker: Offload
    feeds: Feeds
    plant_listeners: list[Callable[[Plant, Sequence[Tag]], None]] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    _web: FastAPI | None = field(default=None, init=False)

    @property
    def web(self) -> FastAPI:
        """Pages and API, built when first asked for: the models of their routes take half a second of a processor, which a
        command that serves nobody need not spend. Who serves asks before anything runs."""
        if self._web is None:
            self._web = build_web(self.services, options=_web_options(self.settings, self.clock))
        return self._web

    async def prime(self) -> None:
        """Counters go on from what was stored last: an exchange while we were stopped is noticed."""
        self.processing.prime(await self.database.samples.latest())


@asynccontextmanager
async def open_application(
    settings: Settings, clock: Clock, environ: Mapping[str, str] | None = None, *, connect: Mapping[str, Connect] | None = None,
    board: RolesBoard | None = None,
) -> AsyncIterator[Application]:
    """Everything built and connected over an open database; nothing polls yet. Leaving closes in reverse order.

    `connect`: how to open each transport; None takes all there are. `board`: lines are polled and samples kept by other
    processes, known from there; samples are put on the bus by whoever opens this.
    """
    environ = os.environ if environ is None else environ
    async with open_database(
        settings.database_url, settings.data_dir, clock, journal_limit_bytes=settings.journal.limit_bytes,
        rollup_grace_s=ALONE_GRACE_S if board is None else ROLLUP_GRACE_S,
    ) as database:
        kept = settings.inspection
        database.retention.policy = replace(
            database.retention.policy, inspection_picture=kept.picture_days, pictures_each=kept.pictures
        )
        application = await _connect(settings, clock, environ, database, connect, board)
        try:
            yield application
        finally:
            await database.writer.close()  # its last samples go to the feeds too
            await application.feeds.close()
            application.offload.close()
            application.report_worker.close()


async def _connect(
    settings: Settings, clock: Clock, environ: Mapping[str, str], database: Database, connect: Mapping[str, Connect] | None,
    board: RolesBoard | None,
) -> Application:
    house = House(
        settings, clock, database, Current(), InProcessBus(), Supervisor(clock), LoopLag(), Offload(), Offload(),
        Feeds(settings, database, clock), board,
    )
    measuring = build_measuring(house, environ, connect)
    meaning = build_meaning(house, measuring)
    faces = build_faces(house, measuring, meaning)
    services = build_services(house, measuring, meaning, faces)
    wire(house, measuring, meaning, faces)
    wire_alignments(house, meaning)
    wire_servers(house, faces)
    application = Application(
        settings, clock, database, house.bus, measuring.collector, measuring.processing, measuring.plant, meaning.energy,
        meaning.analysis, meaning.alerts, faces.live, faces.status, faces.reports.reports, faces.accounts, services,
        house.supervisor, house.offload, house.report_worker, house.feeds, house.current.listeners,
    )
    application.jobs = all_jobs(house, measuring, meaning, faces)
    return application


def _web_options(settings: Settings, clock: Clock) -> WebOptions:
    web = settings.web
    return WebOptions(
        tls=web.tls, allowed_hosts=tuple(web.allowed_hosts), origins=tuple(web.origins), now_us=clock.now_us
    )
