"""The first stage: from the wire to samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from analysis.inspection.service import Inspection
from analysis.recent import RecentHistory
from application.cameras import Cameras
from application.house import House, Job
from application.inspection import build_inspection
from application.roles.remote import RemoteCollector
from config.asked_plant import Photographer
from config.plant_admin import PlantAdmin
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.driver import Connect
from data_collection.mqtt.plugin_host import PluginHost
from data_collection.read_now import read_now
from data_collection.registry import connects
from data_collection.scan import scan
from data_collection.workspace import Workspace
from data_processing.consistency import ConsistencyMonitor
from data_processing.processor import Processing
from domain.camera import Camera, Shot
from domain.inspection import VerdictDesk
from domain.plant import Line
from domain.sample import Reading, TagEvent

WAITING_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Measuring:
    """From the wire to samples."""

    processing: Processing
    collector: Collector
    plant: PlantAdmin
    recent: RecentHistory
    monitor: ConsistencyMonitor
    events: deque[TagEvent]
    plugins: PluginHost
    inspection: Inspection
    inspecting: Job


def build_measuring(house: House, environ: Mapping[str, str], connect: Mapping[str, Connect] | None) -> Measuring:
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
    collector = Collector(clock, on_reading, connect) if house.board is None else RemoteCollector(clock, house.board)
    cameras = Cameras(clock, frozenset({house.settings.web.port}))
    current.listeners.append(lambda p, _t: cameras.apply(p))
    plant = PlantAdmin(
        database.plants, database.audit, ProfileCatalog.load(house.settings.profile_dir), clock, environ, apply=current.apply,
        reader=partial(read_now, collector, clock), scanner=partial(scan, collector), browser=collector.browse,
        surveyor=collector.survey, photographer=_photographer(cameras, collector),
    )
    monitor = ConsistencyMonitor(current.plant, current.tags)
    recent = RecentHistory(database.samples, database.samples.begins, clock)
    statuses = cameras.statuses if house.board is None else house.board.cameras
    inspection, inspecting = build_inspection(database, clock, desk, house.offload, cameras, statuses)
    return Measuring(processing, collector, plant, recent, monitor, events, plugins, inspection, inspecting)


def _photographer(cameras: Cameras, collector: Collector) -> Photographer:
    """Here, or at the collector that has the camera's line."""
    if isinstance(collector, RemoteCollector):
        return collector.photograph

    async def here(camera: Camera, _line: Line) -> Shot:
        return await cameras.tried(camera)

    return here
