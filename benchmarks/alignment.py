"""From the grid time to the frame: 20 sources of 10 Hz on a grid of 100 ms, through the runner that the product has on its bus.

    python -m benchmarks.alignment [seconds]

Each source has a phase of its own and takes 0 to 20 ms to arrive; first all of them speak, then one is silent, so that every frame
waits for its deadline. Goal: p99 of the delay at most the tolerance (100 ms, the deadline too) and 20 ms.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

from analysis.alignment.runner import Alignments
from domain.alignment import AlignedSeries, Alignment, AlignMode, Frame
from domain.plant import Plant, Site, Tag
from domain.quantity import Quantity
from domain.sample import Batch, TagId
from runtime.clock import SystemClock

SOURCES, PERIOD_US, TOLERANCE_MS, ARRIVAL_S = 20, 100_000, 100, 0.02
TAGS = tuple(Tag(TagId(n + 1), f"s{n}.x", f"s{n}", "x", Quantity.VOLTAGE, "V") for n in range(SOURCES))


def plant(mode: AlignMode) -> Plant:
    series = tuple(AlignedSeries(tag.name, mode, TOLERANCE_MS) for tag in TAGS)
    return Plant(Site("S"), alignments=(Alignment("a", "A", PERIOD_US // 1000, TOLERANCE_MS, series),))


async def source(tag: Tag, made: Alignments, clock: SystemClock, chance: random.Random) -> None:
    ids, at_us = (tag.id,), clock.now_us() // PERIOD_US * PERIOD_US + chance.randrange(PERIOD_US)
    while True:
        at_us += PERIOD_US
        await asyncio.sleep(max(0.0, (at_us - clock.now_us()) / 1e6) + chance.uniform(0.0, ARRIVAL_S))
        made.on_batch(Batch(tag.device_id, at_us, ids, [230.0], [0]))


async def bare(clock: SystemClock, delays_ms: list[float]) -> None:
    """What a timer of the same machine in the same run makes of the same deadlines."""
    at_us = clock.now_us() // PERIOD_US * PERIOD_US
    while True:
        at_us += PERIOD_US
        await asyncio.sleep((at_us + TOLERANCE_MS * 1000 - clock.now_us()) / 1e6)
        delays_ms.append((clock.now_us() - at_us) / 1e3)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


async def measure(mode: AlignMode, seconds: float, speaking: int) -> str:
    clock, chance = SystemClock(), random.Random(7)
    made = Alignments(clock)
    delays_ms: list[float] = []
    frames: list[Frame] = []

    def take(_alignment: Alignment, frame: Frame) -> None:
        delays_ms.append((clock.now_us() - frame.time_us) / 1e3)
        frames.append(frame)

    made.on_frame(take)
    made.apply(plant(mode), TAGS)
    bare_ms: list[float] = []
    tasks = [asyncio.create_task(made.run()), asyncio.create_task(bare(clock, bare_ms))]
    tasks += [asyncio.create_task(source(tag, made, clock, chance)) for tag in TAGS[:speaking]]
    await asyncio.sleep(1.0)  # the first samples
    delays_ms.clear()
    bare_ms.clear()
    frames.clear()
    cpu = time.process_time()
    await asyncio.sleep(seconds)
    used = (time.process_time() - cpu) / seconds
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ordered, p99 = sorted(delays_ms), quantile(delays_ms, 0.99)
    filled = sum(value.reason is None for frame in frames for value in frame.values) / (len(frames) * speaking)
    verdict = "met" if p99 <= TOLERANCE_MS + 20 else "not met"
    return (
        f"{mode.value}, {speaking} of {SOURCES} speak: {len(frames)} frames, delay p50 {ordered[len(ordered) // 2]:.1f} ms, "
        f"p99 {p99:.1f} ms, longest {ordered[-1]:.1f} ms ({verdict}); {filled:.1%} of their values, {used:.1%} of a core; "
        f"a bare timer for the deadlines: p50 {quantile(bare_ms, 0.5):.1f} ms, p99 {quantile(bare_ms, 0.99):.1f} ms"
    )


async def run(seconds: float) -> None:
    for mode in (AlignMode.HOLD, AlignMode.NEAREST):
        for speaking in (SOURCES, SOURCES - 1):
            print(await measure(mode, seconds, speaking))


if __name__ == "__main__":
    asyncio.run(run(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
