"""Alignments on the bus: frames with the sample that was missing or at the deadline, over changes of the plant; loops on the grid."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from analysis.alignment.runner import Alignments
from analysis.loops.service import ControlLoops
from data_transfer.destination import Directory
from data_transfer.events import of_episode, of_frame
from data_transfer.influxdb.lines import Encoder
from data_transfer.messages import as_json, messages_of
from domain.alignment import AlignedSeries, Alignment, AlignMode, Frame, FrameValue
from domain.feed import ALIGNED, Parcel
from domain.loop import ControlLoop
from domain.plant import Plant, Site, Tag
from domain.quantity import Quantity
from domain.sample import Batch, TagId
from tests.analysis.fakes import MemoryHistory
from tests.conftest import FakeClock
from tests.database.test_loops import EPISODE
from tests.web_interface.fake_loops import MemoryLoops

T, MS, S = 1_763_548_800_000_000, 1000, 1_000_000
TAGS = tuple(
    Tag(TagId(n + 1), f"d{n}.x", f"d{n}", "x", Quantity.TEMPERATURE, "°C") for n in range(3)
)  # fmt: skip
ALIGNMENT = Alignment("a", "A", 100, 300, (
    AlignedSeries("d0.x", AlignMode.HOLD, 200), AlignedSeries("d1.x", AlignMode.INTERPOLATE, 200),
))  # fmt: skip
PLANT = Plant(Site("S"), alignments=(ALIGNMENT,))


def batch(device: int, ms: int, value: float | None, ids: tuple[TagId, ...]) -> Batch:
    return Batch(f"d{device}", T + ms * MS, ids, [value], [0 if value is not None else 65])


async def test_a_frame_goes_out_with_the_sample_that_was_missing_else_at_its_deadline() -> None:
    clock = FakeClock(T)
    made = Alignments(clock)
    found: list[Frame] = []
    made.on_frame(lambda _alignment, frame: found.append(frame))
    made.apply(PLANT, TAGS)
    ids = [(tag.id,) for tag in TAGS]
    made.on_batch(batch(0, 0, 1.0, ids[0]))
    assert found == []
    made.on_batch(batch(2, 0, 9.0, ids[2]))  # of no alignment
    made.on_batch(batch(1, 0, 0.0, ids[1]))
    assert [(frame.time_us, [value.value for value in frame.values]) for frame in found] == [(T, [1.0, 0.0])]
    task = asyncio.create_task(made.run())
    for _ in range(200):
        await clock.advance(0.005)
        if len(found) > 1:
            break
    assert clock.now_us() >= T + 400 * MS
    assert (found[1].time_us, [value.reason for value in found[1].values]) == (T + 100 * MS, [None, "late"])
    made.apply(replace(PLANT, site=Site("other")), TAGS)
    assert made.statuses()[0].frames == len(found)  # what is defined as before goes on
    made.apply(Plant(Site("S")), TAGS)
    assert made.statuses() == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_frames_and_results_of_loops_are_measurements_of_their_own_and_a_topic() -> None:
    directory = Directory()
    directory.apply(PLANT, TAGS)
    frame = Frame("a", T, (value := FrameValue(0.0, T, None), replace(value, value=None, sample_us=None, reason="late")))
    event = of_frame(ALIGNMENT, frame)
    episode = of_episode(ControlLoop("oven", "Oven", "d0.x", "d1.x", machine="m 1"), EPISODE)
    (aligned, result), refused = Encoder(directory).lines(Parcel(1, events=(event, episode)))
    assert not refused
    assert aligned.data.decode() == f'aligned,alignment=a,site=S d0.x=0.0,complete=false,missing="d1.x: late" {T}'
    head, fields, time = result.data.decode().replace(r"m\ 1", "m_1").split(" ")
    assert head == "loop_episode,loop=oven,machine=m_1,site=S"
    assert {"iae=12.5", "overshoot=0.0", "steady_error=-0.25", "rule_version=1i"} <= set(fields.split(","))
    assert not any(field.startswith(("settling_s", "itse")) for field in fields.split(","))  # not known is absent, not 0
    assert int(time) == EPISODE.from_us
    (message, _), _ = messages_of(Parcel(1, events=(event, episode)), directory)
    assert (message.device, message.event is not None and message.event.kind) == ("a", ALIGNED)
    assert b'"values":{"d0.x":0.0,"d1.x":null},"missing":{"d1.x":"late"}' in as_json(message, "S")


async def test_a_loop_whose_tags_are_aligned_is_judged_on_the_grid() -> None:
    history = MemoryHistory()
    for tag, offset_ms in zip(TAGS[:2], (0, 30), strict=True):
        history.put(tag.id, [(T + n * S + offset_ms * MS, float(n), 0) for n in range(20)])
    loop = ControlLoop("l", "L", "d0.x", "d1.x")
    alignment = replace(ALIGNMENT, grid_ms=1000, series=tuple(replace(one, tolerance_ms=1500) for one in ALIGNMENT.series))
    clock = FakeClock(T + 20 * S)
    plain = ControlLoops(lambda: Plant(Site("S"), loops=(loop,)), lambda: TAGS, history, MemoryLoops(), clock)
    on_grid = ControlLoops(
        lambda: Plant(Site("S"), loops=(loop,), alignments=(alignment,)), lambda: TAGS, history, MemoryLoops(), clock
    )
    before, after = await plain.report("l", T + 5 * S, T + 10 * S), await on_grid.report("l", T + 5 * S, T + 10 * S)
    assert [row[0] % S for row in before.trace] == [30 * MS] * 5  # at the samples of y
    assert [row[0] % S for row in after.trace] == [0] * 5
    assert [row[2] for row in after.trace] == pytest.approx([n - 0.03 for n in range(5, 10)])
    assert [row[1] for row in after.trace] == [5.0, 6.0, 7.0, 8.0, 9.0]
