"""The example of one process over two channels: both are read at once, and their values meet on one time grid."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from analysis.alignment.runner import Alignments
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.registry import connects
from data_collection.workspace import Workspace
from data_processing.processor import Processing
from domain.alignment import Frame
from domain.plant import Tag, tags_of
from domain.sample import Reading, TagId
from runtime.clock import SystemClock
from simulator.serve import simulate
from tests.conftest import ROOT, eventually

EXAMPLE = ROOT / "docs" / "examples" / "process-loops.yaml"


async def test_the_process_over_opc_ua_and_s7_is_the_same_at_each_grid_time(tmp_path: Path) -> None:
    plant = parse_plant(EXAMPLE.read_text(encoding="utf-8"), catalog=ProfileCatalog.shipped(), environ={}).plant
    clock = SystemClock()
    frames: list[Frame] = []
    async with simulate(plant, clock=clock, free_ports=True) as simulation:
        played = simulation.plant
        bare = [tag for device in played.devices for tag in tags_of(device)]
        tags = [Tag(TagId(n), t.name, t.device_id, t.point, t.quantity, t.unit) for n, t in enumerate(bare, 1)]
        alignments = Alignments(clock)
        alignments.on_frame(lambda _alignment, frame: frames.append(frame))
        alignments.apply(played, tags)
        processing = Processing(played, tags, lambda _event: None)

        def on_reading(reading: Reading) -> None:
            batch = processing.process(reading)
            if batch is not None:
                alignments.on_batch(batch)

        collector = Collector(clock, on_reading, connects(Workspace(tmp_path, clock)))
        collector.apply(played)
        tasks = [asyncio.create_task(collector.run()), asyncio.create_task(alignments.run())]
        try:
            await eventually(lambda: sum(frame.complete for frame in frames) >= 2, 60)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    whole = next(frame for frame in frames if frame.complete)
    by_opc_ua, by_s7 = [[value.value for value in whole.values[i : i + 3]] for i in (0, 3)]
    assert by_opc_ua == pytest.approx(by_s7, abs=5.0)  # of one process; read at other moments, each with its own noise
    assert whole.time_us % 1_000_000 == 0
    assert all(error.max_ms is not None and error.max_ms <= error.series.tolerance_ms for error in alignments.statuses()[0].series)
