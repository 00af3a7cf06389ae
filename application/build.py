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
from analysis.balance_doctor import BalanceDoctor
from analysis.baseline_models import BaselineModels
from analysis.baselines import Baselines
from analysis.cube_explained import CUBE, CubeExplained
from analysis.engine import AnalysisEngine
from analysis.floor_plan import FloorPlans
from analysis.hygiene_explained import FIGURES as HYGIENE_FIGURES
from analysis.hygiene_explained import HygieneExplained
from analysis.inspection.service import Inspection
from analysis.loops.service import ControlLoops
from analysis.machine_notes import MachineNotes
from analysis.plan_explained import PLAN, PlanExplained
from analysis.prices import Prices
from analysis.recent import RecentHistory
from analysis.shift_keeper import ShiftKeeper
from analysis.shift_price import ShiftPrices
from analysis.virtual.explained import VIRTUAL, VirtualExplained
from application.alerts import build_alerts, build_rehearsals
from application.backups import Backups
from application.baselines import build_baselines
from application.certificates import Certificates
from application.consistency_watch import watch_consistency
from application.cube import CubeParts, build_cube
from application.device_tables import DeviceTables
from application.feed_settings import FeedSettings
from application.feed_watch import watch_feeds
from application.feeds import Feeds
from application.figures import Figures, build_figures
from application.findings import FindingParts, build_findings
from application.frames import FrameTester
from application.inspection import build_inspection
from application.line_watch import LineWatch
from application.log_view import LogView
from application.money import MoneyParts, build_money
from application.notifications import build_notifications
from application.reports import ReportFigures, ReportParts, build_reports
from application.start_order import after_rollups
from application.states import States, build_states
from application.storage_watch import watch_storage
from application.virtual_tags import VirtualTags
from application.virtual_wiring import AllCounts, VirtualWiring
from config.plant_admin import PlantAdmin
from config.plant_history import PlantHistory
from config.profile_admin import ProfileAdmin
from config.profile_catalog import ProfileCatalog
from config.settings import Settings
from data_collection.collector import Collector
from data_collection.driver import Connect
from data_collection.mqtt.plugin_host import PluginHost
from data_collection.read_now import read_now
from data_collection.registry import connects
from data_collection.scan import scan
from data_collection.workspace import Workspace
from data_processing.consistency import ConsistencyMonitor
from data_processing.processor import Processing
from database import Database, open_database
from domain.health import Books
from domain.inspection import VerdictDesk
from domain.plant import Plant, Site, Tag
from domain.ports import Clock, Sink
from domain.sample import Reading, TagEvent
from notifications.engine import NotificationEngine
from notifications.service import Notifications
from reports.series_sheet import series_xlsx
from reports.service import Reports
from runtime.bus import InProcessBus
from runtime.loop_lag import LoopLag
from runtime.offload import Offload
from runtime.process_use import cpu_seconds, memory_bytes
from runtime.recent_log import recent_lines
from runtime.supervisor import Supervisor
from web_interface.app import WebOptions, build_web
from web_interface.auth.accounts import Accounts
from web_interface.history import TagHistory
from web_interface.live import LiveView
from web_interface.power_explained import POWER, PowerExplained
from web_interface.report_service import ReportFace
from web_interface.services import Services
from web_interface.status import Sources, Status
from web_interface.trends.reader import TrendReader
from web_interface.trends.tiers import Kept
from web_interface.trends.views import TrendViews
from web_interface.vitals import VitalSigns, VitalSources

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
    report_worker: Offload
    feeds: Feeds
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

    def the_plant(self) -> Plant:
        """As it is now."""
        return self.plant

    def the_tags(self) -> Sequence[Tag]:
        """As they are now."""
        return self.tags

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
            await database.writer.close()  # its last samples go to the feeds too
            await application.feeds.close()
            application.offload.close()
            application.report_worker.close()


@dataclass(frozen=True, slots=True)
class _House:
    """What every stage builds on."""

    settings: Settings
    clock: Clock
    database: Database
    current: _Current
    bus: InProcessBus
    supervisor: Supervisor
    lag: LoopLag
    offload: Offload
    report_worker: Offload  # of its own: who cancels a report ends its worker
    feeds: Feeds


@dataclass(frozen=True, slots=True)
class _Measuring:
    """From the wire to samples."""

    processing: Processing
    collector: Collector
    plant: PlantAdmin
    recent: RecentHistory
    monitor: ConsistencyMonitor
    events: deque[TagEvent]
    plugins: PluginHost
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class _Meaning:
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
    prices: Prices
    found: FindingParts
    notifier: NotificationEngine
    notifications: Notifications


@dataclass(frozen=True, slots=True)
class _Faces:
    """What people and other systems meet."""

    live: LiveView
    accounts: Accounts
    status: Status
    vitals: VitalSigns
    reports: ReportParts
    money: MoneyParts
    backups: Backups
    services: Services


