"""Who hears of what: listeners of the plant, sinks of the bus."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from application.faces import Faces
from application.house import House
from application.meaning import Meaning
from application.measuring import Measuring
from application.virtual_wiring import AllCounts
from domain.ports import Sink
from domain.sample import Batch
from runtime.bus import InProcessBus


def wire(house: House, measuring: Measuring, meaning: Meaning, faces: Faces) -> None:
    """Who hears of what; in the order of the data's way."""
    analysis, writer, inspect = meaning.analysis, house.database.writer, measuring.inspection.inspector.on_batch
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
        "writer": writer.put if house.board is None else partial(_only_computed, house, writer.put),
        "recent": measuring.recent.on_batch,
        "inspection": inspect if house.board is None else partial(_only_computed, house, inspect),
        "analysis": analysis.on_batch,
        "consistency": measuring.monitor.on_batch, "live": faces.live.on_batch, "virtual": meaning.virtual.engine.on_batch,
        "detectors": meaning.found.watch.on_batch,
    })


def wire_alignments(house: House, meaning: Meaning) -> None:
    """Frames, and results of loops, go to the feeds."""
    house.current.listeners.append(meaning.alignments.apply)
    house.bus.subscribe("alignments", meaning.alignments.on_batch)
    meaning.alignments.on_frame(house.feeds.on_frame)
    meaning.loops.on_episode(house.feeds.on_episode)


def wire_servers(house: House, faces: Faces) -> None:
    """Servers hear of the plant and its samples, when they are on."""
    if faces.opcua is not None:
        house.current.listeners.append(faces.opcua.apply)
        house.bus.subscribe("opcua-server", faces.opcua.on_batch)
    if faces.modbus is not None:
        house.current.listeners.append(faces.modbus.apply)
        house.bus.subscribe("modbus-server", faces.modbus.on_batch)


def _subscribe(bus: InProcessBus, sinks: Mapping[str, Sink]) -> None:
    """In the order given: keeping comes first."""
    for name, sink in sinks.items():
        bus.subscribe(name, sink)


def _only_computed(house: House, sink: Sink, batch: Batch) -> None:
    """Beside collectors and ingesters only what was computed here, virtual tags, is ours to keep and to judge."""
    if batch.device_id in house.current.computed:
        sink(batch)
