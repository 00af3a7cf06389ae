"""The composition root: builds every part, connects them, starts and stops them. No logic of its own."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from fastapi import FastAPI

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.baseline_models import BaselineModels
from analysis.engine import AnalysisEngine
from analysis.hygiene_explained import ALARM_RATE, HygieneExplained
from analysis.recent import RecentHistory
from analysis.shift_keeper import ShiftKeeper
from application.alerts import build_alerts, build_rehearsals
from application.baselines import build_baselines
from application.consistency_watch import watch_consistency
from application.cube import build_cube
from application.figures import build_figures
from application.findings import build_findings
from application.money import build_money
from application.notifications import build_notifications
from application.start_order import after_rollups
from application.states import build_states
from application.storage_watch import watch_storage
from application.virtual_tags import VirtualTags
from application.virtual_wiring import AllCounts, VirtualWiring
from config.plant_admin import PlantAdmin
from config.profile_catalog import ProfileCatalog
from config.settings import Settings
from data_collection.collector import Collector
from data_collection.driver import Connect
from data_collection.read_now import read_now
from data_processing.consistency import ConsistencyMonitor
from data_processing.processor import Processing
from database import Database, open_database
from domain.plant import Plant, Site, Tag
from domain.ports import Clock, Sink
from domain.sample import Reading, TagEvent
from reports.service import Reports
from reports.shift import ShiftReportBuilder
from runtime.bus import InProcessBus
from runtime.loop_lag import LoopLag
from runtime.offload import Offload
from runtime.supervisor import Supervisor
from web_interface.app import WebOptions, build_web
from web_interface.auth.accounts import Accounts
from web_interface.history import TagHistory
from web_interface.live import LiveView
from web_interface.power_explained import POWER, PowerExplained
from web_interface.report_service import ReportFace
from web_interface.services import Services
from web_interface.status import Sources, Status
from web_interface.wording import wording

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]
WAITING_EVENTS = 10_000


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
    web: FastAPI
    supervisor: Supervisor
    offload: Offload
    jobs: dict[str, Job] = field(default_factory=dict)

    async def prime(self) -> None:
        """Counters go on from what was stored last: an exchange while we were stopped is noticed."""
        self.processing.prime(await self.database.samples.latest())


class _Current:
    """The plant and tags as they are now, for parts that are built before the plant is read."""

    def __init__(self) -> None:
        self.plant = Plant(Site("Energy Monitoring"))
        self.tags: Sequence[Tag] = ()
        self.listeners: list[Callable[[Plant, Sequence[Tag]], None]] = []

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """Tell every part; the order is that of the data's way."""
        self.plant, self.tags = plant, tags
        for listener in self.listeners:
            listener(plant, tags)


@asynccontextmanager
async def open_application(
    settings: Settings, clock: Clock, environ: Mapping[str, str] | None = None, *, connect: Mapping[str, Connect] | None = None
) -> AsyncIterator[Application]:
    """Everything built and connected over an open database; nothing polls yet. Leaving closes in reverse order.

    `connect`: how to open each transport; None takes all there are.
    """
    environ = os.environ if environ is None else environ
    async with open_database(
        settings.database_url, settings.data_dir, clock, journal_limit_bytes=settings.journal.limit_bytes
    ) as database:
        application = await _connect(settings, clock, environ, database, connect)
        try:
            yield application
        finally:
            application.offload.close()


