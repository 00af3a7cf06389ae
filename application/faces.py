"""The third stage: what people and other systems meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from analysis.shift_price import ShiftPrices
from application.backups import Backups
from application.house import House
from application.meaning import Meaning
from application.measuring import Measuring
from application.modbus import build_modbus
from application.money import MoneyParts, build_money
from application.opcua_server import build_opcua_server
from application.refused import StorageFacts
from application.reports import ReportFigures, ReportParts, build_reports
from data_collection.collector import Collector
from data_transfer.modbus.server import ModbusServer
from data_transfer.opcua_server.server import OpcUaServer
from database.session_spool import EndedSessionsFile
from domain.health import Books
from runtime.process_use import cpu_seconds, memory_bytes
from web_interface.auth.accounts import Accounts
from web_interface.live import LiveView
from web_interface.power_explained import POWER, PowerExplained
from web_interface.status import Sources, Status
from web_interface.vitals import VitalSigns, VitalSources


@dataclass(frozen=True, slots=True)
class Faces:
    """What people and other systems meet."""

    live: LiveView
    accounts: Accounts
    status: Status
    facts: StorageFacts
    vitals: VitalSigns
    reports: ReportParts
    money: MoneyParts
    backups: Backups
    modbus: ModbusServer | None
    opcua: OpcUaServer | None


def build_faces(house: House, measuring: Measuring, meaning: Meaning) -> Faces:
    """Builds them and starts none."""
    current, database, clock = house.current, house.database, house.clock
    plant, tags = current.the_plant, current.the_tags
    live, facts = _live_view(house, measuring, meaning), _storage_facts(house)
    ended = EndedSessionsFile(house.settings.data_dir / "sessions.ended")
    accounts = Accounts(database.access, database.audit, clock, kept=database.sessions, ended=ended)
    money = build_money(
        plant, tags, measuring.recent, meaning.energy, meaning.analysis, meaning.alerts, meaning.figures.explainer, database,
        clock, machine_kw=lambda machine_id: live.machine(machine_id).power_kw, site_kw=lambda: live.shop().power_kw,
        prices=meaning.prices,
    )
    reports = build_reports(house.settings, house.report_worker, ReportFigures(
        plant, tags, database.samples, meaning.energy, meaning.cubes, money.service, meaning.doctor, meaning.loops,
        meaning.alerts,
    ), database, clock)
    return Faces(
        live, accounts, _status(house, measuring, live, reports, facts), facts, _vitals(house, measuring.collector), reports,
        money,
        Backups(database, clock, house.settings.data_dir / "backups"),
        build_modbus(house.settings, database, plant, live, clock),
        build_opcua_server(house.settings, database, plant, live, accounts, clock),
    )


def _live_view(house: House, measuring: Measuring, meaning: Meaning) -> LiveView:
    online = partial(_devices_online, measuring.collector)
    shift_prices = ShiftPrices(house.current.the_plant, meaning.energy, meaning.prices)
    live = LiveView(
        house.clock, measuring.recent, meaning.energy, meaning.figures.efficiency, meaning.analysis, online, shift_prices.of
    )
    meaning.figures.explainer.register(POWER, PowerExplained(live))
    return live


def _storage_facts(house: House) -> StorageFacts:
    database, board = house.database, house.board
    elsewhere = (lambda: None) if board is None else (lambda: board.ingested.committed_us)
    return StorageFacts(
        database.writer.storage_status, database.quarantine, database.size_bytes, house.clock, house.feeds.tag_name, elsewhere
    )


def _status(house: House, measuring: Measuring, live: LiveView, reports: ReportParts, facts: StorageFacts) -> Status:
    collector, board = measuring.collector, house.board
    return Status(house.clock, Sources(
        lines=collector.lines, devices=collector.devices,
        tasks=lambda: [*house.supervisor.statuses(), *reports.scheduler.statuses()],
        storage=facts.status, books=partial(_books, house), feeds=house.feeds.feeds,
        loop_lag_ms=house.lag.p99_ms,
        samples_taken=lambda: live.samples_taken,
        plugins=measuring.plugins.statuses if board is None else board.plugins,
        roles=tuple if board is None else board.roles,
    ))


def _vitals(house: House, collector: Collector) -> VitalSigns:
    writer = house.database.writer
    return VitalSigns(house.clock, VitalSources(
        cpu_seconds, memory_bytes, house.lag.p99_ms, collector.lateness_meter(), collector.skipped,
        lambda: writer.books().kept, writer.storage_status, collector.devices,
    ))


def _books(house: House) -> Books:
    """The writer's with those of the feeds, and of the other roles where there are."""
    elsewhere = () if house.board is None else house.board.destinations()
    house.database.writer.set_destinations([*(feed.as_destination() for feed in house.feeds.feeds()), *elsewhere])
    return house.database.writer.books()


def _devices_online(collector: Collector) -> tuple[int, int]:
    devices = [device for device in collector.devices() if device.state != "disabled"]
    return sum(1 for device in devices if device.state == "online"), len(devices)
