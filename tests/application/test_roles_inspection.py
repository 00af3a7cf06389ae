"""A part judged at the collector over a real socket: its verdict is on the line although neither Kafka nor database is there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analysis.inspection.models import train
from application.roles.collect import Collect
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import Kafka, Settings
from data_transfer.host import FeedHost
from data_transfer.kafka.decode import event_of, item_of
from database.edge_plant import EdgePicture, open_edge_plant
from domain.feed import FeedEvent
from domain.inspection import InspectedItem, Outcome, QualityModel
from domain.plant import Tag, tags_of
from domain.sample import Batch, TagId
from runtime.clock import SystemClock
from simulator.devices import SimulatedDevice
from simulator.models import models_of
from simulator.tcp_frames import FrameServer
from tests.application.test_inspection_chain import PLANT
from tests.conftest import eventually

NOWHERE = "postgresql+asyncpg://u:p@127.0.0.1:1/energy"


async def test_a_collector_judges_parts_itself_and_numbers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, events = SystemClock(), list[FeedEvent]()
    monkeypatch.setattr(FeedHost, "event", lambda _host, event: events.append(event))
    device, server = await station(clock)
    parsed = parse_plant(PLANT.replace("@qc@", str(server.port)), catalog=ProfileCatalog.shipped(), environ={})
    tags = [numbered(tag, n) for n, tag in enumerate(tags_of(parsed.plant.devices[0]), 1)]
    features = [{"spindle_load.max": 40.0 + n % 5} for n in range(40)]
    model = QualityModel("cell", 3, "limits", train("limits", features), 40, 0, "egor", active=True)
    settings = Settings(data_dir=tmp_path, kafka=Kafka(bootstrap="127.0.0.1:1"))

    def items() -> list[InspectedItem]:
        return [item_of(event_of(json.dumps(_document(event)).encode())) for event in events]

    async def part(collect: Collect, load: float) -> InspectedItem:
        made, seen = len(events), asyncio.Event()
        tag = next(tag.id for tag in tags if tag.point == "spindle_load")

        def heard(batch: Batch) -> None:
            if load in [value for tag_id, value in zip(batch.tag_ids, batch.values, strict=True) if tag_id == tag]:
                seen.set()

        collect._bus.subscribe(f"test {load}", heard)
        device.put({"spindle_load": load})
        await asyncio.wait_for(seen.wait(), 30)
        server.trigger()
        await eventually(lambda: len(events) > made, 30)
        return items()[-1]

    try:
        async with open_edge_plant(NOWHERE, tmp_path) as edge:
            picture = EdgePicture("00" * 16, 1, parsed.document, tags, {}, (model,), {"cell": 41})
            for first in (42, 44):  # the second start finds the number on its own disk
                collect = Collect("c1", settings, edge, picture, clock)
                running = asyncio.create_task(collect.collector.run())
                good, bad = await part(collect, 42.0), await part(collect, 95.0)
                assert (good.number, good.verdict.outcome, good.verdict.model, good.written_back) == (
                    first, Outcome.GOOD, "limits 3", True,
                )  # fmt: skip
                assert (bad.number, bad.verdict.outcome, bad.written_back) == (first + 1, Outcome.REJECT, True)
                assert (bad.verdict.reasons[0].code, bad.verdict.reasons[0].value) == ("above", 95.0)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            await eventually(lambda: len(server.received) >= 4, 30)
            assert [int.from_bytes(frame[2:4], "big") for _s, frame in server.received] == [42, 43, 44, 45]
    finally:
        await server.stop()


async def station(clock: SystemClock) -> tuple[SimulatedDevice, FrameServer]:
    """A controller that holds still; `trigger` ends a part."""
    plant = parse_plant(PLANT.replace("@qc@", "1"), catalog=ProfileCatalog.shipped(), environ={}).plant
    device = SimulatedDevice(plant.devices[0], models_of(plant).source(plant.devices[0]), clock, ZoneInfo("UTC"))
    device.put({p.tag: "VAL.NC" if p.tag == "program" else 1.0 for p in device.device.profile.points})
    device.hold()
    server = FrameServer(plant.lines[0], [device], interval_s=0.01, part_frames=None)
    await server.start("127.0.0.1", 0)
    return device, server


def _document(event: FeedEvent) -> dict[str, object]:
    """As it lies in Kafka."""
    return {
        "kind": event.kind, "subject": event.subject, "device": event.device_id, "time_us": event.time_us, "id": event.identity,
        "detail": dict(event.body),
    }  # fmt: skip


def numbered(tag: Tag, number: int) -> Tag:
    return replace(tag, id=TagId(number))