async def _connect(
    settings: Settings, clock: Clock, environ: Mapping[str, str], database: Database, connect: Mapping[str, Connect] | None
) -> Application:
    current, bus, supervisor, lag = _Current(), InProcessBus(), Supervisor(clock), LoopLag()
    catalog = ProfileCatalog.load(settings.profile_dir)
    events: deque[TagEvent] = deque(maxlen=WAITING_EVENTS)
    processing = Processing(current.plant, current.tags, events.append)

    def on_reading(reading: Reading) -> None:
        batch = processing.process(reading)
        if batch is not None:
            bus.publish(batch)

    collector = Collector(clock, on_reading, connect)
    plant = PlantAdmin(
        database.plants, database.audit, catalog, clock, environ, apply=current.apply, reader=partial(read_now, collector, clock)
    )
    recent = RecentHistory(database.samples)
    energy = EnergyAccounting(lambda: current.plant, lambda: current.tags, recent, database.states, clock)
    alerts = build_alerts(settings, database, clock)
    analysis = AnalysisEngine(
        current.plant, current.tags, alerts=alerts, states=database.states, clock=clock, history=database.samples,
        texts=database.events,
    )
    shifts = ShiftKeeper(
        energy, database.energy, clock, lambda: database.writer.storage_status().backlog_oldest_us,
        partial(_first_sample_us, database),
    )
    analysis.on_recomputed(energy.invalidate)
    analysis.on_recomputed(shifts.mark)
    states = build_states(lambda: current.plant, lambda: current.tags, analysis, database, clock)
    virtual = VirtualWiring(bus, database, clock, recent, analysis.samples_changed, lambda: current.plant)
    notifier, notifications = build_notifications(settings, clock, database, alerts, lambda: current.plant)
    figures = build_figures(lambda: current.plant, lambda: current.tags, energy, shifts, recent, database, clock)
    cubes = build_cube(lambda: current.plant, energy, figures.production, database, clock)
    analysis.on_recomputed(cubes.keeper.mark)
    offload = Offload()
    baselines, doctor = build_baselines(
        lambda: current.plant, lambda: current.tags, energy, figures, alerts, database, clock, offload
    )
    found = build_findings(
        lambda: current.plant, lambda: current.tags, figures.production, alerts, database, clock, offload,
        figures.explainer,
    )
    live = LiveView(clock, database.samples, energy, figures.efficiency, analysis, partial(_devices_online, collector))
    figures.explainer.register(POWER, PowerExplained(live))
    figures.explainer.register(ALARM_RATE, HygieneExplained(alerts))
    alerts.on_alert(live.on_alert)
    analysis.on_state(live.on_state)
    accounts = Accounts(database.access, database.audit, clock)
    status = Status(
        clock,
        Sources(
            lines=collector.lines, devices=collector.devices, tasks=supervisor.statuses, storage=database.writer.storage_status,
            books=database.writer.books, loop_lag_ms=lag.p99_ms, samples_taken=lambda: live.samples_taken,
        ),
    )
    builder = ShiftReportBuilder(
        lambda: current.plant, lambda: current.tags, database.samples, energy, alerts, database.writer.books, clock
    )
    reports = Reports(
        builder, database.reports, database.audit, clock, windows=energy.shifts,
        wording=lambda language: wording(language, current.plant.site.timezone, current.plant.site.currency),
    )
    money = build_money(
        lambda: current.plant, lambda: current.tags, recent, energy, analysis, alerts, figures.explainer, database, clock,
        machine_kw=lambda machine_id: live.machine(machine_id).power_kw, site_kw=lambda: live.shop().power_kw,
    )
    services = Services(
        live=live, history=TagHistory(database.samples, live.tag), energy=energy, alerts=alerts, plant=plant, access=accounts,
        status=status, reports=ReportFace(reports),
        rehearsals=build_rehearsals(lambda: current.plant, lambda: current.tags, analysis, database, clock),
        explain=figures.explainer, states=states.service,
        production=figures.production, efficiency=figures.efficiency, per_part=figures.per_part,
        cube=cubes.cube, plan_facts=cubes.plans,
        virtual_tags=VirtualTags(plant, virtual, lambda: current.tags, clock),
        baselines=baselines, balance=doctor,
        notifications=notifications,
        money=money.service,
        findings=found.service,
    )
    monitor = ConsistencyMonitor(current.plant, current.tags)
    current.listeners += [
        processing.apply, recent.apply, alerts.apply, states.recompute.apply, analysis.apply, monitor.apply, live.apply,
        virtual.apply, found.watch.apply,
        lambda p, _t: collector.apply(p),
    ]
    database.writer.attach_counts(AllCounts(processing, virtual))
    _subscribe(bus, {
        "writer": database.writer.put, "recent": recent.on_batch, "analysis": analysis.on_batch, "consistency": monitor.on_batch,
        "live": live.on_batch, "virtual": virtual.engine.on_batch, "detectors": found.watch.on_batch,
    })
    application = Application(
        settings, clock, database, bus, collector, processing, plant, energy, analysis, alerts, live, status, reports, accounts,
        services, build_web(services, options=_web_options(settings, clock)), supervisor, offload,
    )
    later = partial(after_rollups, database.rollups, clock)
    application.jobs = {
        "writer": database.writer.run,
        "rollups": database.rollups.run,
        "retention": database.retention.run,
        "events": partial(_keep_events, database, events, clock),
        "consistency": partial(watch_consistency, monitor, alerts, clock),
        "storage-watch": partial(watch_storage, database.writer.storage_status, alerts, clock),
        "analysis": analysis.run,
        "virtual": virtual.run,
        "state-recompute": states.recompute.run,
        "shift-energy": later(shifts.run),
        "energy-cube": later(cubes.keeper.run),
        **{name: later(job) for name, job in money.jobs.items()},
        "balance": later(doctor.run),
        "baseline-models": later(BaselineModels(baselines, analysis.rules.register_model, clock).run),
        "notifications": notifier.run,
        "notifications-tidy": notifier.prune_forever,
        "detectors": later(found.watch.run),
        "live": live.run,
        "status": status.run,
        "loop-lag": lag.run,
        "plant-watch": plant.watch,
        "accounts": accounts.watch,
        "collector": collector.run,
    }
    return application


async def _first_sample_us(database: Database) -> int | None:
    span = await database.samples.span()
    return None if span is None else span[0]


def _subscribe(bus: InProcessBus, sinks: Mapping[str, Sink]) -> None:
    """In the order given: keeping comes first."""
    for name, sink in sinks.items():
        bus.subscribe(name, sink)


def _web_options(settings: Settings, clock: Clock) -> WebOptions:
    web = settings.web
    return WebOptions(
        tls=web.tls, allowed_hosts=tuple(web.allowed_hosts), origins=tuple(web.origins), now_us=clock.now_us
    )


def _devices_online(collector: Collector) -> tuple[int, int]:
    devices = [device for device in collector.devices() if device.state != "disabled"]
    return sum(1 for device in devices if device.state == "online"), len(devices)


async def _keep_events(database: Database, events: deque[TagEvent], clock: Clock) -> None:
    """Store the tags' events every few seconds; while the database is away the newest 10 000 wait in memory."""
    while True:
        await clock.sleep(2.0)
        waiting = list(events)
        if waiting:
            await database.events.save_events(waiting)
            for _ in range(min(len(waiting), len(events))):
                events.popleft()
