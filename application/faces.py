"""The third stage: what people and other systems meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from analysis.floor_plan import FloorPlans
from analysis.machine_notes import MachineNotes
from analysis.shift_price import ShiftPrices
from application.alerts import build_rehearsals
from application.backups import Backups
from application.certificates import Certificates
from application.device_tables import DeviceTables
from application.feed_settings import FeedSettings
from application.frames import FrameTester
from application.house import House
from application.line_watch import LineWatch
from application.log_view import LogView
from application.meaning import Meaning
from application.measuring import Measuring
from application.modbus import NoModbusServer, build_modbus
from application.money import MoneyParts, build_money
from application.opcua_server import NoOpcUaServer, build_opcua_server
from application.plugins import Plugins, Try
from application.reports import ReportFigures, ReportParts, build_reports
from application.roles.remote import RemoteCollector
from application.virtual_tags import VirtualTags
from config.plant_history import PlantHistory
from config.profile_admin import ProfileAdmin
from data_collection.collector import Collector
from data_transfer.modbus.server import ModbusServer
from data_transfer.opcua_server.server import OpcUaServer
from database.session_spool import EndedSessionsFile
from domain.health import Books
from domain.plugin import PluginTrial
from reports.series_sheet import series_xlsx
from runtime.process_use import cpu_seconds, memory_bytes
from runtime.recent_log import recent_lines
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


@dataclass(frozen=True, slots=True)
class Faces:
    """What people and other systems meet."""

    live: LiveView
    accounts: Accounts
    status: Status
    vitals: VitalSigns
    reports: ReportParts
    money: MoneyParts
    backups: Backups
    modbus: ModbusServer | None
    opcua: OpcUaServer | None
    services: Services


def build_faces(house: House, measuring: Measuring, meaning: Meaning) -> Faces:
    current, database, clock = house.current, house.database, house.clock
    plant, tags, collector, figures = current.the_plant, current.the_tags, measuring.collector, meaning.figures
    online = partial(_devices_online, collector)
    shift_prices = ShiftPrices(plant, meaning.energy, meaning.prices)
    live = LiveView(clock, measuring.recent, meaning.energy, figures.efficiency, meaning.analysis, online, shift_prices.of)
    figures.explainer.register(POWER, PowerExplained(live))
    ended = EndedSessionsFile(house.settings.data_dir / "sessions.ended")
    accounts = Accounts(database.access, database.audit, clock, kept=database.sessions, ended=ended)
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
            samples_taken=lambda: live.samples_taken,
            plugins=measuring.plugins.statuses if house.board is None else house.board.plugins,
            roles=tuple if house.board is None else house.board.roles,
        ),
    )
    vitals = VitalSigns(clock, VitalSources(
        cpu_seconds, memory_bytes, house.lag.p99_ms, collector.lateness_meter(), collector.skipped,
        lambda: database.writer.books().kept, database.writer.storage_status, collector.devices,
    ))
    backups = Backups(database, clock, house.settings.data_dir / "backups")
    modbus = build_modbus(house.settings, database, plant, live, clock)
    opcua = build_opcua_server(house.settings, database, plant, live, accounts, clock)
    services = Services(
        live=live, history=TagHistory(database.samples, live.tag, database.samples.kept_since),
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
        balance=meaning.doctor, loops=meaning.loops, alignments=meaning.alignments,
        notifications=meaning.notifications, money=money.service,
        findings=meaning.found.service,
        floor=FloorPlans(plant, database.floor, database.audit, clock),
        notes=MachineNotes(plant, database.notes, database.audit, clock), backups=backups,
        inspection=measuring.inspection, frames=FrameTester(plant),
        certificates=Certificates(house.settings.data_dir / "opcua", database.audit, clock, collector.retry),
        log=LogView(recent_lines().lines), feeds=house.feeds, feed_settings=FeedSettings(house.settings),
        plugins=Plugins(_plugin_trial(measuring), database.audit, clock),
        modbus=modbus or NoModbusServer(), opcua_server=opcua or NoOpcUaServer(),
    )
    return Faces(live, accounts, status, vitals, reports, money, backups, modbus, opcua, services)


def _plugin_trial(measuring: Measuring) -> Try:
    """Here, or at the collector where the plug-in runs."""
    collector, plugins = measuring.collector, measuring.plugins
    if isinstance(collector, RemoteCollector):
        return collector.try_plugin

    async def here(_collector: str, name: str, message: Mapping[str, object] | None) -> PluginTrial:
        return await plugins.trial(name, message)

    return here


def _books(house: House) -> Books:
    """The writer's with those of the feeds, and of the other roles where there are."""
    elsewhere = () if house.board is None else house.board.destinations()
    house.database.writer.set_destinations([*(feed.as_destination() for feed in house.feeds.feeds()), *elsewhere])
    return house.database.writer.books()


def _devices_online(collector: Collector) -> tuple[int, int]:
    devices = [device for device in collector.devices() if device.state != "disabled"]
    return sum(1 for device in devices if device.state == "online"), len(devices)
