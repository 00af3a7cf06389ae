"""The long-lived tasks of the product."""

from __future__ import annotations

from collections import deque
from functools import partial

from analysis.alerts import AlertEngine
from analysis.baseline_models import BaselineModels
from application.consistency_watch import watch_consistency
from application.faces import Faces
from application.feed_watch import watch_feeds
from application.house import House, Job
from application.meaning import Meaning
from application.measuring import Measuring
from application.modbus import audit_refusals
from application.opcua_server import watch_certificate
from application.start_order import after_rollups
from application.storage_watch import watch_storage
from data_transfer.modbus.server import ModbusServer
from data_transfer.opcua_server.server import OpcUaServer
from database import Database
from domain.ports import Clock
from domain.sample import TagEvent
from domain.stores import AuditStore


def all_jobs(house: House, measuring: Measuring, meaning: Meaning, faces: Faces) -> dict[str, Job]:
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
        "alignments": meaning.alignments.run,
        "baseline-models": later(models.run),
        "reports": faces.reports.scheduler.run,
        "backups": faces.backups.run,
        "notifications": meaning.notifier.run,
        "notifications-tidy": meaning.notifier.prune_forever,
        "detectors": later(meaning.found.watch.run),
        "live": faces.live.run,
        "status": faces.status.run,
        "storage-facts": faces.facts.run,
        "vitals": faces.vitals.run,
        "loop-lag": house.lag.run,
        "plant-watch": measuring.plant.watch,
        "accounts": faces.accounts.watch,
        **({"plugins": measuring.plugins.run} if house.board is None else {}),  # else they run where the lines are
        "inspection": measuring.inspecting,
        **_modbus_jobs(faces.modbus, house.database.audit, clock),
        **_opcua_jobs(faces.opcua, meaning.alerts, clock),
        "collector": measuring.collector.run,
    }


def _modbus_jobs(server: ModbusServer | None, audit: AuditStore, clock: Clock) -> dict[str, Job]:
    if server is None:
        return {}
    return {"feed:modbus_server": server.run, "modbus-refusals": partial(audit_refusals, server, audit, clock)}


def _opcua_jobs(server: OpcUaServer | None, alerts: AlertEngine, clock: Clock) -> dict[str, Job]:
    if server is None:
        return {}
    return {"feed:opcua_server": server.run, "opcua-certificate": partial(watch_certificate, server, alerts, clock)}


async def _keep_events(database: Database, events: deque[TagEvent], clock: Clock) -> None:
    """Store the tags' events every few seconds; while the database is away the newest 10 000 wait in memory."""
    while True:
        await clock.sleep(2.0)
        waiting = list(events)
        if waiting:
            await database.events.save_events(waiting)
            for _ in range(min(len(waiting), len(events))):
                events.popleft()