async def _connect(
    settings: Settings, clock: Clock, environ: Mapping[str, str], database: Database, connect: Mapping[str, Connect] | None
) -> Application:
    house = _House(
        settings, clock, database, _Current(), InProcessBus(), Supervisor(clock), LoopLag(), Offload(), Offload(),
        Feeds(settings, database, clock),
    )
    measuring = _measuring(house, environ, connect)
    meaning = _meaning(house, measuring)
    faces = _faces(house, measuring, meaning)
    _wire(house, measuring, meaning, faces)
    application = Application(
        settings, clock, database, house.bus, measuring.collector, measuring.processing, measuring.plant, meaning.energy,
        meaning.analysis, meaning.alerts, faces.live, faces.status, faces.reports.reports, faces.accounts, faces.services,
        build_web(faces.services, options=_web_options(settings, clock)), house.supervisor, house.offload, house.report_worker,
        house.feeds,
    )
    application.jobs = _jobs(house, measuring, meaning, faces)
    return application


def _measuring(house: _House, environ: Mapping[str, str], connect: Mapping[str, Connect] | None) -> _Measuring:
    current, database, clock = house.current, house.database, house.clock
    events: deque[TagEvent] = deque(maxlen=WAITING_EVENTS)

    def on_event(event: TagEvent) -> None:
        events.append(event)
        house.feeds.on_tag_event(event)

    processing = Processing(current.plant, current.tags, on_event)

    def on_reading(reading: Reading) -> None:
        batch = processing.process(reading)
        if batch is not None:
            house.bus.publish(batch)

    plugins = PluginHost(house.settings.data_dir / "plugins", clock)
    desk = VerdictDesk()
    if connect is None:
        connect = connects(Workspace(house.settings.data_dir, clock, plugins, desk))
    collector = Collector(clock, on_reading, connect)
    plant = PlantAdmin(
        database.plants, database.audit, ProfileCatalog.load(house.settings.profile_dir), clock, environ, apply=current.apply,
        reader=partial(read_now, collector, clock), scanner=partial(scan, collector), browser=collector.browse,
    )
    monitor = ConsistencyMonitor(current.plant, current.tags)
    recent = RecentHistory(database.samples, database.samples.begin, clock)
    inspection = build_inspection(database, clock, desk, house.offload)
    return _Measuring(processing, collector, plant, recent, monitor, events, plugins, inspection)


