"""What pages and the API may ask: each name of `Services` filled with the part that answers it."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.floor_plan import FloorPlans
from analysis.machine_notes import MachineNotes
from application.alerts import build_rehearsals
from application.certificates import Certificates
from application.device_tables import DeviceTables
from application.faces import Faces
from application.feed_settings import FeedSettings
from application.frames import FrameTester
from application.house import House
from application.line_watch import LineWatch
from application.log_view import LogView
from application.meaning import Meaning
from application.measuring import Measuring
from application.modbus import NoModbusServer
from application.opcua_server import NoOpcUaServer
from application.plugins import Plugins, Try
from application.refused import RefusedEntries
from application.roles.remote import RemoteCollector
from application.virtual_tags import VirtualTags
from config.plant_history import PlantHistory
from config.profile_admin import ProfileAdmin
from domain.plugin import PluginTrial
from reports.series_sheet import series_xlsx
from runtime.recent_log import recent_lines
from web_interface.history import TagHistory
from web_interface.report_service import ReportFace
from web_interface.services import Services
from web_interface.trends.reader import TrendReader
from web_interface.trends.tiers import Kept
from web_interface.trends.views import TrendViews


def build_services(house: House, measuring: Measuring, meaning: Meaning, faces: Faces) -> Services:
    database, clock, plant, tags = house.database, house.clock, house.current.the_plant, house.current.the_tags
    samples, audit, figures, admin = database.samples, database.audit, meaning.figures, measuring.plant
    return Services(
        live=faces.live, history=TagHistory(samples, faces.live.tag, samples.kept_since),
        trends=TrendReader(samples, tags, database.plants.tags, clock, series_xlsx, Kept(database.retention.policy.steps())),
        trend_views=TrendViews(database.trend_views, audit, clock), energy=meaning.energy, alerts=meaning.alerts,
        plant=admin, plant_history=PlantHistory(admin, database.plants),
        profiles=ProfileAdmin(admin, house.settings.profile_dir), device_tables=DeviceTables(admin),
        line_watch=LineWatch(measuring.collector), access=faces.accounts, status=faces.status, vitals=faces.vitals,
        reports=ReportFace(faces.reports.reports, faces.reports.jobs, faces.reports.scheduler),
        rehearsals=build_rehearsals(plant, tags, meaning.analysis, database, clock),
        explain=figures.explainer, states=meaning.states.service, production=figures.production, efficiency=figures.efficiency,
        per_part=figures.per_part, cube=meaning.cubes.cube, plan_facts=meaning.cubes.plans,
        virtual_tags=VirtualTags(admin, meaning.virtual, tags, clock), baselines=meaning.baselines,
        balance=meaning.doctor, loops=meaning.loops, alignments=meaning.alignments,
        notifications=meaning.notifications, money=faces.money.service, findings=meaning.found.service,
        floor=FloorPlans(plant, database.floor, audit, clock), notes=MachineNotes(plant, database.notes, audit, clock),
        backups=faces.backups, inspection=measuring.inspection, frames=FrameTester(plant),
        certificates=Certificates(house.settings.data_dir / "opcua", audit, clock, measuring.collector.retry),
        log=LogView(recent_lines().lines), feeds=house.feeds, feed_settings=FeedSettings(house.settings),
        plugins=Plugins(_plugin_trial(measuring), audit, clock),
        refused=RefusedEntries(database.quarantine, audit, clock, house.feeds.tag_name, faces.facts.take),
        modbus=faces.modbus or NoModbusServer(), opcua_server=faces.opcua or NoOpcUaServer(),
    )


def _plugin_trial(measuring: Measuring) -> Try:
    """Here, or at the collector where the plug-in runs."""
    collector, plugins = measuring.collector, measuring.plugins
    if isinstance(collector, RemoteCollector):
        return collector.try_plugin

    async def here(_collector: str, name: str, message: Mapping[str, object] | None) -> PluginTrial:
        return await plugins.trial(name, message)

    return here