def _meaning(house: _House, measuring: _Measuring) -> _Meaning:
    current, database, clock, recent = house.current, house.database, house.clock, measuring.recent
    plant, tags = current.the_plant, current.the_tags
    energy = EnergyAccounting(plant, tags, recent, database.states, clock, recent.begins_after, database.retention.policy.steps())
    alerts = build_alerts(house.settings, database, clock)
    analysis = AnalysisEngine(
        current.plant, current.tags, alerts=alerts, states=database.states, clock=clock, history=database.samples,
        texts=database.events,
    )
    shifts = ShiftKeeper(
        energy, database.energy, clock, lambda: database.writer.storage_status().backlog_oldest_us,
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
    return _Meaning(
        energy, alerts, analysis, shifts, states, virtual, figures, cubes, baselines, doctor, loops, prices, found, notifier,
        notifications,
    )


def _faces(house: _House, measuring: _Measuring, meaning: _Meaning) -> _Faces:
    current, database, clock = house.current, house.database, house.clock
    plant, tags, collector, figures = current.the_plant, current.the_tags, measuring.collector, meaning.figures
    online = partial(_devices_online, collector)
    shift_prices = ShiftPrices(plant, meaning.energy, meaning.prices)
    live = LiveView(clock, measuring.recent, meaning.energy, figures.efficiency, meaning.analysis, online, shift_prices.of)
    figures.explainer.register(POWER, PowerExplained(live))
    accounts = Accounts(database.access, database.audit, clock)
    money = build_money(
        plant, tags, measuring.recent, meaning.energy, meaning.analysis, meaning.alerts, figures.explainer, database, clock,
        machine_kw=lambda machine_id: live.machine(machine_id).power_kw, site_kw=lambda: live.shop().power_kw,
        prices=meaning.prices,
    )
    reports = build_reports(house.settings, house.report_worker, ReportFigures(
        plant, tags, database.samples, meaning.energy, meaning.cubes, money.service, meaning.doctor, meaning.loops,
        meaning.alerts,
    ), database, clock)
    status = Status(
        clock,
        Sources(
            lines=collector.lines, devices=collector.devices,
            tasks=lambda: [*house.supervisor.statuses(), *reports.scheduler.statuses()],
            storage=database.writer.storage_status, books=partial(_books, house), feeds=house.feeds.feeds,
            loop_lag_ms=house.lag.p99_ms,
            samples_taken=lambda: live.samples_taken, plugins=measuring.plugins.statuses,
        ),
    )
    vitals = VitalSigns(clock, VitalSources(
        cpu_seconds, memory_bytes, house.lag.p99_ms, collector.lateness_meter(), collector.skipped,
        lambda: database.writer.books().kept, database.writer.storage_status, collector.devices,
    ))
    backups = Backups(database, clock, house.settings.data_dir / "backups")
    services = Services(
        live=live, history=TagHistory(database.samples, live.tag),
        trends=TrendReader(
            database.samples, tags, database.plants.tags, clock, series_xlsx, Kept(database.retention.policy.steps())
        ),
        trend_views=TrendViews(database.trend_views, database.audit, clock), energy=meaning.energy, alerts=meaning.alerts,
        plant=measuring.plant, plant_history=PlantHistory(measuring.plant, database.plants),
        profiles=ProfileAdmin(measuring.plant, house.settings.profile_dir), device_tables=DeviceTables(measuring.plant),
        line_watch=LineWatch(collector), access=accounts, status=status, vitals=vitals,
        reports=ReportFace(reports.reports, reports.jobs, reports.scheduler),
        rehearsals=build_rehearsals(plant, tags, meaning.analysis, database, clock),
        explain=figures.explainer, states=meaning.states.service, production=figures.production, efficiency=figures.efficiency,
        per_part=figures.per_part, cube=meaning.cubes.cube, plan_facts=meaning.cubes.plans,
        virtual_tags=VirtualTags(measuring.plant, meaning.virtual, tags, clock), baselines=meaning.baselines,
        balance=meaning.doctor, loops=meaning.loops, notifications=meaning.notifications, money=money.service,
        findings=meaning.found.service,
        floor=FloorPlans(plant, database.floor, database.audit, clock),
        notes=MachineNotes(plant, database.notes, database.audit, clock), backups=backups,
        inspection=measuring.inspection, frames=FrameTester(plant),
        certificates=Certificates(house.settings.data_dir / "opcua", database.audit, clock, collector.retry),
        log=LogView(recent_lines().lines), feeds=house.feeds, feed_settings=FeedSettings(house.settings),
    )
    return _Faces(live, accounts, status, vitals, reports, money, backups, services)


def _wire(house: _House, measuring: _Measuring, meaning: _Meaning, faces: _Faces) -> None:
    """Who hears of what; in the order of the data's way."""
    analysis, writer = meaning.analysis, house.database.writer
    analysis.on_state(faces.live.on_state)
    meaning.alerts.on_alert(faces.live.on_alert)
    analysis.on_state(house.feeds.on_state)
    meaning.alerts.on_alert(house.feeds.on_alert)
    house.current.listeners += [
        house.feeds.apply,
        measuring.processing.apply, measuring.recent.apply, meaning.alerts.apply, meaning.states.recompute.apply, analysis.apply,
        measuring.monitor.apply, measuring.inspection.inspector.apply,
        faces.live.apply, meaning.virtual.apply, meaning.found.watch.apply,
        lambda p, _t: measuring.collector.apply(p),
    ]
    writer.attach_counts(AllCounts(measuring.processing, meaning.virtual))
    _subscribe(house.bus, {
        "writer": writer.put, "recent": measuring.recent.on_batch, "inspection": measuring.inspection.inspector.on_batch,
        "analysis": analysis.on_batch,
        "consistency": measuring.monitor.on_batch, "live": faces.live.on_batch, "virtual": meaning.virtual.engine.on_batch,
        "detectors": meaning.found.watch.on_batch,
    })


def _jobs(house: _House, measuring: _Measuring, meaning: _Meaning, faces: _Faces) -> dict[str, Job]:
    """Long-lived tasks by name; they end in reverse order, so the writer is the last."""
    database, clock = house.database, house.clock
    models = BaselineModels(meaning.baselines, meaning.analysis.rules.register_model, clock)
    later = partial(after_rollups, database.rollups, clock)
    return {
        "writer": house.feeds.run_writer,
        **house.feeds.host.jobs(),
        "rollups": database.rollups.run,
        "retention": database.retention.run,
        "events": partial(_keep_events, database, measuring.events, clock),
        "consistency": partial(watch_consistency, measuring.monitor, meaning.alerts, clock),
        "storage-watch": partial(watch_storage, database.writer.storage_status, meaning.alerts, clock),
        "feed-watch": partial(watch_feeds, house.feeds.feeds, meaning.alerts, clock),
        "analysis": meaning.analysis.run,
        "virtual": meaning.virtual.run,
        "state-recompute": meaning.states.recompute.run,
        "shift-energy": later(meaning.shifts.run),
        "energy-cube": later(meaning.cubes.keeper.run),
        **{name: later(job) for name, job in faces.money.jobs.items()},
        "balance": later(meaning.doctor.run),
        "loops": meaning.loops.run,
        "baseline-models": later(models.run),
        "reports": faces.reports.scheduler.run,
        "backups": faces.backups.run,
        "notifications": meaning.notifier.run,
        "notifications-tidy": meaning.notifier.prune_forever,
        "detectors": later(meaning.found.watch.run),
        "live": faces.live.run,
        "status": faces.status.run,
        "vitals": faces.vitals.run,
        "loop-lag": house.lag.run,
        "plant-watch": measuring.plant.watch,
        "accounts": faces.accounts.watch,
        "plugins": measuring.plugins.run,
        "inspection": measuring.inspection.run,
        "collector": measuring.collector.run,
    }


def _books(house: _House) -> Books:
    """The writer's with those of the feeds."""
    house.database.writer.set_destinations(feed.as_destination() for feed in house.feeds.feeds())
    return house.database.writer.books()


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
